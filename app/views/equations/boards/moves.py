"""Eqs. 6, 10 and 11: tokens are cut into windows, averaged into cells, and listed."""

import numpy as np

from app.views.equations.boards.panels import (
    MOST_KEYS,
    Look,
    cells_of,
    number,
    numbers_of,
    on_map,
    panel,
    shown,
    symbol,
    term,
)
from app.views.equations.numpy_check import cell_means


def windows(look: Look) -> dict:
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
    whole = panel(
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
    cut = panel(
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
        term(symbol("X", "1"), "x1", "local", "the windows", f"{count} × {side * side} × {look.channels}"),
        f"= windows of {look.g1} × {look.g1} from",
        term("norm(" + symbol("X") + ")", "x", "local", "the block’s input, normalised", size),
    ]
    return {"equation": equation, "columns": [[whole], [cut]], "start": ("x1", look.places.index(look.place), channel)}


def pooling(look: Look) -> dict:
    channel, cells = look.channel("a1"), cells_of(look)
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
    whole = on_map(look, "a1", symbol("A", "1"), channel, "local", cells, "cell", every=look.g2)
    small_map = panel("pooled", hat, small, pooled, "global", cells=("cell", ids), kind="map", says=lines, size=size, ring=ring)
    equation = [
        term(hat, "pooled", "global", "the cells", f"{pooled.shape[0]} × {pooled.shape[1]} × {look.channels}"),
        f"= mean over {look.g2} × {look.g2} of",
        term(symbol("A", "1"), "a1", "local", "all tokens", f"{look.grid[0]} × {look.grid[1]} × {look.channels}"),
    ]
    own = look.token[0] // look.g2, look.token[1] // look.g2
    return {"equation": equation, "columns": [[whole], [small_map]], "start": ("pooled", *map(int, own))}


def flatten(look: Look) -> dict:
    numbers, cells = numbers_of(look), cells_of(look)
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
    whole = on_map(look, "a1", f"{symbol('A', '1')}, a map", channel, "local", numbers, "token")
    listed = panel(
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
    small_map = panel("pooled", f"{hat}, a map", f"channel {channel + 1}", pooled, "global", cells=("cell", ids), kind="map", size=size)
    small_list = panel(
        "keys",
        f"{hat}, a list",
        shown(len(keys), "rows").replace("strongest", "nearest"),
        keys[near],
        "global",
        rows=("cell", near),
        columns=channels,
        says=lines,
    )
    equation = [
        term(symbol("A", "1"), "a1", "local", "all tokens, as a map", f"{look.grid[0]} × {look.grid[1]} × {look.channels}"),
        "→",
        term(symbol("A", "1"), "rows", "local", "all tokens, as a list", f"{numbers.size:,} × {look.channels}"),
        '<span class="gap"></span>',
        term(hat, "pooled", "global", "the cells, as a map", " × ".join(map(str, (*pooled.shape, look.channels)))),
        "→",
        term(hat, "keys", "global", "the cells, as a list", f"{len(keys):,} × {look.channels}"),
    ]
    return {"equation": equation, "columns": [[whole, small_map], [listed, small_list]], "start": ("rows", look.row - first, channel)}
