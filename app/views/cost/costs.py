"""What the Cost page plots: Eqs. 5 and 15 and the peers' formulas as arrays, and where they cross. All numbers are MACs of one image."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

import hatnet
from app.core.checkpoints import Checkpoint
from app.core.view import ViewState
from app.views.cost.measure_job import Setting
from hatnet import complexity, timing

MOST = 24  # the largest G1 and G2 that the charts over them show
SIDES = np.array([8, 10, 14, 16, 20, 28, 32, 40, 56, 64, 80, 112, 128, 160, 224])  # tokens down and across


@dataclass(frozen=True, kw_only=True)
class LayerCost:
    """The sizes of one attention layer, by default the selected stage's, and what it costs."""

    index: int  # the hierarchical stage, from 0, whose G1 and G2 these are: a plain stage borrows those of the one before
    hierarchical: bool  # False: the stage is plain attention
    n: int  # tokens down and across
    c: int  # channels
    chosen: tuple[int, int]  # G1 and G2; may be larger than n
    trained: tuple[int, int]  # G1 and G2
    head_dim: int
    own: bool  # the checkpoint has this very layer: it is hierarchical, and resolution and channels are its own

    @property
    def g1(self) -> int:
        return min(self.chosen[0], self.n)

    @property
    def g2(self) -> int:
        return min(self.chosen[1], self.n)

    @property
    def mhsa(self) -> float:
        """MACs of plain attention (Eq. 5)."""
        return complexity.mhsa(self.n, self.n, self.c)

    @property
    def terms(self) -> dict[str, float]:
        """MACs of hierarchical attention: the four terms of Eq. 15."""
        return complexity.hmhsa_terms(self.n, self.n, self.c, self.g1, self.g2)

    @property
    def hmhsa(self) -> float:
        """MACs of hierarchical attention in all (Eq. 15)."""
        return sum(self.terms.values())

    @property
    def comparisons(self) -> int:
        """Keys of one token in one head: the tokens of a whole window, and all cells."""
        return self.g1**2 + (-(-self.n // self.g2)) ** 2

    @property
    def crossover(self) -> float | None:
        return crossover(self.c, self.g1, self.g2)

    @property
    def best(self) -> float:
        """The cheapest G1 = G2."""
        return complexity.best_common_grid(self.n, self.n, self.c)

    @property
    def setting(self) -> Setting:
        """What a measurement depends on."""
        return self.c, *self.chosen, self.head_dim


def layer_of(view: ViewState, checkpoint: Checkpoint) -> LayerCost:
    """The layer that a visitor has selected."""
    config, stage = checkpoint.config, checkpoint.config.stages.index(view.stage)
    hierarchical = view.stage in checkpoint.hierarchical
    index = stage if hierarchical else len(checkpoint.hierarchical) - 1
    channels, pixels = view.channels or config.dims[stage], view.pixels or checkpoint.image_size
    return LayerCost(
        index=index,
        hierarchical=hierarchical,
        n=-(-pixels // config.strides[stage]),
        c=channels,
        chosen=(view.g1[index], view.g2[index]),
        trained=(config.g1[index], config.g2[index]),
        head_dim=math.gcd(channels, config.head_dim),
        own=hierarchical
        and view.stage not in checkpoint.other_mechanisms
        and (pixels, channels) == (checkpoint.image_size, config.dims[stage]),
    )


def crossover(c: int, g1: int, g2: int) -> float | None:
    """The number of tokens HW from which Eq. 15 is smaller than Eq. 5; None if it never is.

    Eq. 5 less Eq. 15, over HWC, is 2 HW (1 - 1/G2^2) - C (1 + 2/G2^2) - 2 G1^2.

    >>> round(crossover(64, 8, 8))
    99
    """
    return (c * (1 + 2 / g2**2) + 2 * g1**2) / (2 - 2 / g2**2) if g2 > 1 else None


def diagonal(side: int, c: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """G from 1 to the map's side (at most MOST) in quarters, and the four terms of Eq. 15 with G1 = G2 = G."""
    g = np.arange(1, min(side, MOST) + 0.25, 0.25)
    return g, {name: np.broadcast_to(term, g.shape) for name, term in complexity.hmhsa_terms(side, side, c, g, g).items()}


def every_setting(side: int, c: int) -> np.ndarray:
    """Eq. 15 for every G1 (down) and G2 (across) from 1 to the map's side (at most MOST)."""
    g = np.arange(1, min(side, MOST) + 1)
    return complexity.hmhsa(side, side, c, g[:, None], g[None])


# The model's modules in meaningful groups: group -> how the names of its rows end.
GROUPS = {
    "local attention": (".qkv", ".local.products"),
    "global attention": (".q", ".kv", ".global.products", ".products"),
    "projection Wᵖ": (".proj",),
    "MLP": (".expand", ".depthwise", ".reduce"),
    "stem, between stages, classifier": ("",),
}


def by_stage(count: complexity.Count) -> dict[tuple[int, str], tuple[int, int]]:
    """(stage, group) -> MACs of convolutions and linear layers, and of the products QK^T and AV."""
    plain = {row.stage for row in count.rows if row.name.endswith(".attn.products")}
    macs: dict[tuple[int, str], tuple[int, int]] = {}
    for row in count.rows:
        group = next(name for name, endings in GROUPS.items() if row.name.endswith(endings))
        if row.stage in plain and row.name.endswith(".attn.qkv"):
            group = "global attention"  # plain MHSA reads the whole map
        linear, products = macs.get((row.stage, group), (0, 0))
        if row.kind == "attention":
            products += row.macs
        else:
            linear += row.macs
        macs[row.stage, group] = linear, products
    return macs


class Choice(NamedTuple):
    """A stage's sizes, and the G1 and G2 that somebody chose for it."""

    name: str
    n: int  # tokens down and across
    c: int  # channels
    g1: int
    g2: int
    selected: bool  # the visitor's stage


def choices(config: hatnet.Config, pixels: int, stage: int) -> list[Choice]:
    """Each hierarchical stage of this model, and of HAT-Net-Tiny at 224 x 224 pixels."""
    models = (("This model", config, pixels), ("Paper, Tiny", hatnet.VARIANTS["hatnet_tiny"], 224))
    return [
        Choice(f"{name}, stage {number}", -(-size // stride), c, g1, g2, model is config and number == stage)
        for name, model, size in models
        for number, stride, c, g1, g2 in zip(model.stages, model.strides, model.dims, model.g1, model.g2, strict=False)
    ]


def tables(layer: LayerCost, count: complexity.Count, measured: dict[int, list[timing.Measured]]) -> dict[str, dict[str, list]]:
    """What the charts show, as columns: table -> column -> values."""
    g, terms = diagonal(layer.n, layer.c)
    settings = every_setting(layer.n, layer.c)
    sides = range(1, len(settings) + 1)
    parts = by_stage(count)
    made = {
        "Cost over tokens": {
            "tokens": (SIDES**2).tolist(),
            **{name: macs.tolist() for name, macs in complexity.by_mechanism(SIDES.astype(float), layer.c, *layer.chosen).items()},
        },
        "Terms of Eq. 15 over G": {"G1 = G2": g.tolist(), **{name: term.tolist() for name, term in terms.items()}},
        "Every G1 with every G2": {
            "G1": [g1 for g1 in sides for _ in sides],
            "G2": [g2 for _ in sides for g2 in sides],
            "MACs": settings.ravel().tolist(),
        },
        "Whole model": {
            "stage": [stage or "classifier" for stage, _ in parts],
            "part": [group for _, group in parts],
            "MACs of convolutions and linear layers": [linear for linear, _ in parts.values()],
            "MACs of products": [products for _, products in parts.values()],
        },
    }
    if measured:
        rows = [(side**2, one) for side, mechanisms in measured.items() for one in mechanisms]
        made["Measured here"] = {
            "tokens": [tokens for tokens, _ in rows],
            "mechanism": [one.mechanism for _, one in rows],
            "milliseconds, median": [one.milliseconds for _, one in rows],
            "milliseconds, between the quartiles": [one.spread for _, one in rows],
            "peak bytes": [one.peak_bytes for _, one in rows],
        }
    return made
