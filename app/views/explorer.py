"""Attention Explorer: one token, what it reads nearby and far away."""

import streamlit as st

from app import pieces, pieces_explorer, services, state, texts
from app.components.explorer import explorer
from app.messages import guarded


@st.fragment
def board() -> None:
    """The photograph and everything that it drives: a click runs this function alone."""
    with guarded():
        if st.session_state.pop("everywhere", False):
            st.rerun()  # the choice shows outside of this fragment too
        view, picture = state.current(), state.picture()
        known = services.checkpoint(view.checkpoint)
        held = st.session_state.setdefault("sheets", [])
        tokens = known.grid(view.stage) ** 2
        with st.container(key="computing"):
            first = st.empty()
            if not held:  # the photograph is there before its maps
                first.html(f'<img class="waiting" src="{services.data_uri(picture, services.thumbnail(picture))}" alt="">')
            with st.spinner(f"Computing {tokens:,} rows, stage {view.stage}, block {view.block} …"):  # in caches at a click: not said
                data = pieces_explorer.drawn(view, known, picture, held)
            first.empty()
        with st.container(key="explorer_menu", horizontal=True):
            pieces.letters()
            pieces_explorer.takeaway(view, known, picture)
        explorer(key="explorer", data=data, changed=pieces_explorer.changed)
        state.publish()


pieces.headline()
pieces.photos()
board()
with st.expander("How to read this page"):
    st.markdown((texts.CONTENT / "explorer.md").read_text(encoding="utf-8"))
