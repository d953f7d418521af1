"""The folder of a run: begun, or brought back to where it stopped."""

import argparse
import dataclasses
import math
import platform
import shlex
import shutil
import sys
from pathlib import Path

import torch

from hatnet import fingerprint, rehearsal
from hatnet.machine import Machine
from hatnet.ranges import Word, check
from hatnet.run import WRITE_ERRORS, State, keep_metrics, write_config
from hatnet.sources import title
from hatnet.training import Trainer


def start(trainer: Trainer, held_out, args: argparse.Namespace, argv: list[str], identity: fingerprint.Identity) -> tuple[Path, dict]:
    """Settle how many steps a new run takes, and make its folder. Returns the folder and its config.json. identity: of its data."""
    precision = rehearsal.settle_precision(trainer, args.amp)
    machine, model, steps = trainer.machine, trainer.state.model, trainer.recipe.epochs * trainer.steps_per_epoch
    if args.minutes:
        steps = rehearsal.steps_within(trainer, args.minutes, held_out)
        trainer.recipe = dataclasses.replace(trainer.recipe, epochs=math.ceil(steps / trainer.steps_per_epoch))
    folder = new_folder(args) if machine.rank == 0 else Path()
    config = {
        "command": shlex.join(["python", "train_small.py", *argv]),
        "arguments": {name: str(value) if isinstance(value, Path) else value for name, value in vars(args).items() if name != "resume"},
        "steps": steps,
        "steps_per_epoch": trainer.steps_per_epoch,
        "processes": machine.world,
        **precision,
        "recipe": dataclasses.asdict(trainer.recipe),
        **trainer.task.describe(model),
        "mean": trainer.mean,
        "std": trainer.std,
        "data": identity.facts,
        "parameters": sum(p.numel() for p in model.parameters()),
        "machine": machine_words(machine),
    }
    if machine.rank == 0:
        claim(folder, trainer.state, config, identity.listed)
    return folder, config


def new_folder(args: argparse.Namespace) -> Path:
    """The folder of a new run. Raises ValueError if it already holds one."""
    if args.out:
        if (args.out / "config.json").exists():
            raise ValueError(f"{args.out} already holds a run: continue it with --resume {args.out}, or choose another --out")
        return args.out
    name = title(args.data)
    taken = {path.name for path in Path("runs").glob("*")}
    return Path("runs") / next(name for name in (name, *(f"{name}-{n}" for n in range(2, 10**6))) if name not in taken)


def claim(folder: Path, state: State, config: dict, listed: dict[str, str]) -> None:
    """Make the run folder and write the first state, the list of pictures and config.json, so that a place that cannot be written shows
    at once.

    Raises ValueError if it cannot, or if the disk has no room for all that the run will write.
    """
    weights = sum(p.numel() * p.element_size() for p in state.model.parameters())
    need = 12 * weights + 2**20  # model, mean, AdamW's two, twice while a state is replaced; two checkpoints, and one on its way
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (free := shutil.disk_usage(folder).free) < need:
            raise ValueError(f"{folder.resolve()}: the disk has {free / 2**20:.0f} MB left, and this run writes {need / 2**20:.0f} MB")
        state.save(folder / "state.pt")
        if listed:
            fingerprint.write_list(folder, listed)
        write_config(folder, config)
    except WRITE_ERRORS as error:
        raise ValueError(f"cannot write to {folder.resolve()} ({error}): choose another place with --out") from None


def resume(trainer: Trainer, folder: Path, config: dict, given: dict) -> None:
    """Bring the trainer to where the run stopped, and `change` the run as `given` says. Raises ValueError if that is not possible."""
    if config["processes"] != trainer.machine.world:
        raise ValueError(f"{folder} needs as many processes as it was started with: {config['processes']}, not {trainer.machine.world}")
    trainer.state.load(folder / "state.pt")
    if trainer.state.step > config["steps"]:
        raise ValueError(f"{folder / 'state.pt'} is at step {trainer.state.step}, but config.json has only {config['steps']} steps")
    if trainer.machine.rank == 0:
        keep_metrics(folder, trainer.state.step)
    if "device" in given and config["machine"].split(",")[0] != str(trainer.machine.device):
        config |= rehearsal.settle_precision(trainer, config["arguments"].get("amp", "auto"))
    else:
        kept = {"amp": config.get("amp", config["arguments"].get("amp", "off"))}  # runs of earlier versions have it as an argument
        check(kept, {"amp": Word(rehearsal.PRECISIONS)})
        rehearsal.set_precision(trainer, kept["amp"])
    if given:
        change(trainer, folder, config, given)
    print(f"continuing {folder} at step {trainer.state.step} of {config['steps']}", file=sys.stderr)


def change(trainer: Trainer, folder: Path, config: dict, given: dict) -> None:
    """Lengthen a run, or move it to another device: in place, and in its folder. given: those of BESIDE_RESUME that are given.

    Raises ValueError if the run would not get longer.
    """
    config["arguments"] |= given
    if "data" in given and "data" in config:
        config["data"]["source"] = given["data"]
    config["machine"] = machine_words(trainer.machine)
    if epochs := given.get("epochs"):
        steps, least = epochs * trainer.steps_per_epoch, config["steps"] // trainer.steps_per_epoch + 1
        if epochs < least:
            raise ValueError(
                f"--epochs {epochs}: {folder} already has {config['steps']} steps; to lengthen it, give at least {least} epochs"
            )
        config["arguments"]["minutes"] = None
        config |= {"steps": steps, "recipe": dataclasses.asdict(trainer.recipe)}
        trainer.state.waited = 0  # patience starts anew
    if trainer.machine.rank == 0:
        try:
            trainer.state.save(folder / "state.pt")
            write_config(folder, config)
        except WRITE_ERRORS as error:
            raise ValueError(f"cannot write to {folder.resolve()} ({error})") from None


def machine_words(machine: Machine) -> str:
    """What the run's files say about the machine."""
    return f"{machine.device}, {torch.get_num_threads()} threads, {platform.machine()}, torch {torch.__version__}"
