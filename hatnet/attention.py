"""Attention as in the paper, in its order and its symbols: MHSA (Eqs. 1 to 3) and H-MHSA (Eqs. 6 to 14).

"The release" is the authors' published model; where it, or this code, departs from the paper's text, the line says so, and
`docs/beside_the_paper.md` lists them all.

Axes, everywhere in this package
    b       images (or images x windows)     c       channels
    h w     tokens down and across           heads d the channels of one token, head by head (c = heads * d)
    gh gw   which window                     i j     the place inside a window
    n m     queries and keys, flattened

The paper's symbols, our names and their shapes
    X            x            b c h w                          input of the block
    Q K V        q k v        b heads (h w) d                  of plain MHSA                                 Eq. 1
    A            a            b heads (h w) d                  plain attention                               Eqs. 2, 3
    X1           x1           (b gh gw) (i j) c                X cut into G1 x G1 windows                    Eq. 6
    Q1 K1 V1     q1 k1 v1     (b gh gw) heads (i j) d          inside each window                            Eq. 7
    A1           local        b c h w                          local attention, back on the map              Eq. 8
    A1           joined, a1   b c h w                          plus X; and that, normalised (the release)    Eq. 9
    ^A1          pooled       b c ceil(h/G2) ceil(w/G2)        a1 over G2 x G2 cells, normalised (release)   Eq. 10
    A1, ^A1      rows, keys   b (h w) c, b m c                 the same as rows of tokens                    Eq. 11
    Q2           q2           b heads (h w) d                  every token attends to ...                    Eq. 12
    K2 V2        k2 v2        b heads m d                      ... the m pooled cells                        Eq. 12
    A2           a2           b c h w                          global attention                              Eq. 13
    W^q W^k W^v  qkv          linear layer                     output channels ordered (q,k,v) x heads x d   Eqs. 1, 7
    W^q W^k W^v  q, kv        linear layers                    ordered heads x d, and (k,v) x heads x d      Eq. 12
    W^p          proj         linear layer                     mixes the heads of A1 + A2                    Eqs. 3, 14
    Omega        .            multiply-adds                    in `complexity.py`                            Eqs. 5, 15

Maps are `b c h w` in channels-last memory (the model sees to that): the channels of one token lie together. The equations
multiply rows of tokens, `b (h w) c`, by W; turning a map into them moves no memory.

G1 and G2 carry no weights: they only say which tokens are grouped, and every W applies to single tokens. So they are arguments
of the call, and a trained model also runs with others.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from hatnet import by_index
from hatnet.derivatives import differentiable_once
from hatnet.geometry import Layout, layout_of
from hatnet.trace import Trace

# For torch.fx these are single operations: what they do depends on the size of the map, which a symbolic trace does not know.
for name in ("rearrange", "layout_of", "attend", "partition", "merge", "window_mask", "pool"):
    torch.fx.wrap(name)


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax(Q K^T / sqrt(d)) of Eq. 2.

    query [..., n, d], key [..., m, d] -> [..., n, m], probabilities: each row sums to 1.
    mask: broadcast to [..., n, m], True for the keys that a query may attend to.
    """
    scores = query @ key.mT * query.shape[-1] ** -0.5  # the release scales Q before the product: the same, but for rounding
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(dim=-1)


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, explicit: bool = False) -> tuple[Tensor, Tensor | None]:
    """Eq. 2 for every head: A = Softmax(Q K^T / sqrt(d)) V, and the weights if they were computed.

    query [..., n, d], key and value [..., m, d] -> A [..., n, d], weights [..., n, m] or None.
    The fused kernel, the default, never holds the n x m weights in memory. With `explicit=True` they are computed and returned:
    for `attention_maps` and `trace_equations`, which show them, and for training on a CPU in bfloat16, where the fused kernel's
    backward pass is the slower one. Second derivatives need it too: the fused kernel has none, and raises RuntimeError. In
    forward-mode differentiation (`torch.func.jvp`, `jacfwd`), which that kernel does not know, they are computed and not returned.
    """
    if explicit:
        weights = attention_weights(query, key, mask)
        return weights @ value, weights
    try:
        return differentiable_once(F.scaled_dot_product_attention(query, key, value, attn_mask=mask)), None
    except NotImplementedError:  # forward mode
        return attention_weights(query, key, mask) @ value, None


def split_heads(projected: Tensor, parts: int, head_dim: int) -> Tensor:
    """What a linear layer gives, as Q, K, V for every head: [b, n, (parts heads d)] -> [parts, b, heads, n, d]."""
    return rearrange(projected, "b n (parts heads d) -> parts b heads n d", parts=parts, d=head_dim)


def join_heads(attended: Tensor) -> Tensor:
    """The heads side by side, as W^p wants them: [b, heads, n, d] -> [b, n, (heads d)]."""
    return rearrange(attended, "b heads n d -> b n (heads d)")


def partition(x: Tensor, layout: Layout) -> Tensor:
    """Eq. 6: cut the map into windows of i x j tokens, row by row.

    [b, c, h, w] -> [(b gh gw), (i j), c]. Where a window hangs over the edge of the map it is padded with zeros, which
    `window_mask` hides.

    The order inside the parentheses is the meaning: `(gh i)` takes i *neighbours* into a window. `(i gh)` would have the same
    shapes and give a dilated grid, every gh-th token: wrong, and silent.
    """
    if by_index.needed(layout):
        return by_index.partition(x, layout)
    if any(layout.overhang):
        x = F.pad(x, layout.overhang)
    return rearrange(x, "b c (gh i) (gw j) -> (b gh gw) (i j) c", i=layout.i, j=layout.j)


def merge(x1: Tensor, layout: Layout) -> Tensor:
    """Eq. 8: put the windows back on the map and drop the padding, so that `merge(partition(x, layout), layout)` is x.

    [(b gh gw), (i j), c] -> [b, c, h, w].
    """
    if by_index.needed(layout):
        return by_index.merge(x1, layout)
    (left, _, top, _), (gh, gw) = layout.overhang, layout.grid
    x = rearrange(x1, "(b gh gw) (i j) c -> b (gh i) (gw j) c", gh=gh, gw=gw, i=layout.i, j=layout.j)
    return rearrange(x[:, top : top + layout.h, left : left + layout.w], "b h w c -> b c h w")


def window_mask(x: Tensor, layout: Layout) -> Tensor | None:
    """True for the keys of `partition(x, layout)` that are tokens, not padding: [(b gh gw), 1, 1, (i j)]; None if all are."""
    if by_index.needed(layout):
        return by_index.window_mask(x, layout)
    if not any(layout.overhang):
        return None
    left, right, top, bottom = layout.overhang
    down, across = (torch.ones(x.shape[0], side, dtype=torch.bool, device=x.device) for side in (layout.h, layout.w))
    down = rearrange(F.pad(down, (top, bottom)), "b (gh i) -> b gh 1 i 1", i=layout.i)
    across = rearrange(F.pad(across, (left, right)), "b (gw j) -> b 1 gw 1 j", j=layout.j)
    return rearrange(down & across, "b gh gw i j -> (b gh gw) 1 1 (i j)")


def pool(x: Tensor, side: int) -> Tensor:
    """Eq. 10: average each cell of side x side tokens; a partial cell averages the tokens that it has (the release drops partial cells).

    [b, c, h, w] -> [b, c, ceil(h / side), ceil(w / side)].
    """
    return F.avg_pool2d(x, side, ceil_mode=True, count_include_pad=False) if side > 1 else x


class MHSA(nn.Module):
    """Plain multi-head self-attention, Eqs. 1 to 3: the paper's stage 5, whose map is small enough (section 4.1).

    It has one step instead of two, and so lacks H-MHSA's second projections `q` and `kv` and the norms `grid_norm` and `ds_norm`.
    """

    def __init__(self, channels: int, head_dim: int, norm: Callable[[int], nn.Module]):
        super().__init__()
        self.head_dim = head_dim
        self.norm = norm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)  # with biases here and below, as released; the paper's W have none
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor, explicit: bool = False, trace: Trace | None = None) -> Tensor:
        """A W^p of Eq. 3, without its "+ X", which the block adds: x [b, c, h, w] -> [b, c, h, w]. `trace` takes q, k and p."""
        h = x.shape[-2]
        # Eq. 1. The release normalises first: Q, K and V read norm(X).
        q, k, v = split_heads(self.qkv(rearrange(self.norm(x), "b c h w -> b (h w) c")), 3, self.head_dim)
        # Eq. 2.
        a, p = attend(q, k, v, explicit=explicit)
        if trace:
            trace.keep(q=q, k=k, p=p)
        # Eq. 3 without its "+ X".
        return rearrange(self.proj(join_heads(a)), "b (h w) c -> b c h w", h=h)


class HMHSA(nn.Module):
    """Hierarchical multi-head self-attention, Eqs. 6 to 14. No weight depends on G1 or G2."""

    mechanism, layout_kinds = "hierarchical", ("window", "pooled")  # of the local and the global step; `mechanisms.py` has others

    def __init__(self, channels: int, head_dim: int, norm: Callable[[int], nn.Module]):
        super().__init__()
        self.head_dim = head_dim
        # All four linear layers have biases, as released; the paper's W have none.
        self.norm = norm(channels)  # the release's: on X, before Eq. 7
        self.qkv = nn.Linear(channels, 3 * channels)  # W1^q, W1^k, W1^v: output channels are (q,k,v) x heads x head_dim
        self.grid_norm = norm(channels)  # the release's: on A1, after Eq. 9
        self.ds_norm = norm(channels)  # the release's: on the pooled map, after Eq. 10
        self.q = nn.Linear(channels, channels)  # W2^q
        self.kv = nn.Linear(channels, 2 * channels)  # W2^k, W2^v: output channels are (k,v) x heads x head_dim
        self.proj = nn.Linear(channels, channels)  # W^p
        # The release also makes a `proj_norm` here and never uses it; we do not make it.

    def forward(self, x: Tensor, g1: int, g2: int, explicit: bool = False, trace: Trace | None = None) -> Tensor:
        """(A1 + A2) W^p of Eq. 14, without its "+ X", which the block adds: x [b, c, h, w] -> [b, c, h, w].

        g1, g2: sides of window and pooled cell, in tokens. `trace` takes the tensors of every equation.
        """
        h, w = x.shape[-2:]
        windows, cells = self.layouts(h, w, g1, g2)
        a1 = self.local_step(x, windows, explicit, trace)
        a2 = self.global_step(a1, cells, explicit, trace)
        # Eq. 14 without its "+ X".
        out = rearrange(self.proj(rearrange(a1 + a2, "b c h w -> b h w c")), "b h w c -> b c h w")
        if trace:
            trace.keep(x=x, a1=a1, a2=a2, out=out)
        return out

    def layouts(self, h: int, w: int, g1: int, g2: int) -> tuple[Layout, Layout]:
        """The layout of the local and of the global step on a map of h x w tokens. Raises ValueError for an unknown kind."""
        local, across = (layout_of(kind, h, w, g1, g2) for kind in self.layout_kinds)
        return local, across

    def local_step(self, x: Tensor, layout: Layout, explicit: bool, trace: Trace | None) -> Tensor:
        """Each token attends to the tokens of its own window: x -> A1, both [b, c, h, w]."""
        # Eq. 6. The release normalises first: Q1, K1 and V1 read norm(X). One group spans the whole map, so that its mean and
        # variance let every token of the image weakly into every window.
        x1 = partition(self.norm(x), layout)
        # Eq. 7.
        q1, k1, v1 = split_heads(self.qkv(x1), 3, self.head_dim)
        # Eq. 2 in each window; in a partial one, over its tokens and not the padding (the release fails on those).
        attended, p1 = attend(q1, k1, v1, window_mask(x, layout), explicit)
        # Eq. 8.
        local = merge(join_heads(attended), layout)
        # Eq. 9. The residual is the block's input X, not norm(X).
        joined = local + x
        if trace:
            trace.keep(x1=x1, q1=q1, k1=k1, v1=v1, p1=p1, local=local, joined=joined)
        # The release then normalises over the whole grid of tokens: the sum with X has any scale, and Eqs. 10 to 14 read it.
        return self.grid_norm(joined)

    def global_step(self, a1: Tensor, layout: Layout, explicit: bool, trace: Trace | None) -> Tensor:
        """Each token attends to the pooled cells of the whole map: A1 -> A2, both [b, c, h, w]."""
        # Eq. 10. The release normalises the result.
        pooled = self.ds_norm(pool(a1, layout.pool))
        # Eq. 11.
        rows, keys = (rearrange(x, "b c h w -> b (h w) c") for x in (a1, pooled))
        # Eq. 12.
        (q2,), (k2, v2) = split_heads(self.q(rows), 1, self.head_dim), split_heads(self.kv(keys), 2, self.head_dim)
        # Eq. 2 over the pooled cells.
        attended, p2 = attend(q2, k2, v2, explicit=explicit)
        if trace:
            trace.keep(pooled=pooled, rows=rows, keys=keys, q2=q2, k2=k2, v2=v2, p2=p2)
        # Eq. 13.
        return rearrange(join_heads(attended), "b (h w) c -> b c h w", h=layout.h)
