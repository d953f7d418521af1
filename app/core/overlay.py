"""Where windows and cells lie on a picture, and maps spread over the tokens that they cover. Lengths are in tokens."""

from collections.abc import Sequence

import numpy as np

Box = tuple[float, float, float, float]  # top, left, height, width in tokens
FULL = 3  # times an even share: from here on, an uncovered map shows the photograph bare


def over_tokens(weights: np.ndarray, cell: int, grid: tuple[int, int]) -> np.ndarray:
    """Weights [rows, columns] of cells of `cell` x `cell` tokens, each spread evenly over the tokens in its cell: [h, w]."""
    row, column = np.arange(grid[0]) // cell, np.arange(grid[1]) // cell
    return (weights / np.outer(np.bincount(row), np.bincount(column)))[row][:, column]


def in_window(weights: np.ndarray, window: tuple[int, int, int, int], grid: tuple[int, int]) -> np.ndarray:
    """Weights of the tokens in a window (top, left, height, width) on the whole grid [h, w], 0 outside."""
    whole = np.zeros(grid)
    top, left, height, width = window
    whole[top : top + height, left : left + width] = weights
    return whole


def cells(cell: int, grid: tuple[int, int]) -> list[Box]:
    """All pooled cells as (top, left, height, width); none if each cell is one token."""
    if cell == 1:
        return []
    return [cell_box((row, column), cell, grid) for row in range(-(-grid[0] // cell)) for column in range(-(-grid[1] // cell))]


def cell_box(index: tuple[int, int], cell: int, grid: tuple[int, int]) -> tuple[int, int, int, int]:
    """The cell `index` (row, column) as (top, left, height, width), cut off at the edge of the grid."""
    top, left = int(index[0]) * cell, int(index[1]) * cell
    return top, left, min(cell, grid[0] - top), min(cell, grid[1] - left)


def enlarged_box(window: tuple[int, int, int, int], grid: tuple[int, int]) -> Box | None:
    """Where to draw the window enlarged: on the side of it with most room; None if it would hardly be larger."""
    (top, left, height, width), margin = window, 0.03
    free = {
        "left": left / grid[1],
        "right": 1 - (left + width) / grid[1],
        "above": top / grid[0],
        "below": 1 - (top + height) / grid[0],
    }
    side = max(free, key=free.get)
    longest = min(0.62, free[side] - 2 * margin)  # a fraction of the picture
    factor = longest / max(height / grid[0], width / grid[1])
    if factor < 1.3:
        return None
    tall, wide = height * factor, width * factor
    # Along the other axis: centred on the window, and inside the picture.
    y = np.clip(top + height / 2 - tall / 2, margin * grid[0], (1 - margin) * grid[0] - tall)
    x = np.clip(left + width / 2 - wide / 2, margin * grid[1], (1 - margin) * grid[1] - wide)
    if side in ("left", "right"):
        x = margin * grid[1] if side == "left" else (1 - margin) * grid[1] - wide
    else:
        y = margin * grid[0] if side == "above" else (1 - margin) * grid[0] - tall
    return float(y), float(x), tall, wide


def close_up(windows: Sequence[tuple[int, int, int, int]], grid: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The square of the map that shows some overlapping windows larger, one token wider on each side; None if it is most of the map."""
    tops, lefts, heights, widths = zip(*windows, strict=True)
    top, left = min(tops), min(lefts)
    height = max(map(sum, zip(tops, heights, strict=True))) - top
    width = max(map(sum, zip(lefts, widths, strict=True))) - left
    side = max(height, width) + 2
    if side > 0.6 * min(grid):
        return None
    y, x = (
        min(max(0, start - (side - length) // 2), total - side) for start, length, total in ((top, height, grid[0]), (left, width, grid[1]))
    )
    return y, x, side, side


def times_even(importance: np.ndarray) -> np.ndarray:
    """The positive part of a map in multiples of an even share; all 0 if nothing is positive."""
    positive = importance.clip(min=0)
    return positive / (positive.mean() or 1)


def uncovered_alt(name: str, importance: np.ndarray) -> str:
    """The text of an uncovered map for readers who cannot see it."""
    shares = times_even(importance)
    row, column = np.unravel_index(shares.argmax(), shares.shape)
    bare = (shares >= FULL).mean()
    return (
        f"Map of {name}, {shares.shape[0]} by {shares.shape[1]} squares. The most important is row {row + 1}, column {column + 1}, with "
        f"{shares.max():.1f} times an even share; {bare:.0%} of the squares have {FULL} times or more."
    )
