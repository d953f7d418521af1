"""Attention Explorer: one token, what it reads nearby and far away."""

from pathlib import Path

import streamlit as st

import hatnet
from app import pieces, services, state
from app.components.heads import heads
from app.components.picker import picker
from app.figures import maps, words
from app.messages import guarded
from app.samples import SAMPLES


@st.fragment
def board() -> None:
    """The picker and everything that it drives: a click runs this function alone."""
    with guarded():
        if st.session_state.pop("everywhere", False):
            st.rerun()  # the choice shows outside of this fragment too
        view, picture = state.current(), state.picture()
        known = services.checkpoint(view.checkpoint)
        grid, (g1, g2) = (known.grid(view.stage),) * 2, view.grids(known)
        token = hatnet.token_at(view.place, grid)
        window = hatnet.window_of(token, grid, g1)
        seen = services.attention(picture, known, view.g1, view.g2, view.place)
        far = seen.weights(view.stage, view.block, "global", view.head, view.place)
        near = seen.weights(view.stage, view.block, "local", view.head, view.place) if g1 else None
        left, right = st.columns([5, 7], gap="medium")
        with right, st.container(key="controls", horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            pieces.head_choice(view.head, known.heads(view.stage))
            exact = st.toggle("Model's view", key="exact", help=f"The {known.image_size} × {known.image_size} pixels that the model gets.")
        photo = services.model_input(picture, known.image_size) if exact else services.sharp(picture)
        in_place = left.container()
        with right:
            near_side, far_side = st.columns(2, gap="small", wrap=False)
            with near_side:
                if g1:
                    pieces.title("Local", f"{near.shape[0]} × {near.shape[1]} keys, in %", "local", near.max())
                    pieces.chart(maps.local_map(near, window, token, photo, grid), "local", words.alt("Local", near, window[:2]))
                else:
                    pieces.title("Local", "none here", "local")
                    pieces.no_local_step(grid[0])
            with far_side:
                pieces.title("Global", f"{far.shape[0]} × {far.shape[1]} keys", "global", far.max())
                pieces.chart(maps.global_map(far, g2, token, photo, grid), "global", words.alt("Global", far))
            near_words = None if near is None else words.summarise(near, window, token)
            far_words = words.summarise(far, (0, 0, *grid), token, g2)
            st.html(f'<p class="say">{words.sentences(near_words, far_words, window, token, g2)}</p>')
        left, right = st.columns([5, 7], gap="medium")
        with left:
            pieces.prediction(seen.probabilities, known, SAMPLES.get(view.image))
        with right:
            pieces.in_words(near_words, far_words)
        st.html(
            '<p class="title">The same place in every head '
            "<small>global map; below each block: stage.block; each map on its own scale</small></p>"
        )
        heads(
            key="heads",
            blocks=[
                {"stage": s, "block": b, "name": f"{s}.{b}", "maps": seen.row(s, b, "global", view.place).tolist()}
                for s in known.config.stages
                for b in range(1, known.depth(s) + 1)
            ],
            ring=hatnet.place_of(token, grid),
            chosen=(view.stage, view.block, view.head),
            choose=choose_head,
        )
        strongest = seen.strongest(view.stage, view.block, view.head)
        with in_place:
            picker(
                key="picker",
                photo=pieces.photo_id(picture, exact),
                title=picture.title,
                grid=grid,
                token=token,
                g1=g1,
                cell=g2,
                strongest=int(far.argmax()) if strongest is None else strongest,
                choose=lambda chosen: state.update(place=hatnet.place_of(chosen, grid)),
            )
        state.publish()


def choose_head(stage: int, block: int, head: int) -> None:
    state.update(stage=stage, block=block, head=head)
    st.session_state.everywhere = True


pieces.headline()
pieces.photos()
board()
with st.expander("How to read this page"):
    st.markdown((Path(__file__).parents[1] / "content" / "explorer.md").read_text(encoding="utf-8"))
