"""Pictures in folders, by the names that --data has for them: a path, a set that is published as folders, several of these joined."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from torchvision.datasets import Imagenette

from hatnet.folders import NAMES, File, Folder, by_class, scan
from hatnet.wordnet import IMAGENETTE, IMAGEWOOF, word

ROOT = Path("data")  # where torchvision keeps its downloads
SETS = {"imagenette": "imagenette2-320", "imagewoof": "imagewoof2-320"}  # name -> its folder in ROOT, as in its archive
IDS = IMAGENETTE.keys() | IMAGEWOOF.keys()


def in_folders(data: str) -> bool:
    """Whether --data names folders of pictures."""
    return data.startswith("folder:") or data.split("+")[0] in SETS


def names_in(data: str) -> list[str]:
    """The sets that --data joins with a plus sign, or its only one: names of SETS, and folder:PATH."""
    if data.startswith("folder:") and Path(data.removeprefix("folder:")).expanduser().is_dir():
        return [data]  # its path may have a plus sign
    return [name if name in SETS or name.startswith("folder:") else f"folder:{name}" for name in data.split("+")]


def title(data: str) -> str:
    """A short name for --data: its sets' names; for a folder, the last part of its path."""
    return "+".join(Path(name.removeprefix("folder:")).resolve().name for name in names_in(data))


def find(data: str, val_fraction: float, known: Collection[str] = ()) -> Folder:
    """The folder, or the joined ones, that --data names, scanned.

    Classes named by the WordNet ids of `hatnet.wordnet` get their words, unless such ids are among the classes `known` before.
    val_fraction: what a folder without val/ holds out, if another one that is joined to it has a val/.
    Raises ValueError as `scan` does, for a set that is not there, and for what cannot be joined.
    """
    found = [_scanned(name, data) for name in names_in(data)]
    if not IDS & set(known):
        found = [_in_words(folder) for folder in found]
    return found[0] if len(found) == 1 else joined(found, val_fraction)


def joined(folders: Sequence[Folder], val_fraction: float) -> Folder:
    """Several folders as one, whose classes of the same name are one class.

    If one of them has val/, those without hold out a fraction of each class. If one has test/, those without give their val/, as far as
    they have it. Raises ValueError if a folder is named twice.
    """
    if len({folder.path for folder in folders}) < len(folders):
        raise ValueError(f"{' + '.join(str(folder.path) for folder in folders)}: name each folder once")
    there = [part for part in NAMES if any(part in folder.parts for folder in folders)]
    parts: dict[str, list[File]] = {part: [] for part in there}
    left_out: dict[str, list[str]] = {}
    for number, folder in enumerate(folders, start=1):
        own = dict(folder.parts)
        if "val" in there and "val" not in own and "train" in own:
            own["train"], own["val"] = by_class(own["train"], val_fraction)
        if "test" in there and "val" in folder.parts:
            own.setdefault("test", own["val"])
        for part, files in own.items():
            # Two folders may hold files of the same name, and a name stands for one picture.
            parts[part] += [file._replace(name=f"{file.name}+{number}") for file in files] if number > 1 else files
        for why, which in folder.left_out.items():
            left_out[why] = [*left_out.get(why, ()), *which]
    return Folder(
        path=Path(" + ".join(str(folder.path) for folder in folders)),
        parts=parts,
        names={part: part for part in there} if any(folder.names for folder in folders) else {},
        left_out=left_out,
        source="+".join(folder.source for folder in folders),
        joined=tuple(folders),
    )


def _scanned(name: str, data: str) -> Folder:
    """One of the sets that `data` names."""
    if name not in SETS:
        path = name.removeprefix("folder:")
        if not path and name != data:
            raise ValueError(f"--data {data}: a plus sign joins {', '.join(SETS)} and folder:PATH; one of them is empty")
        return scan(path)
    root = ROOT / SETS[name]
    if name == "imagenette":
        try:
            Imagenette(str(ROOT), size="320px", download=True)
        except Exception as error:  # torchvision passes on whatever the network raises
            raise ValueError(
                f"imagenette is missing or incomplete in {root.resolve()}, and could not be downloaded "
                f"({' '.join(str(error).split())}): go online once, or unpack {root.name}.tgz there yourself"
            ) from None
    elif not root.is_dir():
        raise ValueError(
            f"there is no folder {root.resolve()}, and torchvision does not download {name}: unpack {root.name}.tgz in {ROOT.resolve()} "
            "(github.com/fastai/imagenette has the link), or name a folder that holds its train/ and val/ with folder:PATH"
        )
    return replace(scan(root), source=name)


def _in_words(folder: Folder) -> Folder:
    """The folder with words for its classes if all are known WordNet ids, else as it is."""
    if not set(folder.classes) <= IDS:
        return folder
    parts = {
        part: [file._replace(name="/".join([word(file.label), *file.name.split("/")[1:]])) for file in files]
        for part, files in folder.parts.items()
    }
    return replace(folder, parts=parts)
