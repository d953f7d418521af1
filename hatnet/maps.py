"""Attention maps with their geometry: which token asks, which tokens or cells answer, and where both lie in the image.

A place is a pair (y, x) of fractions of the image's height and width, 0..1; a token is a pair of indices (y, x) on a grid of
height x width tokens. A place survives a change of stage or image size, a token does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from einops import rearrange
from torch import Tensor

from hatnet.attention import Layout, attention_weights, layout_of
from hatnet.model import Grids, HATNet

Place = tuple[float, float]
Token = tuple[int, int]


def token_at(place: Place, grid: tuple[int, int]) -> Token:
    """The token of a grid [height, width] that covers a place. Raises ValueError outside 0..1.

    >>> token_at((0.5, 1.0), (14, 14))
    (7, 13)
    """
    if len(place) != 2 or not all(0 <= p <= 1 for p in place):
        raise ValueError(f"{tuple(place)} is no place; wanted (y, x) as fractions of the image, each from 0 to 1, like (0.5, 0.5)")
    y, x = (min(int(p * n), n - 1) for p, n in zip(place, grid, strict=True))
    return y, x


def place_of(token: Token, grid: tuple[int, int]) -> Place:
    """The place of a token's centre, so that `token_at(place_of(token, grid), grid)` is token."""
    return (token[0] + 0.5) / grid[0], (token[1] + 0.5) / grid[1]


def window_of(token: Token, grid: tuple[int, int], g1: int | None) -> tuple[int, int, int, int]:
    """The G1 x G1 window around a token (Eq. 6) as (top, left, height, width) in tokens; smaller at the right and bottom edge.

    g1 None (no windows: plain MHSA) gives the whole grid.
    """
    return (0, 0, *grid) if g1 is None else _rectangle(token, grid, layout_of("window", g1, 1, *grid))


def _rectangle(token: Token, grid: tuple[int, int], layout: Layout) -> tuple[int, int, int, int]:
    """The part of a token's (perhaps shifted) window that lies on the grid: top, left, height, width."""
    edges = []
    for at, size, side, moved in zip(token, grid, (layout.i, layout.j), (layout.down, layout.across), strict=True):
        start = (at - moved) // side * side + moved
        edges.append((max(start, 0), min(start + side, size)))
    (top, bottom), (left, right) = edges
    return top, left, bottom - top, right - left


@dataclass(frozen=True, eq=False)
class AttentionMap:
    """The attention weights of one block's local or global step, and their geometry.

    In plain MHSA (the paper's stage 5) there is one map, "global", whose keys are all tokens; g1 and g2 are None.
    """

    stage: int  # the paper's number, 2 to 5
    block: int  # from 0 within the stage
    kind: str  # "local": the first step (Eqs. 6 to 8), "global": the second (Eqs. 10 to 13)
    query_grid: tuple[int, int]  # tokens down and across
    key_grid: tuple[int, int]  # keys down and across: of a whole window, or of the pooled map
    g1: int | None  # side of the window, in tokens
    g2: int | None  # side of a pooled cell, in tokens
    heads: int
    images: int
    reach: str  # whom a query asks: "window" (local, in the paper), "pooled" (global), "shifted_window" or "full" (plain MHSA)
    layout: Layout = field(repr=False)  # which keys each query asks; in the paper a window (local) and the pooled map (global)
    rows: dict[tuple[int, Token], Tensor] = field(repr=False)  # (image, token) -> [heads, key_h, key_w], if only some were computed
    weights: Tensor | None = field(repr=False)  # as Eq. 2 gave them, if all were: [images * windows, heads, n, m]

    def window(self, y: int, x: int) -> tuple[int, int, int, int]:
        """The window of token (y, x): (top, left, height, width) in tokens.

        Of a step that reaches for a window, that one (shifted, if the step shifts it); of a pooled step, the G1 x G1 window;
        of a full one, the whole map. Raises ValueError off the grid.
        """
        self._check(y, x)
        if self.reach == "pooled":
            return window_of((y, x), self.query_grid, self.g1)
        return _rectangle((y, x), self.query_grid, self.layout)

    def row(self, y: int, x: int, image: int = 0) -> Tensor:
        """What the query token (y, x) gives to each key: probabilities [heads, key_h, key_w], summing to 1 for each head.

        Local: the keys are the real tokens of its window, `window(y, x)`. Global: the cells of the pooled map (all tokens in
        plain MHSA). Raises ValueError for a token off the grid, or one whose row was not asked for.
        """
        self._check(y, x)
        if not 0 <= image < self.images:
            raise ValueError(f"image {image}: the batch holds {self.images}, counted from 0")
        if self.weights is not None:
            window, place = self._locate((y, x), image)
            return self._real_keys(self.weights[window, :, place], (y, x))
        if (image, (y, x)) not in self.rows:
            held = ", ".join(str(token) for i, token in self.rows if i == image)
            raise ValueError(f"row {(y, x)} was not computed; these were: {held}. Name its place in `queries`, or give no queries")
        return self.rows[image, (y, x)]

    def row_from(self, query: Tensor, key: Tensor, token: Token, image: int) -> Tensor:
        """Eq. 2 for one query token alone, from Q and K as the attention laid them out: [heads, key_h, key_w]."""
        window, place = self._locate(token, image)
        keys = self._real_keys(rearrange(key[window], "heads m d -> heads d m"), token)
        weights = attention_weights(query[window, :, place, None], rearrange(keys, "heads d h w -> heads (h w) d"))
        return rearrange(weights, "heads 1 (h w) -> heads h w", h=keys.shape[-2])

    def _locate(self, token: Token, image: int) -> tuple[int, int]:
        """In which of the laid-out windows the token stands, and where in it."""
        layout, (height, width) = self.layout, self.query_grid
        above, before = -layout.down % layout.i, -layout.across % layout.j  # tokens of the first windows that hang over the edge
        y, x = token[0] + above, token[1] + before
        gh, gw = -(-(height + above) // layout.i), -(-(width + before) // layout.j)
        return (image * gh + y // layout.i) * gw + x // layout.j, y % layout.i * layout.j + x % layout.j

    def _real_keys(self, keys: Tensor, token: Token) -> Tensor:
        """[..., m] of a window's keys -> [..., key_h, key_w], without those that hang over the edge of the map."""
        keys = keys.unflatten(-1, self.key_grid)
        if self.layout.pool > 1:
            return keys
        top, left, height, width = _rectangle(token, self.query_grid, self.layout)
        above, before = (top - self.layout.down) % self.layout.i, (left - self.layout.across) % self.layout.j
        return keys[..., above : above + height, before : before + width]

    def _check(self, y: int, x: int) -> None:
        height, width = self.query_grid
        if not (0 <= y < height and 0 <= x < width):
            raise ValueError(f"token ({y}, {x}) is off the grid of {height} x {width} tokens, counted from 0")


def attention_maps(
    model: HATNet, images: Tensor, queries: Sequence[Place] | None = None, g1: Grids = None, g2: Grids = None
) -> tuple[Tensor, list[AttentionMap]]:
    """Logits of a batch, and the attention maps of every block: local, then global.

    images: [b, 3, h, w] as for the model. queries: places (y, x) as fractions of the image, 0..1; only the rows of the tokens
    there are computed, and the forward pass stays on the fused kernel, so that it is cheap at any resolution. Without
    queries all rows are: n x m numbers a head. g1, g2: grids of this call, as for the model.
    Returns logits [b, classes], differentiable, and detached maps. Nothing is stored in the model.
    Raises ValueError for images, grids or places that do not fit.

    >>> model, images = create_model("hatnet_tiny").eval(), torch.randn(1, 3, 224, 224)
    >>> logits, maps = attention_maps(model, images, queries=[(0.5, 0.5)])
    >>> maps[0].row(*token_at((0.5, 0.5), maps[0].query_grid)).shape
    torch.Size([1, 8, 8])
    """
    for place in queries or ():
        token_at(place, (1, 1))  # a wrong place is said before the work
    maps = []
    run = model.run(images, g1, g2, explicit=queries is None, see=True)
    for number, grids, stage, (x, blocks) in zip(model.config.stages, model.grids(g1, g2), model.stages, run, strict=True):
        h, w = x.shape[-2:]
        for block, seen in enumerate(blocks):
            if grids:
                attn = stage.blocks[block].attn
                steps = zip(("local", "global"), ("1", "2"), attn.reaches, attn.layouts(*grids, h, w), strict=True)
            else:
                steps = [("global", "", "full", Layout(h, w, 0, 0, 1))]
            for kind, suffix, reach, layout in steps:
                query, key, weights = (seen[letter + suffix] for letter in "qkp")
                record = AttentionMap(
                    stage=number,
                    block=block,
                    kind=kind,
                    query_grid=(h, w),
                    key_grid=(layout.i, layout.j) if layout.pool == 1 else (-(-h // layout.pool), -(-w // layout.pool)),
                    g1=grids[0] if grids else None,
                    g2=grids[1] if grids else None,
                    heads=query.shape[1],
                    images=len(x),
                    reach=reach,
                    layout=layout,
                    rows={},
                    weights=None if weights is None else weights.detach(),
                )
                for place in queries or ():
                    token = token_at(place, record.query_grid)
                    for image in range(len(x)):
                        record.rows[image, token] = record.row_from(query.detach(), key.detach(), token, image)
                maps.append(record)
    return model.classify(x), maps
