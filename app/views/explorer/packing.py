"""All rows of a map, small enough for a browser: it answers a hover by itself. And what the rows of two steps make together.

rows [tokens, keys] are weights that sum to 1. In the browser a row is 8 bits a weight on the scale of its own largest weight, beside
the numbers that are said of it, which are exact.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Token = tuple[int, int]


def packed(rows: np.ndarray, distance: np.ndarray, only: int | None = None) -> dict:
    """rows [tokens, keys] and the distance from each token to each key, for the browser. only: the one token whose row this is.

    levels: uint8, weight / largest weight of its row x 255. told: float32 [tokens, 4], as `told` says.
    """
    most = rows.max(1, keepdims=True)
    levels = np.rint(255 * rows / np.where(most, most, 1)).astype(np.uint8)
    return {"levels": _text(levels), "told": _text(told(rows, distance)), "keys": rows.shape[1], "only": only}


def quantised(weights: np.ndarray) -> dict:
    """Several small maps [maps, rows, columns], each on the scale of its own largest weight."""
    most = weights.max((1, 2), keepdims=True)
    return {"levels": _text(np.rint(255 * weights / np.where(most, most, 1)).astype(np.uint8)), "shape": weights.shape[1:]}


def _text(numbers: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode()


def floats(numbers: np.ndarray) -> str:
    """As float32, little-endian, base64."""
    return _text(numbers.astype("<f4"))


def told(rows: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """What is said of each row: [tokens, 4] of spread (bits), reach (tokens), largest weight, number of its key."""
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.where(rows > 0, rows * np.log2(rows), 0)
    return np.stack([abs(bits.sum(1)), (rows * distance).sum(1), rows.max(1), rows.argmax(1)], axis=1).astype("<f4")


def centres(grid: Token, cell: int = 1) -> np.ndarray:
    """The centres (y, x) of the cells of a grid, row by row, in tokens: [cells, 2]. Cut-off cells have theirs nearer."""
    sides = []
    for side in grid:
        edge = np.minimum(np.arange(-(-side // cell) + 1) * cell, side)
        sides.append((edge[1:] + edge[:-1]) / 2)
    return np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)


def apart(queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Distances [queries, keys] between centres."""
    return np.hypot(*np.moveaxis(queries[:, None] - keys[None], -1, 0))


def apart_in_windows(grid: Token, window: Token, tokens: slice | list[int] = slice(None)) -> np.ndarray:
    """Distances [tokens, keys] where a token's keys are the places of its own window, row by row. tokens: which; by default all."""
    places = centres(window)
    row, column = np.divmod(np.arange(grid[0] * grid[1])[tokens], grid[1])
    return apart(places[row % window[0] * window[1] + column % window[1]], places)


def without_residual(hops: np.ndarray, tokens: Sequence[int]) -> np.ndarray:
    """Two hops without the quarter that never leaves the token, scaled to 1 again. hops [rows, tokens]; tokens: whose rows."""
    moved = hops.copy()
    moved[np.arange(len(tokens)), tokens] -= 0.25
    return moved.clip(min=0) / 0.75


@dataclass(frozen=True, slots=True)
class Path:
    """One way through both steps: a token heard `source` in its window, a cell averaged that token, the query asked the cell."""

    source: Token
    cell: Token  # row and column
    near: float  # the mean weight that the cell's tokens gave to the source
    far: float  # the weight that the query gives to the cell

    @property
    def product(self) -> float:
        return self.near * self.far


def paths(near: np.ndarray, far: np.ndarray, grid: Token, window: Token, cell: int, most: int = 5) -> list[Path]:
    """The strongest ways to one query, by their product.

    near [tokens, window places]: the local rows of all tokens. far [cells]: the query's global row.
    """
    h, w = grid
    row, column = np.divmod(np.arange(h * w), w)
    across = -(-w // cell)
    cells = row // cell * across + column // cell
    top, left = row // window[0] * window[0], column // window[1] * window[1]
    # For each cell, what its tokens give to each token of the map, on average: they may lie in several windows.
    dy, dx = np.divmod(np.arange(window[0] * window[1]), window[1])
    y, x = top[:, None] + dy, left[:, None] + dx
    real = (y < h) & (x < w)
    pairs = (cells[:, None] * h * w + y * w + x)[real]
    heard = np.bincount(pairs, near[real], minlength=len(far) * h * w).reshape(len(far), h * w) / np.bincount(cells)[:, None]
    products = heard * far[:, None]
    found = []
    for index in np.argsort(-products, axis=None, kind="stable")[:most]:
        c, source = divmod(int(index), h * w)
        found.append(Path(source=divmod(source, w), cell=divmod(c, across), near=float(heard[c, source]), far=float(far[c])))
    return found


@dataclass(frozen=True, eq=False)
class Loss:
    """What averaging takes away, as shares of variance: of what tells tokens apart from the picture's mean token."""

    cells: np.ndarray  # [rows, columns]: of each cell, 0..1
    tokens: np.ndarray  # [h, w]: each token's part in the loss of its cell; they sum to 1 in a cell, or are all 0
    whole: float  # of the picture


def loss(features: np.ndarray, cell: int) -> Loss:
    """features [channels, h, w]: what Eq. 10 averages over cells of `cell` x `cell` tokens, cut off at the far edges."""
    _, h, w = features.shape
    row, column = np.arange(h) // cell, np.arange(w) // cell
    rows, columns = row[-1] + 1, column[-1] + 1
    number = (row[:, None] * columns + column).ravel()
    size = np.bincount(number)
    flat = features.reshape(len(features), -1).astype(float)
    means = np.stack([np.bincount(number, channel) for channel in flat]) / size
    within = ((flat - means[:, number]) ** 2).sum(0)  # of each token
    lost = np.bincount(number, within)  # of each cell
    kept = size * ((means - flat.mean(1, keepdims=True)) ** 2).sum(0)
    total = lost + kept
    share = np.where(total > 0, lost / np.where(total > 0, total, 1), 0)
    part = within / np.where(lost > 0, lost, 1)[number]
    return Loss(share.reshape(rows, columns), part.reshape(h, w), float(lost.sum() / (total.sum() or 1)))


@dataclass(frozen=True, slots=True)
class Seam:
    """Two neighbours on the two sides of a window's edge, and one on this side for comparison (None in a window 1 token wide)."""

    here: Token
    there: Token
    inside: Token | None


def seam(token: Token, grid: Token, window: Token) -> Seam | None:
    """The pair nearest to a token, if possible one with a comparison: `here` lies in its window, in its row or column.

    None where one window covers the grid.
    """
    found = []
    for axis in (0, 1):
        start = token[axis] // window[axis] * window[axis]
        end = min(start + window[axis], grid[axis])
        for edge, step in ((start, -1), (end - 1, 1)):
            if 0 <= edge + step < grid[axis]:
                points = []
                for at in (edge, edge + step, edge - step):
                    point = list(token)
                    point[axis] = at
                    points.append(tuple(point))
                inside = points[2] if start <= edge - step < end else None
                found.append((abs(token[axis] - edge), Seam(points[0], points[1], inside)))
    return min(found, key=lambda pair: (pair[1].inside is None, pair[0]))[1] if found else None
