"""Eqs. 6 to 15 one by one, on a real block: the equation, the shapes, the line of code that ran and the tensor it gave.

No second copy of the attention: the forward pass of `HMHSA` runs as always and hands out its steps. Only Eq. 2 takes the explicit
path instead of the fused kernel, because its weights are wanted too.
"""

import inspect
import itertools
from dataclasses import dataclass, field
from functools import cache

from torch import Tensor

from hatnet import complexity
from hatnet.attention import HMHSA
from hatnet.blocks import Block
from hatnet.model import Grids, HATNet


@dataclass(frozen=True, eq=False)
class Step:
    """One equation of the paper, as it ran."""

    number: int  # 6 to 15
    latex: str  # the equation as the paper has it (where the release adds a norm, that stands in `note`)
    pattern: str  # the einops pattern, or the expression in our names
    before: dict[str, tuple[int, ...]]  # the paper's symbol (LaTeX) -> shape of what goes in
    after: dict[str, tuple[int, ...]]  # the same of what comes out
    source: str  # the line that ran
    line: int  # its number in `path`
    path: str  # "hatnet/attention.py"
    note: str  # where the release departs from the paper, or ""
    tensors: dict[str, Tensor] = field(repr=False)  # symbol -> what came out; 8 and 13 also hold the weights of Eq. 2, "P_1" and "P_2"
    terms: dict[str, float] = field(default_factory=dict)  # Eq. 15: its four terms, in MACs
    macs: dict[str, int] = field(default_factory=dict)  # Eq. 15: the MACs counted in this attention, part by part


# number: (LaTeX, pattern or expression, {symbol: our name} before, after, note)
_EQUATIONS: dict[int, tuple[str, str, dict[str, str], dict[str, str], str]] = {
    6: (
        r"\mathbf{X}\in\mathbb{R}^{H\times W\times C}\to"
        r"\mathbf{X}_1\in\mathbb{R}^{(\frac{H}{G_1}\times\frac{W}{G_1})\times(G_1\times G_1)\times C}",
        "b c (gh i) (gw j) -> (b gh gw) (i j) c",
        {r"\mathbf{X}": "x"},
        {r"\mathbf{X}_1": "x1"},
        "The release normalises X first; the windows hold norm(X).",
    ),
    7: (
        r"\mathbf{Q}_1=\mathbf{X}_1\mathbf{W}_1^q,\quad\mathbf{K}_1=\mathbf{X}_1\mathbf{W}_1^k,\quad\mathbf{V}_1=\mathbf{X}_1\mathbf{W}_1^v",
        "b n (parts heads d) -> parts b heads n d",
        {r"\mathbf{X}_1": "x1"},
        {r"\mathbf{Q}_1": "q1", r"\mathbf{K}_1": "k1", r"\mathbf{V}_1": "v1"},
        "The paper leaves the heads out; one linear layer gives Q, K and V of all of them.",
    ),
    8: (
        r"\mathbf{A}_1\in\mathbb{R}^{(\frac{H}{G_1}\times\frac{W}{G_1})\times(G_1\times G_1)\times C}\to"
        r"\mathbf{A}_1\in\mathbb{R}^{H\times W\times C}",
        "(b gh gw) (i j) c -> b c (gh i) (gw j)",
        {r"\mathbf{Q}_1": "q1", r"\mathbf{K}_1": "k1", r"\mathbf{V}_1": "v1"},
        {r"\mathbf{A}_1": "local", "P_1": "p1"},
        "Eq. 2 comes first: each query's weights over the keys of its own window, times their values.",
    ),
    9: (
        r"\mathbf{A}_1=\mathbf{A}_1+\mathbf{X}",
        "local + x",
        {r"\mathbf{A}_1": "local", r"\mathbf{X}": "x"},
        {r"\mathbf{A}_1": "joined", r"\mathrm{norm}(\mathbf{A}_1)": "a1"},
        "X is the block's input, not norm(X). The release normalises the sum, and Eqs. 10 to 14 read that.",
    ),
    10: (
        r"\widehat{\mathbf{A}}_1=\mathrm{AvePool}_{G_2}(\mathbf{A}_1)",
        "average over G2 x G2 cells; a partial cell averages its real tokens only",
        {r"\mathbf{A}_1": "a1"},
        {r"\widehat{\mathbf{A}}_1": "pooled"},
        "The release normalises the pooled map.",
    ),
    11: (
        r"\mathbf{A}_1\in\mathbb{R}^{H\times W\times C}\to\mathbb{R}^{(H\times W)\times C},\quad"
        r"\widehat{\mathbf{A}}_1\to\mathbb{R}^{(\frac{H}{G_2}\times\frac{W}{G_2})\times C}",
        "b c h w -> b (h w) c",
        {r"\mathbf{A}_1": "a1", r"\widehat{\mathbf{A}}_1": "pooled"},
        {r"\mathbf{A}_1": "rows", r"\widehat{\mathbf{A}}_1": "keys"},
        "",
    ),
    12: (
        r"\mathbf{Q}_2=\mathbf{A}_1\mathbf{W}_2^q,\quad\mathbf{K}_2=\widehat{\mathbf{A}}_1\mathbf{W}_2^k,\quad"
        r"\mathbf{V}_2=\widehat{\mathbf{A}}_1\mathbf{W}_2^v",
        "b n (parts heads d) -> parts b heads n d",
        {r"\mathbf{A}_1": "rows", r"\widehat{\mathbf{A}}_1": "keys"},
        {r"\mathbf{Q}_2": "q2", r"\mathbf{K}_2": "k2", r"\mathbf{V}_2": "v2"},
        "",
    ),
    13: (
        r"\mathbf{A}_2\in\mathbb{R}^{(H\times W)\times C}\to\mathbf{A}_2\in\mathbb{R}^{H\times W\times C}",
        "b (h w) c -> b c h w",
        {r"\mathbf{Q}_2": "q2", r"\mathbf{K}_2": "k2", r"\mathbf{V}_2": "v2"},
        {r"\mathbf{A}_2": "a2", "P_2": "p2"},
        "Eq. 2 comes first: each query's weights over the pooled cells, times their values.",
    ),
    14: (
        r"\mathrm{H\text{-}MHSA}(\mathbf{X})=(\mathbf{A}_1+\mathbf{A}_2)\mathbf{W}^p+\mathbf{X}",
        "proj(a1 + a2)",
        {r"\mathbf{A}_1": "a1", r"\mathbf{A}_2": "a2"},
        {r"(\mathbf{A}_1+\mathbf{A}_2)\mathbf{W}^p": "out"},
        'The "+ X" is the block\'s residual; it is added in hatnet/blocks.py, after stochastic depth.',
    ),
}
_COST = r"\Omega(\mathrm{H\text{-}MHSA})=HWC(4C+2G_1^2)+2\frac{HW}{G_2^2}C(C+HW)"


def walk(block: Block, x: Tensor, g1: int, g2: int) -> list[Step]:
    """Eqs. 6 to 15 as one block's attention computes them, ten steps in order.

    x: the block's input [b, c, h, w] (`block_input` gives it). g1, g2: sides of window and pooled cell, in tokens.
    The tensor of Eq. 14 is what the block's own attention gives (to 1e-5 in float32: its softmax takes the fused path).
    Raises ValueError for a block without H-MHSA.

    >>> model, images = create_model("hatnet_tiny").eval(), torch.randn(1, 3, 224, 224)
    >>> [step.number for step in walk(*block_input(model, images, stage=2, block=0))]
    [6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    """
    if not isinstance(block.attn, HMHSA) or block.attn.reaches != ("window", "pooled"):
        raise ValueError("Eqs. 6 to 15 are H-MHSA's; this block has another attention. Name a block of a hierarchical stage")
    seen: dict[str, Tensor] = {}
    block.attn(x, g1, g2, explicit=True, seen=seen)
    steps = []
    for number, (latex, pattern, before, after, note) in _EQUATIONS.items():
        line, source = _source()[number]
        steps.append(
            Step(
                number=number,
                latex=latex,
                pattern=pattern,
                before={symbol: tuple(seen[name].shape) for symbol, name in before.items()},
                after={symbol: tuple(seen[name].shape) for symbol, name in after.items()},
                source=source,
                line=line,
                path="hatnet/attention.py",
                note=note,
                tensors={symbol: seen[name] for symbol, name in after.items()},
            )
        )
    _, c, h, w = x.shape
    lines, first = inspect.getsourcelines(complexity.hmhsa)
    offset = next(i for i, text in enumerate(lines) if text.lstrip().startswith("return"))
    steps.append(
        Step(
            number=15,
            latex=_COST,
            pattern="multiply-accumulates of one image",
            before={r"\mathbf{X}": tuple(x.shape)},
            after={},
            source=lines[offset].strip(),
            line=first + offset,
            path="hatnet/complexity.py",
            note="It omits W^p, the norms, the softmax and the pooling; the counted MACs include W^p and whole windows at the edge.",
            tensors={},
            terms=complexity.hmhsa_terms(h, w, c, g1, g2),
            macs=complexity.attention_macs(block.attn, h, w, c, g1, g2),
        )
    )
    return steps


def block_input(
    model: HATNet, images: Tensor, stage: int, block: int, g1: Grids = None, g2: Grids = None
) -> tuple[Block, Tensor, int, int]:
    """A block of a hierarchical stage, its input [b, c, h, w] for these images, and its G1 and G2: the arguments of `walk`.

    stage: the paper's number, from 2; block: from 0. g1, g2: as for the model. Raises ValueError if there is no such block.
    """
    stages, grids = model.config.stages, model.grids(g1, g2)
    if stage not in stages or not grids[stages.index(stage)]:
        valid = ", ".join(str(number) for number, grid in zip(stages, grids, strict=True) if grid)
        raise ValueError(f"stage {stage} is no hierarchical stage of this model; those are {valid}")
    index = stages.index(stage)
    blocks = model.stages[index].blocks
    if not 0 <= block < len(blocks):
        raise ValueError(f"block {block}: stage {stage} has {len(blocks)} blocks, counted from 0")
    run = model.run(images, g1, g2, see=True)
    _, seen = next(itertools.islice(run, index, None))
    return blocks[block], seen[block]["x"], *grids[index]


@cache
def _source() -> dict[int, tuple[int, str]]:
    """Equation -> (number, text) of its line in `HMHSA.forward`: the code under the comment that begins with its number."""
    lines, first = inspect.getsourcelines(HMHSA.forward)
    found = {}
    for number in _EQUATIONS:
        at = next(i for i, text in enumerate(lines) if text.strip().startswith(f"# Eq. {number}"))
        at = next(i for i in range(at, len(lines)) if not lines[i].strip().startswith("#"))
        found[number] = (first + at, lines[at].strip())
    return found
