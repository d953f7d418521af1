"""Whether a training run learns anything: its loss beside that of a constant answer, which knows how frequent each class is and looks
at no image."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

import torch
from torch import Tensor

from hatnet.cards import Cards
from hatnet.config import Config
from hatnet.data import IGNORED, Images
from hatnet.recipe import Recipe, auto_learning_rate

WINDOW = 50  # the last steps, whose losses are compared
LAYER_SCALE = 0.1  # recommended; Touvron et al. (2021) take it for up to 18 blocks
EARLIEST = 200  # steps before which nothing is said


def guessing_loss(recipe: Recipe, data: Images | Cards, class_weights: Tensor | None) -> float:
    """The training loss of the best constant answer, in nats.

    With label smoothing s, k classes, f_c the frequency of class c in the labels and w_c its weight in the loss, an answer p costs
    -sum_c a_c log p_c on average, a_c = w_c ((1 - s) f_c + s / k). It is least for p_c = a_c / sum(a): without s and w it is the entropy of
    the frequencies. Mixing images changes nothing: it mixes their labels in the same proportions, and the cost is linear in them.
    """
    frequencies = class_frequencies(data)
    smoothed = (1 - recipe.label_smoothing) * frequencies + recipe.label_smoothing * frequencies.mean()
    if class_weights is not None:
        smoothed = smoothed * class_weights.cpu().double()
    return torch.special.entr(smoothed / smoothed.sum()).sum().item() * smoothed.sum().item()


def class_frequencies(data: Images | Cards) -> Tensor:
    """Of each class in the labels of an image, weighted as in the loss: float64 [classes], on the CPU. They sum to 1; to less, if some
    images have no label. Cards are drawn evenly: 1/4 each."""
    count = len(data.classes)
    if isinstance(data, Cards):
        return torch.full((count,), 1 / count, dtype=torch.float64)
    labels = data.labels.cpu()
    labelled = labels != IGNORED
    weights = None if data.weights is None else data.weights.cpu()[labelled].double()
    return torch.bincount(labels[labelled], weights, minlength=count).double() / len(labels)


def first_look(recipe: Recipe, steps: int) -> int:
    """The step, of `steps`, after which a run should be better than guessing: 5 % of them, EARLIEST at least, and WINDOW after the
    warm-up, in which it may stand still or grow worse."""
    return max(math.ceil(0.05 * steps), EARLIEST, recipe.warm_up_steps(steps) + WINDOW)


def is_guessing(losses: Sequence[float], guessing: float) -> bool:
    """Whether the mean of some steps' losses is no better than guessing: not below it by a thousandth and two standard errors."""
    return fmean(losses) > 0.999 * guessing - 2 * stdev(losses) / math.sqrt(len(losses))


def advice(recipe: Recipe, config: Config, images: int) -> str:
    """What to try if a run with `images` images in a step is no better than guessing: options of `train_small.py`, with numbers."""
    rate, usual = recipe.learning_rate, auto_learning_rate(images)
    other = f"--learning-rate {rate / 3 if rate > usual / 3 else usual:.1g} (it is {rate:g})"
    longer = [f"--warm-up {3 * recipe.warm_up:.2g} (it is {recipe.warm_up:.2g})"] if 0 < recipe.warm_up <= 0.2 else []
    scale = [] if config.layer_scale else [f"--set layer_scale={LAYER_SCALE:g}"]
    return f"Some runs are slow at first; if this goes on, begin again with {', '.join([other, *longer, *scale])} or --init CHECKPOINT"
