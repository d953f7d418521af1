"""What several pages draw: the hidden photographs, charts, the glossary, notes."""

import streamlit as st

from app.core import content, pictures
from app.core.checkpoints import Checkpoint
from app.core.glossary import linked
from app.core.pictures import Picture
from app.shell import session
from app.shell.notices import note


def photos() -> None:
    """Draw the photograph and the model's pixels, hidden: components find them by id, and they are not sent again with every click."""
    checkpoint, picture = session.checkpoint(), session.picture()
    images = ""
    for exact, pixels in ((False, pictures.sharp(picture)), (True, pictures.model_input(picture, checkpoint.image_size))):
        images += f'<img id="{photo_id(picture, exact)}" src="{pictures.data_uri(picture, pixels)}" alt="">'
    st.html(f"<div hidden>{images}</div>")


def photo_id(picture: Picture, exact: bool) -> str:
    """The id of one of these images; exact: the model's pixels."""
    return f"photo-{picture.digest[:16]}-{'exact' if exact else 'sharp'}"


def heading(name: str, small: str) -> None:
    """Draw the title of a chart."""
    st.html(f'<p class="title chart">{name} <small>{small}</small></p>')


def letters() -> None:
    """Draw the button that opens the glossary."""
    with st.popover("Glossary", icon=":material/menu_book:"):
        st.markdown(content.text("content/glossary.md"))


def prose(markdown: str, place: str) -> None:
    """Draw a text of ours with words of the glossary, as `glossary.linked` marks them. Nothing that others chose may stand in it."""
    st.markdown(linked(markdown, place), unsafe_allow_html=True)


def reading(page: str) -> None:
    """Draw the explanations at the foot of a page, folded: the sections of views/`page`/page.md."""
    for heading, body in content.sections(f"views/{page}/page.md").items():
        with st.expander(heading):
            prose(body, "reading")


def plain_stage(stage: int, checkpoint: Checkpoint) -> None:
    """Draw a note for a stage without hierarchical attention, and a button that leads to one with it."""
    nearest, side = checkpoint.hierarchical[-1], checkpoint.grid(stage)
    text = f"Its {side} × {side} tokens are so few that each is compared with all at once (Eqs. 1 to 3). Eqs. 6 to 15 are not used here."
    note(f"Stage {stage} uses plain attention.", text)
    st.button(f"Show stage {nearest}", icon=":material/arrow_back:", type="primary", on_click=_show_stage, args=(nearest,))


def _show_stage(stage: int) -> None:
    session.update(stage=stage)
    session.visit().whole_page = True
