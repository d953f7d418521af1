"""Eqs. 7 and 8, and once more over the cells, 12 and 13: queries, keys and values, and the attention that they make (Eq. 2)."""

from collections.abc import Callable

import numpy as np

from app.views.equations.boards.panels import MOST_KEYS, Look, number, panel, shown, strip, symbol, term


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
    whole = panel(
        "w", symbol("W", step, "q"), f"head {look.head + 1}: {size}", weight, "ink", rows=("channel", channels), columns=("d", dims)
    )
    given = panel("in", source, f"{look.channels} channels", numbers[:, None], "query", rows=("channel", channels), kind="column")
    asked = strip("q", symbol("q", step), f"{look.head_dim} numbers", query, "query", "d", says=lines)
    return [[given], [whole, asked]]


def _answers(look: Look, step: str, parts: tuple[np.ndarray, ...], hue: str, unit: str) -> list[dict]:
    """The keys and values [keys, d] of the chosen head. parts: of `_local_parts` or `_global_parts`."""
    _, keys, values, weights = parts
    at, dims = _strongest(weights), ("d", list(range(look.head_dim)))
    own = look.places.index(look.place) if step == "1" else None
    more = {"own": at.index(own)} if own in at else {}
    size = f"{shown(len(keys), unit)} × {look.head_dim}"
    return [
        panel(name, symbol(letter, step), size, numbers[at], hue, rows=("key", at), columns=dims, **more)
        for name, letter, numbers in (("k", "K", keys), ("v", "V", values))
    ]


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
        term(symbol("Q", step), "q", "query", "queries: what each token asks for", shape["q"]),
        "=",
        term(query_of, "in", "query", "the tokens that ask", shape["q"]),
        term(symbol("W", step, "q"), "w", "ink", "the matrix of the queries", size),
        term(symbol("K", step), "k", hue, "keys: what each answers to", shape["k"]),
        f"= {source} {symbol('W', step, 'k')}",
        term(symbol("V", step), "v", hue, "values: what each hands over", shape["v"]),
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
    asked = strip("q", symbol("q", step), f"this token: {look.head_dim} numbers", q, "query", "d")
    letter = symbol("a", step)
    sums = [[f"{letter}[{j + 1}] = {len(p)} products of weight and value, summed = <b>{number(answer[j])}</b>" for j in range(len(answer))]]
    given = strip("a", letter, f"the answer: {look.head_dim} numbers", answer, hue, "d", says=sums)
    bars = panel("s", f"q·k / √{look.head_dim}", "", scores[at][:, None], hue, rows=("key", at), kind="bars")
    cells = np.arange(len(p)).reshape(shape)
    if step == "1":
        ring = (look.token[0] - box[0] + 0.5, look.token[1] - box[1] + 0.5)
    else:
        ring = ((look.token[0] + 0.5) / look.g2, (look.token[1] + 0.5) / look.g2)
    weights = panel(
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
        term(letter, "a", hue, "the answer", str(look.head_dim)),
        "=",
        term("Softmax", "p", hue, "the weights: positive, together 1", f"{len(p):,}"),
        '<span class="paren">(</span>',
        term(symbol("q", step), "q", "query", "what this token asks for", str(look.head_dim)),
        term(symbol("K", step, "⊤"), "k", hue, "what each key answers to", size),
        "/",
        term(f"√<span class=root>{look.head_dim}</span>", "s", "ink", "the scores, kept small by the root of d", f"d = {look.head_dim}"),
        '<span class="paren">)</span>',
        term(symbol("V", step), "v", hue, "what each hands over", size),
    ]
    start = np.unravel_index(p.argmax(), shape)
    columns = [[keys, asked], [bars], [weights], [values, given]]
    return {"equation": equation, "columns": columns, "start": ("p", int(start[0]), int(start[1]))}


def _key_name(index: int, shape: tuple[int, int], unit: str) -> str:
    row, column = divmod(index, shape[1])
    return f"{'Cell' if unit == 'cells' else 'Token'} ({row + 1}, {column + 1})"


def local_projections(look: Look) -> dict:
    return _three(look, "1", _local_parts, symbol("X", "1"), "qkv", "local", "tokens")


def local_attention(look: Look) -> dict:
    return _attention(look, "1", _local_parts, look.window, look.window[2:], "local", "tokens")


def global_projections(look: Look) -> dict:
    return _three(look, "2", _global_parts, symbol("Â", "1"), "q", "global", "cells")


def global_attention(look: Look) -> dict:
    shape = tuple(-(-side // look.g2) for side in look.grid)
    return _attention(look, "2", _global_parts, (0, 0, *look.grid), shape, "global", "cells")
