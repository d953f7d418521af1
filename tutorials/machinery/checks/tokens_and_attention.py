"""Checks of notebook 1, from pixels to tokens, and of the equations of plain attention (Eqs. 1 to 5)."""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from tutorials.machinery.checks.grading import Wrong, call, check, compare, number, random, several
from tutorials.machinery.checks.reference import apply, linear, linears, merge_heads, split_heads, to_rows, weights

__all__ = ["rows", "qkv", "attention", "project", "finish", "macs", "in_pieces"]

# What several checks say.
NO_BIAS = "the layer's bias is missing: call the layer, or add `.bias`."
TURNED = "a layer's weight is stored as [out, in]: call the layer, or multiply by `.weight.T`."
OVERFLOW = (
    "some weights are nan: exp of a large score is inf in float32, and that of a very low one is 0. "
    "Subtract the largest score of each row before exp, or use softmax, which does."
)


@check
def rows(student) -> str:
    """Eq. 11, and before Eq. 1: rows(x)."""
    for shape in ((2, 5, 3, 7), (1, 3, 11, 2), (3, 2, 1, 5)):
        x = random(*shape)
        values, (b, c, h, w) = x.numpy(), shape
        across = to_rows(values.swapaxes(2, 3))
        mistakes = {
            "your tokens are listed column by column: (h w), not (w h).": across,
            "a reshape does not move the channels: it puts numbers of several tokens into one row. State the new order of the axes.": (
                values.reshape(b, h * w, c)
            ),
            "your rows are channels; wanted one row for each token, b (h w) c.": values.reshape(b, c, h * w),
            "the channels are last, but this is still a map: combine h and w into one axis.": np.moveaxis(values, 1, 3),
            "the axis b is gone: every image keeps a list of its own.": to_rows(values).reshape(b * h * w, c),
        }
        compare(call(student, x), to_rows(values), "the list of tokens", "images, tokens, channels", mistakes)
    return "one row for each token, in reading order"


def check_projections(student, what: tuple[str, str, str], shapes, same: bool) -> None:
    """Eqs. 1, 7 and 12: three layers on rows of tokens, and the channels split into heads. same: all three take the same rows."""
    for b, n, m, heads, d in shapes:
        c = heads * d
        queries, keys = random(b, n, c, seed=1), random(b, m, c, seed=2)
        if same:
            keys = queries
        layers = linears(3, c)
        given = (queries,) if same else (queries, keys)
        got = several(call(student, *given, *layers, heads), 3, ", ".join(what), stacked=True)
        sources = (queries, keys, keys)
        products = [apply(layer, rows.numpy()) for layer, rows in zip(layers, sources, strict=True)]
        images = "windows" if what[0] == "Q1" else "b"
        for index, (name, product, answer) in enumerate(zip(what, products, got, strict=True)):
            right = split_heads(product, heads)
            mistakes = {
                f"the heads of {name} share channels: head 1 has the first d, so write (heads d), not (d heads).": split_heads(
                    product, heads, "interleaved"
                ),
                f"{name} is not split into heads yet.": product,
                f"in {name} the heads come after the tokens; wanted {images} heads n d.": right.swapaxes(1, 2),
                f"a view does not move axes: `.view({images}, heads, n, d)` cuts the tokens of {name} apart. "
                f"View as ({images}, n, heads, d), then swap n and heads.": split_heads(product, heads, "viewed"),
                f"{name} is not projected yet: call its layer.": split_heads(sources[index].numpy(), heads),
                f"{name}: {NO_BIAS}": split_heads(product - layers[index].bias.numpy(), heads),
                f"{name}: {TURNED}": split_heads(sources[index].numpy() @ layers[index].weight.numpy() + layers[index].bias.numpy(), heads),
            }
            for other in range(3):
                if other != index:
                    message = f"{name} is what {what[other]} should be: the layers come in the order query, key, value."
                    mistakes[message] = split_heads(products[other], heads)
            if not same:
                wrong = (keys, queries, queries)[index].numpy()
                message = (
                    "Q must come from all tokens: each of them has a query." if index == 0 else "K and V must come from the pooled map."
                )
                mistakes[message] = split_heads(apply(layers[index], wrong), heads)
            compare(answer, right, name, "images (or windows), heads, tokens, channels of a head", mistakes)


@check
def qkv(student) -> str:
    """Eq. 1: qkv(rows, wq, wk, wv, heads)."""
    check_projections(student, ("Q", "K", "V"), ((2, 7, 7, 3, 5), (1, 11, 11, 2, 3), (3, 5, 5, 1, 7)), same=True)
    return "each head has channels of its own"


def weight_mistakes(q: np.ndarray, k: np.ndarray, real: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """The weights of Eq. 2 with each of the usual mistakes: message -> weights."""
    mistakes = {
        "the scale 1/sqrt(d) is missing.": weights(q, k, real, "no scale"),
        "the scale is 1/sqrt(d), not 1/d.": weights(q, k, real, "by d"),
        "the scale uses the channels of one head, d, not all C of them.": weights(q, k, real, "by c"),
        "softmax over the wrong axis: the weights of each query over its keys, the last axis, sum to 1.": weights(
            q, k, real, "over queries"
        ),
        "softmax over the wrong axis: it runs over the heads.": weights(q, k, real, "over heads"),
    }
    scores = np.einsum("...nd,...md->...nm", q, k)
    mistakes["these are scores: the softmax is missing."] = scores / math.sqrt(q.shape[-1])
    mistakes["you multiply by sqrt(d); divide by it."] = weights(q * q.shape[-1], k, real)
    mistakes["the scale comes before the softmax; after it, rows no longer sum to 1."] = weights(q, k, real, "no scale") / math.sqrt(
        q.shape[-1]
    )
    mistakes["these are scores without their scale: divide by sqrt(d), then take the softmax."] = scores
    mistakes["keys and queries are swapped: Q K^T, not K Q^T."] = weights(k, q)
    mistakes["your weights are transposed; wanted queries down, keys across."] = weights(q, k, real).swapaxes(-1, -2)
    return mistakes


@check
def attention(student) -> str:
    """Eq. 2: attention(q, k, v) -> (a, p)."""
    # The last scores are so large that exp alone cannot hold them in float32.
    for b, heads, n, m, d, size in ((2, 3, 7, 7, 5, 1), (1, 2, 5, 11, 3, 1), (3, 1, 13, 2, 7, 1), (1, 2, 5, 3, 4, 100)):
        q, k, v = size * random(b, heads, n, d, seed=1), random(b, heads, m, d, seed=2), random(b, heads, m, d, seed=3)
        a, p = several(call(student, q, k, v), 2, "the output A and the weights")
        values, right = v.numpy(), weights(q.numpy(), k.numpy())
        if size > 1 and isinstance(p, Tensor) and p.isnan().any():
            raise Wrong(OVERFLOW)
        mistakes = {"the two results are swapped: first A, then the weights.": right @ values}
        compare(p, right, "the weights", "images, heads, queries, keys", mistakes | weight_mistakes(q.numpy(), k.numpy()))
        mistakes = {"A is the weights times the values V, not times the keys.": right @ k.numpy()}
        if n == m:
            mistakes["you multiplied the transposed weights by V: p @ v, not p.mT @ v."] = right.swapaxes(-1, -2) @ values
        compare(a, right @ values, "A", "images, heads, queries, channels of a head", mistakes)
    return "each row of weights sums to 1, and A is the mean of the values with these weights"


@check
def project(student) -> str:
    """Eq. 3: project(a, x, wp)."""
    for b, heads, n, d in ((2, 3, 7, 5), (1, 2, 11, 3), (3, 1, 5, 7)):
        c = heads * d
        a, x, wp = random(b, heads, n, d, seed=1), random(b, n, c, seed=2), linear(c, c, 3)
        values, rows = a.numpy().astype(float), x.numpy()
        joined, mixed = merge_heads(values), apply(wp, merge_heads(values, "interleaved")) + rows
        right = apply(wp, joined) + rows
        mistakes = {
            "the residual is missing: + X.": right - rows,
            "the residual comes after the projection: X itself is not multiplied by Wp.": apply(wp, joined + rows),
            "Wp is missing.": joined + rows,
            "add the residual X once, not twice.": right + rows,
            NO_BIAS: right - wp.bias.numpy(),
            TURNED: joined @ wp.weight.numpy() + wp.bias.numpy() + rows,
            "the merge order is wrong: channels are (heads d), head after head, not (d heads).": mixed,
            "the heads must be moved before they are merged: a reshape mixes tokens. Write b heads n d -> b n (heads d).": apply(
                wp, values.reshape(b, n, c)
            )
            + rows,
        }
        compare(call(student, a, x, wp), right, "A'", "images, tokens, channels", mistakes)
    return "heads side by side, mixed by Wp, and added to the input"


@check
def finish(student) -> str:
    """Eq. 4: finish(a, mlp)."""
    for shape in ((2, 7, 5), (1, 3, 11)):
        a = random(*shape)
        hidden, back = linear(shape[-1], 13, 4), linear(13, shape[-1], 5)
        values = a.numpy().astype(float)
        after = apply(back, np.maximum(apply(hidden, values), 0))
        twice = apply(back, np.maximum(apply(hidden, after + values), 0))
        mistakes = {
            "the residual is missing: + A'.": after,
            "the residual is A', the input of the MLP, not its output.": 2 * after,
            "add the residual A' once, not twice.": after + 2 * values,
            "the MLP is missing.": 2 * values,
            "the MLP runs twice.": twice + after + values,
        }
        compare(call(student, a, nn.Sequential(hidden, nn.ReLU(), back)), values + after, "Y", "images, tokens, channels", mistakes)
    return "the MLP adds to the tokens; it does not replace them"


@check
def macs(student) -> str:
    """Eq. 5: macs(h, w, c), counted loop by loop."""
    for h, w, c in ((3, 5, 7), (11, 2, 3), (7, 7, 13)):
        tokens = h * w
        one = sum(c for _ in range(tokens) for _ in range(c))  # one projection: C products for each of C channels of each token
        product = sum(c for _ in range(tokens) for _ in range(tokens))  # QK^T, or its product with V: C for each pair of tokens
        mistakes = {
            "you count FLOPs, multiplications and additions apart; Eq. 5 counts a multiply-add as one.": 2 * (3 * one + 2 * product),
            "that counts one product; there are two: QK^T, and the weights times V.": 3 * one + product,
            "that counts one projection; there are three: Q, K and V.": one + 2 * product,
            "the projections are missing.": 2 * product,
            "the products are missing: every token meets every token.": 3 * one,
            "that also counts Wp, which Eq. 5 leaves out.": 4 * one + 2 * product,
            "the products need (HW)^2, not HW: every token meets every token.": 3 * one + 2 * tokens * c,
            "the square belongs to both sides: (h * w) ** 2, not h * w ** 2.": 3 * one + 2 * h * w**2 * c,
            "the projections need C^2, not C: every new channel reads every channel.": 3 * tokens * c + 2 * product,
        }
        number(call(student, h, w, c), 3 * one + 2 * product, "the count", mistakes)
    return "three projections and two products"


class _Largest(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation makes."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, Tensor):
                self.numbers = max(self.numbers, tensor.numel())
        return made


@check
def in_pieces(student) -> str:
    """in_pieces(q, k, v, size): the output of Eq. 2, `size` keys at a time."""
    for b, heads, n, m, d, size, grows in ((2, 3, 5, 12, 3, 4, 0), (1, 2, 7, 11, 3, 4, 0), (1, 1, 4, 9, 2, 3, 12), (2, 2, 3, 5, 4, 8, 0)):
        q, k, v = random(b, heads, n, d, seed=1), random(b, heads, m, d, seed=2), random(b, heads, m, d, seed=3)
        if grows:  # each piece has far larger scores than the one before
            q, k = q.abs() + 1, k.abs() * (1 + grows * torch.arange(m).view(m, 1))
        got = call(student, q, k, v, size)
        queries, keys, values = (tensor.numpy().astype(float) for tensor in (q, k, v))
        pieces = [slice(start, start + size) for start in range(0, m, size)]
        powers = [np.exp(np.einsum("...nd,...md->...nm", queries, keys[..., piece, :]) / math.sqrt(d)) for piece in pieces]
        parts = [power @ values[..., piece, :] for power, piece in zip(powers, pieces, strict=True)]
        sums = [power.sum(-1, keepdims=True) for power in powers]
        each = [part / total for part, total in zip(parts, sums, strict=True)]
        tops = [np.log(power).max(-1, keepdims=True) for power in powers]
        scaled = [(part * np.exp(-top), total * np.exp(-top)) for part, total, top in zip(parts, sums, tops, strict=True)]
        whole = m // size * size
        kept = weights(queries, keys[..., :whole, :]) @ values[..., :whole, :] if whole else 0 * queries
        if grows and isinstance(got, Tensor) and not got.isfinite().all():
            raise Wrong(
                "some outputs are nan or inf where scores grow from piece to piece: subtract the largest score seen so far, in sums too."
            )
        mistakes = {
            "each piece is a softmax of its own: only the sum over all pieces may divide.": sum(each),
            "the mean over pieces is not it: a piece with larger scores must count for more.": sum(each) / len(each),
            "the last piece alone is left: add up over pieces.": each[-1],
            "the keys that do not fill a piece are left out.": kept,
            "the sums are not divided yet: divide by the sum of all powers at the end.": sum(parts),
            "each piece subtracts a largest score of its own, and the sums before it are not brought to the same.": (
                sum(part for part, _ in scaled) / sum(total for _, total in scaled)
            ),
            "the scale 1/sqrt(d) is missing.": weights(queries, keys, None, "no scale") @ values,
        }
        compare(got, weights(queries, keys) @ values, "A", "images, heads, queries, channels of a head", mistakes)
    q, k, v = (random(1, 1, n, 4, seed=n) for n in (6, 9, 10))
    q[..., 0, :] *= 2000  # one query's scores are far larger than those of the others
    if not call(student, q, k, v[..., :9, :], 4, float64=False).isfinite().all():
        raise Wrong(
            "some outputs are nan or inf where one query has far larger scores than the others: each query subtracts a largest score "
            "of its own, in the type of q."
        )
    with _Largest() as largest:
        student.function(*(random(1, 1, 60, 2, seed=seed) for seed in (1, 2, 3)), 5)
    if largest.numbers >= 60 * 60:
        raise Wrong(
            "the numbers are right, but the whole table of weights was laid out: no tensor may hold a number for each query and key."
        )
    return "the same output, and never more than a piece of the table in memory"
