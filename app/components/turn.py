"""Turns: a component numbers its messages, so that it knows which of them a run of the page has answered."""

import streamlit as st


def turn(key: str) -> int:
    """The number of the message that this run answers; the browser may be several key presses ahead. key: the component's."""
    state = st.session_state.get(key) or {}
    return (state.get("picked") or {}).get("turn", 0)
