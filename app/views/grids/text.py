"""The Grids page in words: sentences and HTML that the numbers decide."""

import html

from app.core.words import percent
from app.views.grids.accuracy import AccuracyMap
from app.views.grids.outcome import Outcome

MACS = "Convolutions, linear layers and the products of attention are counted module by module, not by Eq. 15, which leaves some out."


def millions(number: float) -> str:
    return f"{number / 1e6:,.1f} M"


def points(change: float) -> str:
    """A difference of two fractions of 1, in percentage points."""
    return f"{round(100 * change, 1) + 0.0:+.1f} points".replace("-", "−")  # + 0.0: no minus sign before a zero


def factor(before: float, after: float) -> str:
    """A ratio, as a column of a table gives it."""
    return "the same" if after == before else f"× {after / before:.2f}"


def lead(a: Outcome, b: Outcome, parameters: int) -> str:
    """HTML: what stays the same and what changes."""
    same = f"No weight depends on <b>G₁</b> or <b>G₂</b>: change them, and all {parameters:,} parameters stay as they are."
    if a.setting == b.setting:
        moved = "Choose another window or cell side: maps, prediction and cost will change."
    else:
        ratio = b.attention_macs / a.attention_macs
        again = "the same" if ratio == 1 else f"{ratio:.2f} times as much"
        moved = (
            f"From A to B, “{html.escape(a.answer)}” goes from {percent(a.probability)} to "
            f"{percent(float(b.probabilities[a.probabilities.argmax()]))} and this stage's attention costs {again}."
        )
    return f'<p class="lead">{same} {moved}</p>'


def row_title(kind: str, most: float, gap: float) -> str:
    """HTML above a row of three maps: the ends of their scales, per token."""
    return (
        f'<p class="row-title"><span class="{kind}">{kind.capitalize()}</span> <small>0 <i class="ramp of-{kind}"></i> '
        f"{percent(most)} in one token · difference: up to {100 * gap:.1f} points</small></p>"
    )


def table(a: Outcome, b: Outcome, parameters: int) -> str:
    """HTML: A and B in numbers, and how B compares with A."""
    change = points(float(b.probabilities[a.probabilities.argmax()]) - a.probability)
    if a.answer != b.answer:
        change = f"another answer; {html.escape(a.answer)} {change}"
    both = a.accuracy is not None and b.accuracy is not None
    count = f"{parameters:,}"
    rows = (
        ("Parameters", count, count, "unchanged"),
        ("Prediction", *(f'{html.escape(o.answer)} <span class="whole">{percent(o.probability)}</span>' for o in (a, b)), change),
        (f"Attention of stage {a.stage}, MACs", *(millions(o.attention_macs) for o in (a, b)), factor(a.attention_macs, b.attention_macs)),
        ("Whole model, MACs", *(millions(o.count.total) for o in (a, b)), factor(a.count.total, b.count.total)),
        (
            "Accuracy",
            *("not measured" if o.accuracy is None else f"{100 * o.accuracy:.1f} %" for o in (a, b)),
            points(b.accuracy - a.accuracy) if both else "–",
        ),
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


def under_accuracy(measured: AccuracyMap) -> str:
    """What the accuracy map says, and how to use it."""
    low, high = min(measured.accuracies.values()), max(measured.accuracies.values())
    empty = "" if measured.complete else " Empty squares were not measured."
    return (
        f"Click a square to make it B; click it again to swap A and B. Over the {len(measured.accuracies)} settings measured, accuracy "
        f"stays between **{100 * low:.1f} and {100 * high:.1f} %** on {measured.images:,} images held out of training, "
        f"with a sampling error of ± {100 * measured.error:.1f}.{empty}"
    )
