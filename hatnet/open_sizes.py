"""Windows by index, for `torch.export` where it keeps the size of the map open: one program for every size.

`attention.partition` reshapes, and pads or not; which of these moves memory depends on the size, so a program that was traced with one
size would refuse others. Here every token of every window is looked up, and a window's places beside the map are always masked.
"""

import torch
from torch import Tensor

from hatnet.geometry import KINDS, Layout


def is_open(layout: Layout) -> bool:
    """Whether a program is being exported in which these windows lie on a map of any size."""
    return torch.compiler.is_exporting() and layout.kind in KINDS[:2] and not all(isinstance(side, int) for side in (layout.h, layout.w))


def partition(x: Tensor, layout: Layout) -> Tensor:
    """`attention.partition`, with any token of the map where that has zeros: `window_mask` hides both."""
    image, y, x_ = _places(x, layout)
    return x.permute(0, 2, 3, 1)[image, y.clamp(0, layout.h - 1), x_.clamp(0, layout.w - 1)]


def window_mask(x: Tensor, layout: Layout) -> Tensor:
    """`attention.window_mask`."""
    _, y, x_ = _places(x, layout)
    return ((y >= 0) & (y < layout.h) & (x_ >= 0) & (x_ < layout.w))[:, None, None]


def merge(x1: Tensor, layout: Layout) -> Tensor:
    """`attention.merge`."""
    (gh, gw), (left, _, top, _), device = layout.grid, layout.overhang, x1.device
    image = torch.arange(x1.shape[0] // (gh * gw), device=device)[:, None, None]
    y, x = torch.arange(layout.h, device=device)[:, None] + top, torch.arange(layout.w, device=device) + left
    window = (image * gh + y // layout.i) * gw + x // layout.j
    return x1[window, y % layout.i * layout.j + x % layout.j].permute(0, 3, 1, 2)


def _places(x: Tensor, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
    """Image, row and column of each place in each window: [(b gh gw), 1], and twice [(b gh gw), (i j)]."""
    (gh, gw), (left, _, top, _), i, j = layout.grid, layout.overhang, layout.i, layout.j
    window, place = torch.arange(x.shape[0] * gh * gw, device=x.device)[:, None], torch.arange(i * j, device=x.device)
    return window // (gh * gw), window // gw % gh * i + place // j - top, window % gw * j + place % j - left
