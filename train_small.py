"""Train a compact HAT-Net on small images, or measure a checkpoint.

    python train_small.py train --data cifar10
    python train_small.py eval cifar10 --data cifar10

The shipped checkpoint `cifar10` came from the first line; its header (`hatnet.checkpoint_info`) has time and accuracy.
"""

import argparse
import dataclasses
import json
import os
import platform
import sys
import time
from pathlib import Path

# Each step makes and drops the same large tensors. By default glibc gives them back to the system every time, and fetching
# them again takes a fifth of the step; these must be set before Python starts.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**33), "MALLOC_TOP_PAD_": str(2**28)}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    fit = commands.add_parser("train", help="train and write a checkpoint", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    fit.add_argument("--data", default="cifar10", help="cifar10, or folder:PATH with train/ and test/")
    fit.add_argument("--name", default="", help="name of the data set in the checkpoint's header (default: the data's own)")
    fit.add_argument("--model", default="hatnet_compact", help="a variant of hatnet.VARIANTS")
    fit.add_argument("--image-size", type=int, default=32, help="pixels")
    fit.add_argument("--epochs", type=int, default=18, help="times that each image is seen")
    fit.add_argument("--learning-rate", type=float, default=2e-3, help="of AdamW, after the warm-up")
    fit.add_argument("--seed", type=int, default=0, help="of everything random")
    fit.add_argument("--run", type=Path, default=Path("runs/compact"), help="folder for the checkpoint and the figures")
    test = commands.add_parser("eval", help="accuracy and confusions of a checkpoint on the test split")
    test.add_argument("checkpoint", help="a shipped checkpoint's name, or a .safetensors file")
    test.add_argument("--data", default="cifar10", help="cifar10, or folder:PATH with train/ and test/")
    return parser.parse_args()


def fit(args: argparse.Namespace) -> None:
    import torch

    from hatnet import checkpoints, create_model, data, training

    args.run.mkdir(parents=True, exist_ok=True)
    everything = data.load(args.data, "train", args.image_size)
    watched, images = everything.split(1000)  # held out, to watch the training; the test split is read once, at the end
    mean, std = images.statistics()
    recipe = training.Recipe(epochs=args.epochs, learning_rate=args.learning_rate, seed=args.seed)
    torch.manual_seed(args.seed)
    model = create_model(args.model, len(images.classes))
    info = {
        "classes": images.classes,
        "mean": mean,
        "std": std,
        "image_size": args.image_size,
        "data": args.name or args.data.split(":")[0],
        "recipe": dataclasses.asdict(recipe),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, torch {torch.__version__}",
    }
    start = time.perf_counter()

    def after_epoch(epoch: int, averaged, figures: dict) -> None:
        held_out = training.accuracy(training.confusion(averaged, watched, mean, std))
        figures |= {"epoch": epoch + 1, "held_out_accuracy": held_out, "minutes": (time.perf_counter() - start) / 60}
        with open(args.run / "metrics.jsonl", "a") as file:
            file.write(json.dumps(figures) + "\n")
        checkpoints.save_checkpoint(averaged, args.run / "last.safetensors", info | {"accuracy": held_out, "split": "held out"} | figures)

    averaged = training.train(model, images, recipe, after_epoch)
    minutes = (time.perf_counter() - start) / 60
    score = training.accuracy(training.confusion(averaged, data.load(args.data, "test", args.image_size), mean, std))
    info |= {"accuracy": score, "split": "test", "minutes": minutes}
    checkpoints.save_checkpoint(averaged, args.run / "final.safetensors", info)
    print(f"{score:.2%} on the test split after {minutes:.1f} minutes; written to {args.run / 'final.safetensors'}")


def evaluate(args: argparse.Namespace) -> None:
    from hatnet import checkpoint_info, data, load_checkpoint, training

    info = checkpoint_info(args.checkpoint)
    images = data.load(args.data, "test", info["image_size"])
    if list(images.classes) != info["classes"]:
        raise ValueError(f"{args.checkpoint} knows the classes {info['classes']}; {args.data} has {list(images.classes)}")
    table = training.confusion(load_checkpoint(args.checkpoint), images, info["mean"], info["std"])
    print("true \\ predicted  " + " ".join(f"{name[:6]:>6}" for name in images.classes))
    for name, row in zip(images.classes, table.tolist(), strict=True):
        print(f"{name[:16]:16}  " + " ".join(f"{count:6}" for count in row))
    print(f"accuracy {training.accuracy(table):.2%} on {len(images.labels)} images")


def main() -> None:
    args = arguments()
    if args.command == "train" and sys.platform == "linux" and not MALLOC.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | MALLOC)
    try:
        (fit if args.command == "train" else evaluate)(args)
    except ValueError as error:
        sys.exit(f"train_small.py: {error}")


if __name__ == "__main__":
    main()
