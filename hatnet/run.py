"""The files of a training run: the state to resume from, the checkpoints and the metrics."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hatnet.checkpoints import save_checkpoint
from hatnet.files import atomic_write
from hatnet.model import HATNet
from hatnet.recipe import Recipe

WRITE_ERRORS = (OSError, SafetensorError)


@dataclass
class State:
    """All that changes during a training run. `load` restores what `save` wrote."""

    model: HATNet
    optimiser: torch.optim.Optimizer
    averaged: AveragedModel | None
    step: int = 0  # how many are done
    best: float = -1.0  # the best accuracy so far on the held-out images
    losses: list[float] = field(default_factory=list)  # since the last line of metrics.jsonl

    @property
    def kept(self) -> HATNet:
        """The model to validate and to keep: the running mean of the weights, if there is one."""
        return self.averaged.module if self.averaged else self.model

    def save(self, path: Path) -> None:
        """Write everything, atomically."""
        parts = {name: getattr(self, name).state_dict() for name in self._parts()}
        with atomic_write(path) as partial, open(partial, "wb") as file:  # opened here, so that a full disk is an OSError
            torch.save(parts | {"step": self.step, "best": self.best, "losses": self.losses}, file)

    def load(self, path: Path) -> None:
        """Read what `save` wrote. Raises ValueError for any other file."""
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True)
            for name in self._parts():
                getattr(self, name).load_state_dict(saved[name])
            self.step, self.best, self.losses = saved["step"], saved["best"], saved["losses"]
        except Exception as error:  # torch raises almost anything, depending on the bytes
            raise ValueError(f"{path} is not a saved state of this model ({type(error).__name__}: {error}); start a new run") from None

    def _parts(self) -> list[str]:
        return ["model", "optimiser", "averaged"] if self.averaged else ["model", "optimiser"]


def begin(model: HATNet, recipe: Recipe) -> State:
    """The state before the first step."""
    decay = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)
    averaged = AveragedModel(model, multi_avg_fn=running_mean(recipe.ema)) if recipe.ema else None
    return State(model, optimiser, averaged)


def running_mean(decay: float) -> Callable:
    """torch's exponential moving average, with less decay at first: a short run would keep little but its first weights."""
    return lambda mean, new, n: get_ema_multi_avg_fn(min(decay, (1 + n.item()) / (10 + n.item())))(mean, new, n)


@dataclass(frozen=True)
class Run:
    """The folder of a training run, and the header shared by its checkpoints (each adds its own accuracy and step)."""

    folder: Path
    header: dict  # at least classes, mean, std, image_size and data

    def log_metrics(self, state: State, figures: dict) -> None:
        """Append a line to metrics.jsonl; if it has an accuracy, write the checkpoints too.

        last.safetensors always, best.safetensors if none was better (of equals, the one trained longer).
        """
        with open(self.folder / "metrics.jsonl", "a") as file:
            file.write(json.dumps(figures) + "\n")
        if "accuracy" in figures:
            header = self.header | {name: figures[name] for name in ("accuracy", "step")}
            for name in ("best", "last") if figures["accuracy"] >= state.best else ("last",):
                save_checkpoint(state.kept, self.folder / f"{name}.safetensors", header)
