"""Recipes: how a model is trained, as data."""

import dataclasses
import math
from dataclasses import dataclass

from hatnet.config import Config
from hatnet.ranges import Many, Number, Range, Whole, Word, check, plain

# What is left of the learning rate when a fraction t of the steps after the warm-up is done.
SCHEDULES = {
    "cosine": lambda t: (1 + math.cos(math.pi * t)) / 2,
    "poly": lambda t: (1 - t) ** 0.9,  # of semantic segmentation (section 4.2)
    "step": lambda t: 0.1 ** ((t >= 8 / 12) + (t >= 11 / 12)),  # of detection (section 4.3): after 8 and 11 of 12 epochs
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """AdamW, a linear warm-up and a schedule; augmentation, regularisation. Raises ValueError for a value that is not in RANGES."""

    epochs: int
    batch_size: int  # images that go through the network together, for each process
    accumulate: int = 1  # how many such batches, one after the other, make a step: their gradients are added up
    learning_rate: float  # after the warm-up
    betas: tuple[float, float] = (0.9, 0.999)
    warm_up: float = 0.05  # as a fraction of all steps
    schedule: str = "cosine"  # of the learning rate after the warm-up: one of SCHEDULES
    final: float = 0.0  # where the schedule ends, as a fraction of the learning rate ("step" does not get there)
    weight_decay: float = 0.05  # none on norms and biases
    layer_decay: float = 1.0  # factor on the learning rate from each block to the one before it
    freeze: int = 0  # the first stages, counted as in the paper (1: the stem), whose weights stay as they are
    class_weights: str = "none"  # of each class in the loss; "balanced": inversely proportional to its number of images
    patience: int = 0  # stop after as many epochs without a better accuracy; 0: never
    clip: float = 1.0  # largest norm of the gradient; 0: no limit
    label_smoothing: float = 0.1
    # "shift": `augment.shift_flip_cut`; "resized": `augment.resized_crops`, flipped or not; "scaled": `augment.scaled_crops` or, with
    # boxes, `augment.scaled_objects`; "none"
    augment: str = "shift"
    cut_out: float = 0.0  # side of the grey square of "shift", as a fraction of the image's
    least_area: float = 0.08  # smallest crop of "resized", as a fraction of the image (torchvision's default)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)  # least and greatest width / height of a crop of "resized" (torchvision's default)
    scales: tuple[float, float] = (0.5, 2.0)  # least and greatest factor by which "scaled" scales a picture (before it cuts a part out)
    colour: float = 0.0  # brightness, contrast and saturation each change by up to this fraction; 0: none
    erase: float = 0.0  # probability that a rectangle of an image is erased
    mixup: float = 0.0  # alpha; 0: none
    cutmix: float = 0.0  # alpha; 0: none; with mixup, each step does one or the other
    drop_path: float = 0.0  # stochastic depth of the last block
    first_side: float = 1.0  # side of the images in the first step, as a fraction of the full side; it grows until `grown`
    grown: float = 0.7  # fraction of all steps after which the images have their full side
    ema: float = 0.0  # above 0: keep a running mean of the weights, with this decay per step (less at first)
    seed: int = 0

    def __post_init__(self) -> None:
        check({field.name: getattr(self, field.name) for field in dataclasses.fields(self)}, RANGES)
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        for name in ("aspect", "scales"):
            if (pair := getattr(self, name))[0] > pair[1]:
                raise ValueError("{2} is {0:g} {1:g}; wanted the smaller number first: {1:g} {0:g}".format(*pair, name))

    def warm_up_steps(self, steps: int) -> int:
        """How many of `steps` the warm-up takes."""
        return max(1, round(self.warm_up * steps))

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0."""
        warm_up = self.warm_up_steps(steps)
        if step < warm_up:
            return self.learning_rate * (step + 1) / warm_up
        left = SCHEDULES[self.schedule]((step - warm_up) / (steps - warm_up))
        return self.learning_rate * (self.final + (1 - self.final) * left)

    def side_at(self, step: int, steps: int, sides: int | None = None) -> float:
        """The side of a step's images, as a fraction of the full side: it grows from `first_side` until `grown` of all steps are done.

        No weight knows the size of the map, nor G1 and G2, so a model may see small images first: fewer tokens, cheaper steps.
        sides: how many different ones there may be, at least 2, evenly spaced; None: any number.
        """
        side = min(1.0, self.first_side + (1 - self.first_side) * step / (self.grown * steps))
        if sides is None or side == 1:
            return side
        nearest = round((side - self.first_side) / (1 - self.first_side) * (sides - 1)) / (sides - 1)
        return 1.0 if nearest == 1 else self.first_side + (1 - self.first_side) * nearest

    @property
    def mean_area(self) -> float:
        """The mean area of the images over all steps, as a fraction of the full area, without the rounding of `image_side`."""
        growing = (1 + self.first_side + self.first_side**2) / 3
        return self.grown * growing + 1 - self.grown


PAPER_RATE, PAPER_IMAGES = 1e-3, 8 * 128  # section 4.1: AdamW's learning rate, and the images of a step over all GPUs

# For pictures squashed to squares, whose scenes were up to half as wide again as high: narrower crops undo it.
SQUASHED = (1 / 2, 4 / 3)

_FRACTION, _BELOW_1 = Number(0, 1), Number(0, 1, below=True)
RANGES: dict[str, Range] = {
    "epochs": Whole(1, 10**6),
    "batch_size": Whole(1, 10**6),
    "accumulate": Whole(1, 10**4),
    "learning_rate": Number(0, 1000),
    "betas": Many(_BELOW_1, 2, 2),
    "warm_up": _FRACTION,
    "schedule": Word(tuple(SCHEDULES)),
    "final": _FRACTION,
    "weight_decay": Number(0, 1000),
    "layer_decay": Number(0, 1, above=True),
    "freeze": Whole(0, 5),
    "class_weights": Word(("none", "balanced")),
    "patience": Whole(0, 10**6),
    "clip": Number(0, 10**6),
    "label_smoothing": _BELOW_1,
    "augment": Word(("shift", "resized", "scaled", "none")),
    "cut_out": _FRACTION,
    "least_area": Number(0.01, 1),
    "aspect": Many(Number(0.1, 10), 2, 2),
    "scales": Many(Number(0.1, 10), 2, 2),
    "colour": _FRACTION,
    "erase": _FRACTION,
    "mixup": Number(0, 1000),
    "cutmix": Number(0, 1000),
    "drop_path": _BELOW_1,
    "first_side": Number(0.25, 1),
    "grown": Number(0, 10**9, above=True),
    "ema": _BELOW_1,
    "seed": Whole(0, 2**63 - 1),
}


def image_side(fraction: float, full: int, config: Config) -> int:
    """A fraction of an image's full side, in pixels, rounded to whole windows of the model's first stage."""
    if fraction >= 1:
        return full
    window = config.strides[0] * (config.g1[0] if config.g1 else 1)
    return min(full, max(config.strides[-1], round(fraction * full / window) * window))


def auto_learning_rate(images: int) -> float:
    """AdamW's learning rate for steps of so many images: the paper's 10^-3 for its 8 x 128 images (section 4.1), times sqrt(images / 1024).

    Source of the square root: Malladi et al., "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms", NeurIPS 2022; of their
    rule, which scales the betas and epsilon too, this is the part for the rate. The paper's ablations and DeiT scale in proportion to
    the images, as Goyal et al. (2017) do for SGD. Meant for the paper's models: narrow ones stand higher rates.

    >>> auto_learning_rate(256)
    0.0005
    """
    return PAPER_RATE * math.sqrt(images / PAPER_IMAGES)


RECIPES = {
    "compact": Recipe(epochs=18, batch_size=128, learning_rate=2e-3, cut_out=0.25, ema=0.998),
    # Section 4.1: 300 epochs, 128 images for each of 8 GPUs, 1e-3, random crops and flips, mixup, label smoothing; "as DeiT", which adds
    # the warm-up of 5 epochs, alpha 0.8, stochastic depth and no clipping. DeiT also has cutmix (1.0), random erasing (0.25) and changes
    # of colour; the paper lists its augmentation without them, so they are left out.
    "paper": Recipe(epochs=300, batch_size=128, learning_rate=1e-3, warm_up=5 / 300, clip=0.0, augment="resized", mixup=0.8, drop_path=0.1),
    "segment": Recipe(
        epochs=60,
        batch_size=8,
        learning_rate=1e-3,
        schedule="poly",
        layer_decay=0.9,
        label_smoothing=0.0,
        augment="scaled",
        colour=0.3,
        drop_path=0.05,
        ema=0.998,
    ),
    # Section 4.3, at the rate that AdamW takes for narrow models and few images.
    "detect": Recipe(
        epochs=36,
        batch_size=8,
        learning_rate=1e-3,
        warm_up=0.04,
        schedule="step",
        layer_decay=0.9,
        label_smoothing=0.0,
        augment="scaled",
        scales=(0.8, 1.25),
        colour=0.2,
        drop_path=0.05,
        ema=0.998,
    ),
    "shapes": Recipe(
        epochs=5,
        batch_size=4,
        learning_rate=7e-4,
        warm_up=0.1,
        schedule="step",
        label_smoothing=0.0,
        augment="none",
        ema=0.99,
    ),
    "cards": Recipe(
        epochs=7,
        batch_size=64,
        learning_rate=4e-3,
        betas=(0.9, 0.98),
        warm_up=1 / 7,
        final=0.02,
        weight_decay=0.01,
        label_smoothing=0.0,
        augment="none",
    ),
}


def recipe_table() -> str:
    """Every field of each recipe, in lines of text."""
    rows = [
        ["", *RECIPES],
        *([field.name, *(_printed(getattr(r, field.name)) for r in RECIPES.values())] for field in dataclasses.fields(Recipe)),
    ]
    return "the recipes' values:\n" + "\n".join(f"  {row[0]:16}" + "".join(f"{cell:>13}" for cell in row[1:]) for row in rows)


def _printed(value: object) -> str:
    return ", ".join(map(_printed, value)) if isinstance(value, tuple) else f"{value:.4g}" if isinstance(value, float) else str(value)
