"""Grids: G1 and G2 move, the weights do not; two settings side by side."""

from functools import partial

import streamlit as st

import hatnet
from app import pair, pieces, pieces_grids, services, state
from app.components.picker import picker
from app.figures import grids

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


def actions(index: int, now: pair.Pair):
    """What can be done with A and B. Returns the place of one more button."""
    same, look = now.a == now.b, dict(type="tertiary", args=(index,))
    with st.container(key="pins", horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Pin B as A", key="pin", icon=":material/keep:", disabled=same, on_click=pair.pin, **look)
        st.button("Swap A and B", key="swap", icon=":material/swap_horiz:", disabled=same, on_click=pair.swap, **look)
        trained = now.a == now.trained or now.example
        st.button("A as trained", key="unpin", icon=":material/star:", disabled=trained, on_click=pair.unpin, **look)
        st.button("Undo", key="undo", icon=":material/undo:", disabled=not now.can_undo, on_click=pair.undo, **look)
        return st.container(width="content")


def page(index: int) -> None:
    now, measured = pair.current(index), pieces_grids.stored(index)
    pieces.photos()
    lead = st.empty()
    choose(index, st.columns(2, gap="small"))
    example = " B is as trained; A is an example with twice its sides, until you move B or pin." if now.example else ""
    with st.container(key="why_off", horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"★ as trained. {grids.why_off(side)}{example}", width="stretch")
        pieces.letters()
    with st.container(key="compared"):  # style.css puts the second beside the other two
        left, right, below = st.container(), st.container(), st.container()
    with right:
        save = actions(index, now)
    with right, st.spinner("Computing the maps of A and B …"):
        a, b = (pieces_grids.with_setting(setting, measured) for setting in (now.a, now.b))
    lead.html(pieces_grids.lead(a, b, known))
    with right:
        pieces_grids.comparison(a, b, now.trained)
        pieces_grids.table(a, b, known, view.stage)
    with save:
        pieces_grids.save(a, b, measured)
    with below:
        pieces_grids.accuracy(measured, now.a, now.b, partial(pair.choose, index))
    with left:
        picker(
            key="grids_picker",
            photo=pieces.photo_id(picture, exact=False),
            title=picture.title,
            grid=(side, side),
            token=hatnet.token_at(view.place, (side, side)),
            g1=b.setting[0],
            cell=b.setting[1],
            strongest=b.strongest,
            choose=lambda chosen: state.update(place=hatnet.place_of(chosen, (side, side))),
        )
        st.caption("With the grids of B. Click a token, or move with the arrow keys: the maps are what it reads.")


st.title("Change the grids, keep every weight", anchor=False)
if view.stage in known.hierarchical:
    page(known.config.stages.index(view.stage))
else:
    pieces.plain_stage(view.stage, known)
pieces.reading("grids")
