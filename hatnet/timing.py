"""How long an attention layer takes and how much memory it holds, measured on this machine beside its peers."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from statistics import median, quantiles

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from hatnet.attention import HMHSA, MHSA, attend, join_heads, merge, partition, split_heads
from hatnet.geometry import layout_of
from hatnet.norms import group_norm
from hatnet.ranges import Whole, check, did_you_mean


class SpatialReduction(nn.Module):
    """PVT's attention, to measure beside ours: keys and values from a map reduced by a strided convolution (Wang et al., 2021)."""

    def __init__(self, channels: int, head_dim: int, ratio: int):
        super().__init__()
        self.head_dim = head_dim
        self.norm, self.reduced_norm = group_norm(channels), group_norm(channels)
        self.reduce = nn.Conv2d(channels, channels, ratio, stride=ratio)
        self.q, self.kv, self.proj = nn.Linear(channels, channels), nn.Linear(channels, 2 * channels), nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        h, x = x.shape[-2], self.norm(x)
        reduced = self.reduced_norm(self.reduce(x))
        (q,) = split_heads(self.q(rearrange(x, "b c h w -> b (h w) c")), 1, self.head_dim)
        k, v = split_heads(self.kv(rearrange(reduced, "b c h w -> b (h w) c")), 2, self.head_dim)
        a, _ = attend(q, k, v)
        return rearrange(self.proj(join_heads(a)), "b (h w) c -> b c h w", h=h)


class Windows(nn.Module):
    """Swin's W-MSA, to measure beside ours: MHSA in each window."""

    def __init__(self, channels: int, head_dim: int, side: int):
        super().__init__()
        self.side, self.attn = side, MHSA(channels, head_dim, group_norm)

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        layout = layout_of("window", h, w, self.side, 1)
        windows = self.attn(rearrange(partition(x, layout), "b (i j) c -> b c i j", i=layout.i))
        return merge(rearrange(windows, "b c i j -> b (i j) c"), layout)


CPU = torch.device("cpu")
MECHANISMS = ("H-MHSA", "MHSA", "windows", "spatial reduction")


@dataclass(frozen=True, slots=True)
class Measured:
    """One attention layer on this machine."""

    mechanism: str
    milliseconds: float  # median of the repeats
    spread: float  # milliseconds between the first and the third quartile
    peak_bytes: int  # most memory held at once beyond weights and input


@torch.inference_mode()
def measure(
    h: int,
    w: int,
    c: int,
    g1: int,
    g2: int,
    head_dim: int,
    mechanisms: tuple[str, ...] = MECHANISMS,
    repeats: int = 15,
    progress: Callable[[float], bool] = lambda done: True,
) -> list[Measured]:
    """Latency and peak memory of one attention layer, for H-MHSA and its peers at the same shape, in float32 on this machine.

    Arguments and errors as for `layers`. The mechanisms take turns `repeats` times, after one run each to warm up. progress(fraction
    done) is called after each run; if it returns False, the measurement stops and returns what it has.
    """
    x = torch.randn(1, c, h, w).to(memory_format=torch.channels_last)
    runs = {name: partial(layer, x) for name, layer in layers(h, w, c, g1, g2, head_dim, mechanisms).items()}
    times: dict[str, list[float]] = {name: [] for name in mechanisms}
    peaks: dict[str, int] = {}
    count = len(runs) * (1 + repeats)
    for name, run in runs.items():
        peaks[name] = peak_memory(run)
        if not progress(len(peaks) / count):
            return []
    for done, (name, taken) in enumerate(turns(runs, repeats), start=1 + len(runs)):
        times[name].append(1000 * taken)
        if not progress(done / count):
            break
    return [
        Measured(name, median(taken), quantiles(taken)[2] - quantiles(taken)[0], peaks[name])
        for name, taken in times.items()
        if len(taken) > 1
    ]


def layers(
    h: int, w: int, c: int, g1: int, g2: int, head_dim: int, mechanisms: tuple[str, ...] = MECHANISMS
) -> dict[str, Callable[[Tensor], Tensor]]:
    """One attention layer for each mechanism, with random weights, to be called on a map [b, c, h, w].

    h, w: tokens; windows are g1 x g1, spatial reduction is by g2. Raises ValueError for an unknown mechanism, for sizes below 1, and if c
    does not divide into heads.
    """
    makers: dict[str, Callable[[], nn.Module]] = {
        "H-MHSA": lambda: HMHSA(c, head_dim, group_norm),
        "MHSA": lambda: MHSA(c, head_dim, group_norm),
        "windows": lambda: Windows(c, head_dim, g1),
        "spatial reduction": lambda: SpatialReduction(c, head_dim, min(g2, h, w)),
    }
    if unknown := [name for name in mechanisms if name not in makers]:
        raise ValueError(f"unknown mechanism {unknown[0]!r}{did_you_mean(unknown[0], makers)}; the mechanisms are {', '.join(makers)}")
    sizes = {"h": h, "w": w, "c": c, "g1": g1, "g2": g2, "head_dim": head_dim}
    check(sizes, dict.fromkeys(sizes, Whole(1, 2**16)))
    if c % head_dim:
        near = max(round(c / head_dim), 1) * head_dim
        raise ValueError(f"c is {c}, which does not divide into heads of head_dim={head_dim}; the nearest that does is {near}")
    made = {name: makers[name]().eval().to(memory_format=torch.channels_last) for name in mechanisms}
    return {name: partial(layer, g1=g1, g2=g2) if name == "H-MHSA" else layer for name, layer in made.items()}


def turns(runs: Mapping[str, Callable[[], object]], repeats: int, device: torch.device = CPU) -> Iterator[tuple[str, float]]:
    """Run all of `runs` in turn, `repeats` times. Yields the name and the seconds of each run.

    Taking turns, they share a slow minute of the machine. On a GPU a run ends when the GPU has finished its work.
    """
    for _ in range(repeats):
        for name, run in runs.items():
            yield name, seconds(run, device)


def seconds(run: Callable[[], object], device: torch.device = CPU) -> float:
    """How long run() takes; on a GPU, until the GPU has finished its work."""
    _finish(device)
    start = time.perf_counter()
    run()
    _finish(device)
    return time.perf_counter() - start


def peak_memory(run: Callable[[], object], device: torch.device = CPU) -> int:
    """The most bytes that torch's allocator for this device held at once during run(), beyond what it held before."""
    if device.type == "cuda":
        _finish(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        run()
        _finish(device)
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        run()
    events = [event for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def _finish(device: torch.device) -> None:
    """Wait until a GPU has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
