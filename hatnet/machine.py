"""The machine that a training run uses: its device and processes, its memory, and the signals that stop it."""

import math
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.distributed
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What a training run uses: this process's device, and its rank among `world` processes."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    bfloat16: bool = False  # autocast
    compiled: bool = False
    rank: int = 0
    world: int = 1

    @property
    def shard(self) -> slice:
        """This process's share of a batch, or of a set of images."""
        return slice(self.rank, None, self.world)

    def mean(self, value: float) -> float:
        """The mean over all processes, which wait for each other, but not for their devices."""
        return value if self.world == 1 else self.mean_of(torch.tensor(value, dtype=torch.float64)).item()

    def mean_of(self, value: Tensor) -> Tensor:
        """The mean of a tensor over all processes, on its own device, for which none of them waits."""
        if self.world == 1:
            return value
        total = value.clone()
        torch.distributed.all_reduce(total)
        return total / self.world

    def share(self, value: Tensor) -> None:
        """Set a tensor, in place, to that of the first process."""
        if self.world > 1:
            torch.distributed.broadcast(value, 0)

    def bfloat16_error(self) -> str:
        """Why this device cannot compute in bfloat16; empty if it can, however slowly."""
        try:
            with torch.autocast(self.device.type, torch.bfloat16):
                x = torch.ones(8, 8, device=self.device, requires_grad=True)
                (x @ x).sum().backward()
        except (RuntimeError, TypeError) as error:
            return str(error).splitlines()[0]
        return ""


CPU = Machine()


def upload(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on another device. From the CPU to CUDA it goes through pinned memory, so that the program need not wait for the device."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return (tensor if tensor.is_pinned() else tensor.contiguous().pin_memory()).to(device, non_blocking=True)
    return tensor.to(device)


def device_memory(device: torch.device) -> int:
    """Bytes that a device of its own memory can still hold; 0 for the CPU."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory() if device.type == "mps" else 0


def available_memory() -> float:
    """Bytes that programs can still have: what Linux estimates, within the limit of a container; infinity on other systems."""
    found = [math.inf]
    with suppress(OSError):
        if match := re.search(r"MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text()):
            found.append(1024 * int(match[1]))
    with suppress(OSError, ValueError):  # ValueError: "max", no limit
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(found)


@contextmanager
def _handled(handler: Callable | signal.Handlers) -> Iterator[None]:
    """Ctrl-C and SIGTERM go to this handler."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collect the signals to stop (Ctrl-C, SIGTERM) instead of obeying them."""
    signals: list[int] = []
    with _handled(lambda number, _: signals.append(number)):
        yield signals


@contextmanager
def obeyed_signals() -> Iterator[None]:
    """Let the signals to stop end the process at once, as the system does it: a handler in Python would wait until the compiler returns."""
    with _handled(signal.SIG_DFL):
        yield
