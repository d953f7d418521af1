"""The command lines of training and of `eval`, what their values may be, and what they leave open."""

import argparse
import dataclasses
from pathlib import Path

from hatnet import checkpoint_info
from hatnet.config import from_fields
from hatnet.dense.pyramid import CHANNELS
from hatnet.foreign import SUFFIXES
from hatnet.ranges import Flag, Many, Number, Range, Table, Whole, Word, check
from hatnet.recipe import RANGES, RECIPES, Recipe, recipe_table
from hatnet.run import read_config
from hatnet.sources import in_folders
from hatnet.tasks import TASKS

DEVICES, AMP = ("auto", "cpu", "cuda", "mps"), ("auto", "off", "bf16")
DETECTORS = ("retinanet", "mask_rcnn")
BESIDE_RESUME = ("epochs", "device", "data")  # what may be changed in a run that goes on
SCENES = (
    "for --task segment, folder:PATH with classes.json, and images/ and masks/ in train/, val/ and test/; for --task detect, shapes "
    "(drawn; its default), or coco:PATH with annotations/instances_train.json, its pictures in train/, and so on (docs/training.md)"
)
DATA = (
    "cards, cifar10, cifar100, caltech101, fashion-mnist, imagenette, imagewoof, or folder:PATH (with train/ and val/, or with the class "
    "folders themselves); a plus sign joins folders, classes of one name being one class: folder:PATH+PATH, imagenette+folder:PATH"
)
RESUME = """continue this run, as its config.json says. Beside it, --data folder:PATH says where its pictures have moved,
--device moves the run to another device (there, its numbers are no
longer the same bit for bit), and a larger --epochs lengthens it: from the next step on, the learning rate and all else that depends on the
fraction of the training done follow the schedule of the new length, so a finished run goes on at a higher rate than it ended with"""


def place(text: str) -> Path:
    """The path that an option names. Raises ArgumentTypeError for what cannot be one."""
    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a path")
    return Path(text)


def rate(text: str) -> float | str:
    """The value of --learning-rate: a number or "auto". Raises ArgumentTypeError for anything else."""
    if text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a rate; wanted a number like 0.001, or auto") from None


def training_parser(description: str) -> argparse.ArgumentParser:
    """The options of training; --help begins with the description and ends with the recipes' values."""
    usage = "train_small.py [options]\n       train_small.py eval CHECKPOINT --data DATA [options]"
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(usage=usage, description=description, epilog=recipe_table(), formatter_class=shape, allow_abbrev=False)
    add = parser.add_argument_group("data").add_argument
    add(
        "--task",
        default="classify",
        choices=tuple(TASKS),
        help="what to learn. classify: a class for each picture; segment: a class for each pixel, by Semantic FPN; detect: boxes of "
        "objects, by RetinaNet, and their masks too, by Mask R-CNN",
    )
    add("--data", default="cards", help=f"{DATA}; {SCENES}")
    add(
        "--image-size",
        type=int,
        nargs="+",
        metavar="PIXELS",
        help="side of the square that the model sees (48 for cards; that of --init, 224 for a .pth file; else 32); for segment, side, or "
        "height and width, of what is cut out of a picture in training (224, or that of --init); for detect, to how many pixels the short "
        "side of a picture is scaled (320, or that of a detector in --init; 128 for shapes)",
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
    add("--channels", type=int, help="for segment and detect: of the feature pyramid (128, or those of --init; 64 for shapes)")
    add("--head", choices=DETECTORS, help="for detect: retinanet (boxes; for coco:PATH) or mask_rcnn (boxes and masks; for shapes)")
    add(
        "--regions",
        type=int,
        metavar="N",
        help="for mask_rcnn: how many regions of an image a step learns from, and how many are looked at in the end (256; 64 for shapes)",
    )
    add("--set", action="append", default=[], metavar="FIELD=VALUE", help="any field of hatnet.Config, like depthwise=false dims=[32,64]")
    group = parser.add_argument_group("recipe (what you leave out comes from --recipe)")
    add, length = group.add_argument, group.add_mutually_exclusive_group()
    add(
        "--recipe",
        help="compact, paper (its ImageNet recipe, section 4.1), segment, detect, shapes or cards; by default the task's, shapes for "
        "shapes, cards for cards, else compact",
    )
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
    add(
        "--learning-rate",
        type=rate,
        metavar="RATE",
        help="AdamW's learning rate after the warm-up; a number is not scaled with the number of processes; auto: the paper's 0.001 for "
        "steps of 1,024 images, and in proportion to the square root of a step's images for others (Malladi et al., 2022), like 0.0005 for "
        "256; --resume keeps it",
    )
    add("--warm-up", type=float, metavar="FRACTION", help="the first part of all steps, in which the learning rate rises from 0")
    add(
        "--schedule",
        metavar="WHICH",
        help="how the learning rate falls after the warm-up: cosine, poly (power 0.9) or step (x 0.1 after 8/12, 11/12)",
    )
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
    add(
        "--augment",
        help="shift (small crops, flip, cut-out), resized (crops of any size and aspect, scaled; flip) or none; for segment: scaled (any "
        "scale, a part of --image-size, flip) or none; for detect: scaled (any scale, flip) or none",
    )
    add(
        "--scales",
        type=float,
        nargs=2,
        metavar=("LEAST", "MOST"),
        help="for scaled: the factors by which a picture is scaled (0.5 2; for detect 0.8 1.25)",
    )
    add("--cut-out", type=float, metavar="FRACTION", help="for shift: side of the grey square, as a fraction of the image's")
    add("--least-area", type=float, metavar="FRACTION", help="for resized: the smallest crop, as a fraction of the image")
    add(
        "--aspect",
        type=float,
        nargs=2,
        metavar=("LEAST", "MOST"),
        help="for resized: width / height of the crops (0.75 1.333; if all training pictures are square, which they probably were squashed "
        "to: 0.5 1.333)",
    )
    add(
        "--colour",
        type=float,
        metavar="FRACTION",
        help="change brightness, contrast and saturation of each image at random, each by up to this fraction; 0: none",
    )
    add("--erase", type=float, metavar="P", help="random erasing: the probability that a rectangle of an image is erased; 0: none")
    add("--first-side", type=float, metavar="FRACTION", help="side of the first images as a fraction of the full side, to which they grow")
    add("--mixup", type=float, metavar="ALPHA", help="parameter of the beta distribution that mixes pairs of images; 0: none")
    add(
        "--cutmix",
        type=float,
        metavar="ALPHA",
        help="parameter of the beta distribution of the rectangle's area that pairs of images exchange; 0: none; with --mixup too, each "
        "step does one or the other",
    )
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
    add(
        "--show-batch",
        type=place,
        metavar="FILE.png",
        help="write a picture of the first training batch as the model will see it, with its classes, and end",
    )
    add("--out", type=place, metavar="RUN", help="folder for checkpoints and metrics (a new one in runs/, which the app lists)")
    add("--resume", type=place, metavar="RUN", help=RESUME)
    return parser


def evaluation_parser() -> argparse.ArgumentParser:
    """The options of `train_small.py eval`."""
    parser = argparse.ArgumentParser(
        prog="train_small.py eval",
        description="Print a checkpoint's accuracy and confusions, a segmenter's IoU, a detector's average precision.",
    )
    parser.add_argument("checkpoint", help="a shipped checkpoint's name, or a .safetensors file")
    parser.add_argument("--data", required=True, help=f"{DATA}; for a segmenter, folder:PATH; for a detector, coco:PATH or shapes")
    parser.add_argument("--split", default="test", choices=("test", "val"), help="val: the images that training held out")
    parser.add_argument("--names", type=place, metavar="FILE.json", help='the classes\' names for the model: {"n02123045": "tabby", ...}')
    parser.add_argument("--trust-layout", action="store_true", help="take a folder as it is, though it looks like another layout")
    parser.add_argument("--write", type=place, metavar="FILE", help="round the weights to float16, evaluate those, and write them here")
    return parser


def parsed(argv: list[str], description: str = "") -> tuple[argparse.Namespace, dict]:
    """The arguments, and those of them that are on the command line. description: what --help says first."""
    parser = training_parser(description)
    defaults = vars(parser.parse_args([]))
    given = vars(parser.parse_args(argv, argparse.Namespace(**dict.fromkeys(defaults))))
    given = {name: value for name, value in given.items() if value is not None}
    if len(given.get("image_size", ())) == 1:
        (given["image_size"],) = given["image_size"]
    return argparse.Namespace(**defaults | given), given


def check_arguments(args: argparse.Namespace) -> None:
    """Raise ValueError for an argument that makes no sense, from the command line or from a run's config.json.

    Those that are fields of the recipe or of the model are checked there.
    """
    sides = Many(Whole(1, 4096), 1, 4)
    ranges: dict[str, Range] = {
        "task": Word(tuple(TASKS)),
        "data": Word(),
        "val_fraction": Number(0, 1, above=True, below=True),
        "max_unreadable": Whole(0, 10**9),
        "set": Many(Word(), 0, 100),
        "device": Word(DEVICES),
        "amp": Word(AMP),
        "compile": Flag(),
        "trust_layout": Flag(),
    }
    optional: dict[str, Range] = {
        "image_size": Many(Whole(1, 4096), 2, 2) if isinstance(args.image_size, list | tuple) else Whole(1, 4096),
        "channels": CHANNELS,
        "head": Word(DETECTORS),
        "regions": Whole(1, 4096),
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


def arguments_of(folder: Path, given: dict) -> tuple[argparse.Namespace, dict]:
    """A run's own arguments, changed by what is given beside --resume, and its config.json.

    Raises ValueError if there is no run, if config.json is damaged, or if more is given than BESIDE_RESUME.
    """
    if more := [name for name in given if name not in BESIDE_RESUME]:
        raise ValueError(
            f"--resume takes everything from {folder / 'config.json'}; leave {option(more[0])} out "
            f"(only {', '.join(map(option, BESIDE_RESUME))} can be changed)"
        )
    config, defaults = read_config(folder), vars(parsed([])[0])
    own = {name: value for name, value in config["arguments"].items() if name in defaults}
    if missing := [name for name in ("data", "image_size", "recipe", "val_fraction") if name not in own]:
        raise ValueError(f"{folder / 'config.json'}: arguments lack {missing[0]}")
    if "data" in given and not (_movable(given["data"]) and _movable(str(own["data"]))):
        raise ValueError(f"{folder} was begun on --data {own['data']}; leave --data out, except for a folder that moved")
    try:
        check_arguments(argparse.Namespace(**defaults | own))
        recipe_of(argparse.Namespace(**defaults | own))
        from_fields(config["model"])
        if own.get("learning_rate") == "auto":
            check(config["recipe"], {"learning_rate": RANGES["learning_rate"]})  # the rate that the run chose
        check({"data": {}} | config, {"data": Table()})
    except ValueError as error:
        raise ValueError(f"{folder / 'config.json'}: {error}") from None
    return argparse.Namespace(**defaults | own | given | {"out": folder}), config


def _movable(data: str) -> bool:
    """Whether --data names a folder, which may have moved."""
    return in_folders(data) or data.startswith("coco:")


def option(name: str) -> str:
    """How the command line writes the name of an argument."""
    return f"--{name.replace('_', '-')}"


def fill_in(args: argparse.Namespace) -> None:
    """Set what a classifier's command line leaves open: model, image size, recipe. Raises ValueError for options of other tasks."""
    if isinstance(args.image_size, list | tuple):
        raise ValueError(
            f"--image-size {' '.join(map(str, args.image_size))}: classifiers see squares; wanted one number, like {args.image_size[0]}"
        )
    for name in ("channels", "head", "regions"):
        if (value := getattr(args, name)) is not None:
            raise ValueError(f"--{name} {value}: classifiers have no such part; leave it out")
    drawn = args.data == "cards"
    if not (args.init or args.model):
        args.model = "hatnet_cards" if drawn else "hatnet_compact"
    if not args.image_size:
        known = args.init and Path(args.init).suffix not in SUFFIXES
        args.image_size = checkpoint_info(args.init).image_size if known else 48 if drawn else 224 if args.init else 32
    args.recipe = args.recipe or ("cards" if drawn else TASKS[args.task].recipe)


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe that the command line names, with the fields that it sets. Raises ValueError if it does not suit the data."""
    if args.recipe not in RECIPES:
        raise ValueError(f"unknown recipe {args.recipe!r}; the recipes are {', '.join(RECIPES)}")
    given = {field.name: getattr(args, field.name, None) for field in dataclasses.fields(Recipe)}
    if given["learning_rate"] == "auto":
        given["learning_rate"] = None  # it follows from the batch, which `train.trainer_of` knows
    recipe = dataclasses.replace(RECIPES[args.recipe], **{name: value for name, value in given.items() if value is not None})
    TASKS[args.task].check(recipe)
    changes = (recipe.mixup, recipe.cutmix, recipe.erase, recipe.colour, recipe.augment != "none", recipe.first_side < 1)
    if args.data == "cards" and (args.image_size != 48 or any(changes)):
        raise ValueError(
            "cards are 48 pixels wide, have a label in each cell, and ask about colours: leave --image-size, --mixup, --cutmix, --erase, "
            "--colour and --first-side out, and take a recipe without crops and flips (--recipe cards, or --augment none)"
        )
    return recipe
