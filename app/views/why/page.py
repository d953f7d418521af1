"""Why?: attention against attribution, with scores."""

import streamlit as st

import hatnet
from app.components.picker import picker
from app.core import overlay
from app.core.samples import SAMPLES
from app.shell import session
from app.shell.notices import note
from app.ui import blocks
from app.views.why import sections
from app.views.why.evidence import NAMES, evidence_of

view, known, picture = session.view(), session.checkpoint(), session.picture()
if known.cards:
    st.title("Why? Attention is not attribution", anchor=False)
    sections.one_answer_a_cell(known)
    st.stop()
evidence = evidence_of(picture, known, view)
name = known.classes[evidence.question.target]
question = (picture.digest, known.key, view.g1, view.g2)  # what was being worked out when somebody cancels
session.publish()  # before the long work


def stop(asked: tuple | None) -> None:
    session.visit().stopped = asked


def work(slots: dict) -> None:
    """Fill in what is missing, and show each map once it is there."""
    with st.container(key="work"):
        bar = st.progress(0.0, "Getting ready")
        st.button("Cancel", key="why_cancel", on_click=stop, args=(question,))
        for part in evidence.work(lambda done, label: bar.progress(done, f"{label} …")):
            if part in slots:
                sections.picture(slots[part], evidence, part)


def token_choice() -> None:
    grid = evidence.far.query_grid
    st.html('<p class="title">From which token?</p>')
    picker(
        key="why_picker",
        photo=blocks.photo_id(picture, exact=False),
        title=picture.title,
        grid=grid,
        token=evidence.token,
        g1=evidence.far.g1,
        cell=evidence.far.g2 or 1,
        strongest=int(evidence.far.row(*evidence.token).mean(0).argmax()),
        choose=lambda chosen: session.update(place=hatnet.place_of(chosen, grid)),
    )
    st.caption("Choose another: raw attention, two hops and their scores change, though the answer does not.")


blocks.photos()
st.title(f"Why “{name}”? Attention is not attribution", anchor=False)
if session.visit().stopped != question:
    session.visit().stopped = None  # another question's
lead, stopped = st.empty(), session.visit().stopped is not None
wrong = sections.wrong(SAMPLES.get(view.image), known, name)
soon = "Their scores are still missing." if stopped and evidence.missing() else "They are being scored."
lead.html(f'<p class="lead">{wrong}Six maps answer one question: which parts of the picture speak for this answer? {soon}</p>')
slots, meters = {}, {}
with st.container(key="why_row"):
    for column, method in zip(st.columns(len(NAMES), gap="small"), NAMES, strict=True):
        with column:
            sections.heading(method, evidence)
            slots[method], meters[method] = st.empty(), st.empty()
            sections.picture(slots[method], evidence, method)
with st.container(key="why_scale", horizontal=True, vertical_alignment="center", gap="small"):
    text = f"most important: bare where a square has {overlay.FULL} times its even share or more, in all six."
    st.html(f'<p class="veil">least <i></i> {text}</p>', width="stretch")
    save = st.container(width="content")
    blocks.letters()
with st.container(key="why_below"):
    left, right = st.columns([10, 3], gap="medium")
with right:
    token_choice()  # first, and always in the same place: it keeps the keyboard's focus while the scores follow
below, beneath = left.empty(), st.empty()
if evidence.missing():
    with below.container():
        if stopped:
            note("Stopped.", f"{len(evidence.missing())} parts are still to do: maps that wait, and all scores. What is there is kept.")
            st.button("Go on", key="why_go_on", type="primary", on_click=stop, args=(None,))
        else:
            work(slots)
if not evidence.missing():
    found, random = sections.scores(evidence), sections.chances(evidence)
    lead.html(f'<p class="lead">{wrong}{sections.lead(name, found, random)}</p>')
    for method, pair in found.items():
        with meters[method].container():
            sections.meter(method, pair, random, max(score for score, _ in found.values()))
    with below.container():
        sections.curves(evidence, found)
    with save:
        sections.save(evidence, found)
    with beneath.container():
        sections.how_to_read(evidence, found, random)
blocks.reading("why")
