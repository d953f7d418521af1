"""The mechanisms that the paper compares H-MHSA with, put into its two steps: same layers, same weights, other keys.

Each class changes only which keys a token attends to (`config.MECHANISMS`), so that an ablation compares that and nothing else.
Checkpoints of all of them have the same names and shapes.
"""

import torch
from einops import rearrange
from torch import Tensor, nn

from hatnet import attention
from hatnet.attention import HMHSA, MHSA, join_heads, merge, partition, pool, split_heads, window_mask
from hatnet.geometry import Layout
from hatnet.trace import Trace

for name in ("rearrange", "partition", "merge", "window_mask", "pool"):
    torch.fx.wrap(name)  # as in attention.py


class WindowedTwice(HMHSA):
    """Windows in both steps, and no pooling."""

    mechanism = "window"

    def global_step(self, a1: Tensor, layout: Layout, explicit: bool, trace: Trace | None) -> Tensor:
        """As in H-MHSA, but queries and keys are those of each window."""
        pooled = self.ds_norm(a1)
        rows, keys = partition(a1, layout), partition(pooled, layout)
        (q2,), (k2, v2) = split_heads(self.q(rows), 1, self.head_dim), split_heads(self.kv(keys), 2, self.head_dim)
        attended, p2 = attention.attend(q2, k2, v2, window_mask(a1, layout), explicit)
        if trace:
            trace.keep(pooled=pooled, rows=rows, keys=keys, q2=q2, k2=k2, v2=v2, p2=p2)
        return merge(join_heads(attended), layout)


class ShiftedWindows(WindowedTwice):
    """Swin's pair: windows, then windows shifted by half a window."""

    mechanism = "shifted_window"


class PooledTwice(HMHSA):
    """PVT's idea, with average pooling: pooled cells of the whole map in both steps."""

    mechanism = "pooled"

    def local_step(self, x: Tensor, layout: Layout, explicit: bool, trace: Trace | None) -> Tensor:
        """As in H-MHSA, but with one window, the whole map, and K1 and V1 of its pooled cells.

        K1 and V1 are averaged instead of norm(X), which is the same: the mean of linear maps is the linear map of the mean.
        """
        x1, c = partition(self.norm(x), layout), x.shape[1]
        queries, tokens = self.qkv(x1).split([c, 2 * c], dim=-1)
        cells = pool(rearrange(tokens, "b (h w) c -> b c h w", h=layout.h), layout.pool)
        (q1,) = split_heads(queries, 1, self.head_dim)
        k1, v1 = split_heads(rearrange(cells, "b c h w -> b (h w) c"), 2, self.head_dim)
        attended, p1 = attention.attend(q1, k1, v1, explicit=explicit)
        local = merge(join_heads(attended), layout)
        joined = local + x
        if trace:
            trace.keep(x1=x1, q1=q1, k1=k1, v1=v1, p1=p1, local=local, joined=joined)
        return self.grid_norm(joined)


class FullTwice(HMHSA):
    """Plain attention in both steps: one window as large as the map, then cells of a single token."""

    mechanism = "full"


HIERARCHICAL: dict[str, type[HMHSA]] = {layer.mechanism: layer for layer in (HMHSA, WindowedTwice, ShiftedWindows, PooledTwice, FullTwice)}


def layer_of(mechanism: str) -> type[HMHSA]:
    """The attention layer of a mechanism. Raises ValueError for an unknown one."""
    if mechanism not in HIERARCHICAL:
        raise ValueError(f"unknown mechanism {mechanism!r}; the choices are {', '.join(HIERARCHICAL)}")
    return HIERARCHICAL[mechanism]


def check_mechanism(attn: nn.Module) -> None:
    """Raise ValueError for an attention layer that is not MHSA and not in HIERARCHICAL: nothing tells where its keys lie."""
    if type(attn) is MHSA:
        return
    if type(attn) is not HIERARCHICAL.get(getattr(attn, "mechanism", "")):
        raise ValueError(
            f"{type(attn).__qualname__} is not an attention layer of hatnet, so nothing tells which keys its weights belong to; "
            "enter it in hatnet.ablations.HIERARCHICAL under a mechanism of its own"
        )
