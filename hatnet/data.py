"""Images for the trainer: torchvision's data sets, and folders of pictures. Up to some gigabytes they are held in memory.

Every picture gets the same treatment everywhere: its central square, scaled (`centre_crop`), then `normalise`.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Generator, Tensor
from torchvision.datasets import CIFAR10, CIFAR100, Caltech101, FashionMNIST, ImageFolder
from tqdm import tqdm

IGNORED = -100  # a label that is none: torch's own default for `ignore_index`
ROOT = Path("data")  # where torchvision keeps its downloads
IN_MEMORY = 4 * 2**30  # bytes of decoded pictures (CIFAR-10 takes 0.2, Caltech-101 at 112 pixels 0.3, ImageNet at 224 180 of these GB)
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow's decoders raise
TORCHVISION = {"cifar10": CIFAR10, "cifar100": CIFAR100, "caltech101": Caltech101, "fashion-mnist": FashionMNIST}


def generator(*key: int) -> Generator:
    """Random numbers that depend on the key alone, so that a training that goes on draws what it would have drawn."""
    return Generator().manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """A labelled set of images: pixels uint8 [n, 3, size, size], labels int64 [n], the class names in label order.

    Where an image has several labelled places, labels are [n, h, w], with IGNORED where there is none, and `weights` (as labels,
    summing to 1 for each image) say how much each place counts.
    """

    pixels: "Tensor | Pictures"
    labels: Tensor
    classes: tuple[str, ...]
    weights: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel, of pixels in 0..1; over 5,000 images drawn at random if there are more."""
        pixels = self.pixels[torch.randperm(len(self), generator=Generator().manual_seed(0))[:5000]]
        counts = torch.stack([torch.bincount(pixels[:, c].flatten(), minlength=256) for c in range(3)]).double()
        shares, levels = counts / counts.sum(1, keepdim=True), torch.arange(256).double() / 255
        mean = shares @ levels
        return mean.tolist(), (shares @ levels**2 - mean**2).clamp(min=1e-6).sqrt().tolist()

    def batch(self, step: int, steps: int, count: int, seed: int, part: slice) -> tuple[Tensor, Tensor, Tensor]:
        """The `part` of the batch of `count` images that is step's of `steps`: pixels, labels, weights of the labels.

        Each epoch goes through the set in a new order, which the seed and the epoch fix; its last, incomplete batch is left out.
        """
        epoch, place = divmod(step, len(self) // count)
        order = torch.randperm(len(self), generator=generator(seed, 0, epoch))
        index = order[place * count : (place + 1) * count][part]
        weights = torch.ones(len(index)) if self.weights is None else self.weights[index]
        return self.pixels[index], self.labels[index], weights


def centre_crop(image: Image.Image, size: int) -> Image.Image:
    """What a model sees of a picture: its central square, scaled to size x size pixels, in RGB."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)


def normalise(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """uint8 pixels [..., 3, h, w] -> float32, the model's input: (pixels / 255 - mean) / std for each channel."""
    mean, std = (torch.tensor(values, device=pixels.device).view(3, 1, 1) for values in (mean, std))
    return (pixels.float() / 255 - mean) / std


def shift_flip_cut(pixels: Tensor, cut_out: float, draw: Callable[[int], Tensor]) -> Tensor:
    """Crop (after padding by an eighth), flip and cut out, drawn for each image: uint8 [b, 3, h, w] -> the same shape.

    cut_out: side of the grey square, as part of the image's. draw(n) gives n random numbers in 0..1 for each image, [b, n].
    Whole batches, by indexing: torchvision's transforms draw once for a batch, and one image at a time they take half a core.
    """
    b, _, h, w = pixels.shape
    pad, side = h // 8, round(h * cut_out)
    padded = F.pad(pixels.float(), (pad,) * 4, mode="reflect").to(pixels.dtype)
    numbers = draw(5)[:, :, None]
    top, left = ((numbers[:, i] * (2 * pad + 1)).long() for i in range(2))
    y, x = torch.arange(h), torch.arange(w)
    columns = left + torch.where(numbers[:, 2] < 0.5, x, x.flip(0))
    out = padded[torch.arange(b)[:, None, None], :, (top + y)[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    top, left = (numbers[:, 3] * h).long() - side // 2, (numbers[:, 4] * w).long() - side // 2
    hidden = ((y >= top) & (y < top + side))[:, :, None] & ((x >= left) & (x < left + side))[:, None, :]
    return out.masked_fill(hidden[:, None], 128)


def load(source: str, split: str, size: int, val_fraction: float = 0.1, unreadable: int = 10) -> Images:
    """The `split` of a data set, each image its centre crop of size x size pixels.

    source: one of TORCHVISION (downloaded into data/ once), or "folder:PATH". PATH holds train/ and val/, and perhaps test/, each
    with one folder of pictures for each class; or it holds the classes itself.
    split: "train", "val" (a part of the training images, `val_fraction` of them, where the source has none of its own; always the
    same ones) or "test" (where a folder has none, its "val").
    unreadable: so many pictures that cannot be decoded are skipped, each with a warning that names it (see `Pictures` too).
    Raises ValueError where there is nothing to read, and says what was looked for; and for one unreadable picture more.
    """
    if not 0 < val_fraction < 1:
        raise ValueError(f"val_fraction {val_fraction}: wanted a part of the training images, above 0 and below 1, like 0.1")
    if source in TORCHVISION:
        pictures, labels, classes = _torchvision(source, test=split == "test")
        divide = split != "test"
    elif source.startswith("folder:"):
        pictures, labels, classes, divide = _folder(Path(source.removeprefix("folder:")).expanduser(), split)
    else:
        raise ValueError(f"unknown data {source!r}; wanted cards, {', '.join(TORCHVISION)} or folder:PATH")
    if divide:
        order = torch.randperm(len(labels), generator=Generator().manual_seed(0))
        part = max(1, round(val_fraction * len(labels)))
        kept = order[part:] if split == "train" else order[:part]
        pictures, labels = [pictures[i] for i in kept], [labels[i] for i in kept]
    return _read(pictures, labels, tuple(classes), size, unreadable, f"reading {source}, {split}")


def _torchvision(source: str, test: bool) -> tuple[list, list[int], list[str]]:
    """Pictures (arrays, or paths), labels and class names of one of TORCHVISION."""
    how = {} if source == "caltech101" else {"train": not test}
    try:
        dataset = TORCHVISION[source](str(ROOT), download=True, **how)
    except Exception as error:  # torchvision raises whatever the network does
        raise ValueError(
            f"looked for {source} in {ROOT.resolve()}, where it is not (whole), and could not download it "
            f"({' '.join(str(error).split())}): go online once, or train on --data cards or --data folder:PATH"
        ) from None
    if source != "caltech101":
        return list(np.asarray(dataset.data)), [int(label) for label in dataset.targets], dataset.classes
    held = caltech101_test()
    root = Path(dataset.root) / "101_ObjectCategories"
    names = [f"{dataset.categories[label]}/image_{number:04d}.jpg" for number, label in zip(dataset.index, dataset.y, strict=True)]
    taken = [i for i, name in enumerate(names) if (name in held) == test]
    return [root / names[i] for i in taken], [dataset.y[i] for i in taken], dataset.categories


def caltech101_test() -> frozenset[str]:
    """File names (CLASS/image_0001.jpg) of our test part of Caltech-101, a third of each class; torchvision's has no split."""
    lines = (files("hatnet") / "caltech101_test.txt").read_text().splitlines()
    return frozenset(f"{name}/image_{number}.jpg" for name, *numbers in map(str.split, lines) for number in numbers)


def _folder(path: Path, split: str) -> tuple[list, list[int], list[str], bool]:
    """Paths, labels and class names of a folder's part, and whether "train" and "val" are still to be divided."""
    whole = not (path / "train").is_dir()
    own = {name: path / name for name in ("val", "test") if not whole and (path / name).is_dir()}
    where = own.get(split) or (split == "test" and own.get("val")) or (path if whole else path / "train")
    try:
        dataset = ImageFolder(str(where))
        wanted = dataset.classes if whole else ImageFolder(str(path / "train")).classes
        if wanted != dataset.classes:
            raise ValueError(f"{where} has the classes {', '.join(dataset.classes)}; {path / 'train'} has {', '.join(wanted)}")
    except OSError as error:
        raise ValueError(
            f"looked for pictures in {where}/CLASS/ and found none ({error}): give a folder that holds train/ and val/, or the classes"
        ) from None
    return [name for name, _ in dataset.samples], dataset.targets, dataset.classes, "val" not in own and where not in own.values()


class Pictures:
    """Pictures that are decoded when they are asked for, in the place of `Images.pixels` where all would not fit into memory.

    One that cannot be decoded is grey, with a warning that names it; ValueError for more than `unreadable` of them.
    """

    def __init__(self, pictures: list, size: int, unreadable: int):
        self.pictures, self.size, self.unreadable, self.grey = pictures, size, unreadable, set()
        self.pool = ThreadPoolExecutor(os.cpu_count())  # Pillow decodes without the interpreter's lock

    def __len__(self) -> int:
        return len(self.pictures)

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


def decode(picture: str | os.PathLike | np.ndarray, size: int) -> Tensor:
    """A picture's file, or its array [h, w, 3] or [h, w], as uint8 [3, size, size]."""
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else Image.open(picture)
    return torch.from_numpy(np.array(centre_crop(image, size))).permute(2, 0, 1)


def _skip(picture: str | os.PathLike | np.ndarray, error: Exception, skipped: int, unreadable: int) -> None:
    """Say which picture cannot be read. Raises ValueError for one too many."""
    warnings.warn(f"skipped {picture}, which cannot be read: {error}", stacklevel=3)
    if skipped > unreadable:
        raise ValueError(f"more than {unreadable} unreadable pictures, {picture} the last; mend or delete them") from None


def _read(pictures: list, labels: list[int], classes: tuple[str, ...], size: int, unreadable: int, title: str) -> Images:
    """The pictures as `load` says: decoded now if they fit into IN_MEMORY, else when they are asked for."""
    if len(pictures) * 3 * size**2 > IN_MEMORY:
        return Images(pixels=Pictures(pictures, size, unreadable), labels=torch.tensor(labels), classes=classes)
    pixels = torch.empty(len(pictures), 3, size, size, dtype=torch.uint8)
    kept = []
    for index, picture in enumerate(tqdm(pictures, title, unit="image", leave=False, disable=None)):
        try:
            pixels[len(kept)] = decode(picture, size)
        except UNREADABLE as error:
            _skip(picture, error, index + 1 - len(kept), unreadable)
            continue
        kept.append(index)
    return Images(pixels=pixels[: len(kept)], labels=torch.tensor([labels[i] for i in kept]), classes=classes)
