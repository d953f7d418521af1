"""The trainer: recipes, the training loop (`optimise`), and what keeps a run's work safe (`train`).

All that a step draws at random follows from the recipe's seed and the step's number, so that a training that goes on after a
crash needs no random state: it is bit for bit the one that was never interrupted (same machine, same number of processes).
"""

import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

import torch
import torch.distributed
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchvision.transforms import v2
from tqdm import tqdm

from hatnet.cards import Cards
from hatnet.checkpoints import save_checkpoint
from hatnet.config import Config
from hatnet.data import IGNORED, Images, generator, normalise, shift_flip_cut
from hatnet.model import HATNet

LINE = 50  # steps from one line of metrics.jsonl to the next
WRITE_ERRORS = (OSError, SafetensorError)
SAVED = 60  # seconds from one saved state to the next, at most, plus a step


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How a model is trained: AdamW, a linear warm-up, then a cosine."""

    epochs: int
    batch_size: int  # images a step, for each process
    learning_rate: float  # after the warm-up
    betas: tuple[float, float] = (0.9, 0.999)
    warm_up: float = 0.05  # part of all steps
    final: float = 0.0  # where the cosine ends, as part of the learning rate
    weight_decay: float = 0.05  # none on norms and biases
    clip: float = 1.0  # largest norm of the gradient; 0: any
    label_smoothing: float = 0.1
    augment: str = "shift"  # "shift": `data.shift_flip_cut`; "resized": random resized crop and flip; "none"
    cut_out: float = 0.0  # side of the grey square of "shift", as part of the image's
    least_area: float = 0.08  # part of the image that a crop of "resized" keeps at least (torchvision's default)
    mixup: float = 0.0  # alpha; 0: none
    drop_path: float = 0.0  # stochastic depth of the last block
    first_side: float = 1.0  # side of the pictures at first, as part of the whole; it grows until `grown` (see `side`)
    grown: float = 0.7  # part of all steps after which the pictures are whole
    ema: float = 0.0  # above 0: what is kept is a running mean of the weights, with this decay a step (less at first)
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("learning_rate", 0), ("weight_decay", 0), ("mixup", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; wanted at least {least}")
        for name in ("label_smoothing", "drop_path", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; wanted from 0 up to, not including, 1")
        if self.augment not in ("shift", "resized", "none"):
            raise ValueError(f"unknown augment {self.augment!r}; the choices are shift, resized, none")
        if self.grown <= 0:
            raise ValueError(f"grown is {self.grown}; wanted a part of all steps, above 0")
        for name, least in (("first_side", 0.25), ("least_area", 0.01)):
            if not least <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; wanted a part of the whole picture, from {least} to 1")


RECIPES = {
    "compact": Recipe(epochs=18, batch_size=128, learning_rate=2e-3, cut_out=0.25, ema=0.998),
    # Section 4.1: 300 epochs, 128 images for each of 8 GPUs, 1e-3, mixup, label smoothing; "as DeiT", which adds the warm-up of 5
    # epochs, alpha 0.8, stochastic depth and no clipping.
    "paper": Recipe(epochs=300, batch_size=128, learning_rate=1e-3, warm_up=5 / 300, clip=0.0, augment="resized", mixup=0.8, drop_path=0.1),
    "cards": Recipe(
        epochs=7,
        batch_size=64,
        learning_rate=4e-3,
        betas=(0.9, 0.98),
        warm_up=1 / 7,
        final=0.02,
        weight_decay=0.01,
        label_smoothing=0.0,
        augment="none",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What a training runs on: this process's device, and its place among `world` processes."""

    device: torch.device
    bfloat16: bool = False  # autocast
    compiled: bool = False
    rank: int = 0
    world: int = 1

    def mean(self, value: float) -> float:
        """The mean over all processes."""
        if self.world == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64 if self.device.type != "mps" else torch.float32, device=self.device)
        torch.distributed.all_reduce(total)
        return total.item() / self.world


@dataclass
class State:
    """All that changes during a training; what `save` writes, `load` brings back."""

    model: HATNet
    optimiser: torch.optim.Optimizer
    averaged: AveragedModel | None
    step: int = 0  # how many are done
    best: float = -1.0  # the best accuracy so far on the held-out images
    losses: list[float] = field(default_factory=list)  # since the last line of metrics.jsonl

    @property
    def kept(self) -> HATNet:
        """The model to measure and to keep: the running mean of the weights, if there is one."""
        return self.averaged.module if self.averaged else self.model

    def save(self, path: Path) -> None:
        """Write all, atomically: a file that is there is whole."""
        parts = {name: getattr(self, name).state_dict() for name in self._parts()}
        partial = path.with_suffix(".partial")
        with open(partial, "wb") as file:  # so that a full disk is an OSError
            torch.save(parts | {"step": self.step, "best": self.best, "losses": self.losses}, file)
        os.replace(partial, path)

    def load(self, path: Path) -> None:
        """Read what `save` wrote. Raises ValueError for another file."""
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True)
            for name in self._parts():
                getattr(self, name).load_state_dict(saved[name])
            self.step, self.best, self.losses = saved["step"], saved["best"], saved["losses"]
        except Exception as error:  # torch raises whatever the bytes lead it to
            raise ValueError(f"{path} is no saved state of this model ({type(error).__name__}: {error}); train anew") from None

    def _parts(self) -> list[str]:
        return ["model", "optimiser", "averaged"] if self.averaged else ["model", "optimiser"]


def begin(model: HATNet, recipe: Recipe, device: torch.device) -> State:
    """The state before the first step."""
    model.to(device)
    decay = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)
    averaged = AveragedModel(model, multi_avg_fn=running_mean(recipe.ema)) if recipe.ema else None
    return State(model, optimiser, averaged)


def running_mean(decay: float) -> Callable:
    """torch's exponential moving average, with less decay at first: a short run would keep little but its first weights."""
    return lambda mean, new, n: get_ema_multi_avg_fn(min(decay, (1 + n.item()) / (10 + n.item())))(mean, new, n)


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate of a step, counted from 0."""
    warm_up = max(1, round(recipe.warm_up * steps))
    if step < warm_up:
        return recipe.learning_rate * (step + 1) / warm_up
    cosine = (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up))) / 2
    return recipe.learning_rate * (recipe.final + (1 - recipe.final) * cosine)


def side(recipe: Recipe, config: Config, step: int, steps: int, whole: int) -> int:
    """Side of a step's pictures, in pixels: from `first_side` of the whole it grows until `grown` of all steps are done.

    No weight knows the size of the map, nor G1 and G2, so a model may see small pictures first: fewer tokens, cheaper steps.
    Rounded to whole windows of the first stage.
    """
    part = recipe.first_side + (1 - recipe.first_side) * step / (recipe.grown * steps)
    if part >= 1:
        return whole
    window = config.strides[0] * (config.g1[0] if config.g1 else 1)
    return min(whole, max(config.strides[-1], round(part * whole / window) * window))


def mean_area(recipe: Recipe) -> float:
    """The mean area of all steps' pictures, as part of the whole, without the rounding of `side`."""
    growing = (1 + recipe.first_side + recipe.first_side**2) / 3
    return recipe.grown * growing + 1 - recipe.grown


def optimise(
    state: State, data: Images | Cards, recipe: Recipe, steps: int, machine: Machine, mean: list[float], std: list[float]
) -> Iterator[float]:
    """The training loop: goes on from `state` up to `steps` and yields the loss after each step.

    mean, std: of each channel, of pixels in 0..1. Raises FloatingPointError, before it touches the weights, where loss or
    gradient is no longer a number.
    """
    net, device, on_cpu = state.model.train(), machine.device, machine.device.type == "cpu"
    if machine.world > 1:
        net = DistributedDataParallel(net, device_ids=None if on_cpu else [device])
    if machine.compiled:
        net = torch.compile(net)
    mixup = v2.MixUp(alpha=recipe.mixup, num_classes=len(data.classes)) if recipe.mixup else None
    part, count = slice(machine.rank, None, machine.world), recipe.batch_size * machine.world
    while state.step < steps:
        learning_rate = rate(recipe, state.step, steps)
        for group in state.optimiser.param_groups:
            group["lr"] = learning_rate
        torch.manual_seed(generator(recipe.seed, 1, state.step, machine.rank).initial_seed())  # for dropout, mixup and their like
        pixels, labels, weights = data.batch(state.step, steps, count, recipe.seed, part)
        pixels, whole = augment(pixels, recipe, state.step, count, part), pixels.shape[-1]
        if (small := side(recipe, state.model.config, state.step, steps, whole)) < whole:
            pixels = v2.functional.resize(pixels, [small, small])
        images = normalise(pixels.to(device), mean, std)
        labels, weights = labels.to(device), weights.to(device)
        if mixup:
            images, labels = mixup(images, labels)
        # On a CPU in bfloat16 the backward pass of fused attention is by far the slower one for many small windows.
        with torch.autocast(device.type, torch.bfloat16, enabled=machine.bfloat16):
            logits = net(images, explicit=machine.bfloat16 and on_cpu)
        losses = F.cross_entropy(logits.float(), labels, reduction="none", ignore_index=IGNORED, label_smoothing=recipe.label_smoothing)
        loss = (losses * weights).sum() / len(images)
        state.optimiser.zero_grad()
        loss.backward()
        size = nn.utils.clip_grad_norm_(state.model.parameters(), recipe.clip or math.inf)
        value = machine.mean(loss.item())
        if not math.isfinite(value + size.item()):
            where = f"at step {state.step}, learning rate {learning_rate:.2g}"
            raise FloatingPointError(f"{where}, the loss is {value} and the norm of its gradient {size.item()}")
        state.optimiser.step()
        if state.averaged:
            state.averaged.update_parameters(state.model)
        state.step += 1
        yield value


def augment(pixels: Tensor, recipe: Recipe, step: int, count: int, part: slice) -> Tensor:
    """The recipe's augmentation of a part of step's batch of `count` images: uint8 [b, 3, h, w] -> the same shape."""
    if recipe.augment == "shift":
        random = generator(recipe.seed, 2, step)  # the same numbers for an image, however many processes share the batch
        return shift_flip_cut(pixels, recipe.cut_out, lambda n: torch.rand(count, n, generator=random)[part])
    if recipe.augment == "resized":
        transform = v2.Compose([v2.RandomResizedCrop(pixels.shape[-1], scale=(recipe.least_area, 1.0)), v2.RandomHorizontalFlip()])
        return torch.stack([transform(image) for image in pixels])
    return pixels


@torch.inference_mode()
def predict(model: HATNet, data: Images, mean: list[float], std: list[float], part: slice = slice(None), batch_size: int = 100) -> Tensor:
    """The class that the model names for each image (each place): int64, as `data.labels`. Float32, eval mode.

    part: only these images; the others get -1, which is no class.
    """
    training, device = model.training, next(model.parameters()).device
    model.eval()
    predicted = torch.full_like(data.labels, -1)
    for index in torch.arange(len(data))[part].split(batch_size):
        predicted[index] = model(normalise(data.pixels[index].to(device), mean, std)).argmax(dim=1).cpu()
    model.train(training)
    return predicted


def confusion(predicted: Tensor, data: Images) -> Tensor:
    """How often class t (row) was taken for class p (column): counts, int64 [classes, classes]."""
    real, n = data.labels != IGNORED, len(data.classes)
    return torch.bincount(data.labels[real] * n + predicted[real], minlength=n * n).view(n, n)


def accuracy(predicted: Tensor, data: Images) -> float:
    """The part of all images that are right; where an image has several answers, each counts by its weight."""
    right = (predicted == data.labels).float()
    return (right if data.weights is None else (right * data.weights).flatten(1).sum(1)).mean().item()


def fix_steps(
    minutes: float, state: State, data: Images | Cards, watched: Images, recipe: Recipe, machine: Machine, mean: list, std: list
) -> int:
    """How many steps fit into so many minutes, with a measurement after each epoch; changes `state`: give a copy. Steps >= 1."""
    step = seconds_per_step(state, data, replace(recipe, grown=math.inf), machine, mean, std)
    if recipe.first_side < 1:  # a step takes a + b * side^2
        whole = seconds_per_step(state, data, replace(recipe, first_side=1.0), machine, mean, std)
        step += (whole - step) * (mean_area(recipe) - recipe.first_side**2) / (1 - recipe.first_side**2)
    start = time.perf_counter()
    predict(state.kept, watched, mean, std)
    measuring = machine.mean((time.perf_counter() - start) / machine.world)
    per_epoch = len(data) // (recipe.batch_size * machine.world)
    return max(1, int((minutes * 60 - measuring) / (step + measuring / per_epoch)))


def seconds_per_step(state: State, data: Images | Cards, recipe: Recipe, machine: Machine, mean: list, std: list) -> float:
    """The median of the next steps, up to 20 or for 20 seconds; changes `state`."""
    times = [time.perf_counter()]
    for _ in optimise(state, data, recipe, state.step + 20, machine, mean, std):
        times.append(time.perf_counter())
        if machine.mean(times[-1] - times[0]) > 20 and len(times) > 4:
            break
    return machine.mean(median(after - before for before, after in pairwise(times[2:])))  # the first steps are slow


def train(
    state: State,
    data: Images | Cards,
    watched: Images,
    recipe: Recipe,
    steps: int,
    machine: Machine,
    folder: Path,
    info: dict,
) -> bool:
    """Train from `state` to `steps`, and keep in `folder` all that is needed to use the model, to judge it and to go on.

    watched: images that are not trained on; the model's accuracy on them after each epoch decides which is "best".
    info: the checkpoints' header, at least classes, mean, std, image_size and data. Written, always as whole files:
    last.safetensors and best.safetensors after each epoch, state.pt then and every minute; metrics.jsonl gets a line every LINE
    steps and after each epoch. Returns False if it was asked to stop (Ctrl-C or SIGTERM), after the state is saved.
    Raises ValueError if the loss is no longer a number, or if nothing can be written.
    """
    mean, std, first = info["mean"], info["std"], machine.rank == 0
    count = recipe.batch_size * machine.world
    per_epoch = len(data) // count
    asked: list[int] = []  # signals that came
    before = {number: signal.signal(number, lambda number, _: asked.append(number)) for number in (signal.SIGINT, signal.SIGTERM)}
    bar = tqdm(total=steps * count, initial=state.step * count, unit="image", unit_scale=True, disable=None if first else True)
    saved = since = time.perf_counter()  # when the last state was saved, and the last line written
    done, seen = state.step, ""  # the step of the last line, and the accuracy to show
    try:
        for loss in optimise(state, data, recipe, steps, machine, mean, std):
            state.losses.append(loss)
            bar.set_postfix_str(f"loss {loss:.3f}{seen}", refresh=False)
            bar.update(count)
            epoch_ends = state.step % per_epoch == 0 or state.step == steps
            if epoch_ends or state.step % LINE == 0:
                figures = {
                    "step": state.step,
                    "epoch": state.step / per_epoch,
                    "loss": fmean(state.losses),
                    "learning_rate": rate(recipe, state.step - 1, steps),
                    "images_per_second": (state.step - done) * count / (time.perf_counter() - since),
                }
                if epoch_ends:
                    figures["accuracy"] = measure(state, watched, machine, mean, std)
                    seen = f", accuracy {figures['accuracy']:.1%}"
                if first:
                    write(state, folder, figures, info)
                state.best, state.losses = max(state.best, figures.get("accuracy", -1.0)), []
                since, done = time.perf_counter(), state.step
            stop = machine.mean(len(asked)) > 0
            if first and (epoch_ends or stop or time.perf_counter() - saved > SAVED):
                state.save(folder / "state.pt")
                saved = time.perf_counter()
            if stop and state.step < steps:
                return False
        return True
    except FloatingPointError as error:
        good = folder / "last.safetensors" if state.best >= 0 else "none yet"
        raise ValueError(f"{error}; the last good checkpoint: {good}; lower the learning rate") from None
    except WRITE_ERRORS as error:
        raise ValueError(f"could not write to {folder} ({error}): make room, then go on from its last state with --resume") from None
    finally:
        bar.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def write(state: State, folder: Path, figures: dict, info: dict) -> None:
    """A line of metrics.jsonl; where it has an accuracy, the checkpoints too."""
    with open(folder / "metrics.jsonl", "a") as file:
        file.write(json.dumps(figures) + "\n")
    if "accuracy" in figures:
        header = info | {name: figures[name] for name in ("accuracy", "step")}
        for name in ("best", "last") if figures["accuracy"] >= state.best else ("last",):  # of equals the one trained longer
            save_checkpoint(state.kept, folder / f"{name}.safetensors", header)


def measure(state: State, watched: Images, machine: Machine, mean: list[float], std: list[float]) -> float:
    """Accuracy on the held-out images, each process measuring its share of them."""
    predicted = predict(state.kept, watched, mean, std, slice(machine.rank, None, machine.world))
    return machine.mean(accuracy(predicted, watched)) * machine.world
