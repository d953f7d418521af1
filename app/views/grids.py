"""Grids: G1 and G2 move, the weights do not; two settings side by side."""

from pathlib import Path

import streamlit as st

import hatnet
from app import pieces, pieces_grids, services, state
from app.components.picker import picker
from app.figures import grids

HELP = {
    "g1": "G₁: side of the square window in which a token reads its neighbours exactly (Eq. 6), in tokens.",
    "g2": "G₂: side of the square cell whose tokens are averaged into one before all tokens read it (Eq. 10), in tokens.",
}
view, known, picture = state.current(), services.checkpoint(state.current().checkpoint), state.picture()
side = known.grid(view.stage)
token = hatnet.token_at(view.place, (side, side))


def choose(index: int, columns: tuple) -> None:
    """Sides that fit, and those chosen elsewhere."""
    for column, name, what in zip(columns, HELP, ("Window side G₁", "Cell side G₂"), strict=True):
        values, trained = getattr(view, name), getattr(known.config, name)[index]

        def write(chosen: int, name: str = name, values: tuple[int, ...] = values) -> None:
            state.update(**{name: (*values[:index], chosen, *values[index + 1 :])})

        def title(value: int, trained: int = trained) -> str:
            return f"{value} ★" if value == trained else str(value)

        fitting = grids.fitting(side, trained, values[index])
        look = dict(options=fitting, required=True, help=HELP[name], wrap=True, format_func=title)
        with column:
            state.bound(st.segmented_control, what, name, values[index], write, key=f"grids_{name}_{view.stage}", **look)


def pin(setting: grids.Setting) -> None:
    st.session_state.setdefault("pinned", {})[view.checkpoint, view.stage] = setting


def pins(a: grids.Setting, b: grids.Setting, trained: grids.Setting, example: bool) -> None:
    with st.container(horizontal=True):
        st.button("Pin B as A", key="pin", icon=":material/keep:", disabled=a == b, on_click=pin, args=(b,))
        st.button("A as trained", key="unpin", disabled=a == trained or example, on_click=pin, args=(trained,))


def token_choice(b: pieces_grids.Side) -> None:
    picker(
        key="grids_picker",
        photo=pieces.photo_id(picture, exact=False),
        title=picture.title,
        grid=(side, side),
        token=token,
        g1=b.setting[0],
        cell=b.setting[1],
        strongest=b.strongest,
        choose=lambda chosen: state.update(place=hatnet.place_of(chosen, (side, side))),
    )
    st.caption("With the grids of B. Click a token, or move with the arrow keys: the maps are what it reads.")


def page(index: int) -> None:
    trained, now = ((x.g1[index], x.g2[index]) for x in (known.config, view))
    pinned = st.session_state.get("pinned", {}).get((view.checkpoint, view.stage))
    example = pinned is None and now == trained
    before = pinned or (grids.doubled(trained, side) if example else trained)
    measured = pieces_grids.stored(index)
    a, b = (pieces_grids.with_setting(setting, measured) for setting in (before, now))
    pieces.photos()
    pieces_grids.lead(a, b, known, measured)
    first, second, third = st.columns([5, 5, 4], gap="small", vertical_alignment="bottom")
    choose(index, (first, second))
    with third:
        pins(before, now, trained, example)
    example_text = " B is as trained; A is an example with twice its sides, until you move B or pin." if example else ""
    st.caption(f"★ as trained. {grids.why_off(side)}{example_text}")
    with st.container(key="compared"):  # style.css puts the second beside the other two
        with st.container():
            token_choice(b)
        with st.container():
            pieces_grids.comparison(a, b, trained)
            pieces_grids.table(a, b, known, view.stage)
        with st.container():
            pieces_grids.accuracy(measured, before, now)


st.title("Change the grids, keep every weight", anchor=False)
if view.stage in known.hierarchical:
    page(known.config.stages.index(view.stage))
else:
    pieces.plain_stage(view.stage, known)
with st.expander("How to read this page"):
    st.markdown((Path(__file__).parents[1] / "content" / "grids.md").read_text(encoding="utf-8"))
