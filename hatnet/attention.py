"""Attention as in the paper, in its order and its symbols: MHSA (Eqs. 1 to 3) and H-MHSA (Eqs. 6 to 14).

"The release" is the authors' published model; where it departs from the paper's text, the line says so.

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
    Q2           q2           b heads (h w) d                  every token asks ...                          Eq. 12
    K2 V2        k2 v2        b heads m d                      ... the m pooled cells                        Eq. 12
    A2           a2           b c h w                          global attention                              Eq. 13
    W^q W^k W^v  qkv          linear layer                     output channels ordered (q,k,v) x heads x d   Eqs. 1, 7
    W^q W^k W^v  q, kv        linear layers                    ordered heads x d, and (k,v) x heads x d      Eq. 12
    W^p          proj         linear layer                     mixes the heads of A1 + A2                    Eqs. 3, 14
    Omega        .            multiply-accumulates             in `complexity.py`                            Eqs. 5, 15

Maps are `b c h w` in channels-last memory (the model sees to that): the channels of one token lie together, so turning a map
into rows of tokens (`b (h w) c`, what the equations multiply by W) moves nothing.

G1 and G2 carry no weights: they only say which tokens are grouped, and every W is applied to single tokens. So they are
arguments of the call, and a trained model runs with others.

What the counts leave out. Eq. 15 counts Q, K, V and the two products of Eq. 2, for the local and for the global step; it omits
W^p, the norms, the softmax and the pooling. The paper's "#FLOPs" are multiply-accumulates, and of those only the ones of
convolutions and linear layers: without the attention products QK^T and AV, 5 to 8 % of them at 224 x 224 (`python -m hatnet`).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

from hatnet.config import REACHES


def group_norm(channels: int) -> nn.GroupNorm:
    """The release's only norm: one group, so mean and variance run over all channels *and all tokens* of an image."""
    return nn.GroupNorm(1, channels, eps=1e-6)


class TokenNorm(nn.LayerNorm):
    """Layer norm over the channels of each token of a map [b, c, h, w]. Unlike in `group_norm`, no token hears of another."""

    def __init__(self, channels: int):
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return rearrange(super().forward(rearrange(x, "b c h w -> b h w c")), "b h w c -> b c h w")


NORMS: dict[str, Callable[[int], nn.Module]] = {"group": group_norm, "layer": TokenNorm}


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax(Q K^T / sqrt(d)) of Eq. 2.

    query [..., n, d], key [..., m, d] -> [..., n, m], probabilities: each row sums to 1.
    mask, broadcast to [..., n, m], is True where a key may be seen.
    """
    scores = query @ key.mT * query.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(dim=-1)


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, explicit: bool = False) -> tuple[Tensor, Tensor | None]:
    """Eq. 2, for every head: A = Softmax(Q K^T / sqrt(d)) V, and the weights if they were computed.

    query [..., n, d], key and value [..., m, d] -> A [..., n, d], weights [..., n, m] or None.
    Fused by default: the kernel does not lay out the n x m weights in memory. `explicit=True` does: `maps.attention_maps` and
    `walk.walk` ask for it to see them, the trainer on a CPU in bfloat16 because the fused kernel's backward pass is slower there.
    """
    if explicit:
        weights = attention_weights(query, key, mask)
        return weights @ value, weights
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask), None


class Layout(NamedTuple):
    """Who asks whom: the queries of a window of i x j tokens ask its tokens, or, where pool > 1, the pooled cells of the map."""

    i: int  # height of the window, in tokens; the whole map for a pooled or full reach
    j: int  # its width
    down: int  # how far the windows are moved down and across, in tokens: 0, or half a window
    across: int
    pool: int  # side of a pooled cell, in tokens; 1: no pooling


def layout_of(word: str, g1: int, g2: int, h: int, w: int) -> Layout:
    """The geometry of a reach on a map of h x w tokens: "window", "shifted_window", "pooled" or "full"."""
    if word in ("pooled", "full"):
        return Layout(h, w, 0, 0, g2 if word == "pooled" else 1)
    i, j = min(g1, h), min(g1, w)  # a G1 beyond the map means one window
    if word == "window":
        return Layout(i, j, 0, 0, 1)
    return Layout(i, j, i // 2 if i < h else 0, j // 2 if j < w else 0, 1)  # one window has nowhere to move, as in Swin


def partition(x: Tensor, layout: Layout) -> Tensor:
    """Eq. 6: cut the map into windows of i x j tokens, from the top left (of the first shifted window, if they are shifted).

    [b, c, h, w] -> [(b gh gw), (i j), c]. A window that hangs over the edge is filled up with zeros, which `window_mask` hides.

    The order inside the parentheses is the meaning: `(gh i)` takes i *neighbours* into a window. `(i gh)` would have the same
    shapes and give a dilated grid, every gh-th token: wrong, and silent.
    """
    if any(fill := _overhang(layout, *x.shape[-2:])):
        x = F.pad(x, fill)
    return rearrange(x, "b c (gh i) (gw j) -> (b gh gw) (i j) c", i=layout.i, j=layout.j)


def merge(x1: Tensor, layout: Layout, h: int, w: int) -> Tensor:
    """Eq. 8: put the windows back on the map, and drop what `partition` filled up.

    [(b gh gw), (i j), c] -> [b, c, h, w]; `merge(partition(x, layout), layout, h, w)` is x.
    """
    left, right, top, bottom = _overhang(layout, h, w)
    gh, gw = (h + top + bottom) // layout.i, (w + left + right) // layout.j
    x = rearrange(x1, "(b gh gw) (i j) c -> b (gh i) (gw j) c", gh=gh, gw=gw, i=layout.i, j=layout.j)
    return rearrange(x[:, top : top + h, left : left + w], "b h w c -> b c h w")


def window_mask(x: Tensor, layout: Layout) -> Tensor | None:
    """True for the real keys of each window of `partition(x, layout)`: [(b gh gw), 1, 1, (i j)]; None if all are real."""
    b, _, h, w = x.shape
    if not any(_overhang(layout, h, w)):
        return None
    real = partition(torch.ones(1, 1, h, w, dtype=torch.bool, device=x.device), layout)
    return repeat(real, "windows m 1 -> (b windows) 1 1 m", b=b)


def pool(x: Tensor, side: int) -> Tensor:
    """Eq. 10: average each cell of side x side tokens; a partial cell averages its real tokens only.

    [b, c, h, w] -> [b, c, ceil(h / side), ceil(w / side)].
    """
    return F.avg_pool2d(x, side, ceil_mode=True, count_include_pad=False) if side > 1 else x


def key_rows(x: Tensor, layout: Layout) -> Tensor:
    """The rows that each window asks: all cells of a pooled map, or the tokens of the window itself."""
    return partition(x, layout) if layout.pool == 1 else rearrange(x, "b c h w -> b (h w) c")


def _overhang(layout: Layout, h: int, w: int) -> tuple[int, int, int, int]:
    """Tokens by which the windows hang over the map: left, right, top, bottom."""
    top, left = -layout.down % layout.i, -layout.across % layout.j
    return left, -(w + left) % layout.j, top, -(h + top) % layout.i


class MHSA(nn.Module):
    """Plain multi-head self-attention, Eqs. 1 to 3: the paper's stage 5, whose map is small enough (section 4.1).

    One step instead of two, so of H-MHSA's layers the second projections `q`, `kv` and the norms `grid_norm`, `ds_norm` are missing.
    """

    def __init__(self, channels: int, head_dim: int, norm: Callable[[int], nn.Module]):
        super().__init__()
        self.head_dim = head_dim
        self.norm = norm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor, explicit: bool = False, seen: dict[str, Tensor | None] | None = None) -> Tensor:
        """A W^p of Eq. 3, without its "+ X", which the block adds: x [b, c, h, w] -> [b, c, h, w].

        `seen`, if given, is filled with q, k and p, the weights of the softmax (None unless `explicit`).
        """
        h = x.shape[-2]
        # Eq. 1. The release normalises first: Q, K and V read norm(X).
        rows = rearrange(self.norm(x), "b c h w -> b (h w) c")
        q, k, v = rearrange(self.qkv(rows), "b n (three heads d) -> three b heads n d", three=3, d=self.head_dim)
        # Eq. 2.
        a, p = attend(q, k, v, explicit=explicit)
        if seen is not None:
            seen.update(q=q, k=k, p=p)
        # Eq. 3 without its "+ X".
        a = self.proj(rearrange(a, "b heads n d -> b n (heads d)"))
        return rearrange(a, "b (h w) c -> b c h w", h=h)


class HMHSA(nn.Module):
    """Hierarchical multi-head self-attention, Eqs. 6 to 14. No weight depends on G1 or G2.

    `attention` names the reach of the local and of the global step (`config.REACHES`). The paper's is "hierarchical": window,
    then pooled. The others put the mechanisms it compares against into the same two steps with the same weights, so that an
    ablation compares reach and nothing else.
    """

    def __init__(self, channels: int, head_dim: int, norm: Callable[[int], nn.Module], attention: str):
        super().__init__()
        self.head_dim = head_dim
        self.reaches = REACHES[attention]
        self.norm = norm(channels)  # the release's: on X, before Eq. 7
        self.qkv = nn.Linear(channels, 3 * channels)  # W1^q, W1^k, W1^v: output channels are (q,k,v) x heads x head_dim
        self.grid_norm = norm(channels)  # the release's: on A1, after Eq. 9
        self.ds_norm = norm(channels)  # the release's: on the pooled map, after Eq. 10
        self.q = nn.Linear(channels, channels)  # W2^q
        self.kv = nn.Linear(channels, 2 * channels)  # W2^k, W2^v: output channels are (k,v) x heads x head_dim
        self.proj = nn.Linear(channels, channels)  # W^p
        # The release also makes a `proj_norm` here and never uses it; we do not make it.

    def forward(self, x: Tensor, g1: int, g2: int, explicit: bool = False, seen: dict[str, Tensor | None] | None = None) -> Tensor:
        """(A1 + A2) W^p of Eq. 14, without its "+ X", which the block adds: x [b, c, h, w] -> [b, c, h, w].

        g1, g2: sides of window and pooled cell, in tokens. `seen`, if given, is filled with the steps under the names below
        (p1 and p2, the weights of the two softmaxes, are None unless `explicit`). The comments tell of the paper's setting,
        "hierarchical" with the release's norm.
        """
        h, w = x.shape[-2:]
        layout1, layout2 = self.layouts(g1, g2, h, w)

        # Local: each token asks the tokens of its own window.
        # The release normalises first: Q1, K1 and V1 read norm(X). One group spans the whole map, so that its mean and
        # variance let every token of the image weakly into every window.
        normed = self.norm(x)
        # Eq. 6.
        x1 = partition(normed, layout1)
        # Eq. 7.
        q1, k1, v1 = self._local_qkv(x1, normed, layout1)
        # Eq. 2 in each window; in a partial one, over its real tokens only (the release fails on those).
        heads1, p1 = attend(q1, k1, v1, window_mask(x, layout1), explicit)
        # Eq. 8.
        local = merge(rearrange(heads1, "b heads n d -> b n (heads d)"), layout1, h, w)
        # Eq. 9. The residual is the block's input X, not norm(X).
        joined = local + x
        # The release then normalises over the whole grid of tokens: the sum with X has any scale, and Eqs. 10 to 14 read it.
        a1 = self.grid_norm(joined)

        # Global: each token asks the pooled cells of the whole map.
        # Eq. 10. The release normalises the result.
        pooled = self.ds_norm(pool(a1, layout2.pool))
        # Eq. 11. The whole map is one window here.
        rows, keys = partition(a1, layout2), key_rows(pooled, layout2)
        # Eq. 12.
        (q2,), (k2, v2) = self._heads(self.q(rows), 1), self._heads(self.kv(keys), 2)
        # Eq. 2 over the pooled cells.
        heads2, p2 = attend(q2, k2, v2, window_mask(x, layout2), explicit)
        # Eq. 13.
        a2 = merge(rearrange(heads2, "b heads n d -> b n (heads d)"), layout2, h, w)

        # Eq. 14 without its "+ X".
        out = rearrange(self.proj(rearrange(a1 + a2, "b c h w -> b h w c")), "b h w c -> b c h w")
        if seen is not None:
            seen.update(x=x, x1=x1, q1=q1, k1=k1, v1=v1, p1=p1, local=local, joined=joined, a1=a1, pooled=pooled)
            seen.update(rows=rows, keys=keys, q2=q2, k2=k2, v2=v2, p2=p2, a2=a2, out=out)
        return out

    def layouts(self, g1: int, g2: int, h: int, w: int) -> tuple[Layout, Layout]:
        """The reach of the local and of the global step on a map of h x w tokens."""
        return tuple(layout_of(word, g1, g2, h, w) for word in self.reaches)

    def _local_qkv(self, x1: Tensor, normed: Tensor, layout: Layout) -> tuple[Tensor, ...]:
        """Q1, K1, V1 of Eq. 7. (If the local step reaches for pooled cells, K1 and V1 read those.)"""
        if layout.pool == 1:
            return tuple(self._heads(self.qkv(x1), 3))
        c = x1.shape[-1]
        keys = F.linear(key_rows(pool(normed, layout.pool), layout), self.qkv.weight[c:], self.qkv.bias[c:])
        return *self._heads(F.linear(x1, self.qkv.weight[:c], self.qkv.bias[:c]), 1), *self._heads(keys, 2)

    def _heads(self, projected: Tensor, parts: int) -> Tensor:
        """Channels (parts x heads x head_dim) -> [parts, b, heads, n, d]."""
        return rearrange(projected, "b n (parts heads d) -> parts b heads n d", parts=parts, d=self.head_dim)
