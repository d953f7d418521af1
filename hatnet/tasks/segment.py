"""Segmentation: a class for each pixel."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hatnet.augment import CROP, adjusted_colours, scaled_crops
from hatnet.dense.checkpoints import description, save_dense
from hatnet.dense.scenes import VOID, Scenes
from hatnet.dense.segmentation import SemanticFPN
from hatnet.machine import Machine
from hatnet.preprocessing import normalise
from hatnet.recipe import Recipe
from hatnet.tasks.task import Batch, Column, Step, Task

AUGMENTS = ("scaled", "none")


class Segment(Task):
    """Batches are images [b, 3, h, w] and masks [b, h, w] of class indices, VOID where there is none."""

    word, figure, title, recipe = "segment", "mean_iou", "mean IoU", "segment"

    def check(self, recipe: Recipe) -> None:
        if recipe.augment not in AUGMENTS:
            raise ValueError(
                f"augment is {recipe.augment!r}; masks are augmented by {' or '.join(AUGMENTS)}: --recipe segment has the first"
            )
        if given := [name for name in ("mixup", "cutmix", "erase") if getattr(recipe, name)]:
            raise ValueError(
                f"{given[0]} is {getattr(recipe, given[0]):g}; pixels have one class each, so it is for pictures: leave it out"
            )

    def batch(self, taken: Sequence[Column], step: Step) -> Batch:
        """images: scaled, cut, mirrored, coloured and normalised, float32 [b, 3, *size], 0 (the mean colour) beyond the picture.
        masks: int64 [b, *size]. Without augmentation: the middle of the picture, at its own scale."""
        recipe, (pixels, masks, sizes) = step.recipe, taken
        numbers, scales = step.draw(2, CROP), recipe.scales
        if recipe.augment == "none":
            numbers, scales = torch.full_like(numbers, 0.5), (1.0, 1.0)
        images, labels, beyond = scaled_crops(pixels, masks, torch.tensor(sizes), numbers, step.size, scales, VOID)
        if recipe.colour:
            images = adjusted_colours(images, 1 + recipe.colour * (2 * step.draw(3, 3) - 1))
        return normalise(images, step.mean, step.std).masked_fill(beyond[:, None], 0), labels.long()

    def loss(self, forward: Callable[..., Any], part: Batch, recipe: Recipe, class_weights: Tensor | None) -> Tensor:
        """The cross-entropy of each image: the mean over its pixels, of which those without a class count as 0."""
        images, masks = part
        logits, smoothing = forward(images).float(), recipe.label_smoothing
        losses = F.cross_entropy(logits, masks, class_weights, reduction="none", ignore_index=VOID, label_smoothing=smoothing)
        return losses.flatten(1).mean(1).sum()

    def validate(
        self, model: SemanticFPN, held_out: Scenes, mean: Sequence[float], std: Sequence[float], machine: Machine, batch_size: int
    ) -> dict[str, Any]:
        """ "mean_iou" and "iou", as `mean_iou` gives them."""
        return mean_iou(model, held_out, mean, std, machine.shard, batch_size)

    def describe(self, model: SemanticFPN) -> dict[str, Any]:
        return {"model": dataclasses.asdict(model.config), "head": description(model)}

    def save(self, model: nn.Module, path: Path, header: dict[str, Any]) -> None:
        save_dense(model, path, header)


@torch.inference_mode()
def mean_iou(
    model: SemanticFPN,
    data: Scenes,
    mean: Sequence[float],
    std: Sequence[float],
    shard: slice = slice(None),
    batch_size: int = 1,
    **grids: Any,
) -> dict[str, Any]:
    """How well a model's answers cover the classes: over all pixels of whole pictures, at their own size, that have a class.

    Runs in float32 and eval mode. shard: only these pictures (the processes of a training add up what they count). batch_size: pictures at
    once, as far as neighbours in the list have the same size. grids: G1 and G2, as for the model's `forward`.
    Returns "iou", for each class the intersection of answer and truth over their union, in pixels (None if both are empty), and "mean_iou",
    their mean over the classes that are there.
    """
    from torchmetrics.classification import MulticlassJaccardIndex  # a second to import

    training, device = model.training, next(model.parameters()).device
    counted = MulticlassJaccardIndex(len(data.classes), average="none", ignore_index=VOID, zero_division=float("nan"), validate_args=False)
    model.eval()
    for chunk in torch.arange(len(data))[shard].split(batch_size):
        numbers = chunk.tolist()
        same = len({data.sizes[number] for number in numbers}) == 1
        for some in [numbers] if same else [[number] for number in numbers]:
            pixels, masks = (torch.stack(column) for column in zip(*data.take(some), strict=True))
            logits = model(normalise(pixels.to(device), mean, std), **grids)
            counted.update(logits.argmax(1).cpu(), masks.cpu().long())
    model.train(training)
    iou = counted.compute()
    return {"mean_iou": iou.nanmean().nan_to_num().item(), "iou": [None if value != value else value for value in iou.tolist()]}
