"""The trainer: the training loop (`Trainer.optimise`), and the loop that saves its work (`Trainer.train`).

All random numbers of a step follow from the recipe's seed and the step's number. So a run that is resumed after a crash needs
no random state: its result is bit for bit that of one that was never interrupted (same machine, same number of processes).
"""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from statistics import fmean
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torchvision.transforms import v2
from tqdm import tqdm

from hatnet.cards import Cards
from hatnet.data import IGNORED, Images, generator, shift_flip_cut
from hatnet.evaluation import accuracy, predict
from hatnet.guessing import WINDOW, advice, first_look, guessing_loss, is_guessing
from hatnet.machine import CPU, Machine, obeyed_signals, stop_signals
from hatnet.model import HATNet
from hatnet.preprocessing import normalise
from hatnet.recipe import Recipe, image_side
from hatnet.run import WRITE_ERRORS, Run, begin

LOG_EVERY = 50  # steps from one line of metrics.jsonl to the next
SAVE_EVERY = 60  # seconds from one saved state to the next, at most, plus a step
COMPILED_SIDES = 4  # sizes of the images in a run that compiles the model, which takes a minute or more for each size


class Trainer:
    """A model in training: on which images, by which recipe, on which machine.

    statistics: mean and standard deviation of each channel, for pixels in 0..1; by default, those of the images.
    """

    def __init__(
        self,
        model: HATNet,
        recipe: Recipe,
        data: Images | Cards,
        machine: Machine = CPU,
        statistics: tuple[Sequence[float], Sequence[float]] | None = None,
    ):
        self.recipe, self.data, self.machine = recipe, data, machine
        self.mean, self.std = statistics or data.statistics()
        self.class_weights = class_weights(recipe, data, machine.device)
        self.state = begin(model.to(machine.device), recipe)
        self.compiled: set[tuple[int, bool]] = set()  # by this `optimise`: the images' side, and whether in bfloat16

    @property
    def images_per_step(self) -> int:
        """Over all processes."""
        return self.recipe.batch_size * self.recipe.accumulate * self.machine.world

    @property
    def steps_per_epoch(self) -> int:
        return len(self.data) // self.images_per_step

    def optimise(self, steps: int) -> Iterator[float]:
        """The training loop: from the state's step to `steps`, yielding the loss after each.

        Raises FloatingPointError, before it touches the weights, if the loss or its gradient is no longer finite.
        """
        self.compiled, network = set(), self._network()
        mixup = v2.MixUp(alpha=self.recipe.mixup, num_classes=len(self.data.classes)) if self.recipe.mixup else None
        while self.state.step < steps and not self.out_of_patience:
            with self._compilation(steps):
                loss = self._step(network, mixup, steps)
            yield loss

    def _step(self, network: nn.Module, mixup: v2.MixUp | None, steps: int) -> float:
        """One step of `steps`. Returns the mean loss of all processes."""
        state, recipe = self.state, self.recipe
        learning_rate = recipe.learning_rate_at(state.step, steps)
        for group in state.optimiser.param_groups:
            group["lr"] = learning_rate * group.get("lr_scale", 1.0)  # states saved by earlier versions have no scale
        torch.manual_seed(generator(recipe.seed, 1, state.step, self.machine.rank).initial_seed())  # for dropout, mixup and the like
        images, labels, weights = self._batch(steps)
        if mixup:
            images, labels = mixup(images, labels)
        state.optimiser.zero_grad()
        loss = self._add_gradient(network, images, labels, weights)
        norm = nn.utils.clip_grad_norm_(state.model.parameters(), recipe.clip or math.inf).item()
        value = self.machine.mean(loss)
        if not math.isfinite(value + norm):
            where = f"at step {state.step}, learning rate {learning_rate:.2g}"
            raise FloatingPointError(f"{where}, the loss is {value} and the norm of its gradient {norm}")
        state.optimiser.step()
        if state.averaged:
            state.averaged.update_parameters(state.model)
        state.step += 1
        return value

    @property
    def out_of_patience(self) -> bool:
        """Whether the last `recipe.patience` epochs brought no better accuracy."""
        return 0 < self.recipe.patience <= self.state.waited

    def _add_gradient(self, network: Any, *batch: Tensor) -> float:
        """Add the gradient of this process's share of a step, `recipe.batch_size` images at a time. Returns the loss of the share."""
        parts = list(zip(*(tensor.split(self.recipe.batch_size) for tensor in batch), strict=True))
        total = 0.0
        for number, (images, labels, weights) in enumerate(parts, start=1):
            waits = self.machine.world > 1 and number < len(parts)  # the processes add up their gradients once, in the last part
            with network.no_sync() if waits else nullcontext():
                loss = (self._losses(network, images, labels) * weights).sum() / len(batch[0])
                loss.backward()
            total += loss.item()
        return total

    def _losses(self, network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        """The loss of each label, shaped as the labels."""
        device, smoothing = self.machine.device, self.recipe.label_smoothing
        # On a CPU in bfloat16, the backward pass of fused attention is by far the slower one for many small windows.
        explicit = self.machine.bfloat16 and device.type == "cpu"
        with torch.autocast(device.type, torch.bfloat16, enabled=self.machine.bfloat16):
            logits = network(images, explicit=explicit).float()
        return F.cross_entropy(logits, labels, self.class_weights, reduction="none", ignore_index=IGNORED, label_smoothing=smoothing)

    def _network(self) -> nn.Module:
        """The model as this machine runs it."""
        network: nn.Module = self.state.model.train()
        if self.machine.world > 1:
            network = DistributedDataParallel(network, device_ids=None if self.machine.device.type == "cpu" else [self.machine.device])
        # For each size anew: symbolic sizes take longer to compile, and fail in the rounding of windows and cells.
        return torch.compile(network, dynamic=False) if self.machine.compiled else network  # type: ignore[return-value]  # a compiled module is one

    def image_side(self, steps: int) -> int:
        """Side of the next step's images, in pixels."""
        fraction = self.recipe.side_at(self.state.step, steps, COMPILED_SIDES if self.machine.compiled else None)
        return image_side(fraction, self.data.side, self.state.model.config)

    def compiles(self, steps: int) -> bool:
        """Whether the next step begins with a compilation."""
        return self.machine.compiled and (self.image_side(steps), self.machine.bfloat16) not in self.compiled

    @contextmanager
    def _compilation(self, steps: int) -> Iterator[None]:
        """Around a step: if it compiles the model, report that, and let Ctrl-C and SIGTERM end the process at once."""
        if not self.compiles(steps):
            yield
            return
        side, bfloat16 = self.image_side(steps), self.machine.bfloat16
        what = f"the model for images of {side} x {side} pixels in {'bfloat16' if bfloat16 else 'float32'}"
        self._say(f"compiling {what}; Ctrl-C ends the program at once, and the run keeps what it has saved")
        start = time.perf_counter()
        with obeyed_signals():
            yield
        self.compiled.add((side, bfloat16))
        self._say(f"compiled {what} in {time.perf_counter() - start:.0f} s")

    def _say(self, line: str) -> None:
        """Write a line to the terminal, above the progress bar if there is one."""
        if self.machine.rank == 0:
            tqdm.write(line, file=sys.stderr)

    def _batch(self, steps: int) -> tuple[Tensor, Tensor, Tensor]:
        """This process's share of the next step's batch: images as the model takes them, labels, weights of the labels."""
        state, device = self.state, self.machine.device
        pixels, labels, weights = self.data.batch(state.step, steps, self.images_per_step, self.recipe.seed, self.machine.shard)
        full, side = pixels.shape[-1], self.image_side(steps)
        pixels = self._augmented(pixels)
        if side < full:
            pixels = v2.functional.resize(pixels, [side, side])
        return normalise(pixels.to(device), self.mean, self.std), labels.to(device), weights.to(device)

    def _augmented(self, pixels: Tensor) -> Tensor:
        """This process's share of the next step's batch, augmented: uint8 [b, 3, h, w] -> the same shape."""
        if self.recipe.augment == "shift":
            random = generator(self.recipe.seed, 2, self.state.step)  # the same for an image, however many processes share the batch
            count, shard = self.images_per_step, self.machine.shard
            return shift_flip_cut(pixels, self.recipe.cut_out, lambda n: torch.rand(count, n, generator=random)[shard])
        if self.recipe.augment == "resized":
            crop = v2.RandomResizedCrop(pixels.shape[-1], scale=(self.recipe.least_area, 1.0), ratio=self.recipe.aspect)
            transform = v2.Compose([crop, v2.RandomHorizontalFlip()])
            return torch.stack([transform(image) for image in pixels])
        return pixels

    def validate(self, held_out: Images) -> float:
        """Accuracy on held-out images, of which each process takes its share, as many at once as in a training step."""
        predicted = predict(self.state.kept, held_out, self.mean, self.std, self.machine.shard, self.recipe.batch_size)
        return self.machine.mean(accuracy(predicted, held_out)) * self.machine.world

    def train(self, steps: int, held_out: Images, run: Run) -> bool:
        """Train up to `steps`, or until out of patience.

        The run's folder then holds all that is needed to use the model, to judge it and to resume.

        held_out: images not trained on; the accuracy on them after each epoch decides which checkpoint is "best".
        Written, always as whole files: last.safetensors and best.safetensors after each epoch, state.pt then, every minute and before
        each compilation; metrics.jsonl gets a line every LOG_EVERY steps and after each epoch, and stderr a line after each epoch if
        it is not a terminal, which has a progress bar. Both say so, once, if the run learns nothing (`hatnet.guessing`).
        Returns False if it was told to stop (Ctrl-C or SIGTERM), after saving the state.
        Raises ValueError if the loss is no longer finite, or if nothing can be written.
        """
        state, first, count = self.state, self.machine.rank == 0, self.images_per_step
        saved, logged, shown = time.perf_counter(), (time.perf_counter(), state.step), ""
        bar = tqdm(total=steps * count, initial=state.step * count, unit="image", unit_scale=True, disable=None if first else True)
        try:
            with stop_signals() as signals, bar:
                for loss in self.optimise(steps):
                    state.losses.append(loss)
                    bar.set_postfix_str(f"loss {loss:.3f}{shown}", refresh=False)
                    bar.update(count)
                    epoch_ends = state.step % self.steps_per_epoch == 0 or state.step == steps
                    if epoch_ends or state.step % LOG_EVERY == 0:
                        figures = self._figures(steps, *logged)
                        if epoch_ends:
                            figures["accuracy"] = self.validate(held_out)
                            shown = f", accuracy {figures['accuracy']:.1%}"
                            if bar.disable:  # no terminal
                                epochs = f"epoch {round(figures['epoch'], 2):g} of {round(steps / self.steps_per_epoch, 2):g}"
                                self._say(f"{epochs}: loss {figures['loss']:.3f}{shown}, {figures['images_per_second']:,.0f} images/s")
                        if first:
                            run.log_metrics(state, figures)
                        if epoch_ends:
                            state.judge(figures["accuracy"])
                        state.losses = []
                        logged = time.perf_counter(), state.step
                    due = epoch_ends or time.perf_counter() - saved > SAVE_EVERY or (state.step < steps and self.compiles(steps))
                    if first and due:
                        state.save(run.folder / "state.pt")
                        saved = time.perf_counter()
                    if self.machine.mean(len(signals)) > 0 and state.step < steps:
                        if first and not due:
                            state.save(run.folder / "state.pt")
                        return False
            return True
        except FloatingPointError as error:
            good = run.folder / "last.safetensors" if state.best >= 0 else "none yet"
            raise ValueError(f"{error}; the last good checkpoint: {good}; lower the learning rate") from None
        except WRITE_ERRORS as error:
            raise ValueError(f"could not write to {run.folder} ({error}): make room, then continue with --resume {run.folder}") from None

    def _figures(self, steps: int, since: float, done: int) -> dict:
        """A line of metrics.jsonl, without the accuracy but with a warning if one is due. since, done: time and step of the last line."""
        step = self.state.step
        return {
            "step": step,
            "epoch": step / self.steps_per_epoch,
            "loss": fmean(self.state.losses),
            "learning_rate": self.recipe.learning_rate_at(step - 1, steps),
            "images_per_second": (step - done) * self.images_per_step / (time.perf_counter() - since),
            **self._warning(steps),
        }

    def _warning(self, steps: int) -> dict:
        """What a line of metrics.jsonl adds, once in a run, if the last WINDOW steps are no better than guessing. It goes to stderr too."""
        state = self.state
        state.recent = [*state.recent, *state.losses][-WINDOW:]
        if state.warned or len(state.recent) < WINDOW or state.step < first_look(self.recipe, steps):
            return {}
        guessing = guessing_loss(self.recipe, self.data, self.class_weights)
        if not is_guessing(state.recent, guessing):
            return {}
        state.warned = True
        warning = (
            f"step {state.step} of {steps}: nothing is learned yet; the mean loss of the last {WINDOW} steps is "
            f"{fmean(state.recent):.3f}, and guessing by the classes' frequencies, without a look at the images, gives {guessing:.3f}. "
            f"{advice(self.recipe, state.model.config, self.images_per_step)}"
        )
        self._say(warning)
        return {"guessing": guessing, "warning": warning}


def class_weights(recipe: Recipe, data: Images | Cards, device: torch.device) -> Tensor | None:
    """The weight of each class in the loss, or None if they count alike.

    "balanced": n / (k n_c) for a class with n_c of the n images in k classes, so that every class weighs the same in all and the mean
    over the images is 1; 0 for a class without images. Raises ValueError for cards, which are drawn without end.
    """
    if recipe.class_weights == "none":
        return None
    if not isinstance(data, Images):
        raise ValueError('class_weights is "balanced"; cards have as many of each class, and cannot be counted: leave it out')
    counts = torch.bincount(data.labels[data.labels != IGNORED], minlength=len(data.classes))
    balanced = counts.sum() / (counts.count_nonzero() * counts)
    return balanced.where(counts > 0, 0.0).to(device)
