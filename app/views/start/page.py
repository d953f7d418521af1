"""Start: one attention layer, stepped through in seven cards, and the way into the tour."""

import numpy as np
import streamlit as st

import hatnet
from app.components.tile import tile
from app.core import inference, pictures, words
from app.core.layer import layer_of
from app.shell import session, tour
from app.shell.loading import headline
from app.shell.notices import guarded
from app.ui import blocks, tiles
from app.views.start import text
from app.views.start.cards import cards


@st.fragment
def figure() -> None:
    """Draw the cards and the sentence above them: a choice in them runs this function alone."""
    with guarded():
        session.run_whole_page()
        view, checkpoint, picture = session.view(), session.checkpoint(), session.picture()
        if view.stage not in checkpoint.hierarchical:
            blocks.plain_stage(view.stage, checkpoint)
            plain_map(inference.attention(picture, checkpoint, view).weights(view, "global"))
            session.publish()
            return
        layer = layer_of(view, checkpoint, picture)
        st.html(f'<p class="lead">{text.lead(layer)}</p>')

        def choose(step: int, token: tuple[int, int] | None) -> None:
            moved = {"place": hatnet.place_of(token, (layer.side, layer.side))} if token else {}
            session.update(step=step, **moved)

        drawn = text.drawn(layer, pictures.sharp(picture, pictures.SMALL))
        photos = {name: blocks.photo_id(picture, exact) for name, exact in (("photo", False), ("exact", True))}
        cards(key="story", step=view.step, drawn=drawn | photos, choose=choose)
        session.publish()


def plain_map(weights: np.ndarray) -> None:
    """Draw what the selected token reads where it reads all tokens at once: [side, side]."""
    photo, side = blocks.photo_id(session.picture(), exact=False), len(weights)
    st.html(f'<p class="lead">{text.plain_lead(weights)}</p>')
    drawn = tiles.compared(weights, "global", float(weights.max()), hatnet.token_at(session.view().place, (side, side)), [])
    with st.container(width=400):
        alt = words.alt("Attention", weights)
        tile(
            key="plain",
            photo=photo,
            drawn=drawn,
            alt=alt,
            group="start",
            enter="selects it",
            choose=lambda place: session.update(place=place),
        )


g1, g2 = session.view().sides(session.checkpoint())
st.title(headline(on_start=True, two_steps=bool(g1), bare=1 in (g1, g2)), anchor=False)
blocks.photos()
figure()
tour.invitation()
blocks.reading("start")
