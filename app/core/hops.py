"""Two hops, local and then global, through one block: what stays, what is read, and by which paths.

On every page a share is one of the token's output, mean of the heads. As in hatnet.rollout, each sum with X (Eqs. 9 and 14) counts half
for X: a quarter of the output stays, the token's own input (the residual), and three quarters are read. Together they sum to 1.
"""

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from app.core.overlay import in_window, over_tokens

Token = tuple[int, int]
Box = tuple[int, int, int, int]  # top, left, height, width in tokens
STAYS = 0.25  # the share of the residual
BARE = 98.5  # the percentile of the shares from which on a map shows the photograph bare


def without_residual(hops: np.ndarray, tokens: Sequence[int]) -> np.ndarray:
    """Two-hop maps [rows, tokens] without the quarter that stays, so that they sum to 3/4. tokens: the query of each row."""
    read = hops.copy()
    read[np.arange(len(tokens)), tokens] -= STAYS
    return read.clip(min=0)


def one_hop(near: np.ndarray, far: np.ndarray, token: Token, window: Box, cell: int, grid: Token) -> np.ndarray:
    """The map [h, w] of one token if the cells averaged X instead of A1 (Eq. 10): their tokens would not have read their windows.

    near [height, width], far [cells down, cells across]: the token's local and global weights, which stay as they are.
    """
    hops = in_window(near, window, grid) / 4 + over_tokens(far, cell, grid) / 2
    hops[token] += STAYS
    return hops


def shares(hops: np.ndarray, window: Box) -> tuple[float, float, float]:
    """A map [h, w] in three shares that sum to 1: what stays, what is read in the token's window (itself included), and elsewhere."""
    top, left, height, width = window
    inside = float(hops[top : top + height, left : left + width].sum())
    return STAYS, inside - STAYS, 1 - inside


@dataclass(frozen=True, slots=True)
class Path:
    """One path through both hops: a cell's tokens read `source` in their windows, and the query reads the cell."""

    source: Token
    cell: Token  # row and column
    near: float  # the mean weight that the cell's tokens give to the source
    far: float  # the weight that the query gives to the cell

    @property
    def share(self) -> float:
        """What this path alone brings of the output: both sums count half for what is added, so a quarter of the weights' product."""
        return self.near * self.far / 4


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


def frames(two: np.ndarray, one: np.ndarray, token: Token, window: Box, paths: Sequence[Path]) -> dict:
    """What components/js/hops.js draws: paths, and the maps [h, w] of two hops and of one, without what stays and on one scale.

    paths: each with its own `share`, and with the share of its source in both maps, `two` and `one`. shown: the index of the path to begin
    with, the strongest whose source the token cannot read by itself, if there is one; None without paths. maps: the square roots of the
    shares, so that small ones are seen too, both as base64, uint8 [h * w].
    """
    read = []
    for whole in (two, one):
        read.append(whole.copy())
        read[-1][token] -= STAYS
    bright = float(np.percentile(read[0], BARE)) or float(read[0].max()) or 1.0
    levels = [np.rint(255 * np.sqrt((each / bright).clip(0, 1))).astype(np.uint8) for each in read]
    top, left, height, width = window
    inside = [top <= path.source[0] < top + height and left <= path.source[1] < left + width for path in paths]
    return {
        "paths": [
            asdict(path) | {"share": path.share, "two": float(read[0][path.source]), "one": float(read[1][path.source])} for path in paths
        ],
        "shown": (inside.index(False) if False in inside else 0) if paths else None,
        "maps": [base64.b64encode(each.tobytes()).decode() for each in levels],
    }
