"""The button that measures on this machine, and the progress of what it started."""

import streamlit as st

from app import services
from app.messages import note


def draw(setting: tuple[int, int, int, int]) -> None:
    """To be a fragment of its own that runs again while something is measured. setting: C, G1, G2, channels of a head."""
    job = st.session_state.get("job")
    if job and not job.done:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(job.part, text="Measuring four kinds of attention, small maps first …")
            if st.button("Cancel", icon=":material/close:"):
                job.stop = True
    elif job and st.session_state.pop("watched", False):
        st.rerun()  # the curves are outside of this fragment
    elif st.button("Measure on this machine", icon=":material/timer:", type="primary"):
        if started := services.measure(setting):
            st.session_state.job, st.session_state.watched = started, True
            st.rerun()
        note("Somebody else is measuring just now.", "Two at once would spoil both. Try again in half a minute.")
