"""The rest of Fig. 1: the MLP, the transformer block, the stem and the downsampling.

Axes as in `attention.py`: `b c h w` in channels-last memory. The release's 1 x 1 convolutions are linear layers over the channels
here: the same weights and the same sums, several times faster on a CPU.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from hatnet.attention import HMHSA, MHSA
from hatnet.config import Config
from hatnet.hooks import unobserved
from hatnet.mechanisms import layer_of
from hatnet.norms import NORMS
from hatnet.trace import Trace

torch.fx.wrap("rearrange")  # as in attention.py

STRIP = 2**23  # bytes of hidden channels to compute at once at inference on a CPU


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"silu": nn.SiLU, "gelu": nn.GELU}


def _overwriting(activation: Any) -> Any:
    """SiLU in the place of what it is given, which nothing else reads at inference; any other activation as it is."""
    return partial(F.silu, inplace=True) if type(activation) is nn.SiLU else activation


class MLP(nn.Module):
    """The MLP of Eq. 4 with a K x K depthwise convolution inside (section 3.3).

    As released: norm, 1 x 1 (C -> E C), SiLU, depthwise, SiLU, 1 x 1 (E C -> C), norm; no biases in the convolutions.
    Without the depthwise convolution (the paper's "pure transformer", section 4.4), its SiLU is left out too.
    """

    def __init__(self, config: Config, index: int):
        super().__init__()
        channels, kernel = config.dims[index], config.kernels[index]
        hidden = channels * config.expansions[index]
        self.norm = NORMS[config.norm](channels)
        self.expand = nn.Linear(channels, hidden, bias=False)
        self.expand_activation = ACTIVATIONS[config.activation]()
        self.depthwise = nn.Conv2d(hidden, hidden, kernel, padding=kernel // 2, groups=hidden, bias=False) if config.depthwise else None
        self.depthwise_activation = ACTIVATIONS[config.activation]() if config.depthwise else None
        self.reduce = nn.Linear(hidden, channels, bias=False)
        self.out_norm = NORMS[config.norm](channels)

    def forward(self, x: Tensor) -> Tensor:
        """x [b, c, h, w] -> [b, c, h, w]; the block adds the residual."""
        x = self.norm(x)
        layers = self.expand, self.expand_activation, self.depthwise, self.depthwise_activation, self.reduce
        if isinstance(x, torch.fx.Proxy) or not unobserved(*layers):
            x = self._between_norms(x, self.expand_activation, self.depthwise_activation)
        else:
            compute = self._in_strips if x.device.type == "cpu" else self._between_norms
            x = compute(x, _overwriting(self.expand_activation), _overwriting(self.depthwise_activation))
        return self.out_norm(x)

    def _between_norms(self, x: Tensor, activation: Callable, depthwise_activation: Callable | None) -> Tensor:
        x = activation(self.expand(rearrange(x, "b c h w -> b h w c")))
        if self.depthwise is not None and depthwise_activation is not None:
            x = depthwise_activation(self.depthwise(rearrange(x, "b h w c -> b c h w")))
            x = rearrange(x, "b c h w -> b h w c")
        return rearrange(self.reduce(x), "b h w c -> b c h w")

    def _in_strips(self, x: Tensor, activation: Callable, depthwise_activation: Callable | None) -> Tensor:
        """The same, a few images or rows at a time: on a CPU, allocating a tensor of all E C hidden channels takes longer than filling it.

        A GPU keeps freed memory at hand, and would wait for the many small kernels.
        """
        h, w = x.shape[-2:]
        row = w * self.expand.out_features * x.element_size()  # bytes of hidden channels
        if h * row <= STRIP:
            return torch.cat([self._between_norms(images, activation, depthwise_activation) for images in x.split(STRIP // (h * row))])
        if self.depthwise is not None and depthwise_activation is not None:
            return self._overlapping(x, STRIP // row, activation, self.depthwise, depthwise_activation)
        return torch.cat([self._between_norms(rows, activation, None) for rows in x.split(max(STRIP // row, 1), dim=2)], dim=2)

    def _overlapping(self, x: Tensor, rows: int, activation: Callable, depthwise: nn.Conv2d, depthwise_activation: Callable) -> Tensor:
        """The same, some `rows` rows at a time. Where two strips meet, the depthwise kernel reads rows of both: the last hidden rows of a
        strip are kept for the next, so that nothing is computed twice and the multiply-adds are those of the whole map."""
        halo, aside = ((kernel - 1) * step // 2 for kernel, step in zip(depthwise.kernel_size, depthwise.dilation, strict=True))
        parts = rearrange(x, "b c h w -> b h w c").split(max(rows, 4 * halo, 1), dim=1)
        strips: list[Tensor] = []
        for part in parts:
            hidden = activation(self.expand(part))
            if not strips:
                kept = padding = hidden.new_zeros(len(hidden), halo, *hidden.shape[2:])
            hidden = torch.cat([kept, hidden, *[padding] * (part is parts[-1])], dim=1)
            kept = hidden[:, hidden.shape[1] - 2 * halo :]
            hidden = rearrange(hidden, "b h w c -> b c h w")
            hidden = F.conv2d(hidden, depthwise.weight, depthwise.bias, 1, (0, aside), depthwise.dilation, depthwise.groups)
            strips.append(self.reduce(rearrange(depthwise_activation(hidden), "b c h w -> b h w c")))
        return rearrange(torch.cat(strips, dim=1), "b h w c -> b c h w")


class LayerScale(nn.Module):
    """A learned factor for each channel of a residual branch: x + diag(lambda) branch(x).

    Source: Touvron et al., "Going deeper with Image Transformers", ICCV 2021, Eq. (4). Like the residual's sum, its products are not among
    the MACs that `complexity.count` counts.
    """

    def __init__(self, channels: int, start: float):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), start))

    def forward(self, x: Tensor) -> Tensor:
        """x [b, c, h, w] -> the same shape."""
        return x * self.weight[:, None, None]


class Block(nn.Module):
    """One transformer block: attention (H-MHSA in a hierarchical stage, else MHSA), then the MLP, each with a residual.

    As released, with stochastic depth: in training, a residual branch is left out of some images. With `config.layer_scale`, each
    branch has a `LayerScale`.
    """

    def __init__(self, config: Config, index: int, drop_path: float):
        super().__init__()
        channels, norm = config.dims[index], NORMS[config.norm]
        layer: type[HMHSA | MHSA] = layer_of(config.mechanisms[index]) if index < len(config.g1) else MHSA
        self.attn: HMHSA | MHSA = layer(channels, config.head_dim, norm)
        self.mlp = MLP(config, index)
        self.attn_scale, self.mlp_scale = (
            LayerScale(channels, config.layer_scale) if config.layer_scale else nn.Identity() for _ in range(2)
        )
        self.attn_drop_path: nn.Module = StochasticDepth(drop_path, "row")
        self.mlp_drop_path: nn.Module = StochasticDepth(drop_path, "row")

    def forward(self, x: Tensor, *grids: int, explicit: bool = False, trace: Trace | None = None) -> Tensor:
        """x [b, c, h, w] -> [b, c, h, w]. grids: G1 and G2 in a hierarchical block, nothing in a plain one."""
        attended = self.attn_scale(self.attn(x, *grids, explicit=explicit, trace=trace))
        x = x + self.attn_drop_path(attended)  # Eq. 14: its "+ X" is this residual
        return x + self.mlp_drop_path(self.mlp_scale(self.mlp(x)))  # Eq. 4


class Stem(nn.Sequential):
    """Stage 1 of Table 1: two 3 x 3 convolutions; as released, norm and SiLU between them and nothing after.

    With `config.stem == "patch"`, two linear layers on each token's own patch of pixels, SiLU between them.
    """

    def __init__(self, config: Config):
        hidden, channels, (first, second) = config.stem_dim, config.dims[0], config.stem_strides
        if config.stem == "patch":
            side = first * second
            super().__init__(
                nn.Conv2d(config.in_chans, hidden, side, stride=side), ACTIVATIONS[config.activation](), nn.Conv2d(hidden, channels, 1)
            )
        elif config.stem == "conv":
            super().__init__(
                nn.Conv2d(config.in_chans, hidden, 3, stride=first, padding=1),
                NORMS[config.norm](hidden),
                ACTIVATIONS[config.activation](),
                nn.Conv2d(hidden, channels, 3, stride=second, padding=1),
            )
        else:
            raise ValueError(f"unknown stem {config.stem!r}; the choices are conv, patch")


class Downsample(nn.Sequential):
    """Between two stages: a 3 x 3 convolution of stride 2 (section 3.3); as released, then a norm."""

    def __init__(self, config: Config, index: int):
        channels = config.dims[index]
        super().__init__(nn.Conv2d(config.dims[index - 1], channels, 3, stride=2, padding=1), NORMS[config.norm](channels))
