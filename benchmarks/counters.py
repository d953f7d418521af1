"""What public counters say of the paper's models at 224 x 224, beside hatnet's: `python benchmarks/counters.py`.

Prints the table of docs/counting.md, in 10^9 of what each counter counts. Besides torch's own, the counters are fvcore, thop, ptflops and
torchinfo, which nothing else here needs (`pip install --target FOLDER` and PYTHONPATH=FOLDER keep them apart); a missing one gets a row
that says so.
"""

import logging
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import HATNet, complexity, create_model
from hatnet.paper import NAMES

IMAGE = (1, 3, 224, 224)


class Explicit(nn.Module):
    """The model with Eq. 2 as written instead of the fused kernel, for counters that call it with images alone."""

    def __init__(self, model: HATNet):
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model(images, explicit=True)


def by_torch(model: nn.Module) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(IMAGE))
    return counter.get_total_flops()


def by_fvcore(model: nn.Module) -> float:
    from fvcore.nn import FlopCountAnalysis

    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)  # it warns of all that it leaves out
    return FlopCountAnalysis(model, torch.zeros(IMAGE)).total()


def by_thop(model: nn.Module) -> float:
    from thop import profile

    return profile(model, (torch.zeros(IMAGE),), verbose=False)[0]


def by_ptflops(model: nn.Module) -> float:
    from ptflops import get_model_complexity_info

    return get_model_complexity_info(model, IMAGE[1:], as_strings=False, print_per_layer_stat=False)[0]


def by_torchinfo(model: nn.Module) -> float:
    from torchinfo import summary

    return summary(model, IMAGE, verbose=0).total_mult_adds


ROWS: dict[str, Callable[[HATNet], float]] = {
    "hatnet: conv + linear": lambda model: complexity.count(model, IMAGE[2:]).conv_linear,
    "hatnet: conv + linear + norms": lambda model: complexity.count(model, IMAGE[2:]).with_norms,
    "hatnet: conv + linear + QKᵀ, AV": lambda model: complexity.count(model, IMAGE[2:]).total,
    "torch FlopCounterMode, fused kernel": by_torch,
    "torch FlopCounterMode, explicit=True": lambda model: by_torch(Explicit(model)),
    "fvcore, fused kernel": by_fvcore,
    "fvcore, explicit=True": lambda model: by_fvcore(Explicit(model)),
    "thop": by_thop,
    "ptflops": by_ptflops,
    "torchinfo": by_torchinfo,
}


def main() -> None:
    print(f"| | {' | '.join(NAMES)} |\n|---|{'---|' * len(NAMES)}")
    for title, counter in ROWS.items():
        try:
            counts = [f"{counter(create_model(name).eval()) / 1e9:.4f}" for name in NAMES]
        except ImportError as error:
            counts = [f"{error.name} is not installed: pip install {error.name}"]
        print(f"| {title} | {' | '.join(counts)} |", flush=True)


if __name__ == "__main__":
    main()
