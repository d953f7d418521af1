"""The optimiser: AdamW, which weights it trains, and how much of the learning rate each of them gets."""

from collections import defaultdict
from typing import Any

import torch
from torch import nn

from hatnet.depth import depth_of, stage_of
from hatnet.recipe import Recipe


def freeze(model: Any, stages: int) -> None:
    """Exclude the first `stages` stages, counted as in the paper, from training, in place. Raises ValueError if there are fewer.

    model: a HATNet, or a model of `hatnet.dense`, whose backbone's stages are meant. No norm of a HAT-Net keeps running statistics, so that
    the weights are all that could change.
    """
    if stages > (last := model.config.stages[-1]):
        raise ValueError(f"freeze is {stages}; this model has the stages 1 to {last}, and {last} freezes all but the classifier")
    for name, parameter in model.named_parameters():
        if stage_of(name, model.config.stages) <= stages:
            parameter.requires_grad_(False)


def adamw(model: Any, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW over the parameters that train: no weight decay on norms and biases. A group's "lr_scale" multiplies its learning rate."""
    found: dict[tuple[float, bool], list[nn.Parameter]] = defaultdict(list)
    depths, undecayed = model.config.depths, model.no_weight_decay()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            scale = recipe.layer_decay ** (sum(depths) + 1 - depth_of(name, depths))
            found[scale, name not in undecayed].append(parameter)
    groups = [
        {"params": parameters, "lr_scale": scale, "weight_decay": recipe.weight_decay if decays else 0.0}
        for (scale, decays), parameters in sorted(found.items(), reverse=True)
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)
