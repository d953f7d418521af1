"""The figures of Why? with hand-made numbers."""

import numpy as np
import pytest

from app.core import colours
from app.views.why import scores


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
