"""Attention maps with their geometry: which token asks, which tokens or cells answer, and where both lie in the image.

A place is a pair (y, x) of fractions of the image's height and width, 0..1; a token is a pair of indices (y, x) on a grid of
height x width tokens. A place survives a change of stage or image size, a token does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from einops import rearrange
from torch import Tensor

from hatnet.attention import attention_weights
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
    if g1 is None:
        return 0, 0, *grid
    top, left = (n // g1 * g1 for n in token)
    return top, left, min(g1, grid[0] - top), min(g1, grid[1] - left)


@dataclass(frozen=True, eq=False)
class AttentionMap:
    """The attention weights of one block's local or global step, and their geometry.

    In plain MHSA (the paper's stage 5) there is one map, "global", whose keys are all tokens; g1 and g2 are None.
    """

    stage: int  # the paper's number, 2 to 5
    block: int  # from 0 within the stage
    kind: str  # "local" (Eqs. 6 to 8) or "global" (Eqs. 10 to 13)
    query_grid: tuple[int, int]  # tokens down and across
    key_grid: tuple[int, int]  # keys down and across: of a whole window (local), of the pooled map (global)
    g1: int | None  # side of the window, in tokens
    g2: int | None  # side of a pooled cell, in tokens
    heads: int
    images: int
    rows: dict[tuple[int, Token], Tensor] = field(repr=False)  # (image, token) -> [heads, key_h, key_w], if only some were computed
    weights: Tensor | None = field(repr=False)  # as Eq. 2 gave them, if all were: [images * windows, heads, n, m]

    def window(self, y: int, x: int) -> tuple[int, int, int, int]:
        """The local window of token (y, x): (top, left, height, width) in tokens. Raises ValueError off the grid."""
        return window_of(self._token(y, x), self.query_grid, self.g1)

    def row(self, y: int, x: int, image: int = 0) -> Tensor:
        """What the query token (y, x) gives to each key: probabilities [heads, key_h, key_w], summing to 1 for each head.

        Local: the keys are the real tokens of its window, `window(y, x)`. Global: the cells of the pooled map (all tokens in
        plain MHSA). Raises ValueError for a token off the grid, or one whose row was not asked for.
        """
        token = self._token(y, x)
        if not 0 <= image < self.images:
            raise ValueError(f"image {image}: the batch holds {self.images}, counted from 0")
        if self.weights is None:
            if (image, token) not in self.rows:
                held = ", ".join(str(t) for i, t in self.rows if i == image)
                raise ValueError(f"row {token} was not computed; these were: {held}. Name its place in `queries`, or give no queries")
            return self.rows[image, token]
        if self.kind == "global":
            weights = self.weights[image, :, y * self.query_grid[1] + x]
            return rearrange(weights, "heads (h w) -> heads h w", h=self.key_grid[0])
        return _window_rows(self, self.weights, token, image)

    def _token(self, y: int, x: int) -> Token:
        height, width = self.query_grid
        if not (0 <= y < height and 0 <= x < width):
            raise ValueError(f"token ({y}, {x}) is off the grid of {height} x {width} tokens, counted from 0")
        return y, x


def _window_rows(record: AttentionMap, weights: Tensor, token: Token, image: int) -> Tensor:
    """The row of a token in windowed weights [(b gh gw), heads, (i j), (i j)], cut to the real tokens of its window."""
    i, j = record.key_grid
    (top, left, height, width), gw = record.window(*token), -(-record.query_grid[1] // j)
    windows = weights.shape[0] // record.images
    row = weights[image * windows + top // i * gw + left // j, :, (token[0] - top) * j + token[1] - left]
    return rearrange(row, "heads (i j) -> heads i j", i=i)[:, :height, :width]


def attention_maps(
    model: HATNet, images: Tensor, queries: Sequence[Place] | None = None, g1: Grids = None, g2: Grids = None
) -> tuple[Tensor, list[AttentionMap]]:
    """Logits of a batch, and the attention maps of every block: local, then global.

    images: [b, 3, h, w] as for the model. queries: places (y, x) as fractions of the image, 0..1; only the rows of the tokens
    there are computed, and the forward pass stays on the fused kernel, so that it is cheap at any resolution. Without
    queries all rows are: n x m numbers a head. g1, g2: grids of this call, as for the model.
    Returns logits [b, classes], differentiable, and detached maps. Nothing is stored in the model.
    Raises ValueError for images, grids or places that do not fit.

    >>> logits, maps = attention_maps(model, images, queries=[(0.5, 0.5)])
    >>> token = token_at((0.5, 0.5), maps[0].query_grid)
    >>> maps[0].row(*token).shape
    torch.Size([1, 8, 8])
    """
    for place in queries or ():
        token_at(place, (1, 1))  # a wrong place is said before the work
    grids = list(zip(model.check_grids("g1", g1), model.check_grids("g2", g2), strict=True))
    maps = []
    for index, (x, blocks) in enumerate(model.run(images, g1, g2, explicit=queries is None, see=True)):
        grid = (x.shape[-2], x.shape[-1])
        for block, seen in enumerate(blocks):
            where = {"stage": model.config.stages[index], "block": block, "query_grid": grid}
            if index < len(grids):
                side1, side2 = grids[index]
                where |= {"g1": side1, "g2": side2}
                window = (min(side1, grid[0]), min(side1, grid[1]))
                cells = (-(-grid[0] // side2), -(-grid[1] // side2))
                maps.append(_record("local", window, seen["q1"], seen["k1"], seen["p1"], queries, len(x), where))
                maps.append(_record("global", cells, seen["q2"], seen["k2"], seen["p2"], queries, len(x), where))
            else:
                where |= {"g1": None, "g2": None}
                maps.append(_record("global", grid, seen["q"], seen["k"], seen["p"], queries, len(x), where))
    return model.classify(x), maps


def _record(kind, key_grid, query, key, weights, queries, images, where) -> AttentionMap:
    """One map: the weights themselves, or the rows of the queried tokens, computed from Q and K."""
    rows: dict[tuple[int, Token], Tensor] = {}
    if weights is not None:
        weights = weights.detach()
    record = AttentionMap(kind=kind, key_grid=key_grid, heads=query.shape[1], images=images, rows=rows, weights=weights, **where)
    for place in queries or ():
        token = token_at(place, record.query_grid)
        for image in range(images):
            rows[image, token] = _row(record, query.detach(), key.detach(), token, image)
    return record


def _row(record: AttentionMap, query: Tensor, key: Tensor, token: Token, image: int) -> Tensor:
    """Eq. 2 for one query token: its weights [heads, key_h, key_w]."""
    if record.kind == "global":
        asked = query[image, :, token[0] * record.query_grid[1] + token[1], None]
        return rearrange(attention_weights(asked, key[image]), "heads 1 (h w) -> heads h w", h=record.key_grid[0])
    i, j = record.key_grid
    top, left, height, width = record.window(*token)
    which = (image * -(-record.query_grid[0] // i) + top // i) * -(-record.query_grid[1] // j) + left // j
    asked = query[which, :, (token[0] - top) * j + token[1] - left, None]
    keys = rearrange(key[which], "heads (i j) d -> heads i j d", i=i)[:, :height, :width]
    return rearrange(attention_weights(asked, keys.flatten(1, 2)), "heads 1 (i j) -> heads i j", i=height)
