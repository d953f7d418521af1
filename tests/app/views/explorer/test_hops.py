"""The part of two hops that moves, and the strongest paths, against loops."""

import numpy as np
import pytest

from app.views.explorer import hops
from tests.app.explorer import GRIDS, RANDOM, local_rows


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
