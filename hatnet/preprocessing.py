"""From a picture to what a model is given. Training, evaluation, the app and `transform` all go this one way.

A picture is read upright and in RGB (`pictures.py`); its central square is scaled to the model's size (`centre_crop`); its
pixels are normalised with the mean and standard deviation of the training (`normalise`).
"""

import os
import reprlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from hatnet.checkpoints import CheckpointInfo
from hatnet.pictures import read_picture, upright_rgb

REPORTED: set[str] = set()  # what has been guessed of pictures, and the user told
PICTURE = str | os.PathLike[str] | Image.Image | np.ndarray


@dataclass(frozen=True)
class Preprocessing:
    """A picture -> the model's input for it, float32 [3, size, size], for a data set's `transform=` or by hand.

    It takes a file's path, or a picture that Pillow has opened. Batches are stacked: `torch.stack([preprocess(p) for p in pictures])`.
    """

    size: int  # pixels
    mean: tuple[float, ...]  # of each channel, for pixels in 0..1
    std: tuple[float, ...]

    def __call__(self, picture: str | os.PathLike[str] | Image.Image) -> Tensor:
        """Raises ValueError for what is not a picture, and OSError if its file cannot be opened."""
        if not isinstance(picture, str | os.PathLike | Image.Image):
            raise ValueError(f"the picture is a {type(picture).__name__}; wanted a path or a PIL image (Image.fromarray takes arrays)")
        return normalise(decode(picture, self.size), self.mean, self.std)


def transform(info: CheckpointInfo) -> Preprocessing:
    """The preprocessing that a checkpoint was trained and measured with: central square, bicubic, its size, its mean and std.

    >>> preprocess = transform(checkpoint_info("cifar10"))
    >>> preprocess(Image.new("RGB", (640, 480))).shape
    torch.Size([3, 32, 32])

    Raises ValueError for anything but a checkpoint's info, and for a model whose images are not RGB.
    """
    if not isinstance(info, CheckpointInfo):
        raise ValueError(f"info is {reprlib.repr(info)}; wanted a CheckpointInfo: transform(checkpoint_info(NAME))")
    if len(info.mean) != 3:
        raise ValueError(f"this model's images have {len(info.mean)} channels, and a picture has 3 (RGB): prepare its images yourself")
    return Preprocessing(size=info.image_size, mean=info.mean, std=info.std)


def decode(picture: PICTURE, size: int) -> Tensor:
    """What a model sees of a picture (its file, as Pillow opened it, or its array [h, w, 3] or [h, w]), uint8 [3, size, size].

    Warns of what `read_picture` had to guess, once for each kind of guess. Raises OSError and ValueError as it does.
    """
    if isinstance(picture, np.ndarray):
        image, guessed = Image.fromarray(picture), ""
    elif isinstance(picture, Image.Image):
        image, guessed = upright_rgb(picture)
    else:
        image, guessed = read_picture(picture, Path(picture).name)
    if guessed and guessed not in REPORTED:
        REPORTED.add(guessed)
        warnings.warn(f"{picture}: {guessed} Other pictures of this kind are not named.", stacklevel=2)
    return torch.from_numpy(np.array(centre_crop(image, size))).permute(2, 0, 1)


def centre_crop(image: Image.Image, size: int) -> Image.Image:
    """The part of a picture that a model sees: its central square, scaled to size x size pixels, in RGB."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    image = image if image.mode == "RGB" else image.convert("RGB")  # which would copy even RGB
    return image.resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)


def normalise(pixels: Tensor, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor) -> Tensor:
    """Pixels in 0..255 [..., 3, h, w] -> float32, the model's input: (pixels / 255 - mean) / std for each channel."""
    centre, spread = (torch.as_tensor(values, device=pixels.device).view(3, 1, 1) for values in (mean, std))
    return (pixels.float() / 255 - centre) / spread
