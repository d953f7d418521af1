"""What the charts of both tests draw and say, with hand-made numbers."""

import numpy as np
import pytest

from app.views.why.charts import drawn

CURVE, RAW, UNTRAINED = (np.array(values) for values in ([0, 0.5, 1], [0, 0.25, 0.5], [0.1, 0.1, 0.1]))
# Eleven random maps: percentiles 10, 50 and 90 are the second, the sixth and the tenth.
RANDOM = np.outer(np.arange(11), [0, 0.01, 0.02])


def test_a_chart_draws_what_it_is_given():
    made = drawn("put back", "cat", ("Occlusion", CURVE), RAW, RANDOM, UNTRAINED)
    layers = {layer["name"]: layer for layer in made["layers"]}
    assert all(layer["x"] == [0, 0.5, 1] for layer in layers.values())
    assert layers["Occlusion"]["y"] == [0, 0.5, 1] and layers["Raw attention"]["y"] == [0, 0.25, 0.5]
    assert layers["Occlusion, untrained model"]["y"] == [0.1, 0.1, 0.1]
    assert layers["Random maps, median"]["y"] == pytest.approx([0, 0.05, 0.1])
    band = layers["Random maps, 10 to 90 %"]
    assert band["kind"] == "area" and band["low"] == pytest.approx([0, 0.01, 0.02]) and band["y"] == pytest.approx([0, 0.09, 0.18])
    assert [made["layers"][i]["name"] for i in (0, -1)] == [band["name"], "Occlusion"]  # from back to front
    assert len({(layer["kind"], layer["look"]) for layer in layers.values()}) == 5  # the legend tells all of them apart


@pytest.mark.parametrize("test", ["put back", "removed"])
def test_the_axes_are_whole_whatever_the_curves(test):
    made = drawn(test, "cat", ("Occlusion", CURVE / 100), RAW / 100, RANDOM / 100, UNTRAINED / 100)
    assert made["x"]["title"] == f"squares {test}, %" and made["y"]["title"] == "probability of “cat”"
    for axis, unit in ((made["x"], ""), (made["y"], " %")):
        assert (axis["from"], axis["to"], axis["log"]) == (0, 1, False)
        assert axis["ticks"] == [[number / 100, f"{number}{unit}"] for number in (0, 25, 50, 75, 100)]


def test_each_step_is_read_in_words():
    stops = drawn("removed", "cat", ("Occlusion", CURVE), RAW, RANDOM, UNTRAINED)["stops"]
    assert stops["x"] == [0, 0.5, 1] and stops["y"] is None
    assert (
        stops["words"][1] == "50 % removed: Occlusion 50 %, Raw attention 25 %, Occlusion, untrained model 10 %; random maps 1.0 % to 9.0 %"
    )
    assert stops["words"][2].startswith("100 % removed: Occlusion 100 %, Raw attention 50 %")


def test_the_shares_of_16_steps_are_rounded_as_one_rounds_by_hand():
    flat = np.zeros(17)
    words = drawn("removed", "cat", ("Occlusion", flat), flat, np.zeros((2, 17)), flat)["stops"]["words"]
    shares = [0, 6, 13, 19, 25, 31, 38, 44, 50, 56, 63, 69, 75, 81, 88, 94, 100]
    assert [said.split(" ")[0] for said in words] == [str(share) for share in shares]


def test_raw_attention_alone_is_drawn_and_told_once():
    made = drawn("removed", "cat", ("Raw attention", RAW), RAW, RANDOM, UNTRAINED)
    assert [layer["name"] for layer in made["layers"]].count("Raw attention") == 1
    assert all(said.count("Raw attention") == 1 for said in made["stops"]["words"])
    assert made["alt"].count("Raw attention") == 2  # half way, and its score
