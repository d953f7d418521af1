"""Train a compact HAT-Net, or evaluate a checkpoint.

python train_small.py                                        cards, drawn as it goes: nothing to download, about a minute
python train_small.py --data cifar10 --amp bf16 --minutes 60
python train_small.py --data folder:PATH --image-size 112 --init runs/cifar10/best.safetensors
python train_small.py --resume runs/cifar10                  continue after Ctrl-C or a crash
python train_small.py eval runs/cards/best.safetensors --data cards
torchrun --nproc-per-node 4 train_small.py --data cifar10    one process for each GPU, or for a share of the cores
"""

import argparse
import dataclasses
import json
import math
import os
import platform
import shlex
import shutil
import sys
import warnings
from pathlib import Path

# Each step makes and drops the same large tensors. By default glibc returns them to the system every time, and fetching
# them again takes a fifth of the step; these must be set before Python starts.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**33), "MALLOC_TOP_PAD_": str(2**28)}

DEVICES, AMP = ("auto", "cpu", "cuda", "mps"), ("off", "bf16")
BESIDE_RESUME = ("epochs", "device")  # what may be changed in a run that goes on
DATA = "cards, cifar10, cifar100, caltech101, fashion-mnist, or folder:PATH (with train/ and val/, or with the class folders themselves)"
RESUME = """continue this run, as its config.json says. Beside it, --device moves the run to another device (there, its numbers are no
longer the same bit for bit), and a larger --epochs lengthens it: from the next step on, the learning rate and all else that depends on the
fraction of the training done follow the schedule of the new length, so a finished run goes on at a higher rate than it ended with"""


def place(text: str) -> Path:
    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a path")
    return Path(text)


def training_parser() -> argparse.ArgumentParser:
    from hatnet.recipe import recipe_table

    usage = "train_small.py [options]\n       train_small.py eval CHECKPOINT --data DATA [options]"
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(usage=usage, description=__doc__, epilog=recipe_table(), formatter_class=shape, allow_abbrev=False)
    add = parser.add_argument_group("data").add_argument
    add("--data", default="cards", help=DATA)
    add("--image-size", type=int, metavar="PIXELS", help="side of the square that the model sees (48 for cards; that of --init; else 32)")
    add("--val-fraction", type=float, default=0.1, metavar="FRACTION", help="fraction of the training images to hold out (0.1)")
    add("--max-unreadable", type=int, default=10, metavar="N", help="unreadable images to tolerate before stopping (10)")
    add = parser.add_argument_group("model").add_argument
    add("--model", help="a variant in hatnet.VARIANTS (hatnet_cards for cards, else hatnet_compact)")
    add("--init", metavar="CHECKPOINT", help="take its architecture and every weight that fits; initialise the rest")
    add(
        "--attention",
        nargs="+",
        metavar="MECHANISM",
        help="hierarchical, window, shifted_window, pooled or full: one for all stages, or one for each",
    )
    add("--g1", type=int, nargs="+", metavar="TOKENS", help="side of the window in each hierarchical stage")
    add("--g2", type=int, nargs="+", metavar="TOKENS", help="side of the pooled cell in each hierarchical stage")
    add("--set", action="append", default=[], metavar="FIELD=VALUE", help="any field of hatnet.Config, like depthwise=false dims=[32,64]")
    group = parser.add_argument_group("recipe (what you leave out comes from --recipe)")
    add, length = group.add_argument, group.add_mutually_exclusive_group()
    add("--recipe", help="compact, paper (its ImageNet recipe, section 4.1) or cards; by default cards for cards, else compact")
    length.add_argument("--epochs", type=int, help="passes over the training images; for cards, an epoch is 6,400 images (100 steps of 64)")
    length.add_argument("--minutes", type=float, help="instead of --epochs: time a few steps, and take as many as fit")
    add(
        "--batch-size",
        type=int,
        help="images at once; a step takes N times as many with N processes, and K times as many with --accumulate K",
    )
    add(
        "--accumulate",
        type=int,
        metavar="K",
        help="add up the gradients of K batches before each step: the step of a batch K times as large, in the memory of one; an epoch "
        "then has a K-th of the steps (1)",
    )
    add("--learning-rate", type=float, help="AdamW's learning rate after the warm-up; not scaled with the number of processes")
    add("--weight-decay", type=float, help="AdamW's weight decay; norms and biases have none")
    add(
        "--layer-decay",
        type=float,
        metavar="FACTOR",
        help="smaller learning rates for earlier layers: each block learns at FACTOR times the rate of the next one, so that pretrained "
        "features change little, like 0.8 (1: all alike)",
    )
    add(
        "--freeze",
        type=int,
        metavar="STAGE",
        help="keep the weights of the stages up to this one as they are, counted as in the paper: 1 is the stem, the last one leaves the "
        "classifier alone to train; for use with --init (0: train all)",
    )
    add(
        "--class-weights",
        metavar="WHICH",
        help="balanced: in the loss, an image counts the more, the fewer its class has, so that rare classes are not ignored; or none",
    )
    add("--patience", type=int, metavar="N", help="stop early, after N epochs without a better accuracy on the held-out images (0: never)")
    add("--label-smoothing", type=float, metavar="FRACTION", help="label smoothing, from 0 (none) to below 1")
    add("--augment", help="shift (small crops, flip, cut-out), resized (random resized crops, flip) or none")
    add("--cut-out", type=float, metavar="FRACTION", help="for shift: side of the grey square, as a fraction of the image's")
    add("--least-area", type=float, metavar="FRACTION", help="for resized: the smallest crop, as a fraction of the image")
    add("--first-side", type=float, metavar="FRACTION", help="side of the first images as a fraction of the full side, to which they grow")
    add("--mixup", type=float, metavar="ALPHA", help="parameter of the beta distribution that mixes pairs of images; 0: none")
    add("--drop-path", type=float, metavar="P", help="stochastic depth of the last block")
    add("--ema", type=float, metavar="DECAY", help="keep a running mean of the weights; 0: keep the last weights")
    add("--seed", type=int, help="seed of all random numbers")
    add = parser.add_argument_group("machine").add_argument
    add("--device", default="auto", choices=DEVICES)
    add("--amp", default="off", choices=AMP, help="autocast to bfloat16")
    add("--compile", action="store_true", help="torch.compile the model")
    add = parser.add_argument_group("run").add_argument
    add("--out", type=place, metavar="RUN", help="folder for checkpoints and metrics (a new one in runs/, which the app lists)")
    add("--resume", type=place, metavar="RUN", help=RESUME)
    return parser


def evaluation_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train_small.py eval", description="Print a checkpoint's accuracy and confusions.")
    parser.add_argument("checkpoint", help="a shipped checkpoint's name, or a .safetensors file")
    parser.add_argument("--data", required=True, help=DATA)
    parser.add_argument("--split", default="test", choices=("test", "val"), help="val: the images that training held out")
    parser.add_argument("--write", type=place, metavar="FILE", help="round the weights to float16, evaluate those, and write them here")
    return parser


def parsed(argv: list[str]) -> tuple[argparse.Namespace, dict]:
    """The arguments, and those of them that are on the command line."""
    parser = training_parser()
    defaults = vars(parser.parse_args([]))
    given = vars(parser.parse_args(argv, argparse.Namespace(**dict.fromkeys(defaults))))
    given = {name: value for name, value in given.items() if value is not None}
    return argparse.Namespace(**defaults | given), given


def check_arguments(args: argparse.Namespace) -> None:
    """Raise ValueError for an argument that makes no sense, from the command line or from a run's config.json.

    Those that are fields of the recipe or of the model are checked there.
    """
    from hatnet.ranges import Flag, Many, Number, Whole, Word, check

    sides = Many(Whole(1, 4096), 1, 4)
    ranges = {
        "data": Word(),
        "val_fraction": Number(0, 1, above=True, below=True),
        "max_unreadable": Whole(0, 10**9),
        "set": Many(Word(), 0, 100),
        "device": Word(DEVICES),
        "amp": Word(AMP),
        "compile": Flag(),
    }
    optional = {
        "image_size": Whole(1, 4096),
        "model": Word(),
        "init": Word(),
        "attention": Many(Word(), 1, 4),
        "g1": sides,
        "g2": sides,
        "recipe": Word(),
        "minutes": Number(0, 10**6, above=True),
    }
    check(vars(args), ranges | {name: wanted for name, wanted in optional.items() if getattr(args, name) is not None})


def load(source: str, split: str, size: int, val_fraction: float, unreadable: int = 10):
    """`data.load`, which here knows the cards too."""
    from hatnet import cards, data

    if source == "cards":
        return cards.Cards() if split == "train" else cards.images(*{"val": (1000, 1), "test": (4000, 2)}[split])
    return data.load(source, split, size, val_fraction, unreadable)


def overrides(args: argparse.Namespace) -> dict:
    """The fields of hatnet.Config that the command line sets. Raises ValueError for a name that is none."""
    from hatnet.config import check_fields

    fields = {name: getattr(args, name) for name in ("g1", "g2", "drop_path") if getattr(args, name) is not None}
    if args.attention:
        fields["attention"] = args.attention[0] if len(args.attention) == 1 else args.attention
    for text in args.set:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set {text}: wanted FIELD=VALUE, like depthwise=false")
        try:
            fields[name] = json.loads(value)
        except (ValueError, RecursionError):
            fields[name] = value  # a word
    check_fields(fields)
    if "num_classes" in fields:
        raise ValueError("--set num_classes: it follows from the data; leave it out")
    return fields


def build(args: argparse.Namespace, classes: tuple[str, ...], drop_path: float):
    """The model that the command line describes, and the mean and std of its input if a checkpoint sets them."""
    from hatnet import HATNet, checkpoint_info, create_model, load_checkpoint
    from hatnet.optimiser import stage_of

    fields = {"drop_path": drop_path} | overrides(args)
    if not args.init:
        if args.freeze:
            warnings.warn("--freeze keeps random weights as they are: take trained ones with --init", stacklevel=2)
        return create_model(args.model, len(classes), **fields), None
    if args.model:
        raise ValueError(f"--init {args.init} brings its own architecture; leave --model {args.model} out")
    info, source = checkpoint_info(args.init), load_checkpoint(args.init)
    model = HATNet(dataclasses.replace(source.config, **fields, num_classes=len(classes)))
    own, weights = model.state_dict(), source.state_dict()
    taken = {key: value for key, value in weights.items() if key in own and own[key].shape == value.shape}
    if info.classes != classes:
        taken = {key: value for key, value in taken.items() if not key.startswith("classifier.")}
    share = sum(own[key].numel() for key in taken) / sum(value.numel() for value in own.values())
    if share < 0.01:
        raise ValueError(f"--init {args.init}: almost none of its weights fit with {fields}")
    model.load_state_dict(own | taken)
    fresh = sorted({".".join(key.split(".")[:4]) for key in own.keys() - taken.keys()})
    percent = math.floor(1000 * share) / 10  # rounded down: not 100 % while anything is new
    if kept := [name for name in fresh if stage_of(name, model.config.stages) <= (args.freeze or 0)]:
        warnings.warn(f"--freeze keeps weights that are new and random: {', '.join(kept)}", stacklevel=2)
    print(f"{percent:g}% of the weights come from {args.init}; new: {', '.join(fresh) or 'none'}", file=sys.stderr)
    return model, (info.mean, info.std)


def machine_of(args: argparse.Namespace):
    """The machine as --device and torchrun's environment describe it."""
    import torch

    from hatnet.training import Machine

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
        torch.distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
    return Machine(device=device, bfloat16=args.amp == "bf16", compiled=args.compile, rank=rank, world=world)


def data_name(args: argparse.Namespace) -> str:
    """The data set's name; for a folder, the last part of its path."""
    return Path(args.data.removeprefix("folder:")).resolve().name


def new_folder(args: argparse.Namespace) -> Path:
    """The folder of a new run. Raises ValueError if it already holds one."""
    if args.out:
        if (args.out / "config.json").exists():
            raise ValueError(f"{args.out} already holds a run: continue it with --resume {args.out}, or choose another --out")
        return args.out
    name = data_name(args)
    taken = {path.name for path in Path("runs").glob("*")}
    return Path("runs") / next(name for name in (name, *(f"{name}-{n}" for n in range(2, 10**6))) if name not in taken)


def arguments_of(folder: Path, given: dict) -> tuple[argparse.Namespace, dict]:
    """A run's own arguments, changed by what is given beside --resume, and its config.json.

    Raises ValueError if there is no run, if config.json is damaged, or if more is given than BESIDE_RESUME.
    """
    from hatnet.config import from_fields
    from hatnet.run import read_config

    if more := [name for name in given if name not in BESIDE_RESUME]:
        raise ValueError(
            f"--resume takes everything from {folder / 'config.json'}; leave {option(more[0])} out "
            f"(only {' and '.join(map(option, BESIDE_RESUME))} can be changed)"
        )
    config, defaults = read_config(folder), vars(parsed([])[0])
    own = {name: value for name, value in config["arguments"].items() if name in defaults}
    if missing := [name for name in ("data", "image_size", "recipe", "val_fraction") if name not in own]:
        raise ValueError(f"{folder / 'config.json'}: arguments lack {missing[0]}")
    try:
        check_arguments(argparse.Namespace(**defaults | own))
        recipe_of(argparse.Namespace(**defaults | own))
        from_fields(config["model"])
    except ValueError as error:
        raise ValueError(f"{folder / 'config.json'}: {error}") from None
    return argparse.Namespace(**defaults | own | given | {"out": folder}), config


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def fill_in(args: argparse.Namespace) -> None:
    """Set what the command line leaves open: model, image size and recipe."""
    from hatnet import checkpoint_info

    drawn = args.data == "cards"
    if not (args.init or args.model):
        args.model = "hatnet_cards" if drawn else "hatnet_compact"
    if not args.image_size:
        args.image_size = checkpoint_info(args.init).image_size if args.init else 48 if drawn else 32
    args.recipe = args.recipe or ("cards" if drawn else "compact")


def recipe_of(args: argparse.Namespace):
    """The recipe that the command line names, with the fields that it sets. Raises ValueError if it does not suit the data."""
    from hatnet.recipe import RECIPES, Recipe

    if args.recipe not in RECIPES:
        raise ValueError(f"unknown recipe {args.recipe!r}; the recipes are {', '.join(RECIPES)}")
    given = {field.name: getattr(args, field.name, None) for field in dataclasses.fields(Recipe)}
    recipe = dataclasses.replace(RECIPES[args.recipe], **{name: value for name, value in given.items() if value is not None})
    if args.data == "cards" and (args.image_size != 48 or recipe.mixup or recipe.augment != "none" or recipe.first_side < 1):
        raise ValueError(
            "cards are 48 pixels wide and have a label in each cell: leave --image-size, --mixup and --first-side out, "
            "and take a recipe without crops and flips (--recipe cards, or --augment none)"
        )
    return recipe


def images_of(args: argparse.Namespace, machine) -> list:
    """The images to train on, and the held-out ones. The first process downloads them for all."""
    import torch

    if machine.rank:
        torch.distributed.barrier()
    images = [load(args.data, split, args.image_size, args.val_fraction, args.max_unreadable) for split in ("train", "val")]
    if machine.rank == 0 and machine.world > 1:
        torch.distributed.barrier()
    return images


def trainer_of(args: argparse.Namespace, config: dict | None, data, machine):
    """The trainer before its first step: with the model of a run's config.json, if there is one, else with a new model."""
    import torch

    from hatnet import HATNet
    from hatnet.config import from_fields
    from hatnet.training import Trainer

    recipe = fitted(recipe_of(args), len(data), machine)
    torch.manual_seed(recipe.seed)
    if config:
        model, statistics = HATNet(from_fields(config["model"])), (config["mean"], config["std"])
    else:
        model, statistics = build(args, data.classes, recipe.drop_path)
    if (model.config.readout > 1) != (args.data == "cards"):
        wanted = "cards need a logit for each of 4 x 4 cells (readout=4), pictures have one label (readout=1)"
        raise ValueError(f"{wanted}; {args.model or args.init} has readout={model.config.readout}")
    if args.image_size < (least := model.config.strides[-1]):
        raise ValueError(
            f"image_size is {args.image_size}; a token of this model's last stage is {least} pixels wide: give at least {least}"
        )
    return Trainer(model, recipe, data, machine, statistics)


def fitted(recipe, images: int, machine):
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


def resume(trainer, folder: Path, config: dict, given: dict) -> None:
    """Bring the trainer to where the run stopped, and `change` the run as `given` says. Raises ValueError if that is not possible."""
    from hatnet.run import keep_metrics

    if config["processes"] != trainer.machine.world:
        raise ValueError(f"{folder} needs as many processes as it was started with: {config['processes']}, not {trainer.machine.world}")
    trainer.state.load(folder / "state.pt")
    if trainer.state.step > config["steps"]:
        raise ValueError(f"{folder / 'state.pt'} is at step {trainer.state.step}, but config.json has only {config['steps']} steps")
    if trainer.machine.rank == 0:
        keep_metrics(folder, trainer.state.step)
    if given:
        change(trainer, folder, config, given)
    print(f"continuing {folder} at step {trainer.state.step} of {config['steps']}", file=sys.stderr)


def change(trainer, folder: Path, config: dict, given: dict) -> None:
    """Lengthen a run, or move it to another device: in place, and in its folder. given: those of BESIDE_RESUME that are given.

    Raises ValueError if the run would not get longer.
    """
    from hatnet.run import WRITE_ERRORS, write_config

    config["arguments"] |= given
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


def machine_words(machine) -> str:
    """What the run's files say about the machine."""
    import torch

    return f"{machine.device}, {torch.get_num_threads()} threads, {platform.machine()}, torch {torch.__version__}"


def start(trainer, held_out, args: argparse.Namespace, argv: list[str]) -> tuple[Path, dict]:
    """Settle how many steps a new run takes, and make its folder. Returns the folder and its config.json."""
    machine, model, steps = trainer.machine, trainer.state.model, trainer.recipe.epochs * trainer.steps_per_epoch
    if args.minutes:
        steps = trainer.steps_within(args.minutes, held_out)
        trainer.recipe = dataclasses.replace(trainer.recipe, epochs=math.ceil(steps / trainer.steps_per_epoch))
    folder = new_folder(args) if machine.rank == 0 else Path()
    config = {
        "command": shlex.join(["python", "train_small.py", *argv]),
        "arguments": {name: str(value) if isinstance(value, Path) else value for name, value in vars(args).items() if name != "resume"},
        "steps": steps,
        "steps_per_epoch": trainer.steps_per_epoch,
        "processes": machine.world,
        "recipe": dataclasses.asdict(trainer.recipe),
        "model": dataclasses.asdict(model.config),
        "mean": trainer.mean,
        "std": trainer.std,
        "parameters": sum(p.numel() for p in model.parameters()),
        "machine": machine_words(machine),
    }
    if machine.rank == 0:
        claim(folder, trainer.state, config)
    return folder, config


def claim(folder: Path, state, config: dict) -> None:
    """Make the run folder and write config.json and the first state, so that a place that cannot be written shows at once.

    Raises ValueError if it cannot, or if the disk has no room for all that the run will write.
    """
    from hatnet.run import WRITE_ERRORS, write_config

    weights = sum(p.numel() * p.element_size() for p in state.model.parameters())
    need = 12 * weights + 2**20  # model, mean, AdamW's two, twice while a state is replaced; two checkpoints, and one on its way
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (free := shutil.disk_usage(folder).free) < need:
            raise ValueError(f"{folder.resolve()}: the disk has {free / 2**20:.0f} MB left, and this run writes {need / 2**20:.0f} MB")
        state.save(folder / "state.pt")
        write_config(folder, config)
    except WRITE_ERRORS as error:
        raise ValueError(f"cannot write to {folder.resolve()} ({error}): choose another place with --out") from None


def train(argv: list[str]) -> None:
    (args, given), config = parsed(argv), None
    check_arguments(args)
    if args.resume:
        given.pop("resume")
        args, config = arguments_of(args.resume, given)
    import torch

    from hatnet.run import Run

    machine = machine_of(args)
    fill_in(args)
    recipe_of(args)  # what is wrong with it shows before the images are read
    data, held_out = images_of(args, machine)
    trainer = trainer_of(args, config, data, machine)
    if config:
        folder = args.out
        resume(trainer, folder, config, given)
    else:
        folder, config = start(trainer, held_out, args, argv)
    header = {
        "classes": list(data.classes),
        "mean": trainer.mean,
        "std": trainer.std,
        "image_size": args.image_size,
        "data": data_name(args),
        "split": "val",
        "val_fraction": args.val_fraction,
    }
    header |= {name: config[name] for name in ("steps", "recipe", "machine")}
    finished = trainer.train(config["steps"], held_out, Run(folder, header))
    if machine.rank == 0:
        print(outcome(trainer, folder, config["steps"], len(held_out), finished))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def outcome(trainer, folder: Path, steps: int, held_out: int, finished: bool) -> str:
    """What a run came to, in words."""
    step, best = trainer.state.step, trainer.state.best
    if not finished:
        return f"stopped and saved at step {step} of {steps}; continue with: python train_small.py --resume {folder}"
    early = f"stopped early at step {step} of {steps}, {trainer.recipe.patience} epochs after the best; " if step < steps else ""
    return f"{early}best accuracy on {held_out} held-out images: {best:.2%}; the checkpoint is {folder / 'best.safetensors'}"


def evaluate(argv: list[str]) -> None:
    args = evaluation_parser().parse_args(argv)
    import torch

    from hatnet import cards, checkpoint_info, evaluation, load_checkpoint, save_checkpoint
    from hatnet.run import WRITE_ERRORS

    info, model = checkpoint_info(args.checkpoint), load_checkpoint(args.checkpoint)
    if args.write and (args.write.is_dir() or not args.write.parent.is_dir()):
        raise ValueError(f"--write {args.write}: wanted a file in a folder that exists, like {args.write.name or 'small'}.safetensors")
    images = load(args.data, args.split, info.image_size, info.extra.get("val_fraction", 0.1))
    if images.classes != info.classes:
        raise ValueError(f"{args.checkpoint} has the classes {list(info.classes)}; {args.data} has {list(images.classes)}")
    if args.write:
        model.half().float()
    predicted = evaluation.predict(model, images, info.mean, info.std)
    table, accuracy = evaluation.confusion(predicted, images), evaluation.accuracy(predicted, images)
    print("true \\ predicted  " + " ".join(f"{name[:6]:>6}" for name in images.classes))
    for name, row in zip(images.classes, table.tolist(), strict=True):
        print(f"{name[:16]:16}  " + " ".join(f"{count:6}" for count in row))
    per_class = (table.diag() / table.sum(1).clamp(min=1))[table.sum(1) > 0].mean().item()
    print(f"accuracy {accuracy:.2%}, mean of the classes {per_class:.2%}, on {len(images)} images of {args.data}, {args.split}")
    if args.data == "cards":
        print("global question {:.2%}, local question {:.2%}".format(*cards.questions(predicted, images.labels)))
    if args.write:
        figures = {"accuracy": accuracy, "per_class_accuracy": per_class, "split": args.split}
        header = {key: value for key, value in info.header().items() if key != "step"} | figures
        try:
            save_checkpoint(model, args.write, header, torch.float16)
        except WRITE_ERRORS as error:
            raise ValueError(f"cannot write {args.write} ({error})") from None
        print(f"written to {args.write}, {args.write.stat().st_size / 1000:.0f} kB")


def main(argv: list[str]) -> None:
    warnings.formatwarning = lambda message, *_, **__: f"train_small.py: {message}\n"
    try:
        evaluate(argv[1:]) if argv[:1] == ["eval"] else train(argv)
    except (ValueError, OSError) as error:  # OSError: a place that cannot be read or written; it names the path
        sys.exit(f"train_small.py: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")


if __name__ == "__main__":
    if sys.platform == "linux" and not MALLOC.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | MALLOC)
    main(sys.argv[1:])
