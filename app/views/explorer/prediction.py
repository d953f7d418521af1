"""The prediction beside the photograph: the likeliest classes, and how far to believe them."""

import html

import numpy as np

from app.core.checkpoints import Checkpoint
from app.core.pictures import CellQuestion
from app.core.quantities import quantity
from app.core.samples import Sample, label_of
from app.core.words import percent


def prediction(probabilities: np.ndarray, checkpoint: Checkpoint, sample: Sample | None, question: CellQuestion | None) -> str:
    """HTML: the three likeliest classes as bars, with a comment.

    sample: the subject of the photograph; None for an upload. question: for cards, what the selected token's cell has to name.
    Must not read the session: an exported page is made in a thread without one.
    """
    order = probabilities.argsort()[::-1][:3]
    top, first = float(probabilities[order[0]]), checkpoint.classes[order[0]]
    confidence = "sure" if top >= 0.8 else "fairly sure" if top >= 0.5 else "unsure"
    classes = f"the model’s {len(checkpoint.classes)} classes"
    if question:
        short, long = _of_cell(first, question)
    elif sample is None:
        listed = ", ".join(checkpoint.classes[:12]) + (", …" if len(checkpoint.classes) > 12 else "")
        short = confidence
        long = f"Whatever the photograph shows, the answer is one of {classes}: {listed}."
    elif (right := label_of(sample, checkpoint.classes)) is None:
        short = f"{confidence}{'' if confidence == 'unsure' else ', yet wrong'}: outside what it knows"
        long = f"The photograph shows {sample.subject}. That is not among {classes}, so no answer can be right."
    else:
        verdict = "right" if first == right else "wrong"
        link = "and" if (confidence == "unsure") == (verdict == "wrong") else "yet"
        short, long = f"{confidence}, {link} {verdict}", f"The photograph shows {sample.subject}."
    shares = [percent(float(probabilities[i])) for i in order]
    shares[0] = quantity("probability", shares[0])
    bars = "".join(
        f'<span>{html.escape(checkpoint.classes[i])}</span><span class="track"><i style="width:{100 * probabilities[i]:.1f}%"></i></span>'
        f"<b>{share}</b>"
        for i, share in zip(order, shares, strict=True)
    )
    return f'<p class="title">Prediction <small>{short}</small></p><div class="bars">{bars}</div><p>{html.escape(long)}</p>'


def _of_cell(answer: str, question: CellQuestion) -> tuple[str, str]:
    """The question to the selected token's cell and the verdict on the answer: in a few words, and in sentences."""
    if question.right is None:
        return "nothing is asked here", "This place is blank. Select a drawn card, or the cyan square, top left."
    verdict = "right" if answer == question.right else "wrong"
    row, column = (index + 1 for index in question.marked)
    whose = f"the marked card’s pattern (row {row}, column {column} of the cells)" if question.about_marked else "its own card’s pattern"
    return f"{verdict} for this cell", f"This cell must name {whose}, which is {question.right}. The answer is {verdict}."
