"""What stands in place of the pages that explain H-MHSA if the checkpoint has another mechanism: what its two steps read."""

import streamlit as st

import hatnet
from app.components.tile import tile
from app.core import checkpoints, inference, overlay, words
from app.core.glossary import linked
from app.shell import session
from app.ui import blocks, tiles
from hatnet.maps import AttentionMap

READ = {  # `hatnet.geometry.KINDS`
    "window": "the tokens of its window",
    "shifted_window": "the tokens of its window, shifted by half a window",
    "pooled": "the pooled cells of the whole picture",
    "full": "all tokens of the picture",
}


def draw() -> None:
    """Draw a title, what the page cannot show and the way out, and the maps of the view's block."""
    view, checkpoint = session.view(), session.checkpoint()
    used = {stage: words.MECHANISMS[checkpoint.other_mechanisms.get(stage, "hierarchical")] for stage in checkpoint.hierarchical}
    each = "; ".join(f"stage {stage}: {name}" for stage, name in used.items())
    st.title("This model reads with another mechanism", anchor=False)
    st.html(
        linked(
            '<p class="lead">This page explains [H‑MHSA](#H‑MHSA), which reads a [window](#window) and then pooled [cells](#cell). '
            f"This checkpoint was trained with other [keys](#key) in each [stage](#stage) ({each}), in the same two steps. "
            "Its maps are below: click a [token](#token) to see what it reads. Compare, Cost and Why? show it, too.</p>",
            "lead",
        )
    )
    if name := next((name for name in checkpoints.names() if not checkpoints.describe(name).other_mechanisms), None):
        st.button(f"Show {words.literal(name)}, which has H-MHSA", type="primary", on_click=session.update, kwargs={"checkpoint": name})
    blocks.photos()
    attention = inference.attention(session.picture(), checkpoint, view)
    kinds = [kind for kind in ("local", "global") if (view.stage, view.block_index, kind) in attention.maps]
    for column, kind in zip(st.columns(2, gap="medium"), kinds, strict=False):
        with column:
            _map(attention.map(view, kind), kind)


def _map(record: AttentionMap, kind: str) -> None:
    view, layout = session.view(), record.layout
    token = hatnet.token_at(view.place, record.query_grid)
    shares = record.on_grid(*token).numpy()
    shares = shares.mean(0) if view.head is None else shares[view.head_index]
    boxes = overlay.cells(layout.pool, record.query_grid) if layout.pooled else [layout.rectangle(token)]
    part = None if layout.pooled else overlay.close_up([layout.rectangle(token)], record.query_grid)
    st.html(f'<p class="method"><b>{kind.capitalize()} step</b> <small>it reads {READ[layout.kind]}</small></p>')
    tile(
        key=f"other_{kind}",
        photo=blocks.photo_id(session.picture(), exact=False),
        drawn=tiles.compared(shares, kind, float(shares.max()), token, boxes, part=part),
        alt=words.alt(kind.capitalize(), shares),
        group="other",
        enter="makes it the query",
        choose=lambda place: session.update(place=place),
    )
