"""Why?: attention beside attribution, with scores."""

import streamlit as st

from app.core.samples import SAMPLES
from app.core.words import literal
from app.shell import session
from app.ui import blocks
from app.views.why import sections, text
from app.views.why.cache import evidence_of

view, checkpoint, picture = session.view(), session.checkpoint(), session.picture()
if checkpoint.cards:
    st.title("Why? Attention is not attribution", anchor=False)
    sections.one_answer_per_cell(checkpoint)
    st.stop()
evidence = evidence_of(picture, checkpoint, view)
answer = checkpoint.classes[evidence.question.target]
job = (picture.digest, checkpoint.key, view.g1, view.g2)  # what a visitor may stop
if session.visit().stopped != job:
    session.visit().stopped = None
session.publish()  # before the long work

blocks.photos()
st.title(f"Why “{literal(answer)}”? Attention is not attribution", anchor=False)
lead = st.empty()
wrong = text.wrong_answer(SAMPLES.get(view.image), checkpoint, answer)
scored = "Their scores are still missing." if session.visit().stopped and evidence.missing() else "They are being scored."
lead.html(f'<p class="lead">{wrong}Six maps answer one question: which parts of the picture speak for this answer? {scored}</p>')
maps, meters = sections.methods(evidence)
save = sections.scale()
with st.container(key="why_below"):
    left, right = st.columns([10, 3], gap="medium")
with right:
    sections.token_choice(evidence)  # first, and always in the same place: it keeps the keyboard's focus while the scores follow
below, beneath = left.empty(), st.empty()

if evidence.missing():
    with below.container():
        sections.work(evidence, maps, job)
if not evidence.missing():
    scores, random = sections.scores_of(evidence), sections.chance_levels(evidence)
    lead.html(f'<p class="lead">{wrong}{text.lead(answer, scores, random[0])}</p>')
    most = max(put_back for put_back, _ in scores.values())
    for method, pair in scores.items():
        meters[method].html(text.meter(method, pair, random[0], most))
    with below.container():
        sections.curves(evidence, scores)
    with save:
        sections.save(evidence, scores)
    beneath.html(text.how_to_read(evidence, scores, random))
blocks.reading("why")
