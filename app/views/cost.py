"""Cost: where multiply-adds go, when H-MHSA is cheaper, and what this machine's clock says."""

import math
from functools import partial

import streamlit as st

import hatnet
from app import costs, meter, pieces, prices, services, state, texts
from app.figures import colours, cost
from app.messages import note
from hatnet import complexity

PIXELS = (32, 64, 112, 128, 160, 224, 256, 320, 384, 448, 512)
CHANNELS = (16, 32, 48, 64, 96, 128, 192, 240, 256, 320, 384, 512)


view, known = state.current(), services.checkpoint(state.current().checkpoint)
index, side = known.config.stages.index(view.stage), known.grid(view.stage)
two_steps = view.stage in known.hierarchical
chosen = index if two_steps else len(known.hierarchical) - 1  # a plain stage borrows the grids of the one before
n = -(-(view.pixels or known.image_size) // known.config.strides[index])
c = view.channels or known.config.dims[index]
g1, g2 = min(view.g1[chosen], n), min(view.g2[chosen], n)
head_dim = math.gcd(c, known.config.head_dim)
setting = (c, view.g1[chosen], view.g2[chosen], head_dim)
full, ours, crossing = complexity.mhsa(n, n, c), complexity.hmhsa(n, n, c, g1, g2), costs.crossover(c, g1, g2)
theme = colours.theme(st.context.theme.type)

st.title(prices.headline(full, ours), anchor=False)
st.html(prices.lead(n, full, ours, crossing))
if not two_steps:
    note(f"Stage {view.stage} is plain attention.", "This is what H-MHSA would cost there, with the G₁ and G₂ of the stage before.")

with st.container(key="knobs"):
    columns = st.columns(4, gap="medium")
for column, what, name, value, options, own in (
    (columns[0], "Resolution, pixels", "pixels", view.pixels or known.image_size, PIXELS, known.image_size),
    (columns[1], "Channels C", "channels", c, CHANNELS, known.config.dims[index]),
):
    with column:
        state.bound(st.select_slider, what, name, value, options=sorted({*options, value, own}))
grids = dict(min_value=1, max_value=known.grid(known.hierarchical[chosen]))
for column, what, name in ((columns[2], "Window side G₁", "g1"), (columns[3], "Cell side G₂", "g2")):
    with column:
        write = partial(state.set_grid, name, chosen)
        state.bound(st.slider, what, name, getattr(view, name)[chosen], write, key=f"cost_{name}_{chosen}", **grids)

left, right = st.columns(2, gap="medium")
with left:
    job = st.session_state.get("job")
    found = job.found if job and job.done and not job.stop and job.setting == setting else {}
    shown = "Multiply-adds"
    pieces.heading("Cost against the number of tokens", "both axes logarithmic")
    if found:
        kinds = ["Multiply-adds", "Time", "Memory"]
        shown = st.segmented_control("Shown", kinds, default="Time", required=True, label_visibility="collapsed")
    figure, alt = costs.tokens_figure(shown, setting, n, (full, ours), crossing, found, theme)
    pieces.plot(figure, "tokens", alt)
    if shown == "Time":
        st.caption("Thick: measured, with the spread. Thin: the formulas, scaled to plain attention on the largest map.")
    st.fragment(meter.draw, run_every=0.5 if job and not job.done else None)(setting)
    if job and job.problem:
        note("The measurement failed.", "The mistake is ours and stands in the server's log.")
    if found:
        st.html(prices.measured(job))
with right:
    pieces.heading("Where the cost goes, if G₁ = G₂ = G", "the four terms of Eq. 15")
    best = complexity.best_common_grid(n, n, c)
    g, terms = costs.diagonal(n, c)
    trained = (known.config.g1[chosen], known.config.g2[chosen])
    figure = cost.along_diagonal(g, terms, best, trained, 3.2 * complexity.hmhsa(n, n, c, best, best), theme)
    pieces.plot(figure, "terms", f"Stacked areas of the four terms of Eq. 15 over G. The cheapest G is about {best:.1f}.")

picture = state.picture()
seen = services.attention(picture, known, view.g1, view.g2, view.place)
far = seen.row(view.stage, view.block, "global", view.place).mean(0)
near = seen.row(view.stage, view.block, "local", view.place).mean(0) if two_steps else None
left, right = st.columns([6, 1], vertical_alignment="center")
with left:
    st.html(prices.token(near, far, side * side, hatnet.token_at(view.place, (side, side))))
with right:
    pieces.letters()

left, right = st.columns(2, gap="medium")
with left:
    pieces.heading("Every G₁ with every G₂", "Eq. 15; the darker, the dearer")
    all_costs = costs.grids(n, c)
    low = all_costs.shape[0]
    pieces.plot(
        cost.over_grids(all_costs, best, trained, (g1, g2), theme),
        "grids",
        f"Heat map of Eq. 15. It falls towards G1 = 1 and G2 = {low}; on the diagonal it is smallest at about {best:.1f}.",
    )
    text = f"Eq. 15 alone would take G₁ = 1 and G₂ = {low}: it counts what attention costs, not what it is worth."
    st.html(f'<p class="say">{text} Below, the cheapest common G beside what was chosen.</p>')
    st.html(prices.choices(costs.chosen(known.config, known.image_size, view.stage)))
with right:
    counted = services.macs(known.name, view.g1, view.g2)
    pieces.heading("The whole model, stage by stage", f"{known.image_size} × {known.image_size} pixels")
    pieces.plot(cost.per_stage(costs.by_stage(counted), tuple(costs.GROUPS), theme), "stages", prices.conventions_alt(counted))
    st.html(prices.conventions(counted))

for heading, body in texts.sections("cost").items():
    with st.expander(heading):
        st.markdown(body)
