"""Grids: G1 and G2 change, the weights do not; two settings side by side."""

from functools import partial

import streamlit as st

from app.core import checkpoints
from app.shell import session
from app.shell.notices import guarded
from app.shell.session import Setting
from app.ui import blocks
from app.ui.token_picker import token_picker
from app.views.grids import accuracy, comparison, sections, text
from app.views.grids.accuracy import AccuracyMap
from app.views.grids.outcome import others_as_trained, outcome_of


def settings(index: int) -> None:
    """The whole page for the hierarchical stage `index` (from 0)."""
    file = sections.stored_accuracies()
    measured = file and accuracy.of_stage(file, index)
    now = comparison.current(index)
    blocks.photos()
    st.html(text.lead(now, parameters, others_as_trained()))
    sections.controls(index, now.b)
    sections.actions(index, now)
    board(index, measured)
    sections.quality(file, measured, now)


@st.fragment
def board(index: int, measured: AccuracyMap | None) -> None:
    """Everything that the token changes: a click runs this function alone."""
    with guarded():
        session.run_whole_page()
        now = comparison.current(index)
        changed = st.empty()
        with st.container(key="compared"):  # style.css puts the second beside the other two
            left, right, below = st.container(), st.container(), st.container()
        with right:
            with st.spinner("Computing the maps of A and B …"):
                a, b = (outcome_of(setting, measured) for setting in (now.a, now.b))
            changed.html(text.change(a, b, checkpoint.grid(view.stage)))
            sections.maps(a, b, now.trained)
            st.html(text.table(a, b, measured, parameters))
            sections.save(a, b, measured)
        with below:
            sections.accuracy_map(measured, now.a, now.b, partial(choose, index))
        with left:
            token_picker(key="grids_picker", side=checkpoint.grid(view.stage), g1=b.setting[0], cell=b.setting[1], strongest=b.strongest)
            st.caption("Shown with the windows and cells of B. Click a token, or move with the arrow keys: the maps show what it reads.")
        session.publish()


def choose(index: int, setting: Setting) -> None:
    comparison.choose(index, setting)
    session.visit().whole_page = True


view, checkpoint = session.view(), session.checkpoint()
parameters = checkpoints.parameters(checkpoint.name)

st.title("Change windows and cells, keep every parameter", anchor=False)
if view.stage in checkpoint.hierarchical:
    settings(checkpoint.config.stages.index(view.stage))
else:
    blocks.plain_stage(view.stage, checkpoint)
blocks.reading("grids")
