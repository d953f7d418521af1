"""Two hops and rollout, where the attention is known by construction and the answer was worked out by hand."""

from dataclasses import replace

import pytest
import torch

import hatnet
from hatnet.geometry import layout_of
from hatnet.maps import AttentionMap
from hatnet.rollout import rollout, two_hop
from tests.hatnet.models import random_weights
from tests.hatnet.naive import picture


def record(kind, layout, weights, stage=2):
    heads = weights.shape[1]
    return AttentionMap(stage=stage, block=0, kind=kind, g1=2, g2=2, heads=heads, images=1, layout=layout, rows={}, weights=weights)


def test_two_hops_worked_out_by_hand():
    """4 x 4 tokens, G1 = G2 = 2. Locally every token attends to the first token of its window; globally to the last cell."""
    local = torch.zeros(4, 1, 4, 4)
    local[..., 0] = 1
    glob = torch.zeros(1, 1, 16, 4)
    glob[..., 3] = 1
    maps = record("local", layout_of("window", 4, 4, 2, 2), local), record("global", layout_of("pooled", 4, 4, 2, 2), glob)
    # From (0, 1). Pooled half: the last cell's four tokens, 1/8 each, of which half stays and half moves on to (2, 2).
    # Direct half: 1/4 stays at (0, 1), 1/4 moves to (0, 0).
    wanted = torch.zeros(4, 4)
    wanted[2:, 2:] = 1 / 16
    wanted[2, 2] += 1 / 4
    wanted[0, 1] = wanted[0, 0] = 1 / 4
    torch.testing.assert_close(two_hop(*maps, tokens=[(0, 1)])[0], wanted)
    torch.testing.assert_close(two_hop(*maps)[1], wanted)


def test_a_partial_cell_is_spread_over_its_real_tokens():
    """3 x 3 tokens: the last cell of 2 x 2 holds one token only."""
    local = torch.eye(4).repeat(4, 1, 1, 1)  # every token attends to itself
    glob = torch.zeros(1, 1, 9, 4)
    glob[0, 0, :, 3] = 0.5
    glob[0, 0, :, 1] = 0.5
    maps = record("local", layout_of("window", 3, 3, 2, 2), local), record("global", layout_of("pooled", 3, 3, 2, 2), glob)
    wanted = torch.tensor([[0.5, 0, 0.125], [0, 0, 0.125], [0, 0, 0.25]])
    torch.testing.assert_close(two_hop(*maps, tokens=[(0, 0)])[0], wanted)


@pytest.mark.parametrize("grids", [{}, {"g1": (5, 3), "g2": (3, 2)}])
def test_rows_sum_to_one_and_equal_the_matrix_formula(grids):
    model = random_weights(hatnet.create_model("hatnet_compact", 10))
    with torch.inference_mode():
        _, maps = hatnet.attention_maps(model, picture(0, 33, 41), **grids)
    local, glob = maps[:2]
    (h, w), (ph, pw) = local.query_grid, glob.key_grid
    a_loc, a_glob, spread = torch.zeros(h * w, h, w), torch.zeros(h * w, ph * pw), torch.zeros(ph * pw, h, w)
    for y in range(h):
        for x in range(w):
            top, left, height, width = local.window(y, x)
            a_loc[y * w + x, top : top + height, left : left + width] = local.row(y, x).mean(0)
            a_glob[y * w + x] = glob.row(y, x).mean(0).flatten()
    for cy in range(ph):
        for cx in range(pw):
            cell = spread[cy * pw + cx, cy * glob.g2 : (cy + 1) * glob.g2, cx * glob.g2 : (cx + 1) * glob.g2]
            cell[:] = 1 / cell.numel()
    once = (torch.eye(h * w) + a_loc.flatten(1)) / 2
    wanted = (a_glob @ spread.flatten(1) @ once + once) / 2
    found = two_hop(local, glob)
    torch.testing.assert_close(found.flatten(1), wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.sum((1, 2)), torch.ones(h * w), atol=1e-5, rtol=0)


@pytest.mark.parametrize("attention", hatnet.mechanisms.MECHANISMS)
def test_rollout_sums_to_one_for_every_mechanism(attention):
    model = random_weights(hatnet.create_model("hatnet_compact", 10, attention=attention))
    with torch.inference_mode():
        _, maps = hatnet.attention_maps(model, picture(0, 47, 64))
    for place in (None, (0.1, 0.9)):
        image = rollout(maps, place)
        assert image.shape == maps[0].query_grid and image.min() >= 0
        assert image.sum().item() == pytest.approx(1, abs=1e-5)
    assert not torch.allclose(rollout(maps, (0.1, 0.9)), rollout(maps, (0.9, 0.1)), atol=1e-6)


@pytest.mark.parametrize("before, after", [((4, 4), (2, 2)), ((5, 3), (3, 2))])
def test_downsampling_worked_out_by_hand(before, after):
    """Every token attends to itself alone, so that only the downsampling spreads: over the 3 x 3 tokens around (2y, 2x)."""

    def selfish(grid, stage):
        n = grid[0] * grid[1]
        plain = record("global", layout_of("full", *grid, 2, 2), torch.eye(n)[None, None], stage)
        return replace(plain, g1=None, g2=None)

    maps = [selfish(before, 2), selfish(after, 3)]
    for y in range(after[0]):
        for x in range(after[1]):
            wanted = torch.zeros(before)
            wanted[max(2 * y - 1, 0) : 2 * y + 2, max(2 * x - 1, 0) : 2 * x + 2] = 1
            found = rollout(maps, ((y + 0.5) / after[0], (x + 0.5) / after[1]))
            torch.testing.assert_close(found, wanted / wanted.sum())


def test_wrong_use():
    model = random_weights(hatnet.create_model("hatnet_compact", 10))
    _, maps = hatnet.attention_maps(model, picture(0, 32))
    with pytest.raises(ValueError, match="one block, in this order"):
        two_hop(maps[1], maps[0])
    with pytest.raises(ValueError, match="one block"):
        two_hop(maps[0], maps[3])
    with pytest.raises(ValueError, match="off the grid"):
        two_hop(maps[0], maps[1], tokens=[(16, 0)])
    _, asked = hatnet.attention_maps(model, picture(0, 32), queries=[(0.5, 0.5)])
    for call in (lambda: two_hop(asked[0], asked[1]), lambda: rollout(asked)):
        with pytest.raises(ValueError, match="without queries"):
            call()


def test_a_part_of_the_maps_is_not_taken_for_all():
    """A local map alone would pass for plain attention; a missing block or stage would be skipped."""
    model = random_weights(hatnet.create_model("hatnet_compact", 10, depths=(1, 3, 1)))
    _, maps = hatnet.attention_maps(model, picture(0, 32))
    names = [(record.stage, record.block, record.kind) for record in maps]
    for left_out in ((2, 0, "local"), (2, 0, "global"), (3, 1, "global")):
        part = [record for record, name in zip(maps, names, strict=True) if name != left_out]
        with pytest.raises(ValueError, match=r"the maps are stage 2, block 0, .*; wanted those of every block, local then global"):
            rollout(part)
    for part in ([r for r in maps if r.block != 1], [r for r in maps if r.stage != 3], maps[::-1]):
        with pytest.raises(ValueError, match="wanted those of every block"):
            rollout(part)
    with pytest.raises(ValueError, match="the maps are none"):
        rollout([])
    assert rollout(maps[:4]).sum() == pytest.approx(1), "the first blocks alone are whole"
