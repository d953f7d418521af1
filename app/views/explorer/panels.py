"""What the Explorer's component is given, what it gives back, and the files that can be taken away."""

import html
import re

import numpy as np
import streamlit as st

import hatnet
from app.components import script, style
from app.core import inference, pictures
from app.core.checkpoints import Checkpoint
from app.core.inference import Attention
from app.core.pictures import Picture
from app.core.samples import SAMPLES
from app.core.view import ViewState, home
from app.core.words import percent
from app.shell import session
from app.shell.loading import HEADLINE
from app.ui import blocks, map_files
from app.views.explorer import explorer as component
from app.views.explorer import packing as rows
from app.views.explorer import payload

KEPT = 16  # sheets that a browser is believed to hold; it asks again for one that it has lost
OFFLINE = ("maps", "pooling")  # the panels that need no server
MECHANISMS = (("shifted_window", "Swin"), ("pooled", "PVT"))


def headline() -> None:
    view, known = session.view(), session.checkpoint()
    st.title(HEADLINE, anchor=False)
    side = known.grid(view.stage)
    token = '<span class="query">selected token</span>'
    g1, g2 = view.grids(known)
    if g1:
        cells = -(-side // g2)
        text = (
            f'The {token} reads its <span class="local">{g1} × {g1} window</span> exactly, and the whole picture as '
            f'<span class="global">{cells * cells} averaged cell{"s" if cells > 1 else ""}</span>.'
        )
    else:
        text = (
            f"In stage {view.stage} the map is so small that the {token} can read "
            f'<span class="global">all {side * side} tokens</span> exactly, in one step.'
        )
    st.html(f'<p class="lead spare">{text}</p>')


def drawn(view: ViewState, known: Checkpoint, picture: Picture, held: list[str]) -> dict:
    """All that the component draws for a state. held: keys of the sheets that it has already; those that are sent now are added."""
    (g1, g2), grid = view.grids(known), (known.grid(view.stage),) * 2
    token = hatnet.token_at(view.place, grid)
    seen = inference.attention(picture, known, view.g1, view.g2, view.place)
    wanted = [*(("local", "global", "hops") if g1 else ("global",)), *(["pooling"] if g1 and view.panel == "pooling" else [])]
    sheets = {kind: _sheet(picture, known, view, kind, held) for kind in wanted}
    return {
        "photos": {name: blocks.photo_id(picture, name == "exact") for name in ("sharp", "exact")},
        "title": picture.title,
        "grid": grid,
        "window": (g1, g1) if g1 else None,
        "cell": g2,
        "token": token,
        "home": hatnet.token_at(home(view.image), grid),
        "ring": hatnet.place_of(token, grid),
        "chosen": (view.stage, view.block, view.head),
        "heads": known.heads(view.stage),
        "panel": view.panel,
        "sheets": sheets,
        "none": _none(view, known, g1, grid, seen),
        "over": _over(view, known, g1),
        "pinned": bool(g1) and not payload.all_sent(known, view, "hops"),
        "strip": _strip(seen, known, view),
        "paths": _paths(seen, view, token, grid, g1, g2),
        "seam": _seam(view, known, picture, token, grid) if g1 and view.panel == "seam" else None,
        "prediction": blocks.prediction(seen.probabilities, known, SAMPLES.get(view.image), pictures.asked(picture, known, view.place)),
    }


def changed(picked: dict) -> None:
    """What the visitor chose in the component."""
    if lost := picked.get("need"):
        session.visit().sheets = [key for key in session.visit().sheets if key not in lost]
    changes = {name: picked[name] for name in ("panel",) if name in picked}
    if "place" in picked:
        changes["place"] = tuple(picked["place"])
    if "head" in picked:
        stage, block, head = picked["head"]
        now = session.view()
        session.visit().whole_page = (stage, block) != (now.stage, now.block)
        changes |= {"stage": stage, "block": block, "head": head}
    if changes:
        session.update(**changes)


def _sheet(picture: Picture, known: Checkpoint, view: ViewState, kind: str, held: list[str]) -> dict | None:
    """A sheet's key, and what is on it where the browser does not have it yet."""
    whole = kind == "pooling" or payload.all_sent(known, view, kind)
    head = view.head if kind in ("local", "global") else None
    key = repr((kind, picture.digest[:16], known.key, view.stage, view.block, head, view.g1, view.g2, None if whole else view.place))
    if key in held:
        held.remove(key)
        held.append(key)  # the last used is the last to go, here and in the browser
        return {"key": key}
    body = _body(picture, known, view, kind)
    if body is None:
        return None
    held[:] = [*held, key][-KEPT:]
    return {"key": key, "body": body}


def _body(picture: Picture, known: Checkpoint, view: ViewState, kind: str) -> dict | None:
    if kind != "pooling":
        return payload.sheet(picture, known, view, kind)
    lost = payload.loss(picture, known, view)
    return {"cells": rows.floats(lost.cells), "tokens": rows.floats(lost.tokens), "whole": lost.whole}


def _none(view: ViewState, known: Checkpoint, g1: int | None, grid: tuple[int, int], seen: Attention) -> dict[str, str]:
    """Why a part is not there."""
    side = grid[0]
    if not g1:
        return {
            "local": f"This stage has no local step. Plain attention (Eq. 2) compares the token with all {side} × {side} tokens at "
            "once: there are few enough.",
            "hops": "There is one step only, so there is no second hop to follow.",
            "pooling": f"Stage {view.stage} averages nothing: its keys are the {side} × {side} tokens themselves. Choose another stage.",
            "seam": f"Stage {view.stage} has no windows, so no edge lies between two neighbours. Choose another stage.",
        }
    none = {}
    if seen.maps[view.stage, view.block, "local"].weights is None:
        none["hops"] = "Two hops lead through the local rows of all tokens. With these grids that is too many: choose a smaller G₁."
    if g1 >= side:
        none["seam"] = "One window covers the whole map, so there is no edge between neighbours. Choose a smaller G₁."
    return none


def _over(view: ViewState, known: Checkpoint, g1: int | None) -> str | None:
    """Said over the photograph where the browser does not have all rows."""
    if all(payload.all_sent(known, view, kind) for kind in (("local", "global") if g1 else ("global",))):
        return None
    tokens = known.grid(view.stage) ** 2
    return f"With these grids the rows of {tokens:,} tokens are too many to send. Click one: its row comes from the server in a moment."


def _strip(seen: Attention, known: Checkpoint, view: ViewState) -> list[dict]:
    """The maps of the token at this place in all blocks: their mean, then each head's."""
    strip = []
    for stage in known.config.stages:
        grid = (known.grid(stage),) * 2
        for block in range(1, known.depth(stage) + 1):
            local = seen.maps.get((stage, block, "local"))
            one = {"stage": stage, "block": block, "heads": known.heads(stage), "grid": grid}
            one |= {"global": _small(seen.row(stage, block, "global", view.place)), "cell": seen.maps[stage, block, "global"].layout.pool}
            if local:
                one |= {"local": _small(seen.row(stage, block, "local", view.place))}
                one |= {"window": local.window(*hatnet.token_at(view.place, grid))}
            strip.append(one)
    return strip


def _small(row: np.ndarray) -> dict:
    return rows.quantised(np.concatenate([row.mean(0, keepdims=True), row]))


def _paths(seen: Attention, view: ViewState, token: tuple, grid: tuple, g1: int | None, g2: int) -> list[dict]:
    """The strongest ways through both steps, mean of the heads; none where not all local rows were computed."""
    near = seen.rows(view.stage, view.block, "local", None) if g1 else None
    if near is None:
        return []
    far = seen.weights(view.stage, view.block, "global", None, view.place).ravel()
    found = rows.paths(near, far, grid, (min(g1, grid[0]),) * 2, g2)
    return [{"source": path.source, "cell": path.cell, "near": path.near, "far": path.far} for path in found]


def _seam(view: ViewState, known: Checkpoint, picture: Picture, token: tuple, grid: tuple) -> dict | None:
    """The pair of neighbours, and what each mechanism lets one read of the other."""
    g1, _ = view.grids(known)
    pair = rows.seam(token, grid, (g1, g1))
    if pair is None:
        return None
    place, at = hatnet.place_of(pair.here, grid), (view.stage, view.block)
    seen = inference.attention(picture, known, view.g1, view.g2, place)
    points = [pair.there, *([pair.inside] if pair.inside else [])]

    def cell(point: tuple[int, int]) -> str:
        weight, size = seen.cell_weight(*at, "global", view.head, place, point)
        return f"{percent(weight)}<small> for its cell of {size}</small>" if size > 1 else percent(weight)

    lines = [
        ('<span class="local">Local</span>, its window', [_exact(seen.weight(*at, "local", view.head, place, p)) for p in points]),
        ('<span class="global">Global</span>, by cells', [cell(p) for p in points]),
    ]
    hops = seen.two_hops(*at, pair.here)
    if hops is not None:
        moved = rows.without_residual(hops.reshape(1, -1), [pair.here[0] * grid[1] + pair.here[1]]).reshape(grid)
        lines.append(("Both, in two hops", [_exact(moved[p]) for p in points]))
    for mechanism, name in MECHANISMS:
        other = inference.other_mechanism(picture, known, view, mechanism, place)
        steps = ("window", "shifted window") if name == "Swin" else ("pooled keys",)
        for kind, step in zip(("local", "global"), steps, strict=False):
            lines.append((f"{name}, {step}", [_exact(other.weight(*at, kind, view.head, place, p)) for p in points]))
    weight, size = seen.cell_weight(*at, "global", view.head, place, pair.there)
    of = f", which it shares with {size - 1} other token{'s' if size > 2 else ''}" if size > 1 else ""
    moved_to = f"The nearest edge is at row {pair.here[0] + 1}, column {pair.here[1] + 1}. " if pair.here != token else ""
    say = (
        f"{moved_to}The two tokens touch, but a window’s edge lies between them: the local step gives the neighbour <b>exactly 0</b>. "
        f'The global step restores the link: <b class="global">{percent(weight)}</b> go to the neighbour’s cell{of}.'
    )
    head = "".join(
        f'<th scope="col"><i class="mark {shape}"></i> {name}</th>' for shape, name in (("diamond", "across"), ("square", "inside"))
    )
    head = head if pair.inside else head.split("</th>")[0] + "</th>"
    body = "".join(f'<tr><th scope="row">{name}</th>{"".join(f"<td>{value}</td>" for value in values)}</tr>' for name, values in lines)
    note = (
        "Swin’s and PVT’s rows come from the same weights with another reach. They were trained for H‑MHSA: "
        "read which links exist, not which mechanism is better."
    )
    table = f'<div class="wide"><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    local = seen.weights(*at, "local", view.head, place)
    points = {"here": pair.here, "there": pair.there, "inside": pair.inside, "local": local.tolist()}
    return {"pair": points, "html": f'<p class="say">{say}</p>{table}<p class="say muted">{note}</p>'}


def _exact(weight: float) -> str:
    """A weight; a 0 that holds by construction is said to be exact."""
    return "exactly 0" if weight == 0 else percent(float(weight)) if weight >= 0.0005 else f"{100 * weight:.1g} %"


def takeaway(view: ViewState, known: Checkpoint, picture: Picture) -> None:
    """The export menu. Files are made when they are asked for."""
    g1, g2 = view.grids(known)
    grid = (known.grid(view.stage),) * 2
    token = hatnet.token_at(view.place, grid)
    name = re.sub(r"[^\w.-]+", "-", f"{picture.title}-stage{view.stage}-block{view.block}").strip("-").lower()

    def shown(kind: str) -> tuple[np.ndarray, dict]:
        """A map's weights and where they lie."""
        seen = inference.attention(picture, known, view.g1, view.g2, view.place)
        if kind == "hops":
            hops = seen.two_hops(view.stage, view.block, token)
            return rows.without_residual(hops.reshape(1, -1), [token[0] * grid[1] + token[1]]).reshape(grid), {}
        weights = seen.weights(view.stage, view.block, kind, view.head, view.place)
        return weights, {"box": hatnet.window_of(token, grid, g1)} if kind == "local" else {"box": (0, 0, *grid), "cell": g2}

    def png(kind: str) -> bytes:
        weights, where = shown(kind)
        ring = hatnet.place_of(token, grid)
        look = "uncovered" if kind == "hops" else kind
        return map_files.map_png(weights, pictures.sharp(picture), look, grid=grid, ring=ring, **where)

    def table(kind: str) -> bytes:
        weights, where = shown(kind)
        return map_files.map_csv(weights, **where)

    none = _none(view, known, g1, grid, inference.attention(picture, known, view.g1, view.g2, view.place))
    with st.popover("Export", icon=":material/download:"):
        for kind, title in (("local", "Local map"), ("global", "Global map"), ("hops", "Two hops")):
            columns = st.columns([2, 1, 1], gap="small", vertical_alignment="center", wrap=False)
            columns[0].markdown(title)
            for column, suffix, make in zip(columns[1:], ("png", "csv"), (png, table), strict=True):
                with column:
                    look = dict(key=f"export_{kind}_{suffix}", on_click="ignore", disabled=kind in none)
                    st.download_button(suffix.upper(), lambda make=make, kind=kind: make(kind), f"{name}-{kind}.{suffix}", **look)
        st.download_button(
            "This page as one HTML file",
            lambda: page(view, known, picture),
            f"{name}.html",
            "text/html",
            key="export_html",
            on_click="ignore",
            help="Works offline, with hover and click: for a learning platform.",
        )


def page(view: ViewState, known: Checkpoint, picture: Picture) -> bytes:
    """The photograph with its maps as one HTML file: the same component, with everything in it."""
    data = drawn(view, known, picture, held=[]) | {"offline": OFFLINE, "strip": None, "paths": [], "seam": None, "over": None, "turn": 0}
    kinds = [*data["sheets"], *(["pooling"] if view.stage in known.hierarchical else [])]
    bodies = {kind: _body(picture, known, view, kind) for kind in kinds}
    data["sheets"] = {kind: {"key": kind, "body": body} for kind, body in bodies.items() if body}
    data["panel"] = view.panel if view.panel in OFFLINE else "maps"
    data["ramps"] = component.RAMPS
    photos = {"sharp": pictures.sharp(picture), "exact": pictures.model_input(picture, known.image_size)}
    images = {data["photos"][name]: pictures.data_uri(picture, pixels) for name, pixels in photos.items()}
    g1, g2 = view.grids(known)
    head = f"head {view.head}" if view.head else "mean of the heads"
    grids = f", G₁ = {g1}, G₂ = {g2}" if g1 else ""
    about = f"{picture.title}, checkpoint {known.name}, stage {view.stage}, block {view.block}, {head}{grids}"
    parts = dict(markup=component.HTML, css=style(component.SCRIPT), code=script(component.SCRIPT, component.USES))
    return map_files.html_page(HEADLINE, html.escape(about), images, data, **parts)
