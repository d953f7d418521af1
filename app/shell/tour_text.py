"""What the texts of the tour (content/tour.md) leave open: live numbers, and sentences that depend on them."""

import html
from dataclasses import replace

from app.core import checkpoints, extremes, glossary, inference, unknown
from app.core.checkpoints import Checkpoint
from app.core.inference import Attention
from app.core.layer import Layer, layer_of
from app.core.pictures import Picture
from app.core.quantities import quantity
from app.core.samples import SAMPLES
from app.core.tour_breaks import Break
from app.core.view import ViewState
from app.core.words import amount, offset, percent
from app.shell import tour_stops
from app.shell.tour_stops import STOPS, view_at
from hatnet import complexity

# By whether there is more than one window in the first stage.
WINDOWS = {
    True: {
        "outside": "Every token outside the window gets exactly 0. <b>Guess: how many more comparisons does the whole rest of the picture "
        "take?</b>",
        "crossing": "<b>What will change in the local map if the token crosses a white line?</b>",
        "crossed": "The tour has moved the [token](#token) {moved}, across a white line into the next [window](#window), and everything in "
        "its local map has changed: the two windows share no token. Across the [seam](#seam) it has a direct neighbour, yet the local "
        "[weight](#weight) of that one is exactly 0. Only the global [cells](#cell) connect the two.",
    },
    False: {
        "outside": "With this model that is the whole map. <b>So what do averages add?</b>",
        "crossing": "<b>Which of the two maps is finer?</b>",
        "crossed": "The local map, since with this model one [window](#window) covers the whole picture: the local step gives every "
        "[token](#token) a [weight](#weight) of its own, and there is no [seam](#seam) between windows to cross.",
    },
}
LAST = {  # by whether the last stage has both steps, and if not, whether they could save anything there
    None: "Here even the last stage uses both steps.",
    True: "So a token reads them all at once: one map, no [window](#window) and no [cells](#cell). On so small a map they would save "
    "little.",
    False: "So a token reads them all at once: one map, no [window](#window) and no [cells](#cell). On so small a map even the smallest "
    "windows and the largest cells would cost more than they save.",
}
# By whether G1 and whether G2 is at its extreme: its name, what stop 9 asks for, and why it may change an answer.
EXTREMES = {
    (True, False): (
        "windows of one token",
        "make the windows one [token](#token) wide (G₁ = 1)",
        "Alone in its window, a [token](#token) reads only averages of {g2} × {g2}: detail is lost.",
    ),
    (False, True): (
        "one cell for the whole map",
        "make one cell as wide as the map (G₂ = {g2})",
        "All [tokens](#token) then read the same single average, so none can tell one place beyond its window from another.",
    ),
    (True, True): (
        "windows of one token and one cell for the whole map",
        "make the windows one [token](#token) wide and one cell as wide as the map (G₁ = 1, G₂ = {g2})",
        "A [token](#token) then reads nothing but itself and one average of the whole map, the same for all.",
    ),
}


def filled(text: str, view: ViewState, checkpoint: Checkpoint, picture: Picture) -> str:
    """A text of content/tour.md, in HTML, with what it leaves open."""
    found = numbers(view, checkpoint, picture)
    if "{outcome}" in text:  # only the stops that tell of other sides wait for the model to run with them
        found |= outcome(view, checkpoint, picture)
    if "{broke}" in text:
        found["broke"] = broke(checkpoint, picture)
    return text.format(**{name: said.replace(" %", "\u00a0%").replace(" × ", "\u00a0×\u00a0") for name, said in found.items()})


def numbers(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> dict[str, str]:
    """What most texts leave open, in HTML: of the first stage as trained, at the photograph's own token."""
    first = view_at(1, view, checkpoint)
    layer = layer_of(first, checkpoint, picture)
    top, left, *_ = layer.window
    row, column = divmod(int(layer.near.argmax()), layer.near.shape[1])
    tokens, heads = layer.side**2, checkpoint.heads(layer.stage)
    last = checkpoint.config.stages[-1]
    stays, inside = (round(100 * share) for share in layer.shares[:2])  # rounded as on Start, so that three shares make 100 %
    across = tour_stops.across_edge(layer.token, layer.side, layer.g1)
    moved = f"from column {layer.token[1] + 1} to column {across[1] + 1}"
    return {
        "tokens": quantity("tokens", f"{tokens:,}"),
        "plain": quantity("comparisons-plain", f"{tokens:,}"),
        "pairs": f"{tokens**2:,}",
        "near": quantity("window-tokens", f"{layer.near.size:,}"),
        "far": quantity("cells", f"{layer.far.size:,}"),
        "read": quantity("comparisons", f"{layer.near.size + layer.far.size:,}"),
        "g1": f"{layer.g1}",
        "g2": f"{layer.g2}",
        "cell_tokens": f"{layer.g2} × {layer.g2} tokens",
        "near_most": quantity("local-most", percent(float(layer.near.max()))),
        "near_key": offset(layer.token, (top + row, left + column)),
        "far_most": quantity("cell-most", percent(float(layer.far.max()))),
        "elsewhere": quantity("hops-elsewhere", f"{100 - stays - inside} %"),
        "two_hops": glossary.linked(_two_hops(layer), "tour"),
        "one_head": ""
        if heads == 1
        else f"The board shows one {glossary.term('head', 'tour')}; so far, weights were the mean of {heads}. ",
        "parameters": quantity("parameters", f"{checkpoints.parameters(checkpoint.name):,}"),
        "answers": _answers(inference.attention(picture, checkpoint, first), checkpoint, first),
        "first": f"{layer.stage}",
        "last": f"{checkpoint.grid(last) ** 2:,} {glossary.term('token', 'tour', 'tokens' if checkpoint.grid(last) > 1 else 'token')}",
        "last_reads": glossary.linked(LAST[None if last in checkpoint.hierarchical else _could_save(checkpoint, last)], "tour"),
        **{name: glossary.linked(said, "tour").replace("{moved}", moved) for name, said in WINDOWS[layer.near.size < tokens].items()},
        **_costs(layer),
    }


def _answers(attention: Attention, checkpoint: Checkpoint, view: ViewState) -> str:
    """What the model says of the photograph, in HTML."""
    answer, verdict = checkpoint.classes[attention.logits.argmax()], unknown.verdict(attention.logits, checkpoint, view.g1, view.g2)
    if verdict and verdict.unknown:
        return f"By its threshold, the photograph is {unknown.none_of(checkpoint)}; the nearest guess is “{html.escape(answer)}”"
    return f"The model answers “{html.escape(answer)}”"


def ending() -> str:
    """The last thing to try, in HTML: of what was measured on many photographs."""
    found = extremes.measured()
    if found is None:
        return "On Grids, choose windows of one token and one cell for the whole map: does the answer change?"
    return (
        f"And guess, then look it up on Grids: as trained, {extremes.CHECKPOINT} gets {percent(found.trained)} of {found.images:,} "
        "photographs right; how many with windows of one token and one cell for the whole map, in all stages?"
    )


def _two_hops(layer: Layer) -> str:
    """How content gets to the token through a cell, with the numbers of Start's last card if it follows both hops."""
    said = "Part of that took [two hops](#two_hops): a token tells its window, and the window’s cell tells this one"
    path = layer.shown
    if path is None:
        return f"{said}."
    near, far, share = (quantity(f"path-{name}", percent(path[name])) for name in ("near", "far", "share"))
    return f"{said}. On the card that is {near} × {far} × ¼ ≈ {share}; the ¼, because in each of the two sums the added part counts half."


def _costs(layer: Layer) -> dict[str, str]:
    """Eq. 15 and plain attention for one layer, and for the same layer on a picture of twice the side."""

    def both(side: int) -> tuple[float, float]:
        ours = complexity.hmhsa(side, side, layer.channels, layer.g1, layer.g2)
        return complexity.mhsa(side, side, layer.channels), ours

    (full, ours), (larger_full, larger_ours) = both(layer.side), both(2 * layer.side)
    ratio, larger = full / ours, larger_full / larger_ours
    return {
        "ours": quantity("macs-equation", amount(ours)),
        "full": quantity("macs-plain-equation", amount(full)),
        "ratio": f"{ratio:.1f} times as many" if ratio > 1 else "at this size the two steps save nothing",
        "larger": f"On a picture of twice the side they save {'more' if larger > ratio else 'less'}: by the equations, plain attention "
        f"takes {larger:.1f} times as many {glossary.term('MAC', 'tour', 'multiply-adds')}, instead of {ratio:.1f} times. ",
    }


def _could_save(checkpoint: Checkpoint, stage: int) -> bool:
    """Whether by Eq. 15 any windows and cells are cheaper than plain attention in a stage: those of one token, and one for the map."""
    side, channels = checkpoint.grid(stage), checkpoint.config.dims[checkpoint.config.stages.index(stage)]
    return complexity.hmhsa(side, side, channels, 1, side) < complexity.mhsa(side, side, channels)


def outcome(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> dict[str, str]:
    """What the sides at stop 9 do to the answer: the visitor's there, and before that twice those of the training."""
    number = next(number for number, stop in enumerate(STOPS, 1) if stop.doubled)
    new = view if view.tour == number and view.stage in checkpoint.hierarchical else view_at(number, view, checkpoint)
    trained = replace(new, g1=checkpoint.config.g1, g2=checkpoint.config.g2)
    before, after = (inference.attention(picture, checkpoint, at).probabilities for at in (trained, new))
    answers = [f"“{html.escape(checkpoint.classes[answer.argmax()])}”" for answer in (before, after)]
    sure = [percent(float(answer.max())) for answer in (before, after)]
    found = tour_stops.broken(checkpoint)
    photograph = found is not None and view.image == found.at.image
    here = photograph and new.stage == found.at.stage
    if answers[0] != answers[1]:
        said = f"The answer was {answers[0]} with {sure[0]}; now it is {answers[1]} with {sure[1]}."
        ask = "Why? The next stop says." if here else "Take one of the two back: which of them changed it?"
    else:
        said = f"The answer is still {answers[0]}: {sure[0]} before, {sure[1]} now."
        ask = "Change them further, one at a time: does the answer change?"
        if here:
            ask = f"Now {_extreme(found.at, checkpoint)[1]}: what is left of the answer?"
    index = checkpoint.hierarchical.index(new.stage)
    names = {"g1_new": new.g1, "g2_new": new.g2, "g1_trained": trained.g1, "g2_trained": trained.g2}
    return {name: f"{sides[index]}" for name, sides in names.items()} | {
        "picture": f"Here is “{html.escape(picture.title)}”. " if photograph else "",
        "stage": f"{new.stage}",
        "outcome": f"{said} <b>{ask}</b>",
    }


def _at_extreme(at: Break, checkpoint: Checkpoint) -> tuple[bool, bool]:
    """Whether G1, and whether G2, is at its extreme."""
    return at.g1 == 1, at.g2 == checkpoint.grid(at.stage)


def _extreme(at: Break, checkpoint: Checkpoint) -> list[str]:
    """The entry of EXTREMES for a break."""
    return [glossary.linked(text.format(g2=at.g2), "tour") for text in EXTREMES[_at_extreme(at, checkpoint)]]


def broke(checkpoint: Checkpoint, picture: Picture) -> str:
    """What happened at stop 9 and why, how little one photograph proves, and whose numbers follow."""
    found = tour_stops.broken(checkpoint)
    if found is None:
        return ""
    title = html.escape(SAMPLES[found.at.image].title)
    before, after = (html.escape(name) for name in (found.before, found.after))
    name, _, why = _extreme(found.at, checkpoint)
    where = f"With {name} in stage {found.at.stage}"
    said = f"{where}, “{title}” is no longer “{before}”, but “{after}” with {percent(found.sure)}. {why}"
    if many := extremes.measured():
        accuracy = dict(zip(EXTREMES, (many.windows, many.cell, many.both), strict=True))[_at_extreme(found.at, checkpoint)]
        said += (
            f" One photograph proves little: of {many.images:,}, {extremes.CHECKPOINT} gets {percent(many.trained)} right as trained, "
            f"{percent(accuracy)} with the same in all stages."
        )
    back = "" if picture.title == SAMPLES[found.at.image].title else f"Back to “{html.escape(picture.title)}”. "
    return f"{said}<br>{back}"
