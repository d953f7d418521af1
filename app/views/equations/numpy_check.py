"""Eqs. 6 to 15 as they run in one block of the model, checked against NumPy; cached for all visitors."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import hatnet
from app.core import checkpoints, inference
from app.core.checkpoints import Checkpoint
from app.core.pictures import Picture, cached, model_input
from app.views.equations.numpy_equations import recompute


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckedEquations:
    """Eqs. 6 to 15 of one block, as they ran for one picture."""

    equations: dict[int, hatnet.Equation]  # by number
    tensors: dict[str, np.ndarray]  # by hatnet's names, without the axis of images
    weights: dict[str, np.ndarray]  # as `recompute` wants them
    differences: dict[int, float]  # by number: largest |difference| between the model's tensors and `recompute`'s; Eq. 15: in MACs


_WINDOWED = ("x1", "q1", "k1", "v1", "p1")  # their first axis is windows, not images


@cached(max_entries=8)
def checked_equations(
    picture: Picture, checkpoint: Checkpoint, stage: int, block: int, g1: tuple[int, ...], g2: tuple[int, ...]
) -> CheckedEquations:
    """Run Eqs. 6 to 15 in one block (from 0) of a hierarchical stage, for all tokens, and compare them with NumPy's."""
    model, images = checkpoints.model(checkpoint.name), inference.normalised(checkpoint, model_input(picture, checkpoint.image_size))
    with inference.forward_slots, torch.no_grad():  # not inference_mode, in which the FLOP counter misses the products
        layer, x, side1, side2 = hatnet.block_input(model, images, stage, block, g1, g2)
        equations = hatnet.trace_equations(layer, x, side1, side2)
        fused = layer.attn(x, side1, side2)  # as the model runs it
        with FlopCounterMode(display=False) as counter:
            layer.attn(x, side1, side2, explicit=True)
    tensors = {"x": x[0].numpy()}
    for equation in equations:
        tensors |= {key: tensor.numpy() if key in _WINDOWED else tensor[0].numpy() for key, tensor in equation.tensors.items()}
    weights = {}
    for key in ("qkv", "q", "kv", "proj"):
        linear = getattr(layer.attn, key)
        weights |= {key: linear.weight.detach().numpy().T, f"{key}+": linear.bias.detach().numpy()}
    for key in ("norm", "grid_norm", "ds_norm"):
        module = getattr(layer.attn, key)
        weights[key] = torch.stack([module.weight, module.bias]).detach().numpy()
    recomputed = recompute(tensors["x"], weights, side1, side2, checkpoint.config.head_dim, per_token=checkpoint.config.norm == "layer")
    differences = {
        equation.number: max(_difference(tensors[key], recomputed[key]) for key in equation.tensors)
        for equation in equations
        if equation.tensors
    }
    differences[14] = _difference(fused[0].numpy(), recomputed["out"])
    differences[15] = abs(counter.get_total_flops() / 2 - sum(equations[9].macs.values()))
    return CheckedEquations(
        equations={equation.number: equation for equation in equations}, tensors=tensors, weights=weights, differences=differences
    )


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max())
