"""Forward passes, cached for all visitors: the attention of a picture, and what the model says of it."""

import math
import os
import threading
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
import torch

import hatnet
from app.core import checkpoints
from app.core.checkpoints import Checkpoint
from app.core.pictures import Picture, model_input
from app.core.view import ViewState
from hatnet.attention import merge
from hatnet.data import normalise

torch.set_num_threads(max(1, min(4, os.cpu_count() or 1)))
forward_slots = threading.BoundedSemaphore(2)  # more at once would only take more memory: the cores are busy
# Above this many weights, only the rows of the selected token are computed (16 MB as float32, times the cache's entries).
ALL_ROWS = 4_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Attention:
    """One forward pass: class probabilities [classes] of the picture, or where each cell has its own answer, of the selected token's
    cell; and the maps by (stage, block from 1, kind). Heads count from 1, too."""

    probabilities: np.ndarray
    maps: dict[tuple[int, int, str], hatnet.AttentionMap]

    def row(self, stage: int, block: int, kind: str, place: tuple[float, float]) -> np.ndarray:
        """Weights [heads, rows, columns] that the token at a place gives to its keys."""
        record = self.maps[stage, block, kind]
        return record.row(*hatnet.token_at(place, record.query_grid)).numpy()

    def weights(self, stage: int, block: int, kind: str, head: int | None, place: tuple[float, float]) -> np.ndarray:
        """Those of one head, or their mean over the heads: [rows, columns]."""
        row = self.row(stage, block, kind, place)
        return row.mean(0) if head is None else row[head - 1]

    def rows(self, stage: int, block: int, kind: str, head: int | None) -> np.ndarray | None:
        """Weights [tokens, keys] of all tokens; None where only some were computed.

        Keys of the local step: all places of a whole window, row by row; 0 at those that hang over the map's edge.
        """
        record = self.maps[stage, block, kind]
        if record.weights is None:
            return None
        weights = record.weights.mean(1) if head is None else record.weights[:, head - 1]
        return merge(weights, record.layout)[0].flatten(1).T.numpy()

    def two_hops(self, stage: int, block: int, token: tuple[int, int]) -> np.ndarray | None:
        """Both steps of one block followed back from one token: [h, w], mean of the heads; None where not all rows were computed."""
        local, pooled = self.maps[stage, block, "local"], self.maps[stage, block, "global"]
        return None if local.weights is None else hatnet.rollout.two_hop(local, pooled, tokens=[token])[0].numpy()

    def cell_weight(
        self, stage: int, block: int, kind: str, head: int | None, place: tuple[float, float], key: tuple[int, int]
    ) -> tuple[float, int]:
        """What the token at a place gives to the key that holds another token, and how many tokens that key averages.

        0.0 where the step does not reach that token at all.
        """
        record = self.maps[stage, block, kind]
        weights = self.weights(stage, block, kind, head, place)
        if (side := record.layout.pool) > 1:
            size = math.prod(min(side, n - k // side * side) for n, k in zip(record.query_grid, key, strict=True))
            return float(weights[key[0] // side, key[1] // side]), size
        top, left, height, width = record.window(*hatnet.token_at(place, record.query_grid))
        inside = top <= key[0] < top + height and left <= key[1] < left + width
        return (float(weights[key[0] - top, key[1] - left]) if inside else 0.0), 1

    def weight(self, stage: int, block: int, kind: str, head: int | None, place: tuple[float, float], key: tuple[int, int]) -> float:
        """The same for the other token alone: a cell's weight is shared evenly by the tokens that it averages."""
        weight, size = self.cell_weight(stage, block, kind, head, place, key)
        return weight / size


def attention(picture: Picture, checkpoint: Checkpoint, g1: tuple[int, ...], g2: tuple[int, ...], place: tuple[float, float]) -> Attention:
    """All maps for a picture, computed once for all tokens; for the token at `place` alone where all would be too many."""
    queries = None if weights_in_all(checkpoint, g1, g2) <= ALL_ROWS else (place,)
    found = _attention(picture.digest, checkpoint.key, g1, g2, queries, checkpoint, model_input(picture, checkpoint.image_size))
    if found.probabilities.ndim == 1:
        return found
    y, x = hatnet.token_at(place, found.probabilities.shape[1:])
    return replace(found, probabilities=found.probabilities[:, y, x])


@st.cache_resource(max_entries=24, show_spinner=False)
def _attention(
    digest: str, key: str, g1: tuple, g2: tuple, queries: tuple | None, _checkpoint: Checkpoint, _input: np.ndarray
) -> Attention:
    model = checkpoints.model(_checkpoint.name)  # loaded out here: a model loaded in inference mode has no gradients
    with forward_slots, torch.inference_mode():
        logits, maps = hatnet.attention_maps(model, normalised(_checkpoint, _input), queries=queries, g1=g1, g2=g2)
    probabilities = logits[0].softmax(0).numpy()  # [classes], or [classes, cells, cells]
    probabilities.setflags(write=False)
    return Attention(probabilities=probabilities, maps={(record.stage, record.block + 1, record.kind): record for record in maps})


@st.cache_resource(max_entries=4, show_spinner=False)
def _other_model(key: str, mechanism: str, _checkpoint: Checkpoint) -> hatnet.HATNet:
    own = checkpoints.model(_checkpoint.name)
    model = hatnet.HATNet(replace(own.config, attention=mechanism))
    model.load_state_dict(own.state_dict())
    return model.eval()


@st.cache_resource(max_entries=64, show_spinner=False)
def _other(
    digest: str, key: str, mechanism: str, g1: tuple, g2: tuple, place: tuple, _checkpoint: Checkpoint, _input: np.ndarray
) -> Attention:
    model = _other_model(key, mechanism, _checkpoint)
    with forward_slots, torch.inference_mode():
        logits, maps = hatnet.attention_maps(model, normalised(_checkpoint, _input), queries=(place,), g1=g1, g2=g2)
    records = {(record.stage, record.block + 1, record.kind): record for record in maps}
    return Attention(probabilities=logits[0].softmax(0).numpy(), maps=records)


def other_mechanism(picture: Picture, checkpoint: Checkpoint, view: ViewState, mechanism: str, place: tuple[float, float]) -> Attention:
    """The rows of one token where the same weights run with another mechanism (`hatnet.config.MECHANISMS`)."""
    return _other(
        picture.digest, checkpoint.key, mechanism, view.g1, view.g2, place, checkpoint, model_input(picture, checkpoint.image_size)
    )


def normalised(checkpoint: Checkpoint, pixels: np.ndarray) -> torch.Tensor:
    """The model's picture uint8 [size, size, 3] -> images [1, 3, size, size]."""
    return normalise(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None], list(checkpoint.mean), list(checkpoint.std))


def weights_in_all(checkpoint: Checkpoint, g1: tuple[int, ...], g2: tuple[int, ...]) -> int:
    """How many weights all maps hold together."""
    total = 0
    for index, stage in enumerate(checkpoint.config.stages):
        side = checkpoint.grid(stage)
        keys = side**2
        if stage in checkpoint.hierarchical:
            keys = min(g1[index], side) ** 2 + math.ceil(side / g2[index]) ** 2
        total += checkpoint.depth(stage) * checkpoint.heads(stage) * side**2 * keys
    return total


def macs(name: str, g1: tuple[int, ...], g2: tuple[int, ...]) -> hatnet.complexity.Count:
    """The MACs of one photograph through a checkpoint's model, module by module."""
    checkpoint = checkpoints.describe(name)
    return _macs(checkpoint.key, g1, g2, checkpoint)


@st.cache_resource(max_entries=64, show_spinner=False)
def _macs(key: str, g1: tuple, g2: tuple, _checkpoint: Checkpoint) -> hatnet.complexity.Count:
    return hatnet.complexity.count(checkpoints.model(_checkpoint.name), (_checkpoint.image_size,) * 2, g1, g2)
