"""One attention layer as a story of seven cards about one token: the data and the text of each, with the layer's own numbers."""

from collections.abc import Sequence

import numpy as np

from app.core.glossary import linked
from app.core.layer import Layer
from app.core.overlay import cell_box
from app.core.quantities import quantity
from app.core.words import offset, percent

NAMES = ("Image", "Tokens", "Windows", "Local", "Pool", "Global", "Sum")


def lead(layer: Layer) -> str:
    """The story in two sentences of HTML."""
    near, far, tokens = layer.near.size, layer.far.size, layer.side**2
    exactly = f"{quantity('window-tokens', f'{near:,}')} token{'s' * (near > 1)}"
    cells = f"averaged [cell{'s' * (far > 1)}](#cell)" if layer.g2 > 1 else f"token{'s' * (far > 1)}"
    averaged = f"{quantity('cells', f'{far:,}')} {cells}"
    against = "instead of" if near + far < tokens else "where plain attention has"
    said = (
        f"Step through a real [layer](#layer). The {_hue('query', 'selected [token](#token)')}, one square, reads "
        f"{_hue('local', exactly)} one by one and {_hue('global', averaged)}: "
        f"{quantity('comparisons', f'{near + far:,}')} comparisons {against} {quantity('comparisons-plain', f'{tokens:,}')}."
    )
    return linked(said, "lead")


def plain_lead(weights: np.ndarray) -> str:
    """The same, in HTML, where a token reads all tokens at once, with these weights [side, side]."""
    said = (
        f"The {_hue('query', 'selected [token](#token)')}, in the ring, reads all {weights.size:,} tokens one by one; the largest "
        f"[weight](#weight), {percent(float(weights.max()))}, goes to {_place(divmod(int(weights.argmax()), len(weights)))}."
    )
    return linked(said, "lead")


def sentences(layer: Layer) -> list[str]:
    """Two or three sentences of HTML for each card."""
    side, (row, column) = layer.side, layer.token
    patch = layer.pixels / side
    square = f"{patch:.0f} × {patch:.0f} pixels" if patch == round(patch) else f"about {patch:.1f} × {patch:.1f} pixels"
    down = -(-side // layer.g1)
    top, left, height, width = layer.window
    near_at = np.unravel_index(layer.near.argmax(), layer.near.shape)
    key = offset(layer.token, (top + int(near_at[0]), left + int(near_at[1])))
    stays, inside = (round(100 * share) for share in layer.shares[:2])
    tokens = quantity("tokens", f"{side * side:,}")
    near, far = quantity("window-tokens", f"{layer.near.size:,}"), quantity("cells", f"{layer.far.size:,}")
    which = "" if layer.head is None else "-head"
    averaged = (
        f"Every {layer.g2} × {layer.g2} tokens are averaged into one {_hue('global', '[cell](#cell)')}"
        if layer.g2 > 1
        else f"With G₂ = 1 each {_hue('global', '[cell](#cell)')} is one token, so nothing is averaged"
    )
    sentences = [
        f"The photograph as the model gets it: {layer.pixels} × {layer.pixels} pixels of three numbers each.",
        f"[Stage](#stage) {layer.stage} works on {side} × {side} = <b>{tokens} tokens</b>, each {layer.channels} numbers about a square of "
        f"{square}. The {_hue('query', 'ring')} marks the selected one: row {row + 1}, column {column + 1}.",
        f"The grid of tokens is cut into {down * down:,} [window{'s' * (down > 1)}](#window) of {layer.g1} × {layer.g1} tokens"
        f"{', fewer at two edges' if side % layer.g1 else ''}. "
        f"The selected token shares {_hue('local', 'its window')} with {_others(height * width - 1)}.",
        f"It compares itself with {_hue('local', f'all {near} tokens')} of the [window](#window) and gives each a [weight](#weight); "
        "together they make 100 %. "
        f"The largest, {_hue('local', quantity(f'local-most{which}', percent(float(layer.near.max()))))}, goes to "
        f"{'itself' if key == 'the token itself' else key}. "
        f"{'Here the window is the whole map.' if layer.near.size == side * side else 'Outside the window every weight is exactly 0.'}",
        f"{averaged}: {tokens} tokens become {_hue('global', f'{far} cells')} to compare with, "
        "and together they still cover the whole picture.",
        f"The same token now reads {_hue('global', f'all {far} [cells](#cell)')}. The largest [weight](#weight), "
        f"{_hue('global', quantity(f'cell-most{which}', percent(float(layer.far.max()))))}{_by_token(layer)}, goes to "
        f"cell {_place(layer.strongest)} of {' × '.join(map(str, layer.far.shape))}, {_away(layer)}.",
        "Both results are added to what the token held before. A sum favours neither part, so each counts half, and "
        f"{_hue('query', quantity('hops-self', f'{stays} %'))} of the token stays (half of a half: the [residual](#residual)), "
        f"{_hue('local', quantity('hops-window', f'{inside} %'))} is read from its [window](#window), itself included, and "
        f"{_hue('global', quantity('hops-elsewhere', f'{100 - stays - inside} %'))} from everywhere else.",
    ]
    return _written(sentences, "sentence")


def captions(layer: Layer) -> list[str]:
    """What each card shows, in HTML."""
    whose = f"Weights are {layer.heads}" + (
        "." if "only" in layer.heads else ": a [head](#head) is one of the layer’s parts that read side by side."
    )
    captions = [
        "All cards follow the square in the ring. A click on the card in front moves the ring, and so do the arrow keys while that card "
        "has the focus; elsewhere, left and right change the card.",
        "Each small square is a token. Click one to select it. A stage is the part of the network that works on one such grid.",
        "White: all windows. Blue: the selected token’s own.",
        f"The window, enlarged where there is room; numbers are percentages, and the palest token has the most weight. {whose}",
        f"Average colours stand for the cells. The model averages all {layer.channels} numbers of the tokens, and does so after the tokens "
        "have read their [windows](#window).",
        "The token gives the weights; what it reads comes to it along the arcs, here from the cells with the largest. The white frame is "
        f"the strongest. {whose}",
        _frames_in_words(layer),
    ]
    return _written(captions, "caption")


def _written(texts: list[str], place: str) -> list[str]:
    """The texts with words of the glossary, and with numbers that stay on one line with their units."""
    bound = (text.replace(" %", "\u00a0%").replace(" × ", "\u00a0×\u00a0") for text in texts)
    return [linked(text, place) for text in bound]


def _frames_in_words(layer: Layer) -> str:
    """The panels of the last card."""
    path = layer.shown
    if path is None:
        return (
            "Bright tokens contribute to this one. One [hop](#hop) alone is followed, because the second leads through the local "
            "attention of all tokens, which is too much to compute with these settings. Not why the model decides as it does."
        )
    near, far, share, two, one = (quantity(f"path-{name}", percent(path[name])) for name in ("near", "far", "share", "two", "one"))
    return (
        f"1 “A token tells its window”: the tokens of one [cell](#cell) read the token in {_place(path['source'])}, with {near} on "
        f"average. 2 “The window’s cell tells me”: the selected token reads that cell with {far}. In both sums the added part counts half, "
        f"so this path brings {near} × {far} × ¼ ≈ {share}. 3 All such paths: the first token brings {two} in all. 4 The same "
        f"[weights](#weight), if the cells averaged tokens that have not read yet: {one}, its even share of its own cell. "
        f"{'Mean of the [heads](#head); not' if 'only' not in layer.heads else 'Not'} why the model decides as it does."
    )


def drawn(layer: Layer, photo: np.ndarray) -> dict:
    """The data of the component. photo: uint8 [height, width, 3], for the cells' average colours."""
    return {
        "grid": [layer.side, layer.side],
        "token": list(layer.token),
        "window": list(layer.window),
        "g1": layer.g1,
        "cell": layer.g2,
        "near": layer.near.round(5).tolist(),
        "far": layer.far.round(5).tolist(),
        "colours": cell_colours(photo, layer.side, layer.g2).tolist(),
        "frames": layer.frames,
        "shares": layer.shares,
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


def _place(place: Sequence[int]) -> str:
    return f"row {place[0] + 1}, column {place[1] + 1}"


def _by_token(layer: Layer) -> str:
    """What a weight of the strongest cell is for each of its tokens."""
    row, column = layer.strongest
    *_, height, width = cell_box((row, column), layer.g2, (layer.side, layer.side))
    if height * width == 1:
        return ""
    share = percent(float(layer.far.max()) / (height * width))
    return f" ({quantity('cell-most-token', share) if layer.head is None else share} for each of its {height * width} tokens)"


def _others(number: int) -> str:
    return "no other token" if not number else "one other" if number == 1 else f"{number:,} others"


def _away(layer: Layer) -> str:
    """In words, how far the strongest cell's centre is from the token."""
    centres = [(min((i + 1) * layer.g2, layer.side) + i * layer.g2) / 2 for i in layer.strongest]
    if all(i == at // layer.g2 for i, at in zip(layer.strongest, layer.token, strict=True)):
        return "which holds the token itself"
    away = np.hypot(*(centre - (at + 0.5) for centre, at in zip(centres, layer.token, strict=True)))
    return f"{away:.0f} tokens away" if away >= 1.5 else "next to it"
