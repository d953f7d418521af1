"""The Export menu: the maps as PNG and CSV, the page as one HTML file. A file is made when it is downloaded."""

import html
import re
from functools import partial

import numpy as np
import streamlit as st

import hatnet
from app.components import script, style
from app.core import inference, pictures
from app.core.checkpoints import Checkpoint
from app.core.hops import without_residual
from app.core.pictures import Picture
from app.core.view import ViewState
from app.shell.loading import headline
from app.ui import map_files
from app.views.explorer import explorer as component
from app.views.explorer.payload import missing, payload
from app.views.explorer.sheets import Sheet, contents

OFFLINE = ("maps", "pooling")  # the panels that need no server


def export_menu(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> None:
    """Draw the button and its menu."""
    name = re.sub(r"[^\w.-]+", "-", f"{picture.title}-stage{view.stage}-block{view.block}").strip("-").lower()
    unavailable = missing(view, checkpoint, inference.attention(picture, checkpoint, view))
    with st.popover("Export", icon=":material/download:"):
        for kind, title in (("local", "Local map"), ("global", "Global map"), ("hops", "Two hops")):
            columns = st.columns([2, 1, 1], gap="small", vertical_alignment="center", wrap=False)
            columns[0].markdown(title)
            for column, suffix, make in zip(columns[1:], ("png", "csv"), (_png, _csv), strict=True):
                with column:
                    look = dict(key=f"export_{kind}_{suffix}", on_click="ignore", disabled=kind in unavailable)
                    data = partial(make, kind, view, checkpoint, picture)
                    st.download_button(suffix.upper(), data, f"{name}-{kind}.{suffix}", **look)
        st.download_button(
            "This page as one HTML file",
            partial(html_page, view, checkpoint, picture),
            f"{name}.html",
            "text/html",
            key="export_html",
            on_click="ignore",
            help="Hover and click work in the file without a server, so it can also stand in a learning platform.",
        )


def _map(kind: str, view: ViewState, checkpoint: Checkpoint, picture: Picture) -> tuple[np.ndarray, dict]:
    """The weights of a map, and where its keys lie, as `map_files` describes it."""
    (g1, g2), grid = view.sides(checkpoint), (checkpoint.grid(view.stage),) * 2
    attention, token = inference.attention(picture, checkpoint, view), hatnet.token_at(view.place, grid)
    if kind == "hops":
        hops = attention.two_hops(view, [token])
        return without_residual(hops.reshape(1, -1), [token[0] * grid[1] + token[1]]).reshape(grid), {}
    where = {"box": hatnet.window_of(token, grid, g1)} if kind == "local" else {"box": (0, 0, *grid), "cell": g2}
    return attention.weights(view, kind), where


def _png(kind: str, view: ViewState, checkpoint: Checkpoint, picture: Picture) -> bytes:
    weights, where = _map(kind, view, checkpoint, picture)
    grid = (checkpoint.grid(view.stage),) * 2
    ring = hatnet.place_of(hatnet.token_at(view.place, grid), grid)
    look = "uncovered" if kind == "hops" else kind
    return map_files.map_png(weights, pictures.sharp(picture), look, grid=grid, ring=ring, **where)


def _csv(kind: str, view: ViewState, checkpoint: Checkpoint, picture: Picture) -> bytes:
    weights, where = _map(kind, view, checkpoint, picture)
    return map_files.map_csv(weights, **where)


def html_page(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> bytes:
    """The photograph with its maps as one HTML file: the same component, with all its data inside."""
    data = payload(view, checkpoint, picture, held=[])
    data |= {"offline": OFFLINE, "strip": None, "frames": None, "seam": None, "over": None, "turn": 0}
    data["panel"] = view.panel if view.panel in OFFLINE else "maps"
    kinds = [*data["sheets"], *(["pooling"] if view.stage in checkpoint.hierarchical else [])]
    bodies = {kind: contents(Sheet(kind=kind, picture=picture, checkpoint=checkpoint, view=view)) for kind in kinds}
    data["sheets"] = {kind: {"key": kind, "body": body} for kind, body in bodies.items() if body}
    photos = {"sharp": pictures.sharp(picture), "exact": pictures.model_input(picture, checkpoint.image_size)}
    images = {data["photos"][name]: pictures.data_uri(picture, pixels) for name, pixels in photos.items()}
    g1, g2 = view.sides(checkpoint)
    head = f"head {view.head}" if view.head else "mean of the heads"
    sides = f", G₁ = {g1}, G₂ = {g2}" if g1 else ""
    title = f"{picture.title} ({picture.credit})" if picture.credit else picture.title
    about = f"{title}, checkpoint {checkpoint.name}, stage {view.stage}, block {view.block}, {head}{sides}"
    parts = dict(markup=component.HTML, css=style(component.SCRIPT), code=script(component.SCRIPT))
    title = headline(on_start=False, two_steps=bool(g1), bare=1 in (g1, g2))
    return map_files.html_page(title, html.escape(about), images, data, **parts)
