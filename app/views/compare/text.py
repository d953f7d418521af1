"""The Compare page in words: sentences and HTML that the numbers decide."""

import html

from app.core.checkpoints import Checkpoint
from app.core.glossary import linked
from app.core.quantities import quantity
from app.core.words import amount, percent, significant
from app.views.compare.experiment import Answer, Arm
from app.views.compare.mechanisms import NAMES, Cost

WEIGHTS = {
    "same": "the same for all: this checkpoint’s",
    "own": "trained for each mechanism",
}


def _layers(number: int) -> str:
    return f"{number} layer{'s' if number > 1 else ''}"


def lead(found: dict[str, Cost], side: int) -> str:
    """HTML: the point of the page for the selected token."""
    tokens, plain, ours, window = side**2, found["full"], found["hierarchical"], found["window"]
    ratio = ours.macs / plain.macs
    cost = (
        f"for {percent(ratio)} of its [multiply-adds](#MAC)" if ratio < 1 else "though on so small a map for no fewer [multiply-adds](#MAC)"
    )
    inside = (
        f"[Windows](#window) are cheap, but it never sees more than the {window.reached(1):,} tokens of its own; [Swin](#Swin) shifts "
        f"them and sees further with every layer{_swin(found['shifted_window'])}. "
        if window.reached(1) < tokens
        else "Here one [window](#window) covers the whole map, so windows read it all, too. "
    )
    return linked(
        '<p class="lead">How far does one <span class="query">selected [token](#token)</span> see, and at what price? With '
        f"[plain MHSA](#MHSA) it has read all {quantity('tokens', f'{tokens:,}')} tokens after one [layer](#layer). {inside}"
        f"[PVT](#PVT) reads everything as averages, its neighbours too. [H‑MHSA](#H‑MHSA) reads its neighbours one by one and the rest as "
        f"averages: all in one layer, as plain MHSA, {cost}.</p>",
        "lead",
    )


def _swin(swin: Cost) -> str:
    return f", and the whole map after {_layers(swin.to_all)}" if swin.to_all else ""


def reads(mechanism: str, side: int, g1: int, g2: int) -> str:
    """HTML: what a token reads in one layer."""
    cells = (-(-side // g2)) ** 2
    averages = f"{cells:,} average{'s' if cells > 1 else ''} of {g2} × {g2}" if g2 > 1 else "all tokens"
    return {
        "full": "all tokens, one by one",
        "window": f"its window of {g1} × {g1}",
        "shifted_window": "windows; in every second layer shifted by half",
        "pooled": averages,
        "hierarchical": f"its window, then {averages}",
    }[mechanism]


def facts(cost: Cost, side: int, own: bool, turns: bool) -> list[tuple[str, str]]:
    """The numbers under a mechanism's maps, in HTML. own: it is the model's own, so that other pages show its MACs; turns: two kinds of
    layers take turns."""
    total = side**2
    after = [
        (f"Tokens reached after {_layers(n)}", f"{cost.reached(n):,} <small>of {total:,}</small>" if n == 1 else f"{cost.reached(n):,}")
        for n in (1, 2, 3)
    ]
    macs = amount(cost.macs)
    return [
        *after,
        ("Layers to the whole map", f"{cost.to_all}" if cost.to_all else "never"),
        ("MACs of one layer" + ", mean" * turns, quantity("macs", macs) if own else macs),
        ("MACs for each token reached", significant(cost.each)),
    ]


def not_trained(mechanism: str, checkpoint: Checkpoint) -> str:
    """HTML in place of maps: what would have to be run."""
    command = f"python train_small.py --attention {mechanism}"
    if checkpoint.cards:
        return f"<span>No checkpoint of cards with {NAMES[mechanism]} is shipped. <code>{command}</code> trains one.</span>"
    return f"<span>No checkpoint that was trained like the others with {NAMES[mechanism]} is shipped.</span>"


def how(weights: str, block: int, stage: int, reference: str) -> str:
    """HTML under the maps: exactly what they are. reference: an even share, in words."""
    layer = (
        f"All five get the same input, that of [block](#block) {block} in [stage](#stage) {stage}, and use this block’s "
        "weights for [queries](#query), keys and values: only the [keys](#key) that a token may read differ. Those weights were trained "
        "with one of the five, so the maps show what each can reach, not which is better."
        if weights == "same"
        else f"Each map comes from a model that was trained with its mechanism, in both steps of every layer: [block](#block) {block} in "
        f"[stage](#stage) {stage}, each with the input that its own model makes. The numbers under the maps are those of layers as the "
        "authors of each "
        "mechanism built them; a second step that reads the same keys reaches nothing more."
    )
    return linked(
        f'<p class="small">The photograph is bare where the token reads {reference} or more, in all maps alike; the white frame holds what '
        f"it has reached, and ◇ is a second token. {layer} After two layers: the same layer’s attention twice (for Swin plain, then "
        "shifted), followed back from the token; between the two, what it read counts half and what it held before half. Mean of the "
        "[heads](#head); values, [norms](#norm) and the [MLP](#MLP) are left out.</p>",
        "how",
    )


def experiment(arms: list[Arm]) -> str:
    """HTML: accuracy and pointing of each mechanism on cards."""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("", "Far question", "Own question", "Points at the card"))
    rows = "".join(
        f'<tr><th scope="row"><b>{NAMES[arm.mechanism]}</b></th>'
        + "".join(f"<td>{percent(mean)} <small>± {100 * spread:.0f}</small></td>" for mean, spread in (arm.far, arm.own, arm.pointing))
        + "</tr>"
        for arm in arms
    )
    return f'<table class="words cards-arms"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def about_experiment(arms: list[Arm]) -> str:
    """HTML: the task, and what the table shows."""
    seeds, steps = arms[0].seeds, arms[0].steps
    return linked(
        '<p class="say">Cards are drawn pictures with two questions. Own: each card names the pattern that it holds itself. Far: the cyan '
        "square names the pattern on the card with magenta rings, wherever it lies. Five small models were trained alike, with "
        f"{steps:,} steps and {seeds} seeds (mean ± spread); each has its mechanism in both steps of every [layer](#layer). Chance is "
        "25 %, and a model “points” if the square’s strongest [weight](#weight) falls on the right card. What windows cannot reach they "
        "cannot answer; plain MHSA and PVT could, but did not learn both questions in that time. More steps may change that.</p>",
        "cards",
    )


def knocked_out(step: str, before: Answer, after: Answer, questions: int) -> str:
    """HTML: the answer as trained, and with a step knocked out. questions: of the picture, if it is one of cards."""
    first, second = (f"“{html.escape(answer.name)}” ({percent(answer.probability)})" for answer in (before, after))
    what = "answer" if before.right is None else "answer in the cell of the selected token"
    verdict = "Another answer." if before.name != after.name else "The same answer."
    cards = (
        "" if before.right is None else f" Of the picture’s {questions} questions, {before.right} were right, and {after.right} are now."
    )
    return (
        f'<p class="say" role="status"><b>{verdict}</b> The {what} is {first} with both steps, and {second} without the '
        f'<span class="{step}">{step} step</span>.{cards}</p>'
    )
