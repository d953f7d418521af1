"""Table 1 as data: the architecture of every HAT-Net.

A configuration describes 1 to 4 stages of blocks, numbered as in the paper: from 2, because stage 1 is the stem. The first
`len(g1)` stages are hierarchical (H-MHSA, Eqs. 6 to 14); the others are plain MHSA (Eqs. 1 to 3), like the paper's stage 5.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hatnet.mechanisms import layer_of
from hatnet.ranges import Either, Flag, Many, Maybe, Number, Range, Whole, Word, check, did_you_mean, plain

FIRST_STAGE = 2  # the paper calls the stem stage 1, so the first stage of blocks is stage 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """One HAT-Net. Tuples have one entry for each stage, `g1` and `g2` one for each hierarchical stage.

    Raises ValueError for a value that is not in RANGES, and if the values contradict each other.
    """

    dims: tuple[int, ...]  # C, channels of each stage
    depths: tuple[int, ...]  # blocks in each stage
    expansions: tuple[int, ...]  # E, the MLP's hidden channels divided by C
    kernels: tuple[int, ...]  # K, side of the depthwise kernel in the MLP, in tokens
    head_dim: int  # d, channels of one head (section 3.3)
    g1: tuple[int, ...]  # G1, side of the local window, in tokens (Eq. 6)
    g2: tuple[int, ...]  # G2, side of a pooled cell, in tokens (Eq. 10)
    attention: str | tuple[str, ...] = "hierarchical"  # one of `mechanisms.MECHANISMS` for all hierarchical stages, or one for each
    depthwise: bool = True  # the K x K convolution in the MLP; False is the paper's "pure transformer" (section 4.4)
    activation: str = "silu"  # or "gelu" (section 4.4)
    norm: str = "group"  # over channels and tokens together, as released; "layer": over the channels of each token
    in_chans: int = 3  # channels of the images: 3 for RGB (the name is timm's)
    stem: str = "conv"  # two 3 x 3 convolutions; "patch": each token sees only its own patch of pixels
    stem_dim: int = 16  # channels between the two layers of the stem (Table 1, stage 1)
    stem_strides: tuple[int, int] = (2, 2)  # of the two stem layers (Table 1, stage 1); a token's side is their product, in pixels
    readout: int = 1  # 1: global average pooling; r: the map is averaged over r x r cells, each with its own logits
    head_norm: bool = False  # layer norm between pooling and classifier
    num_classes: int = 1000
    dropout: float = 0.2  # before the classifier (the authors' release)
    init_std: float | None = 0.02  # of all weights, as released; None: 1 / sqrt(fan-in), which lets a narrow model learn faster
    drop_path: float = 0.0  # stochastic depth of the last block; rises linearly from 0 (the authors' release)
    layer_scale: float = 0.0  # where the factors of `blocks.LayerScale` begin; 0: there are none, as released

    def __post_init__(self) -> None:
        check({field.name: getattr(self, field.name) for field in dataclasses.fields(self)}, RANGES)
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        stages = len(self.dims)
        for name in ("depths", "expansions", "kernels"):
            if len(getattr(self, name)) != stages:
                raise ValueError(f"{name} has {len(getattr(self, name))} entries; dims has {stages}: give one for each stage")
        for mechanism in self.mechanisms:
            layer_of(mechanism)  # raises for an unknown one
        if len(self.mechanisms) != len(self.g1):
            raise ValueError(f"attention has {len(self.attention)} entries; give one word, or one for each of the {len(self.g1)} in g1")
        if len(self.g1) != len(self.g2) or len(self.g1) > stages:
            raise ValueError(
                f"g1 has {len(self.g1)} and g2 {len(self.g2)} entries; give one of each for every hierarchical stage, at most {stages}"
            )
        if uneven := [c for c in self.dims if c % self.head_dim]:
            raise ValueError(f"dims {uneven} do not divide into heads of head_dim={self.head_dim} channels")
        if self.weights > MOST_WEIGHTS:
            raise ValueError(
                f"this model would have {self.weights / 1e9:,.1f} billion weights, more than {MOST_WEIGHTS / 1e9:g}: lower dims"
            )

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """`attention` of each hierarchical stage."""
        return (self.attention,) * len(self.g1) if isinstance(self.attention, str) else self.attention

    @property
    def stages(self) -> tuple[int, ...]:
        """The paper's numbers of the stages: 2, 3, 4, 5 where there are four."""
        return tuple(range(FIRST_STAGE, FIRST_STAGE + len(self.dims)))

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels from one token to the next, in each stage (4, 8, 16, 32 in the paper)."""
        first = self.stem_strides[0] * self.stem_strides[1]
        return tuple(first * 2**stage for stage in range(len(self.dims)))

    @property
    def weights(self) -> int:
        """The number of weights in all matrices and kernels: what fills the memory. Norms and biases are not counted."""
        c, (first, second) = self.dims, self.stem_strides
        stem = self.in_chans * (first * second) ** 2 + c[0] if self.stem == "patch" else self.in_chans * 9 + 9 * c[0]
        downsamplings = sum(9 * before * after for before, after in itertools.pairwise(c))
        blocks = 0
        for stage, (depth, expansion, kernel) in enumerate(zip(self.depths, self.expansions, self.kernels, strict=True)):
            attention = (7 if stage < len(self.g1) else 4) * c[stage] ** 2
            blocks += depth * (attention + expansion * c[stage] * (2 * c[stage] + kernel**2 * self.depthwise))
        return self.stem_dim * stem + downsamplings + blocks + c[-1] * self.num_classes


_SIDES = Many(Whole(1, 4096), 0, 4)  # a window larger than the map is the whole map
RANGES: dict[str, Range] = {
    "dims": Many(Whole(1, 8192), 1, 4),
    "depths": Many(Whole(1, 200), 1, 4),
    "expansions": Many(Whole(1, 64), 1, 4),
    "kernels": Many(Whole(1, 63, odd=True), 1, 4),  # odd: a depthwise kernel needs a centre
    "head_dim": Whole(1, 8192),
    "g1": _SIDES,
    "g2": _SIDES,
    "attention": Either(Word(), Many(Word(), 0, 4)),  # `layer_of` looks them up
    "depthwise": Flag(),
    "activation": Word(("silu", "gelu")),
    "norm": Word(("group", "layer")),
    "in_chans": Whole(1, 1024),
    "stem": Word(("conv", "patch")),
    "stem_dim": Whole(1, 8192),
    "stem_strides": Many(Whole(1, 64), 2, 2),
    "readout": Whole(1, 1024),
    "head_norm": Flag(),
    "num_classes": Whole(0, 10**6),  # 0: no classifier
    "dropout": Number(0, 1),
    "init_std": Maybe(Number(0, 10, above=True)),
    "drop_path": Number(0, 1, below=True),
    "layer_scale": Number(0, 10),
}
TIMM_WORDS = {"drop_rate": "dropout", "drop_path_rate": "drop_path", "init_values": "layer_scale"}  # timm's names of some fields
MOST_WEIGHTS = 10**9  # 4 GB in float32; training takes four times as much

# Table 1: C, K, E and the number of blocks; section 3.3: head dimension; section 4.1: G1 and G2 for 224 x 224.
# Medium differs from small and large by the 5 x 5 kernels of stages 2 and 4.
_PAPER: dict[str, Any] = {"expansions": (8, 8, 4, 4), "g1": (8, 7, 7), "g2": (8, 4, 2)}
VARIANTS: dict[str, Config] = {
    "hatnet_tiny": Config(dims=(48, 96, 240, 384), depths=(2, 2, 6, 3), kernels=(3, 3, 3, 3), head_dim=48, **_PAPER),
    "hatnet_small": Config(dims=(64, 128, 320, 512), depths=(2, 3, 8, 3), kernels=(3, 3, 3, 3), head_dim=64, **_PAPER),
    "hatnet_medium": Config(dims=(64, 128, 320, 512), depths=(3, 6, 18, 3), kernels=(5, 3, 5, 3), head_dim=64, **_PAPER),
    "hatnet_large": Config(dims=(64, 128, 320, 640), depths=(3, 8, 27, 3), kernels=(3, 3, 3, 3), head_dim=64, **_PAPER),
    # Ours, not the paper's: for images of 32 x 32 pixels. A token is 2 pixels wide, so the token grids are 16, 8 and 4 tokens wide.
    "hatnet_compact": Config(
        dims=(48, 96, 192),
        depths=(2, 4, 2),
        expansions=(4, 4, 4),
        kernels=(3, 3, 3),
        head_dim=24,
        g1=(4, 4),
        g2=(2, 2),
        stem_strides=(1, 2),
        num_classes=10,
        dropout=0.0,
        init_std=None,  # with 0.02, 200 steps on CIFAR-10 gave 33 % instead of 42 %: hidden values so small leave SiLU almost linear
    ),
    # Ours: a quarter of hatnet_tiny's weights on the paper's token grids, for photographs of 224 x 224 pixels.
    "hatnet_compact224": Config(
        dims=(32, 64, 128, 256),
        depths=(2, 2, 4, 2),
        kernels=(3, 3, 3, 3),
        head_dim=32,
        **_PAPER | {"expansions": (4, 4, 4, 4)},
        dropout=0.0,
        init_std=None,
    ),
    # Ours: for the drawn cards, 48 x 48 pixels in 4 x 4 cells. Only attention carries anything from token to token, and every
    # cell has its own answer.
    "hatnet_cards": Config(
        dims=(32,),
        depths=(2,),
        expansions=(2,),
        kernels=(1,),
        head_dim=16,
        g1=(3,),
        g2=(3,),
        depthwise=False,
        norm="layer",
        stem="patch",
        stem_dim=64,
        stem_strides=(2, 2),
        readout=4,
        head_norm=True,
        num_classes=4,
        dropout=0.0,
        init_std=None,
    ),
}


def configuration(name: str, **overrides: Any) -> Config:
    """A configuration of VARIANTS, with some fields replaced.

    Raises ValueError for an unknown name or field, naming the valid ones.
    """
    if name not in VARIANTS:
        raise ValueError(f"unknown model {name!r}{did_you_mean(name, VARIANTS)}; the models are {', '.join(VARIANTS)}")
    check_fields(overrides)
    return dataclasses.replace(VARIANTS[name], **overrides)


def from_fields(fields: Mapping[str, Any]) -> Config:
    """The configuration with these fields, as `dataclasses.asdict` gave them. Raises ValueError for an unknown or a missing one."""
    check_fields(fields)
    needed = {field.name: RANGES[field.name] for field in dataclasses.fields(Config) if field.default is dataclasses.MISSING}
    check(fields, needed)
    return Config(**fields)


def check_fields(overrides: Iterable[str]) -> None:
    """Raise ValueError for a name that is not a field of `Config`."""
    fields = [field.name for field in dataclasses.fields(Config)]
    if unknown := [key for key in overrides if key not in fields]:
        nearest = did_you_mean(TIMM_WORDS.get(unknown[0], unknown[0]), fields)
        raise ValueError(f"unknown field {unknown[0]!r}{nearest}; the fields are {', '.join(fields)}")
