"""Compare: what one token reads with five mechanisms, after one layer and after two, and what each of them costs."""

import streamlit as st

from app.core import checkpoints
from app.core.checkpoints import Checkpoint
from app.core.overlay import FULL
from app.core.places import home
from app.core.view import WEIGHTS
from app.shell import session
from app.shell.notices import guarded, note
from app.ui import blocks
from app.views.compare import experiment, mechanisms, payload, text
from app.views.compare.side_by_side import side_by_side
from hatnet.data import IGNORED


@st.fragment
def board() -> None:
    """Everything that the token changes: a click runs this function alone."""
    with guarded():
        session.run_whole_page()
        view, checkpoint, picture = session.view(), session.checkpoint(), session.picture()
        st.html(text.lead(payload.costs(view, checkpoint), checkpoint.grid(view.stage)))
        weights(checkpoint)
        with st.spinner("Computing what the token reads in five ways …"):
            data = payload.payload(view, checkpoint, picture)
        side_by_side(key="five", data=data, changed=changed)
        even = f"{FULL} times an even share"
        st.html(text.how(view.weights, view.block, view.stage, even))
        knock_out()
        session.publish()


def weights(checkpoint: Checkpoint) -> None:
    """The choice of weights; where only one is possible, why."""
    view = session.view()
    with st.container(key="weights", horizontal=True, vertical_alignment="center", gap="medium"):
        if mechanisms.arms(checkpoint):
            title = text.WEIGHTS.__getitem__
            session.bound(
                st.segmented_control, "Weights", "weights", view.weights, options=WEIGHTS, required=True, wrap=True, format_func=title
            )
        else:
            st.caption("The weights are this checkpoint’s for all five: none was trained with other mechanisms as this one was.")
        blocks.letters()


def changed(picked: dict) -> None:
    """Put what was moved into the view."""
    session.update(**{name: tuple(picked[name]) for name in ("place", "pair") if name in picked})


KNOCKED = {"local": "Without the local step", "global": "Without the global step"}


def knock_out() -> None:
    """Knock a step out on this picture, and see the answer."""
    view, checkpoint, picture = session.view(), session.checkpoint(), session.picture()
    blocks.heading("Knock a step out", "in all layers with two steps, on this picture; nothing is trained again")
    with st.container(key="knock", horizontal=True, vertical_alignment="center", gap="medium"):
        step = st.segmented_control(
            "Step to knock out", KNOCKED, key="knocked_out", format_func=KNOCKED.get, label_visibility="collapsed", wrap=True
        )
        if not checkpoint.cards and "cards" in checkpoints.names():
            st.button("Try it on cards", icon=":material/style:", type="tertiary", on_click=show_cards)
    if step:
        before, after = (experiment.answer(view, checkpoint, picture, without) for without in (None, step))
        st.html(text.knocked_out(step, before, after, 0 if picture.answers is None else int((picture.answers != IGNORED).sum())))


def show_cards() -> None:
    """The cards checkpoint, at the square that asks the far question."""
    session.update(checkpoint="cards")
    view = session.view()
    session.update(place=home(view.image, session.checkpoint(), view.stage))
    session.visit().whole_page = True


def cards() -> None:
    """The cards experiment, as measured."""
    st.subheader("What does it mean for answers?", anchor=False)
    try:
        arms = experiment.read()
    except ValueError as error:  # the rest of the page does without it
        note("The cards experiment cannot be read.", f"{error}")
        return
    if not arms:
        note("Not measured.", "python benchmarks/cards.py measures how each mechanism answers on cards.")
        return
    st.html(text.about_experiment(arms))
    st.html(text.experiment(arms))


view, checkpoint = session.view(), session.checkpoint()
if view.weights == "own" and not mechanisms.arms(checkpoint):
    session.update(weights="same")
st.title("Five mechanisms, one token", anchor=False)
if view.stage in checkpoint.hierarchical:
    blocks.photos()
    board()
else:
    blocks.plain_stage(view.stage, checkpoint)
cards()
blocks.reading("compare")
