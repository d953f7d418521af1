"""The Grids page in words: sentences and HTML that the numbers decide."""

import html
from collections.abc import Sequence

from app.core.checkpoints import Checkpoint
from app.core.glossary import linked, term
from app.core.quantities import quantity
from app.core.words import amount, percent
from app.shell.session import Setting
from app.views.grids import choice
from app.views.grids.accuracy import AccuracyMap
from app.views.grids.choice import Measured
from app.views.grids.comparison import Comparison
from app.views.grids.outcome import Outcome
from hatnet.complexity import Count

MACS = "Convolutions, linear layers and the products of attention are counted as they are computed; Eq. 15 on Cost leaves some of them out."


def points(change: float) -> str:
    """A difference of two fractions of 1, in percentage points."""
    return f"{round(100 * change, 1) + 0.0:+.1f} points".replace("-", "−")  # + 0.0: no minus sign before a zero


def factor(before: float, after: float) -> str:
    """A ratio, as a column of a table gives it."""
    return "the same" if after == before else f"× {after / before:.2f}"


def _marked(outcome: Outcome, name: str, text: str) -> str:
    """A number that other pages show too, if the setting is theirs."""
    return quantity(name, text) if outcome.shown else text


def lead(now: Comparison, parameters: int, others_as_trained: bool) -> str:
    """HTML: what A and B are, and what stays the same. others_as_trained: no other stage has the visitor's sides."""

    def sides(setting: Setting) -> str:
        g1, g2 = setting
        return f"windows of {g1} × {g1} tokens (G₁ = {g1}) and cells of {g2} × {g2} (G₂ = {g2})"

    whole = "the model as trained" if others_as_trained else "this stage as trained"
    first = whole if now.a == now.trained else "the setting that you pinned"
    second = "an example until you choose, with both sides doubled" if now.example else "your setting"
    said = (
        '<p class="lead">A [token](#token), a small square of the picture, reads the tokens of its [window](#window) one by one and every '
        f"[cell](#cell) as an average. <b>A</b> is {first}: {sides(now.a)}. <b>B</b> is {second}: {sides(now.b)}. Both run with the same "
        f"{quantity('parameters', f'{parameters:,}')} learned numbers (parameters), because windows and cells hold none."
        f"{'' if others_as_trained else ' In both, other stages keep the sides that you chose there.'}</p>"
    )
    return linked(said, "lead")


def change(a: Outcome, b: Outcome, side: int) -> str:
    """HTML: what changes from A to B. side: of the stage's map, in tokens."""
    if a.setting == b.setting:
        said = "A and B are alike now: choose another window or cell side, and maps, prediction and cost will change."
    else:
        ratio = b.layer_macs / a.layer_macs
        times, before = ("", " as before") if ratio == 1 else (f"{ratio:.2f} times ", "")
        first, second = (f"“{html.escape(outcome.answer)}”" for outcome in (a, b))
        if a.answer != b.answer:
            answer = f"the answer changes from {first} ({percent(a.probability)}) to {second} ({percent(b.probability)})"
        else:
            answer = f"the probability of {first} goes from {percent(a.probability)} to {percent(b.probability)}"
        cost = f"one attention [layer](#layer) of this [stage](#stage) takes {times}as many [multiply-adds](#MAC){before}."
        if ratio > 1 and side % b.setting[0]:
            cost += f" Windows {b.setting[0]} tokens wide do not fit into {side}: those at the edge are filled up, and computed whole."
        said = f"From A to B, {answer}, and {linked(cost, 'change')}{_unknown(a, b)}"
    return f'<p class="say">{said}</p>'


def _unknown(a: Outcome, b: Outcome) -> str:
    """A sentence where an answer is only the nearest guess."""
    which = [name for name, outcome in (("A", a), ("B", b)) if outcome.unknown]
    if not which:
        return ""
    guesses = "the answer is only its nearest guess" if len(which) == 1 else "both answers are only its nearest guesses"
    return f" With {' and with '.join(which)}, the model takes the photograph for none of its {len(a.classes)} classes: {guesses}."


def row_title(kind: str, most: float, gap: float, close_up: bool) -> str:
    """HTML above a row of three maps: the ends of their scales, per token, and whether they show a part of the map."""
    return (
        f'<p class="row-title"><span class="{kind}">{kind.capitalize()} {term("weight", kind, "weights")}</span> <small>0 '
        f'<i class="ramp of-{kind}"></i> {percent(most)} in one token · difference: up to {100 * gap:.1f} points'
        f"{' · close up, around the window' * close_up}</small></p>"
    )


def table(a: Outcome, b: Outcome, measured: AccuracyMap | None, parameters: int) -> str:
    """HTML: A and B in numbers, and how B compares with A."""
    moved = points(float(b.probabilities[a.probabilities.argmax()]) - a.probability)
    if a.answer != b.answer:
        moved = f"another answer; {html.escape(a.answer)} {moved}"

    def prediction(outcome: Outcome) -> str:
        share = _marked(outcome, "probability", percent(outcome.probability))
        said = f'{html.escape(outcome.answer)} <span class="whole">{share}</span>'
        return f'<span class="muted">{said}</span> <small>nearest guess</small>' if outcome.unknown else said

    def accuracy(outcome: Outcome) -> str:
        if outcome.accuracy is None or measured is None:
            return "not measured"
        said = f"{100 * outcome.accuracy:.1f} %"
        return quantity("accuracy-held-out", said) if outcome.setting == measured.trained else said

    both = a.accuracy is not None and b.accuracy is not None
    name = f"Right of {measured.images:,} held-out images" if measured else "Accuracy"
    count = quantity("parameters", f"{parameters:,}")
    rows = (
        ("Parameters", count, count, "unchanged"),
        ("Prediction", prediction(a), prediction(b), moved),
        (
            "One attention layer, MACs as computed",
            *(_marked(o, "macs", amount(o.layer_macs)) for o in (a, b)),
            factor(a.layer_macs, b.layer_macs),
        ),
        ("Whole model, MACs", *(_marked(o, "macs-model", amount(o.count.total)) for o in (a, b)), factor(a.count.total, b.count.total)),
        (name, accuracy(a), accuracy(b), points(b.accuracy - a.accuracy) if both else "–"),
    )
    body = "".join(f'<tr><th scope="row">{name}</th>' + "".join(f"<td>{text}</td>" for text in texts) + "</tr>" for name, *texts in rows)
    head = '<th></th><th scope="col">A</th><th scope="col">B</th><th scope="col">B against A</th>'
    return f'<table class="words compared"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def not_measured(name: str) -> str:
    """HTML: how to measure a checkpoint."""
    return (
        f'<div class="nothing small flat"><span>Not measured yet for this stage. <code>python benchmarks/grids.py {html.escape(name)} '
        "--data DATA</code>, with the data it was trained on, writes the map; everything else on this page works without it.</span></div>"
    )


def under_accuracy(measured: AccuracyMap, checkpoint: Checkpoint) -> str:
    """HTML: what the accuracy map says, how to use it, and why it differs from the checkpoint's other accuracy."""
    low, high = min(measured.accuracies.values()), max(measured.accuracies.values())
    empty = "" if measured.complete else " Empty squares were not measured."
    other = ""
    if checkpoint.split == "test":
        test = quantity("accuracy-test", f"{100 * checkpoint.accuracy:.0f} %")
        other = f" The sidebar’s {test} is of other images: the test split."
    return (
        f'<p class="small">Click a square to make it B; click it again to swap A and B. The {len(measured.accuracies)} settings get '
        f"<b>{100 * low:.1f} to {100 * high:.1f} %</b> of {measured.images:,} images right ({html.escape(measured.data)}, held out of "
        f"training), with a sampling error of ± {100 * measured.error:.1f}.{empty}{other}</p>"
    )


def price(measured: AccuracyMap, stage: int, side: int) -> str:
    """HTML: what other sides cost this stage in accuracy, and why that is so little where it is."""
    fall = measured.accuracies[measured.trained] - min(measured.accuracies.values())
    (g1, g2), _ = min(measured.accuracies.items(), key=lambda item: item[1])
    worst = f"at worst {points(-fall)} (G₁ = {g1}, G₂ = {g2})" if fall else "no setting is worse than the trained one"
    if not measured.steady:
        return f'<p class="say">In stage {stage}, accuracy <b>does move</b>: {worst}, more than the sampling error explains.</p>'
    small = f" A map of {side} × {side} tokens is small, so even a small window and coarse cells cover much of it." if side <= 16 else ""
    return (
        f'<p class="say">In stage {stage}, accuracy <b>hardly moves</b>: {worst}. Likely reasons: the other stages keep their trained '
        f"sides, and the convolutions in every {term('block', 'price')} carry information across windows, too.{small} Below are two "
        "measured cases where windows and cells decide.</p>"
    )


def choosing(settings: Sequence[Measured], error: float, count: Count) -> str:
    """HTML: how to read the chart, and what it would choose. error: half of the 95 % interval of one accuracy; count: as trained."""
    star, cheapest = choice.trained(settings), choice.as_good(settings, error)
    share = sum(row.macs for row in count.rows if ".attn." in row.name) / count.total
    saved = 1 - cheapest.macs / star.macs
    found = (
        "is the trained setting itself"
        if cheapest == star
        else f"is <b>{cheapest.name}</b>: {100 * cheapest.accuracy:.1f} % for {amount(cheapest.macs)} multiply-adds, {percent(saved)} less"
    )
    return (
        f'<p class="say">Each dot is a setting, all with the same parameters. The line is the edge: nothing measured costs less and is as '
        f"accurate. The cheapest within the sampling error (± {100 * error:.1f}) of the trained {100 * star.accuracy:.1f} % {found}. "
        f"All attention together is {percent(share)} of this model’s multiply-adds, so its sides cannot save more than that. "
        "A setting chosen on these images should be measured again on others.</p>"
    )
