"""The norms of HAT-Net: the release's, over a whole image, and one over single tokens."""

from collections.abc import Callable

import torch
from einops import rearrange
from torch import Tensor, nn

torch.fx.wrap("rearrange")


def group_norm(channels: int) -> nn.GroupNorm:
    """The release's only norm: one group, so mean and variance run over all channels *and all tokens* of an image."""
    return nn.GroupNorm(1, channels, eps=1e-6)


class TokenNorm(nn.LayerNorm):
    """Layer norm over the channels of each token of a map [b, c, h, w]. Unlike `group_norm`, it lets no token influence another."""

    def __init__(self, channels: int):
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return rearrange(super().forward(rearrange(x, "b c h w -> b h w c")), "b h w c -> b c h w")


NORMS: dict[str, Callable[[int], nn.Module]] = {"group": group_norm, "layer": TokenNorm}
