"""Pieces of pages that are more than one call: HTML that looks like the rest, and the charts' shared settings."""

import html

import numpy as np
import streamlit as st

from app.core import content, pictures
from app.core.checkpoints import Checkpoint
from app.core.colours import DARK, LIGHT, Colours
from app.core.pictures import Asked, Picture
from app.core.samples import Sample, label_of
from app.core.words import percent
from app.shell import session
from app.shell.notices import note

CALM = {"displayModeBar": False, "doubleClick": False, "scrollZoom": False}


def photos() -> None:
    """The photograph and the model's pixels, hidden: the picker finds them by their ids and they are not sent again with every click."""
    known, picture = session.checkpoint(), session.picture()
    images = ""
    for exact, pixels in ((False, pictures.sharp(picture)), (True, pictures.model_input(picture, known.image_size))):
        images += f'<img id="{photo_id(picture, exact)}" src="{pictures.data_uri(picture, pixels)}" alt="">'
    st.html(f"<div hidden>{images}</div>")


def photo_id(picture: Picture, exact: bool) -> str:
    return f"photo-{picture.digest[:16]}-{'exact' if exact else 'sharp'}"


def palette() -> Colours:
    """The colours of the page's theme, for charts."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def heading(name: str, small: str) -> None:
    """A chart's title."""
    st.html(f'<p class="title chart">{name} <small>{small}</small></p>')


def plot(figure, alt: str, name: str) -> None:
    """A chart that is not a map: as wide as its column."""
    st.plotly_chart(figure, key=name, config=CALM, alt=alt, theme="streamlit")


def prediction(probabilities: np.ndarray, known: Checkpoint, sample: Sample | None, asked: Asked | None) -> str:
    """HTML: the three likeliest classes as bars, and how far to believe them.

    sample: what the photograph shows; None for an upload. asked: of cards, what the selected token's cell is asked.
    Reads no session, since an exported page is made in a thread without one.
    """
    order = probabilities.argsort()[::-1][:3]
    top, first = float(probabilities[order[0]]), known.classes[order[0]]
    sure = "sure" if top >= 0.8 else "fairly sure" if top >= 0.5 else "unsure"
    classes = f"its {len(known.classes)} classes"
    if asked:
        small, long = _of_cell(first, asked)
    elif sample is None:
        listed = ", ".join(known.classes[:12]) + (", …" if len(known.classes) > 12 else "")
        small = sure
        long = f"Whatever the photograph shows, the answer is one of {classes}: {listed}."
    elif (right := label_of(sample, known.classes)) is None:
        small = f"{sure}{'' if sure == 'unsure' else ', yet wrong'}: outside what it knows"
        long = f"The photograph shows {sample.subject}. That is not among {classes}, so no answer can be right."
    else:
        verdict = "right" if first == right else "wrong"
        link = "and" if (sure == "unsure") == (verdict == "wrong") else "yet"
        small, long = f"{sure}, {link} {verdict}", f"The photograph shows {sample.subject}."
    bars = "".join(
        f'<span>{html.escape(known.classes[i])}</span><span class="track"><i style="width:{100 * probabilities[i]:.1f}%"></i></span>'
        f"<b>{percent(float(probabilities[i]))}</b>"
        for i in order
    )
    return f'<p class="title">Prediction <small>{small}</small></p><div class="bars">{bars}</div><p>{html.escape(long)}</p>'


def _of_cell(answer: str, asked: Asked) -> tuple[str, str]:
    """What the selected token's cell is asked, and whether the answer is right: in a word or two, and in sentences."""
    if asked.right is None:
        return "nothing is asked here", "This cell is blank. Choose a card, or the cyan cell that asks, top left."
    verdict = "right" if answer == asked.right else "wrong"
    row, column = (index + 1 for index in asked.marked)
    whose = f"the marked card’s pattern (row {row}, column {column} of the cells)" if asked.asker else "its own card’s pattern"
    return f"of this cell: {verdict}", f"This cell asks for {whose}: {asked.right}. {verdict.capitalize()}."


def letters() -> None:
    """The glossary, behind a button."""
    with st.popover("The letters", icon=":material/menu_book:"):
        st.markdown(content.text("content/glossary.md"))


def reading(page: str) -> None:
    """At a page's foot: views/`page`/page.md, folded."""
    with st.expander("How to read this page"):
        st.markdown(content.text(f"views/{page}/page.md"))


def plain_stage(stage: int, known: Checkpoint) -> None:
    """What a view of H-MHSA says of a stage that has none, and the way to one that has."""
    near = known.hierarchical[-1]
    side = known.grid(stage)
    text = f"Its map is only {side} × {side} tokens, so it compares all with all at once (Eqs. 1 to 3). Eqs. 6 to 15 are not used here."
    note(f"Stage {stage} has no hierarchical attention.", text)
    st.button(f"Show stage {near}", icon=":material/arrow_back:", type="primary", on_click=_show_stage, args=(near,))


def _show_stage(stage: int) -> None:
    session.update(stage=stage)
    session.visit().whole_page = True
