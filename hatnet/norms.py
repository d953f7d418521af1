"""The norms of HAT-Net: the release's, over a whole image, and one over single tokens."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

for name in ("rearrange", "whole_image_norm"):
    torch.fx.wrap(name)


class ImageNorm(nn.GroupNorm):
    """Group norm with one group, by the kernel that suits the device: the same sums everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        return whole_image_norm(x, self.weight, self.bias, self.eps)


def whole_image_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Mean 0 and variance 1 over all channels and tokens of each image, then a factor and a shift for each channel: x [b, c, h, w]."""
    return over_rows(x, weight, bias, eps) if x.is_cuda else F.group_norm(x, 1, weight, bias, eps)


def over_rows(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """`whole_image_norm` as a layer norm over one long row for each image.

    CUDA's group norm wants the tokens of one channel together: for a map in channels-last memory that is a copy before it, and one
    after it for the linear layer that follows.
    """
    rows = rearrange(x, "b c h w -> b h w c")
    return rearrange(torch.addcmul(bias, F.layer_norm(rows, rows.shape[1:], eps=eps), weight), "b h w c -> b c h w")


def group_norm(channels: int) -> ImageNorm:
    """The release's only norm: one group, so mean and variance run over all channels *and all tokens* of an image."""
    return ImageNorm(1, channels, eps=1e-6)


class TokenNorm(nn.LayerNorm):
    """Layer norm over the channels of each token of a map [b, c, h, w]. Unlike `group_norm`, it lets no token influence another."""

    def __init__(self, channels: int):
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return rearrange(super().forward(rearrange(x, "b c h w -> b h w c")), "b h w c -> b c h w")


NORMS: dict[str, Callable[[int], nn.Module]] = {"group": group_norm, "layer": TokenNorm}
