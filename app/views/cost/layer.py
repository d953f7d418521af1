"""What the Cost view plots: Eqs. 5 and 15 and their peers as arrays, and where they cross. All numbers are MACs of one image."""

import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

import hatnet
from app.core import colours
from app.core.checkpoints import Checkpoint
from app.core.view import ViewState
from app.views.cost import charts
from hatnet import complexity, timing

SIDES = np.array([8, 10, 14, 16, 20, 28, 32, 40, 56, 64, 80, 112, 128, 160, 224])  # tokens down and across


@dataclass(frozen=True, kw_only=True)
class Here:
    """What the view reckons with: one attention layer, by default the selected stage's."""

    chosen: int  # whose G1 and G2, from 0: a plain stage borrows those of the one before
    two_steps: bool  # False: the stage is plain attention
    n: int  # tokens down and across
    c: int  # channels
    asked: tuple[int, int]  # G1 and G2 as chosen: may be larger than n
    trained: tuple[int, int]
    head_dim: int

    @property
    def g1(self) -> int:
        return min(self.asked[0], self.n)

    @property
    def g2(self) -> int:
        return min(self.asked[1], self.n)

    @property
    def full(self) -> float:
        """MACs of one full look (Eq. 5)."""
        return complexity.mhsa(self.n, self.n, self.c)

    @property
    def terms(self) -> dict[str, float]:
        """MACs of two small looks: the four terms of Eq. 15."""
        return complexity.hmhsa_terms(self.n, self.n, self.c, self.g1, self.g2)

    @property
    def ours(self) -> float:
        return sum(self.terms.values())

    @property
    def crossing(self) -> float | None:
        return crossover(self.c, self.g1, self.g2)

    @property
    def measured(self) -> tuple[int, int, int, int]:
        """What a measurement depends on."""
        return self.c, *self.asked, self.head_dim


def here(view: ViewState, known: Checkpoint) -> Here:
    """The layer that a visitor's state asks for."""
    config, index = known.config, known.config.stages.index(view.stage)
    two_steps = view.stage in known.hierarchical
    chosen = index if two_steps else len(known.hierarchical) - 1
    c = view.channels or config.dims[index]
    return Here(
        chosen=chosen,
        two_steps=two_steps,
        n=-(-(view.pixels or known.image_size) // config.strides[index]),
        c=c,
        asked=(view.g1[chosen], view.g2[chosen]),
        trained=(config.g1[chosen], config.g2[chosen]),
        head_dim=math.gcd(c, config.head_dim),
    )


def curves(c: int, g1: int, g2: int, sides: np.ndarray = SIDES) -> dict[str, np.ndarray]:
    """MACs of one attention layer on side x side tokens of c channels, for each mechanism of `timing.MECHANISMS`."""
    n = sides.astype(float)
    return {
        "H-MHSA": complexity.hmhsa(n, n, c, np.minimum(g1, n), np.minimum(g2, n)),
        "MHSA": complexity.mhsa(n, n, c),
        "windows": complexity.windows(n, n, c, np.minimum(g1, n)),
        "spatial reduction": complexity.spatial_reduction(n, n, c, np.minimum(g2, n)),
    }


def crossover(c: int, g1: int, g2: int) -> float | None:
    """From how many tokens HW on Eq. 15 is smaller than Eq. 5; None: never.

    Eq. 5 less Eq. 15, over HWC, is 2 HW (1 - 1/G2^2) - C (1 + 2/G2^2) - 2 G1^2.

    >>> round(crossover(64, 8, 8))
    99
    """
    return (c * (1 + 2 / g2**2) + 2 * g1**2) / (2 - 2 / g2**2) if g2 > 1 else None


def diagonal(side: int, c: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """G = 1 to the map's side (at most 24), and the four terms of Eq. 15 with G1 = G2 = G."""
    g = np.linspace(1, min(side, 24), 93)
    return g, {name: np.broadcast_to(term, g.shape) for name, term in complexity.hmhsa_terms(side, side, c, g, g).items()}


def grids(side: int, c: int) -> np.ndarray:
    """Eq. 15 for every G1 (down) and G2 (across) from 1 to the map's side, at most 24."""
    g = np.arange(1, min(side, 24) + 1)
    return complexity.hmhsa(side, side, c, g[:, None], g[None])


# The model's modules in groups that mean something: group -> endings of the rows' names.
GROUPS = {
    "local attention": (".qkv", ".local.products"),
    "global attention": (".q", ".kv", ".global.products", ".products"),
    "projection Wᵖ": (".proj",),
    "MLP": (".expand", ".depthwise", ".reduce"),
    "convolutions between stages": ("",),
}


def by_stage(counted: complexity.Count) -> dict[tuple[int, str], tuple[int, int]]:
    """(stage, group) -> MACs of convolutions and linear layers, and of the products QK^T and AV."""
    plain = {row.stage for row in counted.rows if row.name.endswith(".attn.products")}
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for row in counted.rows:
        group = next(name for name, endings in GROUPS.items() if row.name.endswith(endings))
        if row.stage in plain and row.name.endswith(".attn.qkv"):
            group = "global attention"  # plain MHSA asks the whole map
        linear, products = found.get((row.stage, group), (0, 0))
        if row.kind == "attention":
            products += row.macs
        else:
            linear += row.macs
        found[row.stage, group] = linear, products
    return found


def chosen(config: hatnet.Config, pixels: int, stage: int) -> list[tuple[str, int, int, int, int, bool]]:
    """For this model and for HAT-Net-Tiny at 224 x 224: name, tokens down, C, G1, G2 of each hierarchical stage, and if it is `stage`."""
    rows = []
    for name, each, size in (("This model", config, pixels), ("Paper, Tiny", hatnet.VARIANTS["hatnet_tiny"], 224)):
        for number, stride, c, g1, g2 in zip(each.stages, each.strides, each.dims, each.g1, each.g2, strict=False):
            rows.append((f"{name}, stage {number}", -(-size // stride), c, g1, g2, each is config and number == stage))
    return rows


def tokens_figure(shown: str, at: Here, found: dict[int, list[timing.Measured]], theme: colours.Colours) -> tuple[go.Figure, str]:
    """The chart over the number of tokens, and its text: MACs, or what was measured (`found`: tokens down -> mechanisms)."""
    c, g1, g2, _ = at.measured
    if shown == "Multiply-adds":
        alt = f"Four curves over the number of tokens. At {at.n} × {at.n}: MHSA {charts.amount(at.full)}, H-MHSA {charts.amount(at.ours)}."
        return charts.against_tokens(SIDES, curves(c, g1, g2), at.n, (at.full, at.ours), at.crossing, "MACs", {}, theme), alt
    sides = SIDES[max(found) >= SIDES]
    points: dict[str, tuple[list[int], list[float], list[float]]] = {}
    for side, measured in found.items():
        for one in measured:
            lists = points.setdefault(one.mechanism, ([], [], []))
            value, spread = (one.milliseconds, one.spread / 2) if shown == "Time" else (one.peak_bytes / 1e6, 0.0)
            for numbers, number in zip(lists, (side, value, spread), strict=True):
                numbers.append(number)
    # The formulas, thin, in the measured unit: as dear as plain attention was on the largest map.
    unit, rate = "ms" if shown == "Time" else "MB", points["MHSA"][1][-1] / complexity.mhsa(max(found), max(found), c)
    formulas = {name: macs * rate for name, macs in curves(c, g1, g2, sides).items()}
    last = ", ".join(f"{charts.LABELS[name]} {values[-1]:.3g} {unit}" for name, (_, values, _) in points.items())
    alt = f"{shown} of one attention layer, measured here. At {max(found)} × {max(found)} tokens: {last}."
    return charts.against_tokens(sides, formulas, at.n, (at.full, at.ours), None, unit, points, theme), alt


def tables(at: Here, counted: complexity.Count, found: dict[int, list[timing.Measured]]) -> dict[str, dict[str, list]]:
    """What the charts show, as columns: table -> column -> values."""
    over_tokens = {name: macs.tolist() for name, macs in curves(at.c, *at.asked).items()}
    g, terms = diagonal(at.n, at.c)
    every = grids(at.n, at.c)
    places = [(i + 1, j + 1) for i in range(len(every)) for j in range(len(every))]
    parts = by_stage(counted)
    made = {
        "Cost over tokens": {"tokens": (SIDES**2).tolist(), **over_tokens},
        "Terms of Eq. 15 over G": {"G1 = G2": g.tolist(), **{name: term.tolist() for name, term in terms.items()}},
        "Every G1 with every G2": {"G1": [i for i, _ in places], "G2": [j for _, j in places], "MACs": every.ravel().tolist()},
        "Whole model": {
            "stage": [stage or "classifier" for stage, _ in parts],
            "part": [group for _, group in parts],
            "MACs of convolutions and linear layers": [linear for linear, _ in parts.values()],
            "MACs of products": [products for _, products in parts.values()],
        },
    }
    if found:
        rows = [(side**2, one) for side, measured in found.items() for one in measured]
        made["Measured here"] = {
            "tokens": [tokens for tokens, _ in rows],
            "mechanism": [one.mechanism for _, one in rows],
            "milliseconds, median": [one.milliseconds for _, one in rows],
            "milliseconds, between the quartiles": [one.spread for _, one in rows],
            "peak bytes": [one.peak_bytes for _, one in rows],
        }
    return made
