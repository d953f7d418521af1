"""The button that measures on this machine, and the progress of what it started."""

import streamlit as st

from app.shell import session
from app.shell.notices import note
from app.views.cost import measure_job


def draw(setting: tuple[int, int, int, int]) -> None:
    """To be a fragment of its own that runs again while something is measured. setting: C, G1, G2, channels of a head."""
    visit = session.visit()
    job = visit.job
    if job and not job.done:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(job.part, text="Measuring four kinds of attention, small maps first …")
            if st.button("Cancel", icon=":material/close:"):
                job.stop = True
    elif job and visit.job_watched:
        visit.job_watched = False
        st.rerun()  # the curves are outside of this fragment
    elif st.button("Measure on this machine", icon=":material/timer:", type="primary"):
        if started := measure_job.begin(setting):
            visit.job, visit.job_watched = started, True
            st.rerun()
        note("Somebody else is measuring just now.", "Two at once would spoil both. Try again in half a minute.")
