"""Cost in words: the headline, the bars, a token's own bill, the clock."""

import dataclasses
import re

import numpy as np
import pytest

from app.core import checkpoints, inference
from app.views.cost import text as cost_text
from app.views.cost.costs import LayerCost
from hatnet.timing import Measured
from tests.app.pages import plain


def test_the_headline():
    assert cost_text.headline(130, 10) == "Hierarchical attention costs 1/13 of plain attention here"
    assert cost_text.headline(100, 57) == "Hierarchical attention costs 57 % of plain attention here"
    assert "as much" in cost_text.headline(10, 11)


def test_the_token_s_own_bill():
    near, far = np.array([[0.96, 0.04]]), np.array([[0.9, 0.05], [0.05, 0]])
    said = plain(cost_text.one_token(near, far, 64, (0, 3)))
    assert "the 2 tokens of its window and 4 cells: 6 comparisons instead of 64. Nine tenths of its attention goes to 2 of them" in said
    assert "6 comparisons instead of 4: not fewer" in plain(cost_text.one_token(near, far, 4, (0, 1)))


# 16 x 16 tokens, C = 48, G1 = 4, G2 = 2: by hand, in units of 256 * 48 = 12,288.
LAYER = LayerCost(index=0, hierarchical=True, n=16, c=48, chosen=(4, 2), trained=(4, 2), head_dim=24, own=True)
PLAIN = 12_288 * (3 * 48 + 2 * 256)
OURS = 12_288 * (3 * 48 + 2 * 16 + 48 + 2 * 48 / 4 + 2 * 256 / 4)


def test_the_first_picture_is_both_attentions_on_one_scale():
    said = cost_text.layer_bars(LAYER)
    parts = [12_288 * macs for macs in (144, 512, 144, 32, 72, 128)]  # projections and products: plain; local; global
    assert re.findall(r"width:([\d.]+)%", said) == [f"{100 * part / PLAIN:.2f}" for part in parts]
    assert sum(parts[2:]) == OURS == LAYER.hmhsa and sum(parts[:2]) == PLAIN == LAYER.mhsa
    assert "Plain attention: 8.06 million multiply-adds: projections: 1.77 million" in said


def test_why_fewer_comparisons_are_not_that_much_cheaper():
    said = plain(cost_text.why(LAYER))
    assert f"Why {round(100 * 80 / 256)} % of the comparisons cost {round(100 * OURS / PLAIN)} %" in said
    assert said.endswith("these projections (pale) are paid twice: 2.65 million instead of 1.77 million.")  # 216 and 144 units
    large = dataclasses.replace(LAYER, n=112, chosen=(8, 8))
    assert "Why 2.1 % of the comparisons" in plain(cost_text.why(large))  # (64 + 196) of 12,544
    coarse = dataclasses.replace(LAYER, n=256)  # (16 + 16,384) of 65,536, and projections of 216 in 144 + 131,072 units
    said = plain(cost_text.why(coarse))
    assert said.startswith("25 % of the comparisons cost 25 %: ") and "which makes little difference here" in said


def test_the_whole_model_in_bars():
    counted = inference.macs(checkpoints.describe("cifar10"), (4, 4), (2, 2))
    said = cost_text.stage_bars(counted)
    widths = [[float(width) for width in re.findall(r"width:([\d.]+)%", row)] for row in said.split('class="track"')[1:]]
    stages = [sum(row.macs for row in counted.rows if row.stage == stage) for stage in (1, 2, 3, 4, 0)]
    assert [sum(row) for row in widths] == pytest.approx([100 * macs / max(stages) for macs in stages], abs=0.05)


def times(**milliseconds):
    """Measurements as the job returns them; keys like n8_mhsa."""
    names = {"mhsa": "MHSA", "ours": "H-MHSA"}
    found = {}
    for key, value in milliseconds.items():
        side, name = key[1:].split("_")
        found.setdefault(int(side), []).append(Measured(names[name], value, 0.1, 1))
    return found


def test_the_clock_against_the_formulas_in_words():
    slow = times(n28_mhsa=1.0, n28_ours=1.1, n56_mhsa=9.3, n56_ours=3.0)
    said = plain(cost_text.timing(slow, (48, 4, 2, 24), 16))
    assert "Measured at 28 × 28 tokens: plain attention 1 ms, hierarchical 1.1 ms, 1.1 times slower; the formulas say" in said
    assert "Measured at 56 × 56 tokens: plain attention 9.3 ms, hierarchical 3 ms, 3.1 times faster; the formulas say" in said
    assert "it is faster from 56 × 56 tokens on" in said and "Small maps are ruled by overhead" in said
    by_hand = (3 * 48 + 2 * 784) / (4 * 48 + 2 * 16 + 2 / 4 * (48 + 784))  # Eqs. 5 and 15 at 28 x 28 tokens, over HWC
    assert f"1.1 times slower; the formulas say {by_hand:.1f} times faster" in said
    fast = plain(cost_text.timing(times(n8_mhsa=2.0, n8_ours=1.0), (48, 4, 2, 24), 100))
    assert fast.count("Measured at") == 1 and "2 times faster" in fast and "overhead" not in fast
    never = plain(cost_text.timing(times(n8_mhsa=1.0, n8_ours=1.001), (48, 4, 2, 24), 8))
    assert "equally fast" in never and "On none of these maps is it faster" in never
