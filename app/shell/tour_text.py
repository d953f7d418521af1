"""What the texts of the tour (content/tour.md) leave open: live numbers, and sentences that depend on them."""

import html
from dataclasses import replace

from app.core import checkpoints, glossary, inference
from app.core.checkpoints import Checkpoint
from app.core.layer import layer_of
from app.core.pictures import Picture
from app.core.quantities import quantity
from app.core.samples import SAMPLES
from app.core.view import ViewState
from app.core.words import amount, offset, percent
from app.shell.tour_stops import STOPS, broken, view_at
from hatnet import complexity

# By whether there is more than one window in the first stage.
WINDOWS = {
    True: {
        "outside": "Every token outside the window gets exactly 0. <b>So how can it learn about anything further away?</b>",
        "crossing": "<b>What will change in the local map if the token crosses a white line?</b>",
        "crossed": "The [token](#token) has crossed a white line into the next [window](#window), and everything in its local map "
        "has changed: the two windows share no token. Across the [seam](#seam) it has a direct neighbour, yet the local [weight](#weight) "
        "of that one is exactly 0. Only the global [cells](#cell) connect the two.",
    },
    False: {
        "outside": "With this model that is the whole map. <b>So what do averages add?</b>",
        "crossing": "<b>Which of the two maps is finer?</b>",
        "crossed": "With this model one [window](#window) covers the whole map, so there is no [seam](#seam) between windows to cross: the "
        "local step reads every [token](#token) one by one.",
    },
}
LAST = {  # by whether the last stage has both steps
    False: "So a token reads them all at once: one map, no [window](#window) and no [cells](#cell). On so small a map they would save "
    "little.",
    True: "Here even the last stage uses both steps.",
}


def numbers(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> dict[str, str]:
    """What the texts leave open, in HTML: of the first stage as trained, at the photograph's own token."""
    first = view_at(1, view, checkpoint)
    layer = layer_of(first, checkpoint, picture)
    top, left, *_ = layer.window
    row, column = divmod(int(layer.near.argmax()), layer.near.shape[1])
    tokens = layer.side**2
    full = complexity.mhsa(layer.side, layer.side, layer.channels)
    ours = complexity.hmhsa(layer.side, layer.side, layer.channels, layer.g1, layer.g2)
    last = checkpoint.config.stages[-1]
    stays, inside = (round(100 * share) for share in layer.shares[:2])  # rounded as on Start, so that three shares make 100 %
    found = {
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
        "elsewhere": quantity("hops-elsewhere", f"{100 - stays - inside} %"),
        "parameters": quantity("parameters", f"{checkpoints.parameters(checkpoint.name):,}"),
        "answer": html.escape(checkpoint.classes[inference.attention(picture, checkpoint, first).probabilities.argmax()]),
        "first": f"{layer.stage}",
        "ours": quantity("macs-equation", amount(ours)),
        "full": quantity("macs-plain-equation", amount(full)),
        "ratio": f"{full / ours:.1f} times as many" if full > ours else "at this size the two steps save nothing",
        "last": f"{checkpoint.grid(last) ** 2:,} token{'s' * (checkpoint.grid(last) > 1)}",
        "last_reads": glossary.linked(LAST[last in checkpoint.hierarchical], "tour"),
        **{name: glossary.linked(said, "tour") for name, said in WINDOWS[layer.near.size < tokens].items()},
        **_doubling(view, checkpoint, picture),
    }
    return {name: said.replace(" %", "\u00a0%").replace(" × ", "\u00a0×\u00a0") for name, said in found.items()}


def _doubling(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> dict[str, str]:
    """What twice as large sides do to the answer, and where it breaks."""
    found = broken(checkpoint)
    here = found is not None and view.image == found.at.image
    new = view_at(next(number for number, stop in enumerate(STOPS, 1) if stop.doubled), view, checkpoint)
    trained = replace(new, g1=checkpoint.config.g1, g2=checkpoint.config.g2)
    before, after = (inference.attention(picture, checkpoint, at).probabilities for at in (trained, new))
    answers = [f"“{html.escape(checkpoint.classes[answer.argmax()])}”" for answer in (before, after)]
    sure = [percent(float(answer.max())) for answer in (before, after)]
    if answers[0] != answers[1]:
        said = f"The answer was {answers[0]} with {sure[0]}; now it is {answers[1]} with {sure[1]}."
        ask = "Take one of the two back: which of them changed it?"
    else:
        said = f"The answer is still {answers[0]}: {sure[0]} before, {sure[1]} now."
        ask = "Make them larger, one at a time: when does it break?" if here else "Make them larger, one at a time: does the answer change?"
    broke = ""
    if found:
        whose = html.escape(SAMPLES[found.at.image].title)
        broke = (
            f"“{whose}” breaks with G₁ = {found.at.g1} and G₂ = {found.at.g2}, for example: then “{html.escape(found.before)}” becomes "
            f"“{html.escape(found.after)}”, with {percent(found.sure)}."
        )
    index = checkpoint.hierarchical.index(new.stage)
    names = {"g1_new": new.g1, "g2_new": new.g2, "g1_trained": trained.g1, "g2_trained": trained.g2}
    sides = {name: f"{values[index]}" for name, values in names.items()}
    return sides | {
        "picture": f"Here is “{html.escape(picture.title)}”. " if here else "",
        "stage": f"{new.stage}",
        "outcome": f"{said} <b>{ask}</b>",
        "broke": broke,
    }
