"""The sections of the Cost page: its sliders, and its charts with their words."""

from functools import partial

import streamlit as st

import hatnet
from app.core import inference
from app.core.glossary import linked
from app.shell import session
from app.shell.notices import note
from app.ui import blocks, save_menu
from app.ui.chart import chart
from app.views.cost import charts, costs, measure_job, text
from app.views.cost.costs import LayerCost
from hatnet.complexity import Count
from hatnet.timing import Measured

PIXELS = (32, 64, 112, 128, 160, 224, 256, 320, 384, 448, 512)
CHANNELS = (16, 32, 48, 64, 96, 128, 192, 240, 256, 320, 384, 512)


def sliders(layer: LayerCost) -> None:
    """Resolution, channels, G1 and G2."""
    view, checkpoint = session.view(), session.checkpoint()
    config = checkpoint.config
    stage = config.stages.index(view.stage)
    with st.container(key="knobs"):
        resolution, width, *sides = st.columns(4, gap="medium")
    patch = f"{config.strides[stage]} × {config.strides[stage]} pixels"
    hints = {
        "pixels": f"Side of the picture. The stage's map has one token for each square of {patch}: H × W in Eqs. 5 and 15.",
        "channels": "C: how many numbers describe one token.",
        "g1": "G₁: side, in tokens, of the window in which a token reads all tokens one by one (Eq. 6).",
        "g2": "G₂: side, in tokens, of the cells whose averages every token reads (Eq. 10).",
    }
    for column, label, name, value, own, offered in (
        (resolution, "Resolution, pixels", "pixels", view.pixels, checkpoint.image_size, PIXELS),
        (width, "Channels C", "channels", view.channels, config.dims[stage], CHANNELS),
    ):
        value = value or own
        with column:
            session.bound(st.select_slider, label, name, value, options=sorted({*offered, value, own}), help=hints[name])
    most = checkpoint.grid(checkpoint.hierarchical[layer.index])
    for column, label, name, value in zip(sides, ("Window side G₁", "Cell side G₂"), ("g1", "g2"), layer.chosen, strict=True):
        with column:
            if most == 1:
                st.caption(f"{label}: the map is one token wide, so there is nothing to choose.")
                continue
            write, key = partial(session.set_side, name, layer.index), f"cost_{name}_{layer.index}"
            session.bound(st.slider, label, name, value, write, key=key, help=hints[name], min_value=1, max_value=most)


def over_tokens(layer: LayerCost, measured: dict[int, list[Measured]]) -> None:
    """Eqs. 5 and 15 and their peers, and what this machine takes."""
    shown, job = "Multiply-adds", session.visit().job
    blocks.heading("Cost against the number of tokens", linked("beside [Swin](#Swin) and [PVT](#PVT); both axes logarithmic", "curves"))
    if measured:
        kinds = ["Multiply-adds", "Time", "Memory"]
        shown = st.segmented_control("Shown", kinds, default="Time", required=True, label_visibility="collapsed")
    chart(key="tokens", drawn=charts.over_tokens(shown, layer, measured))
    if shown != "Multiply-adds":
        st.caption(f"Thick: {shown.lower()} measured here. Thin: the formulas, scaled to match plain attention on the largest map.")
    st.fragment(_measure, run_every=0.5 if job and not job.done else None)(layer.setting)
    if job and job.failed:
        note("The measurement failed.", "This is a bug in the app. The server log has the details.")
    if measured:
        st.html(text.timing(measured, layer.setting, layer.n))


def _measure(setting: measure_job.Setting) -> None:
    """The button that starts a measurement, or the progress of one: a fragment of its own that runs again while it lasts."""
    visit = session.visit()
    job = visit.job
    if job and not job.done:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(job.progress, text="Measuring four kinds of attention, small maps first …")
            if st.button("Cancel", icon=":material/close:"):
                job.cancelled = True
    elif job and visit.job_watched:
        visit.job_watched = False
        st.rerun()  # the curves are outside this fragment
    elif st.button("Measure on this machine", icon=":material/timer:", type="primary"):
        if started := measure_job.begin(setting):
            visit.job, visit.job_watched = started, True
            st.rerun()
        note("Another visitor is measuring right now.", "Two measurements at once would spoil each other. Try again in half a minute.")


def over_diagonal(layer: LayerCost) -> None:
    """The four terms of Eq. 15, stacked."""
    blocks.heading("Where the cost goes if G₁ = G₂ = G", "the four terms of Eq. 15")
    if layer.n == 1:
        note("The map is one token.", "There is only G = 1.")
    else:
        chart(key="terms", drawn=charts.along_diagonal(layer))


def one_token(layer: LayerCost) -> None:
    """What the selected token alone pays for."""
    view, checkpoint = session.view(), session.checkpoint()
    attention = inference.attention(session.picture(), checkpoint, view)
    near, far = (attention.row(view, kind).mean(0) if layer.hierarchical or kind == "global" else None for kind in ("local", "global"))
    side = checkpoint.grid(view.stage)
    st.html(text.one_token(near, far, side * side, hatnet.token_at(view.place, (side, side))))


def save(layer: LayerCost, count: Count, measured: dict[int, list[Measured]]) -> None:
    tables = costs.tables(layer, count, measured)
    save_menu.save(*(save_menu.Table(name=name, columns=columns) for name, columns in tables.items()))


def over_settings(layer: LayerCost) -> None:
    """Eq. 15 for every G1 and G2."""
    blocks.heading("Every G₁ with every G₂", "Eq. 15; a stronger grey costs more")
    if layer.n > 1:
        chart(key="grids", drawn=charts.over_settings(layer))


def choices(layer: LayerCost) -> None:
    """The sides chosen for training beside the cheapest."""
    checkpoint = session.checkpoint()
    blocks.heading("The cheapest, and what was chosen", "G₁ and G₂ used in training")
    rows = costs.choices(checkpoint.config, checkpoint.image_size, session.view().stage)
    st.html(text.cheapest(layer.n) + text.choices(rows))


def whole_model(count: Count) -> None:
    """The checkpoint's MACs by stage and module, counted in both ways."""
    view, checkpoint = session.view(), session.checkpoint()
    pixels, as_trained = checkpoint.image_size, (view.g1, view.g2) == (checkpoint.config.g1, checkpoint.config.g2)
    blocks.heading("The whole model, stage by stage", linked(f"{pixels} × {pixels} pixels; a bar for each [stage](#stage)", "whole"))
    st.html(text.stage_bars(count) + text.conventions(count, as_trained))
