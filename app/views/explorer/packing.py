"""Maps small enough for a browser that answers hovering by itself: 8 bits a weight, and exact statistics beside each row.

rows [tokens, keys] are weights that sum to 1, or to less where something stays. A row is packed on the scale of its own largest weight.
"""

import base64

import numpy as np

Token = tuple[int, int]


def pack_rows(rows: np.ndarray, distance: np.ndarray, only: int | None = None) -> dict:
    """rows [tokens, keys], and the distance from each token to each key, for the browser. only: the token, if the row is of one alone.

    levels: uint8, 255 x weight / largest weight of its row. told: float32 [tokens, 4], from `row_statistics`.
    """
    largest = rows.max(1, keepdims=True)
    levels = np.rint(255 * rows / np.where(largest, largest, 1)).astype(np.uint8)
    return {"levels": _text(levels), "told": _text(row_statistics(rows, distance)), "keys": rows.shape[1], "only": only}


def pack_maps(weights: np.ndarray) -> dict:
    """Several small maps [maps, rows, columns], each on the scale of its own largest weight."""
    largest = weights.max((1, 2), keepdims=True)
    return {"levels": _text(np.rint(255 * weights / np.where(largest, largest, 1)).astype(np.uint8)), "shape": weights.shape[1:]}


def pack_floats(numbers: np.ndarray) -> str:
    """Numbers as float32, little-endian, base64."""
    return _text(numbers.astype("<f4"))


def _text(numbers: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode()


def row_statistics(rows: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """For each row its spread (bits), mean distance (tokens), largest weight, and the number of that key: float32 [tokens, 4].

    Spread and distance are those of the row scaled to sum to 1.
    """
    scaled = rows / rows.sum(1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.where(scaled > 0, scaled * np.log2(scaled), 0)
    return np.stack([abs(bits.sum(1)), (scaled * distance).sum(1), rows.max(1), rows.argmax(1)], axis=1).astype("<f4")


def centres(grid: Token, cell: int = 1) -> np.ndarray:
    """The centres (y, x) of cells of `cell` x `cell` tokens, row by row, in tokens: [cells, 2]. The grid may cut off the last ones."""
    sides = []
    for side in grid:
        edge = np.minimum(np.arange(-(-side // cell) + 1) * cell, side)
        sides.append((edge[1:] + edge[:-1]) / 2)
    return np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)


def distances(queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Distances [queries, keys] between centres."""
    return np.hypot(*np.moveaxis(queries[:, None] - keys[None], -1, 0))


def distances_in_windows(grid: Token, window: Token, tokens: slice | list[int] = slice(None)) -> np.ndarray:
    """Distances [tokens, keys] from tokens, by default all, to the positions of their own windows, row by row."""
    positions = centres(window)
    row, column = np.divmod(np.arange(grid[0] * grid[1])[tokens], grid[1])
    return distances(positions[row % window[0] * window[1] + column % window[1]], positions)


def own_window(grid: Token, window: Token, tokens: slice | list[int] = slice(None)) -> np.ndarray:
    """Whether each token of the map lies in the window of each of some tokens, by default all: bool [tokens, h * w]."""
    row, column = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    number = row // window[0] * grid[1] + column // window[1]
    return number[tokens][:, None] == number
