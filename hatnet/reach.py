"""Five mechanisms side by side, each in the layers of its own paper: what one token's attention reaches, at which cost, and its maps.

In `mechanisms.py` all of them fill the two steps of an H-MHSA layer, so that one training can be compared with another. Here a layer is
what its authors call one: plain MHSA, Swin's windows and PVT's pooled cells have a single step, Swin shifts the windows of every second
layer, and H-MHSA has its two.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import cast

import torch
from torch import Tensor, nn

from hatnet.attention import HMHSA
from hatnet.blocks import Block
from hatnet.complexity import attention_macs
from hatnet.described import unwrapped
from hatnet.equations import block_input
from hatnet.geometry import Layout, Token, check_token, layout_of
from hatnet.maps import AttentionMap
from hatnet.mechanisms import MECHANISMS
from hatnet.model import Grids
from hatnet.ranges import did_you_mean
from hatnet.trace import Trace

LAYERS: dict[str, tuple[tuple[str, ...], ...]] = {  # mechanism -> the steps of its layers (`geometry.KINDS`), which repeat in this order
    "full": (("full",),),  # plain MHSA
    "window": (("window",),),  # Swin's windows, never shifted
    "shifted_window": (("window",), ("shifted_window",)),  # Swin
    "pooled": (("pooled",),),  # PVT, with average pooling
    "hierarchical": (("window", "pooled"),),  # H-MHSA
}
_SECOND_STEP = ("q", "kv", "global.products", "proj")  # what a layer of one step consists of, as `attention_macs` names it


def first_reached(token: Token, grid: tuple[int, int], mechanism: str, g1: int, g2: int) -> tuple[list[int], list[int]]:
    """After how many layers a token has read something of each row, and of each column, of a grid [height, width]; 0: never.

    By attention and residuals alone, without convolutions and norms. Rows and columns of a window do not depend on each other, so the
    tokens reached after n layers are all those in a row and in a column reached by then, and `layers_until` gives the number for one.
    Content moves from layer 1 up, the token reads in the last. Raises ValueError off the grid and for an unknown mechanism.

    >>> first_reached((0, 0), (4, 4), "shifted_window", 2, 2)
    ([1, 1, 3, 3], [1, 1, 3, 3])
    """
    check_token(token, grid)
    layers = [[layout_of(kind, *grid, g1, g2) for kind in kinds] for kinds in _layers(mechanism)]
    found = [0] * grid[0], [0] * grid[1]
    reached: list[tuple[set[int], set[int]]] = []  # after 1, 2, ... layers: the rows and the columns
    for n in count(1):
        at = ({token[0]}, {token[1]})
        if n > len(layers):  # the last layers are those of a period ago, and below them lies one whole period more
            at, below = reached[n - 1 - len(layers)], layers
        else:
            below = layers[:n]
        for layout in (layout for steps in reversed(below) for layout in reversed(steps)):
            at = _read_by(at, layout)
        reached.append(at)
        for numbers, tokens in zip(found, at, strict=True):
            for index in tokens:
                numbers[index] = numbers[index] or n
        if n > len(layers) and reached[-1] == reached[-1 - len(layers)]:  # what nothing of a period's layers extends, nothing will
            return found
    raise AssertionError  # count() has no end


def layers_until(found: tuple[Sequence[int], Sequence[int]], other: Token) -> int | None:
    """After how many layers a token has read something of another; None: never. found: from `first_reached`."""
    row, column = found[0][other[0]], found[1][other[1]]
    return max(row, column) if row and column else None


def reached_after(found: tuple[Sequence[int], Sequence[int]], layers: int) -> int:
    """How many tokens a token has read something of after some layers, itself included. found: from `first_reached`."""
    rows, columns = (sum(0 < n <= layers for n in numbers) for numbers in found)
    return rows * columns


def layers_to_all(found: tuple[Sequence[int], Sequence[int]]) -> int | None:
    """After how many layers a token has read something of every token; None: never. found: from `first_reached`."""
    numbers = [*found[0], *found[1]]
    return max(numbers) if all(numbers) else None


def layer_macs(mechanism: str, h: int, w: int, c: int, g1: int, g2: int) -> tuple[int, ...]:
    """MACs of each layer of a mechanism's period on h x w tokens of c channels, counted as `complexity.attention_macs` counts.

    A layer of one step has Q, K, V, the products and W^p. Keys of pooled cells are projected after the pooling, as PVT does it.

    >>> [sum(layer_macs(name, 56, 56, 48, 8, 8)) for name in ("full", "hierarchical")]
    [973012992, 70371840]
    """
    totals = []
    for steps in _layers(mechanism):
        owner = next(layer for layer in MECHANISMS.values() if layer.layout_kinds[-len(steps) :] == steps)
        with torch.device("meta"):
            parts = attention_macs(owner(c, c, lambda _: nn.Identity()), h, w, c, g1, g2)
        totals.append(sum(parts.values()) if len(steps) == 2 else sum(parts[name] for name in _SECOND_STEP))
    return tuple(totals)


def mechanism_maps(
    model: nn.Module, images: Tensor, mechanism: str, stage: int, block: int, g1: Grids = None, g2: Grids = None
) -> list[list[AttentionMap]]:
    """What one block's attention would read with another mechanism: the maps of each layer of its period, for `rollout.through_layers`.

    Input and weights are the block's own: what the model gives to it, and W1 (in H-MHSA's global step W2). Only the keys differ.
    stage: the paper's number, of a hierarchical stage; block: from 0. Returns maps with all their rows; those of a single step are
    "global". Raises ValueError for what does not fit, and for a layer whose weights this mechanism cannot use.
    """
    layers = _layers(mechanism)
    own, x, side, cell = block_input(model, images, stage, block, g1, g2)
    config = unwrapped(model).config
    index, attn = config.stages.index(stage), cast(HMHSA, own.attn)
    with torch.device("meta"):
        twin = cast(HMHSA, Block(replace(config, attention=mechanism), index, 0.0).attn)
    try:
        twin.load_state_dict(attn.state_dict(), assign=True)
    except RuntimeError as error:
        raise ValueError(f"{type(attn).__qualname__} has other weights than {mechanism!r}: {error}") from None
    twin.train(attn.training)
    h, w = x.shape[-2:]

    def record(kind: str, layout: Layout, weights: Tensor | None) -> AttentionMap:
        found = cast(Tensor, weights).detach()
        return AttentionMap(
            stage=stage,
            block=block,
            kind=kind,
            g1=side,
            g2=cell,
            images=len(x),
            layout=layout,
            rows={},
            heads=found.shape[1],
            weights=found,
        )

    found = []
    for steps in layers:
        layouts = [layout_of(kind, h, w, side, cell) for kind in steps]
        trace = Trace()
        a1 = twin.local_step(x, layouts[0], True, trace)
        if len(steps) == 1:
            found.append([record("global", layouts[0], trace.p1)])
            continue
        twin.global_step(a1, layouts[1], True, trace)
        found.append([record("local", layouts[0], trace.p1), record("global", layouts[1], trace.p2)])
    return found


def _layers(mechanism: str) -> tuple[tuple[str, ...], ...]:
    if mechanism not in LAYERS:
        raise ValueError(f"unknown mechanism {mechanism!r}{did_you_mean(mechanism, LAYERS)}; the choices are {', '.join(LAYERS)}")
    return LAYERS[mechanism]


def _read_by(at: tuple[set[int], set[int]], layout: Layout) -> tuple[set[int], set[int]]:
    """The rows and the columns of the tokens that those of some rows and columns read in one step, themselves included."""
    rows = {row for y in at[0] for row in layout.held((y, 0))[0]}
    return rows, {column for x in at[1] for column in layout.held((0, x))[1]}
