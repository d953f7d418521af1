"""The mechanisms that the paper compares H-MHSA with, put into its two steps: same layers, same weights, other keys. And H-MHSA with one of
its steps knocked out.

Each class changes only which keys a token attends to (`mechanisms.py` says which), so that an ablation compares that and nothing else.
Checkpoints of all of them have the same names and shapes.
"""

from copy import deepcopy

import torch
from einops import rearrange
from torch import Tensor, nn

from hatnet import attention
from hatnet.attention import HMHSA, join_heads, merge, partition, pool, split_heads, window_mask
from hatnet.geometry import Layout
from hatnet.trace import Trace

for name in ("rearrange", "partition", "merge", "window_mask", "pool"):
    torch.fx.wrap(name)  # as in attention.py


class AnyKeys(HMHSA):
    """H-MHSA's two steps, each over windows or over pooled cells, as its layout says."""

    def local_step(self, x: Tensor, layout: Layout, explicit: bool, trace: Trace | None) -> Tensor:
        """As in H-MHSA; over pooled cells, with one window, the whole map, and K1 and V1 of its cells.

        K1 and V1 are averaged instead of norm(X), which is the same: the mean of linear maps is the linear map of the mean.
        """
        if self.layout_kinds[0] != "pooled":
            return super().local_step(x, layout, explicit, trace)
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

    def global_step(self, a1: Tensor, layout: Layout, explicit: bool, trace: Trace | None) -> Tensor:
        """As in H-MHSA; over windows, with the queries and the keys of each window, and no pooling."""
        if self.layout_kinds[1] in ("pooled", "full"):
            return super().global_step(a1, layout, explicit, trace)
        pooled = self.ds_norm(a1)
        rows, keys = partition(a1, layout), partition(pooled, layout)
        (q2,), (k2, v2) = split_heads(self.q(rows), 1, self.head_dim), split_heads(self.kv(keys), 2, self.head_dim)
        attended, p2 = attention.attend(q2, k2, v2, window_mask(a1, layout), explicit)
        if trace:
            trace.keep(pooled=pooled, rows=rows, keys=keys, q2=q2, k2=k2, v2=v2, p2=p2)
        return merge(join_heads(attended), layout)


class WindowedTwice(AnyKeys):
    """Windows in both steps."""


class ShiftedWindows(AnyKeys):
    """Swin's pair: windows, then windows shifted by half a window."""


class PooledTwice(AnyKeys):
    """PVT's idea, with average pooling: pooled cells of the whole map in both steps."""


class FullTwice(AnyKeys):
    """Plain attention in both steps: one window as large as the map, then cells of a single token."""


def without_step(model: nn.Module, step: str) -> nn.Module:
    """A copy of a model in whose hierarchical stages the "local" or the "global" step of attention brings nothing: its values are zero.

    What a knocked-out step would have added is exactly 0 (A1 of Eq. 8, or A2 of Eq. 13); residuals, norms and the other step go on as
    they are. Raises ValueError for another step, and for a model without two steps.
    """
    if step not in ("local", "global"):
        raise ValueError(f"there is no step {step!r} to leave out; the steps are local, global")
    copy = deepcopy(model)
    layers = [layer for layer in copy.modules() if isinstance(layer, HMHSA)]
    if not layers:
        raise ValueError("the model has no stage of two steps: all its attention is plain MHSA")
    for layer in layers:
        values = layer.qkv if step == "local" else layer.kv
        with torch.no_grad():  # V comes last: output channels are (q, k, v) or (k, v) x heads x d
            values.weight[-layer.proj.out_features :] = 0
            values.bias[-layer.proj.out_features :] = 0
    return copy
