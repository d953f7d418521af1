"""Eqs. 6 to 15 as they run in one block of the model, checked against NumPy; cached for all visitors."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from torch.utils.flop_counter import FlopCounterMode

import hatnet
from app.core import checkpoints, inference
from app.core.checkpoints import Checkpoint
from app.core.pictures import Picture, model_input
from app.views.equations.numpy_equations import recompute


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckedEquations:
    """Eqs. 6 to 15 of one block, as they ran for one picture."""

    equations: dict[int, hatnet.Step]  # by number
    tensors: dict[str, np.ndarray]  # by hatnet's names, without the axis of images
    weights: dict[str, np.ndarray]  # as `recompute` wants them
    differences: dict[int, float]  # by number: largest |difference| between the model's tensors and `recompute`'s; Eq. 15: in MACs


# What each equation of hatnet.walk hands out, under the names of hatnet/attention.py.
_OUTPUTS = {
    6: ("x1",),
    7: ("q1", "k1", "v1"),
    8: ("local", "p1"),
    9: ("joined", "a1"),
    10: ("pooled",),
    11: ("rows", "keys"),
    12: ("q2", "k2", "v2"),
    13: ("a2", "p2"),
    14: ("out",),
}
_WINDOWED = ("x1", "q1", "k1", "v1", "p1")  # their first axis is windows, not images


def checked_equations(
    picture: Picture, checkpoint: Checkpoint, stage: int, block: int, g1: tuple[int, ...], g2: tuple[int, ...]
) -> CheckedEquations:
    """Run Eqs. 6 to 15 in one block (from 1) of a hierarchical stage, for all tokens, and compare them with NumPy's."""
    return _checked_equations(picture.digest, checkpoint.key, stage, block, g1, g2, checkpoint, model_input(picture, checkpoint.image_size))


@st.cache_resource(max_entries=8, show_spinner=False)
def _checked_equations(
    digest: str, key: str, stage: int, block: int, g1: tuple, g2: tuple, _checkpoint: Checkpoint, _input: np.ndarray
) -> CheckedEquations:
    checkpoint, name = _checkpoint, _checkpoint.name
    with inference.forward_slots, torch.no_grad():  # not inference_mode, in which the FLOP counter misses the products
        layer, x, side1, side2 = hatnet.block_input(
            checkpoints.model(name), inference.normalised(checkpoint, _input), stage, block - 1, g1, g2
        )
        steps = hatnet.walk(layer, x, side1, side2)
        fused = layer.attn(x, side1, side2)  # as the model runs it
        with FlopCounterMode(display=False) as counter:
            layer.attn(x, side1, side2, explicit=True)
    tensors = {"x": x[0].numpy()}
    for number, names in _OUTPUTS.items():
        for key, tensor in zip(names, steps[number - 6].tensors.values(), strict=True):
            tensors[key] = tensor.numpy() if key in _WINDOWED else tensor[0].numpy()
    weights = {}
    for key in ("qkv", "q", "kv", "proj"):
        linear = getattr(layer.attn, key)
        weights |= {key: linear.weight.detach().numpy().T, f"{key}+": linear.bias.detach().numpy()}
    for key in ("norm", "grid_norm", "ds_norm"):
        module = getattr(layer.attn, key)
        weights[key] = torch.stack([module.weight, module.bias]).detach().numpy()
    recomputed = recompute(tensors["x"], weights, side1, side2, checkpoint.config.head_dim, per_token=checkpoint.config.norm == "layer")
    differences = {number: max(_difference(tensors[key], recomputed[key]) for key in names) for number, names in _OUTPUTS.items()}
    differences[14] = _difference(fused[0].numpy(), recomputed["out"])
    differences[15] = abs(counter.get_total_flops() / 2 - sum(steps[9].macs.values()))
    return CheckedEquations(equations={step.number: step for step in steps}, tensors=tensors, weights=weights, differences=differences)


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max())
