"""Checks of notebook 4: Eq. 14, the norms of the released model, the block, and the MLP."""

import itertools
import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from tutorials.machinery.checks.global_attention import pool
from tutorials.machinery.checks.grading import MAP, Wrong, call, check, compare, random
from tutorials.machinery.checks.reference import apply, global_result, linear, linears, local_result, pool_cells, to_map, to_rows

__all__ = ["near", "pool", "read_cells", "output", "group_norm", "hmhsa", "block", "silu", "depthwise", "mlp"]

# Mistakes that several checks name.
NO_SCALE = "the scale 1/sqrt(d) is missing."
BY_C = "divide the scores by sqrt(d), d the channels of one head, not by sqrt(c)."
BY_D = "divide the scores by sqrt(d), not by d."
OVER_QUERIES = "softmax goes over the keys, the last axis: the weights of each query sum to 1."
INTERLEAVED = "head 1 has the first d channels, head 2 the next d: (heads d), not (d heads)."
VIEWED = "a view does not move axes: `.view(b, heads, n, d)` cuts the tokens apart. View as (b, n, heads, d), then swap n and heads."
NO_BIAS = "a layer's bias is missing: call the layer, or add `.bias`."
TURNED = "a layer's weight is stored as [out, in]: call the layer, or multiply by `.weight.T`."
NO_RESIDUAL_YET = "leave out the residual here: it is added later."


def _without_bias(layer: nn.Linear) -> nn.Linear:
    """A copy of a layer as a student uses it who forgets the bias."""
    copied = nn.Linear(layer.in_features, layer.out_features)
    copied.weight.data.copy_(layer.weight)
    copied.bias.data.zero_()
    return copied.requires_grad_(False)


def _turned(layer: nn.Linear) -> nn.Linear:
    """A copy of a square layer as a student uses it who multiplies by `weight` instead of its transpose."""
    copied = nn.Linear(layer.in_features, layer.out_features)
    copied.weight.data.copy_(layer.weight.T)
    copied.bias.data.copy_(layer.bias)
    return copied.requires_grad_(False)


def _attention_mistakes(
    run: Callable[[Sequence[nn.Linear], str], np.ndarray], layers: Sequence[nn.Linear], heads: int
) -> dict[str, np.ndarray]:
    """What local and global attention have in common. run(layers, mistake): the attention with these layers, and that mistake."""
    right = run(layers, "")
    b, c, h, w = right.shape
    return {
        "merge the heads as they were split: (heads d), not (d heads).": (
            right.reshape(b, heads, c // heads, h, w).swapaxes(1, 2).reshape(right.shape)
        ),
        "the keys come from the second layer; the first makes queries.": run([layers[i] for i in (0, 0, 2)], ""),
        NO_SCALE: run(layers, "no scale"),
        BY_C: run(layers, "by c"),
        BY_D: run(layers, "by d"),
        OVER_QUERIES: run(layers, "over queries"),
        INTERLEAVED: run(layers, "interleaved"),
        VIEWED: run(layers, "viewed"),
        VIEWED + " (The way back, too.)": run(layers, "viewed both"),
        "a view does not move axes: put heads beside the channels, b n heads d, before you view them as c.": run(layers, "viewed back"),
        NO_BIAS: run([_without_bias(layer) for layer in layers], ""),
        TURNED: run([_turned(layer) for layer in layers], ""),
        "the three layers are mixed up: the first makes queries, the second keys, the third values.": run(
            [layers[i] for i in (1, 0, 2)], ""
        ),
        "the values come from the third layer; the second makes keys.": run([layers[i] for i in (0, 1, 1)], ""),
    }


@check
def near(student) -> str:
    """Eqs. 6 to 8: near(x, wq, wk, wv, heads, g)."""
    for b, heads, d, h, w, g, score in ((2, 3, 5, 7, 11, 3, 0), (1, 2, 3, 6, 10, 2, 0), (3, 2, 2, 3, 2, 4, 0), (1, 1, 4, 4, 5, 3, -150)):
        x, layers = random(b, heads * d, h, w), linears(3, heads * d)
        x[:, :, 1, 1] = 0  # a token may be zero, and is real all the same
        if score:  # so low that -100 would hide nothing
            layers[0].bias.add_(math.sqrt(-score / math.sqrt(d)))
            layers[1].bias.sub_(math.sqrt(-score / math.sqrt(d)))
        values = x.numpy().astype(float)

        def run(layers: Sequence[nn.Linear], mistake: str, values=values, heads=heads, g=g) -> np.ndarray:
            return local_result(values, layers, heads, g, mistake)

        right = run(layers, "")
        mistakes = {
            NO_RESIDUAL_YET: right + values,
            "the padding of windows at the edge gets weight: hide the keys that are not real.": run(layers, "padding"),
            "the padding still gets a little weight: a hidden key needs a score of -inf, not one that is merely low.": run(
                layers, "low score"
            ),
            "the padding must lose its weight before the softmax (a score of -inf); removed after it, rows no longer sum to 1.": run(
                layers, "late mask"
            ),
            "a token of the map may be zero: ask where it lies, not what it holds, to find the padding.": run(layers, "zero is padding"),
            "your windows are dilated: (gh i), not (i gh). Each holds every gh-th token instead of neighbours.": run(layers, "dilated"),
            "you pad at the top and left; pad at the bottom and right.": run(layers, "top left"),
            "the windows go back in another order than they were cut: (b gh gw), not (b gw gh).": run(layers, "columns first"),
        }
        mistakes |= _attention_mistakes(run, layers, heads)
        compare(call(student, x, *layers, heads, g), right, "the local result", MAP, mistakes)
    return "near: Eqs. 6 to 8, on maps of any size"


@check
def read_cells(student) -> str:
    """Eqs. 11 to 13: read_cells(a1, cells, wq, wk, wv, heads)."""
    for b, heads, d, h, w, down, across in ((2, 3, 5, 7, 11, 3, 2), (1, 2, 3, 5, 2, 1, 7), (3, 2, 2, 3, 3, 3, 3)):
        a1, cells, layers = random(b, heads * d, h, w, seed=1), random(b, heads * d, down, across, seed=2), linears(3, heads * d)
        local, far = a1.numpy().astype(float), cells.numpy().astype(float)

        def run(layers: Sequence[nn.Linear], mistake: str, local=local, far=far, heads=heads) -> np.ndarray:
            return global_result(local, far, layers, heads, mistake)

        right = run(layers, "")
        mistakes = {
            "K and V must come from the pooled map.": run(layers, "not pooled"),
            NO_RESIDUAL_YET: right + local,
            "your map is filled column by column: (h w), not (w h).": to_map(to_rows(right), w, h).swapaxes(2, 3),
            "the output has the size of the cells: queries come from a1, one for each token.": global_result(far, far, layers, heads),
        }
        if right.shape == far.shape:
            mistakes["cells and tokens are mixed up: a1 reads, and the cells are read."] = global_result(far, local, layers, heads)
        mistakes |= _attention_mistakes(run, layers, heads)
        compare(call(student, a1, cells, *layers, heads), right, "the global result", MAP, mistakes)
    return "far: Eqs. 11 to 13, every token reads every cell"


@check
def output(student) -> str:
    """Eq. 14: output(a1, a2, wp, x)."""
    for b, c, h, w in ((2, 5, 3, 7), (1, 3, 11, 2), (2, 4, 4, 4)):
        a1, a2, x = (random(b, c, h, w, seed=seed) for seed in (1, 2, 3))
        wp = linear(c, c, 4)
        local, far, given = (values.numpy().astype(float) for values in (a1, a2, x))

        def mixed(values: np.ndarray, wp: nn.Linear = wp) -> np.ndarray:
            return to_map(apply(wp, to_rows(values)), *values.shape[2:])

        rows = apply(wp, to_rows(local + far))
        mistakes = {
            "the residual is missing: + X.": mixed(local + far),
            "the residual comes after Wp: X itself is not multiplied.": mixed(local + far + given),
            "X is added twice: it goes around Wp, and not through it as well.": mixed(local + far + given) + given,
            "Wp mixes both: (A1 + A2) Wp, not A1 + A2 Wp.": local + mixed(far) + given,
            "Wp mixes both: (A1 + A2) Wp, not A1 Wp + A2.": mixed(local) + far + given,
            "you call Wp twice, and so add its bias twice: add A1 and A2 first.": mixed(local) + mixed(far) + given,
            "Wp is missing.": local + far + given,
            "the local result is missing: A1 + A2.": mixed(far) + given,
            "the global result is missing: A1 + A2.": mixed(local) + given,
            "the residual is X, the input of the block, not A1.": mixed(local + far) + local,
            "the bias of Wp is missing: call the layer, or add `.bias`.": mixed(local + far, _without_bias(wp)) + given,
            TURNED: mixed(local + far, _turned(wp)) + given,
            "a view does not move axes: after the layer the channels are last. Move them back, `b h w c -> b c h w`.": rows.reshape(
                b, c, h, w
            )
            + given,
        }
        if c == w:
            across = (local + far) @ wp.weight.numpy().astype(float).T + wp.bias.numpy()
            mistakes["the layer mixed the columns of the map: it works on the last axis, so move the channels there."] = across + given
        compare(call(student, a1, a2, wp, x), mixed(local + far) + given, "the output", MAP, mistakes)
    return "local and global, mixed by one matrix, and added to the input"


def _normed(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, axes: tuple[int, ...] = (1, 2, 3), least: int = 0, eps: float = 1e-6
) -> np.ndarray:
    centred = x - x.mean(axes, keepdims=True)
    variance = (centred**2).sum(axes, keepdims=True) / max(1, np.prod([x.shape[axis] for axis in axes]) - least)
    with np.errstate(invalid="ignore", divide="ignore"):  # without eps, a mistake, an even picture gives 0 / 0
        return centred / np.sqrt(variance + eps) * weight[:, None, None] + bias[:, None, None]


@check
def group_norm(student) -> str:
    """GroupNorm with one group: group_norm(x, weight, bias). The last pictures are nearly, and wholly, even: there eps matters."""
    for shape, spread in (((2, 5, 3, 7), 2), ((1, 4, 2, 3), 2), ((3, 2, 2, 1), 1e-4), ((1, 4, 3, 4), 1e-4), ((1, 3, 2, 2), 0)):
        wide = spread > 1
        x = random(*shape) * (1 + torch.arange(shape[0]).view(-1, 1, 1, 1)) * spread
        x = x + (3 + random(1, shape[1], 1, 1, seed=7) if wide else 1e-3)
        weight, bias = 1 + 0.5 * random(shape[1], seed=5), random(shape[1], seed=6)
        values, scale, shift = x.numpy().astype(float), weight.numpy().astype(float), bias.numpy().astype(float)
        ones, axes = np.ones_like(scale), (1, 2, 3)
        centred = values - values.mean(axes, keepdims=True)
        deviation = values.std(axes, keepdims=True)

        def scaled(values: np.ndarray, scale=scale, shift=shift) -> np.ndarray:
            return values * scale[:, None, None] + shift[:, None, None]

        right = _normed(values, scale, shift)
        if spread == 0 and torch.isnan(got := call(student, x, weight, bias)).any():
            raise Wrong("a map whose numbers are all alike gives nan: 0 / 0. The square root holds the variance + 1e-6.")
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
            "the weight is missing.": _normed(values, ones, shift),
            "weight and bias are mixed up: multiply by the weight, then add the bias.": _normed(values, shift, scale),
            "the bias is added first and scaled with the rest; the weight multiplies, then the bias is added.": (
                (_normed(values, ones, 0 * shift) + shift[:, None, None]) * scale[:, None, None]
            ),
            "divide by the standard deviation, not by the variance.": scaled(centred / (deviation**2 + 1e-6)),
            "the mean is missing: subtract it first.": scaled(values / np.sqrt(deviation**2 + 1e-6)),
            "1e-6 is added to the variance, under the root; you add it to the standard deviation.": scaled(centred / (deviation + 1e-6)),
            "the variance gets + 1e-6; yours gets 1e-5 (the default of many norms).": _normed(values, scale, shift, eps=1e-5),
            "the 1e-6 is missing under the root: a map with a small variance shows it.": _normed(values, scale, shift, eps=0),
        }
        got = call(student, x, weight, bias)
        compare(got, right, "norm(X)", "images, channels, tokens down, across", mistakes, tolerance=1e-4 if wide else 1e-3)
    return "one mean and one variance for each image, even for one without contrast"


class _Norm(nn.GroupNorm):
    def __init__(self, channels: int, seed: int):
        super().__init__(1, channels, eps=1e-6)
        self.weight.data.copy_(1 + 0.5 * random(channels, seed=seed))
        self.bias.data.copy_(0.5 * random(channels, seed=seed + 1))
        self.requires_grad_(False)


def _norm(values: np.ndarray, module: nn.GroupNorm) -> np.ndarray:
    return _normed(values, module.weight.numpy().astype(float), module.bias.numpy().astype(float))


def _hmhsa(x: np.ndarray, parts: SimpleNamespace, g1: int, g2: int, mistake: str = "") -> np.ndarray:
    """The release's H-MHSA without its "+ X", by Eqs. 6 to 14 and its three norms."""
    names = ("norm", "ds_norm", "grid_norm") if mistake == "swapped norms" else ("norm", "grid_norm", "ds_norm")
    modules = dict(zip(("norm", "grid_norm", "ds_norm"), (getattr(parts, name) for name in names), strict=True))

    def norm(values: np.ndarray, name: str) -> np.ndarray:
        return values if mistake == name else _norm(values, modules[name])

    first, second = (parts.wq1, parts.wk1, parts.wv1), (parts.wq2, parts.wk2, parts.wv2)
    if mistake == "first layers":
        second = first
    normed = norm(x, "norm")
    local = local_result(normed, first, parts.heads, g1)
    if mistake == "norm after":
        local = _norm(local_result(x, first, parts.heads, g1), modules["norm"])
    joined = local + (normed if mistake == "residual" else 0 if mistake == "no residual" else x)
    a1 = norm(joined, "grid_norm")
    if mistake == "norm before residual":
        a1 = norm(local, "grid_norm") + x
    cells = norm(pool_cells(joined if mistake == "pool joined" else a1, g2), "ds_norm")
    if mistake == "norm before pool":
        cells = pool_cells(norm(a1, "ds_norm"), g2)
    reader = joined if mistake == "read joined" else norm(a1, "ds_norm") if mistake == "reader normed" else a1
    a2 = global_result(reader, cells, second, parts.heads, mistake if mistake == "not pooled" else "")
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
            "residual": "Eq. 9 adds X as it came in; you add norm(X). Only the windows are cut from norm(X).",
            "no residual": "the residual of Eq. 9 is missing: X, as it came in, is added before grid_norm.",
            "norm": "norm is missing: cut the windows from norm(X), not from X.",
            "norm after": "norm comes before the windows are cut; you apply it to their result.",
            "grid_norm": "grid_norm is missing: it comes after Eq. 9, and Eqs. 10 to 14 read its result.",
            "norm before residual": "grid_norm comes after the residual of Eq. 9: it normalises the sum.",
            "ds_norm": "ds_norm is missing: it comes after the pooling of Eq. 10.",
            "norm before pool": "ds_norm comes after the pooling of Eq. 10; you normalise first and pool then.",
            "swapped norms": "grid_norm and ds_norm have each other's place.",
            "not pooled": "K and V must come from the pooled map.",
            "pool joined": "Eq. 10 pools the result of grid_norm; you pool the sum before it.",
            "read joined": "the queries of Eq. 12 come from the result of grid_norm; yours come from the sum before it.",
            "reader normed": "ds_norm is for the cells alone; your queries come from a map that went through it.",
            "add joined": "Eq. 14 adds the result of grid_norm; you add the sum before it.",
            "first layers": "the global step has layers of its own: wq2, wk2, wv2.",
        }
        mistakes = {message: _hmhsa(values, parts, g1, g2, mistake) for mistake, message in named.items()}
        mistakes['leave out the "+ X" of Eq. 14: the block adds it.'] = right + values
        if g1 != g2:
            mistakes["G1 is the side of a window, G2 that of a cell; you swapped them."] = _hmhsa(values, parts, g2, g1)
        compare(call(student, x, parts, g1, g2), right, "the output", MAP, mistakes)
    return "the released H-MHSA, on maps of any size"


@check
def block(student) -> str:
    """One transformer block: block(x, attention, mlp)."""
    for shape in ((2, 5, 3, 7), (1, 3, 2, 11)):
        x = random(*shape)
        first, second = linear(shape[1], shape[1], 8), linear(shape[1], shape[1], 9)

        def on_map(layer: nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
            return lambda tokens: torch.tanh(layer(tokens.movedim(1, -1))).movedim(-1, 1)

        def attention(values: np.ndarray, layer: nn.Linear = first) -> np.ndarray:
            return to_map(np.tanh(apply(layer, to_rows(values))), *values.shape[2:])

        def mlp(values: np.ndarray, layer: nn.Linear = second) -> np.ndarray:
            return attention(values, layer)

        values = x.numpy().astype(float)
        middle = values + attention(values)
        mistakes = {
            "both residuals are missing: each function adds to the map that it reads.": mlp(attention(values)),
            "the first residual is missing: X + attention(X).": attention(values) + mlp(attention(values)),
            "the second residual is missing.": mlp(middle),
            "the second residual is what the MLP has read, not X.": values + mlp(middle),
            "the MLP reads the sum X + attention(X), not X.": middle + mlp(values),
            "the MLP reads the sum X + attention(X), not attention(X) alone.": middle + mlp(attention(values)),
            "X is added twice: the sum X + attention(X) holds it already.": values + middle + mlp(middle),
            "attention comes first, then the MLP.": values + mlp(values) + attention(values + mlp(values)),
            "the MLP is missing.": middle,
            "attention is missing.": values + mlp(values),
        }
        compare(call(student, x, on_map(first), on_map(second)), middle + mlp(middle), "Y", MAP, mistakes)
    return "attention adds, then the MLP adds"


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(values / 2))


@check
def silu(student) -> str:
    """silu(x), for numbers of any size."""
    erf = np.vectorize(math.erf)
    for x in (3 * random(2, 5, 7), torch.zeros(1, 3), torch.tensor([[-1000.0, -100.0, -20.0, 20.0, 100.0, 1000.0]])):
        values = x.numpy().astype(float)
        gate = _sigmoid(values)
        tanh = 1 + np.tanh(math.sqrt(2 / math.pi) * (values + 0.044715 * values**3))
        mistakes = {
            "that is the gate, the sigmoid: multiply it by x.": gate,
            "that is ReLU; SiLU has no corner at 0.": np.maximum(values, 0),
            "that is GELU: SiLU's gate is the sigmoid.": values * (1 + erf(values / math.sqrt(2))) / 2,
            "that is GELU (in its tanh form): SiLU's gate is the sigmoid.": values * tanh / 2,
            "that is an approximation of GELU: SiLU's gate is the sigmoid of x itself.": values * _sigmoid(1.702 * values),
            "the gate is sigmoid(x), not sigmoid(-x).": values * (1 - gate),
            "the gate is the sigmoid, between 0 and 1; yours is tanh.": values * np.tanh(values),
            "that is softplus: SiLU multiplies x by a gate.": np.logaddexp(0, values),
        }
        got = call(student, x)
        if isinstance(got, torch.Tensor) and not torch.isfinite(got).all():
            raise Wrong("numbers like 100 or 1000 give nan: e^x is infinite in float32 above 88, and infinity / infinity is nan.")
        compare(got, values * gate, "SiLU(x)", "as x", mistakes)
    return "x times its own gate, however large x is"


def _depthwise(x: np.ndarray, kernels: np.ndarray, mistake: str = "") -> np.ndarray:
    """A loop over channels, tokens and the places of the kernel. Outside the map there are zeros."""
    _, c, h, w = x.shape
    k = kernels.shape[-1]
    if mistake == "turned":
        kernels = kernels[:, ::-1, ::-1]
    if mistake == "transposed":
        kernels = kernels.swapaxes(1, 2)
    out = np.zeros_like(x)
    for channel, y, z, i, j in itertools.product(range(c), range(h), range(w), range(k), range(k)):
        row, column = y + i - k // 2, z + j - k // 2
        if mistake == "around":
            row, column = row % h, column % w
        if mistake == "edge":
            row, column = min(max(row, 0), h - 1), min(max(column, 0), w - 1)
        if mistake == "corner":
            row, column = y + i, z + j
        if 0 <= row < h and 0 <= column < w:
            out[:, channel, y, z] += kernels[channel, i, j] * x[:, channel, row, column]
    if mistake == "mixed":
        return np.repeat(out.sum(1, keepdims=True), c, axis=1)
    if mistake == "one kernel":
        return _depthwise(x, np.repeat(kernels[:1], c, axis=0))
    return out


@check
def depthwise(student) -> str:
    """depthwise(x, kernels): against a loop."""
    for b, c, h, w, k in ((2, 3, 5, 7, 3), (1, 2, 6, 4, 5), (1, 4, 1, 3, 3), (3, 2, 3, 3, 1)):
        x, kernels = random(b, c, h, w), random(c, k, k, seed=3)
        values, weights = x.numpy().astype(float), kernels.numpy().astype(float)
        named = {
            "turned": "your kernel is turned by 180 degrees: the weight in its first row is for the neighbour above.",
            "transposed": "rows and columns of the kernel are swapped: i goes down, j goes across.",
            "around": "the map is not a ring: what leaves it at the right does not come back at the left (torch.roll). Outside are zeros.",
            "edge": "outside the map are zeros, not copies of the tokens at the edge.",
            "corner": "the kernel's centre lies on the token; yours begins there. Pad on all four sides.",
            "mixed": "the channels are mixed; depthwise means that each channel reads itself alone.",
            "one kernel": "every channel has a kernel of its own; yours all use the first.",
        }
        mistakes = {message: _depthwise(values, weights, mistake) for mistake, message in named.items()}
        if h >= k and w >= k:
            edge = slice(k // 2, -(k // 2) or None)
            inner = _depthwise(values, weights)[:, :, edge, edge]
            mistakes[f"the map has shrunk: pad it with k // 2 zeros on every side (here {k // 2})."] = inner
        if k > 1:
            fixed = weights[:, k // 2 - 1 : k // 2 + 2, k // 2 - 1 : k // 2 + 2]
            mistakes["your kernel is always 3 x 3: take its side from kernels.shape."] = _depthwise(values, fixed)
            mistakes["that is the mean or the sum of the neighbours: each has a weight of its own."] = _depthwise(
                values, np.ones_like(weights)
            )
        right = _depthwise(values, weights)
        mistakes = {message: wrong for message, wrong in mistakes.items() if wrong.shape != right.shape or not np.allclose(wrong, right)}
        compare(call(student, x, kernels), right, "the result", MAP, mistakes)
    return "every channel mixed with its neighbours, on maps and kernels of any size"


def _mlp(x: np.ndarray, parts: SimpleNamespace, mistake: str = "") -> np.ndarray:
    """The released MLP; `mistake` leaves a step out, or misplaces it."""

    def activated(values: np.ndarray, name: str) -> np.ndarray:
        return values if mistake == name else values * _sigmoid(values)

    def project(layer: nn.Linear, values: np.ndarray) -> np.ndarray:
        return to_map(to_rows(values) @ layer.weight.numpy().astype(float).T, *values.shape[2:])

    kernels = parts.kernels.numpy().astype(float)
    normed = x if mistake == "norm" else _norm(x, parts.norm)
    wide = project(parts.expand, normed)
    if mistake == "silu late":
        mixed = activated(activated(_depthwise(wide, kernels), ""), "")
    elif mistake == "depthwise":
        mixed = activated(wide, "")
    elif mistake == "residual inside":
        wide = activated(wide, "")
        mixed = wide + activated(_depthwise(wide, kernels), "")
    else:
        mixed = activated(_depthwise(activated(wide, "first"), kernels), "second")
    result = project(parts.reduce, mixed)
    if mistake == "silu last":
        result = activated(result, "")
    return result if mistake == "out_norm" else _norm(result, parts.out_norm)


@check
def mlp(student) -> str:
    """The released MLP: mlp(x, parts)."""
    for b, c, expansion, h, w in ((2, 3, 4, 4, 5), (1, 4, 2, 3, 6)):
        x, hidden = 1 + 2 * random(b, c, h, w), c * expansion
        expand, reduce = (nn.Linear(*sizes, bias=False).requires_grad_(False) for sizes in ((c, hidden), (hidden, c)))
        expand.weight.copy_(2 * random(hidden, c, seed=50))
        reduce.weight.copy_(random(c, hidden, seed=51))
        parts = SimpleNamespace(
            norm=_Norm(c, 52), expand=expand, kernels=random(hidden, 3, 3, seed=54), reduce=reduce, out_norm=_Norm(c, 55)
        )
        values = x.numpy().astype(float)
        named = {
            "norm": "the norm at the beginning is missing.",
            "first": "a SiLU is missing: there is one after expand, too.",
            "second": "a SiLU is missing: there is one after the depthwise convolution, too.",
            "depthwise": "the depthwise convolution is missing, with its SiLU.",
            "silu late": "the first SiLU comes before the depthwise convolution.",
            "silu last": "no SiLU follows reduce.",
            "out_norm": "out_norm is missing at the end.",
            "residual inside": "no residual goes around the convolution: the block has the only ones.",
        }
        mistakes = {message: _mlp(values, parts, mistake) for mistake, message in named.items()}
        right = _mlp(values, parts)
        mistakes["leave out the residual: the block adds it."] = right + values
        swapped = SimpleNamespace(**vars(parts) | dict(norm=parts.out_norm, out_norm=parts.norm))
        mistakes["norm and out_norm have each other's place."] = _mlp(values, swapped)
        compare(call(student, x, parts), right, "the output", MAP, mistakes)
    return "the released MLP, without any convolution of PyTorch"
