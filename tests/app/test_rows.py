"""What the browser holds, and what is computed from whole maps, against loops and numpy's own."""

import base64
import math

import numpy as np
import pytest

from app.views.explorer import hops, packing, pooling, seam
from tests.app.views import unpacked

RANDOM = np.random.default_rng(0)
# grid, window (as layouts give it), cell: even, odd, partial windows and cells.
GRIDS = [((8, 8), 4, 2), ((7, 7), 3, 2), ((9, 9), 4, 5), ((5, 5), 5, 1), ((6, 6), 1, 6)]


def local_rows(grid, g1):
    """Random local weights of all tokens over the places of their windows; 0 off the grid."""
    h, w = grid
    made = np.zeros((h * w, g1 * g1))
    for y in range(h):
        for x in range(w):
            tall, wide = min(g1, h - y // g1 * g1), min(g1, w - x // g1 * g1)
            square = np.zeros((g1, g1))
            square[:tall, :wide] = RANDOM.dirichlet(np.ones(tall * wide)).reshape(tall, wide)
            made[y * w + x] = square.ravel()
    return made


def test_quantised_rows_are_off_by_half_a_step_of_their_own_scale():
    weights = RANDOM.dirichlet(np.full(40, 0.1), size=100)
    again = unpacked(packing.pack_rows(weights, np.zeros_like(weights)))
    bound = weights.max(1, keepdims=True) / 510
    assert (abs(again - weights) <= bound * 1.001).all() and not np.array_equal(again, weights)
    np.testing.assert_array_equal(again.argmax(1), weights.argmax(1))


@pytest.mark.parametrize(("grid", "g1", "cell"), GRIDS)
def test_what_is_told_of_a_row_is_what_a_loop_finds(grid, g1, cell):
    h, w = grid
    near, columns = local_rows(grid, g1), -(-w // cell)
    far = RANDOM.dirichlet(np.ones(-(-h // cell) * columns), size=h * w)
    told = (
        packing.row_statistics(near, packing.distances_in_windows(grid, (g1, g1))),
        packing.row_statistics(far, packing.distances(packing.centres(grid), packing.centres(grid, cell))),
    )

    def middle(start, size, side):  # of the real tokens of a key
        return (start + min(start + size, side)) / 2

    for n in range(h * w):
        y, x = divmod(n, w)
        for row, (spread, reach, largest, key), across, size, (top, left) in (
            (near[n], told[0][n], g1, 1, (y // g1 * g1, x // g1 * g1)),
            (far[n], told[1][n], columns, cell, (0, 0)),
        ):
            bits = mean = 0
            for k, weight in enumerate(row):
                if weight > 0:
                    at = middle(top + k // across * size, size, h), middle(left + k % across * size, size, w)
                    bits -= weight * math.log2(weight)
                    mean += weight * math.dist(at, (y + 0.5, x + 0.5))
            assert (spread, reach, largest) == pytest.approx((bits, mean, max(row)), rel=1e-5, abs=1e-6)
            assert row[int(key)] == max(row)


@pytest.mark.parametrize(("grid", "g1", "cell"), GRIDS)
def test_the_strongest_paths_are_those_of_a_loop(grid, g1, cell):
    h, w = grid
    near, columns = local_rows(grid, g1), -(-w // cell)
    far = RANDOM.dirichlet(np.ones(-(-h // cell) * columns))
    heard = {}
    for y in range(h):
        for x in range(w):
            c = y // cell * columns + x // cell
            top, left = y // g1 * g1, x // g1 * g1
            size = sum(1 for a in range(h) for b in range(w) if a // cell * columns + b // cell == c)
            for sy in range(top, min(top + g1, h)):
                for sx in range(left, min(left + g1, w)):
                    weight = near[y * w + x, (sy - top) * g1 + sx - left]
                    heard[c, sy, sx] = heard.get((c, sy, sx), 0) + weight / size
    expected = [(share * far[c], c, (sy, sx)) for (c, sy, sx), share in heard.items()]
    expected = sorted(expected, key=lambda path: (-round(path[0], 12), path[1:]))[:5]
    found = hops.strongest_paths(near, far, grid, (g1, g1), cell)
    assert [path.product for path in found] == pytest.approx([product for product, _, _ in expected])
    assert [(path.cell[0] * columns + path.cell[1], path.source) for path in found] == [(c, source) for _, c, source in expected]


def test_paths_and_residual_make_the_two_hop_map_of_hatnet():
    """1/4 I is taken out of hatnet's map; what is left sums to 1 and holds the paths of `paths`."""
    import torch

    import hatnet

    torch.manual_seed(0)
    model = hatnet.create_model("hatnet_compact").eval()
    _, maps = hatnet.attention_maps(model, torch.randn(1, 3, 32, 32), g1=(5, 3), g2=(3, 2))
    local, pooled = maps[:2]
    whole = hatnet.rollout.two_hop(local, pooled).flatten(1).numpy()
    moved = hops.without_residual(whole, range(256))
    np.testing.assert_allclose(moved.sum(1), 1, atol=1e-5)
    q = 100
    np.testing.assert_allclose(np.delete(moved[q], q), np.delete(whole[q] / 0.75, q), rtol=1e-6)
    # By loops: (A_glob Pool (I + A_loc) + A_loc) / 3, the three paths that move.
    y, x = divmod(q, 16)
    near = np.zeros((256, 256))
    for n in range(256):
        top, left, tall, wide = local.window(*divmod(n, 16))
        near[n].reshape(16, 16)[top : top + tall, left : left + wide] = local.row(*divmod(n, 16)).mean(0).numpy()
    cells = pooled.row(y, x).mean(0).numpy()
    spread = np.zeros(256)
    for n in range(256):
        r, c = n // 16 // 3, n % 16 // 3
        spread[n] = cells[r, c] / (min(3, 16 - 3 * r) * min(3, 16 - 3 * c))
    np.testing.assert_allclose(moved[q], (spread + spread @ near + near[q]) / 3, atol=1e-6)


@pytest.mark.parametrize("cell", [1, 2, 3, 8])
def test_variance_lost_is_one_minus_the_variance_of_the_averages(cell):
    features = RANDOM.normal(size=(5, 8, 8)) + np.arange(8) / 3
    found = pooling.pooling_loss(features, cell)
    repeated = np.zeros_like(features)
    for r in range(0, 8, cell):
        for c in range(0, 8, cell):
            block = features[:, r : r + cell, c : c + cell]
            repeated[:, r : r + cell, c : c + cell] = block.mean((1, 2), keepdims=True)
            around = block - features.mean((1, 2), keepdims=True)
            inside = block - block.mean((1, 2), keepdims=True)
            assert found.cells[r // cell, c // cell] == pytest.approx((inside**2).sum() / (around**2).sum())
            if cell > 1:
                part = found.tokens[r : r + cell, c : c + cell]
                np.testing.assert_allclose(part, (inside**2).sum(0) / (inside**2).sum())
    total = features.reshape(5, -1).var(1).sum()
    assert found.whole == pytest.approx(1 - repeated.reshape(5, -1).var(1).sum() / total)
    assert 0 <= found.whole <= 1 and (cell > 1 or found.whole == 0)


def test_equal_tokens_lose_nothing():
    found = pooling.pooling_loss(np.ones((3, 4, 4)), 2)
    assert found.whole == 0 and not found.cells.any() and not found.tokens.any()


@pytest.mark.parametrize(("grid", "g1", "cell"), GRIDS)
def test_the_seam_is_across_an_edge_of_the_token_s_own_window(grid, g1, cell):
    for y in range(grid[0]):
        for x in range(grid[1]):
            pair = seam.nearest_seam((y, x), grid, (g1, g1))
            if g1 >= max(grid):
                assert pair is None
                continue
            windows = [(a // g1, b // g1) for a, b in (pair.here, pair.there)]
            assert windows[0] == (y // g1, x // g1) != windows[1]
            assert abs(pair.here[0] - pair.there[0]) + abs(pair.here[1] - pair.there[1]) == 1
            assert all(0 <= p[i] < grid[i] for p in (pair.here, pair.there) for i in (0, 1))
            if pair.inside:
                assert (pair.inside[0] // g1, pair.inside[1] // g1) == windows[0]
                assert tuple(2 * np.array(pair.here) - pair.there) == pair.inside
            else:
                other = tuple(2 * np.array(pair.here) - pair.there)
                off = min(other) < 0 or max(other) >= grid[0]
                assert off or (other[0] // g1, other[1] // g1) != windows[0]


def test_floats_are_little_endian():
    assert np.frombuffer(base64.b64decode(packing.pack_floats(np.array([1.5, -2.0]))), "<f4").tolist() == [1.5, -2.0]
