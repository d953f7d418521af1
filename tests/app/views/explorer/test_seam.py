"""The pair of neighbours at a window's edge."""

import numpy as np
import pytest

from app.views.explorer import seam
from tests.app.explorer import GRIDS


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
