"""What all boards are made of: the token that is looked at, and terms, panels and strips as data.

A panel is a matrix of numbers. Its rows, columns or cells carry names ("key", "channel", ...) and indices along them; two panels that
share a name light each other's cells. Axes of the arrays: C channels, h x w tokens, d channels of one head; all without images.
"""

from dataclasses import dataclass

import numpy as np

MOST_KEYS = 128  # rows of a matrix of keys: more could not be told apart


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """What is looked at: one token and one head of one block."""

    tensors: dict[str, np.ndarray]  # under the names of hatnet/attention.py
    weights: dict[str, np.ndarray]  # as app.recompute has them
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
    def window_index(self) -> int:
        """Which window the token is in, counted row by row."""
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
        """The token's number when the map is laid out row by row (Eq. 11)."""
        return self.token[0] * self.grid[1] + self.token[1]

    def at_token(self, name: str) -> np.ndarray:
        """The C numbers of the token in a map [C, h, w]."""
        return self.tensors[name][:, self.token[0], self.token[1]]

    def channel(self, name: str) -> int:
        """The channel in which the token's number is largest: one that has something to show."""
        return int(np.abs(self.at_token(name)).argmax())


def symbol(letter: str, under: str = "", over: str = "") -> str:
    """A bold symbol as HTML, with something under and over at its right."""
    raised = f"<span class=both><sup>{over}</sup><sub>{under}</sub></span>" if over and under else ""
    return f"<b>{letter}</b>" + (raised or (f"<sub>{under}</sub>" if under else "") + (f"<sup>{over}</sup>" if over else ""))


def number(value: float) -> str:
    """Three decimals, and a minus that is one."""
    return f"{value:.3f}".replace("-", "−")


def term(html: str, panel: str, hue: str, words: str, size: str) -> dict:
    return {"html": html, "panel": panel, "hue": hue, "words": words, "size": size}


def panel(name: str, title: str, small: str, values: np.ndarray, hue: str, **more) -> dict:
    """values [rows, columns]. rows, columns: (name, indices), or cells: (name, indices [rows, columns], -1 where it has none)."""
    values = np.asarray(values, dtype=float)
    rounded = np.round(values, 5).tolist()
    return {"id": name, "title": title, "small": small, "values": rounded, "hue": hue, "most": float(np.abs(values).max())} | more


def strip(name: str, title: str, small: str, numbers: np.ndarray, hue: str, axis: str = "channel", **more) -> dict:
    """A list of numbers, drawn as one row."""
    return panel(name, title, small, numbers[None], hue, columns=(axis, list(range(len(numbers)))), **more)


def on_map(look: Look, name: str, title: str, channel: int, hue: str, cells: np.ndarray, axis: str, **more) -> dict:
    """One channel of a map [C, h, w], with the token as a ring. cells [h, w]: each token's index along an axis."""
    small = f"channel {channel + 1} at all tokens"
    ring = (look.token[0] + 0.5, look.token[1] + 0.5)
    return panel(name, title, small, look.tensors[name][channel], hue, cells=(axis, cells.tolist()), ring=ring, kind="map", **more)


def numbers_of(look: Look) -> np.ndarray:
    """Each token's number, row by row: [h, w]."""
    return np.arange(look.grid[0] * look.grid[1]).reshape(look.grid)


def cells_of(look: Look) -> np.ndarray:
    """For each token the number of its cell: [h, w]."""
    across = -(-look.grid[1] // look.g2)
    return np.arange(look.grid[0])[:, None] // look.g2 * across + np.arange(look.grid[1])[None] // look.g2


def shown(keys: int, unit: str) -> str:
    return f"{keys} {unit}" if keys <= MOST_KEYS else f"the {MOST_KEYS} strongest of {keys:,} {unit}"
