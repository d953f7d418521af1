"""Windows and cells against tokens counted one by one."""

from itertools import product

import pytest

import hatnet
from hatnet.geometry import cells, layout_of


def runs(size, side, shift):
    """The windows along one axis, as a person would draw them: lists of tokens, a shorter one before and after the whole ones."""
    drawn, at = [list(range(shift))] if shift else [], shift
    while at < size:
        drawn.append(list(range(at, min(at + side, size))))
        at += side
    return drawn


@pytest.mark.parametrize("kind", ["window", "shifted_window"])
@pytest.mark.parametrize("h, w, g1", [(8, 12, 4), (7, 9, 3), (7, 9, 4), (5, 13, 5), (3, 2, 8), (6, 6, 1)])
def test_windows_counted_one_by_one(kind, h, w, g1):
    layout = layout_of(kind, h, w, g1, 2)
    rows, columns = (runs(size, min(g1, size), g1 // 2 if kind == "shifted_window" and g1 < size else 0) for size in (h, w))
    assert layout.grid == (len(rows), len(columns)) and layout.keys == (min(g1, h), min(g1, w))
    held = {}
    for (down, ys), (across, xs) in product(enumerate(rows), enumerate(columns)):
        for token in product(ys, xs):
            window, place = layout.locate(token)
            assert window == down * len(columns) + across
            assert layout.rectangle(token) == (ys[0], xs[0], len(ys), len(xs))
            top, left, *size = layout.real(token)
            assert size == [len(ys), len(xs)]
            assert divmod(place, layout.j) == (top + token[0] - ys[0], left + token[1] - xs[0])
            held.setdefault((window, place), []).append(token)
    assert len(held) == h * w, "two tokens share a place"
    left, right, top, bottom = layout.overhang
    assert (h + top + bottom, w + left + right) == (len(rows) * layout.i, len(columns) * layout.j)


def test_the_whole_map_is_one_window_where_keys_are_pooled_or_all():
    for kind, keys in (("pooled", (3, 4)), ("full", (7, 10))):
        layout = layout_of(kind, 7, 10, 4, 3)
        assert (layout.grid, layout.keys, layout.overhang) == ((1, 1), keys, (0, 0, 0, 0))
        assert layout.locate((2, 3)) == (0, 23) and layout.rectangle((2, 3)) == (0, 0, 7, 10)
    assert [cells(n, 3) for n in range(1, 8)] == [1, 1, 1, 2, 2, 2, 3]


def test_an_unknown_layout_names_the_known_ones():
    with pytest.raises(ValueError, match="unknown layout 'windows'; the choices are window, shifted_window, pooled, full"):
        layout_of("windows", 4, 4, 2, 2)


def test_places_and_tokens():
    assert hatnet.token_at((0, 0), (3, 5)) == (0, 0)
    assert hatnet.token_at((1, 1), (3, 5)) == (2, 4)
    assert hatnet.token_at((0.34, 0.59), (3, 5)) == (1, 2)
    for grid in ((1, 1), (7, 7), (28, 19), (56, 3)):
        for token in ((y, x) for y in range(grid[0]) for x in range(grid[1])):
            assert hatnet.token_at(hatnet.place_of(token, grid), grid) == token
