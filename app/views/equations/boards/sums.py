"""Eqs. 9 and 14, where the answers are added, and 15, where the cost is."""

import numpy as np

from app.views.equations.boards.panels import Look, number, numbers_of, on_map, panel, strip, symbol, term


def residual(look: Look) -> dict:
    channel, numbers = look.channel("joined"), numbers_of(look)
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
                on_map(look, name, title, channel, hue, numbers, "token"),
                strip(f"{name}-strip", word, small, values, hue, **more),
            ]
        )
    columns[2].append(strip("a1", f"norm({symbol('A', '1')})", "what Eqs. 10 to 14 read", normed, "local"))
    size = f"{look.grid[0]} × {look.grid[1]} × {look.channels}"
    equation = [
        term(symbol("A", "1"), "joined", "local", "both together", size),
        "=",
        term(symbol("A", "1"), "local", "local", "what the token heard in its window", size),
        "+",
        term(symbol("X"), "x", "ink", "what the block was given", size),
    ]
    return {"equation": equation, "columns": columns, "start": ("joined-strip", 0, channel)}


def output(look: Look) -> dict:
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
        strip("a1", symbol("A", "1"), "near, " + count, near, "local", "from"),
        strip("a2", symbol("A", "2"), "far, " + count, far, "global", "from"),
        strip("sum", f"{symbol('A', '1')} + {symbol('A', '2')}", "both", both, "ink", "from", says=sums),
        strip("x", symbol("X"), "what the block was given", given, "ink", "channel"),
        strip("out", "Result", "what the block goes on with", out + given, "ink", "channel", says=lines),
    ]
    matrix = panel(
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
        term("H‑MHSA(X)", "out", "ink", "the result", size),
        '= <span class="paren">(</span>',
        term(symbol("A", "1"), "a1", "local", "the near answer", size),
        "+",
        term(symbol("A", "2"), "a2", "global", "the far answer", size),
        '<span class="paren">)</span>',
        term(symbol("W", "", "p"), "w", "ink", "the matrix that mixes the heads", f"{look.channels} × {look.channels}"),
        "+",
        term(symbol("X"), "x", "ink", "what the block was given", size),
    ]
    return {"equation": equation, "columns": [left, [matrix]], "start": ("out", 0, int(np.abs(out).argmax()))}


def cost(look: Look, terms: dict[str, float]) -> dict:
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
            panel(f"t{index}", name.capitalize(), small, value, hue, rows=("term", [index]), kind="share", says=[[line]])
            | {"most": max(terms.values())}
        )
        equation += ["+"] * bool(index) + [term(formula, f"t{index}", hue, name, f"{terms[name] / 1e6:.3g} M")]
    largest = max(range(4), key=lambda i: list(terms.values())[i])
    return {"equation": equation, "columns": [panels], "start": (f"t{largest}", 0, 0)}
