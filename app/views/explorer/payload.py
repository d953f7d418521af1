"""What the browser holds of the maps, cached for all visitors: rows packed into sheets, and what pooling loses."""

import math

import numpy as np
import streamlit as st
import torch

import hatnet
from app.core import checkpoints, inference
from app.core.checkpoints import Checkpoint
from app.core.pictures import Picture, model_input
from app.core.view import ViewState
from app.views.explorer import packing as rows

# Above this many weights, the browser is sent the row of the selected token alone (1 MB at 8 bits a weight).
SENT = 1_000_000


def all_sent(checkpoint: Checkpoint, view: ViewState, kind: str) -> bool:
    """Whether the browser gets a map's rows of all tokens. kind: "local", "global" or "hops"."""
    side, (g1, g2) = checkpoint.grid(view.stage), view.grids(checkpoint)
    keys = {"local": min(g1 or side, side) ** 2, "global": math.ceil(side / g2) ** 2, "hops": side**2}[kind]
    return inference.weights_in_all(checkpoint, view.g1, view.g2) <= inference.ALL_ROWS and side**2 * keys <= SENT


def sheet(picture: Picture, checkpoint: Checkpoint, view: ViewState, kind: str) -> dict | None:
    """What the browser holds of a map, as `rows.packed` says: of all tokens, or of the selected one where those are too many.

    kind: "local", "global" or "hops"; that last one is the mean over heads, without the residual, and None where the local rows of
    all tokens were too many to compute.
    """
    only = None if all_sent(checkpoint, view, kind) else view.place
    head = None if kind == "hops" else view.head
    return _sheet(picture.digest, checkpoint.key, view.stage, view.block, head, view.g1, view.g2, kind, only, checkpoint, picture)


@st.cache_resource(max_entries=48, show_spinner=False)
def _sheet(
    digest: str,
    key: str,
    stage: int,
    block: int,
    head: int | None,
    g1: tuple,
    g2: tuple,
    kind: str,
    only: tuple | None,
    _checkpoint: Checkpoint,
    _picture: Picture,
) -> dict | None:
    checkpoint = _checkpoint
    grid = (checkpoint.grid(stage),) * 2
    seen = inference.attention(_picture, checkpoint, g1, g2, only or (0.5, 0.5))
    token = hatnet.token_at(only, grid) if only else None
    number = token[0] * grid[1] + token[1] if token else None
    tokens = slice(None) if number is None else [number]
    local, pooled = (seen.maps.get((stage, block, kind)) for kind in ("local", "global"))
    asking = rows.centres(grid)[tokens]
    if kind == "hops":
        if local.weights is None:
            return None
        with inference.forward_slots:
            hops = hatnet.rollout.two_hop(local, pooled, tokens=[token] if token else None).flatten(1).numpy()
        moved = rows.without_residual(hops, tokens if token else range(len(hops)))
        return rows.packed(moved, rows.apart(asking, rows.centres(grid)), number)
    record = local if kind == "local" else pooled
    weights = seen.rows(stage, block, kind, head)
    if weights is None:  # the keys of a window that hangs over the edge are there too, as 0
        row = seen.weights(stage, block, kind, head, only)
        weights = np.zeros(record.key_grid, row.dtype)
        weights[: row.shape[0], : row.shape[1]] = row
        weights = weights.reshape(1, -1)
    else:
        weights = weights[tokens]
    if kind == "local":
        return rows.packed(weights, rows.apart_in_windows(grid, record.key_grid, tokens), number)
    return rows.packed(weights, rows.apart(asking, rows.centres(grid, record.layout.pool)), number)


@st.cache_resource(max_entries=16, show_spinner=False)
def _loss(digest: str, key: str, stage: int, block: int, g1: tuple, g2: tuple, _checkpoint: Checkpoint, _input: np.ndarray) -> rows.Loss:
    model, trace = checkpoints.model(_checkpoint.name), hatnet.Trace()
    with inference.forward_slots, torch.inference_mode():
        layer, x, *sides = hatnet.block_input(model, inference.normalised(_checkpoint, _input), stage, block - 1, g1, g2)
        layer.attn(x, *sides, trace=trace)
    return rows.loss(trace.a1[0].numpy(), sides[1])


def loss(picture: Picture, checkpoint: Checkpoint, view: ViewState) -> rows.Loss:
    """The variance that Eq. 10 loses in a block of a hierarchical stage."""
    return _loss(
        picture.digest, checkpoint.key, view.stage, view.block, view.g1, view.g2, checkpoint, model_input(picture, checkpoint.image_size)
    )
