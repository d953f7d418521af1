"""`train_small.py --task classify`, the default."""

import argparse
from typing import Any

import numpy as np

from hatnet import HATNet
from hatnet.commands import sheet
from hatnet.commands.arguments import fill_in
from hatnet.commands.evaluate import evaluate
from hatnet.commands.images import data_of
from hatnet.commands.model import build
from hatnet.commands.task import TaskCommand
from hatnet.config import from_fields
from hatnet.machine import Machine
from hatnet.recipe import Recipe
from hatnet.tasks import Classify
from hatnet.tasks.task import Batch, TrainingSet
from hatnet.training import Trainer


class ClassifyCommand(TaskCommand):
    task = Classify()

    def fill_in(self, args: argparse.Namespace) -> None:
        fill_in(args)

    def images(self, args: argparse.Namespace, config: dict | None, machine: Machine):
        return data_of(args, config, machine)

    def model(self, args: argparse.Namespace, config: dict | None, data: TrainingSet, recipe: Recipe) -> tuple[Any, Any]:
        if config:
            model, statistics = HATNet(from_fields(config["model"])), (config["mean"], config["std"])
        else:
            model, statistics = build(args, data.classes, recipe.drop_path)
        if (model.config.readout > 1) != (args.data == "cards"):
            wanted = "cards need a logit for each of 4 x 4 cells (readout=4), pictures have one label (readout=1)"
            raise ValueError(f"{wanted}; {args.model or args.init} has readout={model.config.readout}")
        if args.image_size < (least := model.config.strides[-1]):
            raise ValueError(
                f"image_size is {args.image_size}; a token of this model's last stage is {least} pixels wide: give at least {least}"
            )
        return model, statistics

    def tiles(self, trainer: Trainer, batch: Batch, most: int) -> tuple[np.ndarray, list[list[str]]]:
        images, labels, _ = (column[:most] for column in batch)
        return sheet.pictures(images, *trainer.statistics), [sheet.caption(label, trainer.data.classes) for label in labels.cpu()]

    def evaluate(self, args: argparse.Namespace) -> None:
        evaluate(args)
