"""Eq. 2 over the whole map, over the window (Eq. 8) and over the cells (Eq. 13); queries, keys and values (Eqs. 1, 7 and 12)."""

from dataclasses import dataclass

import numpy as np

from app.views.equations.boards.panels import (
    LOCAL,
    MOST_KEYS,
    NORMED,
    POOLED,
    Selection,
    keys_shown,
    line,
    number,
    panel,
    place,
    strip,
    symbol,
    term,
)
from app.views.equations.numpy_equations import softmax


@dataclass(frozen=True, kw_only=True)
class _Step:
    """What differs between the local and the global step, and plain attention."""

    index: str  # of its symbols
    hue: str
    unit: str  # what its keys are
    query_source: str  # the symbol of what queries are made from
    key_source: str


_NORM_X = f"norm({symbol('X')})"
_PLAIN = _Step(index="", hue="global", unit="tokens", query_source=_NORM_X, key_source=_NORM_X)
_LOCAL = _Step(index="1", hue="local", unit="tokens", query_source=symbol("X", "1"), key_source=symbol("X", "1"))
_GLOBAL = _Step(index="2", hue="global", unit="cells", query_source=NORMED, key_source=POOLED)


def plain_attention(selection: Selection) -> dict:
    drawn = _attention(selection, _PLAIN, (0, 0, *selection.grid), selection.grid)
    rows, c = f"{selection.token_ids.size:,} × {selection.channels}", selection.channels
    last = line(
        3,
        term(f"{symbol('A')}′", "", "ink", "what the attention layer passes on", rows),
        "=",
        term(symbol("A"), "", "global", "the answers of all tokens and heads", rows),
        term(symbol("W", "", "p"), "", "ink", "the matrix that mixes the heads", f"{c} × {c}"),
        "+",
        term(symbol("b", "", "p"), "", "ink", "its bias", f"{c}"),
        "+",
        term(symbol("X"), "", "ink", "the input", rows),
    )
    return drawn | {"equations": [*_projection_lines(_PLAIN, 1, dict.fromkeys("qkv", rows), c), *drawn["equations"], last]}


def local_projections(selection: Selection) -> dict:
    return _projections(selection, _LOCAL, 7, "qkv", selection.tensors["x1"][selection.window_index, selection.place])


def local_attention(selection: Selection) -> dict:
    drawn = _attention(selection, _LOCAL, selection.window, selection.window[2:])
    windows = " × ".join(map(str, selection.tensors["x1"].shape))
    return _put_back(drawn, 8, LOCAL, "local", windows, selection.map_size)


def global_projections(selection: Selection) -> dict:
    return _projections(selection, _GLOBAL, 12, "q", selection.at_token("a1"))


def global_attention(selection: Selection) -> dict:
    drawn = _attention(selection, _GLOBAL, (0, 0, *selection.grid), tuple(-(-side // selection.g2) for side in selection.grid))
    rows = f"{selection.token_ids.size:,} × {selection.channels}"
    return _put_back(drawn, 13, symbol("A", "2"), "global", rows, selection.map_size)


def _put_back(drawn: dict, number: int, answers: str, hue: str, before: str, after: str) -> dict:
    """The board with one more equation: the answers of all tokens and heads return to the map."""
    words = "the answers of all tokens and heads"
    last = line(number, term(answers, "", hue, words, before), "→", term(answers, "", hue, f"{words}, on the map", after))
    return drawn | {"equations": [*drawn["equations"], last]}


def _projection_lines(step: _Step, number: int, sizes: dict[str, str], channels: int) -> list[dict]:
    """Eq. 1, 7 or 12, one line each for Q, K and V. sizes: of each of "qkv"."""
    lines = []
    for letter, name, words in (("q", "queries", "looks for"), ("k", "keys", "can be found by"), ("v", "values", "passes on")):
        hue, source = ("query", step.query_source) if letter == "q" else (step.hue, step.key_source)
        drawn = "" if step is _PLAIN else letter
        given, matrix, bias = ("in", "w", "b") if drawn == "q" else ("", "", "")  # the matrices of keys and values are not drawn
        lines.append(
            line(
                number,
                term(symbol(letter.upper(), step.index), drawn, hue, f"{name}: what each {words}", sizes[letter]),
                "=",
                term(source, given, hue, f"what the {name} are made from", sizes[letter]),
                term(symbol("W", step.index, letter), matrix, "ink", f"the learned matrix of the {name}", f"{channels} × {channels}"),
                "+",
                term(symbol("b", step.index, letter), bias, "ink", f"the bias of the {name}: one number for each channel", f"{channels}"),
            )
        )
    return lines


def _projections(selection: Selection, step: _Step, equation: int, weights: str, given: np.ndarray) -> dict:
    """Eqs. 7 and 12: query, keys and values by three matrices. given [C]: what the token's query is made from.

    weights: the name of the layer whose first columns make the queries.
    """
    q, k, v, p = _of_head(selection, step)
    first = selection.head * selection.head_dim
    weight, bias = (selection.weights[name][..., first : first + q.size] for name in (weights, f"{weights}+"))
    channels, dims = ("channel", list(range(selection.channels))), ("d", list(range(q.size)))
    lines = [
        [
            f"q[{j + 1}] = {selection.channels} products, one for each channel, summed: {number(given @ weight[:, j])}; "
            f"plus its bias {number(bias[j])} = <b>{number(q[j])}</b>"
            for j in range(q.size)
        ]
    ]
    small = f"head {selection.head + 1}: {selection.channels} channels × {q.size}"
    columns = [
        [panel("in", step.query_source, "", given[:, None], "query", rows=channels, kind="column")],
        [
            panel("w", symbol("W", step.index, "q"), small, weight, "ink", rows=channels, columns=dims),
            strip("b", symbol("b", step.index, "q"), f"the bias: {q.size} numbers", bias, "ink", "d"),
            strip("q", symbol("q", step.index), f"this token: {q.size} numbers", q, "query", "d", says=lines),
        ],
        *([one] for one in _keys_and_values(selection, step, k, v, p)),
    ]
    sizes = {}
    for letter in "qkv":
        whole = selection.tensors[letter + step.index].shape
        sizes[letter] = " × ".join(map(str, (*whole[:-3], whole[-2], selection.channels)))
    equations = _projection_lines(step, equation, sizes, selection.channels)
    return {"equations": equations, "columns": columns, "start": ("q", 0, int(np.abs(q).argmax()))}


def _attention(selection: Selection, step: _Step, box: tuple[int, int, int, int], shape: tuple[int, int]) -> dict:
    """Eq. 2 over some keys. box: what they cover on the map; shape: keys down and across."""
    q, k, v, p = _of_head(selection, step)
    products = k @ q
    scores = products / q.size**0.5
    answer = p @ v
    total = np.exp(scores).sum()
    written = f"{total:,.2f}"
    if total >= 1e7:
        head, power = f"{total:.2e}".split("e")
        written = f"({head} · 10<sup>{int(power)}</sup>)"
    pool = selection.g2 if step is _GLOBAL else 1
    name, (top, left) = ("Cell" if step is _GLOBAL else "Token"), box[:2]
    lines = [
        f"{name} in {place(top + i // shape[1], left + i % shape[1])}: q·k = {number(products[i])} → ÷ √{q.size} = {number(scores[i])} → "
        f"e<sup>{number(scores[i])}</sup> ÷ {written} (the sum over all keys) = <b>{p[i]:.4f}</b>"
        for i in range(p.size)
    ]
    keys, values = _keys_and_values(selection, step, k, v, p)
    query = strip("q", symbol("q", step.index), f"this token: {q.size} numbers", q, "query", "d")
    letter = symbol("a", step.index)
    sums = [
        [f"{letter}[{j + 1}] = {p.size:,} products of weight and value, summed = <b>{number(value)}</b>" for j, value in enumerate(answer)]
    ]
    mixed = strip("a", letter, f"the answer: {q.size} numbers", answer, step.hue, "d", says=sums)
    drawn = _strongest(p)
    bars = panel("s", f"q·k / √{q.size}", "", scores[drawn][:, None], step.hue, rows=("key", drawn), kind="bars")
    ids = np.arange(p.size).reshape(shape).tolist()
    weights = panel(
        "p",
        "Softmax",
        f"{p.size:,}, in %; sum {p.sum():.4f}",
        p.reshape(shape),
        step.hue,
        cells=("key", ids),
        kind="photo",
        ring=selection.ring(box[:2], pool),
        origin=(top, left),
        says=[[lines[i] for i in row] for row in ids],
        crop=[side / selection.grid[axis % 2] for axis, side in enumerate(box)],
        # The map's edge may cut the last cells off: the height and width of the map, in cells.
        size=[side / pool for side in box[2:]],
    )
    size = f"{p.size:,} × {q.size}"
    equation = line(
        2,
        term(letter, "a", step.hue, "this token’s answer in this head", str(q.size)),
        "=",
        term("Softmax", "p", step.hue, "the weights: positive, with a sum of 1", f"{p.size:,}"),
        '<span class="paren">(</span>',
        term(symbol("q", step.index), "q", "query", "its query: what this token looks for", str(q.size)),
        term(symbol("K", step.index, "T"), "k", step.hue, "keys: what each can be found by", f"{q.size} × {p.size:,}"),
        "/",
        term(f"√<span class=root>{q.size}</span>", "s", "ink", "the scores, kept small by the root of d", f"d = {q.size}"),
        '<span class="paren">)</span>',
        term(symbol("V", step.index), "v", step.hue, "values: what each passes on", size),
    )
    row, column = np.unravel_index(p.argmax(), shape)
    return {"equations": [equation], "columns": [[keys, query], [bars], [weights], [values, mixed]], "start": ("p", int(row), int(column))}


def _of_head(selection: Selection, step: _Step) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The token's query [d], the keys and values [keys, d] that it reads with this head, and the weights [keys] from the softmax."""
    if step is _PLAIN:
        q, k, v = (selection.row_by_row(name)[selection.head] for name in ("q1", "k1", "v1"))
        return q[selection.row], k, v, softmax(k @ q[selection.row] / q.shape[-1] ** 0.5)
    q, k, v, p = (selection.tensors[name + step.index] for name in "qkvp")
    if step is _GLOBAL:
        q, k, v, p = (tensor[selection.head] for tensor in (q, k, v, p))
        return q[selection.row], k, v, p[selection.row]
    q, k, v, p = (tensor[selection.window_index, selection.head] for tensor in (q, k, v, p))
    return q[selection.place], k[selection.places], v[selection.places], p[selection.place][selection.places]


def _keys_and_values(selection: Selection, step: _Step, k: np.ndarray, v: np.ndarray, p: np.ndarray) -> list[dict]:
    """Two panels, of the strongest keys where there are too many."""
    drawn, dims = _strongest(p), ("d", list(range(selection.head_dim)))
    own = {_PLAIN: selection.row, _LOCAL: selection.places.index(selection.place)}.get(step)
    more = {"own": drawn.index(own)} if own in drawn else {}
    small = f"{keys_shown(len(k), step.unit)} × {selection.head_dim}"
    return [
        panel(name, symbol(name.upper(), step.index), small, numbers[drawn], step.hue, rows=("key", drawn), columns=dims, **more)
        for name, numbers in (("k", k), ("v", v))
    ]


def _strongest(weights: np.ndarray) -> list[int]:
    """The keys that are drawn, in their order: all, or the strongest."""
    return sorted(np.argsort(weights)[::-1][:MOST_KEYS].tolist())
