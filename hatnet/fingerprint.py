"""Which pictures a training run was begun on: kept in the run, and compared when it is resumed or evaluated.

A fingerprint is small and says whether something changed; the list of all pictures, written beside it, says what.
"""

import filecmp
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from hatnet.files import atomic_write
from hatnet.folders import File, Folder, shortened

LIST = "pictures.txt"  # in a run's folder
LOOKED_INTO = 50_000  # of more pictures, the names and sizes are compared, but not what is in them
SAMPLE = 4096  # bytes, at the beginning, in the middle and at the end of a file


def content(file: File) -> str:
    """A few bytes of a file, hashed; nothing if it is empty or cannot be read."""
    try:
        with open(file.path, "rb") as opened:
            parts = []
            for start in sorted({0, max(0, file.size // 2 - SAMPLE // 2), max(0, file.size - SAMPLE)}):
                opened.seek(start)
                parts.append(opened.read(SAMPLE))
    except OSError:
        return ""
    return blake2b(b"".join(parts), digest_size=8).hexdigest() if any(parts) else ""


def listing(folder: Folder) -> dict[str, str]:
    """PART/CLASS/FILE -> its size and a hash of its content, for the pictures to train on and to hold out."""
    parts = {part: folder.parts[part] for part in ("train", "val") if part in folder.parts}
    look = sum(map(len, parts.values())) <= LOOKED_INTO
    return {f"{part}/{file.name}": f"{file.size} {content(file) if look else ''}" for part, files in parts.items() for file in files}


def fingerprint(listed: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Part -> class -> how many pictures it has, and a hash over their names, sizes and contents."""
    lines: dict[str, dict[str, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    for name, what in sorted(listed.items()):
        part, label, _ = name.split("/", 2)
        lines[part][label].append(f"{name}\n{what}\n".encode("utf-8", "surrogateescape"))
    return {
        part: {label: f"{len(some)} {blake2b(b''.join(some), digest_size=8).hexdigest()}" for label, some in classes.items()}
        for part, classes in lines.items()
    }


@dataclass(frozen=True)
class Identity:
    """What a run's images are."""

    facts: dict  # as JSON holds them: "source", "classes", "pictures" (a `fingerprint`), "images" (how many were read of a split)
    listed: dict[str, str]  # their `listing`, if there is one


def identify(source: Folder | str) -> Identity:
    """What can be known before the images are read. source: a folder of pictures, or the name of a data set."""
    if isinstance(source, str):
        return Identity({"source": source}, {})
    listed = listing(source)
    facts = {"source": source.source, "classes": list(source.classes), "pictures": fingerprint(listed)}
    return Identity(facts, listed)


def write_list(run: Path, listed: Mapping[str, str]) -> None:
    """Write LIST into a run's folder: a line for each picture. (A name with a line break is in the fingerprint alone.)"""
    with atomic_write(run / LIST) as partial, open(partial, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        file.writelines(f"{what}\t{name}\n" for name, what in listed.items() if not set("\n\r") & set(name))


def read_list(run: Path) -> dict[str, str]:
    """What `write_list` wrote; empty if it is not there."""
    try:
        lines = (run / LIST).read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except OSError:
        return {}
    return {name: what for what, tab, name in (line.partition("\t") for line in lines) if tab}


def held_out_facts(pictures: Mapping, now: Identity) -> tuple[dict, Identity]:
    """A run's fingerprint and its data of today, restricted to what decides which pictures of the classes that are there were held out."""
    both = pictures, now.facts["pictures"]
    parts = ["val"] if all("val" in some for some in both) else ["train", "val"]
    classes = set(now.facts["classes"])
    old, new = (
        {part: {label: some[part][label] for label in classes & some[part].keys()} for part in parts if part in some} for some in both
    )
    return {"pictures": old}, Identity({"pictures": new}, now.listed)


def differences(before: Mapping, now: Identity, run: Path) -> list[str]:
    """What changed in the data, in words; nothing if they are the same, as far as both are known.

    before: the facts that a run kept. run: its folder, where the list of its pictures may lie.
    """
    said = [*_classes(before, now.facts)]
    old, new = (facts.get("pictures", {}) for facts in (before, now.facts))
    for part in [part for part in ("train", "val") if old and new and old.get(part) != new.get(part)]:
        if part not in old or part not in new:
            said.append(f"{part}/ is {'gone' if part in old else 'new'}")
            continue
        changed = {label for label in old[part].keys() | new[part].keys() if old[part].get(label) != new[part].get(label)}
        said += _by_name(part, changed, _list_of(run, old), now.listed) or [_by_class(changed, old[part], new[part])]
    for split, count in before.get("images", {}).items():
        if (count_now := now.facts.get("images", {}).get(split, count)) != count and not said:
            said.append(f"{count} {split} images could be read then, {count_now} now")
    return said


def _classes(before: Mapping, now: Mapping) -> Iterator[str]:
    old, new = before.get("classes"), now.get("classes")
    if old and new:
        for words, a, b in (("no class {} any more", old, new), ("a new class {}", new, old)):
            if names := sorted(set(a) - set(b)):
                yield words.format(shortened(names))


def _list_of(run: Path, pictures: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The list of a run's pictures, if it lies there and is theirs."""
    listed = read_list(run)
    known = fingerprint(listed)
    return listed if all(known.get(part, {}).get(label) == what for part in pictures for label, what in pictures[part].items()) else {}


def _by_name(part: str, classes: set[str], before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The pictures added, removed and changed in some classes of a part; nothing if it is not known which there were."""
    if not before:
        return []
    old, new = (
        {name: what for name, what in some.items() if name.startswith(f"{part}/") and name.split("/")[1] in classes}
        for some in (before, now)
    )
    changed = [name for name in old.keys() & new.keys() if old[name] != new[name]]
    kinds = {"added": new.keys() - old.keys(), "removed": old.keys() - new.keys(), "changed": changed}
    return [f"{counted(len(names))} {how} ({shortened(sorted(names))})" for how, names in kinds.items() if names]


def _by_class(classes: set[str], old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """How many pictures some classes had and have."""
    counts = [(label, *(some.get(label, "0").split()[0] for some in (old, new))) for label in sorted(classes)]
    return shortened(f"{label}: {a} pictures then, {b} now" + " with other names or contents" * (a == b) for label, a, b in counts)


def twins(columns: Mapping[str, Sequence[File]]) -> list[str]:
    """Which pictures lie in two columns (parts of the data) or in two classes, byte for byte, in words.

    Not looked for among more than LOOKED_INTO pictures.
    """
    groups = defaultdict(list)
    if sum(map(len, columns.values())) <= LOOKED_INTO:
        for title, files in columns.items():
            for file in files:
                groups[file.size].append((title, file))
    across, between = defaultdict(list), []
    for group in groups.values():
        for first, second in _same(group):
            pair = f"{second[1].name} = {first[1].name}"
            if first[0] != second[0]:
                across[f"{second[0]} and {first[0]}"].append(pair)
            elif first[1].label != second[1].label:
                between.append(pair)
    said = [f"{counted(len(pairs))} both in {where}: {shortened(pairs)}" for where, pairs in across.items()]
    return said + [f"{counted(len(between))} in two classes: {shortened(between)}"] * bool(between)


def _same(files: Sequence[tuple[str, File]]) -> Iterator[tuple[tuple[str, File], tuple[str, File]]]:
    """Pairs of files of the same content: each one with the first that has it. files: all of one size."""
    firsts: dict[str, tuple[str, File]] = {}
    for entry in files if len(files) > 1 else ():
        if not (key := content(entry[1])):
            continue
        first = firsts.setdefault(key, entry)
        if first is not entry and filecmp.cmp(first[1].path, entry[1].path, shallow=False):
            yield first, entry


def counted(count: int) -> str:
    """How many pictures, in words."""
    return f"{count:,} picture{'s' * (count != 1)}"
