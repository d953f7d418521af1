"""Detection: boxes of objects with their classes, by RetinaNet; and a mask for each, by Mask R-CNN."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hatnet.augment import adjusted_colours, scaled_objects
from hatnet.dense.checkpoints import description, save_dense
from hatnet.dense.detection import Detector, scaled_size
from hatnet.dense.objects import Instances, Objects
from hatnet.machine import Machine
from hatnet.recipe import Recipe
from hatnet.tasks.task import Batch, Column, Step, Task

AUGMENTS = ("scaled", "none")
UNUSED = {"mixup": 0.0, "cutmix": 0.0, "erase": 0.0, "label_smoothing": 0.0, "class_weights": "none"}  # fields, and what they must be
MOST_BOXES = (1, 10, 100)  # in an image, of which COCO counts recall; precision is of the last
# The figures of an evaluation: our names, and torchmetrics'.
FIGURES = {"ap50": "map_50", "ap": "map", "ap75": "map_75", "ap_small": "map_small", "ap_medium": "map_medium", "ap_large": "map_large"}


class Detect(Task):
    """Batches are lists: images [3, h, w] of any size, pixels in 0..1 (the model normalises them), and their objects (`Instances`)."""

    word, figure, title, recipe = "detect", "ap50", "box AP50", "detect"

    def check(self, recipe: Recipe) -> None:
        if recipe.augment not in AUGMENTS:
            raise ValueError(f"augment is {recipe.augment!r}; boxes want {' or '.join(AUGMENTS)}: --recipe detect has the first")
        for name, wanted in UNUSED.items():
            if (value := getattr(recipe, name)) != wanted:
                raise ValueError(f"{name} is {value}; the losses of a detector know none: leave it out, or take {wanted}")

    def batch(self, taken: Sequence[Column], step: Step) -> Batch:
        """Without augmentation: each picture at the size at which the model will see it (`detection.scaled_size`). With: scaled by a
        further factor within `recipe.scales`, mirrored or not, coloured. Crowds are left out: nobody knows their single objects."""
        recipe, (pixels, objects) = step.recipe, taken
        numbers = step.draw(2, 2)
        if recipe.augment == "none":
            factors, flipped = [1.0] * len(pixels), [False] * len(pixels)
        else:
            least, most = recipe.scales
            factors, flipped = (least + (most - least) * numbers[:, 0]).tolist(), (numbers[:, 1] < 0.5).tolist()
        images, targets = [], []
        for image, some, factor, flip in zip(pixels, objects, factors, flipped, strict=True):
            size = scaled_size((image.shape[1], image.shape[2]), min(step.size), factor)
            scaled, target = scaled_objects(image, singles(some), size, flip)
            images.append(scaled)
            targets.append(target)
        if recipe.colour:
            changes = 1 + recipe.colour * (2 * step.draw(3, 3) - 1)
            images = [adjusted_colours(image[None], change[None])[0] for image, change in zip(images, changes, strict=True)]
        return [image / 255 for image in images], targets

    def loss(self, forward: Callable[..., Any], part: Batch, recipe: Recipe, class_weights: Tensor | None) -> Tensor:
        images, targets = part
        losses: dict[str, Tensor] = forward(images, targets)  # each the mean over the images
        return torch.stack([loss.float() for loss in losses.values()]).sum() * len(images)

    def validate(
        self, model: Detector, held_out: Objects, mean: Sequence[float], std: Sequence[float], machine: Machine, batch_size: int
    ) -> dict[str, Any]:
        """What `average_precision` finds. The model knows `mean` and `std`."""
        return average_precision(model, held_out, machine.shard, batch_size)

    def describe(self, model: Detector) -> dict[str, Any]:
        return {"model": dataclasses.asdict(model.config), "head": description(model)}

    def save(self, model: nn.Module, path: Path, header: dict[str, Any]) -> None:
        save_dense(model, path, header)


def singles(objects: Instances) -> Instances:
    """The objects that are no crowds: their boxes, classes and masks."""
    kept = ~objects["crowd"] if "crowd" in objects else torch.ones_like(objects["classes"], dtype=torch.bool)
    return {name: objects[name][kept] for name in ("boxes", "classes", "masks") if name in objects}


@torch.inference_mode()
def average_precision(
    model: Detector, data: Objects, shard: slice = slice(None), batch_size: int = 1, per_class: bool = False, **grids: Any
) -> dict[str, Any]:
    """How well a model finds the objects of whole pictures, as COCO counts (pycocotools through torchmetrics).

    Runs in float32 and eval mode. shard: only these pictures (the processes of a training put their answers together). batch_size: pictures
    at once, as far as neighbours in the list have the same size. grids: G1 and G2, as for the model's `forward`.
    Returns, for boxes: "ap", the mean over the IoU thresholds 0.5, 0.55, ..., 0.95; "ap50" and "ap75", at one threshold; "ap_small",
    "ap_medium" and "ap_large", of objects of fewer than 32 x 32 pixels, up to 96 x 96 and more. For masks, if the model and the data have
    them, the same with "mask_" before. All in 0..1, means over the classes; None where there is no such object, but "ap50" is then 0.
    per_class: add "ap_of_classes" (and "mask_ap_of_classes"), for each class. At most 100 boxes of a picture count.
    """
    from torchmetrics.detection import MeanAveragePrecision  # seconds to import

    masks = "masks" in model.needs and data.masks
    kinds = {"bbox": "", **({"segm": "mask_"} if masks else {})}
    found = MeanAveragePrecision(
        iou_type=tuple(kinds), max_detection_thresholds=list(MOST_BOXES), class_metrics=per_class, backend="pycocotools"
    )
    found.warn_on_many_detections = False
    training, device = model.training, next(model.parameters()).device
    model.eval()
    for chunk in torch.arange(len(data))[shard].split(batch_size):
        taken = data.take(chunk.tolist())
        same = len({pixels.shape for pixels, _ in taken}) == 1  # pictures of several sizes are padded, and see their padding
        for some in [taken] if same else [[one] for one in taken]:
            answers = model([pixels.to(device).float() / 255 for pixels, _ in some], **grids)
            found.update([_answer(model, answer, masks) for answer in answers], [_truth(objects, masks) for _, objects in some])
    model.train(training)
    measured: dict[str, Any] = dict(found.compute())
    figures: dict[str, Any] = {}
    for kind, prefix in kinds.items():
        named = {name: measured[f"{kind}_{theirs}" if len(kinds) > 1 else theirs].item() for name, theirs in FIGURES.items()}
        figures |= {f"{prefix}{name}": None if value < 0 else value for name, value in named.items()}
        if per_class:
            values = measured[f"{kind}_map_per_class" if len(kinds) > 1 else "map_per_class"].reshape(-1).tolist()
            there = dict(zip(measured["classes"].reshape(-1).tolist(), values, strict=True))
            listed = [there.get(label, -1) for label in range(len(data.classes))]
            figures[f"{prefix}ap_of_classes"] = [None if value < 0 else value for value in listed]
    return figures | {"ap50": figures["ap50"] or 0.0}


def _answer(model: Detector, answer: dict[str, Tensor], masks: bool) -> dict[str, Tensor]:
    """A model's answer as torchmetrics takes it."""
    shown = {"boxes": answer["boxes"].cpu(), "scores": answer["scores"].cpu(), "labels": model.to_classes(answer["labels"]).cpu()}
    return shown | ({"masks": answer["masks"][:, 0].cpu() > 0.5} if masks else {})


def _truth(objects: Instances, masks: bool) -> dict[str, Tensor]:
    """A picture's objects as torchmetrics takes them."""
    truth = {"boxes": objects["boxes"], "labels": objects["classes"]}
    if "area" in objects:
        truth["area"] = objects["area"]
    if "crowd" in objects:
        truth["iscrowd"] = objects["crowd"].long()
    return {name: value.cpu() for name, value in truth.items()} | ({"masks": objects["masks"].cpu().bool()} if masks else {})
