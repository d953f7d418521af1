"""Images for the trainer, held in memory: folders of pictures, and torchvision's CIFAR-10."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.datasets import CIFAR10, ImageFolder
from tqdm import tqdm


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """A labelled set of images: pixels uint8 [n, 3, size, size], labels int64 [n], the class names in label order."""

    pixels: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def split(self, part: int, seed: int = 0) -> tuple["Images", "Images"]:
        """`part` images drawn at random, and the others."""
        order = torch.randperm(len(self.labels), generator=torch.Generator().manual_seed(seed))
        drawn, rest = order[:part], order[part:]
        return tuple(Images(pixels=self.pixels[index], labels=self.labels[index], classes=self.classes) for index in (drawn, rest))

    def statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel, of pixels in 0..1."""
        pixels = self.pixels.double() / 255
        return pixels.mean((0, 2, 3)).tolist(), pixels.std((0, 2, 3), correction=0).tolist()


def centre_crop(image: Image.Image, size: int) -> Image.Image:
    """What a model sees of a picture: its central square, scaled to size x size pixels, in RGB."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)


def normalise(pixels: Tensor, mean: list[float], std: list[float]) -> Tensor:
    """uint8 pixels [..., 3, h, w] -> float32, the model's input: (pixels / 255 - mean) / std for each channel."""
    mean, std = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)
    return (pixels.float() / 255 - mean) / std


def load(source: str, split: str, size: int) -> Images:
    """The `split` ("train" or "test") of a data set, each image its centre crop of size x size pixels.

    source: "cifar10" (torchvision's, downloaded into data/ once) or "folder:PATH", where PATH holds train/ and test/ with one
    folder of pictures for each class. Raises ValueError where there is nothing to read, and says what was looked for.
    """
    if source == "cifar10":
        try:
            dataset = CIFAR10("data", train=split == "train", download=True)
        except Exception as error:  # torchvision raises whatever the network does
            raise ValueError(
                f"CIFAR-10 is not in {Path('data').resolve()} and could not be downloaded ({error}); "
                "go online once, or point --data folder:PATH at a folder with train/ and test/"
            ) from None
    elif source.startswith("folder:"):
        folder = Path(source.removeprefix("folder:")) / split
        if not folder.is_dir():
            raise ValueError(f"looked for pictures in {folder}/CLASS/ and there is no such folder; name one that holds train/ and test/")
        dataset = ImageFolder(str(folder))
    else:
        raise ValueError(f"unknown data {source!r}; wanted cifar10 or folder:PATH")
    pixels = np.stack([np.asarray(centre_crop(image, size)) for image, _ in tqdm(dataset, f"reading {split}", unit="image", leave=False)])
    return Images(
        pixels=torch.from_numpy(pixels).permute(0, 3, 1, 2), labels=torch.tensor(dataset.targets), classes=tuple(dataset.classes)
    )
