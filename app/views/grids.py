"""Grids: G1 and G2 move, the weights do not; two settings side by side."""

from pathlib import Path

import streamlit as st

import hatnet
from app import pieces_grids, services, state
from app.components.picker import picker
from app.figures import grids
from app.messages import note

HELP = {
    "g1": "G₁: side of the square window in which a token reads its neighbours exactly (Eq. 6), in tokens.",
    "g2": "G₂: side of the square cell whose tokens are averaged into one before all tokens read it (Eq. 10), in tokens.",
}
view, known, picture = state.current(), services.checkpoint(state.current().checkpoint), state.picture()
side = known.grid(view.stage)
token = hatnet.token_at(view.place, (side, side))


def choose(index: int) -> None:
    """Sides that fit; the others are named with the reason."""
    for name, what in (("g1", "Window side G₁"), ("g2", "Cell side G₂")):
        values, trained = getattr(view, name), getattr(known.config, name)[index]
        fitting, off = grids.offered(side, trained, values[index])

        def write(chosen: int, name: str = name, values: tuple[int, ...] = values) -> None:
            state.update(**{name: (*values[:index], chosen, *values[index + 1 :])})

        def title(value: int, trained: int = trained) -> str:
            return f"{value} ★" if value == trained else str(value)

        look = dict(options=fitting, required=True, help=HELP[name], wrap=True, format_func=title)
        state.bound(st.segmented_control, what, name, values[index], write, key=f"grids_{name}_{view.stage}", **look)
    st.caption(f"★ as trained. {grids.why_off(off, side)}")


def pin(setting: grids.Setting) -> None:
    st.session_state.setdefault("pinned", {})[view.checkpoint, view.stage] = setting


def pins(a: grids.Setting, b: grids.Setting, trained: grids.Setting) -> None:
    with st.container(horizontal=True):
        st.button("Pin B as A", key="pin", icon=":material/keep:", disabled=a == b, on_click=pin, args=(b,))
        st.button("A as trained", key="unpin", disabled=a == trained, on_click=pin, args=(trained,))


st.title("Change the grids, keep every weight", anchor=False)
if view.stage not in known.hierarchical:
    note(f"Stage {view.stage} has no grids.", "It is plain attention: all tokens read all tokens, so there is no G₁ and no G₂ to move.")
    first = known.hierarchical[-1]
    st.button(f"Show stage {first}", key="hierarchical", type="primary", on_click=lambda: state.update(stage=first))
else:
    index = known.config.stages.index(view.stage)
    trained, b_setting = ((x.g1[index], x.g2[index]) for x in (known.config, view))
    a_setting = st.session_state.get("pinned", {}).get((view.checkpoint, view.stage), trained)
    found = services.measured_grids(known.name)
    measured = found and grids.of_stage(found, index)
    a, b = (pieces_grids.with_setting(setting, measured) for setting in (a_setting, b_setting))
    pieces_grids.lead(a, b, known, measured)
    left, right = st.columns([4, 8], gap="medium")
    with left:
        choose(index)
        pins(a_setting, b_setting, trained)
        pieces_grids.accuracy(measured, a_setting, b_setting)
    with right:
        pieces_grids.comparison(a, b)
        pieces_grids.table(a, b, known, view.stage)
    with left:
        st.html('<p class="title">From which token?</p>')
        picker(
            key="grids_picker",
            photo=services.data_uri(picture, services.sharp(picture)),
            title=picture.title,
            grid=(side, side),
            token=token,
            g1=b_setting[0],
            cell=min(b_setting[1], side),
            strongest=b.strongest,
            choose=lambda chosen: state.update(place=hatnet.place_of(chosen, (side, side))),
        )
with st.expander("How to read this page"):
    st.markdown((Path(__file__).parents[1] / "content" / "grids.md").read_text(encoding="utf-8"))
