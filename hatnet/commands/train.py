"""`train_small.py`: a run from its command line to its outcome."""

import argparse
import dataclasses
import os
import sys
from pathlib import Path

import torch

from hatnet.cards import Cards
from hatnet.commands import sheet
from hatnet.commands.arguments import arguments_of, check_arguments, recipe_of
from hatnet.commands.images import memory_for_pictures
from hatnet.commands.run_folder import resume, start
from hatnet.commands.tasks import COMMANDS
from hatnet.data import Images
from hatnet.machine import Machine
from hatnet.recipe import PAPER_IMAGES, PAPER_RATE, Recipe, auto_learning_rate
from hatnet.run import Run
from hatnet.shapes import Shapes
from hatnet.sources import title
from hatnet.training import Trainer


def train(args: argparse.Namespace, given: dict, argv: list[str]) -> None:
    """Run `train_small.py` with these arguments; given: those of them that are on the command line, argv.

    Raises ValueError for arguments, pictures or run files that are not right.
    """
    config = None
    check_arguments(args)
    if args.resume:
        given.pop("resume")
        args, config = arguments_of(args.resume, given)
    machine, command = machine_of(args), COMMANDS[args.task]
    command.fill_in(args)
    if args.show_batch:
        sheet.check_place(args.show_batch)
    recipe_of(args)  # what is wrong with it shows before the images are read
    if args.in_memory is None:
        args.in_memory = memory_for_pictures(machine)
    data, held_out, identity = command.images(args, config, machine)
    trainer = trainer_of(args, config, data, machine)
    if args.show_batch:
        if machine.rank == 0:
            print(sheet.write_batch(trainer, command.tiles, args.show_batch))
        return
    if config:
        folder = args.out
        if config["arguments"]["data"] != args.data:
            given["data"] = args.data  # the whole path
        resume(trainer, folder, config, given)
    else:
        folder, config = start(trainer, held_out, args, argv, identity)
    header = {
        "classes": list(data.classes),
        "mean": trainer.mean,
        "std": trainer.std,
        "image_size": args.image_size,
        "data": title(args.data),
        "split": "val",
        "val_fraction": args.val_fraction,
    } | command.header(data)
    if "pictures" in config.get("data", {}):
        header["pictures"] = config["data"]["pictures"]
    header |= {name: config[name] for name in ("steps", "recipe", "machine")}
    if machine.rank == 0:
        print(opening(trainer, held_out, config, args.in_memory), file=sys.stderr)
    finished = trainer.train(config["steps"], held_out, Run(folder, header))
    if machine.rank == 0:
        print(outcome(trainer, folder, config["steps"], len(held_out), finished))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def machine_of(args: argparse.Namespace) -> Machine:
    """The machine as --device and torchrun's environment describe it. Raises ValueError for a device that torch does not find."""
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    kind = args.device
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() and world == 1 else "cpu"
    if (kind == "cuda" and not torch.cuda.is_available()) or (kind == "mps" and not torch.backends.mps.is_available()):
        raise ValueError(f"--device {kind}: torch {torch.__version__} finds none here; use cpu or auto")
    device = torch.device(kind, int(os.environ.get("LOCAL_RANK", 0))) if kind == "cuda" else torch.device(kind)
    if kind == "cuda":
        torch.cuda.set_device(device)
    if "WORLD_SIZE" in os.environ:
        torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if kind == "cuda" else "gloo")
    return Machine(device=device, compiled=args.compile, rank=rank, world=world)


def trainer_of(args: argparse.Namespace, config: dict | None, data, machine: Machine) -> Trainer:
    """The trainer before its first step: with the model of a run's config.json, if there is one, else with a new model.

    Raises ValueError if that model does not suit the data, or if they are too few for a step.
    """
    recipe = fitted(recipe_of(args), len(data), machine)
    if args.learning_rate == "auto":
        images = recipe.batch_size * recipe.accumulate * machine.world
        chosen = config["recipe"]["learning_rate"] if config else auto_learning_rate(images)
        recipe = dataclasses.replace(recipe, learning_rate=chosen)
    torch.manual_seed(recipe.seed)
    command = COMMANDS[args.task]
    model, statistics = command.model(args, config, data, recipe)
    return Trainer(model, recipe, data, machine, statistics, command.task)


def fitted(recipe: Recipe, images: int, machine: Machine) -> Recipe:
    """The recipe with a batch of no more images than there are. Raises ValueError if not even batches of one image fill a step."""
    together = recipe.accumulate * machine.world
    if images < together:
        raise ValueError(f"{images} training images are fewer than the {together} batches of a step: lower --accumulate or the processes")
    if recipe.batch_size <= (most := images // together):
        return recipe
    if machine.rank == 0:
        share = "" if together == 1 else f", divided by the {together} batches of a step"
        print(f"batch size lowered from {recipe.batch_size} to {most}: that is all the training images there are{share}", file=sys.stderr)
    return dataclasses.replace(recipe, batch_size=most)


def opening(trainer: Trainer, held_out, config: dict, in_memory: float) -> str:
    """What a run is about to do, in words. in_memory: GiB that decoded pictures may take."""
    data, seconds = trainer.data, config.get("seconds_per_step")
    rule = f" (auto: {PAPER_RATE:g} x sqrt({trainer.images_per_step:,} / {PAPER_IMAGES:,}))"
    timed = " (a step takes {off:.2g} s in float32, {bf16:.2g} s in bfloat16)".format(**seconds) if seconds else ""
    return (
        f"training on {len(data):,} images of {len(data.classes)} classes, {len(held_out):,} more held out; "
        f"{whereabouts('training images', data, in_memory)}, {whereabouts('held-out images', held_out, in_memory)}; "
        f"{config['steps']:,} steps of {trainer.images_per_step:,} images; {config['parameters'] / 1e6:.3g} million parameters; "
        f"learning rate {trainer.recipe.learning_rate:g}{rule if config['arguments'].get('learning_rate') == 'auto' else ''}; "
        f"{config['machine']}, "
        f"{'bfloat16' if trainer.machine.bfloat16 else 'float32'}{timed}"
    )


def whereabouts(name: str, images, in_memory: float) -> str:
    """Where the decoded pictures of a set are, in words."""
    if isinstance(images, Cards | Shapes):
        return f"{name} drawn for each step"
    size = len(images) * 3 * images.side**2 if isinstance(images, Images) else images.nbytes
    words = f"{size / 2**30:.2f} GiB" if size >= 2**28 else f"{size / 2**20:.2f} MiB"
    if images.lazy:
        return f"{name} decoded at each use ({f'{words}; ' * (size > 0)}--in-memory is {in_memory:.3g})"
    return f"{name} {'in memory' if images.device.type == 'cpu' else f'on {images.device}'} ({words})"


def outcome(trainer: Trainer, folder: Path, steps: int, held_out: int, finished: bool) -> str:
    """What a run came to, in words."""
    step, best = trainer.state.step, trainer.state.best
    if not finished:
        return f"stopped and saved at step {step} of {steps}; continue with: python train_small.py --resume {folder}"
    early = f"stopped early at step {step} of {steps}, {trainer.recipe.patience} epochs after the best; " if step < steps else ""
    return f"{early}best {trainer.task.title} on {held_out} held-out images: {best:.2%}; the checkpoint is {folder / 'best.safetensors'}"
