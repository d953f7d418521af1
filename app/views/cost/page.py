"""Cost: where the multiply-adds go, when H-MHSA is cheaper, and how long it takes on this machine."""

import streamlit as st

from app.core import inference
from app.shell import session
from app.shell.notices import note
from app.ui import blocks, notebook_links
from app.views.cost import costs, measure_job, sections, text

view, checkpoint = session.view(), session.checkpoint()
layer = costs.layer_of(view, checkpoint)
count = inference.macs(checkpoint, view.g1, view.g2)
measured = measure_job.results(session.visit().job, layer.setting)

st.title(text.headline(layer.mhsa, layer.hmhsa), anchor=False)
st.html(text.lead(layer) + text.layer_bars(layer) + text.why(layer))
if not layer.hierarchical:
    note(f"Stage {view.stage} uses plain attention.", "This page shows what H-MHSA would cost there with the previous stage's G₁ and G₂.")
if view.stage in checkpoint.other_mechanisms:
    note("This checkpoint uses another mechanism.", "The page shows what H-MHSA would cost here; the whole model is counted as it is.")
if layer.own:
    st.html(text.counted(layer, inference.layer_macs(count, layer.index, view.block)))
sections.sliders(layer)
left, right = st.columns(2, gap="medium")
with left:
    sections.over_tokens(layer, measured)
with right:
    sections.over_diagonal(layer)
left, right = st.columns([5, 2], vertical_alignment="center")
with left:
    if view.stage not in checkpoint.other_mechanisms:
        sections.one_token(layer)
with right, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
    sections.save(layer, count, measured)
    blocks.letters()
left, right = st.columns(2, gap="medium")
with left:
    sections.over_settings(layer)
with right:
    sections.choices(layer)
sections.whole_model(count)
st.html(f'<p class="say">A notebook derives Eq. 15. {notebook_links.invitation(15)}</p>')
blocks.reading("cost")
