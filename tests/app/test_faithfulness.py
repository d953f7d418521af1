"""The figures of Why? with hand-made numbers."""

import numpy as np
import pytest

from app.core import colours, overlay
from app.views.why import scores
from tutorials.figures import maps

PHOTO = np.full((64, 64, 3), 200, np.uint8)


def test_a_veil_is_lifted_by_shares_of_what_is_positive():
    values = np.array([[3.0, 1.0], [-5.0, 0.0]])
    figure = maps.uncovered(values, PHOTO, ring=(0.5, 0.5))
    assert figure.data[0].z == ([3, 1], [0, 0]) and (figure.data[0].zmin, figure.data[0].zmax) == (0, overlay.FULL)
    assert figure.layout.yaxis.range == (2, 0)
    veil = figure.data[0].colorscale
    assert veil[0][1].endswith("0.93)") and veil[-1][1].endswith(",0)")
    np.testing.assert_array_equal(overlay.times_even(-values * (values > 0)), 0)  # nothing speaks for the class: all dark
    assert "row 1, column 1, with 3.0 times an even share; 25% of the squares" in overlay.uncovered_alt("x", values)


def test_scores_and_chance_of_hand_made_curves():
    assert scores.score(np.array([0, 1, 1])) == 0.75
    random = scores.chance(np.array([[v, v] for v in np.linspace(0, 1, 11)]))
    assert (random.low, random.median, random.high) == pytest.approx((0.1, 0.5, 0.9))
    said = [scores.against_chance(value, random) for value in (0.05, 0.5, 0.95)]
    assert said == ["worse than chance", "no better than chance", "better than chance"]
    assert scores.against_chance(0.05, random, higher_is_better=False) == "better than chance"


def test_the_meter_draws_what_it_is_given_in_per_cent():
    curve, raw, nothing = (np.array(values) for values in ([0, 0.5, 1], [0, 0.2, 0.4], [0.1, 0.1, 0.1]))
    random = np.array([[0, 0.1, 0.2], [0, 0.3, 0.6], [0, 0.2, 0.4]])
    figure = scores.chart("put back", ("Occlusion", curve), raw, random, nothing, colours.DARK, 0.8)
    by_name = {trace.name: trace for trace in figure.data}
    assert by_name["Occlusion"].y == (0, 50, 100) and by_name["Occlusion"].x == (0, 50, 100)
    assert by_name["Random maps, median"].y == pytest.approx((0, 20, 40)) and by_name["Raw attention"].y == pytest.approx((0, 20, 40))
    assert by_name["Raw attention"].line.color == colours.DARK.global_ and figure.layout.yaxis.range == (0, 80)
    once = scores.chart("removed", ("Raw attention", raw), raw, random, nothing, colours.DARK, 1)
    assert [trace.name for trace in once.data].count("Raw attention") == 1
    assert "Occlusion 50%, raw attention 20%, random maps 20%" in scores.alt("removed", ("Occlusion", curve), raw, random)
