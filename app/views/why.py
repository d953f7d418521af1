"""Why?: attention against attribution, with scores."""

import streamlit as st

import hatnet
from app import pieces, pieces_why, services, state
from app.components.picker import picker
from app.evidence import NAMES
from app.figures import maps
from app.messages import note
from app.samples import SAMPLES

view, known, picture = state.current(), services.checkpoint(state.current().checkpoint), state.picture()
if known.cards:
    st.title("Why? Attention is not attribution", anchor=False)
    pieces.one_answer_a_cell(known)
    st.stop()
evidence = services.evidence(picture, known, view)
name = known.classes[evidence.question.target]
question = (picture.digest, known.key, view.g1, view.g2)  # what was being worked out when somebody cancels
state.publish()  # before the long work


def work(slots: dict) -> None:
    """Fill in what is missing, and show each map once it is there."""
    with st.container(key="work"):
        bar = st.progress(0.0, "Getting ready")
        st.button("Cancel", key="why_cancel", on_click=lambda: st.session_state.update(why_stopped=question))
        for part in evidence.work(lambda done, label: bar.progress(done, f"{label} …")):
            if part in slots:
                pieces_why.picture(slots[part], evidence, part)


def token_choice() -> None:
    grid = evidence.far.query_grid
    st.html('<p class="title">From which token?</p>')
    picker(
        key="why_picker",
        photo=pieces.photo_id(picture, exact=False),
        title=picture.title,
        grid=grid,
        token=evidence.token,
        g1=evidence.far.g1,
        cell=evidence.far.g2 or 1,
        strongest=int(evidence.far.row(*evidence.token).mean(0).argmax()),
        choose=lambda chosen: state.update(place=hatnet.place_of(chosen, grid)),
    )
    st.caption("Choose another: raw attention, two hops and their scores change, though the answer does not.")


pieces.photos()
st.title(f"Why “{name}”? Attention is not attribution", anchor=False)
if st.session_state.get("why_stopped") != question:
    st.session_state.why_stopped = None  # another question's
lead, stopped = st.empty(), st.session_state.why_stopped is not None
wrong = pieces_why.wrong(SAMPLES.get(view.image), known, name)
soon = "Their scores are still missing." if stopped and evidence.missing() else "They are being scored."
lead.html(f'<p class="lead">{wrong}Six maps answer one question: which parts of the picture speak for this answer? {soon}</p>')
slots, meters = {}, {}
with st.container(key="why_row"):
    for column, method in zip(st.columns(len(NAMES), gap="small"), NAMES, strict=True):
        with column:
            pieces_why.heading(method, evidence)
            slots[method], meters[method] = st.empty(), st.empty()
            pieces_why.picture(slots[method], evidence, method)
with st.container(key="why_scale", horizontal=True, vertical_alignment="center", gap="small"):
    text = f"most important: bare where a square has {maps.FULL} times its even share or more, in all six."
    st.html(f'<p class="veil">least <i></i> {text}</p>', width="stretch")
    save = st.container(width="content")
    pieces.letters()
with st.container(key="why_below"):
    left, right = st.columns([10, 3], gap="medium")
with right:
    token_choice()  # first, and always in the same place: it keeps the keyboard's focus while the scores follow
below, beneath = left.empty(), st.empty()
if evidence.missing():
    with below.container():
        if stopped:
            note("Stopped.", f"{len(evidence.missing())} parts are still to do: maps that wait, and all scores. What is there is kept.")
            st.button("Go on", key="why_go_on", type="primary", on_click=lambda: st.session_state.update(why_stopped=None))
        else:
            work(slots)
if not evidence.missing():
    found, random = pieces_why.scores(evidence), pieces_why.chances(evidence)
    lead.html(f'<p class="lead">{wrong}{pieces_why.lead(name, found, random)}</p>')
    for method, pair in found.items():
        with meters[method].container():
            pieces_why.meter(method, pair, random, max(score for score, _ in found.values()))
    with below.container():
        pieces_why.curves(evidence, found)
    with save:
        pieces_why.save(evidence, found)
    with beneath.container():
        pieces_why.note(evidence, found, random)
pieces.reading("why")
