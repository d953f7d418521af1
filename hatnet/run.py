"""The files of a training run: its configuration, the state to resume from, the checkpoints and the metrics."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hatnet.files import atomic_write, brief, parse_json
from hatnet.optimiser import adamw, freeze
from hatnet.ranges import Flag, Many, Number, Range, Table, Whole, Word, check
from hatnet.recipe import Recipe
from hatnet.tasks.task import Task

WRITE_ERRORS = (OSError, SafetensorError)
_STEPS = Whole(0, 10**12)
# What a state holds beside the weights, and what `train_small.py` needs of config.json.
FIGURES: dict[str, Range] = {
    "step": _STEPS,
    "best": Number(-1, 1),
    "waited": _STEPS,
    "losses": Many(Number(-1e300, 1e300), 0, 10**6),
    "recent": Many(Number(-1e300, 1e300), 0, 10**6),
    "warned": Flag(),
}
BEFORE = {"waited": 0, "recent": [], "warned": False}  # what states of earlier versions lack
CONFIG: dict[str, Range] = {
    "arguments": Table(),
    "steps": _STEPS,
    "processes": Whole(1, 10**6),
    "recipe": Table(),
    "model": Table(),
    "mean": Many(Number(-10, 10), 3, 3),
    "std": Many(Number(0, 10, above=True), 3, 3),
    "machine": Word(),
}


@dataclass
class State:
    """All that changes during a training run. `load` restores what `save` wrote."""

    model: Any  # what the task trains: a HATNet, or a model of hatnet.dense
    optimiser: torch.optim.Optimizer
    averaged: AveragedModel | None
    step: int = 0  # how many are done
    best: float = -1.0  # the best of the task's figure so far on the held-out images
    waited: int = 0  # epochs since then
    losses: list[float] = field(default_factory=list)  # since the last line of metrics.jsonl
    recent: list[float] = field(default_factory=list)  # of the last `guessing.WINDOW` steps up to that line
    warned: bool = False  # whether the run has been called no better than guessing

    @property
    def kept(self) -> Any:
        """The model to validate and to keep: the running mean of the weights, if there is one."""
        return self.averaged.module if self.averaged else self.model

    def judge(self, figure: float) -> None:
        """Take note of the task's figure on the held-out images after an epoch."""
        self.waited = 0 if figure > self.best else self.waited + 1
        self.best = max(self.best, figure)

    def save(self, path: Path) -> None:
        """Write everything, atomically."""
        parts = {name: getattr(self, name).state_dict() for name in self._parts()}
        with atomic_write(path) as partial, open(partial, "wb") as file:  # opened here, so that a full disk is an OSError
            torch.save(parts | {name: getattr(self, name) for name in FIGURES}, file)

    def load(self, path: Path) -> None:
        """Read what `save` wrote. Raises ValueError for any other file."""
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True)
            if not Table().holds(saved):
                raise ValueError(f"it holds a {type(saved).__name__}")
            figures = BEFORE | saved
            check(figures, FIGURES)
            for name in self._parts():
                if name not in saved:
                    raise ValueError(f"{name} is missing")
                getattr(self, name).load_state_dict(saved[name])
        except Exception as error:  # torch raises almost anything, depending on the bytes
            raise ValueError(f"{path} is not a saved state of this model ({brief(error)}); start a new run") from None
        for name in FIGURES:
            setattr(self, name, figures[name])

    def _parts(self) -> list[str]:
        return ["model", "optimiser", "averaged"] if self.averaged else ["model", "optimiser"]


def begin(model: Any, recipe: Recipe) -> State:
    """The state before the first step. Raises ValueError if the recipe freezes more stages than there are."""
    freeze(model, recipe.freeze)
    optimiser = adamw(model, recipe)
    averaged = AveragedModel(model, multi_avg_fn=running_mean(recipe.ema)) if recipe.ema else None
    return State(model, optimiser, averaged)


def running_mean(decay: float) -> Callable:
    """torch's exponential moving average, with less decay at first: a short run would keep little but its first weights."""
    return lambda mean, new, n: get_ema_multi_avg_fn(min(decay, (1 + n.item()) / (10 + n.item())))(mean, new, n)


@dataclass(frozen=True)
class Run:
    """The folder of a training run, and the header shared by its checkpoints (each adds its own figures and step)."""

    folder: Path
    header: dict  # at least classes, mean, std, image_size and data

    def log_metrics(self, figures: dict) -> None:
        """Append a line to metrics.jsonl."""
        with open(self.folder / "metrics.jsonl", "a") as file:
            file.write(json.dumps(figures) + "\n")

    def keep(self, state: State, task: Task, measured: dict) -> None:
        """Write the checkpoints: last.safetensors always, best.safetensors if none was better (of equals, the one trained longer).

        measured: what the task's `validate` found, for their headers.
        """
        header = self.header | measured | {"step": state.step}
        for name in ("best", "last") if measured[task.figure] >= state.best else ("last",):
            task.save(state.kept, self.folder / f"{name}.safetensors", header)


def read_config(folder: Path) -> dict:
    """A run's config.json. Raises ValueError if there is none, and for one that is damaged, naming the line or the key."""
    path = folder / "config.json"
    try:
        config = parse_json(path.read_bytes(), path)
    except OSError as error:
        raise ValueError(f"{folder} is not a run ({error}): give a folder with config.json and state.pt") from None
    if not Table().holds(config):
        raise ValueError(f"{path} holds a {type(config).__name__}; wanted {Table()}")
    try:
        check(config, CONFIG)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return config


def write_config(folder: Path, config: dict) -> None:
    """Write a run's config.json, atomically."""
    with atomic_write(folder / "config.json") as partial:
        partial.write_text(json.dumps(config, indent=2) + "\n")


def keep_metrics(folder: Path, step: int) -> None:
    """Drop the lines of metrics.jsonl that a run wrote after the state that it continues from; it will write them again.

    So is a last line that was cut off. Raises ValueError for any other damage, naming the line.
    """
    path, kept = folder / "metrics.jsonl", b""
    try:
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n") and number == len(lines):
                break
            kept += line if _step(line, path, number) <= step else b""
        with atomic_write(path) as partial:
            partial.write_bytes(kept)
    except OSError as error:
        raise ValueError(f"{path} cannot be continued ({error})") from None


def _step(line: bytes, path: Path, number: int) -> int:
    """The step of a line of metrics.jsonl."""
    try:
        found = parse_json(line.rstrip(b"\r\n"), path, number)
        figures = found if isinstance(found, dict) else {}
        check(figures, {"step": _STEPS})
    except ValueError as error:
        where = "" if str(path) in str(error) else f"{path}, line {number}: "
        raise ValueError(f"{where}{error}; delete this line to continue the run") from None
    return figures["step"]
