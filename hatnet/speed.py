"""Measured speeds: what `benchmarks/model.py` writes as JSON, as dataclasses (the form of the file), and how it is read again.

A file holds what was measured, run by run, and nothing that follows from it: medians, quartiles, rates and exponents are computed here,
wherever they are shown.
"""

import dataclasses
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import numpy as np

from hatnet import complexity
from hatnet.files import atomic_write, parse_json
from hatnet.ranges import Flag, Many, Maybe, Number, Range, Table, Whole, Word, check, plain
from hatnet.timing import MECHANISMS

FORWARD, STEP = "forward", "training step"
PRODUCT = "matrix product"  # the `model` of the points that the others are compared with
_COUNT, _SECONDS = Whole(0, 10**16), Many(Number(0, 10**5, above=True), 0, 10**5)


class Spread(NamedTuple):
    """Median and quartiles of some measurements. The quartiles of one alone are itself."""

    low: float
    median: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles.

    >>> spread([3, 1, 2, 5, 4])
    Spread(low=2.0, median=3, high=4.0)
    """
    low, _, high = quantiles(values, method="inclusive") if len(values) > 1 else 3 * [values[0]]
    return Spread(low, median(values), high)


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """On what, when and with what it was measured."""

    device: str  # the processor or the card
    kind: str  # torch's word for it: "cpu" or "cuda"
    threads: int  # of torch, on the processor
    load: float  # programs that ran on the machine as the measurement began (the load average of a minute): 0 where it was idle
    date: str  # 2026-11-28
    command: str
    python: str
    torch: str
    timm: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What the models of one comparison have in common. They take turns, so that the runs of a round belong together."""

    work: str  # FORWARD or STEP: forward, backward and AdamW
    pixels: int  # side of the images
    batch: int  # images at once
    numbers: str  # "float32", or "bfloat16" (autocast)
    compiled: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One model in one setting; or the large matrix product that took turns with the models."""

    setting: Setting
    model: str
    origin: str  # "hatnet"; "released style": hatnet's weights, run in the manner of the authors' release; "timm"; "torch" for PRODUCT
    parameters: int
    conv_linear: int  # MACs of convolutions and linear layers, of one image, forward; of PRODUCT, all
    attention: int  # MACs of the products QK^T and AV
    channels_last: bool  # whether images and weights lay in channels-last memory: for timm's models, whichever was faster
    seconds: tuple[float, ...]  # of each run, in the order of the rounds; none if it was left out
    peak_bytes: int | None  # the most that one run held beyond weights, optimiser state and images
    left_out: str | None = None  # why it was not measured

    @property
    def macs(self) -> int:
        """Multiply-adds of one run, attention products included. A training step takes three times those of its forward pass."""
        if self.model == PRODUCT:
            return self.conv_linear
        return (self.conv_linear + self.attention) * self.setting.batch * (3 if self.setting.work == STEP else 1)

    @property
    def images_per_second(self) -> Spread:
        return spread([self.setting.batch / seconds for seconds in self.seconds])

    @property
    def macs_per_second(self) -> Spread:
        return spread([self.macs / seconds for seconds in self.seconds])

    def times_as_fast_as(self, other: "Point", by_macs: bool = False) -> Spread:
        """How many times as many images per second as another point of the same setting, round by round; by_macs: as many MACs."""
        work = self.macs / other.macs if by_macs else 1
        return spread([work * theirs / ours for ours, theirs in zip(self.seconds, other.seconds, strict=True)])


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One attention layer with random weights on a square map, for one image."""

    mechanism: str  # one of timing.MECHANISMS
    pixels: int  # side of the image
    side: int  # tokens down and across
    channels: int
    g1: int
    g2: int
    numbers: str  # as in Setting
    seconds: tuple[float, ...]
    peak_bytes: int | None
    left_out: str | None = None

    @property
    def macs(self) -> float:
        """By the mechanism's formula; Eq. 15 for H-MHSA and Eq. 5 for MHSA."""
        return float(complexity.by_mechanism(self.side, self.channels, self.g1, self.g2)[self.mechanism])


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A model after training for some time on a data set, by hatnet's trainer."""

    model: str
    origin: str
    parameters: int
    data: str
    minutes: float  # that it was given
    seconds: float  # that its steps took
    steps: int
    batch: int
    accuracy: float  # on the test split


@dataclass(frozen=True, kw_only=True, slots=True)
class Speeds:
    """A file of measurements."""

    header: Header
    points: tuple[Point, ...] = ()
    layers: tuple[Layer, ...] = ()
    trained: tuple[Trained, ...] = ()

    @property
    def settings(self) -> list[Setting]:
        return list(dict.fromkeys(point.setting for point in self.points))

    def of(self, setting: Setting) -> dict[tuple[str, str], Point]:
        """The points of a setting by model and origin, PRODUCT included."""
        return {(point.model, point.origin): point for point in self.points if point.setting == setting}

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file, atomically."""
        with atomic_write(path) as partial:
            text = json.dumps(dataclasses.asdict(self), indent=1)
            numbers_in_a_line = re.sub(r"\[[-+\d.e,\s]+\]", lambda found: " ".join(found[0].split()), text)
            partial.write_text(numbers_in_a_line + "\n", encoding="utf-8")


def read(path: str | os.PathLike[str]) -> Speeds:
    """What `Speeds.write` wrote. Raises OSError if there is no such file, and ValueError, naming the place, for one of another form."""
    return _made(Speeds, parse_json(Path(path).read_bytes(), path), str(path))


def exponent(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The b of y = a x^b that fits best, in the sense of least squares, between the logarithms.

    Raises ValueError for fewer than two different xs, and for numbers that are not above 0.

    >>> round(exponent([1, 10, 100], [3, 300, 30_000]), 6)
    2.0
    """
    if len(set(xs)) < 2 or len(xs) != len(ys):
        raise ValueError(f"x is {list(xs)} and y {list(ys)}; wanted as many of both, and two different x at least")
    if min(*xs, *ys) <= 0:
        raise ValueError(f"x is {list(xs)} and y {list(ys)}; a power law needs numbers above 0")
    x, y = (np.log(np.asarray(values, dtype=float)) for values in (xs, ys))
    x, y = x - x.mean(), y - y.mean()
    return float(x @ y / (x @ x))


def exponents(layers: Sequence[Layer]) -> dict[str, tuple[float, float, float]]:
    """For each mechanism: the exponents, in the number of tokens, of measured time, of measured memory, and of the formula's MACs.

    All three over the same maps, those on which the mechanism was measured; mechanisms with fewer than two are left out.
    """
    found = {}
    for mechanism in MECHANISMS:
        of = [layer for layer in layers if layer.mechanism == mechanism and layer.seconds and layer.peak_bytes]
        if len({layer.side for layer in of}) < 2:
            continue
        tokens = [layer.side**2 for layer in of]
        measured = [median(layer.seconds) for layer in of], [layer.peak_bytes or 0 for layer in of], [layer.macs for layer in of]
        time, memory, macs = (exponent(tokens, values) for values in measured)
        found[mechanism] = time, memory, macs
    return found


_SIDE = Whole(1, 2**16)
_LEFT_OUT = Maybe(Word())
# What a value may be, for every field that is not one of these dataclasses, or a list of them.
RANGES: dict[type, dict[str, Range]] = {
    Header: {
        "threads": Whole(1, 10**5),
        "load": Number(0, 10**6),
        "kind": Word(("cpu", "cuda")),
        **dict.fromkeys(("device", "date", "command", "python", "torch", "timm"), Word()),
    },
    Setting: {
        "work": Word((FORWARD, STEP)),
        "pixels": _SIDE,
        "batch": _SIDE,
        "numbers": Word(("float32", "bfloat16")),
        "compiled": Flag(),
    },
    Point: {
        "model": Word(),
        "origin": Word(("hatnet", "released style", "timm", "torch")),
        "parameters": _COUNT,
        "conv_linear": _COUNT,
        "attention": _COUNT,
        "channels_last": Flag(),
        "seconds": _SECONDS,
        "peak_bytes": Maybe(_COUNT),
        "left_out": _LEFT_OUT,
    },
    Layer: {
        "mechanism": Word(MECHANISMS),
        **dict.fromkeys(("pixels", "side", "channels", "g1", "g2"), _SIDE),
        "numbers": Word(("float32", "bfloat16")),
        "seconds": _SECONDS,
        "peak_bytes": Maybe(_COUNT),
        "left_out": _LEFT_OUT,
    },
    Trained: {
        "model": Word(),
        "origin": Word(("hatnet", "timm")),
        "parameters": _COUNT,
        "data": Word(),
        "minutes": Number(0, 10**6, above=True),
        "seconds": Number(0, 10**8, above=True),
        "steps": Whole(1, 10**9),
        "batch": _SIDE,
        "accuracy": Number(0, 1),
    },
    Speeds: {},
}


def _made(kind: Any, value: object, where: str) -> Any:
    """One of the dataclasses from its JSON. Raises ValueError that names the place."""
    fields, hints = dataclasses.fields(kind), get_type_hints(kind)
    if not Table().holds(value):
        raise ValueError(f"{where} holds a {type(value).__name__}; wanted {Table()}")
    if unknown := [name for name in value if name not in hints]:
        raise ValueError(f"{where} has a field {unknown[0]!r}; wanted {', '.join(field.name for field in fields)}")
    if missing := [field.name for field in fields if field.default is dataclasses.MISSING and field.name not in value]:
        raise ValueError(f"{where} has no field {missing[0]!r}; wanted {', '.join(field.name for field in fields)}")
    try:
        check(value, {name: wanted for name, wanted in RANGES[kind].items() if name in value})
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    made = {}
    for name, part in value.items():
        inner = get_args(hints[name])[0] if get_origin(hints[name]) is tuple else hints[name]
        if name in RANGES[kind]:
            made[name] = plain(part)
        elif inner is hints[name]:
            made[name] = _made(inner, part, f"{where}, {name}")
        elif isinstance(part, list):
            made[name] = tuple(_made(inner, entry, f"{where}, {name}, entry {place}") for place, entry in enumerate(part, start=1))
        else:
            raise ValueError(f"{where}, {name} is a {type(part).__name__}; wanted a list")
    return kind(**made)
