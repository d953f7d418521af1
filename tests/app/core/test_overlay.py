"""Where windows and cells lie on a picture, and how an enlarged window finds room beside its own place."""

import numpy as np
import pytest

from app.core import overlay

GRID = (16, 16)


@pytest.mark.parametrize("g1", range(1, 17))
def test_no_enlargement_covers_its_window_or_leaves_the_picture(g1):
    for top in range(0, 16, g1):
        for left in range(0, 16, g1):
            window = (top, left, min(g1, 16 - top), min(g1, 16 - left))
            box = overlay.enlarged_box(window, GRID)
            if box:
                apart = box[0] >= top + window[2] or box[0] + box[2] <= top or box[1] >= left + window[3] or box[1] + box[3] <= left
                assert apart and min(box[:2]) >= 0 and box[0] + box[2] <= 16 and box[1] + box[3] <= 16


def test_cells_are_spread_over_their_tokens():
    weights = np.array([[0.4, 0.3], [0.2, 0.1]])
    spread = overlay.over_tokens(weights, 2, (3, 3))
    np.testing.assert_allclose(spread, [[0.1, 0.1, 0.15], [0.1, 0.1, 0.15], [0.1, 0.1, 0.1]])
    np.testing.assert_allclose(overlay.in_window(weights, (1, 0, 2, 2), (3, 3)), [[0, 0, 0], [0.4, 0.3, 0], [0.2, 0.1, 0]])


def test_a_veil_counts_only_what_is_positive_against_an_even_share():
    values = np.array([[3.0, 1.0], [-5.0, 0.0]])
    np.testing.assert_array_equal(overlay.times_even(values), [[3, 1], [0, 0]])
    np.testing.assert_array_equal(overlay.times_even(-values * (values > 0)), 0)  # nothing speaks for the class: all dark
    assert "row 1, column 1, with 3.0 times an even share; 25% of the squares" in overlay.uncovered_alt("x", values)


def test_a_cell_cut_off_by_the_edge_has_the_tokens_that_are_left():
    assert overlay.cell_box((3, 2), 5, GRID) == (15, 10, 1, 5)


def test_a_close_up_is_a_square_of_the_map_that_holds_its_windows_and_what_is_around_them():
    assert overlay.close_up([(16, 8, 8, 8), (16, 0, 16, 16)], (56, 56)) == (15, 0, 18, 18), "moved into the map at its left edge"
    assert overlay.close_up([(48, 48, 8, 8)], (56, 56)) == (46, 46, 10, 10)
    assert overlay.close_up([(40, 10, 1, 1)], (56, 56)) == (39, 9, 3, 3)
    assert overlay.close_up([(21, 14, 7, 7)], (56, 60)) == (20, 13, 9, 9)
    assert overlay.close_up([(0, 0, 8, 8)], (16, 16)) is None, "the whole map shows it as well"
    for top in range(0, 56, 7):
        for left in range(0, 56, 7):
            y, x, side, _ = overlay.close_up([(top, left, 7, 7)], (56, 56))
            assert 0 <= y <= top and 0 <= x <= left and y + side >= top + 7 and x + side >= left + 7 and max(y, x) + side <= 56
