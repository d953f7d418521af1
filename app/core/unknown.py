"""When a photograph shows none of a model's classes: scores of its logits, and the threshold that benchmarks/unknown.py measured."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from app.core.checkpoints import Checkpoint
from app.core.measured import read

# Scores of logits [..., classes] -> [...]: the higher, the more like the pictures of the training. The energy is that of Liu et al.,
# "Energy-based out-of-distribution detection", 2020: −E(x) at the temperature 1.
SCORES: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda logits: logits.softmax(-1).amax(-1),  # the answer's probability
    "logit": lambda logits: logits.amax(-1),
    "energy": lambda logits: logits.logsumexp(-1),
    "entropy": lambda logits: -torch.special.entr(logits.softmax(-1)).sum(-1),  # its negative, in nats
}


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How often the rule was wrong on pictures that did not choose it, each 0..1."""

    false_alarms: float  # pictures of the model's classes that it calls unknown
    misses: float  # others that it does not


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the rule says of one picture."""

    unknown: bool  # it shows none of the classes
    rates: Rates | None  # with the G1 and G2 that are used; None where these were not measured


def verdict(logits: np.ndarray, checkpoint: Checkpoint, g1: tuple[int, ...], g2: tuple[int, ...]) -> Verdict | None:
    """The verdict on a picture with these logits [classes], computed with some G1 and G2; None without a rule for the checkpoint.

    One threshold holds for all G1 and G2: it was chosen with those of the training.
    """
    if (rule := _rule(checkpoint.name)) is None:
        return None
    score = float(SCORES[rule["score"]](torch.from_numpy(logits.copy())))
    rates = next((row for row in rule["rows"] if (tuple(row["g1"]), tuple(row["g2"])) == (g1, g2)), None)
    measured = rates and Rates(false_alarms=rates["false_alarms"], misses=rates["misses"])
    return Verdict(unknown=score < rule["threshold"], rates=measured)


def none_of(checkpoint: Checkpoint) -> str:
    """What a page says in place of an answer."""
    return f"none of the {len(checkpoint.classes)} things that this model knows"


def _rule(name: str) -> dict | None:
    """What benchmarks/unknown.py measured for a checkpoint; None if it was not run, or its file is damaged (the log says how)."""
    try:
        return read(f"{name}.unknown.json", "score", "threshold", "rows")
    except ValueError:
        return None
