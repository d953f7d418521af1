"""`train_small.py --task segment`: Semantic FPN on a folder of pictures and masks."""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hatnet import fingerprint
from hatnet.commands import sheet
from hatnet.commands.dense import CHANNELS, DenseCommand
from hatnet.commands.images import compare, memory_for_pictures
from hatnet.dense.checkpoints import dense_info, load_dense, save_dense
from hatnet.dense.scenes import VOID, SceneFolder, Scenes, load_scenes, painted, scan_scenes
from hatnet.machine import CPU, Machine
from hatnet.run import WRITE_ERRORS
from hatnet.tasks.segment import Segment, mean_iou
from hatnet.tasks.task import Batch
from hatnet.training import Trainer

SIDE = 224
BLEND = 0.5  # of the mask's colours in --show-batch


class SegmentCommand(DenseCommand):
    task = Segment()

    def fill_in(self, args: argparse.Namespace) -> None:
        if not args.data.startswith("folder:"):
            raise ValueError(f"--data {args.data}: --task segment learns from folder:PATH, with classes.json and train/images, train/masks")
        for name in ("head", "regions"):
            if (value := getattr(args, name)) is not None:
                raise ValueError(f"--{name} {value}: it is for --task detect; leave it out")
        info: Any = self.starts_from(args, "image_size", "channels")
        size = args.image_size or getattr(info, "image_size", SIDE)
        args.image_size = [size, size] if isinstance(size, int) else list(size)
        args.channels = args.channels or getattr(info, "channels", CHANNELS)
        args.recipe = args.recipe or self.task.recipe

    def images(self, args: argparse.Namespace, config: dict | None, machine: Machine) -> tuple[Scenes, Scenes, fingerprint.Identity]:
        try:
            folder = scan_scenes(args.data.removeprefix("folder:"))
        except ValueError as error:
            raise ValueError(f"{error}; if the pictures moved: --resume {args.out} --data folder:PATH" if config else str(error)) from None
        args.data = folder.source
        identity = folder.identity()
        if config:
            compare(identity, config, args.out)
        if machine.rank == 0:
            print(folder.summary(("train", "val"), args.val_fraction), file=sys.stderr)
        free = args.in_memory * 2**30 / machine.world
        size = (args.image_size[0], args.image_size[1])
        data = load_scenes(folder, "train", size, args.val_fraction, free)
        return data, load_scenes(folder, "val", size, args.val_fraction, free - data.nbytes), identity

    def head(self, args: argparse.Namespace) -> dict[str, Any]:
        return {"name": "semantic_fpn", "channels": args.channels}

    def header(self, data: Any) -> dict[str, Any]:
        return {"colours": [one.colour for one in data.labels]}

    def tiles(self, trainer: Trainer, batch: Batch, most: int) -> tuple[np.ndarray, list[list[str]]]:
        """Each image above itself under its mask, in the colours of classes.json, dark where there is no class; the classes below."""
        images, masks = (column[:most] for column in batch)
        data: Any = trainer.data
        seen = sheet.pictures(images, *trainer.statistics)
        over = painted(masks.cpu().numpy(), [one.colour for one in data.labels])
        blended = ((1 - BLEND) * seen + BLEND * over).round().astype(np.uint8)
        blended[masks.cpu().numpy() == VOID] //= 2
        names = [[data.classes[label] for label in mask.unique().tolist() if label != VOID] for mask in masks.cpu()]
        return np.concatenate([seen, blended], 1), [sheet.wrapped(", ".join(some)) for some in names]

    def evaluate(self, args: argparse.Namespace) -> None:
        info, model = dense_info(args.checkpoint, "segment"), load_dense(args.checkpoint, "segment")
        if not args.data.startswith("folder:"):
            raise ValueError(f"--data {args.data}: {args.checkpoint} is for the task segment; wanted folder:PATH, with images and masks")
        folder, fraction = scan_scenes(args.data.removeprefix("folder:")), info.extra.get("val_fraction", 0.1)
        check_classes(folder, info.classes, args.checkpoint)
        print(folder.summary((args.split,), fraction), file=sys.stderr)
        if args.split == "val" and "val" not in folder.parts and "pictures" in info.extra:
            changes = fingerprint.differences(info.extra, folder.identity(), Path(args.checkpoint).parent)
            if changes:
                raise ValueError(f"{folder.path} is not what {args.checkpoint} held out pictures from: {'; '.join(changes)}")
        data = load_scenes(folder, args.split, info.image_size, fraction, 2**30 * memory_for_pictures(CPU))
        if args.write:
            model.half().float()
        found = mean_iou(model, data, info.mean, info.std, batch_size=4)
        width = max(map(len, info.classes))
        for name, value in zip(info.classes, found["iou"], strict=True):
            print(f"{name:{width}}  " + ("there is none" if value is None else f"{value:7.2%}"))
        print(f"mean IoU {found['mean_iou']:.2%} on {len(data)} images of {args.data}, {args.split}")
        if args.write:
            header = {key: value for key, value in info.header().items() if key != "step"} | found | {"split": args.split}
            try:
                save_dense(model, args.write, header, torch.float16)
            except WRITE_ERRORS as error:
                raise ValueError(f"cannot write {args.write} ({error})") from None
            print(f"written to {args.write}, {args.write.stat().st_size / 1000:.0f} kB")


def check_classes(folder: SceneFolder, known: tuple[str, ...], checkpoint: str) -> None:
    """Raise ValueError if a folder's classes are not those of a checkpoint, in the same order."""
    names = tuple(one.name for one in folder.classes)
    for index, (name, wanted) in enumerate(zip(names, known, strict=False)):
        if name != wanted:
            raise ValueError(f"{folder.path / 'classes.json'} calls index {index} {name!r}; {checkpoint} knows it as {wanted!r}")
    if len(names) != len(known):
        raise ValueError(f"{folder.path / 'classes.json'} has {len(names)} classes; {checkpoint} knows {len(known)}: {', '.join(known)}")
