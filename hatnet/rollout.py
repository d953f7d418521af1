"""Where a token's information comes from: attention followed through H-MHSA's two hops, and through blocks and stages.

Two paths lead into a token in one block: from the tokens of its own window (A_loc), and from the pooled cells (A_glob), whose
tokens have themselves attended to their windows first. Both together, with each residual halved and the two paths averaged:

    two hops = 1/2 A_glob Pool 1/2 (I + A_loc) + 1/2 1/2 (I + A_loc)

where Pool spreads a cell evenly over the tokens it averaged. The rows of every factor sum to 1, so those of the result do too.

This ignores the values and their projections (a key with a large weight may carry nothing), the norms (GroupNorm lets every
token influence every other), layer scale, the MLP and its depthwise convolution, and all signs. Heads are averaged. It shows which
paths are open, not what flows along them: by itself it does not explain a prediction.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from hatnet.attention import merge, partition
from hatnet.geometry import Place, Token, check_token, token_at
from hatnet.maps import AttentionMap, over_tokens


def two_hop(local: AttentionMap, pooled: AttentionMap, tokens: Sequence[Token] | None = None, image: int = 0) -> Tensor:
    """The two-hop map of one block on its token grid: for each query token, the share of every token, summing to 1.

    local, pooled: the two maps of one block from `attention_maps` without queries. tokens: the query tokens (y, x); by default all,
    row by row. Returns probabilities [tokens, h, w]. Raises ValueError for maps that do not belong together.

    >>> model, images = create_model("hatnet_tiny").eval(), torch.randn(1, 3, 64, 64)
    >>> _, (local, pooled, *_) = attention_maps(model, images)
    >>> two_hop(local, pooled, tokens=[(3, 4)]).shape
    torch.Size([1, 16, 16])
    """
    if (local.kind, pooled.kind) != ("local", "global") or (local.stage, local.block) != (pooled.stage, pooled.block):
        raise ValueError("two hops need the local and the global map of one block, in this order")
    return through_layers([[local, pooled]], tokens, image)


def through_layers(layers: Sequence[Sequence[AttentionMap]], tokens: Sequence[Token] | None = None, image: int = 0) -> Tensor:
    """What the output of the last of some attention layers reads, followed back to the tokens that the first one reads.

    layers: of one token grid, from the first to the last; of each, the maps of its one step or two, with all their rows. Between two
    layers, what a token has read is averaged with what it held before (the residual); the MLP between them is left out. tokens: the
    query tokens (y, x); by default all, row by row. Returns probabilities [tokens, h, w]. Raises ValueError if there are no layers.
    """
    if not layers or not all(layers):
        raise ValueError("there is nothing to follow; wanted the maps of at least one layer, and at least one map for each")
    grid = layers[-1][0].query_grid
    if tokens is None:
        tokens = [(y, x) for y in range(grid[0]) for x in range(grid[1])]
    at = torch.zeros(len(tokens), *grid, device=_weights(layers[-1][0]).device)
    for n, (y, x) in enumerate(tokens):
        check_token((y, x), grid)
        at[n, y, x] = 1
    *before, last = layers
    at = _back_through_block(last, at, image)
    for records in reversed(before):
        at = (at + _back_through_block(records, at, image)) / 2
    return at


def rollout(maps: Sequence[AttentionMap], place: Place | None = None, image: int = 0) -> Tensor:
    """Attention followed from the last stage's tokens back through every block and stage to the first stage's tokens.

    maps: all maps of a model from `attention_maps` without queries. place: where to start in the last stage; by default at all its
    tokens evenly, like the global average pooling before the classifier.
    Each block's attention is averaged with the identity (its residual, Eq. 14); a 3 x 3 downsampling spreads a token evenly over
    the tokens it reads. Returns probabilities [h, w] on the first stage's token grid, which tiles the image; they sum to 1.
    Raises ValueError for maps without all their rows, for a part of a block's maps, and if a block or stage between two others is missing.
    """
    blocks = _blocks(maps)
    grid = maps[-1].query_grid
    at = torch.full((1, *grid), 1 / (grid[0] * grid[1]), device=_weights(maps[-1]).device)
    if place is not None:
        at = torch.zeros_like(at)
        y, x = token_at(place, grid)
        at[0, y, x] = 1
    stage = maps[-1].stage
    for (number, _), records in reversed(blocks.items()):
        if number != stage:
            at, stage = _before_downsampling(at, records[0].query_grid), number
        at = (at + _back_through_block(records, at, image)) / 2
    return at[0]


def _blocks(maps: Sequence[AttentionMap]) -> dict[tuple[int, int], list[AttentionMap]]:
    """The maps of each block, by stage and block, as `attention_maps` gives them. Raises ValueError for others."""
    blocks: dict[tuple[int, int], list[AttentionMap]] = {}
    for record in maps:
        blocks.setdefault((record.stage, record.block), []).append(record)
    kinds = {True: ["global"], False: ["local", "global"]}  # of a plain block, of any other
    whole = all([record.kind for record in records] == kinds[records[0].g1 is None] for records in blocks.values())
    in_order = all(after in ((stage, block + 1), (stage + 1, 0)) for (stage, block), after in pairwise(blocks))
    if not (maps and whole and in_order):
        got = ", ".join(f"stage {record.stage}, block {record.block}, {record.kind}" for record in maps[:4]) or "none"
        more = " ..." if len(maps) > 4 else ""
        raise ValueError(f"the maps are {got}{more}; wanted those of every block, local then global, as `attention_maps` gives them")
    return blocks


def _back_through_block(records: Sequence[AttentionMap], at: Tensor, image: int) -> Tensor:
    """Shares of query tokens [k, h, w] -> shares of the tokens they came from, through one block's attention."""
    if len(records) == 1:  # plain MHSA
        return _back(records[0], at, image)
    local, pooled = records
    at = (_back(pooled, at, image) + at) / 2  # 1/2 A_glob Pool + 1/2 I
    return (at + _back(local, at, image)) / 2  # ... 1/2 (I + A_loc)


def _back(record: AttentionMap, at: Tensor, image: int) -> Tensor:
    """Shares of query tokens [k, h, w] -> shares of the tokens behind their keys, for one step: the shares times A, or A Pool."""
    layout = record.layout
    weights = _weights(record).mean(dim=1)  # over heads: [images * windows, n, m]
    windows = len(weights) // record.images
    weights = weights[image * windows : (image + 1) * windows].to(at.dtype)
    queries = rearrange(partition(at[:, None], layout), "(k windows) n 1 -> windows k n", windows=windows)
    keys = queries @ weights
    if not layout.pooled:
        return merge(rearrange(keys, "windows k m -> (k windows) m 1"), layout)[:, 0]
    return over_tokens(rearrange(keys, "1 k (gh gw) -> k gh gw", gh=record.key_grid[0]), layout)


def _before_downsampling(at: Tensor, grid: tuple[int, int]) -> Tensor:
    """Shares [k, h, w] after a 3 x 3 convolution of stride 2 -> shares on the grid before it, even over what each token reads."""
    ones = torch.ones(1, 1, *grid, device=at.device)
    kernel = torch.ones(1, 1, 3, 3, device=at.device)
    read = F.conv2d(ones, kernel, stride=2, padding=1)  # how many tokens each one reads: 9, fewer at an edge
    extra = tuple((size + 1) % 2 for size in grid)  # sides 2n and 2n - 1 both become n; this tells them apart
    return F.conv_transpose2d(at[:, None] / read, kernel, stride=2, padding=1, output_padding=extra)[:, 0]


def _weights(record: AttentionMap) -> Tensor:
    if record.weights is None:
        raise ValueError("a hop leads through every token of a window: call attention_maps without queries, so that all rows are computed")
    return record.weights
