"""Attention maps with their geometry: which keys each token attends to, how strongly, and where they lie in the image."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod

import torch
from einops import rearrange
from torch import Tensor, nn

from hatnet.attention import HMHSA, MHSA, attention_weights
from hatnet.described import unwrapped
from hatnet.geometry import Layout, Place, Rectangle, Token, check_token, layout_of, token_at, window_of
from hatnet.mechanisms import check_mechanism, has_own_steps
from hatnet.model import Grids
from hatnet.trace import Trace


@dataclass(frozen=True, eq=False)
class AttentionMap:
    """The attention weights of one block's local or global step, and their geometry.

    Plain MHSA (the paper's stage 5) has a single map, "global", whose keys are all tokens; its g1 and g2 are None.
    """

    stage: int  # the paper's number, 2 to 5
    block: int  # from 0 within the stage
    kind: str  # "local": the first step (Eqs. 6 to 8); "global": the second (Eqs. 10 to 13)
    g1: int | None  # side of the window, in tokens
    g2: int | None  # side of a pooled cell, in tokens
    heads: int
    images: int
    layout: Layout = field(repr=False)  # which keys each token attends to: in H-MHSA a window (local) or the pooled cells (global)
    rows: dict[tuple[int, Token], Tensor] = field(repr=False)  # (image, token) -> [heads, key_h, key_w], if only some were computed
    weights: Tensor | None = field(repr=False)  # as Eq. 2 gave them, if all were computed: [images * windows, heads, n, m]

    @property
    def query_grid(self) -> tuple[int, int]:
        """Tokens down and across."""
        return self.layout.h, self.layout.w

    @property
    def key_grid(self) -> tuple[int, int]:
        """Keys down and across: the tokens of a whole window, or the pooled cells of the map."""
        return self.layout.keys

    def window(self, y: int, x: int) -> Rectangle:
        """The window of token (y, x): (top, left, height, width) in tokens.

        The window whose tokens it attends to (shifted, if this step's windows are); for a pooled step, its G1 x G1 window; for full
        attention, the whole map. Raises ValueError off the grid, and for a window that is not a rectangle (`on_grid` shows that too).
        """
        check_token((y, x), self.query_grid)
        return window_of((y, x), self.query_grid, self.g1) if self.layout.pooled else self.layout.rectangle((y, x))

    def row(self, y: int, x: int, image: int = 0) -> Tensor:
        """The weights of the query token (y, x) over its keys: probabilities [heads, key_h, key_w], summing to 1 for each head.

        Local: the keys are the tokens of its window, `window(y, x)`. Global: the cells of the pooled map (all tokens in plain
        MHSA). `on_grid` lays them over the map. Raises ValueError for a token off the grid, and for one whose row was not computed.
        """
        check_token((y, x), self.query_grid)
        if not 0 <= image < self.images:
            raise ValueError(f"image {image}: the batch holds {self.images}, counted from 0")
        if self.weights is not None:
            window, place = self._locate((y, x), image)
            return self._real_keys(self.weights[window, :, place], (y, x))
        if (image, (y, x)) not in self.rows:
            computed = ", ".join(str(token) for i, token in self.rows if i == image)
            raise ValueError(f"row {(y, x)} was not computed; these were: {computed}. Name its place in `queries`, or give no queries")
        return self.rows[image, (y, x)]

    def on_grid(self, y: int, x: int, image: int = 0) -> Tensor:
        """The same row over all tokens of the map: [heads, h, w], summing to 1 for each head.

        0 at the tokens that the step cannot read; a cell's weight is divided evenly among its tokens. Whatever the mechanism is.
        """
        row = self.row(y, x, image)
        if self.layout.pooled:
            return over_tokens(row, self.layout)
        rows, columns = (torch.tensor(tokens, device=row.device) for tokens in map(list, self.layout.held((y, x))))
        whole = row.new_zeros(row.shape[0], *self.query_grid)
        whole[:, rows[:, None], columns] = row
        return whole

    def row_from(self, query: Tensor, key: Tensor, token: Token, image: int) -> Tensor:
        """Eq. 2 for one query token alone, from Q and K as the layer laid them out: [heads, key_h, key_w]."""
        window, place = self._locate(token, image)
        keys = self._real_keys(rearrange(key[window], "heads m d -> heads d m"), token)
        weights = attention_weights(query[window, :, place, None], rearrange(keys, "heads d h w -> heads (h w) d"))
        return rearrange(weights, "heads 1 (h w) -> heads h w", h=keys.shape[-2])

    def _locate(self, token: Token, image: int) -> tuple[int, int]:
        """Which window of the batch holds the token, and the token's place inside it."""
        window, place = self.layout.locate(token)
        down, across = self.layout.grid
        return image * down * across + window, place

    def _real_keys(self, keys: Tensor, token: Token) -> Tensor:
        """A window's keys [..., m] -> [..., key_h, key_w], without the padding that hangs over the edge of the map."""
        keys = keys.unflatten(-1, self.key_grid)
        if self.layout.pooled:
            return keys
        top, left, height, width = self.layout.real(token)
        return keys[..., top : top + height, left : left + width]


def over_tokens(cells: Tensor, layout: Layout) -> Tensor:
    """Each cell's share divided evenly among the tokens that it averages: [k, cells down, cells across] -> [k, h, w]."""
    y, x = (torch.arange(size, device=cells.device) // layout.pool for size in (layout.h, layout.w))
    return (cells / (y.bincount()[:, None] * x.bincount()))[:, y][:, :, x]


def attention_maps(
    model: nn.Module, images: Tensor, queries: Sequence[Place] | None = None, g1: Grids = None, g2: Grids = None
) -> tuple[Tensor, list[AttentionMap]]:
    """The logits of a batch, and the attention maps of every block: local, then global.

    model: a HATNet, perhaps inside torch.compile or DataParallel, which are passed by. images: [b, in_chans, h, w] as for it.
    queries: places (y, x) as fractions of the image, 0..1. If given, only the rows of the tokens at these places are computed and
        the forward pass stays on the fused kernel, which is cheap at any resolution; otherwise all rows are computed, n x m numbers
        for each head (also if a mechanism has steps of its own: they alone know their weights).
    g1, g2: grids of this call, as for the model.
    Returns logits [b, classes], differentiable, and detached maps. Nothing is stored in the model.
    Raises ValueError for images, grids or places that do not fit, for an attention layer that is not registered, and for a step of
    its own that leaves no weights in its trace.

    >>> model, images = create_model("hatnet_tiny").eval(), torch.randn(1, 3, 224, 224)
    >>> logits, maps = attention_maps(model, images, queries=[(0.5, 0.5)])
    >>> maps[0].row(*token_at((0.5, 0.5), maps[0].query_grid)).shape
    torch.Size([1, 8, 8])
    """
    for place in queries or ():
        token_at(place, (1, 1))  # so that a wrong place is reported before the work
    model = unwrapped(model)
    maps = []
    own_steps = any(isinstance(layer, HMHSA) and has_own_steps(layer) for layer in model.modules())
    run = model.run(images, g1, g2, explicit=queries is None or own_steps, traced=True)
    for number, grids, stage, (x, traces) in zip(model.config.stages, model.grids(g1, g2), model.stages, run, strict=True):
        h, w = x.shape[-2:]
        for block, trace in enumerate(traces):
            for kind, layout, (query, key, weights) in _steps(stage.blocks[block].attn, trace, (h, w), grids):
                if own_steps:
                    _check_weights(weights, layout, len(x), f"stage {number}, block {block}: the {kind} step")
                record = AttentionMap(
                    stage=number,
                    block=block,
                    kind=kind,
                    g1=grids[0] if grids else None,
                    g2=grids[1] if grids else None,
                    heads=(query if weights is None else weights).shape[1],
                    images=len(x),
                    layout=layout,
                    rows={},
                    weights=None if weights is None else weights.detach(),
                )
                for place in queries or ():
                    token = token_at(place, record.query_grid)
                    for image in range(len(x)):
                        if weights is None:
                            record.rows[image, token] = record.row_from(query.detach(), key.detach(), token, image)
                        else:
                            record.rows[image, token] = record.row(*token, image).clone()
                maps.append(record if queries is None else replace(record, weights=None))
    return model.forward_head(x), maps


def _steps(attn: HMHSA | MHSA, trace: Trace, grid: tuple[int, int], grids: tuple[int, ...]) -> list[tuple[str, Layout, tuple]]:
    """The steps of one attention layer: "local" or "global", layout, and Q, K and the weights of the softmax."""
    check_mechanism(attn)
    if isinstance(attn, MHSA):
        return [("global", layout_of("full", *grid, 1, 1), (trace.q, trace.k, trace.p))]
    local, everywhere = attn.layouts(*grid, *grids)
    return [("local", local, (trace.q1, trace.k1, trace.p1)), ("global", everywhere, (trace.q2, trace.k2, trace.p2))]


def _check_weights(weights: Tensor | None, layout: Layout, images: int, step: str) -> None:
    """Raise ValueError unless a step left weights that lie as its layout says."""
    windows, queries = prod(layout.grid), layout.i * layout.j
    wanted = f"[{images * windows}, heads, {queries}, {prod(layout.keys)}], as its keys ({layout.kind}) are laid out"
    if weights is None:
        raise ValueError(f"{step} left no weights in its trace, so it has no map; wanted {wanted}: trace.keep(p1=...) or p2")
    if weights.ndim != 4 or (len(weights), *weights.shape[2:]) != (images * windows, queries, prod(layout.keys)):
        raise ValueError(f"{step} left weights {list(weights.shape)} in its trace; wanted {wanted}")
