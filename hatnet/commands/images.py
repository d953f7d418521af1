"""The images that a command line names: found, compared with those of the run that is resumed, and read."""

import argparse
import contextlib
import dataclasses
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from hatnet import cards, checkpoint_info, data, fingerprint, folders, sources
from hatnet.commands.arguments import recipe_of
from hatnet.machine import Machine, available_memory
from hatnet.recipe import SQUASHED


def data_of(args: argparse.Namespace, config: dict | None, machine: Machine):
    """The images to train on, the held-out ones, and the identity of both. config: of a run that is resumed.

    Raises ValueError if they are not those that it was begun on.
    """
    source = source_of(args, config)
    identity = fingerprint.identify(source)
    if config:
        compare(identity, config, args.out)
    if sources.in_folders(args.data) and machine.rank == 0:
        describe(source, ("train", "val"), args.val_fraction)
        if source.by_place:
            print(f"{args.out} kept no fingerprint of its pictures, so whether these are the same cannot be told", file=sys.stderr)
    if sources.in_folders(args.data) and not config:
        settle_crops(args, source, machine)
    images, held_out = images_of(args, source, machine)
    identity.facts.update(classes=list(images.classes), images={"train": len(images), "val": len(held_out)})
    if config:
        compare(identity, config, args.out)
    return images, held_out, identity


def source_of(args: argparse.Namespace, config: dict | None):
    """The folder of pictures that --data names, scanned; for other data, their name. config: of a run that is resumed.

    Raises ValueError if a new run's folder seems to have another layout.
    """
    if not sources.in_folders(args.data):
        return args.data
    known = begun_on(config, args.out).get("classes", ()) if config else ()
    try:
        folder = sources.find(args.data, args.val_fraction, known)
    except ValueError as error:
        raise ValueError(f"{error}; if the pictures moved: --resume {args.out} --data folder:PATH" if config else str(error)) from None
    if not (config or args.trust_layout):
        folder.check()
    args.data = folder.source
    return dataclasses.replace(folder, by_place=config is not None and "data" not in config)


def begun_on(config: dict, folder: Path) -> dict:
    """The facts of the data that a run was begun on, as far as its folder tells."""
    last = folder / "last.safetensors"
    return config.get("data") or ({"classes": checkpoint_info(last).classes} if last.exists() else {})


def compare(identity: fingerprint.Identity, config: dict, folder: Path) -> None:
    """Raise ValueError if the data are not those that a run was begun on, as far as its folder tells."""
    if said := fingerprint.differences(begun_on(config, folder), identity, folder):
        source, last = identity.facts["source"], folder / "last.safetensors"
        raise ValueError(
            f"{source} is not what {folder} was begun on: {'; '.join(said)}. Restore it; if the old pictures are elsewhere, say where: "
            f"--resume {folder} --data folder:PATH; or begin a new run with these weights: --data {source} --init {last}"
        )


def describe(folder: folders.Folder, splits: tuple[str, ...], val_fraction: float) -> None:
    """Say on stderr what a folder of pictures holds in some splits, and which pictures lie in more than one, training counted too."""
    there = ("train", *splits) if "train" in folder.parts else splits
    files = {split: folder.split(split, val_fraction) for split in there}
    found = folders.summary(folder, {split: files[split] for split in splits})
    print(found, *(f"  {line}" for line in fingerprint.twins(files)), sep="\n", file=sys.stderr)


def settle_crops(args: argparse.Namespace, folder: folders.Folder, machine: Machine) -> None:
    """Set --aspect of a new run, if it is left open and matters, to undo the squashing of its training pictures."""
    if args.aspect is None and recipe_of(args).augment == "resized" and squashed(folder.split("train", args.val_fraction)):
        args.aspect = SQUASHED
        if machine.rank == 0:
            said = "the training pictures are all square, as if squashed: crops are {:g} to {:.3g} times as wide as high"
            print(f"  {said.format(*SQUASHED)}; if they were cropped instead: --aspect 0.75 1.333", file=sys.stderr)


def squashed(files: Sequence[folders.File]) -> bool:
    """Whether pictures were probably squashed to squares: a hundred of them, evenly over the list, are all square."""
    sides = set()
    for file in files[:: max(1, len(files) // 100)]:
        with contextlib.suppress(OSError, ValueError, Image.DecompressionBombError), Image.open(file.path) as image:
            sides.add(image.width == image.height)
    return sides == {True}


def images_of(args: argparse.Namespace, source, machine: Machine) -> list:
    """The images to train on, and the held-out ones. The first process downloads them for all."""
    if machine.rank:
        torch.distributed.barrier()
    free, images = args.in_memory * 2**30 / int(os.environ.get("LOCAL_WORLD_SIZE", 1)), []
    for split in ("train", "val"):
        images.append(load(source, split, args.image_size, args.val_fraction, args.max_unreadable, free))
        free -= images[-1].nbytes
    if machine.rank == 0 and machine.world > 1:
        torch.distributed.barrier()
    return images


def load(source, split: str, size: int, val_fraction: float, unreadable: int, in_memory: float):
    """`data.load`, which here knows the cards too, and reports what could not be read in a folder of pictures.

    Raises ValueError if that is all pictures of a class to train on.
    """
    if source == "cards":
        return cards.Cards() if split == "train" else cards.images(*{"val": (1000, 1), "test": (4000, 2)}[split])
    images = data.load(source, split, size, val_fraction, unreadable, in_memory)
    if isinstance(source, folders.Folder):
        there = Counter(file.label for file in source.split(split, val_fraction))
        read = Counter(images.classes[label] for label in images.labels.tolist())
        if (lost := sorted(there.keys() - read.keys())) and split == "train":
            raise ValueError(f"{source.path}: no training picture of {', '.join(lost)} can be read: repair or delete them")
        if missing := [f"{name} {count}" for name, count in sorted((there - read).items())]:
            print(f"  left out of {split}, unreadable: {(there - read).total()} ({folders.shortened(missing)})", file=sys.stderr)
    return images


def memory_for_pictures(machine: Machine) -> float:
    """The GiB of decoded pictures that are held if the command line does not say; the same for all processes."""
    return machine.mean(min(data.IN_MEMORY, available_memory() / 2)) / 2**30
