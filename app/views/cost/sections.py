"""Pieces of the Cost page: its charts with their words."""

import streamlit as st

import hatnet
from app.core import inference
from app.shell import session
from app.shell.notices import note
from app.ui import blocks
from app.views.cost import charts, layer, measure_button, text
from app.views.cost.measure_job import Job
from hatnet import complexity, timing


def measured(job: Job | None, at: layer.Here) -> dict[int, list[timing.Measured]]:
    """What this visitor has measured of this layer: tokens down -> one for each mechanism; nothing where it is another's."""
    return job.found if job and job.done and not job.stop and job.setting == at.measured else {}


def over_tokens(at: layer.Here, job: Job | None) -> None:
    """Eqs. 5 and 15 and their peers, and what this machine says."""
    shown, found = "Multiply-adds", measured(job, at)
    blocks.heading("Cost against the number of tokens", "both axes logarithmic")
    if found:
        kinds = ["Multiply-adds", "Time", "Memory"]
        shown = st.segmented_control("Shown", kinds, default="Time", required=True, label_visibility="collapsed")
    blocks.plot(*layer.tokens_figure(shown, at, found, blocks.palette()), name="tokens")
    if shown != "Multiply-adds":
        st.caption(f"Thick: {shown.lower()} measured here. Thin: the formulas, scaled to plain attention on the largest map.")
    st.fragment(measure_button.draw, run_every=0.5 if job and not job.done else None)(at.measured)
    if job and job.problem:
        note("The measurement failed.", "The mistake is ours and stands in the server's log.")
    if found:
        st.html(text.measured(job))


def over_diagonal(at: layer.Here) -> None:
    """The four terms of Eq. 15, stacked."""
    best = complexity.best_common_grid(at.n, at.n, at.c)
    blocks.heading("Where the cost goes, if G₁ = G₂ = G", "the four terms of Eq. 15")
    g, terms = layer.diagonal(at.n, at.c)
    figure = charts.along_diagonal(g, terms, best, at.trained, 3.2 * complexity.hmhsa(at.n, at.n, at.c, best, best), blocks.palette())
    blocks.plot(figure, f"Stacked areas of the four terms of Eq. 15 over G. The cheapest G is about {best:.1f}.", name="terms")


def token(at: layer.Here) -> None:
    """What the selected token alone pays for."""
    view, known, picture = session.view(), session.checkpoint(), session.picture()
    seen = inference.attention(picture, known, view)
    near, far = (seen.row(view, kind).mean(0) if at.two_steps or kind == "global" else None for kind in ("local", "global"))
    side = known.grid(view.stage)
    st.html(text.token(near, far, side * side, hatnet.token_at(view.place, (side, side))))


def over_grids(at: layer.Here) -> None:
    """Eq. 15 for every (G1, G2), and what was chosen beside the cheapest."""
    view, known = session.view(), session.checkpoint()
    best = complexity.best_common_grid(at.n, at.n, at.c)
    blocks.heading("Every G₁ with every G₂", "Eq. 15; the darker, the dearer")
    every = layer.grids(at.n, at.c)
    low = len(every)
    alt = f"Heat map of Eq. 15. It falls towards G1 = 1 and G2 = {low}; on the diagonal it is smallest at about {best:.1f}."
    blocks.plot(charts.over_grids(every, best, at.trained, (at.g1, at.g2), blocks.palette()), alt, name="grids")
    alone = f"Eq. 15 alone would take G₁ = 1 and G₂ = {low}: it counts what attention costs, not what it is worth."
    st.html(f'<p class="say">{alone} Below, the cheapest common G, about (HW + C)<sup>¼</sup>, beside what was chosen.</p>')
    st.html(text.choices(layer.chosen(known.config, known.image_size, view.stage)))


def whole_model(counted: complexity.Count) -> None:
    """The checkpoint's MACs by stage and module, in both conventions."""
    known = session.checkpoint()
    blocks.heading("The whole model, stage by stage", f"{known.image_size} × {known.image_size} pixels")
    figure = charts.per_stage(layer.by_stage(counted), tuple(layer.GROUPS), blocks.palette())
    blocks.plot(figure, text.conventions_alt(counted), name="stages")
    st.html(text.conventions(counted))
