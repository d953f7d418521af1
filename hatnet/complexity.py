"""What attention costs: the paper's formulas (Eqs. 5 and 15), its peers', and the multiply-accumulates counted module by module.

All numbers are MACs (multiply-accumulates) of one image; a MAC is two FLOPs. What papers call "#FLOPs" are mostly MACs, and they
differ in what they count: HAT-Net's Table 2 leaves the attention products QK^T and AV out, most other rows of that table do not.
`count` gives both.

h, w: tokens down and across; c: channels; g1, g2: sides of window and pooled cell, in tokens.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from hatnet.attention import HMHSA, MHSA, Layout, attend, group_norm, layout_of, merge, partition
from hatnet.model import Grids, HATNet


def mhsa(h: int, w: int, c: int) -> float:
    """Eq. 5: 3 HW C^2 + 2 H^2 W^2 C. Omits W^p.

    >>> mhsa(56, 56, 48)
    965787648
    """
    return 3 * h * w * c**2 + 2 * (h * w) ** 2 * c


def hmhsa_terms(h: int, w: int, c: int, g1: float, g2: float) -> dict[str, float]:
    """The four terms of Eq. 15, by name. Their sum is `hmhsa`."""
    return {
        "local projections": 3 * h * w * c**2,  # Q1, K1, V1 of every token (Eq. 7)
        "local products": 2 * h * w * g1**2 * c,  # Q1 K1^T and its product with V1: G1^2 keys a token
        "global projections": h * w * c**2 + 2 * h * w / g2**2 * c**2,  # Q2 of every token; K2, V2 of every cell (Eq. 12)
        "global products": 2 * (h * w) ** 2 / g2**2 * c,  # Q2 K2^T and its product with V2: HW / G2^2 keys a token
    }


def hmhsa(h: int, w: int, c: int, g1: float, g2: float) -> float:
    """Eq. 15: HW C (4C + 2 G1^2) + 2 HW / G2^2 C (C + HW). Omits W^p, the norms, the softmax and the pooling.

    It grows with G1 and falls with G2, so by itself it always prefers G1 = 1 and the largest G2: it counts what attention
    costs, not what it is worth. Only a tie between the two gives it a minimum inside, see `best_common_grid`.

    >>> hmhsa(56, 56, 48, 8, 8)
    63146496.0
    """
    return sum(hmhsa_terms(h, w, c, g1, g2).values())


def best_common_grid(h: int, w: int, c: int) -> float:
    """The G = G1 = G2 at which Eq. 15 is smallest: (HW + C)^(1/4), in tokens, as a real number.

    With G1 = G2 = G, the part of Eq. 15 that depends on G is 2 HW C (G^2 + (C + HW) / G^2): smallest where the two are equal.

    >>> [round(best_common_grid(n, n, c), 1) for n, c in ((56, 48), (28, 96), (14, 240))]
    [7.5, 5.4, 4.6]
    """
    return (h * w + c) ** 0.25


def windows(h: int, w: int, c: int, side: float) -> float:
    """Swin's W-MSA with side x side windows: 4 hw C^2 + 2 M^2 hw C, which counts W^p too.

    Source: Liu et al., "Swin Transformer", ICCV 2021, Eq. (2).
    """
    return 4 * h * w * c**2 + 2 * side**2 * h * w * c


def spatial_reduction(h: int, w: int, c: int, ratio: float) -> float:
    """PVT's attention with keys and values reduced by ratio x ratio: 2 h^2 w^2 C / R^2 + hw C^2 R^2.

    Source: Wang et al., "PVT v2: Improved Baselines with Pyramid Vision Transformer", 2022, Eq. (1), as published. It counts the
    two products and the reduction, no projections; a convolution whose kernel equals its stride would take hw C^2, without R^2.
    """
    return 2 * (h * w) ** 2 * c / ratio**2 + h * w * c**2 * ratio**2


@dataclass(frozen=True, slots=True)
class Row:
    """MACs of one module, or of one attention's products."""

    name: str  # the module's name in the model; ".products" for QK^T and AV
    stage: int  # the paper's number: 1 is the stem, 2 to 5 have blocks, 0 is the classifier
    kind: str  # "conv_linear" or "attention"
    macs: int


@dataclass(frozen=True)
class Count:
    """MACs of one image through a model, row by row in the order of the forward pass."""

    rows: tuple[Row, ...]

    @property
    def conv_linear(self) -> int:
        """Convolutions and linear layers: the convention of the paper's "#FLOPs"."""
        return sum(row.macs for row in self.rows if row.kind == "conv_linear")

    @property
    def attention(self) -> int:
        """The products QK^T and AV, which the paper's "#FLOPs" leave out."""
        return sum(row.macs for row in self.rows if row.kind == "attention")

    @property
    def total(self) -> int:
        return self.conv_linear + self.attention


def count(model: HATNet, size: tuple[int, int], g1: Grids = None, g2: Grids = None) -> Count:
    """MACs of one image of `size` (height, width) in pixels, counted from the shapes without running the model.

    What hangs over the edge of the map is counted as it is computed: in whole windows. Biases, norms, softmax, activations and
    pooling are not counted. Raises ValueError for a size or grids that do not fit.

    >>> c = count(create_model("hatnet_tiny"), (224, 224))
    >>> round(c.conv_linear / 1e9, 4), round(c.total / 1e9, 4)
    (1.9697, 2.1281)
    """
    smallest = model.config.strides[-1]
    if len(size) != 2 or min(size) < smallest:
        raise ValueError(f"size {size}: wanted (height, width) in pixels, each at least {smallest}")
    rows: list[Row] = []

    def add(module: nn.Module, name: str, stage: int, positions: float) -> None:
        rows.append(Row(name, stage, "conv_linear", round(positions) * module.weight.numel()))

    h, w = size
    for index, layer in enumerate(model.stem):
        if isinstance(layer, nn.Conv2d):
            h, w = _after(layer, h, w)
            add(layer, f"stem.{index}", 1, h * w)
    for index, (number, stage, grids) in enumerate(zip(model.config.stages, model.stages, model.grids(g1, g2), strict=True)):
        if index:
            h, w = _after(stage.downsample[0], h, w)
            add(stage.downsample[0], f"stages.{index}.downsample.0", number, h * w)
        for b, block in enumerate(stage.blocks):
            name, c = f"stages.{index}.blocks.{b}", model.config.dims[index]
            for part, macs in attention_macs(block.attn, h, w, c, *grids).items():
                rows.append(Row(f"{name}.attn.{part}", number, "attention" if part.endswith("products") else "conv_linear", macs))
            for part in ("expand", "depthwise", "reduce"):
                if (module := getattr(block.mlp, part)) is not None:
                    add(module, f"{name}.mlp.{part}", number, h * w)
    if isinstance(model.classifier, nn.Linear):
        add(model.classifier, "classifier", 0, model.config.readout**2)
    return Count(tuple(rows))


def attention_macs(attn: MHSA | HMHSA, h: int, w: int, c: int, *grids: int) -> dict[str, int]:
    """MACs of one attention on h x w tokens of c channels, part by part, as it runs: {"qkv": ..., "local.products": ..., ...}."""
    if isinstance(attn, MHSA):
        return {"qkv": 3 * h * w * c**2, "products": 2 * (h * w) ** 2 * c, "proj": h * w * c**2}
    (tokens1, keys1, cells1), (tokens2, keys2, cells2) = (_laid_out(layout, h, w) for layout in attn.layouts(*grids, h, w))
    return {
        "qkv": (tokens1 + 2 * cells1) * c**2,  # Eq. 7
        "local.products": 2 * tokens1 * keys1 * c,  # Eq. 2 in each window
        "q": tokens2 * c**2,  # Eq. 12
        "kv": 2 * cells2 * c**2,  # Eq. 12
        "global.products": 2 * tokens2 * keys2 * c,  # Eq. 2 over the pooled cells
        "proj": h * w * c**2,  # Eq. 14
    }


def _laid_out(layout: Layout, h: int, w: int) -> tuple[int, int, int]:
    """Of one step on h x w tokens: query tokens in whole windows, keys that each of them asks, keys that are projected."""
    gh, gw = (-(-(size + -moved % side) // side) for size, moved, side in ((h, layout.down, layout.i), (w, layout.across, layout.j)))
    tokens = gh * layout.i * gw * layout.j
    if layout.pool == 1:
        return tokens, layout.i * layout.j, tokens
    cells = -(-h // layout.pool) * -(-w // layout.pool)
    return tokens, cells, cells


def _after(layer: nn.Conv2d, h: int, w: int) -> tuple[int, int]:
    """Height and width that a convolution gives."""
    sizes = zip((h, w), layer.kernel_size, layer.stride, layer.padding, strict=True)
    return tuple((n + 2 * padding - kernel) // stride + 1 for n, kernel, stride, padding in sizes)


class SpatialReduction(nn.Module):
    """PVT's attention, to measure beside ours: keys and values from a map reduced by a strided convolution (Wang et al., 2021)."""

    def __init__(self, channels: int, head_dim: int, ratio: int):
        super().__init__()
        self.head_dim = head_dim
        self.norm, self.reduced_norm = group_norm(channels), group_norm(channels)
        self.reduce = nn.Conv2d(channels, channels, ratio, stride=ratio)
        self.q, self.kv, self.proj = nn.Linear(channels, channels), nn.Linear(channels, 2 * channels), nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        h, x = x.shape[-2], self.norm(x)
        reduced = self.reduced_norm(self.reduce(x))
        q = rearrange(self.q(rearrange(x, "b c h w -> b (h w) c")), "b n (heads d) -> b heads n d", d=self.head_dim)
        kv = self.kv(rearrange(reduced, "b c h w -> b (h w) c"))
        k, v = rearrange(kv, "b m (two heads d) -> two b heads m d", two=2, d=self.head_dim)
        a, _ = attend(q, k, v)
        return rearrange(self.proj(rearrange(a, "b heads n d -> b n (heads d)")), "b (h w) c -> b c h w", h=h)


class Windows(nn.Module):
    """Swin's W-MSA, to measure beside ours: MHSA in each window."""

    def __init__(self, channels: int, head_dim: int, side: int):
        super().__init__()
        self.side, self.attn = side, MHSA(channels, head_dim, group_norm)

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        layout = layout_of("window", self.side, 1, h, w)
        windows = self.attn(rearrange(partition(x, layout), "b (i j) c -> b c i j", i=layout.i))
        return merge(rearrange(windows, "b c i j -> b (i j) c"), layout, h, w)


MECHANISMS = ("H-MHSA", "MHSA", "windows", "spatial reduction")


@dataclass(frozen=True, slots=True)
class Measured:
    """One attention layer on this machine."""

    mechanism: str
    milliseconds: float  # median of the repeats
    spread: float  # milliseconds between the first and the third quartile
    peak_bytes: int  # most memory held at once beyond weights and input


@torch.inference_mode()
def measure(
    h: int,
    w: int,
    c: int,
    g1: int,
    g2: int,
    head_dim: int,
    mechanisms: tuple[str, ...] = MECHANISMS,
    repeats: int = 15,
    progress: Callable[[float], bool] = lambda done: True,
) -> list[Measured]:
    """Latency and peak memory of one attention layer at the same shape, for H-MHSA and its peers, float32, this machine.

    h, w: tokens; windows are g1 x g1, spatial reduction is by g2. The mechanisms take turns, `repeats` times, after one run each
    to warm up. progress(part done, 0..1) is called after each run; if it returns False, the measurement stops and what is
    there is returned. Raises ValueError for an unknown mechanism.
    """
    makers = {
        "H-MHSA": lambda: HMHSA(c, head_dim, group_norm, "hierarchical"),
        "MHSA": lambda: MHSA(c, head_dim, group_norm),
        "windows": lambda: Windows(c, head_dim, g1),
        "spatial reduction": lambda: SpatialReduction(c, head_dim, min(g2, h, w)),
    }
    if unknown := [name for name in mechanisms if name not in makers]:
        raise ValueError(f"unknown mechanism {unknown[0]!r}; the mechanisms are {', '.join(makers)}")
    x = torch.randn(1, c, h, w).to(memory_format=torch.channels_last)
    layers = {name: makers[name]().eval().to(memory_format=torch.channels_last) for name in mechanisms}
    times: dict[str, list[float]] = {name: [] for name in mechanisms}
    peaks: dict[str, int] = {}
    runs = [(turn, name) for turn in range(-1, repeats) for name in mechanisms]
    for done, (turn, name) in enumerate(runs, 1):
        arguments = (x, g1, g2) if name == "H-MHSA" else (x,)
        if turn < 0:
            peaks[name] = peak_memory(lambda layer=layers[name], arguments=arguments: layer(*arguments))
        else:
            start = time.perf_counter()
            layers[name](*arguments)
            times[name].append(1000 * (time.perf_counter() - start))
        if not progress(done / len(runs)):
            break
    return [
        Measured(name, median(taken), quantiles(taken)[2] - quantiles(taken)[0], peaks[name])
        for name, taken in times.items()
        if len(taken) > 1
    ]


def peak_memory(run: Callable[[], object]) -> int:
    """The most bytes that torch's CPU allocator held at once during run(), beyond what it held before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        run()
    events = [event for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak
