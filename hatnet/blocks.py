"""What stands around the attention in Fig. 1: the MLP, the transformer block, the stem and the downsampling.

Axes as in `attention.py`: `b c h w` in channels-last memory. A 1 x 1 convolution of the release is a linear layer over the
channels here: the same weights and the same sums, on a CPU several times faster.
"""

from einops import rearrange
from torch import Tensor, nn
from torchvision.ops import StochasticDepth

from hatnet.attention import HMHSA, MHSA, group_norm


class MLP(nn.Module):
    """The MLP of Eq. 4 with a K x K depthwise convolution inside (section 3.3).

    As released: norm, 1 x 1 (C -> E C), SiLU, depthwise, SiLU, 1 x 1 (E C -> C), norm; no biases in the convolutions.
    """

    def __init__(self, channels: int, expansion: int, kernel: int):
        super().__init__()
        hidden = channels * expansion
        self.norm = group_norm(channels)
        self.expand = nn.Linear(channels, hidden, bias=False)
        self.depthwise = nn.Conv2d(hidden, hidden, kernel, padding=kernel // 2, groups=hidden, bias=False)
        self.reduce = nn.Linear(hidden, channels, bias=False)
        self.out_norm = group_norm(channels)
        self.activation = nn.SiLU(inplace=True)  # in place: nobody else holds the tensor, and a new one of E C channels is dear

    def forward(self, x: Tensor) -> Tensor:
        """x [b, c, h, w] -> [b, c, h, w]; the block adds the residual."""
        x = self.activation(self.expand(rearrange(self.norm(x), "b c h w -> b h w c")))
        x = self.activation(self.depthwise(rearrange(x, "b h w c -> b c h w")))
        x = self.reduce(rearrange(x, "b c h w -> b h w c"))
        return self.out_norm(rearrange(x, "b h w c -> b c h w"))


class Block(nn.Module):
    """One transformer block: attention (H-MHSA, or MHSA where `hierarchical` is False), then the MLP, each with its residual."""

    def __init__(self, channels: int, head_dim: int, expansion: int, kernel: int, drop_path: float, hierarchical: bool):
        super().__init__()
        self.attn = (HMHSA if hierarchical else MHSA)(channels, head_dim)
        self.mlp = MLP(channels, expansion, kernel)
        self.drop_path = StochasticDepth(drop_path, "row")

    def forward(self, x: Tensor, *grids: int, explicit: bool = False, seen: dict[str, Tensor | None] | None = None) -> Tensor:
        """x [b, c, h, w] -> [b, c, h, w]. grids: G1 and G2 in a hierarchical block, nothing in a plain one."""
        x = x + self.drop_path(self.attn(x, *grids, explicit=explicit, seen=seen))  # Eq. 14: its "+ X" is this residual
        return x + self.drop_path(self.mlp(x))  # Eq. 4


class Stem(nn.Sequential):
    """Stage 1 of Table 1: two 3 x 3 convolutions; as released, norm and SiLU between them and nothing after."""

    def __init__(self, hidden: int, channels: int, strides: tuple[int, int]):
        super().__init__(
            nn.Conv2d(3, hidden, 3, stride=strides[0], padding=1),
            group_norm(hidden),
            nn.SiLU(inplace=True),
            nn.Conv2d(hidden, channels, 3, stride=strides[1], padding=1),
        )


class Downsample(nn.Sequential):
    """Between two stages: a 3 x 3 convolution of stride 2 (section 3.3); as released, then a norm."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__(nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1), group_norm(channels_out))
