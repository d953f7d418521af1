"""How good a model is: its predictions on a set of images, their accuracy and their confusions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hatnet.data import IGNORED, Images
from hatnet.folders import shortened
from hatnet.model import HATNet
from hatnet.preprocessing import normalise
from hatnet.ranges import nearest_word
from hatnet.wordnet import word

PIXELS = 2**18  # of a batch, unless told otherwise: 256 images of 32 x 32, 5 of 224 x 224


def images_at_once(side: int) -> int:
    """How many images of side x side pixels to predict at once: PIXELS pixels, at least one image."""
    return max(1, PIXELS // side**2)


@torch.inference_mode()
def predict(
    model: HATNet,
    data: Images,
    mean: Sequence[float],
    std: Sequence[float],
    shard: slice = slice(None),
    batch_size: int | None = None,
    among: Sequence[int] | None = None,
) -> Tensor:
    """The class that the model predicts for each image, or for each labelled place of it: int64, shaped as `data.labels`.

    Runs in float32 and eval mode. shard: only these images; the others get -1, which is not a class. batch_size: images at
    once, by default `images_at_once`. among: the classes to choose from (all of the model's).
    """
    batch_size = batch_size or images_at_once(data.side)
    training, device = model.training, next(model.parameters()).device
    model.eval()
    predicted = torch.full_like(data.labels, -1)
    for index in torch.arange(len(data))[shard].split(batch_size):
        logits = model(normalise(data.pixels[index].to(device), mean, std)).cpu()
        predicted[index] = logits.argmax(dim=1) if among is None else torch.tensor(among)[logits[:, among].argmax(dim=1)]
    model.train(training)
    return predicted


def labels_of(classes: Sequence[str], known: Sequence[str], names: Mapping[str, str]) -> list[int]:
    """A model's label for each class of some data. known: the model's classes; names: what to call a class, if not by its own name.

    A WordNet id of `hatnet.wordnet` and its word are the same name. Two classes may get the same name. Raises ValueError for classes
    that the model does not know, naming the nearest that it does.
    """
    names = {word(name): called for name, called in names.items()}
    wanted, known = [word(names.get(word(name), name)) for name in classes], [word(name) for name in known]
    if wanted == known:
        return list(range(len(known)))
    if missing := [name for name in wanted if name not in known]:
        raise ValueError(f"the model does not know {_with_nearest(missing, known)}; --names FILE.json says what it calls a class")
    if double := sorted({name for name in wanted if known.count(name) > 1}):
        raise ValueError(f"the model has several classes called {shortened(double)}, so these cannot be told apart by name")
    return [known.index(name) for name in wanted]


def relabelled(data: Images, known: Sequence[str], names: Mapping[str, str]) -> Images:
    """The same images with a model's labels and classes, as `labels_of` finds them."""
    labels = torch.tensor(labels_of(data.classes, known, names))
    return replace(data, labels=torch.where(data.labels == IGNORED, IGNORED, labels[data.labels.clamp(min=0)]), classes=tuple(known))


def _with_nearest(names: Sequence[str], known: Sequence[str], most: int = 5) -> str:
    """The first few of some names, each with the most similar of those known."""
    near = {name: nearest_word(name, known) for name in names[:most]}
    said = [name + (f" (nearest: {found})" if found else "") for name, found in near.items()]
    example = "" if any(near.values()) else f"; it knows {shortened(known, most)}"
    return ", ".join(said) + (f" and {len(names) - most} more" if len(names) > most else "") + example


def confusion(predicted: Tensor, data: Images) -> Tensor:
    """How often class t (row) was taken for class p (column): counts, int64 [classes, classes]."""
    real, n = data.labels != IGNORED, len(data.classes)
    return torch.bincount(data.labels[real] * n + predicted[real], minlength=n * n).view(n, n)


def accuracy(predicted: Tensor, data: Images) -> float:
    """The fraction of images classified correctly; where an image has several labels, each counts by its weight."""
    right = (predicted == data.labels).float()
    return (right if data.weights is None else (right * data.weights).flatten(1).sum(1)).mean().item()
