"""`train_small.py eval`: a checkpoint's accuracy and confusions."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import torch

from hatnet import cards, checkpoint_info, data, evaluation, fingerprint, load_checkpoint, save_checkpoint, sources
from hatnet.commands.images import describe, load, memory_for_pictures
from hatnet.machine import CPU
from hatnet.run import WRITE_ERRORS


def evaluate(args: argparse.Namespace) -> None:
    """Print how good a checkpoint is on some data. Raises ValueError for a place, a file or data that are not right."""
    if args.write and (args.write.is_dir() or not args.write.parent.is_dir()):
        raise ValueError(f"--write {args.write}: wanted a file in a folder that exists, like {args.write.name or 'small'}.safetensors")
    info, model, names = checkpoint_info(args.checkpoint), load_checkpoint(args.checkpoint), names_of(args.names)
    source, split, split_name = measured(args, info, names)
    fraction = info.extra.get("val_fraction", 0.1)
    if sources.in_folders(args.data):
        describe(source, (split,), fraction)
    images = load(source, split, info.image_size, fraction, 10, memory_for_pictures(CPU))
    shown = sorted(set(evaluation.labels_of(images.classes, info.classes, names)))
    images = evaluation.relabelled(images, info.classes, names)
    if args.write:
        model.half().float()
    predicted, table, accuracy, per_class = measure(model, images, info)
    fewer = len(shown) < len(info.classes)
    print_table(table, info.classes, shown)
    among = f"among all {len(info.classes)} classes that the model knows, " * fewer
    print(f"accuracy {accuracy:.2%}, mean of the classes {per_class:.2%}, {among}on {len(images)} images of {args.data}, {split_name}")
    if fewer:
        *_, best, mean = measure(model, images, info, shown)
        print(f"accuracy {best:.2%}, mean of the classes {mean:.2%}, among the {len(shown)} classes of the data")
    if args.data == "cards":
        print("global question {:.2%}, local question {:.2%}".format(*cards.questions(predicted, images.labels)))
    if args.write:
        figures = {"accuracy": accuracy, "per_class_accuracy": per_class, "split": split}
        header = {key: value for key, value in info.header().items() if key != "step"} | figures
        try:
            save_checkpoint(model, args.write, header, torch.float16)
        except WRITE_ERRORS as error:
            raise ValueError(f"cannot write {args.write} ({error})") from None
        print(f"written to {args.write}, {args.write.stat().st_size / 1000:.0f} kB")


def names_of(path: Path | None) -> dict[str, str]:
    """The names of classes that a JSON file gives. Raises ValueError if it does not."""
    try:
        names = json.loads(path.read_text(encoding="utf-8-sig")) if path else {}
    except (OSError, ValueError) as error:
        raise ValueError(f"--names {path} cannot be read ({error})") from None
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError(f'--names {path}: wanted one object, folder name to class name, like {{"n02123045": "tabby"}}')
    return names


def evaluation_folder(args: argparse.Namespace, info):
    """The folder of pictures that --data names, scanned, and divided as the checkpoint's training divided it."""
    folder = sources.find(args.data, info.extra.get("val_fraction", 0.1), info.classes)
    if not args.trust_layout:
        folder.check((folder.part_of(args.split),), least=1)
    kept_none = "pictures" not in info.extra and info.data not in (*data.TORCHVISION, "cards")
    return dataclasses.replace(folder, by_place=kept_none)


def measured(args: argparse.Namespace, info, names: dict[str, str]):
    """What `eval` measures on: a source for `load`, the split, and what to call it. A folder without test/ gives "val" for a test.

    Raises ValueError if it should be what training held out, and is not; and for a class that the model does not know by its name.
    """
    if not sources.in_folders(args.data):
        if args.split == "val" and args.data in data.TORCHVISION and ("pictures" in info.extra or info.data != args.data):
            raise ValueError(f"{args.checkpoint} was trained on {info.data}, and held out nothing of {args.data}: take --split test")
        return args.data, args.split, args.split
    folder = evaluation_folder(args, info)
    evaluation.labels_of(folder.classes, info.classes, names)
    if folder.part_of(args.split) == "test":
        return folder, "test", "test"
    changes = [f"it was trained on {info.data}"]
    if before := info.extra.get("pictures"):
        facts = fingerprint.held_out_facts(before, fingerprint.identify(folder))
        changes = fingerprint.differences(*facts, Path(args.checkpoint).parent)
    where = f"{folder.path} is not what {args.checkpoint} held out pictures from: {'; '.join(changes)}"
    if folder.by_place:
        print(f"{args.checkpoint} kept no fingerprint of its pictures, so whether it held out these cannot be told", file=sys.stderr)
    elif changes and args.split == "val":
        raise ValueError(f"{where}. Restore it, or take --split test with pictures that it was not trained on, in a folder test/")
    elif changes:
        print(f"{where}. It may have been trained on some of these", file=sys.stderr)
    name = "val/" if "val" in folder.parts else "val, held out as in training"
    return (
        folder,
        "val",
        name + ", because there is no test/" * (args.split == "test") + ", on which the best weights were chosen" * (not changes),
    )


def measure(model, images, info, among=None) -> tuple:
    """Confusions, accuracy and mean accuracy of the classes. among: the classes to choose from (all)."""
    predicted = evaluation.predict(model, images, info.mean, info.std, among=among)
    table = evaluation.confusion(predicted, images)
    per_class = (table.diag() / table.sum(1).clamp(min=1))[table.sum(1) > 0].mean().item()
    return predicted, table, evaluation.accuracy(predicted, images), per_class


def print_table(table, classes: tuple[str, ...], shown: list[int]) -> None:
    """Print the confusions of some classes; what was taken for any other class is counted together."""
    others = len(shown) < len(classes)
    print("true \\ predicted  " + " ".join(f"{name[:6]:>6}" for name in [classes[i] for i in shown] + ["other"] * others))
    for label in shown:
        counts = table[label, shown].tolist()
        counts += [int(table[label].sum()) - sum(counts)] * others
        print(f"{classes[label][:16]:16}  " + " ".join(f"{count:6}" for count in counts))
