"""Attention as in the paper, in its order and its symbols: MHSA (Eqs. 1 to 3) and H-MHSA (Eqs. 6 to 14).

Axes, everywhere in this package
    b       images in the batch              c       channels
    h w     tokens down and across           heads d the channels of one token, head by head (c = heads * d)
    gh gw   which window                     i j     the place inside a window
    n m     queries and keys, flattened

The paper's symbols, our names and their shapes
    X       x            b c h w                           input of the block
    X1      x1           (b gh gw) (i j) c                 X cut into G1 x G1 windows             Eq. 6
    Q1 K1 V1 q1 k1 v1    (b gh gw) heads (i j) d           inside each window                     Eq. 7
    A1      a1           b c h w                           local attention, back on the map       Eqs. 8, 9
    ^A1     pooled       b c ceil(h/G2) ceil(w/G2)         A1, averaged over G2 x G2 cells        Eq. 10
    Q2      q2           b heads (h w) d                   every token asks ...                   Eq. 12
    K2 V2   k2 v2        b heads m d                       ... the m pooled cells                 Eq. 12
    A2      a2           b c h w                           global attention                       Eq. 13
    W^p     proj         c c                               mixes the heads of A1 + A2             Eq. 14

Maps are `b c h w` in channels-last memory: the channels of one token lie together, so turning a map into rows of tokens
(`b (h w) c`, what the equations multiply by W) moves nothing.

G1 and G2 carry no weights: they only say which tokens are grouped. They are arguments of the call.
"""

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn


def group_norm(channels: int) -> nn.GroupNorm:
    """The release's only norm: one group, so mean and variance run over all channels *and all tokens* of an image."""
    return nn.GroupNorm(1, channels, eps=1e-6)


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
    The fused kernel never lays out the n x m weights in memory; `explicit=True` does, because someone wants to see them (or
    because on a CPU in bfloat16 the backward pass of the fused kernel is the slower one).
    """
    if explicit:
        weights = attention_weights(query, key, mask)
        return weights @ value, weights
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask), None


def partition(x: Tensor, i: int, j: int) -> Tensor:
    """Eq. 6: cut the map into windows of i x j tokens, from the top left.

    [b, c, h, w] -> [(b gh gw), (i j), c]. Where i or j does not divide the map, the last windows are filled up with zeros,
    which `window_mask` hides.

    The order inside the parentheses is the meaning: `(gh i)` takes i *neighbours* into a window. `(i gh)` would have the same
    shapes and give a dilated grid, every gh-th token: wrong, and silent.
    """
    h, w = x.shape[-2:]
    if h % i or w % j:
        x = F.pad(x, (0, -w % j, 0, -h % i))
    return rearrange(x, "b c (gh i) (gw j) -> (b gh gw) (i j) c", i=i, j=j)


def window_mask(x: Tensor, i: int, j: int) -> Tensor | None:
    """True for the real keys of each window of `partition(x, i, j)`: [(b gh gw), 1, 1, (i j)]; None if all are real."""
    b, _, h, w = x.shape
    if h % i == 0 and w % j == 0:
        return None
    real = partition(torch.ones(1, 1, h, w, dtype=torch.bool, device=x.device), i, j)
    return repeat(real, "windows m 1 -> (b windows) 1 1 m", b=b)


def merge(x1: Tensor, i: int, j: int, h: int, w: int) -> Tensor:
    """Eq. 8: put the windows back on the map, and drop what `partition` filled up.

    [(b gh gw), (i j), c] -> [b, c, h, w]; `merge(partition(x, i, j), i, j, h, w)` is x.
    """
    x = rearrange(x1, "(b gh gw) (i j) c -> b (gh i) (gw j) c", gh=-(-h // i), gw=-(-w // j), i=i, j=j)
    return rearrange(x[:, :h, :w], "b h w c -> b c h w")


class MHSA(nn.Module):
    """Plain multi-head self-attention, Eqs. 1 to 3, for the stage whose map is small enough (the paper's stage 5).

    It has no local step, so of H-MHSA's layers `grid_norm`, `ds_norm`, `q` and `kv` are missing.
    """

    def __init__(self, channels: int, head_dim: int):
        super().__init__()
        self.head_dim = head_dim
        self.norm = group_norm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)  # W^q, W^k, W^v side by side: output channels are (q,k,v) x heads x head_dim
        self.proj = nn.Linear(channels, channels)  # W^p

    def forward(self, x: Tensor, explicit: bool = False, seen: dict[str, Tensor | None] | None = None) -> Tensor:
        """x [b, c, h, w] -> A W^p of Eq. 3, [b, c, h, w]; the block adds X. `seen`, if given, is filled with q, k and the weights p."""
        h = x.shape[-2]
        # Eq. 1. The release normalises first: Q, K and V read norm(X).
        tokens = rearrange(self.norm(x), "b c h w -> b (h w) c")
        q, k, v = rearrange(self.qkv(tokens), "b n (three heads d) -> three b heads n d", three=3, d=self.head_dim)
        # Eq. 2.
        a, p = attend(q, k, v, explicit=explicit)
        if seen is not None:
            seen.update(q=q, k=k, p=p)
        # Eq. 3 without its "+ X".
        a = self.proj(rearrange(a, "b heads n d -> b n (heads d)"))
        return rearrange(a, "b (h w) c -> b c h w", h=h)


class HMHSA(nn.Module):
    """Hierarchical multi-head self-attention, Eqs. 6 to 14. No weight depends on G1 or G2."""

    def __init__(self, channels: int, head_dim: int):
        super().__init__()
        self.head_dim = head_dim
        self.norm = group_norm(channels)  # the release's: on X, before Eq. 7
        self.qkv = nn.Linear(channels, 3 * channels)  # W1^q, W1^k, W1^v: output channels are (q,k,v) x heads x head_dim
        self.grid_norm = group_norm(channels)  # the release's: on A1, after Eq. 9
        self.ds_norm = group_norm(channels)  # the release's: on the pooled map, after Eq. 10
        self.q = nn.Linear(channels, channels)  # W2^q
        self.kv = nn.Linear(channels, 2 * channels)  # W2^k, W2^v: output channels are (k,v) x heads x head_dim
        self.proj = nn.Linear(channels, channels)  # W^p
        # The release also makes a `proj_norm` here and never uses it; we do not make it.

    def forward(self, x: Tensor, g1: int, g2: int, explicit: bool = False, seen: dict[str, Tensor | None] | None = None) -> Tensor:
        """(A1 + A2) W^p of Eq. 14, without its "+ X", which the block adds.

        x [b, c, h, w] -> [b, c, h, w]. g1, g2: sides of window and pooled cell, in tokens. `seen`, if given, is filled with
        the queries q1, q2, the keys k1, k2 and, with `explicit`, the weights p1, p2 of the two softmaxes.
        """
        h, w = x.shape[-2:]
        i, j = min(g1, h), min(g1, w)  # a G1 beyond the map means one window

        # Local: each token asks the tokens of its own window.
        # Eq. 6. The release normalises first: Q1, K1 and V1 read norm(X). Yet one group spans the whole map, so its mean and
        # variance let every token of the image weakly into every window.
        x1 = partition(self.norm(x), i, j)
        # Eq. 7.
        q1, k1, v1 = rearrange(self.qkv(x1), "b n (three heads d) -> three b heads n d", three=3, d=self.head_dim)
        # Eq. 2 in each window; in a partial one, over its real tokens only (the release fails on those).
        a1, p1 = attend(q1, k1, v1, window_mask(x, i, j), explicit)
        # Eq. 8.
        a1 = merge(rearrange(a1, "b heads n d -> b n (heads d)"), i, j, h, w)
        # Eq. 9. The residual is the block's input X, not norm(X). The release then normalises A1 (`grid_norm`), and it is
        # this A1 that Eqs. 10 to 14 read.
        a1 = self.grid_norm(a1 + x)

        # Global: each token asks the pooled cells of the whole map.
        # Eq. 10. A partial cell averages its real tokens only; the release normalises the result (`ds_norm`).
        pooled = self.ds_norm(F.avg_pool2d(a1, g2, ceil_mode=True, count_include_pad=False))
        # Eqs. 11 and 12.
        q2 = rearrange(self.q(rearrange(a1, "b c h w -> b (h w) c")), "b n (heads d) -> b heads n d", d=self.head_dim)
        kv = self.kv(rearrange(pooled, "b c h w -> b (h w) c"))
        k2, v2 = rearrange(kv, "b m (two heads d) -> two b heads m d", two=2, d=self.head_dim)
        # Eq. 2, then Eq. 13.
        a2, p2 = attend(q2, k2, v2, explicit=explicit)
        a2 = rearrange(a2, "b heads (h w) d -> b (heads d) h w", h=h)

        if seen is not None:
            seen.update(q1=q1, k1=k1, p1=p1, q2=q2, k2=k2, p2=p2)
        # Eq. 14 without its "+ X".
        return rearrange(self.proj(rearrange(a1 + a2, "b c h w -> b h w c")), "b h w c -> b c h w")
