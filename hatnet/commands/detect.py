"""`train_small.py --task detect`: RetinaNet or Mask R-CNN, on a folder laid out as COCO is, or on drawn shapes."""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torchvision.utils import draw_bounding_boxes, draw_segmentation_masks

from hatnet import fingerprint, shapes
from hatnet.commands import sheet
from hatnet.commands.dense import CHANNELS, DenseCommand
from hatnet.commands.images import compare, memory_for_pictures
from hatnet.dense.checkpoints import DenseInfo, dense_info, load_dense, save_dense
from hatnet.dense.coco import load_objects, scan_coco
from hatnet.dense.detection import ANCHORS, SMALL_ANCHORS, SMALL_SIDE
from hatnet.dense.objects import Objects
from hatnet.machine import CPU, Machine
from hatnet.run import WRITE_ERRORS
from hatnet.tasks.detect import Detect, average_precision
from hatnet.tasks.task import Batch, TrainingSet
from hatnet.training import Trainer

SIDE, REGIONS = 320, 256
SHAPES = "shapes"  # --data
DRAWN_CHANNELS, DRAWN_REGIONS, HELD_OUT = 64, 64, {"val": (100, 1), "test": (400, 2)}  # for shapes; images and seed of each split
# For images of up to so many pixels, whose maps are as small as in classification: that paper's G2 for it, with windows of 8 tokens.
SMALL, SMALL_G2 = 256, (8, 4, 2)
LINES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")


class DetectCommand(DenseCommand):
    task = Detect()

    def fill_in(self, args: argparse.Namespace) -> None:
        if args.data == "cards":  # the command line's default, which is for classification
            args.data = SHAPES
        drawn = args.data == SHAPES
        if not drawn and not args.data.startswith("coco:"):
            raise ValueError(
                f"--data {args.data}: --task detect wants shapes, or coco:PATH with annotations/instances_train.json and train/"
            )
        if args.compile:
            raise ValueError("--compile: what a detector computes changes in size with every image; leave it out")
        found = self.starts_from(args, "image_size", "head", "channels")
        info = found if isinstance(found, DenseInfo) else None
        given = args.image_size
        if isinstance(given, list | tuple):
            if len(set(given)) > 1:
                raise ValueError(f"--image-size {' '.join(map(str, given))}: wanted one number, for the short side of a picture")
            given = given[0]
        side = given or (shapes.SIZE if drawn else info.settings["side"] if info else SIDE)
        if drawn and side != shapes.SIZE:
            raise ValueError(f"--image-size {side}: shapes are drawn at {shapes.SIZE} pixels; leave it out")
        if side < 32:
            raise ValueError(f"--image-size {side}: a token of the last stage is 32 pixels wide: give at least 32")
        args.image_size = [side, side]
        args.head = args.head or (info.head if info else "mask_rcnn" if drawn else "retinanet")
        if args.regions and args.head != "mask_rcnn":
            raise ValueError(f"--regions {args.regions}: {args.head} looks at every place of its maps; it is for --head mask_rcnn")
        args.channels = args.channels or (info.channels if info else DRAWN_CHANNELS if drawn else CHANNELS)
        if args.head == "mask_rcnn" and not args.regions:
            args.regions = info.settings["regions"] if info and info.head == args.head else DRAWN_REGIONS if drawn else REGIONS
        if side <= SMALL and not args.g2 and not info:
            args.g2 = list(SMALL_G2)
        args.recipe = args.recipe or (SHAPES if drawn else self.task.recipe)

    def head(self, args: argparse.Namespace) -> dict[str, Any]:
        side = args.image_size[0]
        head = {
            "name": args.head,
            "channels": args.channels,
            "side": side,
            "anchors": list(ANCHORS if side >= SMALL_SIDE else SMALL_ANCHORS),
        }
        return head | ({"regions": args.regions} if args.head == "mask_rcnn" else {})

    def images(self, args: argparse.Namespace, config: dict | None, machine: Machine) -> tuple[TrainingSet, Objects, fingerprint.Identity]:
        if args.data == SHAPES:
            data, held_out = shapes.Shapes(), shapes.images(*HELD_OUT["val"])
            identity = fingerprint.identify(SHAPES)
            identity.facts.update(classes=list(data.classes), images={"train": len(data), "val": len(held_out)})
            if config:
                compare(identity, config, args.out)
            return data, held_out, identity
        try:
            folder = scan_coco(args.data.removeprefix("coco:"))
        except ValueError as error:
            raise ValueError(f"{error}; if the pictures moved: --resume {args.out} --data coco:PATH" if config else str(error)) from None
        args.data = folder.source
        identity = folder.identity()
        if config:
            compare(identity, config, args.out)
        if machine.rank == 0:
            print(folder.summary(("train", "val"), args.val_fraction), file=sys.stderr)
        free, masks = args.in_memory * 2**30 / machine.world, args.head == "mask_rcnn"
        data = load_objects(folder, "train", args.image_size[0], args.val_fraction, free, masks)
        return data, load_objects(folder, "val", args.image_size[0], args.val_fraction, free - data.nbytes, masks), identity

    def tiles(self, trainer: Trainer, batch: Batch, most: int) -> tuple[np.ndarray, list[list[str]]]:
        """Each image with its boxes and masks; how many of each class below."""
        images, targets = (column[:most] for column in batch)
        h, w = (max(image.shape[axis] for image in images) for axis in (1, 2))
        shown, texts = [], []
        for image, target in zip(images, targets, strict=True):
            pixels = (image * 255).round().clamp(0, 255).to(torch.uint8).cpu()
            if "masks" in target:
                pixels = draw_segmentation_masks(pixels, target["masks"].cpu().bool(), alpha=0.4)
            pixels = draw_bounding_boxes(pixels, target["boxes"].cpu(), colors="yellow")
            shown.append(F.pad(pixels, (0, w - pixels.shape[2], 0, h - pixels.shape[1]), value=255).permute(1, 2, 0).numpy())
            counts = torch.bincount(target["classes"].cpu(), minlength=len(trainer.data.classes)).tolist()
            found = [f"{count} {name}" for name, count in zip(trainer.data.classes, counts, strict=True) if count]
            texts.append(sheet.wrapped(", ".join(found) or "no objects"))
        return np.stack(shown), texts

    def evaluate(self, args: argparse.Namespace) -> None:
        info, model = dense_info(args.checkpoint, "detect"), load_dense(args.checkpoint, "detect")
        masks = info.head == "mask_rcnn"
        if args.data == SHAPES:
            data = shapes.images(*HELD_OUT[args.split])
            check_classes(data.classes, info.classes, args)
        elif args.data.startswith("coco:"):
            folder, fraction = scan_coco(args.data.removeprefix("coco:")), info.extra.get("val_fraction", 0.1)
            check_classes(folder.classes, info.classes, args)
            print(folder.summary((args.split,), fraction), file=sys.stderr)
            changes = []
            if args.split == "val" and "val" not in folder.parts and "pictures" in info.extra:
                changes = fingerprint.differences(info.extra, folder.identity(), Path(args.checkpoint).parent)
            if changes:
                raise ValueError(f"{folder.path} is not what {args.checkpoint} held out pictures from: {'; '.join(changes)}")
            data = load_objects(folder, args.split, info.image_size[0], fraction, 2**30 * memory_for_pictures(CPU), masks)
        else:
            raise ValueError(f"--data {args.data}: {args.checkpoint} is for the task detect; wanted shapes or coco:PATH")
        if args.write:
            model.half().float()
        found = average_precision(model, data, batch_size=4, per_class=True)
        print_figures(found, info.classes, masks)
        print(f"box AP50 {found['ap50']:.2%} on {len(data)} images of {args.data}, {args.split}")
        if args.write:
            header = {key: value for key, value in info.header().items() if key != "step"} | found | {"split": args.split}
            try:
                save_dense(model, args.write, header, torch.float16)
            except WRITE_ERRORS as error:
                raise ValueError(f"cannot write {args.write} ({error})") from None
            print(f"written to {args.write}, {args.write.stat().st_size / 1000:.0f} kB")


def check_classes(names: tuple[str, ...], known: tuple[str, ...], args: argparse.Namespace) -> None:
    """Raise ValueError if the classes of some data are not those of a checkpoint, in the same order."""
    if names != known:
        raise ValueError(f"{args.data} has the classes {', '.join(names)}; {args.checkpoint} knows {', '.join(known)}: wanted the same")


def print_figures(found: dict[str, Any], classes: tuple[str, ...], masks: bool) -> None:
    """Print average precisions: of all sizes and thresholds, then of each class."""
    kinds = {"boxes": ""} | ({"masks": "mask_"} if masks else {})
    print("       " + "".join(f"{name.removeprefix('ap_').replace('ap', 'AP'):>10}" for name in LINES))
    for kind, prefix in kinds.items():
        print(f"{kind:7}" + "".join(f"{'-' if (value := found[prefix + name]) is None else f'{value:.2%}':>10}" for name in LINES))
    width = max(map(len, classes))
    for label, name in enumerate(classes):
        values = [found[f"{prefix}ap_of_classes"][label] for prefix in kinds.values()]
        words = ", ".join(
            f"{kind} {'there is none' if value is None else f'{value:.2%}'}" for kind, value in zip(kinds, values, strict=True)
        )
        print(f"{name:{width}}  AP of {words}")
