"""One attention layer as a story of seven cards about one token: the data and the text of each, with the layer's own numbers."""

import numpy as np

from app.core.layer import Layer
from app.core.words import offset, percent

NAMES = ("Image", "Tokens", "Windows", "Local", "Pool", "Global", "Sum")


def lead(layer: Layer) -> str:
    """The story in two sentences of HTML."""
    near, far, tokens = layer.near.size, layer.far.size, layer.side**2
    exactly, averaged = (
        f"{number:,} {word}{'s' * (number > 1)}" for number, word in ((near, "token"), (far, "averaged cell" if layer.g2 > 1 else "token"))
    )
    against = "instead of" if near + far < tokens else "where plain attention has"
    return (
        f"Step through one real attention layer. The {_hue('query', 'selected token')} reads {_hue('local', exactly)} one by one and "
        f"{_hue('global', averaged)}: {near + far:,} comparisons {against} {tokens:,}."
    )


def sentences(layer: Layer) -> list[str]:
    """One or two sentences of HTML for each card."""
    side, (row, column) = layer.side, layer.token
    patch = layer.pixels / side
    square = f"{patch:.0f} × {patch:.0f} pixels" if patch == round(patch) else f"about {patch:.1f} × {patch:.1f} pixels"
    down = -(-side // layer.g1)
    top, left, height, width = layer.window
    near_at = np.unravel_index(layer.near.argmax(), layer.near.shape)
    key = offset(layer.token, (top + int(near_at[0]), left + int(near_at[1])))
    cell_row, cell_column = layer.strongest
    own, inside = (round(100 * share) for share in layer.shares[:2])
    averaged = (
        f"Every {layer.g2} × {layer.g2} tokens are averaged into one {_hue('global', 'cell')}"
        if layer.g2 > 1
        else f"With G₂ = 1 each {_hue('global', 'cell')} is one token, so nothing is averaged"
    )
    sentences = [
        f"The photograph as the model gets it: {layer.pixels} × {layer.pixels} pixels of three numbers each.",
        f"Stage {layer.stage} works on {side} × {side} = <b>{side * side:,} tokens</b>, each {layer.channels} numbers about a square of "
        f"{square}. The {_hue('query', 'ring')} marks the selected one: row {row + 1}, column {column + 1}.",
        f"The map is cut into {down * down:,} window{'s' * (down > 1)} of {layer.g1} × {layer.g1} tokens. "
        f"The selected token shares {_hue('local', 'its window')} with {_others(height * width - 1)}.",
        f"It compares itself with {_hue('local', f'all {layer.near.size:,} tokens')} of the window, and takes "
        f"{_hue('local', percent(float(layer.near.max())))} from {'itself' if key == 'the token itself' else key}. "
        f"{'Here the window is the whole map.' if layer.near.size == side * side else 'Outside the window every weight is exactly 0.'}",
        f"{averaged}: {side * side:,} tokens become {_hue('global', f'{layer.far.size:,} keys')} to compare with, "
        "and together they still cover the whole picture.",
        f"The same token now reads {_hue('global', f'all {layer.far.size:,} cells')}. It takes "
        f"{_hue('global', percent(float(layer.far.max())))} from the cell at row {cell_row + 1}, column {cell_column + 1}, {_away(layer)}.",
        f"Both results are added to what the token held before. Now {own} % of it is {_hue('query', 'itself')}, {inside} % comes "
        f"from {_hue('local', 'its window')} and {100 - own - inside} % from {_hue('global', 'everywhere else')}.",
    ]
    return [text.replace(" %", "\u00a0%").replace(" × ", "\u00a0×\u00a0") for text in sentences]


def captions(layer: Layer) -> list[str]:
    """What each card shows, in plain text."""
    hops = "two hops: a cell's tokens have read their own windows first" if layer.exact else "both steps, laid over each other"
    return [
        "Click the card in front to select another token; while it has the focus, the arrow keys move the token. "
        "Elsewhere, left and right change the card.",
        "Each small square is a token. Click one to select it.",
        "White: all windows. Blue: the token's own.",
        f"The window, enlarged where there is room. The palest token has the most weight; numbers are percentages, {layer.heads}.",
        f"Average colours stand for the cells; the model averages all {layer.channels} channels.",
        f"Arcs come from the cells that the selected token reads most; the white frame is the strongest. Weights are {layer.heads}.",
        f"Bright tokens contribute to this one ({hops}; heads averaged). The map shows what it could have read, not why the model "
        "decides as it does.",
    ]


def drawn(layer: Layer, photo: np.ndarray) -> dict:
    """The data of the component. photo: uint8 [height, width, 3], for the cells' average colours."""
    rest = layer.hops.copy()
    rest[layer.token] = 0  # the token itself would outshine everything
    bright = float(np.percentile(rest, 98.5)) or float(rest.max()) or 1.0
    return {
        "grid": [layer.side, layer.side],
        "token": list(layer.token),
        "window": list(layer.window),
        "g1": layer.g1,
        "cell": layer.g2,
        "near": layer.near.round(5).tolist(),
        "far": layer.far.round(5).tolist(),
        "colours": cell_colours(photo, layer.side, layer.g2).tolist(),
        "hops": np.clip(rest / bright, 0, 1).round(3).tolist(),
        "names": NAMES,
        "sentences": sentences(layer),
        "captions": captions(layer),
    }


def cell_colours(photo: np.ndarray, side: int, cell: int) -> np.ndarray:
    """The average colour of the photograph in each cell, uint8 [cells, cells, 3]; the grid may cut off the last ones."""
    starts = np.arange(0, side, cell)
    rows, columns = (np.round(starts * length / side).astype(int) for length in photo.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(photo.astype(np.int64), rows, axis=0), columns, axis=1)
    down, across = (np.diff([*edges, length]) for edges, length in zip((rows, columns), photo.shape[:2], strict=True))
    return (sums / np.multiply.outer(down, across)[..., None]).round().astype(np.uint8)


def _hue(kind: str, text: str) -> str:
    return f'<span class="{kind}">{text}</span>'


def _others(number: int) -> str:
    return "no other token" if not number else "one other" if number == 1 else f"{number:,} others"


def _away(layer: Layer) -> str:
    """In words, how far the strongest cell's centre is from the token."""
    centres = [(min((i + 1) * layer.g2, layer.side) + i * layer.g2) / 2 for i in layer.strongest]
    if all(i == at // layer.g2 for i, at in zip(layer.strongest, layer.token, strict=True)):
        return "which holds the token itself"
    away = np.hypot(*(centre - (at + 0.5) for centre, at in zip(centres, layer.token, strict=True)))
    return f"{away:.0f} tokens away" if away >= 1.5 else "next to it"
