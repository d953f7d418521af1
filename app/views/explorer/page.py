"""Attention Explorer: one token, what it reads nearby and far away."""

import streamlit as st

from app.core import pictures
from app.shell import session
from app.shell.notices import guarded
from app.ui import blocks
from app.views.explorer import panels
from app.views.explorer.explorer import explorer


@st.fragment
def board() -> None:
    """The photograph and everything that it drives: a click runs this function alone."""
    with guarded():
        session.run_whole_page()
        view, picture = session.view(), session.picture()
        known = session.checkpoint()
        held = session.visit().sheets
        tokens = known.grid(view.stage) ** 2
        with st.container(key="computing"):
            first = st.empty()
            if not held:  # the photograph is there before its maps
                first.html(f'<img class="waiting" src="{pictures.data_uri(picture, pictures.thumbnail(picture))}" alt="">')
            with st.spinner(f"Computing {tokens:,} rows, stage {view.stage}, block {view.block} …"):  # in caches at a click: not said
                data = panels.drawn(view, known, picture, held)
            first.empty()
        with st.container(key="explorer_menu", horizontal=True):
            blocks.letters()
            panels.takeaway(view, known, picture)
        explorer(key="explorer", data=data, changed=panels.changed)
        session.publish()


panels.headline()
blocks.photos()
board()
blocks.reading("explorer")
