"""Eqs. 6, 10 and 11: tokens are cut into windows, averaged into cells, and listed row by row."""

import numpy as np

from app.views.equations.boards.panels import (
    MOST_KEYS,
    NORMED,
    POOLED,
    Selection,
    cell_map,
    keys_shown,
    line,
    number,
    panel,
    place,
    symbol,
    term,
    token_map,
)
from app.views.equations.numpy_equations import cell_means, window_ids


def windows(selection: Selection) -> dict:
    top, left, height, width = selection.window
    x1, places = selection.tensors["x1"], selection.places
    side, channel = min(selection.g1, selection.grid[0]), selection.channel("x")
    place_ids = np.full(selection.grid, -1)
    place_ids[top : top + height, left : left + width] = np.array(places).reshape(height, width)
    ids = window_ids(*selection.grid, selection.g1)
    normed = np.zeros(selection.grid)
    normed.ravel()[ids[ids >= 0]] = x1[ids >= 0][:, channel]
    own = x1[selection.window_index][places]
    lines = [
        [
            f"Token in {place(top + p // width, left + p % width)} (place {p + 1} of window {selection.window_index + 1}), "
            f"channel {c + 1}: {number(value)}"
            for c, value in enumerate(row)
        ]
        for p, row in enumerate(own)
    ]
    whole = panel(
        "x",
        "norm(X)",
        f"channel {channel + 1} at all {selection.grid[0]} × {selection.grid[1]} tokens",
        normed,
        "local",
        cells=("place", place_ids.tolist()),
        ring=selection.ring(),
        kind="map",
        frame=selection.window,
        every=side,
    )
    cut = panel(
        "x1",
        symbol("X", "1"),
        f"the token’s window: {len(own)} tokens × {selection.channels} channels",
        own,
        "local",
        rows=("place", places),
        columns=("channel", list(range(selection.channels))),
        says=lines,
        own=places.index(selection.place),
    )
    equation = line(
        6,
        term(f"norm({symbol('X')})", "x", "local", "the block’s input, normalised", selection.map_size),
        "→",
        term(symbol("X", "1"), "x1", "local", "the windows", f"{len(x1)} × {side * side} × {selection.channels}"),
    )
    return {"equations": [equation], "columns": [[whole], [cut]], "start": ("x1", places.index(selection.place), channel)}


def pooling(selection: Selection) -> dict:
    channel, cells, g2 = selection.channel("a1"), selection.cell_ids, selection.g2
    means = cell_means(selection.tensors["a1"], g2)[channel]
    pooled = selection.tensors["pooled"][channel]
    counts = np.bincount(cells.ravel()).reshape(pooled.shape)
    lines = [
        [
            f"Cell in {place(r, c)}: mean over its {counts[r, c]} token{'s' if counts[r, c] > 1 else ''} in channel {channel + 1} = "
            f"{number(means[r, c])} → normalised <b>{number(pooled[r, c])}</b>"
            for c in range(pooled.shape[1])
        ]
        for r in range(pooled.shape[0])
    ]
    down, across = pooled.shape
    tokens = token_map(selection, "a1", NORMED, channel, "local", cells, "cell", every=g2)
    small = f"channel {channel + 1}: {down} × {across} cells"
    averaged = cell_map(selection, POOLED, small, channel, says=lines, ring=selection.ring(pool=g2))
    equation = line(
        10,
        term(POOLED, "pooled", "global", "the cells", f"{down} × {across} × {selection.channels}"),
        f"= norm(AvePool<sub>{g2}</sub>(",
        term(NORMED, "a1", "local", "all tokens", selection.map_size),
        "))",
    )
    start = ("pooled", *(int(at) // g2 for at in selection.token))
    return {"equations": [equation], "columns": [[tokens], [averaged]], "start": start}


def flatten(selection: Selection) -> dict:
    channel, channels = selection.channel("a1"), ("channel", list(range(selection.channels)))
    rows, keys, pooled = (selection.tensors[name] for name in ("rows", "keys", "pooled"))
    own, across = int(selection.cell_ids[selection.token]), pooled.shape[2]
    nearest = sorted(sorted(range(len(keys)), key=lambda i: abs(i - own))[:MOST_KEYS])
    key_lines = [
        [
            f"The cell in {place(*divmod(i, across))} is row {i + 1} of the list; its channel {c + 1}: {number(keys[i, c])}"
            for c in range(selection.channels)
        ]
        for i in nearest
    ]
    first = max(0, min(selection.row - 8, len(rows) - 17))
    last = min(first + 17, len(rows))
    row_lines = [
        [
            f"The token in {place(*divmod(i, selection.grid[1]))} is row {i + 1} of the list; its channel {c + 1}: {number(rows[i, c])}"
            for c in range(selection.channels)
        ]
        for i in range(first, last)
    ]
    token_list = panel(
        "rows",
        f"{NORMED}, a list",
        f"rows {first + 1} to {last} of {len(rows):,}",
        rows[first:last],
        "local",
        rows=("token", list(range(first, last))),
        columns=channels,
        says=row_lines,
        own=selection.row - first,
    )
    cell_list = panel(
        "keys",
        f"{POOLED}, a list",
        keys_shown(len(keys), "rows", "nearest"),
        keys[nearest],
        "global",
        rows=("cell", nearest),
        columns=channels,
        says=key_lines,
    )
    tokens = token_map(selection, "a1", f"{NORMED}, a map", channel, "local", selection.token_ids, "token")
    cells = cell_map(selection, f"{POOLED}, a map", f"channel {channel + 1}", channel)
    c, shape = selection.channels, f"{pooled.shape[1]} × {across}"
    equations = [
        line(
            11,
            term(NORMED, "a1", "local", "all tokens, as a map", selection.map_size),
            "→",
            term(NORMED, "rows", "local", "all tokens, as a list", f"{len(rows):,} × {c}"),
        ),
        line(
            11,
            term(POOLED, "pooled", "global", "the cells, as a map", f"{shape} × {c}"),
            "→",
            term(POOLED, "keys", "global", "the cells, as a list", f"{len(keys):,} × {c}"),
        ),
    ]
    start = ("rows", selection.row - first, channel)
    return {"equations": equations, "columns": [[tokens, cells], [token_list, cell_list]], "start": start}
