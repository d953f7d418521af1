"""Above every page: what is shown, and the button that copies its address."""

import html

import streamlit as st

from app.components.copy_link import copy_link
from app.core.view import UPLOAD
from app.shell import session

OWN_PHOTOGRAPH = "Your photograph stays with you: whoever opens this link sees another one, with the same settings."


def draw() -> None:
    """Draw the button, and a line that style.css shows only while the sidebar is closed."""
    view = session.view()
    copy_link(OWN_PHOTOGRAPH if view.image == UPLOAD else "")
    shown = f"{session.picture().title} · {view.checkpoint} · stage {view.stage} · block {view.block}"
    st.html(f'<p class="where">{html.escape(shown)}</p>')
