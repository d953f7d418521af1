"""Attention Explorer: one token, and what it reads in its window and from the cells."""

import streamlit as st

from app.core import pictures
from app.core.glossary import linked
from app.core.quantities import quantity
from app.shell import session
from app.shell.loading import headline
from app.shell.notices import guarded, note
from app.ui import blocks
from app.views.explorer import looks
from app.views.explorer.explorer import explorer
from app.views.explorer.export_menu import export_menu
from app.views.explorer.payload import payload


def lead() -> str:
    """The page in two sentences of HTML."""
    view, checkpoint = session.view(), session.checkpoint()
    side, (g1, g2) = checkpoint.grid(view.stage), view.sides(checkpoint)
    token = '<span class="query">selected [token](#token)</span>, one square of the grid,'
    if not g1:
        said = (
            f"In [stage](#stage) {view.stage} the map is so small that the {token} can read "
            f'<span class="global">all {quantity("tokens", f"{side * side:,}")} tokens</span> directly, in one step: '
            "these are its [keys](#key), each with a [weight](#weight)."
        )
        return linked(said, "lead")
    cells = (-(-side // g2)) ** 2
    averaged = f"averaged [cell{'s' * (cells > 1)}](#cell)" if g2 > 1 else "tokens"
    said = (
        f'The {token} reads the tokens of its <span class="local">{g1} × {g1} [window](#window)</span> one by one, and the whole '
        f'picture as <span class="global">{quantity("cells", f"{cells:,}")} {averaged}</span>: these are its [keys](#key), each with a '
        "[weight](#weight)."
    )
    return linked(said, "lead")


@st.fragment
def board() -> None:
    """Draw the photograph and everything that it drives: a click runs this function alone."""
    with guarded():
        session.run_whole_page()
        view, checkpoint, picture, held = session.view(), session.checkpoint(), session.picture(), session.visit().sheets
        tokens = checkpoint.grid(view.stage) ** 2
        with st.container(key="computing"):
            first = st.empty()
            if not held:  # the photograph appears before its maps
                first.html(f'<img class="waiting" src="{pictures.data_uri(picture, pictures.thumbnail(picture))}" alt="">')
            # Not seen at a click: then the caches answer at once.
            with st.spinner(f"Computing the attention of {tokens:,} tokens, stage {view.stage}, block {view.block} …"):
                data = payload(view, checkpoint, picture, held)
            first.empty()
        with st.container(key="explorer_menu", horizontal=True):
            blocks.letters()
            export_menu(view, checkpoint, picture)
        explorer(key="explorer", data=data, changed=changed)
        if view.panel == "heads":
            object_looks(view.checkpoint)
        session.publish()


def object_looks(name: str) -> None:
    """Draw how much each head looks at an object whose place is known, where that was measured."""
    try:
        found = looks.read(name)
    except ValueError as error:  # the rest of the page does without it
        note("What the heads look at cannot be read.", f"{error}")
        return
    if not found:
        return
    blocks.heading("Does attention look where it should?", "measured in advance, before and after training")
    st.html(looks.how(found) + looks.head_bars(found))
    with st.container(horizontal=True):
        for label, row in zip(("Show the head with the most", "Show the head with the least"), looks.best_and_worst(found), strict=True):
            head = [row["stage"], row["block"] + 1, row["head"] + 1]
            st.button(label, key=f"looks_{label}", on_click=changed, args=({"head": head},))
    st.html(looks.on_border(found) + looks.spread(found) + looks.instead(found))


def changed(picked: dict) -> None:
    """Put what the visitor chose in the component into the view."""
    visit = session.visit()
    if lost := picked.get("need"):
        visit.sheets = [key for key in visit.sheets if key not in lost]
    changes = {"panel": picked["panel"]} if "panel" in picked else {}
    if "place" in picked:
        changes["place"] = tuple(picked["place"])
    if "head" in picked:
        stage, block, head = picked["head"]
        visit.whole_page = (stage, block) != (visit.view.stage, visit.view.block)
        # The strip shows the same place in every head, so the place stays.
        changes = {"place": visit.view.place} | changes | {"stage": stage, "block": block, "head": head}
    if changes:
        session.update(**changes)


g1, g2 = session.view().sides(session.checkpoint())
st.title(headline(on_start=False, two_steps=bool(g1), bare=1 in (g1, g2)), anchor=False)
st.html(f'<p class="lead spare">{lead()}</p>')
blocks.photos()
board()
blocks.reading("explorer")
