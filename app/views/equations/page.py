"""Equations: plain attention, then Eqs. 6 to 15 one by one, for the selected token, with its numbers and a check against the model."""

import streamlit as st

from app.core.glossary import linked
from app.shell import session
from app.shell.notices import guarded
from app.ui import blocks
from app.ui.token_picker import token_picker
from app.views.equations import numpy_check, plain, sections, text


@st.fragment
def blackboard() -> None:
    """Everything that the token and the equation change: a click runs this function alone."""
    with guarded():
        session.run_whole_page()
        view, checkpoint = session.view(), session.checkpoint()
        if view.stage not in checkpoint.hierarchical:
            blocks.plain_stage(view.stage, checkpoint)
            return
        with st.spinner("Running the block equation by equation …"):
            checked = numpy_check.checked_equations(session.picture(), checkpoint, view.stage, view.block_index, view.g1, view.g2)
        selection = sections.selection_of(view, checkpoint, checked)
        first = plain.equation(selection.channels, checkpoint.heads(view.stage), selection.token_ids.size)
        equations = {first.number: first} | checked.equations
        left, right = st.columns([3, 7], gap="medium")
        with left:
            sections.contents(equations, selection.channels)
            where = st.container(key="where")
        with right, st.container(key="lesson"):
            st.html(text.heading(view.equation))
            sections.heads(view, checkpoint, selection.head)
            difference = plain.difference(selection) if view.equation == first.number else checked.differences[view.equation]
            sections.lesson(equations[view.equation], difference, selection)
        with where:  # last: its answer says that all is drawn
            strongest = checked.tensors["p2"][selection.head].argmax(-1).tolist()
            token_picker(key="eq_picker", side=checkpoint.grid(view.stage), g1=selection.g1, cell=selection.g2, strongest=strongest)
        session.publish()


st.title("Ten small equations, each one checked against the model", anchor=False)
st.html(
    linked(
        '<p class="lead">One attention [layer](#layer), for the selected [token](#token); the equations are numbered as in the paper. '
        "Point at a term to light up its numbers, or at a number to see how it is computed.</p>",
        "lead",
    )
)
blocks.photos()
blackboard()
