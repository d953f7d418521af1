"""Above every page: what is shown, and the button that copies its address."""

import html

import streamlit as st

from app.components.copy_link import copy_link
from app.shell import session


def draw() -> None:
    """Draw the button, and a line that style.css shows only while the sidebar is closed."""
    copy_link()
    view = session.view()
    shown = f"{session.picture().title} · {view.checkpoint} · stage {view.stage} · block {view.block}"
    st.html(f'<p class="where">{html.escape(shown)}</p>')
