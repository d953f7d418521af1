"""What the command line asks of a task, beside what the training loop asks (`hatnet.tasks.task`)."""

import argparse
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from hatnet.fingerprint import Identity
from hatnet.machine import Machine
from hatnet.recipe import Recipe
from hatnet.tasks import Task
from hatnet.tasks.task import Batch, TrainingSet
from hatnet.training import Trainer


class TaskCommand(ABC):
    """A task at the command line: its options, images and model, and how it prints. Every method raises ValueError for what is wrong."""

    task: Task

    @abstractmethod
    def fill_in(self, args: argparse.Namespace) -> None:
        """Set what the command line leaves open (model, image size), and refuse the options that mean nothing here. The arguments of a run
        that goes on are those that were set in its beginning."""

    @abstractmethod
    def images(self, args: argparse.Namespace, config: dict | None, machine: Machine) -> tuple[TrainingSet, Any, Identity]:
        """The images to train on, the held-out ones, as the task's `validate` takes them, and the identity of both.

        config: of a run that is resumed, whose images must be the same.
        """

    @abstractmethod
    def model(self, args: argparse.Namespace, config: dict | None, data: TrainingSet, recipe: Recipe) -> tuple[Any, Any]:
        """A new model, or one that is built again as a run's config.json says (without its weights); and the mean and standard deviation of
        its input, or None for those of the images."""

    def header(self, data: TrainingSet) -> dict[str, Any]:
        """What the headers of this task's checkpoints say beside classes, mean, std, image_size, data, split, recipe and figures."""
        return {}

    @abstractmethod
    def tiles(self, trainer: Trainer, batch: Batch, most: int) -> tuple[np.ndarray, list[list[str]]]:
        """For --show-batch: at most `most` images of a batch as people see them, uint8 [n, h, w, 3], and the lines of text under each."""

    @abstractmethod
    def evaluate(self, args: argparse.Namespace) -> None:
        """`eval`: print what a checkpoint of this task is worth on some data."""
