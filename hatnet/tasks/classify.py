"""Classification: a class for each image, or for each of several places in it (cards)."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hatnet.augment import BOX, augmented, erased, mixer
from hatnet.cards import Cards
from hatnet.checkpoints import save_checkpoint
from hatnet.data import IGNORED, Images, generator
from hatnet.evaluation import accuracy, predict
from hatnet.guessing import guessing_loss
from hatnet.machine import Machine
from hatnet.model import HATNet
from hatnet.preprocessing import normalise
from hatnet.recipe import Recipe
from hatnet.tasks.task import Batch, Column, Step, Task


class Classify(Task):
    """Batches are images [b, 3, side, side], labels and weights of the labels."""

    word, figure, title, recipe = "classify", "accuracy", "accuracy", "compact"

    def check(self, recipe: Recipe) -> None:
        if recipe.augment == "scaled":
            raise ValueError('augment is "scaled", which is for masks; wanted shift, resized or none')

    def batch(self, taken: Sequence[Column], step: Step) -> Batch:
        """images: augmented and normalised, float32 [b, 3, side, side]. labels: int64 [b], or [b, ...] for several places; where images are
        mixed, each class's share, float32 [b, classes]. weights: of the labels. Sets torch's random numbers to those of the step if images
        are mixed."""
        recipe, (pixels, labels, weights) = step.recipe, taken
        images = normalise(augmented(pixels, recipe, step.size[0], step.draw), step.mean, step.std)
        if recipe.erase:
            images = erased(images, recipe.erase, step.draw(4, BOX + 1))
        if mix := mixer(recipe, step.classes):
            torch.manual_seed(generator(recipe.seed, 5, step.number).initial_seed())
            images, labels = mix(images, labels)
        return images, labels, weights

    def loss(self, forward: Callable[..., Any], part: Batch, recipe: Recipe, class_weights: Tensor | None) -> Tensor:
        images, labels, weights = part
        logits, smoothing = forward(images).float(), recipe.label_smoothing
        losses = F.cross_entropy(logits, labels, class_weights, reduction="none", ignore_index=IGNORED, label_smoothing=smoothing)
        return (losses * weights).sum()

    def validate(
        self, model: HATNet, held_out: Images, mean: Sequence[float], std: Sequence[float], machine: Machine, batch_size: int
    ) -> dict[str, Any]:
        predicted = predict(model, held_out, mean, std, machine.shard, batch_size)
        return {"accuracy": machine.mean(accuracy(predicted, held_out)) * machine.world}

    def describe(self, model: HATNet) -> dict[str, Any]:
        return {"model": dataclasses.asdict(model.config)}

    def save(self, model: nn.Module, path: Path, header: dict[str, Any]) -> None:
        save_checkpoint(model, path, header)

    def guessing(self, recipe: Recipe, data: Images | Cards, class_weights: Tensor | None) -> float | None:
        return guessing_loss(recipe, data, class_weights)
