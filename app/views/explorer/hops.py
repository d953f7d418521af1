"""Two hops, local and then global, through one block: the part that moves, and the strongest paths."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Token = tuple[int, int]


def without_residual(hops: np.ndarray, tokens: Sequence[int]) -> np.ndarray:
    """Two-hop maps [rows, tokens] without the quarter that never leaves its token, scaled to sum to 1. tokens: the query of each row."""
    moved = hops.copy()
    moved[np.arange(len(tokens)), tokens] -= 0.25
    return moved.clip(min=0) / 0.75


@dataclass(frozen=True, slots=True)
class Path:
    """One path through both hops: a cell's tokens read `source` in their windows, and the query reads the cell."""

    source: Token
    cell: Token  # row and column
    near: float  # the mean weight that the cell's tokens give to the source
    far: float  # the weight that the query gives to the cell

    @property
    def product(self) -> float:
        return self.near * self.far


def strongest_paths(near: np.ndarray, far: np.ndarray, grid: Token, window: Token, cell: int, most: int = 5) -> list[Path]:
    """The paths to one query with the largest products.

    near [tokens, window positions]: the local rows of all tokens. far [cells]: the query's global row.
    """
    h, w = grid
    row, column = np.divmod(np.arange(h * w), w)
    across = -(-w // cell)
    cells = row // cell * across + column // cell
    top, left = row // window[0] * window[0], column // window[1] * window[1]
    # For each cell, the mean weight that its tokens, which may lie in several windows, give to each token of the map.
    dy, dx = np.divmod(np.arange(window[0] * window[1]), window[1])
    y, x = top[:, None] + dy, left[:, None] + dx
    on_grid = (y < h) & (x < w)
    pairs = (cells[:, None] * h * w + y * w + x)[on_grid]
    mean = np.bincount(pairs, near[on_grid], minlength=len(far) * h * w).reshape(len(far), h * w) / np.bincount(cells)[:, None]
    products = mean * far[:, None]
    found = []
    for index in np.argsort(-products, axis=None, kind="stable")[:most]:
        number, source = divmod(int(index), h * w)
        place = divmod(source, w), divmod(number, across)
        found.append(Path(*place, near=float(mean[number, source]), far=float(far[number])))
    return found
