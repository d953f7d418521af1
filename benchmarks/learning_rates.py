"""How fast a deep HAT-Net may learn: `python benchmarks/learning_rates.py` trains a thin relative of hatnet_tiny a few hundred steps.

It has hatnet_tiny's blocks, expansions and windows, and half of its channels. Each arm is one change of the model or of the recipe,
trained at several learning rates from several seeds on the same images. Printed as each ends, and at the end as a table: the loss over the
last fifth of the steps, beside that of guessing by the classes' frequencies. Block by block, at the start and at the end: the root mean
square (RMS) of what enters it and of its MLP before the last norm, and the norm of its matrices' gradient as a share of their own.
Writes benchmarks/learning_rates.json; call it again, and it does what is missing.
"""

import argparse
import json
import sys
from itertools import product
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import create_model
from hatnet.data import Images, load
from hatnet.guessing import guessing_loss
from hatnet.recipe import Recipe
from hatnet.training import Trainer

THIN = {"dims": (24, 48, 120, 192), "head_dim": 24, "dropout": 0.0}
ARMS: dict[str, tuple[dict, dict]] = {  # name -> changes of the model, and of the recipe
    "as released": ({}, {}),
    "warm_up=0.6": ({}, {"warm_up": 0.6}),
    "norm=layer": ({"norm": "layer"}, {}),
    "init_std=null": ({"init_std": None}, {}),
    "layer_scale=0.1": ({"layer_scale": 0.1}, {}),
}
RATES = (5e-4, 1.5e-3)


def rms(x: Tensor) -> float:
    return x.detach().square().mean().sqrt().item()


def growth(trainer: Trainer, steps: int) -> list[dict]:
    """Of each block, on the next batch: RMS of its input and of its MLP before the last norm, and its gradient's norm over its weights'."""
    found, hooks = [], []
    model = trainer.state.model
    for stage, blocks in zip(model.config.stages, (stage.blocks for stage in model.stages), strict=True):
        for number, block in enumerate(blocks, start=1):
            row: dict = {"stage": stage, "block": number}
            found.append((row, block))
            hooks.append(block.register_forward_hook(lambda _, inputs, __, row=row: row.update(input=rms(inputs[0]))))
            hooks.append(block.mlp.reduce.register_forward_hook(lambda _, __, out, row=row: row.update(mlp=rms(out))))
    model.zero_grad()
    trainer._add_gradient(model.train(), *trainer._batch(steps))
    for hook in hooks:
        hook.remove()
    for row, block in found:
        matrices = [weight for weight in block.parameters() if weight.ndim > 1]
        row["gradient"] = norm(weight.grad for weight in matrices) / norm(matrices)
    return [row for row, _ in found]


def norm(tensors) -> float:
    return nn.utils.get_total_norm([tensor.detach() for tensor in tensors]).item()


def trained(arm: str, rate: float, seed: int, images: Images, steps: int, batch: int) -> dict:
    """Train one arm. Returns what came of it; its loss is None if it was no longer finite."""
    model, recipe = ARMS[arm]
    torch.manual_seed(seed)
    how = {"epochs": 1, "batch_size": batch, "learning_rate": rate, "warm_up": 0.2, "seed": seed} | recipe
    trainer = Trainer(create_model("hatnet_tiny", len(images.classes), **THIN | model), Recipe(**how), images)
    before, losses = growth(trainer, steps), []
    try:
        losses.extend(trainer.optimise(steps))
    except FloatingPointError as error:
        print(f"{arm}, learning rate {rate:g}, seed {seed}: {error}", file=sys.stderr)
    trainer.state.step = steps - 1  # the batch to look at afterwards
    return {
        "loss": fmean(losses[-max(1, steps // 5) :]) if len(losses) == steps else None,
        "guessing": guessing_loss(trainer.recipe, images, None),
        "blocks": {"before": before, "after": growth(trainer, steps)},
    }


def table(runs: list[dict]) -> str:
    """The mean loss of each arm over its seeds, and the loss of each seed, as a table in Markdown."""
    rates = sorted({run["rate"] for run in runs})
    rows = [["", *(f"{rate:g}" for rate in rates)], ["---"] * (1 + len(rates))]
    for arm in dict.fromkeys(run["arm"] for run in runs):
        row = [arm]
        for rate in rates:
            losses = [run["loss"] for run in runs if (run["arm"], run["rate"]) == (arm, rate)]
            row.append(", ".join("not finite" if loss is None else f"{loss:.2f}" for loss in losses))
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="cifar10", help="as for train_small.py")
    parser.add_argument("--arms", nargs="+", default=[*ARMS], choices=ARMS, metavar="ARM")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1))
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--side", type=int, default=32, help="of the images, in pixels")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    args = parser.parse_args()
    runs = json.loads(args.output.read_text())["runs"] if args.output.exists() else []
    images, scale = load(args.data, "train", args.side), {name: getattr(args, name) for name in ("data", "steps", "batch", "side")}
    for seed, rate, arm in product(args.seeds, args.rates, args.arms):
        wanted = {"arm": arm, "rate": rate, "seed": seed, **scale}
        if not any(wanted.items() <= run.items() for run in runs):
            runs.append(wanted | trained(arm, rate, seed, images, args.steps, args.batch))
            args.output.write_text(json.dumps({"runs": runs}, indent=1) + "\n")
            print(f"{arm}, learning rate {rate:g}, seed {seed}: loss {runs[-1]['loss']}, guessing {runs[-1]['guessing']:.3f}", flush=True)
    print(table([run for run in runs if scale.items() <= run.items()]))


if __name__ == "__main__":
    main()
