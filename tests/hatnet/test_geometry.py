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


@pytest.mark.parametrize("call", [lambda token: hatnet.place_of(token, (4, 5)), lambda token: hatnet.window_of(token, (4, 5), 2)])
@pytest.mark.parametrize(
    "token, words",
    [
        ((9, 2), r"token \(9, 2\) is off the grid of 4 x 5 tokens, counted from 0; the nearest is \(3, 2\)"),
        ((0, -1), r"\(0, -1\) is off the grid.*nearest is \(0, 0\)"),
        ((0, 5), r"nearest is \(0, 4\)"),
        ((0.5, 0.5), r"\(0\.5, 0\.5\) is not a token; wanted \(y, x\), two whole numbers.*`token_at`"),
        ((1, 2, 3), "is not a token"),
        (3, "3 is not a token"),
    ],
)
def test_tokens_that_are_not_on_the_grid(call, token, words):
    with pytest.raises(ValueError, match=words):
        call(token)


def test_places_and_windows_that_are_none():
    for place in (0.5, ("a", 0), (0.5,), (0.5, 1.5), (0.5, float("nan"))):
        with pytest.raises(ValueError, match="is not a place; wanted"):
            hatnet.token_at(place, (4, 5))
    for g1 in (0, -2):
        with pytest.raises(ValueError, match=f"g1 is {g1}; wanted a whole number of tokens, at least 1"):
            hatnet.window_of((0, 0), (4, 5), g1)
