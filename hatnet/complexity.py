"""What attention costs: the paper's formulas (Eqs. 5 and 15), Swin's and PVT's, and the multiply-adds counted module by module, of a
HAT-Net or of a dense model on one (`hatnet.dense`).

All numbers are MACs (multiply-adds) of one image; a MAC is two FLOPs. Most papers' "#FLOPs" are MACs, and they differ in
what they count: HAT-Net's rows of Table 2 leave the attention products QK^T and AV out and include the norms; most other rows include the
products. `count` gives each apart, `table` prints them with their names. `docs/counting.md` compares them with five public counters.

h, w: tokens down and across; c: channels; g1, g2: sides of window and pooled cell, in tokens.
"""

from dataclasses import dataclass, replace
from math import prod
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from hatnet.attention import HMHSA, MHSA
from hatnet.blocks import Downsample
from hatnet.dense.pyramid import Dense, Size
from hatnet.described import inside, unwrapped
from hatnet.files import brief
from hatnet.geometry import Layout
from hatnet.mechanisms import check_mechanism, has_own_steps
from hatnet.model import Grids, HATNet
from hatnet.ranges import Many, Whole, check


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

    It grows with G1 and falls with G2, so taken alone it always prefers G1 = 1 and the largest G2: it counts what attention
    costs, not what it is worth. It has a minimum in between only if the two are tied; see `best_common_grid`.

    >>> hmhsa(56, 56, 48, 8, 8)
    63146496.0
    """
    return sum(hmhsa_terms(h, w, c, g1, g2).values())


def best_common_grid(h: int, w: int, c: int) -> float:
    """The G = G1 = G2 at which Eq. 15 is smallest: (HW + C)^(1/4), in tokens, as a real number.

    With G1 = G2 = G, the part of Eq. 15 that depends on G is 2 HW C (G^2 + (C + HW) / G^2), smallest where both terms are equal.

    >>> [round(best_common_grid(n, n, c), 1) for n, c in ((56, 48), (28, 96), (14, 240))]
    [7.5, 5.4, 4.6]
    """
    return (h * w + c) ** 0.25


def windows(h: int, w: int, c: int, side: float) -> float:
    """Swin's W-MSA with side x side windows: 4 hw C^2 + 2 M^2 hw C. Includes W^p.

    Source: Liu et al., "Swin Transformer", ICCV 2021, Eq. (2).
    """
    return 4 * h * w * c**2 + 2 * side**2 * h * w * c


def spatial_reduction(h: int, w: int, c: int, ratio: float) -> float:
    """PVT's attention with keys and values reduced by ratio x ratio: 2 h^2 w^2 C / R^2 + hw C^2 R^2.

    Source: Wang et al., "PVT v2: Improved Baselines with Pyramid Vision Transformer", 2022, Eq. (1), as published. It counts the
    two products and the reduction, but no projections; a convolution whose kernel equals its stride would take hw C^2, without R^2.
    """
    return 2 * (h * w) ** 2 * c / ratio**2 + h * w * c**2 * ratio**2


def by_mechanism(n: Any, c: int, g1: int, g2: int) -> dict[str, Any]:
    """The four formulas on n x n tokens, by the names of `timing.MECHANISMS`. n: a number, or an array of numbers.

    A window or a cell is no larger than the map.

    >>> {name: round(macs / 1e6) for name, macs in by_mechanism(56, 48, 8, 8).items()}
    {'H-MHSA': 63, 'MHSA': 966, 'windows': 48, 'spatial reduction': 477}
    """
    side, cell = np.minimum(g1, n), np.minimum(g2, n)
    return {
        "H-MHSA": hmhsa(n, n, c, side, cell),
        "MHSA": mhsa(n, n, c),
        "windows": windows(n, n, c, side),
        "spatial reduction": spatial_reduction(n, n, c, cell),
    }


@dataclass(frozen=True, slots=True)
class Row:
    """MACs of one module, or of one attention layer's products."""

    name: str  # the module's name in the model, or its attention layer's with ".products"
    stage: int  # the paper's number: 1 is the stem, 2 to 5 have blocks, 0 is what follows (a classifier, or a pyramid and heads)
    kind: str  # "conv_linear" or "attention"
    macs: int


@dataclass(frozen=True)
class Count:
    """MACs of one image through a model, row by row in the order of the forward pass."""

    rows: tuple[Row, ...]
    normalised: int  # values that a norm is applied to; their MACs are in no row

    @property
    def conv_linear(self) -> int:
        """Convolutions and linear layers, without biases."""
        return sum(row.macs for row in self.rows if row.kind == "conv_linear")

    @property
    def attention(self) -> int:
        """The products QK^T and AV, which the paper's "#FLOPs" leave out."""
        return sum(row.macs for row in self.rows if row.kind == "attention")

    @property
    def total(self) -> int:
        """Convolutions, linear layers and attention products: what `rows` add up to."""
        return self.conv_linear + self.attention

    @property
    def with_norms(self) -> int:
        """Convolutions, linear layers, and two for each normalised value, as mmcv's counter has it; no attention products.

        For all four models of the paper this rounds to its "#FLOPs". Without the norms the large one has 11.44 G, and the paper 11.5 G.
        """
        return self.conv_linear + 2 * self.normalised


def count(model: nn.Module, size: tuple[int, int], g1: Grids = None, g2: Grids = None) -> Count:
    """MACs of one image of `size` (height, width) in pixels, counted from the shapes without running the model.

    These are the MACs that run, in training and at inference, at any size; windows that hang over the edge of the map count in full, as
    they are computed. Biases, softmax, activations, residual sums, pooling and up-sampling are not counted; norms are apart
    (`Count.normalised`: for a layer with steps of its own, as if these had H-MHSA's norms). A model inside torch.compile, DataParallel or
    AveragedModel counts as it is.

    model: a HATNet, or a dense model. A detector's size is that to which it scales the image (at most 800 x 1333 by default) and is rounded
        up to a multiple of 32, as the batch is; Mask R-CNN counts at inference, with as many regions as it keeps at most (1000 boxes,
        100 masks).
    Raises ValueError for a size or grids that do not fit, for other models, and for layers that were replaced or wrapped, as adapters and
    quantisation do.

    >>> c = count(create_model("hatnet_tiny"), (224, 224))
    >>> round(c.conv_linear / 1e9, 4), round(c.total / 1e9, 4)
    (1.9697, 2.1281)
    """
    dense = inside(model)
    model = dense.backbone.body if isinstance(dense, Dense) else unwrapped(model)
    check({"size": size}, {"size": Many(Whole(model.config.strides[-1], 2**16), 2, 2)})
    _check_layers(model)
    if isinstance(dense, Dense):
        rows, normalised, maps = _body(model, dense.padded(size), g1, g2)
        rows = [replace(row, name=f"backbone.body.{row.name}") for row in rows]
        return _with_head(dense, rows, normalised, maps)
    rows, normalised, _ = _body(model, size, g1, g2)
    if isinstance(model.classifier, nn.Linear):
        rows.append(Row("classifier", 0, "conv_linear", model.config.readout**2 * model.classifier.weight.numel()))
    normalised += model.config.readout**2 * model.config.dims[-1] * model.config.head_norm
    return Count(tuple(rows), normalised)


def _body(model: HATNet, size: Size, g1: Grids, g2: Grids) -> tuple[list[Row], int, list[Size]]:
    """The rows of stem and stages, the values that their norms see, and the height and width of each stage's map."""
    rows: list[Row] = []
    maps: list[Size] = []
    normalised = 0

    def add(module: nn.Conv2d | nn.Linear, name: str, stage: int, positions: int) -> None:
        rows.append(Row(name, stage, "conv_linear", positions * module.weight.numel()))

    h, w = size
    for index, layer in enumerate(model.stem):
        if isinstance(layer, nn.Conv2d):
            h, w = _after(layer, h, w)
            add(layer, f"stem.{index}", 1, h * w)
        elif not isinstance(layer, nn.SiLU | nn.GELU):
            normalised += h * w * model.config.stem_dim
    for index, (number, stage, grids) in enumerate(zip(model.config.stages, model.stages, model.grids(g1, g2), strict=True)):
        for part, layer in stage.downsample.named_children():
            if isinstance(layer, nn.Conv2d):
                h, w = _after(layer, h, w)
                add(layer, f"stages.{index}.downsample.{part}", number, h * w)
        c = model.config.dims[index]
        normalised += h * w * c * isinstance(stage.downsample, Downsample)
        for b, block in enumerate(stage.blocks):
            name = f"stages.{index}.blocks.{b}"
            normalised += c * _normalised_tokens(block.attn, h, w, *grids)
            for part, macs in attention_macs(block.attn, h, w, c, *grids).items():
                rows.append(Row(f"{name}.attn.{part}", number, "attention" if part.endswith("products") else "conv_linear", macs))
            for part in ("expand", "depthwise", "reduce"):
                if (module := getattr(block.mlp, part)) is not None:
                    add(module, f"{name}.mlp.{part}", number, h * w)
        maps.append((h, w))
    return rows, normalised, maps


def _with_head(dense: Dense, rows: list[Row], normalised: int, maps: list[Size]) -> Count:
    """The count of a dense model, from that of its body. Raises ValueError for layers that the model's own list does not have."""
    positions = dense.positions(maps)
    found = {name: layer for name, layer in dense.named_modules() if not name.startswith("backbone.body.") and [*layer.parameters(False)]}
    for name in dict.fromkeys([*positions, *found]):
        layer = found.get(name)
        if name in positions and isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            rows.append(Row(name, 0, "conv_linear", positions[name] * layer.weight.numel()))
        elif name in positions and isinstance(layer, nn.BatchNorm2d | nn.SyncBatchNorm):
            normalised += positions[name] * layer.num_features
        else:
            kind = "missing, or inside another module" if layer is None else type(layer).__qualname__
            raise ValueError(f"{name} is {kind}, which is not counted there: count the model before its layers are wrapped or replaced")
    return Count(tuple(rows), normalised)


def table(model: nn.Module, size: tuple[int, int], g1: Grids = None, g2: Grids = None) -> str:
    """The count of one image as a text to print and to quote: stage by stage, with what is counted and what is not.

    Arguments and errors as for `count`.
    """
    counted = count(model, size, g1, g2)
    unit, name = (1e9, "G") if counted.total >= 1e9 else (1e6, "M")
    lines = [
        f"Multiply-adds (MACs) of one image of {size[0]} x {size[1]} pixels; {name} = 10^{len(f'{unit:.0f}') - 1}; a MAC is two FLOPs",
        f"{'':14}{'conv + linear':>16}{'QK^T and AV':>16}{'together':>16}",
    ]
    for part in (*dict.fromkeys(map(_part, counted.rows)), "all"):
        rows = Count(tuple(row for row in counted.rows if part in ("all", _part(row))), 0)
        lines.append(f"{part:14}" + "".join(f"{macs / unit:14.4f} {name}" for macs in (rows.conv_linear, rows.attention, rows.total)))
    lines += [
        f"Not counted: norms, biases, softmax, activations, residual sums, pooling{', up-sampling' * isinstance(inside(model), Dense)}.",
        f"conv + linear + norms (two for each value, as in mmcv's counter): {counted.with_norms / unit:.4f} {name};",
        'no count gives the paper\'s "#FLOPs" of dense models: docs/counting.md.'
        if isinstance(inside(model), Dense)
        else 'the paper\'s "#FLOPs" are these sums, rounded, and leave QK^T and AV out.',
    ]
    return "\n".join(lines)


def _part(row: Row) -> str:
    """The part of the model that a row belongs to."""
    if row.stage:
        return "stage 1 (stem)" if row.stage == 1 else f"stage {row.stage}"
    part = row.name.split(".")[0]
    return {"backbone": "pyramid", "rpn": "proposals", "roi_heads": "regions"}.get(part, part)


def _check_layers(model: HATNet) -> None:
    """Raise ValueError unless convolutions and linear layers are where `HATNet` has them, and nothing else holds matrices or kernels."""
    with torch.device("meta"):
        twin = HATNet(model.config)
    ours, theirs = (
        {
            name: type(layer)
            for name, layer in each.named_modules(remove_duplicate=False)
            if isinstance(layer, nn.Conv2d | nn.Linear) or any(weight.ndim > 1 for weight in layer.parameters(recurse=False))
        }
        for each in (model, twin)
    )
    if type(model.classifier) in (nn.Linear, nn.Identity):  # of any number of classes
        ours.pop("classifier", None), theirs.pop("classifier", None)
    for name in [*theirs, *ours]:
        if ours.get(name) is not theirs.get(name):
            found = ours[name].__qualname__ if name in ours else "missing, or inside another module"
            wanted = f"only {theirs[name].__name__} is counted there" if name in theirs else "HATNet has no layer there"
            raise ValueError(f"{name} is {found}; {wanted}: count the model before its layers are wrapped, replaced or quantised")


def _normalised_tokens(attn: MHSA | HMHSA, h: int, w: int, *grids: int) -> int:
    """How many tokens the norms of one block see: the attention's, and the two of the MLP."""
    if isinstance(attn, MHSA):
        return 3 * h * w
    _, across = attn.layouts(h, w, *grids)
    return 4 * h * w + (prod(across.keys) if across.pooled else h * w)


def attention_macs(attn: MHSA | HMHSA, h: int, w: int, c: int, *grids: int) -> dict[str, int]:
    """MACs of one attention layer on h x w tokens of c channels, part by part, as it runs: {"qkv": ..., "local.products": ..., ...}.

    A layer with steps of its own is run once without numbers (on the device "meta"), where torch counts its products; its parts are
    its linear layers and "products". Raises ValueError for an attention layer that is not registered, or that cannot run like this.
    """
    check_mechanism(attn)
    if isinstance(attn, MHSA):
        return {"qkv": 3 * h * w * c**2, "products": 2 * (h * w) ** 2 * c, "proj": h * w * c**2}
    if has_own_steps(attn):
        return _counted_by_running(attn, torch.empty(1, c, h, w, device="meta", dtype=attn.proj.weight.dtype), *grids)
    local, across = attn.layouts(h, w, *grids)
    (tokens1, keys1), (tokens2, keys2) = map(_laid_out, (local, across))
    return {
        "qkv": 3 * tokens1 * c**2,  # Eq. 7
        "local.products": 2 * tokens1 * keys1 * c,  # Eq. 2 in each window
        "q": tokens2 * c**2,  # Eq. 12
        "kv": 2 * (keys2 if across.pooled else tokens2) * c**2,  # Eq. 12: of every cell, or of every token
        "global.products": 2 * tokens2 * keys2 * c,  # Eq. 2 over the pooled cells
        "proj": h * w * c**2,  # Eq. 14
    }


def _counted_by_running(attn: HMHSA, x: Tensor, *grids: int) -> dict[str, int]:
    """The same from torch's counter, which sees products of matrices and convolutions in the order of aten's operations."""
    weights = {name: tensor.to("meta") for name, tensor in attn.state_dict().items()}
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            functional_call(attn, weights, (x, *grids), {"explicit": True})
    except (RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{type(attn).__qualname__} cannot be counted, as it needs the values of its input ({brief(error)})") from None
    flops = {name: sum(parts.values()) for name, parts in counter.get_flop_counts().items()}
    parts = {name: flops.get(f"{type(attn).__name__}.{name}", 0) // 2 for name, _ in attn.named_children()}
    parts["products"] = flops.get("Global", 0) // 2 - sum(parts.values())
    return {name: macs for name, macs in parts.items() if macs}


def _laid_out(layout: Layout) -> tuple[int, int]:
    """For one step: query tokens in whole windows, and the keys of each of them."""
    return prod(layout.grid) * layout.i * layout.j, prod(layout.keys)


def _after(layer: nn.Conv2d, h: int, w: int) -> tuple[int, int]:
    """Height and width of a convolution's output."""
    paddings = cast(tuple[int, int], layer.padding)  # in our models; torch also takes the words "same" and "valid"
    sizes = zip((h, w), layer.kernel_size, layer.stride, paddings, strict=True)
    down, across = ((n + 2 * padding - kernel) // stride + 1 for n, kernel, stride, padding in sizes)
    return down, across
