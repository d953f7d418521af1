"""Two hops: what stays, what is read, by which paths, and what would be left if the cells averaged X; against loops."""

import base64

import numpy as np
import pytest

from app.core import hops
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
    assert [path.share for path in found] == pytest.approx([product / 4 for product, _, _ in expected])
    assert [(path.cell[0] * columns + path.cell[1], path.source) for path in found] == [(c, source) for _, c, source in expected]


def test_paths_and_residual_make_the_two_hop_map_of_hatnet():
    """1/4 I is taken out of hatnet's map, and nothing is scaled; what is left sums to 3/4 and holds the paths of `strongest_paths`."""
    import torch

    import hatnet

    torch.manual_seed(0)
    model = hatnet.create_model("hatnet_compact").eval()
    _, maps = hatnet.attention_maps(model, torch.randn(1, 3, 32, 32), g1=(5, 3), g2=(3, 2))
    local, pooled = maps[:2]
    whole = hatnet.rollout.two_hop(local, pooled).flatten(1).numpy()
    read = hops.without_residual(whole, range(256))
    np.testing.assert_allclose(read.sum(1), 0.75, atol=1e-5)
    q = 100
    np.testing.assert_allclose(np.delete(read[q], q), np.delete(whole[q], q), rtol=1e-6)
    # By loops: (A_glob Pool (I + A_loc) + A_loc) / 4, the three paths that are read.
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
    np.testing.assert_allclose(read[q], (spread + spread @ near + near[q]) / 4, atol=1e-6)
    # Cells of X: their tokens have read nothing, so A_glob Pool stands alone and has the whole half.
    window = local.window(y, x)
    one = hops.one_hop(local.row(y, x).mean(0).numpy(), cells, (y, x), window, 3, (16, 16))
    np.testing.assert_allclose(hops.without_residual(one.reshape(1, -1), [q])[0], (2 * spread + near[q]) / 4, atol=1e-6)
    assert one.sum() == pytest.approx(1, abs=1e-5)


def test_windows_of_one_token_make_two_hops_one():
    """The library's two hops, where local attention reads the token itself alone, are the map over cells of X."""
    import torch

    import hatnet

    torch.manual_seed(0)
    _, maps = hatnet.attention_maps(hatnet.create_model("hatnet_compact").eval(), torch.randn(1, 3, 32, 32), g1=(1, 3), g2=(3, 2))
    local, pooled = maps[:2]
    one = hops.one_hop(np.ones((1, 1)), pooled.row(6, 4).mean(0).numpy(), (6, 4), (6, 4, 1, 1), 3, (16, 16))
    np.testing.assert_allclose(one, hatnet.rollout.two_hop(local, pooled, [(6, 4)])[0].numpy(), atol=1e-6)


def test_the_shares_are_of_the_whole_output():
    whole = np.array([[0.3, 0.2, 0.1], [0.1, 0.1, 0.2]])  # of the token top left, whose window is the first two columns
    assert hops.shares(whole, (0, 0, 2, 2)) == pytest.approx((0.25, 0.45, 0.3))


def test_frames_begin_with_a_source_outside_the_window_and_share_one_scale():
    whole, one = np.full((4, 4), 0.02), np.full((4, 4), 0.01)
    whole[0, 0], one[0, 0], whole[3, 3] = 0.3, 0.27, 0.04
    paths = [hops.Path((0, 1), (0, 0), 0.5, 0.4), hops.Path((3, 3), (1, 1), 0.4, 0.4)]
    found = hops.frames(whole, one, (0, 0), (0, 0, 2, 2), paths)
    assert found["shown"] == 1 and hops.frames(whole, one, (0, 0), (0, 0, 4, 4), paths)["shown"] == 0
    assert hops.frames(one, one, (0, 0), (0, 0, 2, 2), [])["shown"] is None
    assert [(path["two"], path["one"]) for path in found["paths"]] == [(0.02, 0.01), (0.04, 0.01)]
    assert [path["share"] for path in found["paths"]] == pytest.approx([0.05, 0.04])
    two, without = (np.frombuffer(base64.b64decode(each), np.uint8).reshape(4, 4) for each in found["maps"])
    bright = two[1, 1] / 0.02**0.5
    np.testing.assert_allclose([two[1, 1], without[1, 1], without[0, 0]], np.sqrt([0.02, 0.01, 0.02]) * bright, atol=1)
