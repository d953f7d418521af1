"""How fast a deep HAT-Net may learn: `python benchmarks/learning_rates.py` trains a thin relative of hatnet_tiny a few hundred steps.

It has hatnet_tiny's blocks, expansions and windows, and half of its channels. Each arm is one change of the model or of the recipe,
trained at several learning rates from several seeds on the same images. Printed: the loss over the last fifth of the steps, beside
that of guessing by the classes' frequencies. With --blocks, block by block: the root mean square (RMS) of what enters it, of its MLP before
the last norm, and how large the gradient of all its matrices is beside them, at the start and at the end. Writes
benchmarks/learning_rates.json; call it again, and it does what is missing.
"""

import argparse
import json
import math
import sys
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
    "layer_scale=0.1": ({"layer_scale": 0.1}, {}),
    "layer_scale=0.0001": ({"layer_scale": 1e-4}, {}),
    "init_std=null": ({"init_std": None}, {}),
    "expansions=[4,4,4,4]": ({"expansions": (4, 4, 4, 4)}, {}),
    "norm=layer": ({"norm": "layer"}, {}),
    "weight_decay=0": ({}, {"weight_decay": 0.0}),
    "clip=0.1": ({}, {"clip": 0.1}),
}
RATES = (5e-4, 1.5e-3, 5e-3)


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


def trained(arm: str, rate: float, seed: int, images: Images, held_out: Images, args: argparse.Namespace) -> dict:
    """Train one arm, and say what came of it."""
    model, recipe = ARMS[arm]
    torch.manual_seed(seed)
    how = {"epochs": 1, "batch_size": args.batch, "learning_rate": rate, "warm_up": 0.2, "seed": seed} | recipe
    trainer = Trainer(create_model("hatnet_tiny", len(images.classes), **THIN | model), Recipe(**how), images)
    blocks, losses = [growth(trainer, args.steps)] if args.blocks else [], []
    try:
        losses.extend(float(loss) for loss in trainer.optimise(args.steps))
    except FloatingPointError as error:
        print(f"{arm}, learning rate {rate:g}, seed {seed}: {error}", file=sys.stderr)
    last = losses[-max(1, args.steps // 5) :] if len(losses) == args.steps else [math.nan]
    run = {"arm": arm, "rate": rate, "seed": seed, "steps": args.steps, "batch": args.batch, "side": images.side, "data": args.data}
    run |= {"loss": fmean(last), "guessing": guessing_loss(trainer.recipe, images, None), "accuracy": trainer.validate(held_out)}
    if args.blocks:
        trainer.state.step = args.steps - 1
        run["blocks"] = [*blocks, growth(trainer, args.steps)]
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="cifar10", help="as for train_small.py")
    parser.add_argument("--arms", nargs="+", default=[*ARMS], choices=ARMS, metavar="ARM")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1))
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--blocks", action="store_true")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    args = parser.parse_args()
    runs = json.loads(args.output.read_text())["runs"] if args.output.exists() else []
    images, held_out = load(args.data, "train", args.side), load(args.data, "val", args.side)
    for seed in args.seeds:
        for rate in args.rates:
            for arm in args.arms:
                wanted = {"arm": arm, "rate": rate, "seed": seed, "steps": args.steps, "batch": args.batch, "side": args.side}
                if not any(wanted.items() <= run.items() for run in runs):
                    runs.append(trained(arm, rate, seed, images, held_out, args))
                    args.output.write_text(json.dumps({"runs": runs}, indent=1) + "\n")
                    print({name: value for name, value in runs[-1].items() if name != "blocks"}, flush=True)


if __name__ == "__main__":
    main()
