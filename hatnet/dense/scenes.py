"""Pictures with a class for each pixel, from a folder: what `--task segment` trains on.

PATH/classes.json               [{"index": 0, "name": "sky", "colour": [128, 128, 128]}, ...]
PATH/train/images/0001.jpg      a picture of any size
PATH/train/masks/0001.png       of the same name and size: each pixel the index of its class, or 255 where there is none
PATH/val/..., PATH/test/...     the same; without val/, a fraction of train/ is held out
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from hatnet.data import drawn
from hatnet.files import brief, parse_json
from hatnet.fingerprint import Identity, fingerprint, listing
from hatnet.folders import File, Folder, by_class
from hatnet.pictures import EXTENSIONS, read_picture
from hatnet.ranges import Many, Range, Table, Whole, Word, check, nearest_word

VOID = 255  # of a mask's pixel without a class
PARTS = ("train", "val", "test")
ENTRY: dict[str, Range] = {"index": Whole(0, VOID - 1), "name": Word(), "colour": Many(Whole(0, 255), 3, 3)}  # of classes.json
GREY = ("L", "P", "1")  # Pillow's modes whose numbers are indices


class Class(NamedTuple):
    """A class of pixels."""

    name: str
    colour: tuple[int, int, int]  # red, green, blue


class Scene(NamedTuple):
    """A picture and its mask, as files."""

    image: File
    mask: File


@dataclass(frozen=True)
class SceneFolder:
    """A folder of pictures and masks, as `scan_scenes` finds it."""

    path: Path  # absolute
    classes: tuple[Class, ...]  # by index
    parts: Mapping[str, Sequence[Scene]]  # "train", "val", "test", as far as they are there, sorted

    @property
    def source(self) -> str:
        """What --data calls it."""
        return f"folder:{self.path}"

    def split(self, split: str, val_fraction: float) -> list[Scene]:
        """The pictures of "train", "val" (if there is none: a fraction of train/, which then is not in "train") or "test".

        Raises ValueError if there is no such part.
        """
        if split == "test" or (split in self.parts and (split == "val" or "val" in self.parts)):
            if split not in self.parts:
                raise ValueError(f"{self.path} has {' and '.join(f'{part}/' for part in self.parts)}, and no {split}/")
            return list(self.parts[split])
        if "train" not in self.parts:
            raise ValueError(f"{self.path} has {' and '.join(f'{part}/' for part in self.parts)}, and no train/")
        scenes = {scene.image.name: scene for scene in self.parts["train"]}
        kept, held_out = by_class([scene.image for scene in scenes.values()], val_fraction)
        return [scenes[file.name] for file in (kept if split == "train" else held_out)]

    def identity(self) -> Identity:
        """What tells whether a folder is still the one that a run was begun on: its classes, and names, sizes and contents of its files."""
        files = {part: [file for scene in scenes for file in scene] for part, scenes in self.parts.items()}
        listed = listing(Folder(self.path, files, {part: part for part in files}, {}, self.source))
        return Identity({"source": self.source, "classes": [one.name for one in self.classes], "pictures": fingerprint(listed)}, listed)

    def summary(self, splits: Sequence[str], val_fraction: float) -> str:
        """What was found, in a line."""
        counts = ", ".join(f"{len(self.split(split, val_fraction)):,} {split}" for split in splits)
        return f"{self.path}: {len(self.classes)} classes; pictures with masks: {counts}"


def scan_scenes(path: str | os.PathLike[str]) -> SceneFolder:
    """Look through a folder of pictures and masks, without opening one.

    Raises ValueError, naming the file, for a folder that is not laid out as the module says, for a picture without a mask, and for a bad
    classes.json.
    """
    root = Path(os.path.abspath(os.path.expanduser(path)))
    if not root.is_dir():
        near = nearest_word(root.name, os.listdir(root.parent)) if root.parent.is_dir() else None
        raise ValueError(f"there is no folder {root}" + (f"; did you mean {root.parent / near}?" if near else ""))
    parts = {part: _scenes(root / part) for part in PARTS if (root / part).is_dir()}
    if not parts:
        raise ValueError(f"{root} has none of train/, val/ and test/; wanted images/ and masks/ in each")
    return SceneFolder(root, read_classes(root / "classes.json"), parts)


def read_classes(path: Path) -> tuple[Class, ...]:
    """The classes of classes.json, by index. Raises ValueError, naming the file and the entry, for anything else."""
    wanted = '[{"index": 0, "name": "sky", "colour": [128, 128, 128]}, ...]'
    try:
        found = parse_json(path.read_bytes(), path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); wanted {wanted}") from None
    if not isinstance(found, list) or not found:
        raise ValueError(f"{path} holds {'an empty list' if found == [] else f'a {type(found).__name__}'}; wanted a list: {wanted}")
    classes: dict[int, Class] = {}
    for number, entry in enumerate(found, start=1):
        try:
            if not Table().holds(entry):
                raise ValueError(f"it is a {type(entry).__name__}; wanted {Table()}")
            check(entry, ENTRY)
        except ValueError as error:
            raise ValueError(f"{path}, entry {number}: {error}; wanted entries like {wanted[1:-6]}") from None
        index, one = entry["index"], Class(entry["name"], tuple(entry["colour"]))
        if index in classes or one.name in {other.name for other in classes.values()}:
            raise ValueError(f"{path}, entry {number}: index {index} or name {one.name!r} is there twice; wanted each once")
        classes[index] = one
    if missing := [index for index in range(len(classes)) if index not in classes]:
        raise ValueError(
            f"{path} has {len(classes)} classes, and none has the index {missing[0]}; wanted 0 to {len(classes) - 1}, each once"
        )
    return tuple(classes[index] for index in range(len(classes)))


def _scenes(part: Path) -> list[Scene]:
    """The pictures of a part with their masks, sorted by name."""
    images, masks = part / "images", part / "masks"
    for folder in (images, masks):
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}; wanted images/ and masks/ in {part}")
    found: dict[str, Scene] = {}
    for file in sorted(images.iterdir()):
        if file.name.startswith(".") or not file.is_file() or not file.name.lower().endswith(EXTENSIONS):
            continue
        mask = masks / f"{file.stem}.png"
        if not mask.is_file():
            raise ValueError(f"{file} has no mask: there is no file {mask}")
        if file.stem in found:
            raise ValueError(f"{file} and {found[file.stem].image.path} would have the same mask, {mask}: rename one")
        found[file.stem] = Scene(_file(file), _file(mask))
    if not found:
        raise ValueError(f"found no pictures in {images}")
    return list(found.values())


def _file(path: Path) -> File:
    return File(f"{path.parent.name}/{path.name}", str(path), path.stat().st_size)


def read_scene(scene: Scene, classes: int) -> tuple[Tensor, Tensor]:
    """A picture, uint8 [3, h, w], and its mask, uint8 [h, w]. Raises ValueError, naming the file, for what cannot be used."""
    path = scene.mask.path
    try:
        image, _ = read_picture(scene.image.path, Path(scene.image.path).name)
    except (OSError, ValueError) as error:
        raise ValueError(f"{scene.image.path}: {brief(error)}") from None
    try:
        with Image.open(path) as opened:
            if opened.mode not in GREY:
                raise ValueError(
                    f"it holds {opened.mode} values; wanted a PNG of one 8-bit number for each pixel, the index of its class (mode L or P)"
                )
            mask = np.array(opened, dtype=np.uint8)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: {brief(error)}") from None
    if mask.shape != (image.height, image.width):
        raise ValueError(
            f"{path} is {mask.shape[1]} x {mask.shape[0]} pixels, and its picture {scene.image.path} is {image.width} x {image.height}: "
            "wanted the same width and height"
        )
    if (wrong := mask[(mask >= classes) & (mask != VOID)]).size:
        raise ValueError(
            f"{path} has the index {wrong[0]}, which classes.json has not; wanted 0 to {classes - 1}, or {VOID} for pixels without a class"
        )
    return torch.from_numpy(np.array(image)).permute(2, 0, 1), torch.from_numpy(mask)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenes:
    """A set of pictures with a class for each pixel; a `TrainingSet`."""

    scenes: Sequence[Scene]
    sizes: Sequence[tuple[int, int]]  # height and width of each, in pixels
    labels: tuple[Class, ...]
    size: tuple[int, int]  # height and width of the parts that are cut out in training, in pixels
    held: Sequence[tuple[Tensor, Tensor]] | None  # what `read_scene` gave of each; None: read at each use
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(min(8, os.cpu_count() or 1)))

    def __len__(self) -> int:
        return len(self.scenes)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.labels)

    @property
    def nbytes(self) -> int:
        return sum(pixels.nbytes + mask.nbytes for pixels, mask in self.held or ())

    @property
    def lazy(self) -> bool:
        return self.held is None

    @property
    def device(self) -> torch.device:
        return self.held[0][0].device if self.held else torch.device("cpu")

    def on(self, device: torch.device) -> "Scenes":
        return replace(self, held=[(pixels.to(device), mask.to(device)) for pixels, mask in self.held or ()])

    def take(self, index: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
        """Pixels, uint8 [3, h, w], and mask, uint8 [h, w], of some pictures."""
        if self.held:
            return [self.held[number] for number in index]
        return list(self.pool.map(lambda number: read_scene(self.scenes[number], len(self.labels)), index))

    def statistics(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel, for pixels in 0..1, over at most 500 pictures, evenly from the list."""
        total, squares, count = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64), 0
        for number in range(0, len(self), max(1, len(self) // 500)):
            pixels = self.take([number])[0][0].double().flatten(1) / 255
            total, squares, count = total + pixels.sum(1), squares + (pixels**2).sum(1), count + pixels.shape[1]
        mean = total / count
        return mean.tolist(), (squares / count - mean**2).clamp(min=1e-6).sqrt().tolist()

    def class_counts(self) -> Tensor:
        """How many pixels each class has, int64 [classes]."""
        counts = torch.zeros(VOID + 1, dtype=torch.int64)
        for number in range(len(self)):
            counts += torch.bincount(self.take([number])[0][1].flatten(), minlength=VOID + 1).cpu()
        return counts[: len(self.labels)]

    def batch(self, step: int, steps: int, count: int, seed: int, shard: slice) -> tuple[Tensor, Tensor, list[tuple[int, int]]]:
        """Pixels uint8 [b, 3, h, w] and masks uint8 [b, h, w], in the top left corner of the size of the largest, and the size of each."""
        index = drawn(len(self), step, count, seed)[shard].tolist()
        sizes = [self.sizes[number] for number in index]
        h, w = (max(side) for side in zip(*sizes, strict=True))
        device = self.device
        pixels = torch.zeros(len(index), 3, h, w, dtype=torch.uint8, device=device)
        masks = torch.full((len(index), h, w), VOID, dtype=torch.uint8, device=device)
        for place, (image, mask) in enumerate(self.take(index)):
            pixels[place, :, : image.shape[1], : image.shape[2]] = image
            masks[place, : mask.shape[0], : mask.shape[1]] = mask
        return pixels, masks, sizes


def load_scenes(folder: SceneFolder, split: str, size: tuple[int, int], val_fraction: float, in_memory: float) -> Scenes:
    """One split of a folder. size: of the parts that are cut out in training. in_memory: bytes of decoded pictures and masks to hold; a set
    that would take more is read at each use. Raises ValueError, naming the file, for what cannot be used."""
    scenes, sizes = folder.split(split, val_fraction), []
    for scene in scenes:
        try:
            with Image.open(scene.mask.path) as mask:
                sizes.append((mask.height, mask.width))
        except (OSError, Image.DecompressionBombError) as error:
            raise ValueError(f"{scene.mask.path}: {brief(error)}") from None
    fits = sum(4 * h * w for h, w in sizes) <= in_memory
    held = [read_scene(scene, len(folder.classes)) for scene in scenes] if fits else None
    return Scenes(scenes=scenes, sizes=sizes, labels=folder.classes, size=size, held=held)


def painted(labels: np.ndarray, colours: Sequence[Any]) -> np.ndarray:
    """Masks [..., h, w] in the colours of their classes, uint8 [..., h, w, 3]; black where there is none."""
    table = np.zeros((VOID + 1, 3), dtype=np.uint8)
    table[: len(colours)] = colours
    return table[labels]
