"""How much of the bare training step's rate the trainer keeps: `python benchmarks/trainer.py`, with `--device cuda` on a GPU.

The bare step repeats one fixed batch on the device: forward pass, loss, backward pass, optimiser. The trainer takes its steps from images
in memory, as `train_small.py` does: order, crops, flips, clipping, checks. The two take turns, a few steps each, on models of the same
size; a row has the median of each one's images/s, and the median and quartiles of the pairs' ratios.
"""

import argparse
import json
import platform
import sys
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import create_model
from hatnet.data import Images
from hatnet.machine import Machine
from hatnet.optimiser import adamw
from hatnet.recipe import Recipe
from hatnet.speed import spread
from hatnet.timing import turns
from hatnet.training import Trainer

CLASSES = tuple(f"class {number}" for number in range(10))
MODELS = {32: "hatnet_compact", 112: "hatnet_compact224", 224: "hatnet_compact224"}


def bare_step(trainer: Trainer):
    """A step on one batch that lies on the device, by a model and an optimiser as the trainer's."""
    machine, recipe = trainer.machine, trainer.recipe
    model = create_model(MODELS[trainer.data.side], len(CLASSES)).to(machine.device).train()
    optimiser = adamw(model, recipe)
    images, labels, _ = trainer.batch(10**6)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast(machine.device.type, torch.bfloat16, enabled=machine.bfloat16):
            logits = model(images).float()
        F.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing).backward()
        optimiser.step()

    return step


def measure(side: int, augment: str, batch: int, steps: int, pairs: int, machine: Machine) -> dict:
    """One row: `pairs` times `steps` steps of each, after one turn each to warm up."""
    torch.manual_seed(0)
    pixels, labels = torch.randint(0, 256, (4 * batch, 3, side, side), dtype=torch.uint8), torch.arange(4 * batch) % len(CLASSES)
    recipe = Recipe(epochs=1, batch_size=batch, learning_rate=1e-4, augment=augment)
    model = create_model(MODELS[side], len(CLASSES))
    trainer = Trainer(model, recipe, Images(pixels=pixels, labels=labels, classes=CLASSES), machine)
    bare, training = bare_step(trainer), trainer.advance(10**6)

    def train() -> None:
        for _ in range(steps):
            next(training)
        trainer.settle()

    runs = {"bare": lambda: [bare() for _ in range(steps)], "trainer": train}
    for run in runs.values():
        run()
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for name, taken in turns(runs, pairs, machine.device):
        rates[name].append(batch * steps / taken)
    share = spread([ours / theirs for theirs, ours in zip(*rates.values(), strict=True)])
    figures = {"share": share.median, "quartiles": [share.low, share.high], **{name: median(taken) for name, taken in rates.items()}}
    return {"model": MODELS[side], "side": side, "augment": augment, "batch": batch, "steps": steps, "pairs": pairs, **figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    parser.add_argument("--sides", type=int, nargs="+", default=list(MODELS), choices=list(MODELS), help="pixels (default: 32 112 224)")
    parser.add_argument("--batch", type=int, help="images (default: 128, 16 and 4 for the three sides; on a GPU 1024, 512 and 128)")
    parser.add_argument("--steps", type=int, help="of each, in a turn (default: 1; on a GPU 20)")
    parser.add_argument("--pairs", type=int, default=9, help="turns (default: 9)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    args = parser.parse_args()
    machine = Machine(device=torch.device(args.device), bfloat16=args.bf16)
    if args.device == "cuda" and not torch.cuda.is_available():
        sys.exit("trainer.py: torch finds no CUDA device here; --device cpu measures without one")
    card = f"{torch.cuda.get_device_name()}, " if args.device == "cuda" else ""
    precision = "bfloat16" if args.bf16 else "float32"
    words = f"{card}{args.device}, {torch.get_num_threads()} threads, {platform.machine()}, torch {torch.__version__}, {precision}"
    most, steps = (1024, 128) if card else (128, 4), args.steps or (20 if card else 1)
    print(f"{words}\n\n| pixels | augment | model | batch | bare step, images/s | trainer, images/s | share (quartiles) |\n|{'---|' * 7}")
    rows = []
    for side in args.sides:
        for augment in ("shift", "resized"):
            batch = args.batch or min(most[0], most[1] * 224**2 // side**2)
            row = measure(side, augment, batch, steps, max(2, args.pairs), machine)
            rows.append(row)
            print(
                "| {side} | {augment} | {model} | {batch} | {bare:.1f} | {trainer:.1f} |".format(**row),
                "{:.1%} ({:.1%} to {:.1%}) |".format(row["share"], *row["quartiles"]),
                flush=True,
            )
    if args.json:
        args.json.write_text(json.dumps({"machine": words, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
