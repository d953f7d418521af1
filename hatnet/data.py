"""Images for the trainer: torchvision's data sets, and folders of pictures, in memory up to a few gigabytes.

Every picture is prepared as in `preprocessing.py`.
"""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Generator, Tensor
from torchvision.datasets import CIFAR10, CIFAR100, Caltech101, FashionMNIST
from tqdm import tqdm

from hatnet.folders import Folder, by_place
from hatnet.machine import upload
from hatnet.preprocessing import decode
from hatnet.sources import ROOT, SETS, find, in_folders

IGNORED = -100  # stands where there is no label: torch's default for `ignore_index`
# Bytes of decoded pictures, unless told otherwise (CIFAR-10 takes 0.2 GiB, Caltech-101 at 112 pixels 0.3, ImageNet at 224 pixels 180).
IN_MEMORY = 4 * 2**30
UNREADABLE = (OSError, ValueError)  # what `read_picture` raises
TORCHVISION = {"cifar10": CIFAR10, "cifar100": CIFAR100, "caltech101": Caltech101, "fashion-mnist": FashionMNIST}


def generator(*key: int) -> Generator:
    """Random numbers that depend on the key alone, so that a resumed training draws what it would have drawn."""
    return Generator().manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]))


def drawn(images: int, step: int, count: int, seed: int) -> Tensor:
    """The numbers of the `count` images of a step, of a set of so many, int64 [count].

    Seed and epoch determine the order in which an epoch goes through the set; its last, incomplete batch is left out.
    """
    epoch, place = divmod(step, images // count)
    order = torch.randperm(images, generator=generator(seed, 0, epoch))
    return order[place * count : (place + 1) * count]


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """A labelled set of images: pixels uint8 [n, 3, size, size], labels int64 [n], the class names in label order.

    If an image has several labelled places, labels are [n, h, w], with IGNORED where there is none, and `weights` (of the same
    shape, summing to 1 for each image) say how much each place counts.
    """

    pixels: "Tensor | Pictures"
    labels: Tensor
    classes: tuple[str, ...]
    weights: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> int:
        """Side of the images, in pixels."""
        return self.pixels.shape[-1]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images, in pixels."""
        return self.side, self.side

    @property
    def nbytes(self) -> int:
        """Bytes of decoded pictures that are held in memory."""
        return 0 if self.lazy else cast(Tensor, self.pixels).nbytes

    @property
    def lazy(self) -> bool:
        """Whether pictures are decoded on demand."""
        return isinstance(self.pixels, Pictures)

    @property
    def device(self) -> torch.device:
        return self.labels.device

    def class_counts(self) -> Tensor:
        """How many labels each class has, int64 [classes]."""
        return torch.bincount(self.labels[self.labels != IGNORED], minlength=len(self.classes))

    def statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel, for pixels in 0..1; over 5,000 random images if there are more."""
        counts = torch.zeros(3, 256, dtype=torch.long)
        for index in torch.randperm(len(self), generator=Generator().manual_seed(0))[:5000].split(max(1, 2**20 // self.side**2)):
            counts += torch.stack([torch.bincount(channel.flatten(), minlength=256) for channel in self.pixels[index].unbind(1)])
        shares, levels = counts.double() / counts.sum(1, keepdim=True), torch.arange(256).double() / 255
        mean = shares @ levels
        return mean.tolist(), (shares @ levels**2 - mean**2).clamp(min=1e-6).sqrt().tolist()

    def on(self, device: torch.device) -> "Images":
        """The same images with all tensors on a device. Raises AttributeError for pictures that are decoded on demand."""
        pixels = cast(Tensor, self.pixels).to(device)
        weights = None if self.weights is None else self.weights.to(device)
        return replace(self, pixels=pixels, labels=self.labels.to(device), weights=weights)

    def batch(self, step: int, steps: int, count: int, seed: int, shard: slice) -> tuple[Tensor, Tensor, Tensor]:
        """A shard of the `count` images of a step (of `steps`): pixels, labels, weights of the labels."""
        index = upload(drawn(len(self), step, count, seed)[shard], self.labels.device)
        weights = torch.ones(len(index), device=index.device) if self.weights is None else self.weights[index]
        return self.pixels[index], self.labels[index], weights


def load(
    source: str | Folder, split: str, size: int, val_fraction: float = 0.1, unreadable: int = 10, in_memory: float = IN_MEMORY
) -> Images:
    """One split of a data set, as centre crops of size x size pixels.

    source: one of TORCHVISION (downloaded into data/ once); what `sources.find` takes ("folder:PATH", "imagenette", "folder:A+B"),
    whose layout is checked (`folders.Folder.check`); or a folder that it has found, taken as it is.
    split: "train"; "val" (if the source has none: `val_fraction` of the training images, always the same ones); or "test" (if a
    folder has none: its "val"). A folder is divided class by class. TORCHVISION are divided over all classes at random, as they
    were when the shipped checkpoints chose their best weights and measured their grids.
    unreadable: how many undecodable pictures to leave out (on demand: to replace by grey), each with a warning that names it.
    in_memory: bytes of decoded pictures to hold; a set that would take more is decoded on demand, at each use.
    Raises ValueError if there is nothing to read, saying what was looked for; and if more pictures are unreadable.
    """
    if split not in ("train", "val", "test"):
        raise ValueError(f"unknown split {split!r}; the choices are train, val, test")
    if not 0 < val_fraction < 1:
        raise ValueError(f"val_fraction {val_fraction}: wanted a fraction of the training images, above 0 and below 1, like 0.1")
    if isinstance(source, str) and in_folders(source):
        source = find(source, val_fraction)
        source.check((source.part_of(split),))
    if isinstance(source, Folder):
        classes, files = source.classes, source.split(split, val_fraction)
        number = {name: label for label, name in enumerate(classes)}
        pictures, labels = [file.path for file in files], [number[file.label] for file in files]
        title = source.source
    elif source in TORCHVISION:
        pictures, labels, classes = _torchvision(source, test=split == "test")
        if split != "test":
            kept = by_place(range(len(labels)), val_fraction)[split == "val"]
            pictures, labels = [pictures[i] for i in kept], [labels[i] for i in kept]
        title = source
    else:
        raise ValueError(f"unknown data {source!r}; wanted cards, {', '.join([*TORCHVISION, *SETS])} or folder:PATH")
    return _read(pictures, labels, classes, size, unreadable, in_memory, f"reading {title}, {split}")


def _torchvision(source: str, test: bool) -> tuple[list, list[int], tuple[str, ...]]:
    """Pictures (arrays, or paths), labels and class names of one of TORCHVISION."""
    how = {} if source == "caltech101" else {"train": not test}
    try:
        dataset = TORCHVISION[source](str(ROOT), download=True, **how)
    except Exception as error:  # torchvision passes on whatever the network raises
        raise ValueError(
            f"{source} is missing or incomplete in {ROOT.resolve()}, and could not be downloaded "
            f"({' '.join(str(error).split())}): go online once, or train on --data cards or --data folder:PATH"
        ) from None
    if source != "caltech101":
        return list(np.asarray(dataset.data)), [int(label) for label in dataset.targets], tuple(dataset.classes)
    held = caltech101_test()
    root = Path(dataset.root) / "101_ObjectCategories"
    names = [f"{dataset.categories[label]}/image_{number:04d}.jpg" for number, label in zip(dataset.index, dataset.y, strict=True)]
    taken = [i for i, name in enumerate(names) if (name in held) == test]
    return [root / names[i] for i in taken], [dataset.y[i] for i in taken], tuple(dataset.categories)


def caltech101_test() -> frozenset[str]:
    """File names (CLASS/image_0001.jpg) of our test split of Caltech-101, a third of each class; torchvision has no split."""
    lines = (files("hatnet") / "caltech101_test.txt").read_text().splitlines()
    return frozenset(f"{name}/image_{number}.jpg" for name, *numbers in map(str.split, lines) for number in numbers)


class Pictures:
    """Pictures decoded on demand, in place of the tensor `Images.pixels`, if all together would not fit into memory.

    One that cannot be decoded becomes grey, with a warning that names it; ValueError for more than `unreadable` of them.
    """

    def __init__(self, pictures: list, size: int, unreadable: int):
        self.pictures, self.size, self.unreadable = pictures, size, unreadable
        self.grey: set[int] = set()
        # Pillow decodes without the interpreter's lock. No more threads than this: each holds a whole picture while it decodes it.
        self.pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the tensor that this stands for."""
        return len(self), 3, self.size, self.size

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        """uint8 [n, 3, size, size] of the images in `index`."""
        numbers = torch.arange(len(self))[index].tolist()
        return torch.stack(list(self.pool.map(self._decode, numbers)))

    def _decode(self, number: int) -> Tensor:
        try:
            return decode(self.pictures[number], self.size)
        except UNREADABLE as error:
            self.grey.add(number)
            _skip(self.pictures[number], error, len(self.grey), self.unreadable)
            return torch.full((3, self.size, self.size), 128, dtype=torch.uint8)


def _skip(picture: str | os.PathLike[str] | np.ndarray, error: Exception, skipped: int, unreadable: int) -> None:
    """Warn of an unreadable picture. Raises ValueError if there are too many."""
    warnings.warn(f"{picture} is not used: {error}", stacklevel=3)
    if skipped > unreadable:
        raise ValueError(f"more than {unreadable} unreadable pictures, the last one {picture}; repair or delete them") from None


def _read(pictures: list, labels: list[int], classes: tuple[str, ...], size: int, unreadable: int, in_memory: float, title: str) -> Images:
    """The pictures of `load`: decoded now if they fit into memory, else on demand."""
    if len(pictures) * 3 * size**2 > in_memory:
        return Images(pixels=Pictures(pictures, size, unreadable), labels=torch.tensor(labels), classes=classes)
    pixels = torch.empty(len(pictures), 3, size, size, dtype=torch.uint8)
    kept: list[int] = []
    for index, picture in enumerate(tqdm(pictures, title, unit="image", leave=False, disable=None)):
        try:
            pixels[len(kept)] = decode(picture, size)
        except UNREADABLE as error:
            _skip(picture, error, index + 1 - len(kept), unreadable)
            continue
        kept.append(index)
    return Images(pixels=pixels[: len(kept)], labels=torch.tensor([labels[i] for i in kept]), classes=classes)
