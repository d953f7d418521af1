"""Measurements before a training run, on a copy of it: which precision is the faster one here, and how many steps fit into a time."""

import copy
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice, pairwise
from statistics import median

import torch

from hatnet.training import Trainer

PRECISIONS = {"off": False, "bf16": True}  # the choices of --amp, and whether that is autocast to bfloat16
TURNS = 3  # timed steps in each precision
CLEAR = 3.0  # a step that takes this many times as long as the other decides at once
NOISE = 1.05  # two times that differ by less than this factor may be equal


@contextmanager
def rehearsal(trainer: Trainer) -> Iterator[Trainer]:
    """A copy of a trainer to try steps with. Neither the trainer nor torch's random numbers change.

    Raises ValueError if the loss is no longer finite.
    """
    tried = copy.copy(trainer)
    tried.state, tried.recipe = copy.deepcopy(trainer.state), replace(trainer.recipe, patience=0)
    device = trainer.machine.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            yield tried
        except FloatingPointError as error:
            raise ValueError(f"{error}; lower the learning rate") from None


def settle_precision(trainer: Trainer, asked: str) -> dict:
    """Set the trainer's precision: one of PRECISIONS, or "auto", the faster of them on this machine.

    Returns what the run's config.json keeps: {"amp": the precision, "seconds_per_step": those of each, empty if not measured}. Warns if
    bfloat16 was asked for and is the slower one. Raises ValueError if it was asked for and the device cannot compute in it.
    """
    chosen, seconds = asked, {}
    if asked == "bf16" or (asked == "auto" and trainer.machine.mean(bool(trainer.machine.bfloat16_error())) == 0):
        set_precision(trainer, "bf16")
        seconds = step_seconds(trainer)
    if asked == "auto":
        chosen = min(seconds, key=seconds.__getitem__, default="off")
    elif seconds and seconds["bf16"] > NOISE * seconds["off"] and trainer.machine.rank == 0:
        figures = "a step takes {bf16:.3g} s in bfloat16 and {off:.3g} s in float32".format(**seconds)
        warnings.warn(f"--amp bf16 is slower than float32 on this machine: {figures}; --amp auto takes the faster one", stacklevel=2)
    set_precision(trainer, chosen)
    return {"amp": chosen, "seconds_per_step": seconds}


def set_precision(trainer: Trainer, precision: str) -> None:
    """Set the trainer's precision, one of PRECISIONS. Raises ValueError for bfloat16 on a device that cannot compute in it."""
    machine = trainer.machine
    if PRECISIONS[precision] and (error := machine.bfloat16_error()):
        raise ValueError(f"{machine.device} cannot compute in bfloat16 ({error}): --amp off or auto can be used")
    trainer.machine = replace(machine, bfloat16=PRECISIONS[precision])


def step_seconds(trainer: Trainer) -> dict[str, float]:
    """Seconds of a training step at the full image size, in each of PRECISIONS, which take turns: the median of TURNS, after one step
    each to warm up; of the first, if that is CLEAR. The mean over all processes, so that all come to the same choice."""
    times: dict[str, list[float]] = {name: [] for name in PRECISIONS}
    with rehearsal(trainer) as tried:
        tried.recipe = replace(tried.recipe, first_side=1.0)
        steps = tried.optimise(planned_steps(trainer, 2 * (1 + TURNS)))
        for turn in range(1 + TURNS):
            for name, bfloat16 in PRECISIONS.items():
                tried.machine = replace(trainer.machine, bfloat16=bfloat16)
                start = time.perf_counter()
                next(steps)
                times[name].append(trainer.machine.mean(time.perf_counter() - start))
            last = [taken[-1] for taken in times.values()]
            if turn and max(last) > CLEAR * min(last):
                break
    return {name: median(taken[1:]) for name, taken in times.items()}


def steps_within(trainer: Trainer, minutes: float, held_out) -> int:
    """How many steps fit into a time, with a validation after each epoch: at least 1."""
    with rehearsal(trainer) as tried:
        recipe = tried.recipe
        tried.recipe = replace(recipe, grown=1e9)
        seconds = _seconds_per_step(tried)
        if recipe.first_side < 1:  # a step takes a + b * side^2
            tried.recipe = replace(recipe, first_side=1.0)
            full = _seconds_per_step(tried)
            seconds += (full - seconds) * (recipe.mean_area - recipe.first_side**2) / (1 - recipe.first_side**2)
        start = time.perf_counter()
        tried.validate(held_out)
        validation = trainer.machine.mean(time.perf_counter() - start)
    return max(1, int((minutes * 60 - validation) / (seconds + validation / trainer.steps_per_epoch)))


def _seconds_per_step(trainer: Trainer) -> float:
    """The median over the trainer's next steps, at most 20 of them or 20 seconds; changes its state."""
    times, mean = [time.perf_counter()], trainer.machine.mean
    for _ in islice(trainer.optimise(trainer.state.step + planned_steps(trainer, 20)), 20):
        times.append(time.perf_counter())
        if mean(times[-1] - times[0]) > 20 and len(times) > 4:
            break
    return mean(median(after - before for before, after in pairwise(times[2:])))  # the first steps are slow


def planned_steps(trainer: Trainer, least: int) -> int:
    """The steps of the recipe, so that a measurement begins as the training will, with small learning rates; at least `least`."""
    return max(least, trainer.recipe.epochs * trainer.steps_per_epoch)
