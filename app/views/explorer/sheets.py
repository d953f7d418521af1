"""Sheets: what the browser holds of the maps, so that it answers hovering by itself. The server packs each once for all visitors."""

import math
from contextlib import nullcontext
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import streamlit as st
import torch

import hatnet
from app.core import checkpoints, inference
from app.core.checkpoints import Checkpoint
from app.core.hops import without_residual
from app.core.pictures import Picture, model_input
from app.core.view import ViewState
from app.views.explorer import packing
from app.views.explorer.pooling import pooling_loss

# Above this many weights, the browser gets the row of the selected token alone (1 MB at 8 bits a weight).
MOST_SENT = 1_000_000


def all_sent(checkpoint: Checkpoint, view: ViewState, kind: str) -> bool:
    """Whether the browser gets the rows of all tokens of a map ("local", "global" or "hops")."""
    side, (g1, g2) = checkpoint.grid(view.stage), view.sides(checkpoint)
    keys = {"local": min(g1 or side, side) ** 2, "global": math.ceil(side / g2) ** 2, "hops": side**2}[kind]
    return inference.weight_count(checkpoint, view.g1, view.g2) <= inference.ALL_ROWS and side**2 * keys <= MOST_SENT


@dataclass(frozen=True, kw_only=True, eq=False)
class Sheet:
    """One map of a view: "local", "global", "hops" (mean of the heads, without what stays) or "pooling" (what averaging loses)."""

    kind: str
    picture: Picture
    checkpoint: Checkpoint
    view: ViewState

    @property
    def place(self) -> tuple[float, float] | None:
        """The place of the only token on the sheet; None if it holds all tokens."""
        return None if self.kind == "pooling" or all_sent(self.checkpoint, self.view, self.kind) else self.view.place

    @property
    def key(self) -> str:
        """All that the contents depend on: identifies the sheet in the server's cache and in the browser."""
        view, head = self.view, self.view.head if self.kind in ("local", "global") else None
        return repr((self.kind, self.picture.digest[:16], self.checkpoint.key, view.stage, view.block, head, view.g1, view.g2, self.place))


def contents(sheet: Sheet) -> dict | None:
    """The contents of a sheet for the browser; None for hops if the local rows of all tokens, which they need, are too many.

    One token's are made anew: kept, they would soon crowd out the sheets of all tokens, which the next visitor needs too.
    """
    return _made(sheet) if sheet.place else _kept(sheet)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Sheet: attrgetter("key")})
def _kept(sheet: Sheet) -> dict | None:
    return _made(sheet)


def _made(sheet: Sheet) -> dict | None:
    if sheet.kind == "pooling":
        return _pooling(sheet)
    view, kind, grid = sheet.view, sheet.kind, (sheet.checkpoint.grid(sheet.view.stage),) * 2
    attention = inference.attention(sheet.picture, sheet.checkpoint, view)
    token = hatnet.token_at(sheet.place, grid) if sheet.place else None
    number = token[0] * grid[1] + token[1] if token else None
    tokens = [number] if token else slice(None)
    queries = packing.centres(grid)[tokens]
    if kind == "hops":
        # All tokens at once are as much work as a forward pass. One is little: it need not queue behind the pictures of other visitors.
        with nullcontext() if token else inference.forward_slots:
            hops = attention.two_hops(view, [token] if token else None)
        if hops is None:
            return None
        read = without_residual(hops.reshape(len(hops), -1), [number] if token else range(len(hops)))
        inside = packing.own_window(grid, attention.map(view, "local").key_grid, tokens)
        packed = packing.pack_rows(read, packing.distances(queries, packing.centres(grid)), number)
        return packed | {"inside": packing.pack_floats((read * inside).sum(1))}
    record, rows = attention.map(view, kind), attention.rows(view, kind)
    if rows is None:  # only this token's: filled up with 0 to a whole window, like all rows
        row = attention.weights(view, kind)
        rows = np.zeros(record.key_grid, row.dtype)
        rows[: row.shape[0], : row.shape[1]] = row
        rows = rows.reshape(1, -1)
    else:
        rows = rows[tokens]
    if kind == "local":
        distances = packing.distances_in_windows(grid, record.key_grid, tokens)
    else:
        distances = packing.distances(queries, packing.centres(grid, record.layout.pool))
    return packing.pack_rows(rows, distances, number)


def _pooling(sheet: Sheet) -> dict:
    """What Eq. 10 loses in the view's block of a hierarchical stage."""
    checkpoint, view, trace = sheet.checkpoint, sheet.view, hatnet.Trace()
    model, pixels = checkpoints.model(checkpoint.name), model_input(sheet.picture, checkpoint.image_size)
    with inference.forward_slots, torch.inference_mode():
        images = inference.normalised(checkpoint, pixels)
        layer, x, *sides = hatnet.block_input(model, images, view.stage, view.block_index, view.g1, view.g2)
        layer.attn(x, *sides, trace=trace)
    loss = pooling_loss(trace.a1[0].numpy(), sides[1])
    return {"cells": packing.pack_floats(loss.cells), "tokens": packing.pack_floats(loss.tokens), "whole": loss.whole}
