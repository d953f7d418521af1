"""Above every page: what is being looked at, and the button that copies the address of it."""

import html

import streamlit as st

from app.components.copy_link import copy_link
from app.shell import session


def draw() -> None:
    """The button, and a line that shows while the sidebar is closed (style.css)."""
    copy_link()
    view = session.view()
    shown = f"{session.picture().title} · {view.checkpoint} · stage {view.stage} · block {view.block}"
    st.html(f'<p class="where">{html.escape(shown)}</p>')
