"""The prediction beside the photograph: the likeliest classes, and how far to believe them."""

import html

import numpy as np

from app.core.checkpoints import Checkpoint
from app.core.pictures import CellQuestion
from app.core.quantities import quantity
from app.core.samples import Sample, label_of
from app.core.unknown import Verdict, none_of
from app.core.words import percent


def prediction(
    probabilities: np.ndarray, checkpoint: Checkpoint, sample: Sample | None, question: CellQuestion | None, verdict: Verdict | None
) -> str:
    """HTML: the three likeliest classes as bars, in grey if the picture is none of them, with a comment and all that the model knows.

    sample: the subject of the photograph; None for an upload. question: for cards, what the selected token's cell has to name.
    verdict: whether the photograph shows something that the model knows; None if nothing was measured to tell that.
    Must not read the session: an exported page is made in a thread without one.
    """
    order = probabilities.argsort()[::-1][:3]
    top, first = float(probabilities[order[0]]), checkpoint.classes[order[0]]
    unknown = verdict is not None and verdict.unknown
    right = sample and label_of(sample, checkpoint.classes)
    if question:
        short, long = _of_cell(first, question)
    elif unknown:
        short, long = f"probably {none_of(checkpoint)}", _nearest(sample, right)
    else:
        short, long = _of_photograph(first, top, checkpoint, sample, right)
    known = ""
    if not question:
        long, known = long + _how_good(verdict), _known(checkpoint)
    shares = [percent(float(probabilities[i])) for i in order]
    shares[0] = quantity("probability", shares[0])
    bars = "".join(
        f'<span>{html.escape(checkpoint.classes[i])}</span><span class="track"><i style="width:{100 * probabilities[i]:.1f}%"></i></span>'
        f"<b>{share}</b>"
        for i, share in zip(order, shares, strict=True)
    )
    return (
        f'<p class="title">Prediction <small>{short}</small></p><div class="bars{" guesses" * unknown}">{bars}</div>'
        f"<p>{html.escape(long)}</p>{known}"
    )


def _of_photograph(answer: str, probability: float, checkpoint: Checkpoint, sample: Sample | None, right: str | None) -> tuple[str, str]:
    """How sure the answer is and whether it is right: in a few words, and in a sentence."""
    confidence = "sure" if probability >= 0.8 else "fairly sure" if probability >= 0.5 else "unsure"
    classes = f"the model’s {len(checkpoint.classes)} classes"
    if sample is None:
        return confidence, f"Whatever the photograph shows, the answer is one of {classes}."
    if right is None:
        short = f"{confidence}{'' if confidence == 'unsure' else ', yet wrong'}: outside what it knows"
        return short, f"The photograph shows {sample.subject}. That is not among {classes}, so no answer can be right."
    verdict = "right" if answer == right else "wrong"
    link = "and" if (confidence == "unsure") == (verdict == "wrong") else "yet"
    return f"{confidence}, {link} {verdict}", f"The photograph shows {sample.subject}."


def _nearest(sample: Sample | None, right: str | None) -> str:
    """Whether it is right that the photograph shows none of the classes."""
    if sample is None:
        return "The grey bars are its nearest guesses."
    if right is None:
        return f"The photograph shows {sample.subject}, so that is right. The grey bars are the nearest guesses."
    return f"That is wrong: the photograph shows {sample.subject}, and “{right}” is one of them. The grey bars are the nearest guesses."


def _how_good(verdict: Verdict | None) -> str:
    """How often the rule is wrong, as measured."""
    if verdict is None:
        return ""
    if verdict.rates is None:
        return " The threshold was chosen with G₁ and G₂ as trained; how good it is with these was not measured."
    alarms, misses = percent(verdict.rates.false_alarms), percent(verdict.rates.misses)
    return f" On held-out pictures, its threshold calls {alarms} of those of its classes unknown, and lets {misses} of other things pass."


def _known(checkpoint: Checkpoint) -> str:
    """HTML: the names of all classes, folded."""
    names = ", ".join(sorted((html.escape(name.replace("_", " ")) for name in checkpoint.classes), key=str.lower))
    summary = f"The {len(checkpoint.classes)} things that this model knows"
    return f'<details class="classes"><summary>{summary}</summary><p>{names}.</p></details>'


def _of_cell(answer: str, question: CellQuestion) -> tuple[str, str]:
    """The question to the selected token's cell and the verdict on the answer: in a few words, and in sentences."""
    if question.right is None:
        return "nothing is asked here", "This place is blank. Select a drawn card, or the cyan square, top left."
    verdict = "right" if answer == question.right else "wrong"
    row, column = (index + 1 for index in question.marked)
    whose = f"the marked card’s pattern (row {row}, column {column} of the cells)" if question.about_marked else "its own card’s pattern"
    return f"{verdict} for this cell", f"This cell must name {whose}, which is {question.right}. The answer is {verdict}."
