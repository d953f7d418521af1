"""Eqs. 7 and 8 over the window, 12 and 13 over the cells: queries, keys and values, and the attention that they make (Eq. 2)."""

from dataclasses import dataclass

import numpy as np

from app.views.equations.boards.panels import MOST_KEYS, Selection, keys_shown, number, panel, strip, symbol, term


@dataclass(frozen=True, kw_only=True)
class _Step:
    """What differs between the local and the global step."""

    index: str  # of its symbols
    hue: str
    unit: str  # what its keys are
    query_source: str  # the symbol of what queries are made from
    key_source: str
    query_weights: str  # the weights whose first columns make the queries


LOCAL = _Step(index="1", hue="local", unit="tokens", query_source=symbol("X", "1"), key_source=symbol("X", "1"), query_weights="qkv")
GLOBAL = _Step(index="2", hue="global", unit="cells", query_source=symbol("A", "1"), key_source=symbol("Â", "1"), query_weights="q")


def local_projections(selection: Selection) -> dict:
    return _projections(selection, LOCAL)


def local_attention(selection: Selection) -> dict:
    return _attention(selection, LOCAL, selection.window, selection.window[2:])


def global_projections(selection: Selection) -> dict:
    return _projections(selection, GLOBAL)


def global_attention(selection: Selection) -> dict:
    return _attention(selection, GLOBAL, (0, 0, *selection.grid), tuple(-(-side // selection.g2) for side in selection.grid))


def _projections(selection: Selection, step: _Step) -> dict:
    """Eqs. 7 and 12: query, keys and values by three matrices."""
    q, k, v, p = _of_head(selection, step)
    first = selection.head * selection.head_dim
    weight, bias = (selection.weights[name][..., first : first + q.size] for name in (step.query_weights, f"{step.query_weights}+"))
    given = selection.tensors["x1"][selection.window_index, selection.place] if step is LOCAL else selection.at_token("a1")
    channels, dims = ("channel", list(range(selection.channels))), ("d", list(range(q.size)))
    lines = [
        [
            f"q[{j + 1}] = {selection.channels} products, one for each channel, summed: {number(given @ weight[:, j])}; "
            f"plus its bias {number(bias[j])} = <b>{number(q[j])}</b>"
            for j in range(q.size)
        ]
    ]
    matrix = symbol("W", step.index, "q")
    small = f"head {selection.head + 1}: {selection.channels} channels × {q.size}"
    columns = [
        [panel("in", step.query_source, f"{selection.channels} channels", given[:, None], "query", rows=channels, kind="column")],
        [
            panel("w", matrix, small, weight, "ink", rows=channels, columns=dims),
            strip("q", symbol("q", step.index), f"{q.size} numbers", q, "query", "d", says=lines),
        ],
        *([one] for one in _keys_and_values(selection, step, k, v, p)),
    ]
    shape = {}
    for name in "qkv":
        whole = selection.tensors[name + step.index].shape
        shape[name] = " × ".join(map(str, (*whole[:-3], whole[-2], selection.channels)))
    equation = [
        term(symbol("Q", step.index), "q", "query", "queries: what each token asks for", shape["q"]),
        "=",
        term(step.query_source, "in", "query", "the tokens that read", shape["q"]),
        term(matrix, "w", "ink", "the matrix of the queries", f"{selection.channels} × {selection.channels}"),
        term(symbol("K", step.index), "k", step.hue, "keys: what each can be found by", shape["k"]),
        f"= {step.key_source} {symbol('W', step.index, 'k')}",
        term(symbol("V", step.index), "v", step.hue, "values: what each hands over", shape["v"]),
        f"= {step.key_source} {symbol('W', step.index, 'v')}",
    ]
    return {"equation": equation, "columns": columns, "start": ("q", 0, int(np.abs(q).argmax()))}


def _attention(selection: Selection, step: _Step, box: tuple[int, int, int, int], shape: tuple[int, int]) -> dict:
    """Eq. 2 over the window (Eq. 8) or over the cells (Eq. 13). box: what the weights cover on the map; shape: keys down and across."""
    q, k, v, p = _of_head(selection, step)
    products = k @ q
    scores = products / q.size**0.5
    answer = p @ v
    total = np.exp(scores).sum()
    written = f"{total:,.2f}"
    if total >= 1e7:
        head, power = f"{total:.2e}".split("e")
        written = f"({head} · 10<sup>{int(power)}</sup>)"
    name = "Token" if step is LOCAL else "Cell"
    lines = [
        f"{name} ({i // shape[1] + 1}, {i % shape[1] + 1}): q·k = {number(products[i])} → ÷ √{q.size} = {number(scores[i])} → "
        f"e<sup>{number(scores[i])}</sup> / {written} = <b>{p[i]:.4f}</b>"
        for i in range(p.size)
    ]
    keys, values = _keys_and_values(selection, step, k, v, p)
    query = strip("q", symbol("q", step.index), f"this token: {q.size} numbers", q, "query", "d")
    letter = symbol("a", step.index)
    sums = [
        [f"{letter}[{j + 1}] = {p.size} products of weight and value, summed = <b>{number(value)}</b>" for j, value in enumerate(answer)]
    ]
    mixed = strip("a", letter, f"the answer: {q.size} numbers", answer, step.hue, "d", says=sums)
    drawn = _strongest(p)
    bars = panel("s", f"q·k / √{q.size}", "", scores[drawn][:, None], step.hue, rows=("key", drawn), kind="bars")
    ids, pool = np.arange(p.size).reshape(shape).tolist(), 1 if step is LOCAL else selection.g2
    weights = panel(
        "p",
        "Softmax",
        f"{p.size:,}, in %; sum {p.sum():.4f}",
        p.reshape(shape),
        step.hue,
        cells=("key", ids),
        kind="photo",
        ring=selection.ring(box[:2], pool),
        says=[[lines[i] for i in row] for row in ids],
        crop=[side / selection.grid[axis % 2] for axis, side in enumerate(box)],
        # The map's edge may cut the last cells off: the height and width of the map, in cells.
        size=[side / pool for side in box[2:]],
    )
    size = f"{p.size:,} × {q.size}"
    equation = [
        term(letter, "a", step.hue, "the answer", str(q.size)),
        "=",
        term("Softmax", "p", step.hue, "the weights: positive, with a sum of 1", f"{p.size:,}"),
        '<span class="paren">(</span>',
        term(symbol("q", step.index), "q", "query", "what this token asks for", str(q.size)),
        term(symbol("K", step.index, "⊤"), "k", step.hue, "keys: what each can be found by", size),
        "/",
        term(f"√<span class=root>{q.size}</span>", "s", "ink", "the scores, kept small by the root of d", f"d = {q.size}"),
        '<span class="paren">)</span>',
        term(symbol("V", step.index), "v", step.hue, "what each hands over", size),
    ]
    row, column = np.unravel_index(p.argmax(), shape)
    return {"equation": equation, "columns": [[keys, query], [bars], [weights], [values, mixed]], "start": ("p", int(row), int(column))}


def _of_head(selection: Selection, step: _Step) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The token's query [d], the keys and values [keys, d] that it reads with this head, and the weights [keys] from the softmax."""
    q, k, v, p = (selection.tensors[name + step.index] for name in "qkvp")
    if step is GLOBAL:
        q, k, v, p = (tensor[selection.head] for tensor in (q, k, v, p))
        return q[selection.row], k, v, p[selection.row]
    q, k, v, p = (tensor[selection.window_index, selection.head] for tensor in (q, k, v, p))
    return q[selection.place], k[selection.places], v[selection.places], p[selection.place][selection.places]


def _keys_and_values(selection: Selection, step: _Step, k: np.ndarray, v: np.ndarray, p: np.ndarray) -> list[dict]:
    """Two panels, of the strongest keys where there are too many."""
    drawn, dims = _strongest(p), ("d", list(range(selection.head_dim)))
    own = selection.places.index(selection.place) if step is LOCAL else None
    more = {"own": drawn.index(own)} if own in drawn else {}
    small = f"{keys_shown(len(k), step.unit)} × {selection.head_dim}"
    return [
        panel(name, symbol(name.upper(), step.index), small, numbers[drawn], step.hue, rows=("key", drawn), columns=dims, **more)
        for name, numbers in (("k", k), ("v", v))
    ]


def _strongest(weights: np.ndarray) -> list[int]:
    """The keys that are drawn, in their order: all, or the strongest."""
    return sorted(np.argsort(weights)[::-1][:MOST_KEYS].tolist())
