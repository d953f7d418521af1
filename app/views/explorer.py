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
        view, known, picture = state.current(), services.checkpoint(state.current().checkpoint), state.picture()
        side, stage = known.grid(view.stage), view.stage
        grid, hierarchical = (side, side), stage in known.hierarchical
        token = hatnet.token_at(view.place, grid)
        seen = services.attention(picture, known, view.g1, view.g2, view.place)
        g1, g2 = (view.g1[stage - known.config.stages[0]], view.g2[stage - known.config.stages[0]]) if hierarchical else (None, 1)
        g2 = min(g2, side)
        window = hatnet.window_of(token, grid, g1)
        head = None if view.head is None else view.head - 1

        def weights(kind, stage=stage, block=view.block, head=head):
            rows = seen.row(stage, block - 1, kind, view.place)
            return rows.mean(0) if head is None else rows[head]

        far = weights("global")
        near = weights("local") if hierarchical else None
        left, right = st.columns([5, 7], gap="medium")
        with right, st.container(key="controls", horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            pieces.head_choice(view.head, known.heads(stage))
            exact = st.toggle("Model's view", key="exact", help=f"The {known.image_size} × {known.image_size} pixels that the model gets.")
        with left:
            photo = services.model_input(picture, known.image_size) if exact else services.sharp(picture)
            strongest = seen.strongest(stage, view.block - 1, head)
            picker(
                key="picker",
                photo=services.data_uri(picture, photo),
                title=picture.title,
                grid=grid,
                token=token,
                g1=g1,
                cell=g2,
                strongest=int(far.argmax()) if strongest is None else strongest,
                choose=lambda chosen: state.update(place=hatnet.place_of(chosen, grid)),
            )
        with right:
            near_side, far_side = st.columns(2, gap="small", wrap=False)
            with near_side:
                if hierarchical:
                    pieces.title("Local", f"{near.shape[0]} × {near.shape[1]} keys, in %", "local", near.max())
                    pieces.chart(maps.local_map(near, window, token, photo, grid), "local", words.alt("Local", near, window[:2]))
                else:
                    pieces.title("Local", "none here", "local")
                    pieces.no_local_step(side)
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
                {"stage": s, "block": b + 1, "name": f"{s}.{b + 1}", "maps": seen.row(s, b, "global", view.place).tolist()}
                for s in known.config.stages
                for b in range(known.depth(s))
            ],
            ring=hatnet.place_of(token, grid),
            chosen=(stage, view.block, view.head),
            choose=choose_head,
        )
        state.publish()


def choose_head(stage: int, block: int, head: int) -> None:
    state.update(stage=stage, block=block, head=head)
    st.session_state.everywhere = True


pieces.headline()
board()
with st.expander("How to read this page"):
    st.markdown((Path(__file__).parents[1] / "content" / "explorer.md").read_text(encoding="utf-8"))
