"""Accuracy against MACs: the edge, and what one would choose."""

import itertools

import pytest

from app.views.grids import accuracy, choice
from app.views.grids.choice import Measured
from tests.app.grids import FOUND


def settings(*pairs):
    """Measured settings from (macs, accuracy); the first is the trained one."""
    rows = [dict(stage=2 if i else None, g1=[i + 1, 4], g2=[1, 2], accuracy=value, macs=macs) for i, (macs, value) in enumerate(pairs)]
    return choice.settings_of({"rows": rows})


def values(found):
    return [(one.macs, one.accuracy) for one in found]


def test_nothing_beats_the_edge_and_it_beats_everything_else():
    for pairs in itertools.permutations([(5, 0.8), (3, 0.5), (4, 0.4), (6, 0.8), (7, 0.9), (3, 0.3)]):
        found = settings(*pairs)
        best = choice.edge(found)
        assert values(best) == [(3, 0.5), (5, 0.8), (7, 0.9)]
        for one in found:  # by the definition
            beaten = any(o.macs <= one.macs and o.accuracy >= one.accuracy and values([o]) != values([one]) for o in found)
            assert beaten != (one in best)


def test_the_cheapest_within_the_error_is_chosen():
    found = settings((10, 0.80), (4, 0.70), (6, 0.785), (8, 0.79))
    assert [choice.as_good(found, error).macs for error in (0.0, 0.011, 0.02, 0.11)] == [10, 8, 6, 4]


def test_a_setting_is_named_by_what_it_changes():
    names = [Measured(stage, (8, 7), (4, 2), 0.5, 1).name for stage in (None, 3, "all")]
    assert names == ["as trained", "stage 3, G₁ = 7 and G₂ = 2", "all stages, G₁ = 8, 7 and G₂ = 4, 2"]


def test_the_chart_draws_the_file():
    found = choice.settings_of(FOUND)
    drawn = choice.drawn(found, 2, ((4, 4), (2, 2)), ((8, 4), (2, 2)))
    right = {layer["name"] or layer["look"]: [100 - wrong for wrong in layer["y"]] for layer in drawn["layers"]}
    dots = {layer["name"] or layer["look"]: layer["x"] for layer in drawn["layers"]}
    dots = {name: sorted(zip(dots[name], right[name], strict=True)) for name in dots}
    assert (drawn["y"]["from"], drawn["y"]["to"]) == pytest.approx((55, 20 / 1.1)) and [50, "50"] in drawn["y"]["ticks"]
    assert dots["as trained"] == [(10_002_000, 80)] and dots["other stages"] == [(12_000_000, 50)]
    assert dots["stage 2"] == [(10_000_000, 75), (10_006_000, 70), (10_014_000, 66)]
    assert dots["query open"] == [(10_002_000, 80), (10_006_000, 70)]  # A and B
    assert len(drawn["stops"]["words"]) == 5
    assert drawn["stops"]["words"][0] == "Stage 2, G₁ = 4 and G₂ = 4: 75.0 % right, 10 million multiply-adds, on the edge"


@pytest.mark.parametrize("name", ["cifar10", "objects224"])
def test_the_shipped_files_have_their_edge(name):
    found = choice.settings_of(accuracy.read(name))
    best = choice.edge(found)
    assert best[0].macs == min(one.macs for one in found) and best[-1].accuracy == max(one.accuracy for one in found)
    assert choice.as_good(found, 0.02).macs < choice.trained(found).macs
