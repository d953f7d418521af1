"""The speed of hatnet next to that of the same weights run as the authors' release does: `python benchmarks/model.py`.

"released style" means 1 x 1 convolutions on contiguous NCHW tensors, and softmax(QK^T)V written out. The two take turns; a row has
the median over the pairs and the quartiles of the ratio. Processor, threads and versions are printed too.
"""

import argparse
import platform
import sys
import time
from pathlib import Path
from statistics import median, quantiles

import torch
import torch.nn.functional as F
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import create_model
from hatnet.official import official_key
from hatnet.timing import peak_memory


class ReleasedStyle:
    """A hatnet model's weights, run in the manner of the release: convolutions, contiguous NCHW, explicit softmax."""

    def __init__(self, model: torch.nn.Module):
        self.config = model.config
        self.w = {}
        for key, value in model.state_dict().items():
            pointwise = value.ndim == 2 and "classifier" not in key
            self.w[official_key(key)] = (value[:, :, None, None] if pointwise else value).contiguous()

    def conv(self, x: Tensor, name: str, **how) -> Tensor:
        return F.conv2d(x, self.w[f"{name}.weight"], self.w.get(f"{name}.bias"), **how)

    def norm(self, x: Tensor, name: str) -> Tensor:
        return F.group_norm(x, 1, self.w[f"{name}.weight"], self.w[f"{name}.bias"], 1e-6)

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
        weight = self.w[f"{name}.conv2.0.weight"]
        x = F.silu(F.conv2d(x, weight, padding=weight.shape[-1] // 2, groups=len(weight)))
        return self.norm(self.conv(x, f"{name}.conv3.0"), f"{name}.conv3.1")

    def __call__(self, x: Tensor) -> Tensor:
        x = F.silu(self.norm(self.conv(x, "patch_embed.0", stride=2, padding=1), "patch_embed.1"))
        x = self.conv(x, "patch_embed.3", stride=2, padding=1)
        for index, depth in enumerate(self.config.depths):
            if index:
                x = self.norm(self.conv(x, f"ds{index + 1}.conv", stride=2, padding=1), f"ds{index + 1}.norm")
            grids = (self.config.g1[index], self.config.g2[index]) if index < len(self.config.g1) else ()
            for block in range(depth):
                name = f"blocks.{index}.{block}"
                x = x + self.attention(x, f"{name}.attn", *grids)
                x = x + self.mlp(x, f"{name}.conv")
        return F.linear(x.mean((2, 3)), self.w["classifier.1.weight"], self.w["classifier.1.bias"])


def compare(name: str, side: int, batch: int, pairs: int, bfloat16: bool, memory: bool, compiled: bool) -> None:
    torch.manual_seed(0)
    model = create_model(name).eval()
    released = ReleasedStyle(model)
    ours = torch.compile(model, fullgraph=True) if compiled else model
    x = torch.randn(batch, 3, side, side)

    def seconds(run) -> float:
        start = time.perf_counter()
        run(x)
        return time.perf_counter() - start

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        difference = (ours(x) - released(x)).abs().max().item()  # warms up, and shows that both compute the same
        times = [(seconds(released), seconds(ours)) for _ in range(pairs)]
        peaks = (peak_memory(lambda: released(x)), peak_memory(lambda: model(x))) if memory else None
    ratios = [theirs / mine for theirs, mine in times]
    low, _, high = quantiles(ratios)
    theirs, mine = (median(column) for column in zip(*times, strict=True))
    print(
        f"| {name} | {side} | {batch} | {'bfloat16' if bfloat16 else 'float32'}{', compiled' if compiled else ''} "
        f"| {batch / theirs:.2f} | {batch / mine:.2f} | **{median(ratios):.2f}** ({low:.2f} to {high:.2f}) "
        f"| {f'{peaks[0] / 2**20:.0f} / {peaks[1] / 2**20:.0f} MiB, 1/{peaks[0] / peaks[1]:.1f}' if peaks else ''} "
        f"| {pairs} | {difference:.0e} |",
        flush=True,
    )


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="hatnet_tiny", help="a variant of the paper (default: hatnet_tiny)")
    parser.add_argument("--pairs", type=int, default=15, help="pairs of runs at 224 x 224 (default: 15)")
    parser.add_argument("--large-pairs", type=int, default=3, help="pairs of runs at 1792 x 1792, half a minute each; 0: none (default: 3)")
    parser.add_argument("--compiled", action="store_true", help="also with torch.compile (some minutes of compilation)")
    args = parser.parse_args()
    print(f"{processor()}, {torch.get_num_threads()} threads, Python {platform.python_version()}, torch {torch.__version__}")
    columns = ("model", "pixels", "batch", "numbers", "released style, images/s", "hatnet, images/s", "ratio (quartiles)", "peak memory")
    columns += ("pairs", "largest difference")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for compiled in (False, True) if args.compiled else (False,):
        compare(args.model, 224, 1, args.pairs, False, True, compiled)
        compare(args.model, 224, 8, args.pairs, False, True, compiled)
        compare(args.model, 224, 8, args.pairs, True, True, compiled)
    if args.large_pairs:
        compare(args.model, 1792, 1, max(2, args.large_pairs), False, True, False)


if __name__ == "__main__":
    main()
