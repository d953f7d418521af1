"""Checks of notebook 1, from pixels to tokens, and of the equations of plain attention (Eqs. 1 to 5)."""

import math

import numpy as np
from torch import nn

from tutorials.checks.grading import call, check, compare, number, random, several
from tutorials.checks.reference import apply, linear, linears, merge_heads, split_heads, to_rows, weights

__all__ = ["rows", "qkv", "attention", "project", "finish", "macs"]


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
        for index, (name, product, answer) in enumerate(zip(what, products, got, strict=True)):
            right = split_heads(product, heads)
            mistakes = {
                f"the heads of {name} share channels: head 1 has the first d, so write (heads d), not (d heads).": split_heads(
                    product, heads, "interleaved"
                ),
                f"{name} is not split into heads yet.": product,
                f"in {name} the heads come after the tokens; wanted {'windows' if what[0] == 'Q1' else 'b'} heads n d.": right.swapaxes(
                    1, 2
                ),
                f"{name} is not projected yet: call its layer.": split_heads(sources[index].numpy(), heads),
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
        "these are scores: the softmax is missing.": np.einsum("...nd,...md->...nm", q, k) / math.sqrt(q.shape[-1]),
    }
    mistakes["keys and queries are swapped: Q K^T, not K Q^T."] = weights(k, q)
    mistakes["your weights are transposed; wanted queries down, keys across."] = weights(q, k, real).swapaxes(-1, -2)
    return mistakes


@check
def attention(student) -> str:
    """Eq. 2: attention(q, k, v) -> (a, p)."""
    for b, heads, n, m, d in ((2, 3, 7, 7, 5), (1, 2, 5, 11, 3), (3, 1, 13, 2, 7)):
        q, k, v = random(b, heads, n, d, seed=1), random(b, heads, m, d, seed=2), random(b, heads, m, d, seed=3)
        a, p = several(call(student, q, k, v), 2, "the output A and the weights")
        right = weights(q.numpy(), k.numpy())
        compare(p, right, "the weights", "images, heads, queries, keys", weight_mistakes(q.numpy(), k.numpy()))
        values = v.numpy()
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
            "merge order wrong: channels are (heads d), head after head, not (d heads).": mixed,
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
            "the projections need C^2, not C: every new channel reads every channel.": 3 * tokens * c + 2 * product,
        }
        number(call(student, h, w, c), 3 * one + 2 * product, "the count", mistakes)
    return "three projections and two products"
