"""What averaging over cells (Eq. 10) loses."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class PoolingLoss:
    """The variance that averaging removes, as shares. Variance is around the picture's mean token."""

    cells: np.ndarray  # [rows, columns]: the share that each cell loses, 0..1
    tokens: np.ndarray  # [h, w]: each token's part of the loss of its cell; they sum to 1 in a cell, or are all 0
    whole: float  # the share that the picture loses


def pooling_loss(features: np.ndarray, cell: int) -> PoolingLoss:
    """features [channels, h, w]: the input of Eq. 10, averaged over cells of `cell` x `cell` tokens; the map may cut off the last ones."""
    _, h, w = features.shape
    row, column = np.arange(h) // cell, np.arange(w) // cell
    rows, columns = row[-1] + 1, column[-1] + 1
    number = (row[:, None] * columns + column).ravel()
    size = np.bincount(number)
    flat = features.reshape(len(features), -1).astype(float)
    means = np.stack([np.bincount(number, channel) for channel in flat]) / size
    within = ((flat - means[:, number]) ** 2).sum(0)  # of each token
    lost = np.bincount(number, within)  # of each cell
    kept = size * ((means - flat.mean(1, keepdims=True)) ** 2).sum(0)
    total = lost + kept
    share = np.where(total > 0, lost / np.where(total > 0, total, 1), 0)
    part = within / np.where(lost > 0, lost, 1)[number]
    return PoolingLoss(share.reshape(rows, columns), part.reshape(h, w), float(lost.sum() / (total.sum() or 1)))
