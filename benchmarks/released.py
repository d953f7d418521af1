"""hatnet's weights, run in the manner of the authors' release: what benchmarks/model.py measures beside hatnet."""

import sys
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import HATNet
from hatnet.official import official_key


class ReleasedStyle(nn.Module):
    """A hatnet model's weights, copied, and run in the manner of the release: convolutions, contiguous NCHW, explicit softmax."""

    def __init__(self, model: HATNet):
        super().__init__()
        self.config = model.config
        for key, value in model.state_dict().items():
            pointwise = value.ndim == 2 and "classifier" not in key
            weight = (value[:, :, None, None] if pointwise else value).contiguous().clone()
            self.register_parameter(official_key(key).replace(".", "/"), nn.Parameter(weight))

    def w(self, name: str) -> Tensor | None:
        """The weight with the authors' name; None if there is none."""
        return self._parameters.get(name.replace(".", "/"))

    def conv(self, x: Tensor, name: str, **how) -> Tensor:
        return F.conv2d(x, self.w(f"{name}.weight"), self.w(f"{name}.bias"), **how)

    def norm(self, x: Tensor, name: str) -> Tensor:
        return F.group_norm(x, 1, self.w(f"{name}.weight"), self.w(f"{name}.bias"), 1e-6)

    def softmax_attention(self, q: Tensor, k: Tensor, v: Tensor, d: int) -> Tensor:
        """[b, c, n], [b, c, m], [b, c, m] -> [b, c, n]."""
        q, k, v = (t.reshape(t.shape[0], -1, d, t.shape[-1]).transpose(-1, -2).contiguous() for t in (q, k, v))
        attention = (q @ k.transpose(-1, -2) * d**-0.5).softmax(-1)
        return (attention @ v).transpose(-1, -2).flatten(1, 2)

    def attention(self, x: Tensor, name: str, g1: int | None = None, g2: int | None = None) -> Tensor:
        b, c, h, w = x.shape
        n, d = self.norm(x, f"{name}.norm"), self.config.head_dim
        if g1 is None:
            q, k, v = self.conv(n, f"{name}.qkv").flatten(2).chunk(3, 1)
            return self.conv(self.softmax_attention(q, k, v, d).view(b, c, h, w), f"{name}.proj")
        n = n.view(b, c, h // g1, g1, w // g1, g1).permute(0, 2, 4, 1, 3, 5).reshape(-1, c, g1, g1)
        q, k, v = self.conv(n, f"{name}.qkv").flatten(2).chunk(3, 1)
        a1 = self.softmax_attention(q, k, v, d).view(b, h // g1, w // g1, c, g1, g1).permute(0, 3, 1, 4, 2, 5).reshape(b, c, h, w)
        a1 = self.norm(a1 + x, f"{name}.grid_norm")
        pooled = self.norm(F.avg_pool2d(a1, g2), f"{name}.ds_norm")
        q, (k, v) = self.conv(a1, f"{name}.q").flatten(2), self.conv(pooled, f"{name}.kv").flatten(2).chunk(2, 1)
        return self.conv(a1 + self.softmax_attention(q, k, v, d).view(b, c, h, w), f"{name}.proj")

    def mlp(self, x: Tensor, name: str) -> Tensor:
        x = F.silu(self.conv(self.norm(x, f"{name}.conv1.0"), f"{name}.conv1.1"))
        weight = self.w(f"{name}.conv2.0.weight")
        x = F.silu(F.conv2d(x, weight, padding=weight.shape[-1] // 2, groups=len(weight)))
        return self.norm(self.conv(x, f"{name}.conv3.0"), f"{name}.conv3.1")

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.config.stem_strides
        x = F.silu(self.norm(self.conv(x, "patch_embed.0", stride=first, padding=1), "patch_embed.1"))
        x = self.conv(x, "patch_embed.3", stride=second, padding=1)
        for index, depth in enumerate(self.config.depths):
            if index:
                x = self.norm(self.conv(x, f"ds{index + 1}.conv", stride=2, padding=1), f"ds{index + 1}.norm")
            grids = (self.config.g1[index], self.config.g2[index]) if index < len(self.config.g1) else ()
            for block in range(depth):
                name = f"blocks.{index}.{block}"
                x = x + self.attention(x, f"{name}.attn", *grids)
                x = x + self.mlp(x, f"{name}.conv")
        return F.linear(x.mean((2, 3)), self.w("classifier.1.weight"), self.w("classifier.1.bias"))
