"""Grids: G1 and G2 move, the weights do not; two settings side by side."""

from functools import partial

import streamlit as st

import hatnet
from app import pair, pieces, pieces_grids, services, state
from app.components.picker import picker
from app.figures import grids
from app.messages import guarded

HELP = {
    "g1": "G₁: side of the square window in which a token reads its neighbours exactly (Eq. 6), in tokens.",
    "g2": "G₂: side of the square cell whose tokens are averaged into one before all tokens read it (Eq. 10), in tokens.",
}
view, known, picture = state.current(), services.checkpoint(state.current().checkpoint), state.picture()
side = known.grid(view.stage)


def choose(index: int, columns: tuple) -> None:
    """Sides that fit, and those chosen elsewhere."""
    for column, name, what in zip(columns, HELP, ("Window side G₁", "Cell side G₂"), strict=True):
        now, trained = getattr(view, name)[index], getattr(known.config, name)[index]

        def title(value: int, trained: int = trained) -> str:
            return f"{value} ★" if value == trained else str(value)

        look = dict(options=grids.fitting(side, trained, now), required=True, help=HELP[name], wrap=True, format_func=title)
        with column:
            write = partial(state.set_grid, name, index)
            state.bound(st.segmented_control, what, name, now, write, key=f"grids_{name}_{view.stage}", **look)


@st.fragment
def board(index: int, measured: grids.Measured | None) -> None:
    """What a token changes: a click runs this function alone."""
    with guarded():
        if st.session_state.pop("everywhere", False):
            st.rerun()  # other grids show outside of this fragment too
        now = pair.current(index)
        with st.container(key="compared"):  # style.css puts the second beside the other two
            left, right, below = st.container(), st.container(), st.container()
        with right:
            with st.spinner("Computing the maps of A and B …"):
                a, b = (pieces_grids.with_setting(setting, measured) for setting in (now.a, now.b))
            pieces_grids.comparison(a, b, now.trained)
            pieces_grids.table(a, b, known, view.stage)
            pieces_grids.save(a, b, measured)
        with below:
            pieces_grids.accuracy(measured, now.a, now.b, partial(choose_pair, index))
        with left:
            grid = (side, side)
            picker(
                key="grids_picker",
                photo=pieces.photo_id(picture, exact=False),
                title=picture.title,
                grid=grid,
                token=hatnet.token_at(state.current().place, grid),
                g1=b.setting[0],
                cell=b.setting[1],
                strongest=b.strongest,
                choose=lambda chosen: state.update(place=hatnet.place_of(chosen, grid)),
            )
            st.caption("With the grids of B. Click a token, or move with the arrow keys: the maps are what it reads.")
        state.publish()


def choose_pair(index: int, setting: grids.Setting) -> None:
    pair.choose(index, setting)
    st.session_state.everywhere = True


def page(index: int) -> None:
    now, measured = pair.current(index), pieces_grids.stored(index)
    pieces.photos()
    lead = st.empty()
    choose(index, st.columns(2, gap="small"))
    pieces_grids.actions(index, now)
    example = " B is as trained; A is an example with twice its sides, until you move B or pin." if now.example else ""
    st.caption(f"★ as trained. {grids.why_off(side)}{example}")
    lead.html(pieces_grids.lead(*(pieces_grids.with_setting(setting, measured) for setting in (now.a, now.b)), known))
    board(index, measured)


st.title("Change the grids, keep every weight", anchor=False)
if view.stage in known.hierarchical:
    page(known.config.stages.index(view.stage))
else:
    pieces.plain_stage(view.stage, known)
pieces.reading("grids")
