"""Eqs. 2 to 13 in plain NumPy loops, token by token and head by head, in double precision: what notebooks 1 to 4 compare with.

`mistake` names what is done wrong, where a check wants to recognise the result of that. Axes as in `hatnet/attention.py`: b images,
c channels, h w tokens down and across, gh gw which window, i j the place in it, n m queries and keys. A layer W is an `nn.Linear`.
"""

import itertools
import math

import numpy as np
import torch
from torch import nn

from tutorials.machinery.checks.grading import random


def to_rows(x: np.ndarray) -> np.ndarray:
    """[b, c, h, w] -> [b, (h w), c]"""
    return np.stack([x[:, :, y, z] for y in range(x.shape[2]) for z in range(x.shape[3])], 1)


def to_map(rows: np.ndarray, h: int, w: int) -> np.ndarray:
    """[b, (h w), c] -> [b, c, h, w]"""
    out = np.zeros((len(rows), rows.shape[2], h, w))
    for y, z in itertools.product(range(h), range(w)):
        out[:, :, y, z] = rows[:, y * w + z]
    return out


def cut_windows(x: np.ndarray, g: int, mistake: str = "") -> np.ndarray:
    """Eq. 6: [b, c, h, w] -> [(b gh gw), (i j), c], with zeros where a window hangs over the edge."""
    b, c, h, w = x.shape
    if mistake == "g windows":
        cut = [x[:, :, y : y + h // g, z : z + w // g] for y in range(0, h, h // g) for z in range(0, w, w // g)]
        return np.stack([to_rows(window) for window in cut], 1).reshape(b * g * g, -1, c)
    gh, gw = -(-h // g), -(-w // g)
    top, left = (gh * g - h, gw * g - w) if mistake == "top left" else (0, 0)
    out = np.zeros((b * gh * gw, g * g, c))
    for image, row, column, i, j in itertools.product(range(b), range(gh), range(gw), range(g), range(g)):
        y, z = (i * gh + row, j * gw + column) if mistake == "dilated" else (row * g + i - top, column * g + j - left)
        if 0 <= y < h and 0 <= z < w:
            out[(image * gh + row) * gw + column, i * g + j] = x[image, :, y, z]
    return out


def join_windows(x1: np.ndarray, g: int, h: int, w: int, mistake: str = "") -> np.ndarray:
    """Eq. 8: [(b gh gw), (i j), c] -> [b, c, h, w]"""
    gh, gw = -(-h // g), -(-w // g)
    out = np.zeros((len(x1) // (gh * gw), x1.shape[-1], h, w))
    for image, y, z in itertools.product(range(len(out)), range(h), range(w)):
        row, i = (y % gh, y // gh) if mistake == "dilated" else (y // g, y % g)
        column, j = (z % gw, z // gw) if mistake == "dilated" else (z // g, z % g)
        window = (image * gw + column) * gh + row if mistake == "columns first" else (image * gh + row) * gw + column
        out[image, :, y, z] = x1[window, i * g + j]
    return out


def split_heads(rows: np.ndarray, heads: int, mistake: str = "") -> np.ndarray:
    """[..., n, c] -> [..., heads, n, d]: head 1 has the first d channels, head 2 the next d."""
    d = rows.shape[-1] // heads
    if mistake in ("viewed", "viewed both"):
        return rows.reshape(*rows.shape[:-2], heads, -1, d)
    parts = [rows[..., a::heads] if mistake == "interleaved" else rows[..., a * d : (a + 1) * d] for a in range(heads)]
    return np.stack(parts, -3)


def merge_heads(a: np.ndarray, mistake: str = "") -> np.ndarray:
    """[..., heads, n, d] -> [..., n, c]"""
    parts = [a[..., head, :, :] for head in range(a.shape[-3])]
    if mistake == "interleaved":
        return np.stack(parts, -1).reshape(*parts[0].shape[:-1], -1)
    if mistake in ("viewed back", "viewed both"):
        return a.reshape(*parts[0].shape[:-1], -1)
    return np.concatenate(parts, -1)


@np.errstate(over="ignore", invalid="ignore")  # a mistake may have scores without bounds, or leave a query without keys
def weights(q: np.ndarray, k: np.ndarray, real: np.ndarray | None = None, mistake: str = "") -> np.ndarray:
    """Softmax(Q K^T / sqrt(d)) of Eq. 2, over the keys that are real."""
    d = q.shape[-1]
    scale = {"no scale": 1, "by d": 1 / d, "by c": 1 / math.sqrt(d * q.shape[-3])}.get(mistake, 1 / math.sqrt(d))
    powers = np.exp(np.einsum("...nd,...md->...nm", q.astype(float), k.astype(float)) * scale)
    axis = {"over queries": -2, "over heads": -3}.get(mistake, -1)
    if real is None:
        return powers / powers.sum(axis, keepdims=True)
    if mistake == "low score":
        powers = np.where(real[:, None, None, :], powers, np.exp(-100))
        return powers / powers.sum(axis, keepdims=True)
    seen = powers * real[:, None, None, :]
    return seen / (powers if mistake == "late mask" else seen).sum(axis, keepdims=True)


def pool_cells(x: np.ndarray, g: int, mistake: str = "") -> np.ndarray:
    """Eq. 10: [b, c, h, w] -> [b, c, ceil(h/g), ceil(w/g)]"""
    b, c, h, w = x.shape
    gh, gw = (h // g, w // g) if mistake == "dropped" else (-(-h // g), -(-w // g))
    out = np.zeros((b, c, gh, gw))
    for row, column in itertools.product(range(gh), range(gw)):
        if mistake == "dilated":
            cell = x[:, :, row::gh, column::gw]
        else:
            cell = x[:, :, row * g : (row + 1) * g, column * g : (column + 1) * g]
        total = cell.sum((2, 3))
        counted = {"sum": 1, "padding": g * g}.get(mistake, cell.shape[2] * cell.shape[3])
        out[:, :, row, column] = cell.max((2, 3)) if mistake == "max" else cell[:, :, 0, 0] if mistake == "corner" else total / counted
    return out


def linear(channels: int, out: int, seed: int) -> nn.Linear:
    """Make a linear layer whose weights follow from the seed."""
    layer = nn.Linear(channels, out)
    with torch.no_grad():
        layer.weight.copy_(random(out, channels, seed=seed) / math.sqrt(channels))
        layer.bias.copy_(0.5 * random(out, seed=seed + 100))
    return layer.requires_grad_(False)


def apply(layer: nn.Linear, rows: np.ndarray) -> np.ndarray:
    """Eq. 1: rows W + bias."""
    return rows @ layer.weight.numpy().astype(float).T + layer.bias.numpy()


def linears(count: int, channels: int, seed: int = 10) -> list[nn.Linear]:
    """Make several square layers, each with weights of its own."""
    return [linear(channels, channels, seed + index) for index in range(count)]


def local_result(x: np.ndarray, layers, heads: int, g: int, mistake: str = "") -> np.ndarray:
    """Eqs. 6 to 8 of a map [b, c, h, w]."""
    x1 = cut_windows(x, g, mistake)
    q, k, v = (split_heads(apply(layer, x1), heads, mistake) for layer in layers)
    real = cut_windows(np.ones((len(x), 1, *x.shape[2:])), g, mistake)[..., 0]
    if mistake == "zero is padding":
        real = (x1 != 0).any(-1)
    p = weights(q, k, None if mistake == "padding" else real, mistake)
    return join_windows(merge_heads(p @ v, mistake), g, *x.shape[2:], mistake)


def global_result(a1: np.ndarray, cells: np.ndarray, layers, heads: int, mistake: str = "") -> np.ndarray:
    """Eqs. 11 to 13 of two maps [b, c, h, w]."""
    rows, keys = to_rows(a1), to_rows(cells)
    if mistake == "not pooled":
        keys = rows
    q, k, v = (split_heads(apply(layer, each), heads, mistake) for layer, each in zip(layers, (rows, keys, keys), strict=True))
    return to_map(merge_heads(weights(q, k, None, mistake) @ v, mistake), *a1.shape[2:])
