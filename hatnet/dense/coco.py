"""Pictures with boxes and masks, from a folder laid out as COCO is: what `--task detect` trains on.

    PATH/annotations/instances_train.json   images, annotations and categories, as COCO's own file has them
    PATH/train/0001.jpg                     the pictures that it names
    PATH/annotations/instances_val.json, PATH/val/..., and the same for test; without val, a fraction of train is held out

A part's name may go on, as in instances_train2017.json with train2017/. Boxes are x, y, width, height in pixels; category ids may be any
whole numbers. Masks are polygons or COCO's run lengths, and are decoded by pycocotools. A box is cut to its picture; one without area, or
with none left, is left out and counted. Annotations with iscrowd 1 are not trained on, and count neither way in evaluation.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hatnet.dense.objects import Instances, Objects
from hatnet.files import brief, parse_json
from hatnet.fingerprint import Identity, fingerprint, listing
from hatnet.folders import File, Folder, by_class
from hatnet.pictures import read_picture
from hatnet.ranges import Flag, Many, Number, Range, Table, Whole, Word, check, nearest_word

PARTS = ("train", "val", "test")
PREFIX = "instances_"
_ID, _PIXELS = Whole(-(2**63), 2**63 - 1), Whole(1, 10**6)
_PLACE = Number(-1e9, 1e9)
LISTS = ("images", "annotations", "categories")
IMAGE: dict[str, Range] = {"id": _ID, "file_name": Word(), "width": _PIXELS, "height": _PIXELS}
ANNOTATION: dict[str, Range] = {"image_id": _ID, "category_id": _ID, "bbox": Many(_PLACE, 4, 4)}
CATEGORY: dict[str, Range] = {"id": _ID, "name": Word()}
MOST_NAMED = 5  # annotations that a line names


class Annotation(NamedTuple):
    """An object, as a file describes it."""

    name: str  # "FILE, annotation 17", for messages
    label: int  # its class, counted from 0
    box: tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels, within the picture
    area: float  # in pixels: what its size is judged by
    crowd: bool
    mask: Any  # polygons, or run lengths; None if there is none


class Picture(NamedTuple):
    """A picture with its objects, which may be none."""

    file: File
    size: tuple[int, int]  # height and width in pixels, as the annotations say
    objects: tuple[Annotation, ...]


@dataclass(frozen=True)
class CocoFolder:
    """A folder of pictures and annotations, as `scan_coco` finds it."""

    path: Path  # absolute
    classes: tuple[str, ...]  # by label: in the order of their category ids
    parts: Mapping[str, Sequence[Picture]]  # "train", "val", "test", as far as they are there, sorted by name
    annotations: Mapping[str, File]  # of each part
    left_out: Mapping[str, Sequence[str]]  # part -> the annotations whose boxes have no area

    @property
    def source(self) -> str:
        """What --data calls it."""
        return f"coco:{self.path}"

    def split(self, split: str, val_fraction: float) -> list[Picture]:
        """The pictures of "train", "val" (if there is none: a fraction of train, which then is not in "train") or "test".

        Raises ValueError if there is no such part.
        """
        whole = split in self.parts and (split != "train" or "val" in self.parts)
        if not whole and (split == "test" or "train" not in self.parts):
            wanted = "test" if split == "test" else "train"
            raise ValueError(f"{self.path}/annotations has {' and '.join(self.parts)}, and no {PREFIX}{wanted}.json")
        if whole:
            return list(self.parts[split])
        pictures = {picture.file.name: picture for picture in self.parts["train"]}
        kept, held_out = by_class([picture.file for picture in pictures.values()], val_fraction)
        return [pictures[file.name] for file in (kept if split == "train" else held_out)]

    def identity(self) -> Identity:
        """What tells whether a folder is still the one that a run was begun on: its classes, and names, sizes and contents of its files."""
        files = {part: [self.annotations[part], *(picture.file for picture in pictures)] for part, pictures in self.parts.items()}
        listed = listing(Folder(self.path, files, {part: part for part in files}, {}, self.source))
        return Identity({"source": self.source, "classes": list(self.classes), "pictures": fingerprint(listed)}, listed)

    def summary(self, splits: Sequence[str], val_fraction: float) -> str:
        """What was found, in a few lines."""
        lines = []
        for split in splits:
            pictures = self.split(split, val_fraction)
            objects = [one for picture in pictures for one in picture.objects]
            crowds, empty = sum(one.crowd for one in objects), sum(not picture.objects for picture in pictures)
            more = f", {crowds:,} of them crowds" * (crowds > 0) + f"; {empty:,} pictures without any" * (empty > 0)
            lines.append(f"  {split}: {len(pictures):,} pictures, {len(objects):,} objects{more}")
        for part, names in self.left_out.items():
            named = ", ".join(names[:MOST_NAMED]) + ", ..." * (len(names) > MOST_NAMED)
            lines.append(f"  left out of {self.annotations[part].path}, boxes without area in the picture: {len(names):,} ({named})")
        return "\n".join([f"{self.path}: {len(self.classes)} classes", *lines])


def scan_coco(path: str | os.PathLike[str]) -> CocoFolder:
    """Read the annotations of a folder, and look for the pictures that they name, without opening one.

    Raises ValueError, naming the file, for a folder that is not laid out as the module says, for a picture that is not there, and for
    annotations that cannot be used.
    """
    root = Path(os.path.abspath(os.path.expanduser(path)))
    if not (root / "annotations").is_dir():
        near = nearest_word(root.name, os.listdir(root.parent)) if root.parent.is_dir() and not root.is_dir() else None
        missing = root / "annotations" if root.is_dir() else root
        meant = f"; did you mean {root.parent / near}?" if near else ""
        raise ValueError(f"there is no folder {missing}{meant}; wanted annotations/{PREFIX}train.json, and its pictures in train/")
    files: dict[str, Path] = {}
    for file in sorted((root / "annotations").glob(f"{PREFIX}*.json")):
        part = next((part for part in PARTS if file.stem.removeprefix(PREFIX).startswith(part)), None)
        if part and part in files:
            raise ValueError(f"{files[part]} and {file} are both {part}: leave one there")
        if part:
            files[part] = file
    if not files:
        there = ", ".join(sorted(os.listdir(root / "annotations"))[:5]) or "nothing"
        raise ValueError(f"{root / 'annotations'} has {there}; wanted {PREFIX}train.json, and the same for val and test")
    classes: tuple[str, ...] = ()
    parts, annotations, left_out = {}, {}, {}
    for part in [part for part in PARTS if part in files]:
        found, pictures, flat = _read(files[part], root)
        if classes and found != classes:
            raise ValueError(f"{files[part]} has the classes {', '.join(found)}, and another file {', '.join(classes)}: wanted the same")
        classes, parts[part] = found, pictures
        annotations[part] = File(f"annotations/{files[part].name}", str(files[part]), files[part].stat().st_size)
        if flat:
            left_out[part] = flat
    return CocoFolder(root, classes, parts, annotations, left_out)


def _read(path: Path, root: Path) -> tuple[tuple[str, ...], list[Picture], list[str]]:
    """The classes and pictures of a file of annotations, and the names of those whose boxes have no area."""
    try:
        found = parse_json(path.read_bytes(), path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from None
    if not isinstance(found, dict) or (missing := [name for name in LISTS if not isinstance(found.get(name), list)]):
        lacks = f"has no list {missing[0]}" if isinstance(found, dict) else f"holds a {type(found).__name__}"
        raise ValueError(f"{path} {lacks}; wanted the lists {', '.join(LISTS)}, as COCO's files have them")
    categories: dict[int, str] = {}
    for where, entry in _entries(found, "categories", CATEGORY, path):
        if entry["id"] in categories or entry["name"] in categories.values():
            raise ValueError(f"{where}: id {entry['id']} or name {entry['name']!r} is there twice; wanted each once")
        categories[entry["id"]] = entry["name"]
    if not categories:
        raise ValueError(f"{path} has no categories; wanted at least one")
    label = {number: index for index, number in enumerate(sorted(categories))}

    images: dict[int, dict] = {}
    folder = root / path.stem.removeprefix(PREFIX)
    for where, entry in _entries(found, "images", IMAGE, path):
        if entry["id"] in images:
            raise ValueError(f"{where}: id {entry['id']} is there twice; wanted each once")
        if not (folder / entry["file_name"]).is_file():
            raise ValueError(f"{where}: there is no file {folder / entry['file_name']}")
        images[entry["id"]] = entry
    if not images:
        raise ValueError(f"{path} has no images; wanted at least one")

    objects, flat = defaultdict(list), []
    for where, entry in _entries(found, "annotations", ANNOTATION, path):
        if entry["image_id"] not in images:
            raise ValueError(f"{where}: image_id is {entry['image_id']}, and no image has that id")
        if entry["category_id"] not in label:
            nearest = min(label, key=lambda number: abs(number - entry["category_id"]))
            raise ValueError(f"{where}: category_id is {entry['category_id']}, which categories lack; the nearest is {nearest}")
        _check_optional(entry, where)
        image = images[entry["image_id"]]
        x, y, w, h = entry["bbox"]
        x1, y1, x2, y2 = max(x, 0), max(y, 0), min(x + w, image["width"]), min(y + h, image["height"])
        if x2 <= x1 or y2 <= y1:
            flat.append(where.removeprefix(f"{path}, "))
            continue
        crowd, area = bool(entry.get("iscrowd", 0)), entry.get("area", (x2 - x1) * (y2 - y1))
        one = Annotation(where, label[entry["category_id"]], (x1, y1, x2, y2), area, crowd, entry.get("segmentation"))
        objects[entry["image_id"]].append(one)
    pictures = []
    for number, image in sorted(images.items(), key=lambda item: item[1]["file_name"]):
        place = folder / image["file_name"]
        file = File(f"{folder.name}/{image['file_name']}", str(place), place.stat().st_size)
        pictures.append(Picture(file, (image["height"], image["width"]), tuple(objects[number])))
    return tuple(categories[number] for number in sorted(categories)), pictures, flat


def _entries(found: dict, name: str, wanted: Mapping[str, Range], path: Path):
    """The entries of a list of annotations, checked, and what to call each of them: by its id, else by its place."""
    for index, entry in enumerate(found[name], start=1):
        number = entry.get("id") if isinstance(entry, dict) else None
        kind = {"categories": "category"}.get(name, name.removesuffix("s"))
        where = f"{path}, {kind} {number if isinstance(number, int) else f'no. {index}'}"
        try:
            if not Table().holds(entry):
                raise ValueError(f"it is a {type(entry).__name__}; wanted {Table()}")
            check(entry, wanted)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        yield where, entry


def _check_optional(entry: Mapping, where: str) -> None:
    """Raise ValueError for what an annotation may lack, if it is there and wrong."""
    ranges: dict[str, Range] = {"area": Number(0, 1e12), "iscrowd": Whole(0, 1) if not isinstance(entry.get("iscrowd"), bool) else Flag()}
    try:
        check(entry, {name: wanted for name, wanted in ranges.items() if name in entry})
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def decoded(one: Annotation, size: tuple[int, int]) -> np.ndarray:
    """An object's mask, uint8 [h, w]. Raises ValueError, naming the annotation, for a mask that is missing, of another size, or damaged."""
    from pycocotools import mask as runs  # not needed for boxes

    h, w = size
    if not one.mask:
        raise ValueError(f"{one.name} has no segmentation; Mask R-CNN needs one for each object (--head retinanet needs boxes alone)")
    if isinstance(one.mask, list):
        if bad := [part for part in one.mask if not (isinstance(part, list) and len(part) >= 6 and Many(_PLACE, 6, 10**7).holds(part))]:
            raise ValueError(f"{one.name}: a polygon is {str(bad[0])[:60]}; wanted a list x1, y1, x2, y2, ... of at least three points")
        if odd := [part for part in one.mask if len(part) % 2]:
            raise ValueError(f"{one.name}: a polygon has {len(odd[0])} numbers; wanted an even number, x1, y1, x2, y2, ...")
        return runs.decode(runs.merge(runs.frPyObjects(one.mask, h, w)))
    if not isinstance(one.mask, dict) or not isinstance(one.mask.get("counts"), list | str):
        raise ValueError(f"{one.name}: segmentation is a {type(one.mask).__name__}; wanted polygons, or run lengths: size and counts")
    if (given := one.mask.get("size")) != [h, w]:
        raise ValueError(f"{one.name}: its mask has the size {given}, and its picture [{h}, {w}] (height, width): wanted the same")
    counts = one.mask["counts"]
    if isinstance(counts, list):
        if not Many(Whole(0, 2**32 - 1), 0, 10**8).holds(counts) or sum(counts) != h * w:
            raise ValueError(f"{one.name}: its run lengths do not add up to the {h * w:,} pixels of the picture")
        return runs.decode(runs.frPyObjects(one.mask, h, w))
    try:
        mask = runs.decode({"size": [h, w], "counts": counts.encode()})
    except (ValueError, TypeError, UnicodeError) as error:
        raise ValueError(f"{one.name}: its run lengths cannot be decoded ({brief(error)})") from None
    return mask


def read_objects(picture: Picture, masks: bool, pixels: Tensor | None = None) -> tuple[Tensor, Instances]:
    """A picture, uint8 [3, h, w], and its objects. masks: whether these are wanted. pixels: the picture, if it was read before.

    Raises ValueError, naming the file, for what cannot be used.
    """
    if pixels is None:
        try:
            image, _ = read_picture(picture.file.path, Path(picture.file.path).name)
        except (OSError, ValueError) as error:
            raise ValueError(f"{picture.file.path}: {brief(error)}") from None
        if (image.height, image.width) != picture.size:
            raise ValueError(
                f"{picture.file.path} is {image.width} x {image.height} pixels, and its annotations say {picture.size[1]} x "
                f"{picture.size[0]}: wanted the same width and height"
            )
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    some = picture.objects
    found: Instances = {
        "boxes": torch.tensor([one.box for one in some], dtype=torch.float32).view(-1, 4),
        "classes": torch.tensor([one.label for one in some], dtype=torch.int64),
        "area": torch.tensor([one.area for one in some], dtype=torch.float32),
        "crowd": torch.tensor([one.crowd for one in some], dtype=torch.bool),
    }
    if masks:
        stacked = [torch.from_numpy(decoded(one, picture.size)) for one in some]
        found["masks"] = torch.stack(stacked) if stacked else torch.zeros(0, *picture.size, dtype=torch.uint8)
    return pixels, found


def load_objects(folder: CocoFolder, split: str, side: int, val_fraction: float, in_memory: float, masks: bool) -> Objects:
    """One split of a folder. side: of the short side of the pictures in training, in pixels. in_memory: bytes of decoded pictures to hold;
    a set that would take more is read at each use. masks: whether they are wanted. Raises ValueError, naming the file, for what cannot be
    used."""
    pictures = folder.split(split, val_fraction)
    held: list[Tensor] | None = None
    if sum(3 * h * w for h, w in (picture.size for picture in pictures)) <= in_memory:
        held = [read_objects(picture, False)[0] for picture in pictures]
    if masks and held is not None:  # what is wrong with one then shows before the training begins
        for picture in pictures:
            for one in picture.objects:
                decoded(one, picture.size)

    def read(number: int, pixels: Tensor | None) -> tuple[Tensor, Instances]:
        return read_objects(pictures[number], masks, pixels)

    labels = torch.tensor([one.label for picture in pictures for one in picture.objects], dtype=torch.int64)
    counts = torch.bincount(labels, minlength=len(folder.classes))
    return Objects(count=len(pictures), classes=folder.classes, side=side, masks=masks, read=read, held=held, counts=counts)
