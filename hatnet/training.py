"""The trainer: the training loop (`Trainer.optimise`), and the loop that saves its work (`Trainer.train`).

All random numbers of a step follow from the recipe's seed and the step's number. So a run that is resumed after a crash needs
no random state: its result is bit for bit that of one that was never interrupted (same machine, same number of processes).
"""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from hatnet.ahead import Ahead
from hatnet.data import generator
from hatnet.guessing import WINDOW, advice, first_look, is_guessing
from hatnet.machine import CPU, Machine, device_memory, obeyed_signals, stop_signals
from hatnet.recipe import Recipe, image_side
from hatnet.run import WRITE_ERRORS, Run, begin
from hatnet.tasks.classify import Classify
from hatnet.tasks.task import Batch, Column, Step, Task, TrainingSet

LOG_EVERY = 50  # steps from one line of metrics.jsonl to the next
SAVE_EVERY = 60  # seconds from one saved state to the next, at most, plus a step
COMPILED_SIDES = 4  # sizes of the images in a run that compiles the model, which takes a minute or more for each size


class Trainer:
    """A model in training: on which images, by which recipe, on which machine, for which task.

    model: a HATNet; for other tasks than classification, what they train.
    statistics: mean and standard deviation of each channel, for pixels in 0..1; by default, those of the images.
    Raises ValueError for a recipe that does not suit the task.
    """

    def __init__(
        self,
        model: Any,
        recipe: Recipe,
        data: TrainingSet,
        machine: Machine = CPU,
        statistics: tuple[Sequence[float], Sequence[float]] | None = None,
        task: Task | None = None,
    ):
        self.recipe, self.machine, self.task = recipe, machine, task or Classify()
        self.task.check(recipe)
        self.mean, self.std = statistics or data.statistics()
        self.statistics = [torch.tensor(values, device=machine.device) for values in (self.mean, self.std)]
        self.class_weights = class_weights(recipe, data, machine.device)
        self.state = begin(model.to(machine.device), recipe)
        self.data = on_device(data, machine.device)
        self.ahead = Ahead(self.data, machine.device)
        self.compiled: set[tuple[tuple[int, int], bool]] = set()  # by this `optimise`: the images' size, and whether in bfloat16
        # A CPU has each loss at once, so it is looked at before the weights change. For a GPU that would be a wait: there it keeps the
        # weights as they are by itself, from the first step on that is not finite, until the trainer looks.
        self.looks = machine.device.type == "cpu"
        self.unseen: list[tuple[int, float, Tensor, Tensor]] = []  # of the steps since the last look: step, learning rate, loss, norm
        self.broken = torch.zeros((), dtype=torch.float32, device=machine.device)  # 1 from the first step on that is not finite

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
        for _ in self.advance(steps):
            yield from self.settle()

    def advance(self, steps: int) -> Iterator[None]:
        """`optimise` without a wait for the device: `settle` has the losses."""
        self.compiled, self.unseen, self.broken, network = set(), [], torch.zeros_like(self.broken), self._network()
        while self.state.step < steps and not self.out_of_patience:
            with self._compilation(steps):
                self._step(network, steps)
            yield

    def _step(self, network: nn.Module, steps: int) -> None:
        """One step of `steps`."""
        state, recipe = self.state, self.recipe
        learning_rate = recipe.learning_rate_at(state.step, steps)
        for group in state.optimiser.param_groups:
            group["lr"] = learning_rate * group.get("lr_scale", 1.0)  # states saved by earlier versions have no scale
        batch = self.batch(steps)
        torch.manual_seed(generator(recipe.seed, 1, state.step, self.machine.rank).initial_seed())  # for dropout and the like
        state.optimiser.zero_grad()
        loss = self.machine.mean_of(self._add_gradient(network, *batch))
        norm = nn.utils.clip_grad_norm_(state.model.parameters(), recipe.clip or math.inf).to(loss.device)
        self.unseen.append((state.step, learning_rate, loss, norm))
        if self.looks:
            self._look()
        self.broken = self.broken.maximum(1 - (loss + norm).isfinite().float())
        state.optimiser.found_inf = self.broken  # type: ignore[attr-defined]  # as torch's GradScaler tells it not to move
        state.optimiser.step()
        if state.averaged:
            state.averaged.update_parameters(state.model)
        state.step += 1

    def _look(self) -> list[float]:
        """The losses of the steps in `unseen`, means over all processes. Raises FloatingPointError for the first that is not finite."""
        figures = torch.stack([torch.stack([loss, norm.to(loss.dtype)]) for *_, loss, norm in self.unseen]).tolist() if self.unseen else []
        for (step, rate, *_), (loss, norm) in zip(self.unseen, figures, strict=True):
            if not math.isfinite(loss + norm):
                where = f"at step {step}, learning rate {rate:.2g}"
                raise FloatingPointError(f"{where}, the loss is {loss} and the norm of its gradient {norm}")
        return [loss for loss, _ in figures]

    def settle(self) -> list[float]:
        """Wait for the steps that are not settled yet. Returns their losses, means over all processes.

        Raises FloatingPointError for the first of them that is not finite; it and all after it have left the weights as they were.
        """
        losses, self.unseen = self._look(), []
        return losses

    @property
    def out_of_patience(self) -> bool:
        """Whether the last `recipe.patience` epochs brought no better figure."""
        return 0 < self.recipe.patience <= self.state.waited

    def _add_gradient(self, network: Any, *batch: Column) -> Tensor:
        """Add the gradient of this process's share of a step, `recipe.batch_size` images at a time. Returns the loss of the share: float64
        where the device has it."""
        count, size = len(batch[0]), self.recipe.batch_size
        total = torch.zeros((), dtype=torch.float32 if self.machine.device.type == "mps" else torch.float64, device=self.machine.device)
        for start in range(0, count, size):
            waits = self.machine.world > 1 and start + size < count  # the processes add up their gradients once, in the last part
            with network.no_sync() if waits else nullcontext():
                part = tuple(column[start : start + size] for column in batch)
                loss = self.task.loss(partial(self._forward, network), part, self.recipe, self.class_weights) / count
                loss.backward()
            total += loss.detach()
        return total

    def _forward(self, network: nn.Module, *inputs: Any) -> Any:
        """A call of the network, in the precision of the run."""
        device = self.machine.device
        # On a CPU in bfloat16, the backward pass of fused attention is by far the slower one for many small windows.
        explicit = self.machine.bfloat16 and device.type == "cpu"
        with torch.autocast(device.type, torch.bfloat16, enabled=self.machine.bfloat16):
            return network(*inputs, explicit=explicit)

    def _network(self) -> nn.Module:
        """The model as this machine runs it."""
        network: nn.Module = self.state.model.train()
        if self.machine.world > 1:
            network = DistributedDataParallel(network, device_ids=None if self.machine.device.type == "cpu" else [self.machine.device])
        # For each size anew: symbolic sizes take longer to compile, and fail in the rounding of windows and cells.
        return torch.compile(network, dynamic=False) if self.machine.compiled else network  # type: ignore[return-value]  # a compiled module is one

    def image_size(self, steps: int) -> tuple[int, int]:
        """Height and width of the next step's images, in pixels."""
        fraction = self.recipe.side_at(self.state.step, steps, COMPILED_SIDES if self.machine.compiled else None)
        height, width = (image_side(fraction, side, self.state.model.config) for side in self.data.size)
        return height, width

    def compiles(self, steps: int) -> bool:
        """Whether the next step begins with a compilation."""
        return self.machine.compiled and (self.image_size(steps), self.machine.bfloat16) not in self.compiled

    @contextmanager
    def _compilation(self, steps: int) -> Iterator[None]:
        """Around a step: if it compiles the model, report that, and let Ctrl-C and SIGTERM end the process at once."""
        if not self.compiles(steps):
            yield
            return
        size, bfloat16 = self.image_size(steps), self.machine.bfloat16
        what = f"the model for images of {size[0]} x {size[1]} pixels in {'bfloat16' if bfloat16 else 'float32'}"
        self._say(f"compiling {what}; Ctrl-C ends the program at once, and the run keeps what it has saved")
        start = time.perf_counter()
        with obeyed_signals():
            yield
        self.compiled.add((size, bfloat16))
        self._say(f"compiled {what} in {time.perf_counter() - start:.0f} s")

    def _say(self, line: str) -> None:
        """Write a line to the terminal, above the progress bar if there is one."""
        if self.machine.rank == 0:
            tqdm.write(line, file=sys.stderr)

    def batch(self, steps: int) -> Batch:
        """This process's share of the next step's batch, as the task's `batch` makes it."""
        recipe, step, (mean, std) = self.recipe, self.state.step, self.statistics
        taken = self.ahead.batch(step, steps, self.images_per_step, recipe.seed, self.machine.shard)
        size, classes = self.image_size(steps), len(self.data.classes)
        return self.task.batch(taken, Step(number=step, recipe=recipe, size=size, mean=mean, std=std, classes=classes, draw=self._draw))

    def _draw(self, kind: int, n: int) -> Tensor:
        """n random numbers in 0..1 for each image of this process's share of the next step's batch, [b, n], other ones for each kind.

        An image gets the same ones, however many processes share the batch.
        """
        return torch.rand(self.images_per_step, n, generator=generator(self.recipe.seed, kind, self.state.step))[self.machine.shard]

    def validate(self, held_out: Any) -> dict[str, Any]:
        """The task's figures on held-out images, as many at once as in a training step."""
        for buffer in self.state.kept.buffers():  # running statistics, which each process has of its own images
            self.machine.share(buffer)
        return self.task.validate(self.state.kept, held_out, self.mean, self.std, self.machine, self.recipe.batch_size)

    def train(self, steps: int, held_out: Any, run: Run) -> bool:
        """Train up to `steps`, or until out of patience.

        The run's folder then holds all that is needed to use the model, to judge it and to resume.

        held_out: images not trained on; the task's figure on them after each epoch decides which checkpoint is "best".
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
                for _ in self.advance(steps):
                    epoch_ends = state.step % self.steps_per_epoch == 0 or state.step == steps
                    line = epoch_ends or state.step % LOG_EVERY == 0
                    if self.looks or line:
                        state.losses += self.settle()
                        bar.set_postfix_str(f"loss {state.losses[-1]:.3f}{shown}", refresh=False)
                    bar.update(count)
                    if line:
                        figures = self._figures(steps, *logged)
                        if epoch_ends:
                            measured = self.validate(held_out)
                            figures |= measured
                            shown = f", {self.task.title} {measured[self.task.figure]:.1%}"
                            if bar.disable:  # no terminal
                                epochs = f"epoch {round(figures['epoch'], 2):g} of {round(steps / self.steps_per_epoch, 2):g}"
                                self._say(f"{epochs}: loss {figures['loss']:.3f}{shown}, {figures['images_per_second']:,.0f} images/s")
                        if first:
                            run.log_metrics(figures)
                        if epoch_ends:
                            if first:
                                run.keep(state, self.task, measured)
                            state.judge(measured[self.task.figure])
                        state.losses = []
                        logged = time.perf_counter(), state.step
                    due = epoch_ends or time.perf_counter() - saved > SAVE_EVERY or (state.step < steps and self.compiles(steps))
                    if first and due:
                        state.losses += self.settle()
                        state.save(run.folder / "state.pt")
                        saved = time.perf_counter()
                    if self.machine.mean(len(signals)) > 0 and state.step < steps:
                        if first and not due:
                            state.losses += self.settle()
                            state.save(run.folder / "state.pt")
                        return False
            return True
        except FloatingPointError as error:
            good = run.folder / "last.safetensors" if state.best >= 0 else "none yet"
            raise ValueError(f"{error}; the last good checkpoint: {good}; lower the learning rate") from None
        except WRITE_ERRORS as error:
            raise ValueError(f"could not write to {run.folder} ({error}): make room, then continue with --resume {run.folder}") from None

    def _figures(self, steps: int, since: float, done: int) -> dict:
        """A line of metrics.jsonl, without the task's figures but with a warning if one is due. since, done: time and step before."""
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
        guessing = self.task.guessing(self.recipe, self.data, self.class_weights)
        if guessing is None or not is_guessing(state.recent, guessing):
            return {}
        state.warned = True
        warning = (
            f"step {state.step} of {steps}: nothing is learned yet; the mean loss of the last {WINDOW} steps is "
            f"{fmean(state.recent):.3f}, and guessing by the classes' frequencies, without a look at the images, gives {guessing:.3f}. "
            f"{advice(self.recipe, state.model.config, self.images_per_step)}"
        )
        self._say(warning)
        return {"guessing": guessing, "warning": warning}


def on_device(data: TrainingSet, device: torch.device) -> TrainingSet:
    """A training set whose pixels go to the device once, if they are held in memory and take no more than half of what it has left."""
    return data.on(device) if 0 < data.nbytes <= device_memory(device) / 2 else data


def class_weights(recipe: Recipe, data: TrainingSet, device: torch.device) -> Tensor | None:
    """The weight of each class in the loss, or None if they count alike.

    "balanced": n / (k n_c) for a class with n_c of the n labels in k classes, so that every class weighs the same in all and the mean
    over the labels is 1; 0 for a class without labels. Raises ValueError for cards, which are drawn without end.
    """
    if recipe.class_weights == "none":
        return None
    counts = data.class_counts()
    balanced = counts.sum() / (counts.count_nonzero() * counts)
    return balanced.where(counts > 0, 0.0).to(device)
