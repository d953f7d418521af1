"""Cost: where multiply-adds go, when H-MHSA is cheaper, and what this machine's clock says."""

from functools import partial

import streamlit as st

from app.core import content, inference
from app.shell import session
from app.shell.notices import note
from app.ui import blocks, notebook_links, save_menu
from app.views.cost import layer, sections, text

PIXELS = (32, 64, 112, 128, 160, 224, 256, 320, 384, 448, 512)
CHANNELS = (16, 32, 48, 64, 96, 128, 192, 240, 256, 320, 384, 512)
HELP = {
    "pixels": "Side of the picture. The stage's map has one token for each square of {} × {} pixels: H × W in Eqs. 5 and 15.",
    "channels": "C: how many numbers describe one token.",
    "g1": "G₁: side of the window that a token reads exactly, in tokens (Eq. 6).",
    "g2": "G₂: side of the cells that are averaged before all tokens read them, in tokens (Eq. 10).",
}
view, known = session.view(), session.checkpoint()
index, at = known.config.stages.index(view.stage), layer.here(view, known)
counted, job = inference.macs(known, view.g1, view.g2), session.visit().job


def knobs() -> None:
    with st.container(key="knobs"):
        columns = st.columns(4, gap="medium")
    stride = known.config.strides[index]
    for column, what, name, value, options, own in (
        (columns[0], "Resolution, pixels", "pixels", view.pixels or known.image_size, PIXELS, known.image_size),
        (columns[1], "Channels C", "channels", view.channels or known.config.dims[index], CHANNELS, known.config.dims[index]),
    ):
        with column:
            options = sorted({*options, value, own})
            session.bound(st.select_slider, what, name, value, options=options, help=HELP[name].format(stride, stride))
    side = known.grid(known.hierarchical[at.chosen])
    for column, what, name, value in zip(columns[2:], ("Window side G₁", "Cell side G₂"), ("g1", "g2"), at.asked, strict=True):
        with column:
            if side == 1:
                st.caption(f"{what}: the map is one token wide, nothing to choose.")
                continue
            write = partial(session.set_side, name, at.chosen)
            session.bound(st.slider, what, name, value, write, key=f"cost_{name}_{at.chosen}", help=HELP[name], min_value=1, max_value=side)


st.title(text.headline(at.full, at.ours), anchor=False)
st.html(text.lead(at.n, at.full, at.ours, at.crossing) + text.bars(at.full, at.terms))
if not at.two_steps:
    note(f"Stage {view.stage} is plain attention.", "This is what H-MHSA would cost there, with the G₁ and G₂ of the stage before.")
knobs()
left, right = st.columns(2, gap="medium")
with left:
    sections.over_tokens(at, job)
with right:
    sections.over_diagonal(at)
left, right = st.columns([5, 2], vertical_alignment="center")
with left:
    sections.token(at)
with right, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
    tables = layer.tables(at, counted, sections.measured(job, at))
    save_menu.save(*(save_menu.Table(name=name, columns=columns) for name, columns in tables.items()))
    blocks.letters()
left, right = st.columns(2, gap="medium")
with left:
    sections.over_grids(at)
with right:
    sections.whole_model(counted)
st.html(f'<p class="say">Where Eq. 15 comes from: {notebook_links.invitation(15)}</p>')
for heading, body in content.sections("views/cost/page.md").items():
    with st.expander(heading):
        st.markdown(body)
