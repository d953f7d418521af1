"""Grids: G1 and G2 move, the weights do not; two settings side by side."""

from functools import partial

import streamlit as st

import hatnet
from app.components.picker import picker
from app.shell import session
from app.shell.notices import guarded
from app.ui import blocks
from app.views.grids import accuracy, comparison, sections

HELP = {
    "g1": "G₁: side of the square window in which a token reads its neighbours exactly (Eq. 6), in tokens.",
    "g2": "G₂: side of the square cell whose tokens are averaged into one before all tokens read it (Eq. 10), in tokens.",
}
view, known, picture = session.view(), session.checkpoint(), session.picture()
side = known.grid(view.stage)


def choose(index: int, columns: tuple) -> None:
    """Sides that fit, and those chosen elsewhere."""
    for column, name, what in zip(columns, HELP, ("Window side G₁", "Cell side G₂"), strict=True):
        now, trained = getattr(view, name)[index], getattr(known.config, name)[index]

        def title(value: int, trained: int = trained) -> str:
            return f"{value} ★" if value == trained else str(value)

        look = dict(options=accuracy.fitting(side, trained, now), required=True, help=HELP[name], wrap=True, format_func=title)
        with column:
            write = partial(session.set_side, name, index)
            session.bound(st.segmented_control, what, name, now, write, key=f"grids_{name}_{view.stage}", **look)


@st.fragment
def board(index: int, measured: accuracy.Measured | None) -> None:
    """What a token changes: a click runs this function alone."""
    with guarded():
        session.run_whole_page()
        now = comparison.current(index)
        with st.container(key="compared"):  # page.css puts the second beside the other two
            left, right, below = st.container(), st.container(), st.container()
        with right:
            with st.spinner("Computing the maps of A and B …"):
                a, b = (sections.with_setting(setting, measured) for setting in (now.a, now.b))
            sections.side_by_side(a, b, now.trained)
            sections.table(a, b, known, view.stage)
            sections.save(a, b, measured)
        with below:
            sections.accuracy(measured, now.a, now.b, partial(choose_pair, index))
        with left:
            grid = (side, side)
            picker(
                key="grids_picker",
                photo=blocks.photo_id(picture, exact=False),
                title=picture.title,
                grid=grid,
                token=hatnet.token_at(session.view().place, grid),
                g1=b.setting[0],
                cell=b.setting[1],
                strongest=b.strongest,
                choose=lambda chosen: session.update(place=hatnet.place_of(chosen, grid)),
            )
            st.caption("With the grids of B. Click a token, or move with the arrow keys: the maps are what it reads.")
        session.publish()


def choose_pair(index: int, setting: accuracy.Setting) -> None:
    comparison.choose(index, setting)
    session.visit().whole_page = True


def page(index: int) -> None:
    now, measured = comparison.current(index), sections.stored(index)
    blocks.photos()
    lead = st.empty()
    choose(index, st.columns(2, gap="small"))
    sections.actions(index, now)
    example = " B is as trained; A is an example with twice its sides, until you move B or pin." if now.example else ""
    st.caption(f"★ as trained. {accuracy.why_off(side)}{example}")
    lead.html(sections.lead(*(sections.with_setting(setting, measured) for setting in (now.a, now.b)), known))
    board(index, measured)


st.title("Change the grids, keep every weight", anchor=False)
if view.stage in known.hierarchical:
    page(known.config.stages.index(view.stage))
else:
    blocks.plain_stage(view.stage, known)
blocks.reading("grids")
