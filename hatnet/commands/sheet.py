"""`train_small.py --show-batch FILE.png`: a picture of the first training batch, as the model will see it."""

import math
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from hatnet.data import IGNORED
from hatnet.files import atomic_write
from hatnet.tasks.task import Batch
from hatnet.training import Trainer

MOST = 64  # images on a picture
TILE = 144  # pixels: least width of an image, which is enlarged by a whole number
MARGIN, LINE = 6, 16  # pixels, around an image, and of a line of text
WRAPPED = 22  # characters of a line, where class names break
LEAST = 0.005  # share of a class that is worth a line


def check_place(path: Path) -> None:
    """Raise ValueError for a place where no picture can be written."""
    if path.suffix.lower() != ".png":
        raise ValueError(f"--show-batch {path}: wanted a name that ends in .png, like {path.stem or 'batch'}.png")
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"--show-batch {path}: wanted a file in a folder that exists, like {path.name}")


def write_batch(trainer: Trainer, tiles: Callable[[Trainer, Batch, int], tuple[np.ndarray, list[list[str]]]], path: Path) -> str:
    """Write the trainer's next batch, at most MOST images of it, as a PNG. Returns what was written, in words.

    tiles: the task's `TaskCommand.tiles`. Raises ValueError if the file cannot be written.
    """
    batch = trainer.batch(trainer.recipe.epochs * trainer.steps_per_epoch)
    shown, captions = tiles(trainer, batch, MOST)
    count, (h, w) = len(batch[0]), shown.shape[1:3]
    try:
        with atomic_write(path) as partial:
            sheet(shown, captions).save(partial, format="PNG")
    except OSError as error:
        raise ValueError(f"--show-batch: cannot write {path} ({error})") from None
    which = f"all {count}" if count == len(shown) else f"the first {len(shown)} of {count}"
    return f"{path} shows {which} images of the first batch, {h} x {w} pixels; nothing was trained"


def pictures(images: Tensor, mean: Tensor, std: Tensor) -> np.ndarray:
    """Normalised images [n, 3, h, w] as people see them: uint8 [n, h, w, 3]. mean, std: of each channel, for pixels in 0..1."""
    pixels = (images * std.view(3, 1, 1) + mean.view(3, 1, 1)) * 255
    return pixels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def caption(label: Tensor, classes: tuple[str, ...]) -> list[str]:
    """The lines under an image: its class; of a mixed one [classes], each class with its share, the largest first; of several labelled
    places, the class of each, row by row."""
    if not label.is_floating_point():
        return wrapped(", ".join(classes[number] for number in label.flatten().tolist() if number != IGNORED))
    shares = sorted(((share, name) for share, name in zip(label.tolist(), classes, strict=True) if share >= LEAST), reverse=True)
    return [f"{name} {share:.0%}" for share, name in shares] if len(shares) > 1 else [shares[0][1]]


def wrapped(text: str) -> list[str]:
    """A text in lines that fit under an image; at least one."""
    return textwrap.wrap(text, WRAPPED) or [""]


def sheet(tiles: np.ndarray, captions: list[list[str]]) -> Image.Image:
    """Images uint8 [n, h, w, 3] in rows of up to eight, with their captions below."""
    zoom = math.ceil(TILE / tiles.shape[2])
    h, w = zoom * tiles.shape[1], zoom * tiles.shape[2]
    columns, lines = min(8, math.ceil(math.sqrt(len(tiles)))), max(map(len, captions))
    across, down = w + MARGIN, h + LINE * lines + MARGIN
    image = Image.new("RGB", (columns * across + MARGIN, math.ceil(len(tiles) / columns) * down + MARGIN), "white")
    drawn, font = ImageDraw.Draw(image), ImageFont.load_default(size=12)
    for number, (tile, texts) in enumerate(zip(tiles, captions, strict=True)):
        left, top = MARGIN + number % columns * across, MARGIN + number // columns * down
        image.paste(Image.fromarray(tile).resize((w, h), Image.Resampling.NEAREST), (left, top))
        for line, text in enumerate(texts):
            while drawn.textlength(text, font) > w:
                text = text[:-2] + "…"
            drawn.text((left, top + h + LINE * line), text, "black", font)
    return image
