"""What the Explorer's component gets for a view: sheets with the rows of its maps, and what stands beside them."""

from dataclasses import replace

import numpy as np

import hatnet
from app.core import inference, pictures, unknown
from app.core.checkpoints import Checkpoint
from app.core.inference import Attention
from app.core.layer import layer_of
from app.core.pictures import Picture
from app.core.places import home
from app.core.samples import SAMPLES
from app.core.view import ViewState
from app.ui import blocks
from app.views.explorer.packing import pack_maps
from app.views.explorer.prediction import prediction
from app.views.explorer.seam import seam_panel
from app.views.explorer.sheets import Sheet, all_sent, contents

KEPT = 16  # sheets that a browser should hold; it asks again for one that it has lost


def payload(view: ViewState, checkpoint: Checkpoint, picture: Picture, held: list[str]) -> dict:
    """All that the component draws. held: keys of the sheets that the browser has; those sent now are added."""
    (g1, g2), grid = view.sides(checkpoint), (checkpoint.grid(view.stage),) * 2
    token = hatnet.token_at(view.place, grid)
    attention = inference.attention(picture, checkpoint, view)
    kinds = [*(("local", "global", "hops") if g1 else ("global",)), *(["pooling"] if g1 and view.panel == "pooling" else [])]
    question = pictures.cell_question(picture, checkpoint, view.place)
    verdict = unknown.verdict(attention.logits, checkpoint, view.g1, view.g2)
    return {
        "photos": {name: blocks.photo_id(picture, name == "exact") for name in ("sharp", "exact")},
        "title": picture.title,
        "grid": grid,
        "window": (g1, g1) if g1 else None,
        "cell": g2,
        "token": token,
        "home": hatnet.token_at(home(view.image, checkpoint, view.stage), grid),
        "ring": hatnet.place_of(token, grid),
        "chosen": (view.stage, view.block, view.head),
        "heads": checkpoint.heads(view.stage),
        "panel": view.panel,
        "sheets": {kind: _sent(Sheet(kind=kind, picture=picture, checkpoint=checkpoint, view=view), held) for kind in kinds},
        "none": missing(view, checkpoint, attention),
        "over": _too_many(view, checkpoint, kinds),
        "pinned": bool(g1) and not all_sent(checkpoint, view, "hops"),
        "strip": _strip(view, checkpoint, attention),
        "frames": layer_of(view, checkpoint, picture).frames if g1 else None,
        "seam": seam_panel(view, checkpoint, picture) if g1 and view.panel == "seam" else None,
        "prediction": prediction(attention.probabilities, checkpoint, SAMPLES.get(view.image), question, verdict),
    }


def prepare(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> None:
    """Have the sheets of a view made before anybody asks for them; the server does so while it starts."""
    payload(view, checkpoint, picture, held=[])


def _sent(sheet: Sheet, held: list[str]) -> dict | None:
    """A sheet's key, and its contents if the browser does not have them."""
    key = sheet.key
    if key in held:
        held.remove(key)
        held.append(key)  # the last used is the last to go, here and in the browser
        return {"key": key}
    if (body := contents(sheet)) is None:
        return None
    held[:] = [*held, key][-KEPT:]
    return {"key": key, "body": body}


def missing(view: ViewState, checkpoint: Checkpoint, attention: Attention) -> dict[str, str]:
    """Why a map or panel cannot be shown, for each of which that is so."""
    side, (g1, _) = checkpoint.grid(view.stage), view.sides(checkpoint)
    if not g1:
        return {
            "local": f"This stage has no local step. Plain attention (Eq. 2) compares the token with all {side} × {side} tokens at "
            "once, because they are few enough.",
            "hops": "There is only one step, so there is no second hop to follow.",
            "pooling": f"Stage {view.stage} averages nothing: its keys are the {side} × {side} tokens themselves. Choose another stage.",
            "seam": f"Stage {view.stage} has no windows, so no edge lies between two neighbours. Choose another stage.",
        }
    reasons = {}
    if attention.map(view, "local").weights is None:
        reasons["hops"] = "Two hops need the local attention of all tokens, which is too much with these settings: choose a smaller G₁."
    if g1 >= side:
        reasons["seam"] = "One window covers the whole map, so there is no edge between neighbours. Choose a smaller G₁."
    return reasons


def _too_many(view: ViewState, checkpoint: Checkpoint, kinds: list[str]) -> str | None:
    """The text over the photograph if the browser does not hold all local and global rows."""
    if all(all_sent(checkpoint, view, kind) for kind in kinds if kind in ("local", "global")):
        return None
    tokens = checkpoint.grid(view.stage) ** 2
    return f"With these settings the attention of all {tokens:,} tokens is too much to send. Click a token, and its weights follow."


def _strip(view: ViewState, checkpoint: Checkpoint, attention: Attention) -> list[dict]:
    """The maps of the token at this place in every block: the mean, then each head."""
    strip = []
    for stage in checkpoint.config.stages:
        grid = (checkpoint.grid(stage),) * 2
        for block in range(1, checkpoint.depth(stage) + 1):
            there = replace(view, stage=stage, block=block)
            maps = {"global": _mean_and_heads(attention.row(there, "global")), "cell": attention.map(there, "global").layout.pool}
            if stage in checkpoint.hierarchical:
                window = attention.map(there, "local").window(*hatnet.token_at(view.place, grid))
                maps |= {"local": _mean_and_heads(attention.row(there, "local")), "window": window}
            strip.append({"stage": stage, "block": block, "heads": checkpoint.heads(stage), "grid": grid} | maps)
    return strip


def _mean_and_heads(row: np.ndarray) -> dict:
    return pack_maps(np.concatenate([row.mean(0, keepdims=True), row]))
