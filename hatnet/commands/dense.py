"""What the tasks on a feature pyramid share at the command line: which model a command line means, and where its weights come from."""

import argparse
import dataclasses
import sys
from abc import abstractmethod
from pathlib import Path
from typing import Any

from torch import Tensor

from hatnet.checkpoints import CheckpointInfo, checkpoint_info, task_of
from hatnet.commands.model import overrides
from hatnet.commands.task import TaskCommand
from hatnet.config import configuration, from_fields
from hatnet.dense.checkpoints import DenseInfo, build_dense, dense_info, load_dense
from hatnet.dense.detection import Detector
from hatnet.dense.pyramid import Dense, body_of
from hatnet.depth import BODY
from hatnet.foreign import SUFFIXES
from hatnet.recipe import Recipe
from hatnet.tasks.task import TrainingSet

MODEL, CHANNELS = "hatnet_compact224", 128
# What a model has for each class: new where the classes are new.
CLASSIFIERS = (
    "head.classifier.",
    "head.classification_head.cls_logits.",
    "roi_heads.box_predictor.",
    "roi_heads.mask_predictor.mask_fcn_logits.",
)


class DenseCommand(TaskCommand):
    """A task whose model is a head on the pyramid of a HAT-Net."""

    @abstractmethod
    def head(self, args: argparse.Namespace) -> dict[str, Any]:
        """The head that the command line means, as `build_dense` takes it."""

    def starts_from(self, args: argparse.Namespace, *needed: str) -> CheckpointInfo | DenseInfo | None:
        """Set --model if neither it nor --init is there. Returns what is known of --init, if one of the `needed` arguments is left open: a
        run that goes on has them all, and --init may be gone.

        Raises ValueError for an --init that cannot be taken.
        """
        if args.init and Path(args.init).suffix in SUFFIXES:
            raise ValueError(f"--init {args.init}: --task {self.task.word} takes a checkpoint of hatnet, like objects224")
        if args.init and args.model:
            raise ValueError(f"--init {args.init} brings its own architecture; leave --model {args.model} out")
        if not (args.init or args.model):
            args.model = MODEL
        if not args.init or all(getattr(args, name) for name in needed):
            return None
        return checkpoint_info(args.init) if task_of(args.init) == "classify" else dense_info(args.init, self.task.word)

    def model(self, args: argparse.Namespace, config: dict | None, data: TrainingSet, recipe: Recipe) -> tuple[Dense, Any]:
        if config:
            model, statistics = (
                build_dense(from_fields(config["model"]), config.get("head", {}), len(data.classes)),
                (config["mean"], config["std"]),
            )
        else:
            model, statistics = self._new(args, data, recipe)
        if isinstance(model, Detector):
            model.normalise_by(*statistics)
        return model, statistics

    def _new(self, args: argparse.Namespace, data: TrainingSet, recipe: Recipe) -> tuple[Dense, Any]:
        """A new model, with the weights of --init that fit; and mean and standard deviation of its input."""
        fields: dict[str, Any] = {"drop_path": recipe.drop_path} | overrides(args)
        statistics: Any = None
        taken: dict[str, Tensor] = {}
        if not args.init:
            configuration(args.model)  # a variant, not a checkpoint
            source = body_of(args.model)[0].config
        elif task_of(args.init) == "classify":
            body, known = body_of(args.init)
            source, statistics = body.config, (known.mean, known.std) if known else None
            taken = {f"{BODY}{name}": value for name, value in body.state_dict().items()}
        else:
            info = dense_info(args.init, self.task.word)
            source, statistics, taken = info.config, (info.mean, info.std), load_dense(args.init).state_dict()
            if info.classes != data.classes:
                taken = {name: value for name, value in taken.items() if not name.startswith(CLASSIFIERS)}
        model = build_dense(dataclasses.replace(source, **fields), self.head(args), len(data.classes))
        own = model.state_dict()
        taken = {name: value for name, value in taken.items() if name in own and own[name].shape == value.shape}
        model.load_state_dict(own | taken)
        if args.init:
            share = sum(value.numel() for value in taken.values()) / sum(value.numel() for value in own.values())
            if share < 0.01:
                raise ValueError(f"--init {args.init}: almost none of its weights fit with {fields}")
            print(f"{int(1000 * share) / 10:g}% of the weights come from {args.init}; the others are new", file=sys.stderr)
        return model, statistics or data.statistics()
