"""Where windows and cells lie on the map: the arithmetic of Eqs. 6, 8 and 10, without a tensor.

A token is a pair of indices (y, x), counted from 0, on a grid of h x w tokens. A place is a pair (y, x) of fractions of the
image's height and width, 0..1; it stays the same from stage to stage and from one image size to another, a token does not.
A rectangle is (top, left, height, width) in tokens.
"""

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from torch.fx.experimental.symbolic_shapes import statically_known_true

Place = tuple[float, float]
Token = tuple[int, int]
Rectangle = tuple[int, int, int, int]
Groups = tuple[tuple[int, ...], ...]  # along one axis, the tokens of each window
# (h, w, g1, g2) -> the tokens of each window down, and across: every token of an axis in exactly one window.
Windows = Callable[[int, int, int, int], tuple[Sequence[Iterable[int]], Sequence[Iterable[int]]]]

KINDS = ("window", "shifted_window", "pooled", "full")  # which keys a token attends to: see `Layout`
WINDOWS: dict[str, Windows] = {}  # further kinds, of other tokens than neighbours: see `mechanisms.register_mechanism`


def cells(size: int, side: int) -> int:
    """How many windows or cells of `side` tokens cover `size` tokens: size / side, rounded up.

    >>> cells(14, 4)
    4
    """
    return -(-size // side)


def token_at(place: Place, grid: tuple[int, int]) -> Token:
    """The token of a grid [height, width] that covers a place. Raises ValueError outside 0..1.

    >>> token_at((0.5, 1.0), (14, 14))
    (7, 13)
    """
    try:
        inside = len(place) == 2 and all(0 <= p <= 1 for p in place)
    except TypeError:  # a number alone, or texts
        inside = False
    if not inside:
        raise ValueError(f"{place!r} is not a place; wanted (y, x) as fractions of the image, each from 0 to 1, like (0.5, 0.5)")
    y, x = (min(int(p * n), n - 1) for p, n in zip(place, grid, strict=True))
    return y, x


def place_of(token: Token, grid: tuple[int, int]) -> Place:
    """The place of a token's centre, so that `token_at(place_of(token, grid), grid)` is the token. Raises ValueError off the grid."""
    check_token(token, grid)
    return (token[0] + 0.5) / grid[0], (token[1] + 0.5) / grid[1]


def window_of(token: Token, grid: tuple[int, int], g1: int | None) -> Rectangle:
    """The G1 x G1 window that holds a token (Eq. 6); smaller at the right and bottom edge of the grid.

    With g1 None (no windows: plain MHSA), the whole grid. Raises ValueError off the grid, and for a g1 below 1.

    >>> window_of((5, 13), (14, 14), 4)
    (4, 12, 4, 2)
    """
    check_token(token, grid)
    kind, side = ("full", 1) if g1 is None else ("window", g1)
    if side < 1:
        raise ValueError(f"g1 is {g1}; wanted a whole number of tokens, at least 1, or None for the whole grid")
    return layout_of(kind, *grid, g1=side, g2=1).rectangle(token)


def check_token(token: Token, grid: tuple[int, int]) -> None:
    """Raise ValueError unless a token is a pair of whole numbers on a grid [height, width]."""
    try:
        y, x = map(operator.index, token)
    except (TypeError, ValueError):
        raise ValueError(
            f"{token!r} is not a token; wanted (y, x), two whole numbers counted from 0; `token_at` gives the token at a place"
        ) from None
    height, width = grid
    if not (0 <= y < height and 0 <= x < width):
        nearest = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
        raise ValueError(f"token ({y}, {x}) is off the grid of {height} x {width} tokens, counted from 0; the nearest is {nearest}")


class Layout(NamedTuple):
    """The keys of one attention step on a map of h x w tokens.

    The map is cut into windows of i x j tokens, and each token attends to the tokens of its own window; if the kind is "pooled",
    there is one window, the whole map, and each token attends to the pooled cells. The tokens of a window are neighbours, unless
    `rows` and `columns` say which they are.
    """

    kind: str  # one of KINDS, or of WINDOWS
    h: int  # height of the map, in tokens
    w: int
    i: int  # height of a window, in tokens (of the largest, if they differ); of the whole map if the kind is "pooled" or "full"
    j: int
    down: int  # how far the windows are shifted down and across, in tokens
    across: int
    pool: int  # side of a pooled cell, in tokens; 1 unless the kind is "pooled"
    rows: Groups = ()  # the rows of each window, if the kind is one of WINDOWS
    columns: Groups = ()  # the columns of each window, likewise

    @property
    def overhang(self) -> tuple[int, int, int, int]:
        """Tokens by which windows of neighbours hang over the edges of the map: left, right, top, bottom."""
        (gh, gw), top, left = self.grid, -self.down % self.i, -self.across % self.j
        return left, gw * self.j - self.w - left, top, gh * self.i - self.h - top

    @property
    def grid(self) -> tuple[int, int]:
        """How many windows there are, down and across."""
        if self.rows:
            return len(self.rows), len(self.columns)
        return cells(self.h + -self.down % self.i, self.i), cells(self.w + -self.across % self.j, self.j)

    @property
    def pooled(self) -> bool:
        """Whether keys are pooled cells of the map, and not the tokens of a window. Raises ValueError for an unknown kind."""
        check_kind(self.kind)
        return self.kind == "pooled"

    @property
    def keys(self) -> tuple[int, int]:
        """How many keys a query has, down and across: the tokens of a whole window, or the pooled cells of the map."""
        return (cells(self.h, self.pool), cells(self.w, self.pool)) if self.pooled else (self.i, self.j)

    def locate(self, token: Token) -> tuple[int, int]:
        """Which window holds a token, and the token's place inside it; both counted row by row."""
        if self.rows:
            (down, y), (across, x) = _held(self.rows, token[0]), _held(self.columns, token[1])
            return down * len(self.columns) + across, y * self.j + x
        left, _, top, _ = self.overhang
        y, x = token[0] + top, token[1] + left
        return y // self.i * self.grid[1] + x // self.j, y % self.i * self.j + x % self.j

    def rectangle(self, token: Token) -> Rectangle:
        """The part of a token's window that lies on the map. Raises ValueError if it is not a rectangle of neighbours."""
        if self.rows:
            rows, columns = self.held(token)
            if any(sorted(group) != list(range(min(group), max(group) + 1)) for group in (rows, columns)):
                raise ValueError(f"a window of {self.kind!r} is not a rectangle: rows {_listed(rows)}, columns {_listed(columns)}")
            return min(rows), min(columns), len(rows), len(columns)
        (top, bottom), (left, right) = (
            _clipped(at, size, side, shift)
            for at, size, side, shift in zip(token, (self.h, self.w), (self.i, self.j), (self.down, self.across), strict=True)
        )
        return top, left, bottom - top, right - left

    def held(self, token: Token) -> tuple[Sequence[int], Sequence[int]]:
        """The rows and the columns of the map that a token's window holds, in the order of its keys."""
        if self.rows:
            return self.rows[_held(self.rows, token[0])[0]], self.columns[_held(self.columns, token[1])[0]]
        top, left, height, width = self.rectangle(token)
        return range(top, top + height), range(left, left + width)

    def real(self, token: Token) -> Rectangle:
        """The keys of a token's window that are tokens and not padding, counted from the top left of the window."""
        if self.rows:
            rows, columns = self.held(token)
            return 0, 0, len(rows), len(columns)
        top, left, height, width = self.rectangle(token)
        return (top - self.down) % self.i, (left - self.across) % self.j, height, width


def layout_of(kind: str, h: int, w: int, g1: int, g2: int) -> Layout:
    """The layout of a kind on a map of h x w tokens. Raises ValueError for an unknown kind.

    g1, g2: sides of window and pooled cell, in tokens. A G1 larger than the map gives one window.
    """
    i, j = _smaller(g1, h), _smaller(g1, w)
    if kind == "window":
        return Layout(kind, h, w, i, j, 0, 0, 1)
    if kind == "shifted_window":  # by half a window; a single window (i == h) is not shifted, as in Swin
        return Layout(kind, h, w, i, j, _smaller(i // 2, (h - i) * i), _smaller(j // 2, (w - j) * j), 1)
    if kind == "pooled":
        return Layout(kind, h, w, h, w, 0, 0, g2)
    if kind == "full":
        return Layout(kind, h, w, h, w, 0, 0, 1)
    check_kind(kind)
    rows, columns = (_groups(kind, size, axis) for size, axis in zip((h, w), WINDOWS[kind](h, w, g1, g2), strict=True))
    return Layout(kind, h, w, max(map(len, rows)), max(map(len, columns)), 0, 0, 1, rows, columns)


def check_kind(kind: str) -> None:
    """Raise ValueError for a layout that is neither in KINDS nor in WINDOWS."""
    if kind not in KINDS and kind not in WINDOWS:
        raise ValueError(f"unknown layout {kind!r}; the choices are {', '.join((*KINDS, *WINDOWS))}")


def _groups(kind: str, size: int, windows: Sequence[Iterable[int]]) -> Groups:
    """The windows along one axis, as tuples. Raises ValueError unless each of the `size` tokens is in exactly one of them."""
    groups = tuple(tuple(int(token) for token in window) for window in windows)
    if not all(groups) or sorted(token for group in groups for token in group) != list(range(size)):
        raise ValueError(
            f"the windows of {kind!r} along {size} tokens are {_listed(groups)}; wanted each of 0 to {size - 1} in exactly one window"
        )
    return groups


def _held(groups: Groups, token: int) -> tuple[int, int]:
    """Along one axis: which window holds a token, and the token's place inside it."""
    return next((number, group.index(token)) for number, group in enumerate(groups) if token in group)


def _listed(values: Sequence) -> str:
    return ", ".join(str(list(value) if isinstance(value, tuple) else value) for value in values)


def _smaller(a: int, b: int) -> int:
    """The minimum, without deciding which of the two it is where `torch.export` keeps the size of the map open."""
    if torch.compiler.is_exporting():
        return a if statically_known_true(a <= b) else torch.sym_min(a, b)  # type: ignore[return-value]  # a SymInt passes for an int
    return min(a, b)


def _clipped(at: int, size: int, side: int, shift: int) -> tuple[int, int]:
    """First token and end of the window around `at`, along one axis, clipped to the map."""
    start = (at - shift) // side * side + shift
    return max(start, 0), min(start + side, size)
