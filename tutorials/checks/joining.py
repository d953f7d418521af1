"""Checks of notebook 4: Eq. 14, the norms of the released model, and the block."""

import math
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from tutorials.checks.global_attention import pool
from tutorials.checks.grading import MAP, call, check, compare, random
from tutorials.checks.reference import apply, global_result, linear, linears, local_result, pool_cells, to_map, to_rows

__all__ = ["near", "pool", "read_cells", "output", "group_norm", "hmhsa", "silu", "block"]


@check
def near(student) -> str:
    """Eqs. 6 to 8: near(x, wq, wk, wv, heads, g)."""
    for b, heads, d, h, w, g in ((2, 3, 5, 7, 11, 3), (1, 2, 3, 6, 10, 2)):
        x, layers = random(b, heads * d, h, w), linears(3, heads * d)
        values = x.numpy().astype(float)
        right = local_result(values, layers, heads, g)
        mistakes = {
            "leave out the residual here: it is added later.": right + values,
            "the padding of windows at the edge gets weight: hide the keys that are not real.": local_result(
                values, layers, heads, g, "padding"
            ),
            "the scale 1/sqrt(d) is missing.": local_result(values, layers, heads, g, "no scale"),
        }
        compare(call(student, x, *layers, heads, g), right, "the local result", MAP, mistakes)
    return "near: Eqs. 6 to 8, on maps of any size"


@check
def read_cells(student) -> str:
    """Eqs. 11 to 13: read_cells(a1, cells, wq, wk, wv, heads)."""
    for b, heads, d, h, w, down, across in ((2, 3, 5, 7, 11, 3, 2), (1, 2, 3, 5, 2, 1, 7)):
        a1, cells, layers = random(b, heads * d, h, w, seed=1), random(b, heads * d, down, across, seed=2), linears(3, heads * d)
        near, far = a1.numpy().astype(float), cells.numpy().astype(float)
        mistakes = {
            "K and V must come from the pooled map.": global_result(near, far, layers, heads, "not pooled"),
            "the scale 1/sqrt(d) is missing.": global_result(near, far, layers, heads, "no scale"),
            "leave out the residual here: it is added later.": global_result(near, far, layers, heads) + near,
        }
        right = global_result(near, far, layers, heads)
        compare(call(student, a1, cells, *layers, heads), right, "the global result", MAP, mistakes)
    return "far: Eqs. 11 to 13, every token reads every cell"


@check
def output(student) -> str:
    """Eq. 14: output(a1, a2, wp, x)."""
    for b, c, h, w in ((2, 5, 3, 7), (1, 3, 11, 2)):
        a1, a2, x = (random(b, c, h, w, seed=seed) for seed in (1, 2, 3))
        wp = linear(c, c, 4)
        near, far, given = (values.numpy().astype(float) for values in (a1, a2, x))

        def mixed(values: np.ndarray, wp: nn.Linear = wp) -> np.ndarray:
            return to_map(apply(wp, to_rows(values)), *values.shape[2:])

        mistakes = {
            "the residual is missing: + X.": mixed(near + far),
            "the residual comes after Wp: X itself is not multiplied.": mixed(near + far + given),
            "Wp mixes both: (A1 + A2) Wp, not A1 + A2 Wp.": near + mixed(far) + given,
            "Wp mixes both: (A1 + A2) Wp, not A1 Wp + A2.": mixed(near) + far + given,
            "Wp is missing.": near + far + given,
            "the local result is missing: A1 + A2.": mixed(far) + given,
            "the global result is missing: A1 + A2.": mixed(near) + given,
            "the residual is X, the input of the block, not A1.": mixed(near + far) + near,
        }
        compare(call(student, a1, a2, wp, x), mixed(near + far) + given, "the output", MAP, mistakes)
    return "local and global, mixed by one matrix, and added to the input"


def _normed(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, axes: tuple[int, ...] = (1, 2, 3), least: int = 0) -> np.ndarray:
    centred = x - x.mean(axes, keepdims=True)
    variance = (centred**2).sum(axes, keepdims=True) / (np.prod([x.shape[axis] for axis in axes]) - least)
    return centred / np.sqrt(variance + 1e-6) * weight[:, None, None] + bias[:, None, None]


@check
def group_norm(student) -> str:
    """GroupNorm with one group: group_norm(x, weight, bias)."""
    for shape in ((2, 5, 3, 7), (3, 2, 2, 1)):
        x = 3 + 2 * random(*shape) * (1 + torch.arange(shape[0]).view(-1, 1, 1, 1)) + random(1, shape[1], 1, 1, seed=7)
        weight, bias = 1 + 0.5 * random(shape[1], seed=5), random(shape[1], seed=6)
        values, scale, shift = x.numpy().astype(float), weight.numpy(), bias.numpy()
        ones = np.ones_like(scale)
        mistakes = {
            "that normalises each token over its channels (layer norm); one group spans all channels and all tokens of an image.": _normed(
                values, scale, shift, (1,)
            ),
            "that normalises each channel over its tokens (instance norm); one group spans all channels, too.": _normed(
                values, scale, shift, (2, 3)
            ),
            "your images share one mean; each needs its own.": _normed(values, scale, shift, (0, 1, 2, 3)),
            "that is batch norm: each image has its own mean, over all channels.": _normed(values, scale, shift, (0, 2, 3)),
            "divide by N for the variance, not by N - 1: unbiased=False.": _normed(values, scale, shift, least=1),
            "weight and bias are missing: each channel has one of each.": _normed(values, ones, 0 * shift),
            "the bias is missing.": _normed(values, scale, 0 * shift),
            "divide by the standard deviation, not by the variance.": _normed(values, scale, 0 * shift)
            / np.sqrt(values.var((1, 2, 3), keepdims=True))
            + shift[:, None, None],
            "the mean is missing: subtract it first.": values / values.std((1, 2, 3), keepdims=True) * scale[:, None, None]
            + shift[:, None, None],
        }
        compare(call(student, x, weight, bias), _normed(values, scale, shift), "norm(X)", "images, channels, tokens down, across", mistakes)
    return "one mean and one variance for each image"


class _Norm(nn.GroupNorm):
    def __init__(self, channels: int, seed: int):
        super().__init__(1, channels, eps=1e-6)
        self.weight.data.copy_(1 + 0.5 * random(channels, seed=seed))
        self.bias.data.copy_(0.5 * random(channels, seed=seed + 1))
        self.requires_grad_(False)


def _hmhsa(x: np.ndarray, parts: SimpleNamespace, g1: int, g2: int, mistake: str = "") -> np.ndarray:
    """The release's H-MHSA without its "+ X", by Eqs. 6 to 14 and its three norms."""

    def norm(values: np.ndarray, name: str) -> np.ndarray:
        module = getattr(parts, name)
        return values if mistake == name else _normed(values, module.weight.numpy(), module.bias.numpy())

    normed = norm(x, "norm")
    local = local_result(normed, (parts.wq1, parts.wk1, parts.wv1), parts.heads, g1)
    joined = local + (normed if mistake == "residual" else 0 if mistake == "no residual" else x)
    a1 = norm(joined, "grid_norm")
    cells = norm(pool_cells(joined if mistake == "pool joined" else a1, g2), "ds_norm")
    a2 = global_result(a1, cells, (parts.wq2, parts.wk2, parts.wv2), parts.heads, mistake if mistake == "not pooled" else "")
    return to_map(apply(parts.wp, to_rows((joined if mistake == "add joined" else a1) + a2)), *x.shape[2:])


@check
def hmhsa(student) -> str:
    """The release's H-MHSA: hmhsa(x, parts, g1, g2)."""
    for b, heads, d, h, w, g1, g2 in ((2, 3, 5, 7, 11, 3, 2), (1, 2, 3, 6, 10, 2, 5), (1, 1, 7, 5, 3, 7, 2)):
        c = heads * d
        x = 1 + 2 * random(b, c, h, w)
        names = ("wq1", "wk1", "wv1", "wq2", "wk2", "wv2", "wp")
        norms = {name: _Norm(c, seed) for name, seed in (("norm", 20), ("grid_norm", 30), ("ds_norm", 40))}
        parts = SimpleNamespace(**dict(zip(names, linears(7, c), strict=True)), **norms, heads=heads)
        values = x.numpy().astype(float)
        right = _hmhsa(values, parts, g1, g2)
        named = {
            "residual": "your residual of Eq. 9 is norm(X) instead of X: only the windows read norm(X).",
            "no residual": "the residual of Eq. 9 is missing.",
            "norm": "norm is missing: the windows hold norm(X).",
            "grid_norm": "grid_norm is missing: it comes after Eq. 9, and Eqs. 10 to 14 read its result.",
            "ds_norm": "ds_norm is missing: it comes after the pooling of Eq. 10.",
            "not pooled": "K and V must come from the pooled map.",
            "pool joined": "Eq. 10 pools the result of grid_norm.",
            "add joined": "Eq. 14 adds the result of grid_norm, not the sum before it.",
        }
        mistakes = {message: _hmhsa(values, parts, g1, g2, mistake) for mistake, message in named.items()}
        mistakes['leave out the "+ X" of Eq. 14: the block adds it.'] = right + values
        compare(call(student, x, parts, g1, g2), right, "the output", MAP, mistakes)
    return "the released H-MHSA, on maps of any size"


@check
def silu(student) -> str:
    """silu(x)."""
    x = 3 * random(2, 5, 7)
    values = x.numpy().astype(float)
    gate = 1 / (1 + np.exp(-values))
    erf = np.vectorize(math.erf)
    mistakes = {
        "that is the sigmoid: multiply it by x.": gate,
        "that is ReLU; SiLU has no corner at 0.": np.maximum(values, 0),
        "that is GELU: SiLU's gate is the sigmoid.": values * (1 + erf(values / math.sqrt(2))) / 2,
        "the gate is sigmoid(x), not sigmoid(-x).": values * (1 - gate),
    }
    compare(call(student, x), values * gate, "SiLU(x)", "as x", mistakes)
    return "x, damped where it is negative"


@check
def block(student) -> str:
    """One transformer block: block(x, attention, mlp)."""
    for shape in ((2, 5, 3, 7), (1, 3, 2, 11)):
        x = random(*shape)
        first, second = linear(shape[1], shape[1], 8), linear(shape[1], shape[1], 9)

        def on_map(layer: nn.Linear, bend):
            return lambda tokens: bend(layer(tokens.movedim(1, -1))).movedim(-1, 1)

        def both(values: np.ndarray, first: nn.Linear = first, second: nn.Linear = second, mistake: str = "") -> np.ndarray:
            near = to_map(np.tanh(apply(first, to_rows(values))), *values.shape[2:])
            middle = near if mistake == "first" else values + near
            after = to_map(np.tanh(apply(second, to_rows(values if mistake == "side by side" else middle))), *values.shape[2:])
            return after if mistake == "second" else (values if mistake == "x" else middle) + after

        values = x.numpy().astype(float)
        mistakes = {
            "the first residual is missing: X + attention(X).": both(values, mistake="first"),
            "the second residual is missing.": both(values, mistake="second"),
            "the second residual is the input of the MLP, not X.": both(values, mistake="x"),
            "the MLP reads the sum X + attention(X), not X.": both(values, mistake="side by side"),
        }
        got = call(student, x, on_map(first, torch.tanh), on_map(second, torch.tanh))
        compare(got, both(values), "Y", MAP, mistakes)
    return "attention adds, then the MLP adds"
