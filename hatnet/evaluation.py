"""How good a model is: its predictions on a set of images, their accuracy and their confusions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from hatnet.data import IGNORED, Images, normalise
from hatnet.model import HATNet

PIXELS = 2**18  # of a batch, unless told otherwise: 256 images of 32 x 32, 5 of 224 x 224


@torch.inference_mode()
def predict(
    model: HATNet, data: Images, mean: Sequence[float], std: Sequence[float], shard: slice = slice(None), batch_size: int | None = None
) -> Tensor:
    """The class that the model predicts for each image, or for each labelled place of it: int64, shaped as `data.labels`.

    Runs in float32 and eval mode. shard: only these images; the others get -1, which is not a class.
    batch_size: images at once, by default as many as have PIXELS pixels.
    """
    batch_size = batch_size or max(1, PIXELS // data.side**2)
    training, device = model.training, next(model.parameters()).device
    model.eval()
    predicted = torch.full_like(data.labels, -1)
    for index in torch.arange(len(data))[shard].split(batch_size):
        predicted[index] = model(normalise(data.pixels[index].to(device), mean, std)).argmax(dim=1).cpu()
    model.train(training)
    return predicted


def confusion(predicted: Tensor, data: Images) -> Tensor:
    """How often class t (row) was taken for class p (column): counts, int64 [classes, classes]."""
    real, n = data.labels != IGNORED, len(data.classes)
    return torch.bincount(data.labels[real] * n + predicted[real], minlength=n * n).view(n, n)


def accuracy(predicted: Tensor, data: Images) -> float:
    """The fraction of images classified correctly; where an image has several labels, each counts by its weight."""
    right = (predicted == data.labels).float()
    return (right if data.weights is None else (right * data.weights).flatten(1).sum(1)).mean().item()
