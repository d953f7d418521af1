"""Why?: attention beside attribution, with scores."""

import streamlit as st

from app.core import inference, unknown
from app.core.samples import SAMPLES
from app.core.words import literal
from app.shell import session
from app.ui import blocks
from app.views.why import sections, text
from app.views.why.cache import evidence_of

view, checkpoint, picture = session.view(), session.checkpoint(), session.picture()
if checkpoint.cards:
    st.title("Why? Does attention tell us?", anchor=False)
    sections.one_answer_per_cell(checkpoint)
    st.stop()
evidence = evidence_of(picture, checkpoint, view)
answer = checkpoint.classes[evidence.question.target]
job = (picture.digest, checkpoint.key, view.g1, view.g2)  # what a visitor may stop
if session.visit().stopped != job:
    session.visit().stopped = None
session.publish()  # before the long work

blocks.photos()
st.title(text.title(literal(answer)), anchor=False)
lead = st.empty()
verdict = unknown.verdict(inference.attention(picture, checkpoint, view).logits, checkpoint, view.g1, view.g2)
doubt = text.unknown_answer(verdict, checkpoint) or text.wrong_answer(SAMPLES.get(view.image), checkpoint, answer)
maps, meters = sections.methods(evidence)
explained = st.empty()
save = sections.scale()
with st.container(key="why_below"):
    left, right = st.columns([10, 3], gap="medium")
with right:
    sections.token_choice(evidence)  # first, and always in the same place: it keeps the keyboard's focus while the scores follow
below, beneath = left.empty(), st.empty()

if evidence.missing():
    lead.html(f'<p class="lead">{text.waiting(answer, stopped=session.visit().stopped is not None)}{doubt}</p>')
    with below.container():
        sections.work(evidence, maps, job)
if not evidence.missing():
    scores, random = sections.scores_of(evidence), sections.chance_of(evidence)
    lead.html(f'<p class="lead">{text.lead(answer, scores, random, sections.untrained(evidence))}{doubt}</p>')
    for method, pair in scores.items():
        meters[method].html(text.meter(method, pair, random))
    with explained:
        sections.tests(evidence, answer, random)
    with below.container():
        sections.charts(evidence, scores, answer)
    with save:
        sections.save(evidence, scores)
    with beneath:
        sections.control(evidence, scores)
blocks.reading("why")
