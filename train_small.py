"""Train a compact HAT-Net, or evaluate a checkpoint.

python train_small.py                                        cards, drawn as it goes: nothing to download, about a minute
python train_small.py --data cifar10 --minutes 60
python train_small.py --data folder:PATH --image-size 112 --init runs/cifar10/best.safetensors
python train_small.py --resume runs/cifar10                  continue after Ctrl-C or a crash
python train_small.py eval runs/cards/best.safetensors --data cards
torchrun --nproc-per-node 4 train_small.py --data cifar10    one process for each GPU, or for a share of the cores
"""

import argparse
import dataclasses
import io
import json
import math
import os
import platform
import shlex
import shutil
import sys
import warnings
from collections import Counter
from pathlib import Path

# Each step makes and drops the same large tensors. By default glibc returns them to the system every time, and fetching
# them again takes a fifth of the step; these must be set before Python starts.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**33), "MALLOC_TOP_PAD_": str(2**28)}

DEVICES, AMP = ("auto", "cpu", "cuda", "mps"), ("auto", "off", "bf16")
BESIDE_RESUME = ("epochs", "device", "data")  # what may be changed in a run that goes on
DATA = "cards, cifar10, cifar100, caltech101, fashion-mnist, or folder:PATH (with train/ and val/, or with the class folders themselves)"
RESUME = """continue this run, as its config.json says. Beside it, --data folder:PATH says where its pictures have moved,
--device moves the run to another device (there, its numbers are no
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
    add(
        "--image-size",
        type=int,
        metavar="PIXELS",
        help="side of the square that the model sees (48 for cards; that of --init, 224 for a .pth file; else 32)",
    )
    add("--val-fraction", type=float, default=0.1, metavar="FRACTION", help="fraction of the training images to hold out (0.1)")
    add("--max-unreadable", type=int, default=10, metavar="N", help="unreadable images to tolerate before stopping (10)")
    add("--trust-layout", action="store_true", help="take a folder as it is, though it looks like another layout, or has one class only")
    add = parser.add_argument_group("model").add_argument
    add("--model", help="a variant in hatnet.VARIANTS (hatnet_cards for cards, else hatnet_compact)")
    add(
        "--init",
        metavar="CHECKPOINT",
        help="take its architecture and every weight that fits; initialise the rest; "
        "a .pth file of the authors or of another trainer holds no architecture: name it with --model",
    )
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
    add(
        "--amp",
        default="auto",
        choices=AMP,
        help="off: float32; bf16: autocast to bfloat16; auto: the faster of the two here, timed before the run begins and kept by --resume "
        "(another machine may choose otherwise: for the same numbers everywhere, name one)",
    )
    add(
        "--compile",
        action="store_true",
        help="torch.compile the model: a minute or more for each size of the images, of which --first-side then makes at most four",
    )
    add(
        "--in-memory",
        type=float,
        metavar="GIB",
        help="hold the decoded pictures in memory if they all take no more than this, else decode them at each use; in GiB, for all "
        "processes together (4, or half of the available memory if that is less)",
    )
    add = parser.add_argument_group("run").add_argument
    add("--out", type=place, metavar="RUN", help="folder for checkpoints and metrics (a new one in runs/, which the app lists)")
    add("--resume", type=place, metavar="RUN", help=RESUME)
    return parser


def evaluation_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train_small.py eval", description="Print a checkpoint's accuracy and confusions.")
    parser.add_argument("checkpoint", help="a shipped checkpoint's name, or a .safetensors file")
    parser.add_argument("--data", required=True, help=DATA)
    parser.add_argument("--split", default="test", choices=("test", "val"), help="val: the images that training held out")
    parser.add_argument("--names", type=place, metavar="FILE.json", help='the classes\' names for the model: {"n02123045": "tabby", ...}')
    parser.add_argument("--trust-layout", action="store_true", help="take a folder as it is, though it looks like another layout")
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
        "trust_layout": Flag(),
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
        "in_memory": Number(0, 10**6),
    }
    check(vars(args), ranges | {name: wanted for name, wanted in optional.items() if getattr(args, name) is not None})


def load(source, split: str, size: int, val_fraction: float, unreadable: int, in_memory: float):
    """`data.load`, which here knows the cards too, and reports what could not be read in a folder of pictures.

    Raises ValueError if that is all pictures of a class to train on.
    """
    from hatnet import cards, data, folders

    if source == "cards":
        return cards.Cards() if split == "train" else cards.images(*{"val": (1000, 1), "test": (4000, 2)}[split])
    images = data.load(source, split, size, val_fraction, unreadable, in_memory)
    if isinstance(source, folders.Folder):
        there = Counter(file.label for file in source.split(split, val_fraction))
        read = Counter(images.classes[label] for label in images.labels.tolist())
        if (lost := sorted(there.keys() - read.keys())) and split == "train":
            raise ValueError(f"{source.path}: no training picture of {', '.join(lost)} can be read: repair or delete them")
        if missing := [f"{name} {count}" for name, count in sorted((there - read).items())]:
            print(f"  left out of {split}, unreadable: {(there - read).total()} ({folders.shortened(missing)})", file=sys.stderr)
    return images


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
    from hatnet import HATNet, create_model
    from hatnet.optimiser import stage_of

    fields = {"drop_path": drop_path} | overrides(args)
    if not args.init:
        if args.freeze:
            warnings.warn("--freeze keeps random weights as they are: take trained ones with --init", stacklevel=2)
        return create_model(args.model, len(classes), **fields), None
    source, weights, known, statistics = initial(args.init, args.model)
    model = HATNet(dataclasses.replace(source, **fields, num_classes=len(classes)))
    own = model.state_dict()
    taken = {key: value for key, value in weights.items() if key in own and own[key].shape == value.shape}
    if known != classes:
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
    return model, statistics


def initial(init: str, name: str | None):
    """What --init names: its configuration, weights, class names, and mean and std. --model `name` goes with a file of weights alone.

    Such a file names no classes (None), and its pixels were probably normalised as most are, by ImageNet's mean and std.
    """
    from hatnet import checkpoint_info, create_model, foreign, load_checkpoint, official

    if Path(init).suffix not in foreign.SUFFIXES:
        if name:
            raise ValueError(f"--init {init} brings its own architecture; leave --model {name} out")
        info = checkpoint_info(init)
        return info.config, load_checkpoint(init).state_dict(), info.classes, (info.mean, info.std)
    if not name:
        raise ValueError(f"--init {init} holds weights alone: name their architecture with --model, like --model hatnet_tiny")
    model = create_model(name)
    return model.config, official.our_weights(foreign.read_weights(init), model), None, foreign.IMAGENET


def machine_of(args: argparse.Namespace):
    """The machine as --device and torchrun's environment describe it."""
    import torch

    from hatnet.machine import Machine

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
    return Machine(device=device, compiled=args.compile, rank=rank, world=world)


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
    from hatnet.ranges import Table, check
    from hatnet.run import read_config

    if more := [name for name in given if name not in BESIDE_RESUME]:
        raise ValueError(
            f"--resume takes everything from {folder / 'config.json'}; leave {option(more[0])} out "
            f"(only {', '.join(map(option, BESIDE_RESUME))} can be changed)"
        )
    config, defaults = read_config(folder), vars(parsed([])[0])
    own = {name: value for name, value in config["arguments"].items() if name in defaults}
    if missing := [name for name in ("data", "image_size", "recipe", "val_fraction") if name not in own]:
        raise ValueError(f"{folder / 'config.json'}: arguments lack {missing[0]}")
    if "data" in given and not (given["data"].startswith("folder:") and str(own["data"]).startswith("folder:")):
        raise ValueError(f"{folder} was begun on --data {own['data']}; leave --data out, except for a folder that moved")
    try:
        check_arguments(argparse.Namespace(**defaults | own))
        recipe_of(argparse.Namespace(**defaults | own))
        from_fields(config["model"])
        check({"data": {}} | config, {"data": Table()})
    except ValueError as error:
        raise ValueError(f"{folder / 'config.json'}: {error}") from None
    return argparse.Namespace(**defaults | own | given | {"out": folder}), config


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def fill_in(args: argparse.Namespace) -> None:
    """Set what the command line leaves open: model, image size and recipe."""
    from hatnet import checkpoint_info
    from hatnet.foreign import SUFFIXES

    drawn = args.data == "cards"
    if not (args.init or args.model):
        args.model = "hatnet_cards" if drawn else "hatnet_compact"
    if not args.image_size:
        known = args.init and Path(args.init).suffix not in SUFFIXES
        args.image_size = checkpoint_info(args.init).image_size if known else 48 if drawn else 224 if args.init else 32
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


def source_of(args: argparse.Namespace, config: dict | None):
    """The folder of pictures that --data names, scanned; for other data, their name. config: of a run that is resumed.

    Raises ValueError if a new run's folder seems to have another layout.
    """
    from hatnet import folders

    if not args.data.startswith("folder:"):
        return args.data
    try:
        folder = folders.scan(args.data.removeprefix("folder:"))
    except ValueError as error:
        raise ValueError(f"{error}; if the pictures moved: --resume {args.out} --data folder:PATH" if config else str(error)) from None
    if not (config or args.trust_layout):
        folder.check()
    args.data = f"folder:{folder.path}"
    return dataclasses.replace(folder, by_place=config is not None and "data" not in config)


def compare(identity, config: dict, folder: Path) -> None:
    """Raises ValueError if the data are not those that a run was begun on, as far as its folder tells."""
    from hatnet import checkpoint_info, fingerprint

    before, last = config.get("data"), folder / "last.safetensors"
    if before is None:
        before = {"classes": checkpoint_info(last).classes} if last.exists() else {}
    if said := fingerprint.differences(before, identity, folder):
        source = identity.facts["source"]
        raise ValueError(
            f"{source} is not what {folder} was begun on: {'; '.join(said)}. Restore it; if the old pictures are elsewhere, say where: "
            f"--resume {folder} --data folder:PATH; or begin a new run with these weights: --data {source} --init {last}"
        )


def describe(folder, splits: tuple[str, ...], val_fraction: float) -> None:
    """Say on stderr what a folder of pictures holds in some splits, and which pictures lie in more than one, training counted too."""
    from hatnet import fingerprint, folders

    there = ("train", *splits) if "train" in folder.parts else splits
    files = {split: folder.split(split, val_fraction) for split in there}
    found = folders.summary(folder, {split: files[split] for split in splits})
    print(found, *(f"  {line}" for line in fingerprint.twins(files)), sep="\n", file=sys.stderr)


def images_of(args: argparse.Namespace, source, machine) -> list:
    """The images to train on, and the held-out ones. The first process downloads them for all."""
    import torch

    if machine.rank:
        torch.distributed.barrier()
    free, images = args.in_memory * 2**30 / int(os.environ.get("LOCAL_WORLD_SIZE", 1)), []
    for split in ("train", "val"):
        images.append(load(source, split, args.image_size, args.val_fraction, args.max_unreadable, free))
        free -= bytes_held(images[-1])
    if machine.rank == 0 and machine.world > 1:
        torch.distributed.barrier()
    return images


def bytes_held(images) -> int:
    """By decoded pictures in memory."""
    from torch import Tensor

    pixels = getattr(images, "pixels", None)  # cards have none
    return pixels.nbytes if isinstance(pixels, Tensor) else 0


def memory_for_pictures(machine) -> float:
    """The GiB of decoded pictures that are held if the command line does not say; the same for all processes."""
    from hatnet.data import IN_MEMORY
    from hatnet.machine import available_memory

    return machine.mean(min(IN_MEMORY, available_memory() / 2)) / 2**30


def data_of(args: argparse.Namespace, config: dict | None, machine):
    """The images to train on, the held-out ones, and the identity of both. config: of a run that is resumed.

    Raises ValueError if they are not those that it was begun on.
    """
    from hatnet import fingerprint

    source = source_of(args, config)
    identity = fingerprint.identify(source)
    if config:
        compare(identity, config, args.out)
    if args.data.startswith("folder:") and machine.rank == 0:
        describe(source, ("train", "val"), args.val_fraction)
        if source.by_place:
            print(f"{args.out} kept no fingerprint of its pictures, so whether these are the same cannot be told", file=sys.stderr)
    data, held_out = images_of(args, source, machine)
    identity.facts.update(classes=list(data.classes), images={"train": len(data), "val": len(held_out)})
    if config:
        compare(identity, config, args.out)
    return data, held_out, identity


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
    from hatnet.ranges import Word, check
    from hatnet.rehearsal import PRECISIONS, set_precision, settle_precision
    from hatnet.run import keep_metrics

    if config["processes"] != trainer.machine.world:
        raise ValueError(f"{folder} needs as many processes as it was started with: {config['processes']}, not {trainer.machine.world}")
    trainer.state.load(folder / "state.pt")
    if trainer.state.step > config["steps"]:
        raise ValueError(f"{folder / 'state.pt'} is at step {trainer.state.step}, but config.json has only {config['steps']} steps")
    if trainer.machine.rank == 0:
        keep_metrics(folder, trainer.state.step)
    if "device" in given and config["machine"].split(",")[0] != str(trainer.machine.device):
        config |= settle_precision(trainer, config["arguments"].get("amp", "auto"))
    else:
        kept = {"amp": config.get("amp", config["arguments"].get("amp", "off"))}  # runs of earlier versions have it as an argument
        check(kept, {"amp": Word(PRECISIONS)})
        set_precision(trainer, kept["amp"])
    if given:
        change(trainer, folder, config, given)
    print(f"continuing {folder} at step {trainer.state.step} of {config['steps']}", file=sys.stderr)


def change(trainer, folder: Path, config: dict, given: dict) -> None:
    """Lengthen a run, or move it to another device: in place, and in its folder. given: those of BESIDE_RESUME that are given.

    Raises ValueError if the run would not get longer.
    """
    from hatnet.run import WRITE_ERRORS, write_config

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


def machine_words(machine) -> str:
    """What the run's files say about the machine."""
    import torch

    return f"{machine.device}, {torch.get_num_threads()} threads, {platform.machine()}, torch {torch.__version__}"


def start(trainer, held_out, args: argparse.Namespace, argv: list[str], identity) -> tuple[Path, dict]:
    """Settle how many steps a new run takes, and make its folder. Returns the folder and its config.json. identity: of its data."""
    from hatnet.rehearsal import settle_precision, steps_within

    precision = settle_precision(trainer, args.amp)
    machine, model, steps = trainer.machine, trainer.state.model, trainer.recipe.epochs * trainer.steps_per_epoch
    if args.minutes:
        steps = steps_within(trainer, args.minutes, held_out)
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
        "model": dataclasses.asdict(model.config),
        "mean": trainer.mean,
        "std": trainer.std,
        "data": identity.facts,
        "parameters": sum(p.numel() for p in model.parameters()),
        "machine": machine_words(machine),
    }
    if machine.rank == 0:
        claim(folder, trainer.state, config, identity.listed)
    return folder, config


def claim(folder: Path, state, config: dict, listed: dict[str, str]) -> None:
    """Make the run folder and write the first state, the list of pictures and config.json, so that a place that cannot be written shows
    at once.

    Raises ValueError if it cannot, or if the disk has no room for all that the run will write.
    """
    from hatnet import fingerprint
    from hatnet.run import WRITE_ERRORS, write_config

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
    if args.in_memory is None:
        args.in_memory = memory_for_pictures(machine)
    data, held_out, identity = data_of(args, config, machine)
    trainer = trainer_of(args, config, data, machine)
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
        "data": data_name(args),
        "split": "val",
        "val_fraction": args.val_fraction,
    }
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


def opening(trainer, held_out, config: dict, in_memory: float) -> str:
    """What a run is about to do, in words. in_memory: GiB that decoded pictures may take."""
    data, seconds = trainer.data, config.get("seconds_per_step")
    timed = " (a step takes {off:.2g} s in float32, {bf16:.2g} s in bfloat16)".format(**seconds) if seconds else ""
    return (
        f"training on {len(data):,} images of {len(data.classes)} classes, {len(held_out):,} more held out; "
        f"{whereabouts('training images', data, in_memory)}, {whereabouts('held-out images', held_out, in_memory)}; "
        f"{config['steps']:,} steps of {trainer.images_per_step:,} images; {config['parameters'] / 1e6:.3g} million parameters; "
        f"learning rate {trainer.recipe.learning_rate:g}; {config['machine']}, "
        f"{'bfloat16' if trainer.machine.bfloat16 else 'float32'}{timed}"
    )


def whereabouts(name: str, images, in_memory: float) -> str:
    """Where the decoded pictures of a set are, in words."""
    from hatnet.data import Images

    if not isinstance(images, Images):
        return f"{name} drawn for each step"
    size = len(images) * 3 * images.side**2
    words = f"{size / 2**30:.2f} GiB" if size >= 2**28 else f"{size / 2**20:.2f} MiB"
    return f"{name} in memory ({words})" if bytes_held(images) else f"{name} decoded at each use ({words}; --in-memory is {in_memory:.3g})"


def outcome(trainer, folder: Path, steps: int, held_out: int, finished: bool) -> str:
    """What a run came to, in words."""
    step, best = trainer.state.step, trainer.state.best
    if not finished:
        return f"stopped and saved at step {step} of {steps}; continue with: python train_small.py --resume {folder}"
    early = f"stopped early at step {step} of {steps}, {trainer.recipe.patience} epochs after the best; " if step < steps else ""
    return f"{early}best accuracy on {held_out} held-out images: {best:.2%}; the checkpoint is {folder / 'best.safetensors'}"


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
    from hatnet import data, folders

    folder = folders.scan(args.data.removeprefix("folder:"))
    if not args.trust_layout:
        folder.check((folder.part_of(args.split),), least=1)
    kept_none = "pictures" not in info.extra and info.data not in (*data.TORCHVISION, "cards")
    return dataclasses.replace(folder, by_place=kept_none)


def measured(args: argparse.Namespace, info, names: dict[str, str]):
    """What `eval` measures on: a source for `load`, the split, and what to call it. A folder without test/ gives "val" for a test.

    Raises ValueError if it should be what training held out, and is not; and for a class that the model does not know by its name.
    """
    from hatnet import data, evaluation, fingerprint

    if not args.data.startswith("folder:"):
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
    from hatnet import evaluation

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


def evaluate(argv: list[str]) -> None:
    args = evaluation_parser().parse_args(argv)
    import torch

    from hatnet import cards, checkpoint_info, evaluation, load_checkpoint, save_checkpoint
    from hatnet.machine import CPU
    from hatnet.run import WRITE_ERRORS

    if args.write and (args.write.is_dir() or not args.write.parent.is_dir()):
        raise ValueError(f"--write {args.write}: wanted a file in a folder that exists, like {args.write.name or 'small'}.safetensors")
    info, model, names = checkpoint_info(args.checkpoint), load_checkpoint(args.checkpoint), names_of(args.names)
    source, split, split_name = measured(args, info, names)
    fraction = info.extra.get("val_fraction", 0.1)
    if args.data.startswith("folder:"):
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


def main(argv: list[str]) -> None:
    warnings.formatwarning = lambda message, *_, **__: f"train_small.py: {message}\n"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show loses no result
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
