"""The optimiser: AdamW, which weights it trains, and how much of the learning rate each of them gets."""

from collections import defaultdict

import torch
from torch import nn

from hatnet.config import FIRST_STAGE
from hatnet.model import HATNet
from hatnet.recipe import Recipe


def stage_of(name: str, stages: tuple[int, ...]) -> int:
    """The paper's number of the stage that a parameter lies in: 1 for the stem, one more than the last stage's for the head.

    name: as in `named_parameters`. stages: `Config.stages`.
    """
    part, *rest = name.split(".")
    return 1 if part == "stem" else FIRST_STAGE + int(rest[0]) if part == "stages" else stages[-1] + 1


def layer_of(name: str, depths: tuple[int, ...]) -> int:
    """The layer that a parameter lies in: 0 for the stem, 1, 2, ... for the blocks, one more than the last block's for the head.

    name: as in `named_parameters`. A downsampling belongs to the block after it.
    """
    part, *rest = name.split(".")
    if part == "stem":
        return 0
    if part != "stages":
        return sum(depths) + 1
    block = int(rest[2]) if rest[1] == "blocks" else 0
    return 1 + sum(depths[: int(rest[0])]) + block


def freeze(model: HATNet, stages: int) -> None:
    """Exclude the first `stages` stages, counted as in the paper, from training, in place. Raises ValueError if there are not so many.

    No norm of a HAT-Net keeps running statistics, so that the weights are all that could change.
    """
    if stages > (last := model.config.stages[-1]):
        raise ValueError(f"freeze is {stages}; this model has the stages 1 to {last}, and {last} freezes all but the classifier")
    for name, parameter in model.named_parameters():
        if stage_of(name, model.config.stages) <= stages:
            parameter.requires_grad_(False)


def adamw(model: HATNet, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW over the parameters that train: no weight decay on norms and biases. A group's "lr_scale" multiplies its learning rate."""
    found: dict[tuple[float, bool], list[nn.Parameter]] = defaultdict(list)
    depths = model.config.depths
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            scale = recipe.layer_decay ** (sum(depths) + 1 - layer_of(name, depths))
            found[scale, parameter.ndim > 1].append(parameter)
    groups = [
        {"params": parameters, "lr_scale": scale, "weight_decay": recipe.weight_decay if decays else 0.0}
        for (scale, decays), parameters in sorted(found.items(), reverse=True)
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)
