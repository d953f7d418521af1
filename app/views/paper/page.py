"""Paper: its tables with this project's figures beside them, Fig. 1 part by part, and where each equation is shown and computed."""

import streamlit as st

from app.ui import blocks
from app.views.paper import counts, sections, text
from hatnet import paper

st.title(text.TITLE, anchor=False)
with st.spinner("Counting the paper’s four models, once …"):
    variants = {name: counts.counted(name) for name in paper.NAMES}
st.html(text.lead(variants) + text.variant_bars(variants) + text.parameters(variants))
sections.table()
sections.accuracy()
sections.fig_1()
sections.equations()
sections.trained()
blocks.reading("paper")
