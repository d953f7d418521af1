"""Eqs. 6 to 15 for one token: the terms of each equation and the pictures of its tensors, as data for the board component.

A panel is a matrix of numbers. Its rows, columns or cells carry names ("key", "channel", ...) and indices along them; two panels that
share a name light each other's cells. Axes of the arrays: C channels, h x w tokens, d channels of one head; all without images.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from app.recompute import cell_means

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


# Number: (short name, whose: "local", "global" or "" for both, what it does, in words)
NAMES = {
    6: ("Cut into windows", "local", "the map becomes small squares that are handled one by one"),
    7: ("Local q, k, v", "local", "each token makes a question, a label and a message, by three matrices"),
    8: ("Local attention", "local", "how much the token takes from each token of its window"),
    9: ("Add the input", "", "what the token was is kept beside what it heard"),
    10: ("Average-pool", "global", "cells of neighbours become one token each, by their mean"),
    11: ("Flatten", "global", "both maps are read row by row, as lists"),
    12: ("Global q, k, v", "global", "every token asks, but only the averaged cells answer"),
    13: ("Global attention", "global", "how much the token takes from each averaged cell"),
    14: ("Add both, project", "", "the near and the far answer are added, and one matrix mixes the heads"),
    15: ("Count the cost", "", "multiply-adds, part by part: what the two steps cost"),
}

BY_HEAD = (7, 8, 12, 13)  # what these show belongs to one head


def board(equation: int, look: Look, terms: dict[str, float]) -> dict:
    """The board of one equation: {"equation": pieces, "columns": columns of panels, "start": the panel and cell to begin with}.

    terms: of Eq. 15, in MACs.
    """
    return _cost(look, terms) if equation == 15 else _BOARDS[equation](look)


def symbol(letter: str, under: str = "", over: str = "") -> str:
    """A bold symbol as HTML, with something under and over at its right."""
    raised = f"<span class=both><sup>{over}</sup><sub>{under}</sub></span>" if over and under else ""
    return f"<b>{letter}</b>" + (raised or (f"<sub>{under}</sub>" if under else "") + (f"<sup>{over}</sup>" if over else ""))


def number(value: float) -> str:
    """Three decimals, and a minus that is one."""
    return f"{value:.3f}".replace("-", "−")


def _term(html: str, panel: str, hue: str, words: str, size: str) -> dict:
    return {"html": html, "panel": panel, "hue": hue, "words": words, "size": size}


def _panel(name: str, title: str, small: str, values: np.ndarray, hue: str, **more) -> dict:
    """values [rows, columns]. rows, columns: (name, indices), or cells: (name, indices [rows, columns], -1 where it has none)."""
    values = np.asarray(values, dtype=float)
    rounded = np.round(values, 5).tolist()
    return {"id": name, "title": title, "small": small, "values": rounded, "hue": hue, "most": float(np.abs(values).max())} | more


def _strip(name: str, title: str, small: str, numbers: np.ndarray, hue: str, axis: str = "channel", **more) -> dict:
    """A list of numbers, drawn as one row."""
    return _panel(name, title, small, numbers[None], hue, columns=(axis, list(range(len(numbers)))), **more)


def _on_map(look: Look, name: str, title: str, channel: int, hue: str, cells: np.ndarray, axis: str, **more) -> dict:
    """One channel of a map [C, h, w], with the token as a ring. cells [h, w]: each token's index along an axis."""
    small = f"channel {channel + 1} at all tokens"
    ring = (look.token[0] + 0.5, look.token[1] + 0.5)
    return _panel(name, title, small, look.tensors[name][channel], hue, cells=(axis, cells.tolist()), ring=ring, kind="map", **more)


def _numbers(look: Look) -> np.ndarray:
    """Each token's number, row by row: [h, w]."""
    return np.arange(look.grid[0] * look.grid[1]).reshape(look.grid)


def _windows(look: Look) -> dict:
    top, left, height, width = look.window
    count, side = len(look.tensors["x1"]), min(look.g1, look.grid[0])
    channel = look.channel("x")
    inside = np.full(look.grid, -1)
    inside[top : top + height, left : left + width] = np.array(look.places).reshape(height, width)
    normed = np.zeros(look.grid)
    tall, wide = (min(look.g1, n) for n in look.grid)
    for y in range(look.grid[0]):
        for x in range(look.grid[1]):
            at = y // tall * -(-look.grid[1] // wide) + x // wide
            normed[y, x] = look.tensors["x1"][at, y % tall * wide + x % wide, channel]
    here = look.tensors["x1"][look.window_index][look.places]
    lines = [
        [f"Place {p + 1} of window {look.window_index + 1}, channel {c + 1}: {number(value)}" for c, value in enumerate(row)]
        for p, row in enumerate(here)
    ]
    ring = (look.token[0] + 0.5, look.token[1] + 0.5)
    whole = _panel(
        "x",
        "norm(X)",
        f"channel {channel + 1} at all {look.grid[0]} × {look.grid[1]} tokens",
        normed,
        "local",
        cells=("place", inside.tolist()),
        ring=ring,
        kind="map",
        frame=look.window,
        every=side,
    )
    cut = _panel(
        "x1",
        symbol("X", "1"),
        f"the token’s window: {len(here)} tokens × {look.channels} channels",
        here,
        "local",
        rows=("place", look.places),
        columns=("channel", list(range(look.channels))),
        says=lines,
        own=look.places.index(look.place),
    )
    size = f"{look.grid[0]} × {look.grid[1]} × {look.channels}"
    equation = [
        _term(symbol("X", "1"), "x1", "local", "the windows", f"{count} × {side * side} × {look.channels}"),
        f"= windows of {look.g1} × {look.g1} from",
        _term("norm(" + symbol("X") + ")", "x", "local", "the block’s input, normalised", size),
    ]
    return {"equation": equation, "columns": [[whole], [cut]], "start": ("x1", look.places.index(look.place), channel)}


def _part(look: Look, name: str, part: int) -> tuple[np.ndarray, np.ndarray]:
    """The columns of a weight matrix that make one part (query, key, value) of the chosen head: [C, d], and their bias [d]."""
    start = part * look.channels + look.head * look.head_dim
    return look.weights[name][:, start : start + look.head_dim], look.weights[f"{name}+"][start : start + look.head_dim]


def _projection(look: Look, source: str, step: str, query: np.ndarray, matrix: tuple[np.ndarray, np.ndarray]) -> list[list[dict]]:
    """A token's C numbers, the matrix of its head, and the d numbers of its query: three panels in two columns."""
    weight, bias = matrix
    numbers = look.tensors["x1"][look.window_index, look.place] if step == "1" else look.at_token("a1")
    channels, dims = list(range(look.channels)), list(range(look.head_dim))
    lines = [
        [
            f"q[{j + 1}] = {look.channels} products, one for each channel, summed: {number(numbers @ weight[:, j])}; "
            f"plus its bias {number(bias[j])} = <b>{number(query[j])}</b>"
            for j in dims
        ]
    ]
    size = f"{look.channels} channels × {look.head_dim}"
    whole = _panel(
        "w", symbol("W", step, "q"), f"head {look.head + 1}: {size}", weight, "ink", rows=("channel", channels), columns=("d", dims)
    )
    given = _panel("in", source, f"{look.channels} channels", numbers[:, None], "query", rows=("channel", channels), kind="column")
    asked = _strip("q", symbol("q", step), f"{look.head_dim} numbers", query, "query", "d", says=lines)
    return [[given], [whole, asked]]


def _answers(look: Look, step: str, parts: tuple[np.ndarray, ...], hue: str, unit: str) -> list[dict]:
    """The keys and values [keys, d] of the chosen head. parts: of `_local_parts` or `_global_parts`."""
    _, keys, values, weights = parts
    at, dims = _strongest(weights), ("d", list(range(look.head_dim)))
    own = look.places.index(look.place) if step == "1" else None
    more = {"own": at.index(own)} if own in at else {}
    size = f"{_shown(len(keys), unit)} × {look.head_dim}"
    return [
        _panel(name, symbol(letter, step), size, numbers[at], hue, rows=("key", at), columns=dims, **more)
        for name, letter, numbers in (("k", "K", keys), ("v", "V", values))
    ]


def _shown(keys: int, unit: str) -> str:
    return f"{keys} {unit}" if keys <= MOST_KEYS else f"the {MOST_KEYS} strongest of {keys:,} {unit}"


def _local_parts(look: Look) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """q [d], k and v [keys, d] of the token's window and head, and the weights [keys] that the softmax gave."""
    at = look.window_index, look.head
    q, k, v, p = (look.tensors[name][at] for name in ("q1", "k1", "v1", "p1"))
    return q[look.place], k[look.places], v[look.places], p[look.place][look.places]


def _global_parts(look: Look) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The same over the pooled cells."""
    q, k, v, p = (look.tensors[name][look.head] for name in ("q2", "k2", "v2", "p2"))
    return q[look.row], k, v, p[look.row]


def _strongest(weights: np.ndarray) -> list[int]:
    """The keys that are drawn, in their order: all, or the strongest."""
    return sorted(np.argsort(weights)[::-1][:MOST_KEYS].tolist())


def _three(look: Look, step: str, parts: Callable, source: str, matrix: str, hue: str, unit: str) -> dict:
    """Eqs. 7 and 12: query, keys and values by three matrices. source: what the keys are made of; matrix: the queries' weights."""
    q, k, v, p = parts(look)
    query_of = symbol("X", "1") if step == "1" else symbol("A", "1")
    columns = _projection(look, query_of, step, q, _part(look, matrix, 0))
    columns += [[answers] for answers in _answers(look, step, (q, k, v, p), hue, unit)]
    size = f"{look.channels} × {look.channels}"
    whole = {name: look.tensors[name + step] for name in "qkv"}
    shape = {name: " × ".join(map(str, (*array.shape[:-3], array.shape[-2], look.channels))) for name, array in whole.items()}
    equation = [
        _term(symbol("Q", step), "q", "query", "queries: what each token asks for", shape["q"]),
        "=",
        _term(query_of, "in", "query", "the tokens that ask", shape["q"]),
        _term(symbol("W", step, "q"), "w", "ink", "the matrix of the queries", size),
        _term(symbol("K", step), "k", hue, "keys: what each answers to", shape["k"]),
        f"= {source} {symbol('W', step, 'k')}",
        _term(symbol("V", step), "v", hue, "values: what each hands over", shape["v"]),
        f"= {source} {symbol('W', step, 'v')}",
    ]
    return {"equation": equation, "columns": columns, "start": ("q", 0, int(np.abs(q).argmax()))}


def _attention(look: Look, step: str, parts: Callable, box: tuple[int, int, int, int], shape: tuple[int, int], hue: str, unit: str) -> dict:
    """Eq. 2 over the window (Eq. 8) or over the cells (Eq. 13). box: what the weights cover on the map; shape: keys down and across."""
    q, k, v, p = parts(look)
    products = k @ q
    scores = products / look.head_dim**0.5
    answer = p @ v
    powers = np.exp(scores)
    total = f"{powers.sum():,.2f}"
    if powers.sum() >= 1e7:
        head, power = f"{powers.sum():.2e}".split("e")
        total = f"({head} · 10<sup>{int(power)}</sup>)"
    lines = [
        f"{_key_name(i, shape, unit)}: q·k = {number(products[i])} → ÷ √{look.head_dim} = {number(scores[i])} → "
        f"e<sup>{number(scores[i])}</sup> / {total} = <b>{p[i]:.4f}</b>"
        for i in range(len(p))
    ]
    at = _strongest(p)
    keys, values = _answers(look, step, (q, k, v, p), hue, unit)
    asked = _strip("q", symbol("q", step), f"this token: {look.head_dim} numbers", q, "query", "d")
    letter = symbol("a", step)
    sums = [[f"{letter}[{j + 1}] = {len(p)} products of weight and value, summed = <b>{number(answer[j])}</b>" for j in range(len(answer))]]
    given = _strip("a", letter, f"the answer: {look.head_dim} numbers", answer, hue, "d", says=sums)
    bars = _panel("s", f"q·k / √{look.head_dim}", "", scores[at][:, None], hue, rows=("key", at), kind="bars")
    cells = np.arange(len(p)).reshape(shape)
    if step == "1":
        ring = (look.token[0] - box[0] + 0.5, look.token[1] - box[1] + 0.5)
    else:
        ring = ((look.token[0] + 0.5) / look.g2, (look.token[1] + 0.5) / look.g2)
    weights = _panel(
        "p",
        "Softmax",
        f"{len(p):,}, in %; sum {p.sum():.4f}",
        p.reshape(shape),
        hue,
        cells=("key", cells.tolist()),
        kind="photo",
        ring=ring,
        says=[[lines[i] for i in row] for row in cells.tolist()],
        crop=[box[0] / look.grid[0], box[1] / look.grid[1], box[2] / look.grid[0], box[3] / look.grid[1]],
        # The last cells may be cut off by the edge of the map: lengths of rows and columns, in cells.
        size=[box[2] / look.g2, box[3] / look.g2] if step == "2" else list(shape),
    )
    size = f"{len(p):,} × {look.head_dim}"
    equation = [
        _term(letter, "a", hue, "the answer", str(look.head_dim)),
        "=",
        _term("Softmax", "p", hue, "the weights: positive, together 1", f"{len(p):,}"),
        '<span class="paren">(</span>',
        _term(symbol("q", step), "q", "query", "what this token asks for", str(look.head_dim)),
        _term(symbol("K", step, "⊤"), "k", hue, "what each key answers to", size),
        "/",
        _term(f"√<span class=root>{look.head_dim}</span>", "s", "ink", "the scores, kept small by the root of d", f"d = {look.head_dim}"),
        '<span class="paren">)</span>',
        _term(symbol("V", step), "v", hue, "what each hands over", size),
    ]
    start = np.unravel_index(p.argmax(), shape)
    columns = [[keys, asked], [bars], [weights], [values, given]]
    return {"equation": equation, "columns": columns, "start": ("p", int(start[0]), int(start[1]))}


def _key_name(index: int, shape: tuple[int, int], unit: str) -> str:
    row, column = divmod(index, shape[1])
    return f"{'Cell' if unit == 'cells' else 'Token'} ({row + 1}, {column + 1})"


def _residual(look: Look) -> dict:
    channel, numbers = look.channel("joined"), _numbers(look)
    near, given, both, normed = (look.at_token(name) for name in ("local", "x", "joined", "a1"))
    lines = [[f"channel {c + 1}: {number(near[c])} + {number(given[c])} = <b>{number(both[c])}</b>" for c in range(look.channels)]]
    small = "this token’s channels"
    columns = []
    triple = (("local", "Local", near, "local"), ("x", "X", given, "ink"), ("joined", "Sum", both, "local"))
    for name, word, values, hue in triple:
        title = {"local": f"{symbol('A', '1')} of Eq. 8", "x": symbol("X"), "joined": f"{symbol('A', '1')} of Eq. 9"}[name]
        more = {"says": lines} if name == "joined" else {}
        columns.append(
            [
                _on_map(look, name, title, channel, hue, numbers, "token"),
                _strip(f"{name}-strip", word, small, values, hue, **more),
            ]
        )
    columns[2].append(_strip("a1", f"norm({symbol('A', '1')})", "what Eqs. 10 to 14 read", normed, "local"))
    size = f"{look.grid[0]} × {look.grid[1]} × {look.channels}"
    equation = [
        _term(symbol("A", "1"), "joined", "local", "both together", size),
        "=",
        _term(symbol("A", "1"), "local", "local", "what the token heard in its window", size),
        "+",
        _term(symbol("X"), "x", "ink", "what the block was given", size),
    ]
    return {"equation": equation, "columns": columns, "start": ("joined-strip", 0, channel)}


def _cells(look: Look) -> np.ndarray:
    """For each token the number of its cell: [h, w]."""
    across = -(-look.grid[1] // look.g2)
    return np.arange(look.grid[0])[:, None] // look.g2 * across + np.arange(look.grid[1])[None] // look.g2


def _pooling(look: Look) -> dict:
    channel, cells = look.channel("a1"), _cells(look)
    means = cell_means(look.tensors["a1"], look.g2)[channel]
    pooled = look.tensors["pooled"][channel]
    counts = np.bincount(cells.ravel())
    lines = [
        [
            f"Cell ({r + 1}, {c + 1}): mean over its {counts[r * pooled.shape[1] + c]} tokens in channel {channel + 1} = "
            f"{number(means[r, c])} → normalised <b>{number(pooled[r, c])}</b>"
            for c in range(pooled.shape[1])
        ]
        for r in range(pooled.shape[0])
    ]
    hat = symbol("Â", "1")
    small = f"channel {channel + 1}: {pooled.shape[0]} × {pooled.shape[1]} cells"
    ids = np.arange(pooled.size).reshape(pooled.shape).tolist()
    size = [side / look.g2 for side in look.grid]
    ring = ((look.token[0] + 0.5) / look.g2, (look.token[1] + 0.5) / look.g2)
    whole = _on_map(look, "a1", symbol("A", "1"), channel, "local", cells, "cell", every=look.g2)
    small_map = _panel("pooled", hat, small, pooled, "global", cells=("cell", ids), kind="map", says=lines, size=size, ring=ring)
    equation = [
        _term(hat, "pooled", "global", "the cells", f"{pooled.shape[0]} × {pooled.shape[1]} × {look.channels}"),
        f"= mean over {look.g2} × {look.g2} of",
        _term(symbol("A", "1"), "a1", "local", "all tokens", f"{look.grid[0]} × {look.grid[1]} × {look.channels}"),
    ]
    own = look.token[0] // look.g2, look.token[1] // look.g2
    return {"equation": equation, "columns": [[whole], [small_map]], "start": ("pooled", *map(int, own))}


def _flatten(look: Look) -> dict:
    numbers, cells = _numbers(look), _cells(look)
    channel = look.channel("a1")
    keys, across = look.tensors["keys"], -(-look.grid[1] // look.g2)
    own = int(cells[look.token])
    near = sorted(range(len(keys)), key=lambda i: abs(i - own))[:MOST_KEYS] if len(keys) > MOST_KEYS else range(len(keys))
    near = sorted(near)
    lines = [
        [
            f"Cell ({i // across + 1}, {i % across + 1}) is row {i + 1}; its channel {c + 1}: {number(keys[i, c])}"
            for c in range(look.channels)
        ]
        for i in near
    ]
    first = max(0, min(look.row - 8, len(look.tensors["rows"]) - 17))
    last = min(first + 17, len(look.tensors["rows"]))
    tokens = look.tensors["rows"][first:last]
    said = [
        [
            f"Token ({i // look.grid[1] + 1}, {i % look.grid[1] + 1}) is row {i + 1} of {numbers.size:,}; channel {c + 1}: "
            f"{number(look.tensors['rows'][i, c])}"
            for c in range(look.channels)
        ]
        for i in range(first, last)
    ]
    channels = ("channel", list(range(look.channels)))
    whole = _on_map(look, "a1", f"{symbol('A', '1')}, a map", channel, "local", numbers, "token")
    listed = _panel(
        "rows",
        f"{symbol('A', '1')}, a list",
        f"rows {first + 1} to {last} of {numbers.size:,}",
        tokens,
        "local",
        rows=("token", list(range(first, last))),
        columns=channels,
        says=said,
        own=look.row - first,
    )
    pooled = look.tensors["pooled"][channel]
    ids = np.arange(pooled.size).reshape(pooled.shape).tolist()
    size = [side / look.g2 for side in look.grid]
    hat = symbol("Â", "1")
    small_map = _panel("pooled", f"{hat}, a map", f"channel {channel + 1}", pooled, "global", cells=("cell", ids), kind="map", size=size)
    small_list = _panel(
        "keys",
        f"{hat}, a list",
        _shown(len(keys), "rows").replace("strongest", "nearest"),
        keys[near],
        "global",
        rows=("cell", near),
        columns=channels,
        says=lines,
    )
    equation = [
        _term(symbol("A", "1"), "a1", "local", "all tokens, as a map", f"{look.grid[0]} × {look.grid[1]} × {look.channels}"),
        "→",
        _term(symbol("A", "1"), "rows", "local", "all tokens, as a list", f"{numbers.size:,} × {look.channels}"),
        '<span class="gap"></span>',
        _term(hat, "pooled", "global", "the cells, as a map", " × ".join(map(str, (*pooled.shape, look.channels)))),
        "→",
        _term(hat, "keys", "global", "the cells, as a list", f"{len(keys):,} × {look.channels}"),
    ]
    return {"equation": equation, "columns": [[whole, small_map], [listed, small_list]], "start": ("rows", look.row - first, channel)}


def _output(look: Look) -> dict:
    near, far, given, out = (look.at_token(name) for name in ("a1", "a2", "x", "out"))
    weight, bias, both = look.weights["proj"], look.weights["proj+"], near + far
    sums = [[f"channel {c + 1}: {number(near[c])} + {number(far[c])} = <b>{number(both[c])}</b>" for c in range(look.channels)]]
    lines = [
        [
            f"channel {c + 1}: {look.channels} products, summed, plus a bias = {number(both @ weight[:, c] + bias[c])}; "
            f"plus X {number(given[c])} = <b>{number(out[c] + given[c])}</b>"
            for c in range(look.channels)
        ]
    ]
    channels = list(range(look.channels))
    count = f"this token: {look.channels} channels"
    left = [
        _strip("a1", symbol("A", "1"), "near, " + count, near, "local", "from"),
        _strip("a2", symbol("A", "2"), "far, " + count, far, "global", "from"),
        _strip("sum", f"{symbol('A', '1')} + {symbol('A', '2')}", "both", both, "ink", "from", says=sums),
        _strip("x", symbol("X"), "what the block was given", given, "ink", "channel"),
        _strip("out", "Result", "what the block goes on with", out + given, "ink", "channel", says=lines),
    ]
    matrix = _panel(
        "w",
        symbol("W", "", "p"),
        f"{look.channels} × {look.channels}, from (down) and to (across) each channel",
        weight,
        "ink",
        rows=("from", channels),
        columns=("channel", channels),
        kind="square",
    )
    size = f"{look.grid[0]} × {look.grid[1]} × {look.channels}"
    equation = [
        _term("H‑MHSA(X)", "out", "ink", "the result", size),
        '= <span class="paren">(</span>',
        _term(symbol("A", "1"), "a1", "local", "the near answer", size),
        "+",
        _term(symbol("A", "2"), "a2", "global", "the far answer", size),
        '<span class="paren">)</span>',
        _term(symbol("W", "", "p"), "w", "ink", "the matrix that mixes the heads", f"{look.channels} × {look.channels}"),
        "+",
        _term(symbol("X"), "x", "ink", "what the block was given", size),
    ]
    return {"equation": equation, "columns": [left, [matrix]], "start": ("out", 0, int(np.abs(out).argmax()))}


def _cost(look: Look, terms: dict[str, float]) -> dict:
    h, w = look.grid
    c, tokens = look.channels, h * w
    written = {
        "local projections": ("3HWC²", "local", f"3 × {tokens:,} × {c}²"),
        "local products": ("2HWC·G₁²", "local", f"2 × {tokens:,} × {c} × {look.g1}²"),
        "global projections": ("HWC² + 2HWC²/G₂²", "global", f"{tokens:,} × {c}² + 2 × {tokens:,} × {c}² / {look.g2}²"),
        "global products": ("2(HW)²C/G₂²", "global", f"2 × {tokens:,}² × {c} / {look.g2}²"),
    }
    total = sum(terms.values())
    panels, equation = [], ['<span class="omega">Ω</span> =']
    for index, (name, (formula, hue, numbers)) in enumerate(written.items()):
        line = f"{name.capitalize()}: {numbers} = <b>{terms[name]:,.0f}</b> multiply-adds, {100 * terms[name] / total:.0f} % of Eq. 15"
        small = f"{terms[name] / 1e6:.3g} million · {100 * terms[name] / total:.0f} %"
        value = np.array([[terms[name]]])
        panels.append(
            _panel(f"t{index}", name.capitalize(), small, value, hue, rows=("term", [index]), kind="share", says=[[line]])
            | {"most": max(terms.values())}
        )
        equation += ["+"] * bool(index) + [_term(formula, f"t{index}", hue, name, f"{terms[name] / 1e6:.3g} M")]
    largest = max(range(4), key=lambda i: list(terms.values())[i])
    return {"equation": equation, "columns": [panels], "start": (f"t{largest}", 0, 0)}


def _two_cells(look: Look) -> tuple[int, int]:
    return tuple(-(-side // look.g2) for side in look.grid)


_BOARDS: dict[int, Callable[[Look], dict]] = {
    6: _windows,
    7: lambda look: _three(look, "1", _local_parts, symbol("X", "1"), "qkv", "local", "tokens"),
    8: lambda look: _attention(look, "1", _local_parts, look.window, look.window[2:], "local", "tokens"),
    9: _residual,
    10: _pooling,
    11: _flatten,
    12: lambda look: _three(look, "2", _global_parts, symbol("Â", "1"), "q", "global", "cells"),
    13: lambda look: _attention(look, "2", _global_parts, (0, 0, *look.grid), _two_cells(look), "global", "cells"),
    14: _output,
}
