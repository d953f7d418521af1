"""What all boards are made of: the selected token with its tensors, and terms, panels and strips as data.

A panel is a matrix of numbers. Its rows and columns, or its squares, carry a name ("key", "channel", ...) and indices along it; two
panels that share a name light each other's numbers. Axes of the arrays: C channels, h x w tokens, d channels of one head; no images.
"""

from dataclasses import dataclass

import numpy as np

from app.views.equations.numpy_equations import window_ids

MOST_KEYS = 128  # rows of a matrix of keys: more could not be told apart


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """The selected token and head of one block, and the block's tensors."""

    tensors: dict[str, np.ndarray]  # under the names of hatnet/attention.py
    weights: dict[str, np.ndarray]  # as `numpy_equations.recompute` wants them
    token: tuple[int, int]
    window: tuple[int, int, int, int]  # the token's, on the map: top, left, height, width in tokens
    g1: int
    g2: int
    head: int  # from 0

    @property
    def grid(self) -> tuple[int, int]:
        return self.tensors["x"].shape[1:]

    @property
    def channels(self) -> int:
        return self.tensors["x"].shape[0]

    @property
    def head_dim(self) -> int:
        return self.tensors["q2"].shape[-1]

    @property
    def map_size(self) -> str:
        """The shape of a map of all tokens, as the paper writes it."""
        return f"{self.grid[0]} × {self.grid[1]} × {self.channels}"

    @property
    def window_index(self) -> int:
        """The number of the token's window, row by row."""
        tall, wide = (min(self.g1, side) for side in self.grid)
        return self.token[0] // tall * -(-self.grid[1] // wide) + self.token[1] // wide

    @property
    def places(self) -> list[int]:
        """The places of the window that lie on the map, as rows of x1, q1, k1 and v1."""
        wide = min(self.g1, self.grid[1])
        return [y * wide + x for y in range(self.window[2]) for x in range(self.window[3])]

    @property
    def place(self) -> int:
        """The token's own place in its window."""
        return (self.token[0] - self.window[0]) * min(self.g1, self.grid[1]) + self.token[1] - self.window[1]

    @property
    def row(self) -> int:
        """The token's number when the map is flattened row by row (Eq. 11)."""
        return self.token[0] * self.grid[1] + self.token[1]

    def row_by_row(self, name: str) -> np.ndarray:
        """What the windows hold of a head, such as its keys, as rows of tokens: [windows, heads, places, d] -> [heads, hw, d]."""
        ids = window_ids(*self.grid, self.g1)
        windows = np.moveaxis(self.tensors[name], 1, 0)
        rows = np.empty((len(windows), self.grid[0] * self.grid[1], self.head_dim))
        rows[:, ids[ids >= 0]] = windows[:, ids >= 0]
        return rows

    @property
    def token_ids(self) -> np.ndarray:
        """Each token's number, row by row: [h, w]."""
        return np.arange(self.grid[0] * self.grid[1]).reshape(self.grid)

    @property
    def cell_ids(self) -> np.ndarray:
        """The number of each token's cell, row by row: [h, w]."""
        across = -(-self.grid[1] // self.g2)
        return np.arange(self.grid[0])[:, None] // self.g2 * across + np.arange(self.grid[1])[None] // self.g2

    def ring(self, origin: tuple[int, int] = (0, 0), pool: int = 1) -> tuple[float, float]:
        """Where the token is marked on a panel: (y, x) in squares of pool x pool tokens, from the token at `origin`."""
        return tuple((at - first + 0.5) / pool for at, first in zip(self.token, origin, strict=True))

    def at_token(self, name: str) -> np.ndarray:
        """The C numbers of the token in a map [C, h, w]."""
        return self.tensors[name][:, self.token[0], self.token[1]]

    def channel(self, name: str) -> int:
        """The channel in which the token's number is largest, so that there is something to see."""
        return int(np.abs(self.at_token(name)).argmax())


def symbol(letter: str, under: str = "", over: str = "") -> str:
    """A bold symbol as HTML, with a subscript and a superscript."""
    both = f"<span class=both><sup>{over}</sup><sub>{under}</sub></span>" if over and under else ""
    return f"<b>{letter}</b>" + (both or (f"<sub>{under}</sub>" if under else "") + (f"<sup>{over}</sup>" if over else ""))


# The paper writes A1 for all three.
LOCAL = symbol("A", "1")  # of Eq. 8
JOINED = symbol("A", "1", "+")  # of Eq. 9: plus X
NORMED = f"norm({JOINED})"  # what Eqs. 10 to 14 read
POOLED = symbol("Â", "1")  # of Eq. 10


def number(value: float) -> str:
    """Three decimals, with a true minus sign."""
    return f"{value:.3f}".replace("-", "−")


def place(row: int, column: int) -> str:
    """A place of the map in words, counted from 1 as everywhere on the page; row and column count from 0."""
    return f"row {row + 1}, column {column + 1}"


def term(html: str, panel: str, hue: str, words: str, size: str) -> dict:
    """A matrix of an equation with its size; panel: the numbers that it lights, "" if they are not drawn."""
    return {"html": html, "panel": panel, "hue": hue, "words": words, "size": size.replace(" × ", "×")}


def line(number: int, *pieces: str | dict) -> dict:
    """One equation, on a line of its own, with its number in the paper. pieces: terms, and HTML between them."""
    return {"number": number, "pieces": pieces}


def panel(name: str, title: str, small: str, values: np.ndarray, hue: str, **more) -> dict:
    """A matrix: values [rows, columns]. rows, columns: (name, indices); or cells: (name, indices [rows, columns], -1 for none)."""
    values = np.asarray(values, dtype=float)
    rounded = np.round(values, 5).tolist()
    return {"id": name, "title": title, "small": small, "values": rounded, "hue": hue, "most": float(np.abs(values).max())} | more


def strip(name: str, title: str, small: str, numbers: np.ndarray, hue: str, axis: str = "channel", **more) -> dict:
    """A list of numbers, drawn as one row."""
    return panel(name, title, small, numbers[None], hue, columns=(axis, list(range(len(numbers)))), **more)


def token_map(selection: Selection, name: str, title: str, channel: int, hue: str, ids: np.ndarray, axis: str, **more) -> dict:
    """One channel of a map [C, h, w], with the token as a ring. ids [h, w]: each token's index along an axis."""
    small, values = f"channel {channel + 1} at all tokens", selection.tensors[name][channel]
    return panel(name, title, small, values, hue, cells=(axis, ids.tolist()), ring=selection.ring(), kind="map", **more)


def cell_map(selection: Selection, title: str, small: str, channel: int, **more) -> dict:
    """One channel of the pooled map. Its size, in cells, need not be whole: the edge may cut the last ones off."""
    pooled = selection.tensors["pooled"][channel]
    ids = np.arange(pooled.size).reshape(pooled.shape).tolist()
    size = [side / selection.g2 for side in selection.grid]
    return panel("pooled", title, small, pooled, "global", cells=("cell", ids), kind="map", size=size, **more)


def keys_shown(keys: int, unit: str, which: str = "strongest") -> str:
    """How many rows of a matrix of keys are drawn, in words."""
    return f"{keys} {unit}" if keys <= MOST_KEYS else f"{MOST_KEYS} {which}"
