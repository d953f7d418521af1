"""What the browser holds of a map, against loops."""

import base64
import math

import numpy as np
import pytest

from app.views.explorer import packing
from tests.app.explorer import GRIDS, RANDOM, local_rows, unpacked


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


def test_floats_are_little_endian():
    assert np.frombuffer(base64.b64decode(packing.pack_floats(np.array([1.5, -2.0]))), "<f4").tolist() == [1.5, -2.0]


def test_spread_and_distance_are_those_of_a_row_that_sums_to_one():
    rows, distance = RANDOM.dirichlet(np.ones(9), size=4), RANDOM.random((4, 9))
    whole, part = packing.row_statistics(rows, distance), packing.row_statistics(0.75 * rows, distance)
    np.testing.assert_allclose(part[:, :2], whole[:, :2], rtol=1e-6)
    np.testing.assert_allclose(part[:, 2], 0.75 * whole[:, 2], rtol=1e-6)


@pytest.mark.parametrize(("grid", "g1", "cell"), GRIDS)
def test_a_token_s_own_window_is_that_of_a_loop(grid, g1, cell):
    h, w = grid
    tokens = [(y, x) for y in range(h) for x in range(w)]
    expected = [[(y // g1, x // g1) == (a // g1, b // g1) for a, b in tokens] for y, x in tokens]
    np.testing.assert_array_equal(packing.own_window(grid, (g1, g1)), expected)
    np.testing.assert_array_equal(packing.own_window(grid, (g1, g1), [h * w - 1]), expected[-1:])
