"""The five mechanisms with the view's sides: what one token reads with each, after one layer and after two, and what it reaches."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

import hatnet
from app.core import checkpoints
from app.core.checkpoints import Checkpoint
from app.core.inference import ALL_HOPS, ALL_ROWS, forward_slots, normalised
from app.core.pictures import Picture, cached, model_input
from app.core.view import ViewState
from hatnet import reach
from hatnet.maps import AttentionMap
from hatnet.rollout import through_layers

NAMES = {  # the mechanisms of hatnet.reach, in the order of the page
    "full": "Plain MHSA",
    "window": "Windows",
    "shifted_window": "Swin",
    "pooled": "PVT",
    "hierarchical": "H‑MHSA",
}
Token = tuple[int, int]
Layers = list[list[AttentionMap]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cost:
    """What a mechanism reaches from one token by attention alone, and what one layer takes."""

    first: tuple[list[int], list[int]]  # of each row and of each column, the layer after which something of it has been read; 0: never
    macs: float  # of one layer; where two kinds take turns, their mean
    each: float  # of these, for one token and one of the tokens that it reaches in a layer

    def reached(self, layers: int) -> int:
        return reach.reached_after(self.first, layers)

    @property
    def to_all(self) -> int | None:
        """Layers until everything has been read; None: never."""
        return reach.layers_to_all(self.first)


@lru_cache(maxsize=512)
def cost(mechanism: str, token: Token, side: int, channels: int, g1: int, g2: int) -> Cost:
    """On a map of side x side tokens."""
    first = reach.first_reached(token, (side, side), mechanism, g1, g2)
    found = reach.layer_macs(mechanism, side, side, channels, g1, g2)
    macs = sum(found) / len(found)
    return Cost(first=first, macs=macs, each=macs / side**2 / reach.reached_after(first, 1))


def arms(checkpoint: Checkpoint) -> dict[str, str]:
    """Mechanism -> the checkpoint that was trained with it, alike in everything else. Empty if there are not two of them."""
    base = checkpoint.name.partition("-")[0]
    found = {mechanism: name for mechanism in NAMES if (name := f"{base}-{mechanism}") in checkpoints.names()}
    if "hierarchical" not in found and base in checkpoints.names():
        found["hierarchical"] = base
    shape = replace(checkpoint.config, attention="hierarchical")
    alike = {word: name for word, name in found.items() if replace(checkpoints.describe(name).config, attention="hierarchical") == shape}
    return alike if len(alike) > 1 else {}


def read(mechanism: str, view: ViewState, checkpoint: Checkpoint, picture: Picture) -> np.ndarray | None:
    """Shares [2, h, w] of what the view's token has read after one layer and after two, mean of the heads; None: no such checkpoint."""
    name = checkpoint.name if view.weights == "same" else arms(checkpoint).get(mechanism)
    if name is None:
        return None
    model, side = checkpoints.describe(name), checkpoint.grid(view.stage)
    where = model, picture, view.stage, view.block_index, view.g1, view.g2
    y, x = hatnet.token_at(view.place, (side, side))
    if side**4 <= ALL_HOPS:  # on a small map all tokens are followed at once, and the next one waits for nothing
        return _all_read(mechanism, view.weights, *where)[:, y * side + x]
    return _read(mechanism, view.weights, *where, (y, x))


@cached(max_entries=40)
def _all_read(mechanism: str, weights: str, *where) -> np.ndarray:
    return _followed(_layers(mechanism, weights, *where), None)


@cached(max_entries=40)
def _read(mechanism: str, weights: str, model: Checkpoint, picture: Picture, stage: int, block: int, g1: tuple, g2: tuple, token: Token):
    where = model, picture, stage, block, g1, g2
    large = mechanism == "full" and model.grid(stage) ** 4 > ALL_ROWS
    layers = (_computed if large else _layers)(mechanism, weights, *where)
    return _followed(layers, [token])[:, 0]


def _followed(layers: Layers, tokens: list[Token] | None) -> np.ndarray:
    """Shares [2, tokens, h, w] after one layer and after two."""
    with torch.inference_mode():
        return np.stack([through_layers(part, tokens).numpy() for part in (layers[:1], layers[:2])])


@cached(max_entries=20)
def _layers(*where) -> Layers:
    return _computed(*where)


def _computed(mechanism: str, weights: str, model: Checkpoint, picture: Picture, stage: int, block: int, g1: tuple, g2: tuple) -> Layers:
    """The maps of two layers, mean of the heads: of a mechanism that is put into the block, or of the block as it was trained, twice."""
    images = normalised(model, model_input(picture, model.image_size))
    with forward_slots, torch.inference_mode():
        if weights == "same":
            layers = hatnet.reach.mechanism_maps(checkpoints.model(model.name), images, mechanism, stage, block, g1, g2)
        else:
            _, maps = hatnet.attention_maps(checkpoints.model(model.name), images, g1=g1, g2=g2)
            layers = [[record for record in maps if (record.stage, record.block) == (stage, block)]]
        mean = [[replace(one, weights=one.weights.mean(1, keepdim=True), heads=1) for one in steps] for steps in layers]
    return (2 * mean)[:2]
