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
        with st.container(key="explorer_menu", horizontal=True):
            pieces.letters()
            pieces_explorer.takeaway(view, known, picture)
        held = st.session_state.setdefault("sheets", [])
        explorer(key="explorer", data=pieces_explorer.drawn(view, known, picture, held), changed=pieces_explorer.changed)
        state.publish()


pieces.headline()
pieces.photos()
board()
with st.expander("How to read this page"):
    st.markdown((texts.CONTENT / "explorer.md").read_text(encoding="utf-8"))
