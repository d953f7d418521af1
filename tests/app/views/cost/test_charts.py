"""Charts of Cost: what they draw is what the formulas and measurements say."""

import dataclasses
import itertools

import numpy as np
import pytest

from app.views.cost import charts, costs
from app.views.cost.costs import LayerCost
from hatnet import complexity
from hatnet.timing import MECHANISMS, Measured

LAYER = LayerCost(index=0, hierarchical=True, n=16, c=48, chosen=(4, 2), trained=(4, 4), head_dim=24, own=True)


def layers(drawn):
    """The named layers of a chart, by name."""
    return {layer["name"]: layer for layer in drawn["layers"] if layer["name"]}


def test_the_curves_are_the_formulas_and_the_crossover_is_marked():
    drawn = charts.over_tokens("Multiply-adds", LAYER, {})
    found = layers(drawn)
    assert found["plain, Eq. 5"]["x"] == [side**2 for side in costs.SIDES]
    np.testing.assert_allclose(found["plain, Eq. 5"]["y"], complexity.mhsa(costs.SIDES, costs.SIDES, 48), rtol=1e-3)
    assert [label["text"] for label in drawn["labels"]] == ["÷ 1.7", "cheaper from 69 tokens on"]
    assert drawn["x"]["log"] and drawn["y"]["log"]
    at = list(costs.SIDES).index(16)
    assert drawn["stops"]["words"][at].startswith("16 × 16 = 256 tokens: hierarchical 4.62 million, plain 8.06 million, Swin ")
    assert "plain 8.06 million, hierarchical 4.62 million" in drawn["alt"]


def test_a_map_larger_than_the_curves_lies_on_them():
    drawn = charts.over_tokens("Multiply-adds", dataclasses.replace(LAYER, n=256), {})
    plain = layers(drawn)["plain, Eq. 5"]
    assert plain["x"][-1] == 256**2 < drawn["x"]["to"] and plain["y"][-1] == pytest.approx(complexity.mhsa(256, 256, 48), rel=1e-3)


def test_measured_times_have_their_spread_and_the_formulas_beside_them():
    measured = {
        side: [Measured(name, side * scale, 0.5 * side, side * 1_000_000) for scale, name in enumerate(MECHANISMS, 1)] for side in (8, 16)
    }
    drawn = charts.over_tokens("Time", LAYER, measured)
    plain = [layer for layer in drawn["layers"] if layer["look"].startswith("muted")]
    thin, spread, line, dots = plain
    assert [thin["look"], spread["kind"], line["kind"], dots["kind"]] == ["muted thin", "bars", "line", "dots"]
    assert line["x"] == [64, 256] and line["y"] == [16, 32] and thin["y"][-1] == 32  # scaled to match on the largest map
    assert (spread["low"], spread["y"]) == ([14, 28], [18, 36])
    assert charts.over_tokens("Memory", LAYER, measured)["layers"][1]["y"] == [8, 16]


def test_the_terms_are_stacked_and_the_cheapest_g_is_marked():
    drawn = charts.along_diagonal(LAYER)
    areas = [layer for layer in drawn["layers"] if layer["kind"] == "area"]
    assert [area["name"] for area in areas] == list(LAYER.terms) and areas[0]["low"] == [0] * len(areas[0]["x"])
    for below, above in itertools.pairwise(areas):
        assert below["y"] == above["low"]
    at = areas[0]["x"].index(4)
    assert areas[-1]["y"][at] == pytest.approx(complexity.hmhsa(16, 16, 48, 4, 4), rel=1e-3)
    assert [label["text"] for label in drawn["labels"]] == ["cheapest: about 4.2", "trained: 4"]
    assert drawn["stops"]["words"][at].startswith("G = 4: 4.61 million multiply-adds.".replace("4.61", f"{areas[-1]['y'][at] / 1e6:.3g}"))


def test_every_setting_has_its_square_and_the_cheapest_is_the_palest():
    drawn = charts.over_settings(LAYER)
    squares = drawn["layers"][0]
    table = costs.every_setting(16, 48)
    at = squares["level"].index(min(squares["level"]))
    assert (squares["y"][at], squares["x"][at]) == (1, 16) and len(squares["x"]) == 256 == len(drawn["stops"]["words"])
    order = np.argsort(table.ravel())
    assert np.all(np.diff(np.array(squares["level"])[order]) >= 0)
    marks = {name: (layer["y"][0], layer["x"][0]) for name, layer in layers(drawn).items()}
    assert marks["Eq. 15 alone"] == (1, 16) and marks["trained"] == (4, 4) and marks["now"] == (4, 2)
    assert drawn["stops"]["across"] == 16 and drawn["stops"]["words"][16 * 3 + 1] == "G₁ = 4, G₂ = 2: 4.62 million multiply-adds"


@pytest.mark.parametrize("n", [2, 4, 224])
def test_a_small_and_a_large_map_have_their_charts(n):
    layer = dataclasses.replace(LAYER, n=n)
    for drawn in (charts.over_tokens("Multiply-adds", layer, {}), charts.along_diagonal(layer), charts.over_settings(layer)):
        assert all(np.isfinite(values).all() for layer in drawn["layers"] for values in (layer["x"], layer["y"]))
        assert drawn["x"]["from"] < drawn["x"]["to"] and drawn["y"]["from"] < drawn["y"]["to"]
