"""What the training loop asks of a task. A task is a set of rules without a state: the model, the recipe and the images are the trainer's.

To add one: a subclass of `Task` and a line in `hatnet.tasks.TASKS`; a set of images as `TrainingSet` says; and a subclass of
`hatnet.commands.task.TaskCommand`, which reads the command line, with a line in `hatnet.commands.tasks`. The loop, its files, the
resuming, the budget, the precision, the processes and the progress are then there.

A *batch* is a tuple of columns, each a tensor or a list with one entry for each image, so that pictures of several sizes and varying
numbers of objects fit: (images [b, 3, h, w], labels [b], weights [b]), or (list of images, list of dicts of boxes and labels).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from hatnet.machine import Machine
from hatnet.recipe import Recipe

Column = Tensor | list
Batch = tuple[Column, ...]


class TrainingSet(Protocol):
    """The images that a trainer trains on: `data.Images`, `cards.Cards`, ..."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, in pixels, of the images that the model is given at the full size."""

    @property
    def nbytes(self) -> int:
        """Bytes of decoded pictures that are held in memory."""

    @property
    def lazy(self) -> bool:
        """Whether each batch is read from files, which a thread then does ahead of the step."""

    @property
    def device(self) -> torch.device:
        """Where the tensors of its batches lie."""

    def __len__(self) -> int: ...

    def statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel, for pixels in 0..1."""

    def on(self, device: torch.device) -> "TrainingSet":
        """The same images on a device. Asked for only if `nbytes` is not 0."""

    def class_counts(self) -> Tensor:
        """How many labels each class has. Raises ValueError if they cannot be counted."""

    def batch(self, step: int, steps: int, count: int, seed: int, shard: slice) -> Sequence[Column]:
        """A shard of the `count` images of a step (of `steps`), as they are before augmentation. They depend on these numbers alone."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What there is to know of a training step when its batch is augmented."""

    number: int  # from 0
    recipe: Recipe
    size: tuple[int, int]  # height and width of the images, in pixels
    mean: Tensor  # of each channel, for pixels in 0..1, on the device
    std: Tensor
    classes: int
    draw: Callable[[int, int], Tensor]  # draw(kind, n): n random numbers in 0..1 for each image, [b, n], other ones for each kind


class Task(ABC):
    """What differs from task to task."""

    word: ClassVar[str]  # of --task, and in the header of a checkpoint
    figure: ClassVar[str]  # the name of what `validate` measures, in metrics.jsonl and in headers: 0..1, the larger the better
    title: ClassVar[str]  # the same, as people read it
    recipe: ClassVar[str]  # the one of `RECIPES` that is taken if none is named

    def check(self, recipe: Recipe) -> None:  # noqa: B027 (most recipes suit)
        """Raise ValueError for a recipe that does not suit the task."""

    @abstractmethod
    def batch(self, taken: Sequence[Column], step: Step) -> Batch:
        """What `TrainingSet.batch` gave, on the device, augmented and normalised. All its random numbers come from `step.draw`, or from
        torch after a seed that follows from the recipe's and the step's number."""

    @abstractmethod
    def loss(self, forward: Callable[..., Any], part: Batch, recipe: Recipe, class_weights: Tensor | None) -> Tensor:
        """The sum over the images of a part of a batch of their losses; the trainer divides by the images of the step.

        forward: calls the network in training mode, in the precision of the run. class_weights: of each class, or None.
        """

    @abstractmethod
    def validate(
        self, model: Any, held_out: Any, mean: Sequence[float], std: Sequence[float], machine: Machine, batch_size: int
    ) -> dict[str, Any]:
        """What a model is worth on held-out images, of which each process takes its share (`Machine.shard`): `figure` and perhaps more, as
        JSON holds it; the same in all processes."""

    @abstractmethod
    def describe(self, model: Any) -> dict[str, Any]:
        """What a run's config.json says of its model, so that it can be built again: "model", its `Config`, and perhaps more."""

    @abstractmethod
    def save(self, model: nn.Module, path: Path, header: dict[str, Any]) -> None:
        """Write a checkpoint, atomically. header: with what `validate` measured."""

    def guessing(self, recipe: Recipe, data: Any, class_weights: Tensor | None) -> float | None:
        """The training loss of the best answer that looks at no image (`hatnet.guessing`); None if nobody knows."""
        return None
