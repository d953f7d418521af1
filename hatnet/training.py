"""The training loop for small images, and the measurement of accuracy."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from hatnet.data import Images, normalise
from hatnet.model import HATNet


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How a compact model is trained on small images."""

    epochs: int = 18
    batch_size: int = 128
    learning_rate: float = 2e-3  # of AdamW, after the warm-up
    warm_up: float = 0.05  # part of all steps; then a cosine down to 0
    weight_decay: float = 0.05  # none on norms and biases
    label_smoothing: float = 0.1
    ema: float = 0.998  # the weights that are kept are this running mean
    cut_out: float = 0.25  # side of the grey square, as part of the image's
    bfloat16: bool = True  # autocast
    seed: int = 0


def augment(pixels: Tensor, cut_out: float) -> Tensor:
    """Crop (after padding by an eighth), flip and cut out, drawn for each image: uint8 [b, 3, h, w] -> the same shape."""
    b, _, h, w = pixels.shape
    pad = h // 8
    padded = F.pad(pixels.float(), (pad,) * 4, mode="reflect").to(pixels.dtype)
    top, left = torch.randint(0, 2 * pad + 1, (2, b, 1))
    rows, columns = top + torch.arange(h), left + torch.arange(w)
    columns = torch.where(torch.rand(b, 1) < 0.5, columns, columns.flip(1))
    out = padded[torch.arange(b)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    side = round(h * cut_out)
    y, x = torch.arange(h), torch.arange(w)
    top, left = torch.randint(0, h, (2, b, 1)) - side // 2
    hidden = ((y >= top) & (y < top + side))[:, :, None] & ((x >= left) & (x < left + side))[:, None, :]
    return out.masked_fill(hidden[:, None], 128)


def train(model: HATNet, data: Images, recipe: Recipe, after_epoch: Callable[[int, nn.Module, dict], None]) -> nn.Module:
    """Train `model` in place and return the running mean of its weights, which does better.

    after_epoch(epoch, averaged model, {"loss", "images_per_second"}) is called after each epoch.
    Raises ValueError, naming the step, if the loss is no longer a number.
    """
    torch.manual_seed(recipe.seed)
    mean, std = data.statistics()
    decay = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
    steps_per_epoch = len(data.labels) // recipe.batch_size
    steps = recipe.epochs * steps_per_epoch
    warm_up = max(1, round(recipe.warm_up * steps))

    def rate(step: int) -> float:
        return min((step + 1) / warm_up, (1 + math.cos(math.pi * max(0, step - warm_up) / (steps - warm_up))) / 2)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema))
    with tqdm(total=steps, unit="step") as bar:
        for epoch in range(recipe.epochs):
            model.train()
            start, losses = time.perf_counter(), []
            for index in torch.randperm(len(data.labels))[: steps_per_epoch * recipe.batch_size].split(recipe.batch_size):
                images = normalise(augment(data.pixels[index], recipe.cut_out), mean, std)
                # On a CPU in bfloat16 the backward pass of fused attention is by far the slower one for many small windows.
                with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
                    logits = model(images, explicit=recipe.bfloat16)
                loss = F.cross_entropy(logits.float(), data.labels[index], label_smoothing=recipe.label_smoothing)
                if not loss.isfinite():
                    raise ValueError(f"the loss is {loss.item()} at step {bar.n}, learning rate {schedule.get_last_lr()[0]:.2g}; lower it")
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                averaged.update_parameters(model)
                losses.append(loss.item())
                bar.set_postfix(epoch=epoch + 1, loss=f"{loss.item():.3f}", refresh=False)
                bar.update()
            images_per_second = steps_per_epoch * recipe.batch_size / (time.perf_counter() - start)
            figures = {"loss": sum(losses) / len(losses), "images_per_second": images_per_second}
            after_epoch(epoch, averaged.module, figures)
    return averaged.module


@torch.inference_mode()
def confusion(model: HATNet, data: Images, mean: list[float], std: list[float], batch_size: int = 250) -> Tensor:
    """How often class t (row) was taken for class p (column): counts, int64 [classes, classes]. Float32, eval mode."""
    training = model.training
    model.eval()
    table = torch.zeros(len(data.classes), len(data.classes), dtype=torch.int64)
    for pixels, labels in zip(data.pixels.split(batch_size), data.labels.split(batch_size), strict=True):
        predicted = model(normalise(pixels, mean, std)).argmax(dim=1)
        table.index_put_((labels, predicted), torch.ones_like(labels), accumulate=True)
    model.train(training)
    return table


def accuracy(table: Tensor) -> float:
    """The part of all images that `confusion` found on its diagonal."""
    return (table.trace() / table.sum()).item()
