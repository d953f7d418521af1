"""Eqs. 6 to 14 once more, in NumPy and double precision: what the model's own tensors are checked against.

Written from the paper with index tables instead of the model's reshapes, so that a mistake in one is not a mistake in the other.
Numbers come from `hatnet` as arrays; nothing here knows PyTorch.
"""

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from torch.utils.flop_counter import FlopCounterMode

import hatnet
from app.core import checkpoints, inference
from app.core.checkpoints import Checkpoint
from app.core.pictures import Picture, model_input


@dataclass(frozen=True, kw_only=True, eq=False)
class Checked:
    """Eqs. 6 to 15 of one block, as they ran for one picture."""

    steps: dict[int, hatnet.Equation]  # by the equation's number
    tensors: dict[str, np.ndarray]  # by hatnet's names; of one image, so without its axis
    weights: dict[str, np.ndarray]  # as `recompute` wants them
    differences: dict[int, float]  # largest |difference| between the model's tensors and `recompute`'s; Eq. 15: in MACs


_WINDOWED = ("x1", "q1", "k1", "v1", "p1")  # their first axis is windows, not images


def checked(picture: Picture, checkpoint: Checkpoint, stage: int, block: int, g1: tuple[int, ...], g2: tuple[int, ...]) -> Checked:
    """Eqs. 6 to 15 in one block (from 1) of a hierarchical stage, for all tokens."""
    return _checked(picture.digest, checkpoint.key, stage, block, g1, g2, checkpoint, model_input(picture, checkpoint.image_size))


@st.cache_resource(max_entries=8, show_spinner=False)
def _checked(digest: str, key: str, stage: int, block: int, g1: tuple, g2: tuple, _checkpoint: Checkpoint, _input: np.ndarray) -> Checked:
    checkpoint, name = _checkpoint, _checkpoint.name
    with inference.forward_slots, torch.no_grad():  # not inference_mode: there the counter of FLOPs misses the products
        layer, x, side1, side2 = hatnet.block_input(
            checkpoints.model(name), inference.normalised(checkpoint, _input), stage, block - 1, g1, g2
        )
        steps = hatnet.trace_equations(layer, x, side1, side2)
        own = layer.attn(x, side1, side2)  # as the model runs it: by the fused kernel
        with FlopCounterMode(display=False) as counter:
            layer.attn(x, side1, side2, explicit=True)
    tensors = {"x": x[0].numpy()}
    for step in steps:
        tensors |= {key: tensor.numpy() if key in _WINDOWED else tensor[0].numpy() for key, tensor in step.tensors.items()}
    weights = {}
    for key in ("qkv", "q", "kv", "proj"):
        linear = getattr(layer.attn, key)
        weights |= {key: linear.weight.detach().numpy().T, f"{key}+": linear.bias.detach().numpy()}
    for key in ("norm", "grid_norm", "ds_norm"):
        module = getattr(layer.attn, key)
        weights[key] = torch.stack([module.weight, module.bias]).detach().numpy()
    again = recompute(tensors["x"], weights, side1, side2, checkpoint.config.head_dim, per_token=checkpoint.config.norm == "layer")
    differences = {step.number: max(_difference(tensors[key], again[key]) for key in step.tensors) for step in steps if step.tensors}
    differences[14] = _difference(own[0].numpy(), again["out"])
    differences[15] = abs(counter.get_total_flops() / 2 - sum(steps[9].macs.values()))
    return Checked(steps={step.number: step for step in steps}, tensors=tensors, weights=weights, differences=differences)


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max())


def recompute(x: np.ndarray, weights: dict[str, np.ndarray], g1: int, g2: int, head_dim: int, per_token: bool) -> dict[str, np.ndarray]:
    """Every tensor of Eqs. 6 to 14, under hatnet's names, from the block's input alone.

    x [C, h, w]. weights: "qkv" [C, 3C], "q" [C, C], "kv" [C, 2C], "proj" [C, C] (columns are outputs), their biases as "qkv+" [3C]
    and so on, and scale and shift of the three norms as "norm" [2, C], "grid_norm", "ds_norm". per_token: the norms run over the
    channels of each token instead of the whole map.
    """
    x = x.astype(np.float64)
    channels, h, w = x.shape

    def norm(values: np.ndarray, name: str) -> np.ndarray:
        axes = 0 if per_token else None
        centred = values - values.mean(axes, keepdims=True)
        scale, shift = (part[:, None, None] for part in weights[name])
        return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + 1e-6) * scale + shift

    def heads(rows: np.ndarray, name: str, parts: int) -> list[np.ndarray]:
        projected = rows @ weights[name] + weights[f"{name}+"]
        split = projected.reshape(*rows.shape[:-1], parts, channels // head_dim, head_dim)
        return [np.moveaxis(split[..., part, :, :], -2, -3) for part in range(parts)]

    ids = window_ids(h, w, g1)
    x1 = np.where(ids[..., None] >= 0, _rows(norm(x, "norm"))[ids], 0)  # Eq. 6
    q1, k1, v1 = heads(x1, "qkv", 3)  # Eq. 7
    p1 = softmax(q1 @ k1.swapaxes(-1, -2) / head_dim**0.5, (ids >= 0)[:, None, None, :])  # Eq. 2
    answers = np.moveaxis(p1 @ v1, -3, -2).reshape(*ids.shape, channels)
    local = np.empty((h * w, channels))
    local[ids[ids >= 0]] = answers[ids >= 0]  # Eq. 8
    local = _map(local, h, w)
    joined = local + x  # Eq. 9
    a1 = norm(joined, "grid_norm")
    pooled = norm(cell_means(a1, g2), "ds_norm")  # Eq. 10
    rows, keys = _rows(a1), _rows(pooled)  # Eq. 11
    (q2,), (k2, v2) = heads(rows, "q", 1), heads(keys, "kv", 2)  # Eq. 12
    p2 = softmax(q2 @ k2.swapaxes(-1, -2) / head_dim**0.5)  # Eq. 2
    a2 = _map(np.moveaxis(p2 @ v2, 0, 1).reshape(h * w, channels), h, w)  # Eq. 13
    out = _map(_rows(a1 + a2) @ weights["proj"] + weights["proj+"], h, w)  # Eq. 14, without its "+ X"
    found = dict(x1=x1, q1=q1, k1=k1, v1=v1, p1=p1, local=local, joined=joined, a1=a1, pooled=pooled, rows=rows, keys=keys)
    return found | dict(q2=q2, k2=k2, v2=v2, p2=p2, a2=a2, out=out)


def window_ids(h: int, w: int, g1: int) -> np.ndarray:
    """For each window and each place in it, the token there, counted row by row over the map: int [windows, places]; -1 off the map.

    >>> window_ids(2, 3, 2).tolist()
    [[0, 1, 3, 4], [2, -1, 5, -1]]
    """
    tall, wide = min(g1, h), min(g1, w)
    found = []
    for top in range(0, h, tall):
        for left in range(0, w, wide):
            places = [(y, x) for y in range(top, top + tall) for x in range(left, left + wide)]
            found.append([y * w + x if y < h and x < w else -1 for y, x in places])
    return np.array(found)


def cell_means(values: np.ndarray, side: int) -> np.ndarray:
    """The mean of each cell of side x side tokens, of what there is of it: [C, h, w] -> [C, ceil(h/side), ceil(w/side)]."""
    tops, lefts = np.arange(0, values.shape[1], side), np.arange(0, values.shape[2], side)
    sums = np.add.reduceat(np.add.reduceat(values, tops, axis=1), lefts, axis=2)
    down, across = np.minimum(side, values.shape[1] - tops), np.minimum(side, values.shape[2] - lefts)
    return sums / (down[:, None] * across)


def softmax(scores: np.ndarray, real: np.ndarray | bool = True) -> np.ndarray:
    """Over the last axis, among the keys that are real."""
    scores = np.where(real, scores, -np.inf)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _rows(values: np.ndarray) -> np.ndarray:
    """[C, h, w] -> [hw, C]."""
    return values.reshape(len(values), -1).T


def _map(rows: np.ndarray, h: int, w: int) -> np.ndarray:
    """[hw, C] -> [C, h, w]."""
    return rows.T.reshape(-1, h, w)
