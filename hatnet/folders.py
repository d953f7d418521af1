"""Folders of pictures: what lies in them, what is left out and why, and which pictures are held out from training.

A folder holds parts (train/, val/, test/, or another of their NAMES, in any case), each with a folder of pictures for every class; or it
holds the class folders themselves.
"""

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import torch

from hatnet.pictures import EXTENSIONS
from hatnet.ranges import nearest_word

NAMES = {"train": ("train", "training"), "val": ("val", "valid", "validation", "dev"), "test": ("test", "testing")}
PART = {name: part for part, names in NAMES.items() for name in names}
SYSTEM = {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "thumbs.db", "desktop.ini"}
LOOSE, OUTSIDE = "not in a folder of a class", "in none of train/, val/ and test/"  # why a picture is left out
MOST_ROWS = 30  # classes in a table; of more, the smallest and the largest are named
TRUST = "if this is how it is meant, add --trust-layout"


class File(NamedTuple):
    """A picture, as it lies in its part of a folder."""

    name: str  # CLASS/FILE or CLASS/.../FILE, with "/" on every system, its accents composed (Unicode's NFC)
    path: str
    size: int  # bytes

    @property
    def label(self) -> str:
        """The name of its class."""
        return self.name.split("/", 1)[0]

    @property
    def draw(self) -> bytes:
        """A random number that depends on the name alone: the lowest of a class are held out."""
        return sha256(self.name.encode("utf-8", "surrogateescape")).digest()


@dataclass(frozen=True)
class Folder:
    """A folder of pictures, as `scan` finds it."""

    path: Path  # absolute
    parts: Mapping[str, Sequence[File]]  # "train", "val", "test", as far as they are there, sorted; class folders alone are "train"
    names: Mapping[str, str]  # part -> its folder's name; empty if the class folders lie in `path` itself
    left_out: Mapping[str, Sequence[str]]  # why -> which, relative to `path`
    source: str  # what --data calls it
    joined: tuple["Folder", ...] = ()  # the folders that this one stands for, if there are several
    by_place: bool = False  # hold out by the place in the list, over all classes, as for runs that kept no fingerprint

    @property
    def classes(self) -> tuple[str, ...]:
        """In label order. Those of "train"; if it is not there, of the other parts."""
        parts = [self.parts["train"]] if "train" in self.parts else self.parts.values()
        return tuple(sorted({file.label for files in parts for file in files}))

    def part_of(self, split: str) -> str:
        """The part that holds a split: "val" is held out from "train", and "test" is "val", where there is no part of that name.

        Raises ValueError if none does.
        """
        instead = {"train": ("train",), "val": ("val", "train"), "test": ("test", "val", "train")}[split]
        part = next((part for part in instead if part in self.parts), None)
        if part is None:
            raise ValueError(f"{self.path} has {' and '.join(f'{name}/' for name in self.names.values())}, and no train/")
        return part

    def split(self, split: str, val_fraction: float) -> list[File]:
        """The pictures of "train", "val" or "test".

        Raises ValueError if they have a class that the training pictures lack, or if there is nothing to hold out.
        """
        part = self.part_of(split)
        files = self.parts[part]
        labels = {file.label for file in files}
        if new := labels - set(self.classes):
            found, wanted = (", ".join(sorted(names)) for names in (labels, self.classes))
            raise ValueError(
                f"{self.path / self.names[part]} has the classes {found}; train/ has {wanted}, and so not {shortened(sorted(new))}"
            )
        if part != "train" or "val" in self.parts:
            return list(files)
        kept, held_out = by_place(files, val_fraction) if self.by_place else by_class(files, val_fraction)
        return kept if split == "train" else held_out

    def check(self, parts: Sequence[str] = ("train", "val"), least: int = 2) -> None:
        """Raises ValueError if the layout of some parts is probably another than it was taken for.

        least: how many classes "train" must have.
        """
        for folder in self.joined:
            folder.check(parts, least=1)
        for part in [part for part in parts if part in self.parts]:
            where = self.path / self.names.get(part, "")
            if doubt := _doubt(where, self.parts[part], least if part == "train" else 1):
                raise ValueError(f"{doubt}; {TRUST}")
        if len(self.parts) == 1 and (others := self.left_out.get(OUTSIDE)):
            (name,) = self.names.values()
            raise ValueError(f"{self.path} has {name}/, taken for a part of the data, which leaves out {shortened(others)}; {TRUST}")


def scan(path: str | os.PathLike[str]) -> Folder:
    """Look through a folder of pictures, without opening one.

    Raises ValueError if there is no such folder or no picture in the folder of a class, or if two folders claim to be the same part.
    """
    root = Path(os.path.abspath(os.path.expanduser(path)))
    if not root.is_dir():
        near = nearest_word(root.name, os.listdir(root.parent)) if root.parent.is_dir() else None
        raise ValueError(f"there is no folder {root}" + (f"; did you mean {root.parent / near}?" if near else ""))
    left_out: dict[str, list[str]] = defaultdict(list)
    found = list(_walk(root, (), {os.path.realpath(root)}, left_out))
    names = _parts(root, [place for place, _, _ in found])
    parts: dict[str, list[File]] = defaultdict(list)
    depth = 2 if names else 1  # of a class folder
    part_of = {name: part for part, name in names.items()}
    for place, file_path, size in found:
        if names and place[0] not in part_of:
            left_out[LOOSE if len(place) == 1 or place[0].lower() in PART else OUTSIDE].append("/".join(place))
        elif len(place) <= depth:
            left_out[LOOSE].append("/".join(place))
        else:
            parts[part_of[place[0]] if names else "train"].append(File("/".join(place[depth - 1 :]), file_path, size))
    if not parts:
        what = "; ".join(f"{why}: {shortened(which)}" for why, which in left_out.items())
        wanted = "give a folder that holds train/ and val/, or the class folders"
        raise ValueError(f"found no pictures in {root}/CLASS/: {wanted}" + f" ({what})" * bool(what))
    for files in parts.values():
        files.sort(key=lambda file: (file.label, *os.path.split(file.name)))
    return Folder(root, {part: parts[part] for part in NAMES if part in parts}, names, dict(left_out), f"folder:{root}")


def _walk(folder: Path | str, place: tuple[str, ...], above: set[str], left_out: dict[str, list[str]]) -> Iterator[tuple[tuple, str, int]]:
    """Place (the names of the folders and of the file), path and size of every picture. above: the folders on the way, to leave circles."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise ValueError(f"{folder} cannot be read ({error.strerror})") from None
    for entry in entries:
        here = (*place, unicodedata.normalize("NFC", entry.name))
        name = "/".join(here)
        if entry.name.startswith(".") or entry.name.lower() in SYSTEM:
            left_out["hidden"].append(name + "/" * entry.is_dir())
        elif entry.is_dir():
            real = os.path.realpath(entry.path)
            if real in above:
                left_out["links back to where they lie"].append(f"{name}/")
                continue
            pictures = list(_walk(entry.path, here, above | {real}, left_out))
            if not pictures:
                left_out["folders without a picture"].append(f"{name}/")
            yield from pictures
        elif not entry.is_file():
            left_out["links to nothing"].append(name)
        elif not entry.name.lower().endswith(EXTENSIONS):
            left_out["not pictures by their name"].append(name)
        else:
            yield here, entry.path, entry.stat().st_size


def _parts(root: Path, places: list[tuple[str, ...]]) -> dict[str, str]:
    """Part -> the name of its folder. A folder with such a name is a part if it holds class folders, and a class if it holds pictures."""
    deep = Counter(place[0] for place in places if len(place) > 2)
    flat = Counter(place[0] for place in places if len(place) == 2)
    names: dict[str, str] = {}
    for name, count in sorted(deep.items()):
        part = PART.get(name.lower())
        if part and count > flat[name]:
            if part in names:
                raise ValueError(f"{root} has {names[part]}/ and {name}/, and both may be the part {part}/: rename or move one")
            names[part] = name
    return names


def _doubt(where: Path, files: Sequence[File], least: int) -> str | None:
    """Why the folders in `where` are probably not those of the classes."""
    names: dict[str, list[str]] = defaultdict(list)
    for file in files:
        names[file.label].append(file.name)
    classes = f"the class{'es' * (len(names) > 1)} would be {shortened(names)}"
    if all(PART.keys() & set(re.split(r"[^a-z]+", label.lower())) for label in names):
        return f"in {where}, {classes}, which are names of parts: each part holds a folder for each class"
    inner = [_branches(some) for some in names.values()]
    if inner[0] and all(inner):
        below, folders = inner[0]
        near = f"folder:{where / below}" if len(names) == 1 else "a folder whose subfolders are the classes"
        return f"in {where}, {classes}, but the pictures lie deeper, in {shortened(folders)} of {below}/: did you mean {near}?"
    if len(names) < least:
        return f"in {where}, {classes} alone, with nothing to tell it from: give the folder that holds a folder for each class"
    return None


def _branches(names: list[str]) -> tuple[str, list[str]] | None:
    """The folder below a class folder (or itself) that holds several folders and no picture, and their names; None if there is none.

    names: of the pictures of one class.

    A single folder in a class folder (CLASS/images/) is passed through, but for one that has a part's name.
    """
    places, depth = [name.split("/") for name in names], 1
    while all(len(place) > depth + 1 for place in places):
        below = sorted({place[depth] for place in places})
        if len(below) > 1 or below[0].lower() in PART:
            return "/".join(places[0][:depth]), below
        depth += 1
    return None


def by_class(files: Sequence[File], fraction: float) -> tuple[list[File], list[File]]:
    """Divide pictures into kept and held-out ones: of each class the same fraction, at least one picture; of a single one, none.

    Which ones depends on their names alone: not on their order, nor on other classes. Both lists are in random order, always the same.
    Raises ValueError if no class has two pictures.
    """
    order, numbers = sorted(files, key=lambda file: (file.draw, file.name)), Counter(file.label for file in files)
    left = {label: min(count - 1, max(1, round(fraction * count))) for label, count in numbers.items()}
    kept: list[File] = []
    held_out: list[File] = []
    for file in order:
        (held_out if left[file.label] > 0 else kept).append(file)
        left[file.label] -= 1
    if not held_out:
        raise ValueError("every class has a single picture, so none can be held out: add pictures, or a folder val/")
    return kept, held_out


def by_place(files: Sequence, fraction: float) -> tuple[list, list]:
    """Divide a list into kept and held-out ones by their places in it, at random, always the same: both in random order."""
    order = torch.randperm(len(files), generator=torch.Generator().manual_seed(0)).tolist()
    count = max(1, round(fraction * len(files)))
    return [files[i] for i in order[count:]], [files[i] for i in order[:count]]


def summary(folder: Folder, columns: Mapping[str, Sequence[File]]) -> str:
    """What was found, in a few lines: pictures per class in each column (a split's name), and what was left out and why."""
    counts = {title: Counter(file.label for file in files) for title, files in columns.items()}
    total = ", ".join(f"{len(files):,} {title}" for title, files in columns.items())
    lines = [f"{folder.path}: {len(folder.classes):,} classes; pictures: {total}"]
    if len(folder.classes) <= MOST_ROWS:
        width = max(map(len, folder.classes))
        lines.append(f"  {'':{width}}" + "".join(f"  {title:>8}" for title in counts))
        lines += [f"  {label:{width}}" + "".join(f"  {count[label]:8,}" for count in counts.values()) for label in folder.classes]
    else:
        for title, count in counts.items():
            first, *_, last = sorted(folder.classes, key=lambda label: (count[label], label))
            lines.append(f"  {title}: from {count[first]:,} ({first}) to {count[last]:,} ({last}) pictures for each class")
    single = []
    if "train" in columns and "val" not in folder.parts:
        single = sorted(label for label, count in Counter(file.label for file in folder.parts["train"]).items() if count == 1)
        lines += [f"  a single picture, which is trained on and not held out: {shortened(single)}"] * bool(single)
    for title, count in counts.items():
        if missing := [label for label in folder.classes if not count[label] and label not in single]:
            lines.append(f"  no {title} picture of {shortened(missing)}")
    lines += [f"  left out, {why}: {len(which):,} ({shortened(which)})" for why, which in folder.left_out.items()]
    return "\n".join(lines)


def shortened(names: Iterable[str], most: int = 3) -> str:
    """The first few of some names, and how many more there are."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
