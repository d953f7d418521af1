"""Eqs. 9 and 14, which add the answers, and 15, which counts the cost."""

import numpy as np

from app.core.words import amount, short_amount
from app.views.equations.boards.panels import JOINED, LOCAL, NORMED, Selection, line, number, panel, strip, symbol, term, token_map


def residual(selection: Selection) -> dict:
    channel, tokens = selection.channel("joined"), selection.token_ids
    near, given, both, normed = (selection.at_token(name) for name in ("local", "x", "joined", "a1"))
    lines = [[f"channel {c + 1}: {number(near[c])} + {number(given[c])} = <b>{number(both[c])}</b>" for c in range(selection.channels)]]
    columns = [
        [
            token_map(selection, name, title, channel, hue, tokens, "token"),
            strip(f"{name}-strip", word, "this token’s channels", values, hue, **more),
        ]
        for name, title, word, values, hue, more in (
            ("local", f"{LOCAL} of Eq. 8", LOCAL, near, "local", {}),
            ("x", symbol("X"), symbol("X"), given, "ink", {}),
            ("joined", f"{JOINED} of Eq. 9", JOINED, both, "local", {"says": lines}),
        )
    ]
    columns[2].append(strip("a1", NORMED, "what Eqs. 10 to 14 read", normed, "local"))
    equation = line(
        9,
        term(JOINED, "joined", "local", "both together", selection.map_size),
        "=",
        term(LOCAL, "local", "local", "what the token has read in its window (Eq. 8)", selection.map_size),
        "+",
        term(symbol("X"), "x", "ink", "the block’s input", selection.map_size),
    )
    return {"equations": [equation], "columns": columns, "start": ("joined-strip", 0, channel)}


def output(selection: Selection) -> dict:
    near, far, given, out = (selection.at_token(name) for name in ("a1", "a2", "x", "out"))
    weight, bias, both = selection.weights["proj"], selection.weights["proj+"], near + far
    sums = [[f"channel {c + 1}: {number(near[c])} + {number(far[c])} = <b>{number(both[c])}</b>" for c in range(selection.channels)]]
    lines = [
        [
            f"channel {c + 1}: {selection.channels} products, summed: {number(both @ weight[:, c])}; plus its bias {number(bias[c])}; "
            f"plus X {number(given[c])} = <b>{number(out[c] + given[c])}</b>"
            for c in range(selection.channels)
        ]
    ]
    channels = list(range(selection.channels))
    count = f"this token: {selection.channels} channels"
    left = [
        strip("a1", NORMED, "near, " + count, near, "local", "from"),
        strip("a2", symbol("A", "2"), "far, " + count, far, "global", "from"),
        strip("sum", f"{NORMED} + {symbol('A', '2')}", "both", both, "ink", "from", says=sums),
        strip("b", symbol("b", "", "p"), "the bias", bias, "ink", "channel"),
        strip("x", symbol("X"), "the block’s input", given, "ink", "channel"),
        strip("out", "Result", "what the block passes on", out + given, "ink", "channel", says=lines),
    ]
    matrix = panel(
        "w",
        symbol("W", "", "p"),
        f"{selection.channels} × {selection.channels}; down: from each channel, across: to each channel",
        weight,
        "ink",
        rows=("from", channels),
        columns=("channel", channels),
        kind="square",
    )
    equation = line(
        14,
        term("H‑MHSA(X)", "out", "ink", "the result", selection.map_size),
        '= <span class="paren">(</span>',
        term(NORMED, "a1", "local", "what the token has read nearby, and what it was", selection.map_size),
        "+",
        term(symbol("A", "2"), "a2", "global", "what it has read far away", selection.map_size),
        '<span class="paren">)</span>',
        term(symbol("W", "", "p"), "w", "ink", "the matrix that mixes the heads", f"{selection.channels} × {selection.channels}"),
        "+",
        term(symbol("b", "", "p"), "b", "ink", "its bias: one number for each channel", str(selection.channels)),
        "+",
        term(symbol("X"), "x", "ink", "the block’s input", selection.map_size),
    )
    return {"equations": [equation], "columns": [left, [matrix]], "start": ("out", 0, int(np.abs(out).argmax()))}


def cost(selection: Selection, terms: dict[str, float]) -> dict:
    h, w = selection.grid
    c, tokens = selection.channels, h * w
    written = {
        "local projections": ("3HWC²", "local", f"3 × {tokens:,} × {c}²"),
        "local products": ("2HWC·G₁²", "local", f"2 × {tokens:,} × {c} × {selection.g1}²"),
        "global projections": ("HWC² + 2HWC²/G₂²", "global", f"{tokens:,} × {c}² + 2 × {tokens:,} × {c}² / {selection.g2}²"),
        "global products": ("2(HW)²C/G₂²", "global", f"2 × {tokens:,}² × {c} / {selection.g2}²"),
    }
    total = sum(terms.values())
    panels, pieces = [], ['<span class="omega">Ω</span> =']
    for index, (name, (formula, hue, numbers)) in enumerate(written.items()):
        said = f"{name.capitalize()}: {numbers} = <b>{terms[name]:,.0f}</b> multiply-adds, {100 * terms[name] / total:.0f} % of Eq. 15"
        small = f"{amount(terms[name])} · {100 * terms[name] / total:.0f} %"
        value = np.array([[terms[name]]])
        panels.append(
            panel(f"t{index}", name.capitalize(), small, value, hue, rows=("term", [index]), kind="share", says=[[said]])
            | {"most": max(terms.values())}
        )
        pieces += ["+"] * bool(index) + [term(formula, f"t{index}", hue, name, short_amount(terms[name]))]
    largest = max(range(4), key=lambda i: list(terms.values())[i])
    return {"equations": [line(15, *pieces)], "columns": [panels], "start": (f"t{largest}", 0, 0)}
