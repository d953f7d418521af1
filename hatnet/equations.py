"""Eqs. 6 to 15 one by one, on a real block: the equation, the shapes, the line of code that ran and the tensors it gave.

There is no second copy of the attention: the forward pass of `HMHSA` runs as always and leaves its tensors in a `Trace`. Only Eq. 2
takes the explicit path instead of the fused kernel, because its weights are wanted too.
"""

from dataclasses import dataclass, field
from itertools import islice
from typing import cast

from torch import Tensor, nn

from hatnet import complexity, source_lines
from hatnet.attention import HMHSA
from hatnet.blocks import Block
from hatnet.described import unwrapped
from hatnet.model import Grids
from hatnet.trace import SYMBOLS, Trace


@dataclass(frozen=True, eq=False, kw_only=True)
class Equation:
    """One equation of the paper, as it ran. Tensors go by our names (`x1`, `q1`, ...), which `symbols` turns into LaTeX."""

    number: int  # 6 to 15
    latex: str  # the equation as the paper has it (where the release adds a norm, `note` says so)
    pattern: str  # the einops pattern, or the expression in our names
    before: dict[str, tuple[int, ...]]  # name -> shape of what goes in
    after: dict[str, tuple[int, ...]]  # the same for what comes out
    symbols: dict[str, str]  # name -> the paper's symbol in this equation, as LaTeX
    source: str  # the line that ran
    line: int  # its number in `path`
    path: str  # "hatnet/attention.py"
    note: str  # where the release departs from the paper, or ""
    tensors: dict[str, Tensor] = field(repr=False)  # name -> what came out; with Eqs. 8 and 13, the weights of Eq. 2 too: p1 and p2
    terms: dict[str, float] = field(default_factory=dict)  # Eq. 15: its four terms, in MACs
    macs: dict[str, int] = field(default_factory=dict)  # Eq. 15: the MACs counted in this attention, part by part


# number: (LaTeX, pattern or expression, names of what goes in, names of what comes out, note)
_EQUATIONS: dict[int, tuple[str, str, tuple[str, ...], tuple[str, ...], str]] = {
    6: (
        r"\mathbf{X}\in\mathbb{R}^{H\times W\times C}\to"
        r"\mathbf{X}_1\in\mathbb{R}^{(\frac{H}{G_1}\times\frac{W}{G_1})\times(G_1\times G_1)\times C}",
        "b c (gh i) (gw j) -> (b gh gw) (i j) c",
        ("x",),
        ("x1",),
        "The release normalises X first; the windows hold norm(X).",
    ),
    7: (
        r"\mathbf{Q}_1=\mathbf{X}_1\mathbf{W}_1^q,\quad\mathbf{K}_1=\mathbf{X}_1\mathbf{W}_1^k,\quad\mathbf{V}_1=\mathbf{X}_1\mathbf{W}_1^v",
        "b n (parts heads d) -> parts b heads n d",
        ("x1",),
        ("q1", "k1", "v1"),
        "The paper leaves the heads out; one linear layer gives Q, K and V for all of them.",
    ),
    8: (
        r"\mathbf{A}_1\in\mathbb{R}^{(\frac{H}{G_1}\times\frac{W}{G_1})\times(G_1\times G_1)\times C}\to"
        r"\mathbf{A}_1\in\mathbb{R}^{H\times W\times C}",
        "(b gh gw) (i j) c -> b c (gh i) (gw j)",
        ("q1", "k1", "v1"),
        ("local", "p1"),
        "Eq. 2 comes first: each query's weights over the keys of its own window, times their values.",
    ),
    9: (
        r"\mathbf{A}_1=\mathbf{A}_1+\mathbf{X}",
        "local + x",
        ("local", "x"),
        ("joined", "a1"),
        "X is the block's input, not norm(X). The release normalises the sum, and Eqs. 10 to 14 read that.",
    ),
    10: (
        r"\widehat{\mathbf{A}}_1=\mathrm{AvePool}_{G_2}(\mathbf{A}_1)",
        "average over G2 x G2 cells; a partial cell averages its real tokens only",
        ("a1",),
        ("pooled",),
        "The release normalises the pooled map, and drops partial cells (at 224 x 224 pixels it has none).",
    ),
    11: (
        r"\mathbf{A}_1\in\mathbb{R}^{H\times W\times C}\to\mathbb{R}^{(H\times W)\times C},\quad"
        r"\widehat{\mathbf{A}}_1\to\mathbb{R}^{(\frac{H}{G_2}\times\frac{W}{G_2})\times C}",
        "b c h w -> b (h w) c",
        ("a1", "pooled"),
        ("rows", "keys"),
        "",
    ),
    12: (
        r"\mathbf{Q}_2=\mathbf{A}_1\mathbf{W}_2^q,\quad\mathbf{K}_2=\widehat{\mathbf{A}}_1\mathbf{W}_2^k,\quad"
        r"\mathbf{V}_2=\widehat{\mathbf{A}}_1\mathbf{W}_2^v",
        "b n (parts heads d) -> parts b heads n d",
        ("rows", "keys"),
        ("q2", "k2", "v2"),
        "",
    ),
    13: (
        r"\mathbf{A}_2\in\mathbb{R}^{(H\times W)\times C}\to\mathbf{A}_2\in\mathbb{R}^{H\times W\times C}",
        "b (h w) c -> b c h w",
        ("q2", "k2", "v2"),
        ("a2", "p2"),
        "Eq. 2 comes first: each query's weights over the pooled cells, times their values.",
    ),
    14: (
        r"\mathrm{H\text{-}MHSA}(\mathbf{X})=(\mathbf{A}_1+\mathbf{A}_2)\mathbf{W}^p+\mathbf{X}",
        "proj(a1 + a2)",
        ("a1", "a2"),
        ("out",),
        'The "+ X" is the block\'s residual; it is added in hatnet/blocks.py, after stochastic depth.',
    ),
}
_NORMALISED = r"\mathrm{norm}(\mathbf{A}_1)"  # a1 in Eq. 9, where A1 is the sum before the norm
_COST = r"\Omega(\mathrm{H\text{-}MHSA})=HWC(4C+2G_1^2)+2\frac{HW}{G_2^2}C(C+HW)"


def trace_equations(block: Block, x: Tensor, g1: int, g2: int) -> list[Equation]:
    """Eqs. 6 to 15 as one block's attention computes them, in this order.

    x: the block's input [b, c, h, w] (from `block_input`). g1, g2: sides of window and pooled cell, in tokens.
    The tensor of Eq. 14 is the output of the block's own attention (to 1e-5 in float32: the fused softmax rounds differently).
    Raises ValueError for a block whose attention is not H-MHSA.

    >>> model, images = create_model("hatnet_tiny").eval(), torch.randn(1, 3, 224, 224)
    >>> [equation.number for equation in trace_equations(*block_input(model, images, stage=2, block=0))]
    [6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    """
    if type(block.attn) is not HMHSA:
        raise ValueError("Eqs. 6 to 15 describe H-MHSA; this block uses another mechanism. Choose a block of a hierarchical stage")
    trace = Trace()
    block.attn(x, g1, g2, explicit=True, trace=trace)
    return [*(_equation(number, trace) for number in _EQUATIONS), _cost(block, x, g1, g2)]


def _equation(number: int, trace: Trace) -> Equation:
    latex, pattern, before, after, note = _EQUATIONS[number]
    line = source_lines.equation(number)
    return Equation(
        number=number,
        latex=latex,
        pattern=pattern,
        before={name: tuple(getattr(trace, name).shape) for name in before},
        after={name: tuple(getattr(trace, name).shape) for name in after},
        symbols={name: SYMBOLS[name] for name in (*before, *after)} | ({"a1": _NORMALISED} if number == 9 else {}),
        source=line.text,
        line=line.first,
        path=line.path,
        note=note,
        tensors={name: getattr(trace, name) for name in after},
    )


def _cost(block: Block, x: Tensor, g1: int, g2: int) -> Equation:
    """Eq. 15, with the MACs counted in the block."""
    _, c, h, w = x.shape
    line = source_lines.equation(15)
    return Equation(
        number=15,
        latex=_COST,
        pattern="multiply-adds of one image",
        before={"x": tuple(x.shape)},
        after={},
        symbols={"x": SYMBOLS["x"]},
        source=line.text,
        line=line.first,
        path=line.path,
        note="It omits W^p, the norms, the softmax and the pooling; the counted MACs include W^p and whole windows at the edge.",
        tensors={},
        terms=complexity.hmhsa_terms(h, w, c, g1, g2),
        macs=complexity.attention_macs(block.attn, h, w, c, g1, g2),
    )


def block_input(
    model: nn.Module, images: Tensor, stage: int, block: int, g1: Grids = None, g2: Grids = None
) -> tuple[Block, Tensor, int, int]:
    """A block of a hierarchical stage, its input [b, c, h, w] for these images, and its G1 and G2: the arguments of `trace_equations`.

    stage: the paper's number, from 2; block: from 0. g1, g2: as for the model. Raises ValueError if there is no such block.
    """
    model = unwrapped(model)
    stages, grids = model.config.stages, model.grids(g1, g2)
    if stage not in stages or not grids[stages.index(stage)]:
        valid = ", ".join(str(number) for number, grid in zip(stages, grids, strict=True) if grid)
        raise ValueError(f"stage {stage} is not a hierarchical stage of this model; those are {valid}")
    index = stages.index(stage)
    blocks = model.stages[index].blocks
    if not 0 <= block < len(blocks):
        raise ValueError(f"block {block}: stage {stage} has {len(blocks)} blocks, counted from 0")
    _, traces = next(islice(model.run(images, g1, g2, traced=True), index, None))
    x, (side, cell) = cast(Tensor, traces[block].x), grids[index]  # which a traced hierarchical block keeps
    return blocks[block], x, side, cell
