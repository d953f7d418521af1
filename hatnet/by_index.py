"""Windows by index: every place of every window is looked up, where reshaping the map does not do.

The windows of a mechanism of one's own (`geometry.WINDOWS`) hold tokens that are not neighbours. And `torch.export` may keep the size
of the map open: `attention.partition` reshapes, and pads or not; which of these moves memory depends on the size, so a program that
was traced with one size would refuse others.
"""

from math import prod

import torch
from torch import Tensor

from hatnet.geometry import KINDS, Groups, Layout


def needed(layout: Layout) -> bool:
    """Whether these windows hold other tokens than neighbours, or are being exported on a map of any size."""
    if layout.rows:
        return True
    return torch.compiler.is_exporting() and layout.kind in KINDS[:2] and not all(isinstance(side, int) for side in (layout.h, layout.w))


def partition(x: Tensor, layout: Layout) -> Tensor:
    """`attention.partition`."""
    image, y, x_ = _places(x, layout)
    found = x.permute(0, 2, 3, 1)[image, y.clamp(0, layout.h - 1), x_.clamp(0, layout.w - 1)]
    return found.masked_fill(~_real(y, x_, layout)[..., None], 0)


def window_mask(x: Tensor, layout: Layout) -> Tensor | None:
    """`attention.window_mask`."""
    if layout.rows and prod(layout.grid) * layout.i * layout.j == layout.h * layout.w:
        return None
    _, y, x_ = _places(x, layout)
    return _real(y, x_, layout)[:, None, None]


def merge(x1: Tensor, layout: Layout) -> Tensor:
    """`attention.merge`."""
    (gh, gw), device = layout.grid, x1.device
    image = torch.arange(x1.shape[0] // (gh * gw), device=device)[:, None, None]
    if layout.rows:
        y, x = _order(layout.rows, layout.i, device)[:, None], _order(layout.columns, layout.j, device)
    else:
        left, _, top, _ = layout.overhang
        y, x = torch.arange(layout.h, device=device)[:, None] + top, torch.arange(layout.w, device=device) + left
    window = (image * gh + y // layout.i) * gw + x // layout.j
    return x1[window, y % layout.i * layout.j + x % layout.j].permute(0, 3, 1, 2)


def _places(x: Tensor, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
    """Image, row and column of each place in each window: [(b gh gw), 1], and twice [(b gh gw), (i j)]; off the map where it is padding."""
    (gh, gw), i, j, device = layout.grid, layout.i, layout.j, x.device
    window, place = torch.arange(x.shape[0] * gh * gw, device=device)[:, None], torch.arange(i * j, device=device)
    image, down, across = window // (gh * gw), window // gw % gh, window % gw
    if layout.rows:
        return image, _table(layout.rows, i, device)[down, place // j], _table(layout.columns, j, device)[across, place % j]
    left, _, top, _ = layout.overhang
    return image, down * i + place // j - top, across * j + place % j - left


def _real(y: Tensor, x: Tensor, layout: Layout) -> Tensor:
    return (y >= 0) & (y < layout.h) & (x >= 0) & (x < layout.w)


def _table(groups: Groups, side: int, device: torch.device) -> Tensor:
    """Along one axis: the token at each place of each window, -1 where it has no more: [windows, side]."""
    return torch.tensor([[*group, *[-1] * (side - len(group))] for group in groups], device=device)


def _order(groups: Groups, side: int, device: torch.device) -> Tensor:
    """Along one axis: where each token lies when windows of `side` places follow one another: [tokens]."""
    order = {token: number * side + place for number, group in enumerate(groups) for place, token in enumerate(group)}
    return torch.tensor([order[token] for token in sorted(order)], device=device)
