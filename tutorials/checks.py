"""Checks of notebooks 1 to 4. Each asks the student's function on several shapes and compares with plain loops in NumPy.

Each side and each count is another prime, so that swapped axes cannot pass. Axes as in `hatnet/attention.py`: b images, c channels, h w
tokens down and across, gh gw which window, i j the place in it, n m queries and keys. Layers W are callables, as `torch.nn.Linear` is.
"""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from tutorials.checking import Wrong, ask, check, compare, number, random, several

# The answers, token by token and head by head, in double precision. `mistake` names what is done wrong, where a check wants to know
# what that would give.


def _rows(x: np.ndarray) -> np.ndarray:
    """[b, c, h, w] -> [b, (h w), c]"""
    return np.stack([x[:, :, y, z] for y in range(x.shape[2]) for z in range(x.shape[3])], 1)


def _map(rows: np.ndarray, h: int, w: int) -> np.ndarray:
    """[b, (h w), c] -> [b, c, h, w]"""
    out = np.zeros((len(rows), rows.shape[2], h, w))
    for y, z in itertools.product(range(h), range(w)):
        out[:, :, y, z] = rows[:, y * w + z]
    return out


def _windows(x: np.ndarray, g: int, mistake: str = "") -> np.ndarray:
    """Eq. 6: [b, c, h, w] -> [(b gh gw), (i j), c], with zeros where a window hangs over the edge."""
    b, c, h, w = x.shape
    if mistake == "g windows":
        cut = [x[:, :, y : y + h // g, z : z + w // g] for y in range(0, h, h // g) for z in range(0, w, w // g)]
        return np.stack([_rows(window) for window in cut], 1).reshape(b * g * g, -1, c)
    gh, gw = -(-h // g), -(-w // g)
    top, left = (gh * g - h, gw * g - w) if mistake == "top left" else (0, 0)
    out = np.zeros((b * gh * gw, g * g, c))
    for image, row, column, i, j in itertools.product(range(b), range(gh), range(gw), range(g), range(g)):
        y, z = (i * gh + row, j * gw + column) if mistake == "dilated" else (row * g + i - top, column * g + j - left)
        if 0 <= y < h and 0 <= z < w:
            out[(image * gh + row) * gw + column, i * g + j] = x[image, :, y, z]
    return out


def _unwindowed(x1: np.ndarray, g: int, h: int, w: int, mistake: str = "") -> np.ndarray:
    """Eq. 8: [(b gh gw), (i j), c] -> [b, c, h, w]"""
    gh, gw = -(-h // g), -(-w // g)
    out = np.zeros((len(x1) // (gh * gw), x1.shape[-1], h, w))
    for image, y, z in itertools.product(range(len(out)), range(h), range(w)):
        row, i = (y % gh, y // gh) if mistake == "dilated" else (y // g, y % g)
        column, j = (z % gw, z // gw) if mistake == "dilated" else (z // g, z % g)
        out[image, :, y, z] = x1[(image * gh + row) * gw + column, i * g + j]
    return out


def _heads(rows: np.ndarray, heads: int, mistake: str = "") -> np.ndarray:
    """[..., n, c] -> [..., heads, n, d]: head 1 has the first d channels, head 2 the next d."""
    d = rows.shape[-1] // heads
    parts = [rows[..., a::heads] if mistake == "interleaved" else rows[..., a * d : (a + 1) * d] for a in range(heads)]
    return np.stack(parts, -3)


def _together(a: np.ndarray, mistake: str = "") -> np.ndarray:
    """[..., heads, n, d] -> [..., n, c]"""
    parts = [a[..., head, :, :] for head in range(a.shape[-3])]
    if mistake == "interleaved":
        return np.stack(parts, -1).reshape(*parts[0].shape[:-1], -1)
    return np.concatenate(parts, -1)


def _weights(q: np.ndarray, k: np.ndarray, real: np.ndarray | None = None, mistake: str = "") -> np.ndarray:
    """Softmax(Q K^T / sqrt(d)) of Eq. 2, over the keys that are real."""
    d = q.shape[-1]
    scale = {"no scale": 1, "by d": 1 / d, "by c": 1 / math.sqrt(d * q.shape[-3])}.get(mistake, 1 / math.sqrt(d))
    powers = np.exp(np.einsum("...nd,...md->...nm", q, k) * scale)
    axis = {"over queries": -2, "over heads": -3}.get(mistake, -1)
    if real is None:
        return powers / powers.sum(axis, keepdims=True)
    seen = powers * real[:, None, None, :]
    with np.errstate(invalid="ignore"):  # a mistake may leave a query without keys
        return seen / (powers if mistake == "late mask" else seen).sum(axis, keepdims=True)


def _cells(x: np.ndarray, g: int, mistake: str = "") -> np.ndarray:
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


def _layer(channels: int, out: int, seed: int) -> nn.Linear:
    """A linear layer with weights of its own."""
    layer = nn.Linear(channels, out)
    with torch.no_grad():
        layer.weight.copy_(random(out, channels, seed=seed) / math.sqrt(channels))
        layer.bias.copy_(0.5 * random(out, seed=seed + 100))
    return layer.requires_grad_(False)


def _through(layer: nn.Linear, rows: np.ndarray) -> np.ndarray:
    """rows W + bias, in double precision."""
    return rows @ layer.weight.numpy().astype(float).T + layer.bias.numpy()


def _layers(count: int, channels: int, seed: int = 10) -> list[nn.Linear]:
    return [_layer(channels, channels, seed + index) for index in range(count)]


# Notebook 1: from pixels to tokens; plain multi-head self-attention.


@check
def rows(student) -> str:
    """Eq. 11, and before Eq. 1: rows(x)."""
    for shape in ((2, 5, 3, 7), (1, 3, 11, 2), (3, 2, 1, 5)):
        x = random(*shape)
        values, (b, c, h, w) = x.numpy(), shape
        across = _rows(values.swapaxes(2, 3))
        mistakes = {
            "your tokens are read column by column: (h w), not (w h).": across,
            "a reshape does not move the channels: it cuts numbers of other tokens into one row. Say the new order of the axes, too.": (
                values.reshape(b, h * w, c)
            ),
            "your rows are channels: one row for each token is wanted, b (h w) c.": values.reshape(b, c, h * w),
        }
        compare(ask(student, x), _rows(values), "the list of tokens", "images, tokens, channels", mistakes)
    return "one row for each token, row by row of the map"


def _projections(student, what: tuple[str, str, str], shapes, same: bool) -> None:
    """Eqs. 1, 7 and 12: three layers on rows of tokens, and the channels cut into heads. same: one set of rows for all three."""
    for b, n, m, heads, d in shapes:
        c = heads * d
        asking, answering = random(b, n, c, seed=1), random(b, m, c, seed=2)
        if same:
            answering = asking
        layers = _layers(3, c)
        given = (asking,) if same else (asking, answering)
        got = several(ask(student, *given, *layers, heads), 3, ", ".join(what), stacked=True)
        sources = (asking, answering, answering)
        products = [_through(layer, rows.numpy()) for layer, rows in zip(layers, sources, strict=True)]
        for index, (name, product, answer) in enumerate(zip(what, products, got, strict=True)):
            right = _heads(product, heads)
            mistakes = {
                f"the heads of {name} share channels: head 1 has the first d, so (heads d), not (d heads).": _heads(
                    product, heads, "interleaved"
                ),
                f"{name} is not cut into heads yet.": product,
                f"the heads of {name} stand behind the tokens: wanted {'windows' if what[0] == 'Q1' else 'b'} heads n d.": right.swapaxes(
                    1, 2
                ),
                f"{name} must be projected: it is its input.": _heads(sources[index].numpy(), heads),
            }
            for other in range(3):
                if other != index:
                    said = f"{name} is what {what[other]} should be: the layers come in the order query, key, value."
                    mistakes[said] = _heads(products[other], heads)
            if not same:
                wrong = (answering, asking, asking)[index].numpy()
                said = "Q must come from all tokens: each of them asks." if index == 0 else "K and V must come from the pooled map."
                mistakes[said] = _heads(_through(layers[index], wrong), heads)
            compare(answer, right, name, "images (or windows), heads, tokens, channels of a head", mistakes)


@check
def qkv(student) -> str:
    """Eq. 1: qkv(rows, wq, wk, wv, heads)."""
    _projections(student, ("Q", "K", "V"), ((2, 7, 7, 3, 5), (1, 11, 11, 2, 3), (3, 5, 5, 1, 7)), same=True)
    return "each head has channels of its own"


def _attention_mistakes(q: np.ndarray, k: np.ndarray, real: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """What the weights of Eq. 2 are with each of the usual mistakes."""
    mistakes = {
        "the scale 1/sqrt(d) is missing.": _weights(q, k, real, "no scale"),
        "the scale is 1/sqrt(d), not 1/d.": _weights(q, k, real, "by d"),
        "the scale has the channels of one head, d, not all C of them.": _weights(q, k, real, "by c"),
        "softmax over the wrong axis: each query shares out 1 among its keys, the last axis.": _weights(q, k, real, "over queries"),
        "softmax over the wrong axis: it runs over the heads.": _weights(q, k, real, "over heads"),
        "these are scores: the softmax is missing.": np.einsum("...nd,...md->...nm", q, k) / math.sqrt(q.shape[-1]),
    }
    asked = _weights(k, q)
    mistakes["keys and queries are swapped: Q K^T, not K Q^T."] = asked
    mistakes["your weights are transposed: queries down, keys across."] = _weights(q, k, real).swapaxes(-1, -2)
    return mistakes


@check
def attention(student) -> str:
    """Eq. 2: attention(q, k, v) -> (a, p)."""
    for b, heads, n, m, d in ((2, 3, 7, 7, 5), (1, 2, 5, 11, 3), (3, 1, 13, 2, 7)):
        q, k, v = random(b, heads, n, d, seed=1), random(b, heads, m, d, seed=2), random(b, heads, m, d, seed=3)
        a, p = several(ask(student, q, k, v), 2, "the answer A and the weights")
        right = _weights(q.numpy(), k.numpy())
        compare(p, right, "the weights", "images, heads, queries, keys", _attention_mistakes(q.numpy(), k.numpy()))
        values = v.numpy()
        mistakes = {"A must be weights times values V, not keys.": right @ k.numpy()}
        if n == m:
            mistakes["A is the transposed weights times V: p @ v, not p.mT @ v."] = right.swapaxes(-1, -2) @ values
        compare(a, right @ values, "A", "images, heads, queries, channels of a head", mistakes)
    return "each row sums to 1, and A is its mean of the values"


@check
def project(student) -> str:
    """Eq. 3: project(a, x, wp)."""
    for b, heads, n, d in ((2, 3, 7, 5), (1, 2, 11, 3), (3, 1, 5, 7)):
        c = heads * d
        a, x, wp = random(b, heads, n, d, seed=1), random(b, n, c, seed=2), _layer(c, c, 3)
        values, rows = a.numpy().astype(float), x.numpy()
        joined, mixed = _together(values), _through(wp, _together(values, "interleaved")) + rows
        right = _through(wp, joined) + rows
        mistakes = {
            "the residual is missing: + X.": right - rows,
            "the residual comes after the projection: X itself is not multiplied by Wp.": _through(wp, joined + rows),
            "Wp is missing.": joined + rows,
            "merge order wrong: channels are (heads d), head after head, not (d heads).": mixed,
            "the heads are merged without moving them: a reshape mixes tokens. Say b heads n d -> b n (heads d).": _through(
                wp, values.reshape(b, n, c)
            )
            + rows,
        }
        compare(ask(student, a, x, wp), right, "A'", "images, tokens, channels", mistakes)
    return "heads side by side, mixed by Wp, beside what was there"


@check
def finish(student) -> str:
    """Eq. 4: finish(a, mlp)."""
    for shape in ((2, 7, 5), (1, 3, 11)):
        a = random(*shape)
        hidden, back = _layer(shape[-1], 13, 4), _layer(13, shape[-1], 5)
        values = a.numpy().astype(float)
        after = _through(back, np.maximum(_through(hidden, values), 0))
        twice = _through(back, np.maximum(_through(hidden, after + values), 0))
        mistakes = {
            "the residual is missing: + A'.": after,
            "the residual is A', what the MLP was given, not what it gave.": 2 * after,
            "the MLP runs twice.": twice + after + values,
        }
        compare(ask(student, a, nn.Sequential(hidden, nn.ReLU(), back)), values + after, "Y", "images, tokens, channels", mistakes)
    return "the MLP adds to the tokens, it does not replace them"


@check
def macs(student) -> str:
    """Eq. 5: macs(h, w, c), counted loop by loop."""
    for h, w, c in ((3, 5, 7), (11, 2, 3), (7, 7, 13)):
        tokens = h * w
        one = sum(c for _ in range(tokens) for _ in range(c))  # one projection: C products for each of C channels of each token
        product = sum(c for _ in range(tokens) for _ in range(tokens))  # QK^T, or its product with V: C for each pair of tokens
        mistakes = {
            "you count FLOPs, multiply and add apart: Eq. 5 counts a multiply-add as one.": 2 * (3 * one + 2 * product),
            "that counts one of the two products: QK^T and the weights times V.": 3 * one + product,
            "that counts one projection of three: Q, K and V.": one + 2 * product,
            "the projections are missing.": 2 * product,
            "the products are missing: every token meets every token.": 3 * one,
            "that also counts Wp, which Eq. 5 leaves out.": 4 * one + 2 * product,
            "the products need (HW)^2, not HW: every token meets every token.": 3 * one + 2 * tokens * c,
            "the projections need C^2, not C: every new channel reads every channel.": 3 * tokens * c + 2 * product,
        }
        number(ask(student, h, w, c), 3 * one + 2 * product, "the count", mistakes)
    return "three projections and two products"


# Notebook 2: local attention.


def _partition_mistakes(x: np.ndarray, g: int) -> dict[str, np.ndarray]:
    b, c, h, w = x.shape
    right = _windows(x, g)
    square = right.reshape(b, -(-h // g), -(-w // g), g, g, c)
    return {
        "your windows are dilated: (gh i), not (i gh). Each takes every gh-th token, not neighbours.": _windows(x, g, "dilated"),
        "your windows are counted column by column: (b gh gw), not (b gw gh).": square.swapaxes(1, 2).reshape(right.shape),
        "the tokens of a window are counted column by column: (i j), not (j i).": square.swapaxes(3, 4).reshape(right.shape),
        "images vary fastest in your first axis: (b gh gw), not (gh gw b).": np.moveaxis(square, 0, 2).reshape(right.shape),
        "g is the side of a window; you cut the map into g x g windows.": _windows(x, g, "g windows") if h % g == w % g == 0 else right,
        "the channels must be the last axis: (b gh gw) (i j) c.": right.swapaxes(1, 2),
        "a reshape does not move tokens: it cuts numbers of other tokens into a window. Name the axes with rearrange.": (
            x.reshape(right.shape) if x.size == right.size else right
        ),
    }


@check
def partition(student) -> str:
    """Eq. 6: partition(x, g)."""
    for b, c, gh, gw, g in ((2, 5, 3, 7, 2), (1, 2, 5, 1, 3), (3, 2, 1, 1, 5), (1, 3, 5, 5, 2)):
        x = random(b, c, gh * g, gw * g)
        axes = "windows of all images, tokens of a window, channels"
        compare(ask(student, x, g), _windows(x.numpy(), g), "X1", axes, _partition_mistakes(x.numpy(), g))
    return "neighbours stay together, and nothing is lost"


@check
def partition_any(student) -> str:
    """Eq. 6 on a map of any size: partition_any(x, g) -> (x1, real)."""
    for b, c, h, w, g in ((2, 5, 7, 11, 3), (1, 2, 3, 13, 5), (3, 2, 5, 5, 7), (2, 3, 6, 10, 2)):
        x = random(b, c, h, w)
        x1, real = several(ask(student, x, g), 2, "the windows and which of their tokens are real")
        values = x.numpy()
        more = np.pad(values, ((0, 0), (0, 0), (0, g - h % g), (0, g - w % g)))
        mistakes = _partition_mistakes(values, g) | {
            "you fill up at the top and left; the first window starts at the top left, so fill up at the bottom and right.": _windows(
                values, g, "top left"
            ),
            "a map that fits needs no filling: -h % g is 0 there, g - h % g is not.": _windows(more, g),
        }
        compare(x1, _windows(values, g), "X1", "windows of all images, tokens of a window, channels", mistakes)
        there = _windows(np.ones((b, 1, h, w)), g)[..., 0].astype(bool)
        said = {
            "real is upside down: True is for tokens of the map, False for the filling.": ~there,
            "real has one image's windows: every image needs its own.": there[: len(there) // b],
            "real still has its channel: drop the last axis.": there[..., None],
            "real says that every token is real, but some windows hang over the edge.": np.ones_like(there),
        }
        compare(real, there, "real", "windows of all images, tokens of a window", said, dtype=torch.bool)
    return "windows at the edge are filled up, and say where"


@check
def local_qkv(student) -> str:
    """Eq. 7: local_qkv(x1, wq, wk, wv, heads)."""
    _projections(student, ("Q1", "K1", "V1"), ((7, 4, 4, 3, 5), (2, 9, 9, 2, 7)), same=True)
    return "the same three layers in every window"


@check
def window_attention(student) -> str:
    """Eq. 2 in each window: window_attention(q1, k1, v1, real) -> (a1, p1)."""
    for windows, heads, n, d, some in ((5, 3, 7, 11, False), (7, 2, 5, 3, True), (2, 1, 3, 5, True)):
        q, k, v = (random(windows, heads, n, d, seed=seed) for seed in (1, 2, 3))
        real = torch.ones(windows, n, dtype=torch.bool)
        if some:
            real[-1, n // 2 :] = False
            real[0, 1] = False
        a, p = several(ask(student, q, k, v, real), 2, "the answer A1 and the weights")
        there = real.numpy().astype(float)
        right = _weights(q.numpy(), k.numpy(), there)
        mistakes = _attention_mistakes(q.numpy(), k.numpy(), there)
        if isinstance(p, torch.Tensor) and torch.isnan(p).any():
            raise Wrong("some rows are nan: all their keys are hidden. Hide the keys that are not real (~real), and no queries.")
        if some:
            late = "the filling must lose its weight before the softmax (score -inf); after it, rows no longer sum to 1."
            mistakes |= {
                "the filling gets weight: hide the keys that are not real.": _weights(q.numpy(), k.numpy()),
                late: _weights(q.numpy(), k.numpy(), there, "late mask"),
                "real is used upside down: the keys of the map are hidden.": _weights(q.numpy(), k.numpy(), 1 - there),
                "a score of 0 is no small score: hidden keys need -inf.": _zeroed(q.numpy(), k.numpy(), there),
            }
        compare(p, right, "the weights", "windows, heads, queries, keys", mistakes)
        compare(
            a,
            right @ v.numpy(),
            "A1",
            "windows, heads, queries, channels of a head",
            {"A1 must be weights times V1, not K1.": right @ k.numpy()},
        )
    return "every query asks the real tokens of its own window"


def _zeroed(q: np.ndarray, k: np.ndarray, real: np.ndarray) -> np.ndarray:
    powers = np.exp(np.einsum("...nd,...md->...nm", q, k) / math.sqrt(q.shape[-1]) * real[:, None, None, :])
    return powers / powers.sum(-1, keepdims=True)


@check
def merge(student) -> str:
    """Eq. 8: merge(a1, g, h, w), a1 with heads."""
    for b, heads, d, h, w, g in ((2, 3, 5, 6, 14, 2), (1, 2, 7, 7, 11, 3), (3, 1, 2, 5, 3, 5)):
        gh, gw = -(-h // g), -(-w // g)
        a1 = random(b * gh * gw, heads, g * g, d)
        values = a1.numpy()
        rows = _together(values)
        square = rows.reshape(b, gh, gw, g, g, heads * d)
        whole = _unwindowed(rows, g, gh * g, gw * g)
        mistakes = {
            "merge order wrong: (gh i), not (i gh). Windows are put back token by token, as in a dilated grid.": _unwindowed(
                rows, g, h, w, "dilated"
            ),
            "channels are merged in the wrong order: (heads d), not (d heads).": _unwindowed(_together(values, "interleaved"), g, h, w),
            "the filling is still there: keep the first h rows and w columns.": whole if whole.shape[2:] != (h, w) else None,
            "you keep the bottom right; the filling is there: keep the first h rows and w columns.": whole[:, :, -h:, -w:],
            "the tokens of a window are laid out column by column: (i j), not (j i).": _unwindowed(
                square.swapaxes(3, 4).reshape(rows.shape), g, h, w
            ),
        }
        mistakes = {said: wrong for said, wrong in mistakes.items() if wrong is not None}
        compare(ask(student, a1, g, h, w), _unwindowed(rows, g, h, w), "the map", "images, channels, tokens down, tokens across", mistakes)
    return "every token is back in its place"


def _local(x: np.ndarray, layers, heads: int, g: int, mistake: str = "") -> np.ndarray:
    """Eqs. 6 to 8 of a map [b, c, h, w]."""
    q, k, v = (_heads(_through(layer, _windows(x, g)), heads) for layer in layers)
    real = _windows(np.ones((len(x), 1, *x.shape[2:])), g)[..., 0]
    p = _weights(q, k, None if mistake == "filling" else real, mistake)
    return _unwindowed(_together(p @ v), g, *x.shape[2:])


@check
def local_attention(student) -> str:
    """Eqs. 6 to 9: local_attention(x, wq, wk, wv, heads, g)."""
    for b, heads, d, h, w, g in ((2, 3, 5, 7, 11, 3), (1, 2, 3, 6, 10, 2), (1, 1, 7, 3, 2, 5)):
        x, layers = random(b, heads * d, h, w), _layers(3, heads * d)
        values = x.numpy().astype(float)
        local = _local(values, layers, heads, g)
        mistakes = {
            "the residual is missing: A1 + X.": local,
            "the residual is X once, not twice.": local + 2 * values,
            "the filling of windows at the edge gets weight: pass real on.": _local(values, layers, heads, g, "filling") + values,
            "the scale 1/sqrt(d) is missing.": _local(values, layers, heads, g, "no scale") + values,
        }
        got = ask(student, x, *layers, heads, g)
        compare(got, local + values, "A1", "images, channels, tokens down, tokens across", mistakes)
    return "Eqs. 6 to 9, on maps of any size"


# Notebook 3: global attention on pooled tokens.


@check
def pool(student) -> str:
    """Eq. 10: pool(a1, g)."""
    for b, c, h, w, g in ((2, 5, 6, 14, 2), (1, 3, 7, 11, 2), (2, 3, 11, 5, 3), (1, 2, 3, 7, 1)):
        a1 = random(b, c, h, w)
        values = a1.numpy()
        mistakes = {
            "a cell is a sum: divide by its number of tokens.": _cells(values, g, "sum"),
            "that is the largest token of each cell; Eq. 10 averages.": _cells(values, g, "max"),
            "that takes one token of each cell; Eq. 10 averages all of them.": _cells(values, g, "corner"),
            "your cells are dilated: (gh i), not (i gh). A cell averages neighbours.": _cells(values, g, "dilated"),
            "the mean over a partial cell counts the padding: divide by the tokens that are there.": _cells(values, g, "padding"),
            "the partial cells at the edge are dropped: their tokens would never be heard (ceil_mode).": _cells(values, g, "dropped"),
            "pooled over the wrong axis: channels stay apart, tokens are averaged.": np.stack(
                [values[:, i : i + g].mean(1) for i in range(0, c, g)], 1
            ),
            "that is the map itself: no token was averaged.": values,
        }
        compare(ask(student, a1, g), _cells(values, g), "the pooled map", "images, channels, cells down, cells across", mistakes)
    return "each cell is the mean of the tokens that it has"


@check
def global_qkv(student) -> str:
    """Eq. 12: global_qkv(rows, cells, wq, wk, wv, heads)."""
    _projections(student, ("Q2", "K2", "V2"), ((2, 11, 7, 3, 5), (1, 13, 3, 2, 7), (3, 5, 5, 1, 2)), same=False)
    return "every token asks, only cells answer"


@check
def global_attention(student) -> str:
    """Eqs. 2 and 13: global_attention(q2, k2, v2, h, w) -> (a2, p2)."""
    for b, heads, d, h, w, m in ((2, 3, 5, 7, 11, 13), (1, 2, 3, 5, 2, 10), (3, 1, 7, 2, 3, 1)):
        q, k, v = random(b, heads, h * w, d, seed=1), random(b, heads, m, d, seed=2), random(b, heads, m, d, seed=3)
        a2, p2 = several(ask(student, q, k, v, h, w), 2, "the map A2 and the weights")
        right = _weights(q.numpy(), k.numpy())
        compare(p2, right, "the weights", "images, heads, tokens, cells", _attention_mistakes(q.numpy(), k.numpy()))
        answers = right @ v.numpy()
        rows = _together(answers)
        mistakes = {
            "your map is filled column by column: (h w), not (w h).": _map(rows, w, h).swapaxes(2, 3),
            "channels are merged in the wrong order: (heads d), not (d heads).": _map(_together(answers, "interleaved"), h, w),
            "A2 is still a list: put it back on the map (Eq. 13).": rows,
            "the heads are still apart: merge them to C channels.": answers,
            "the channels stand last: wanted b c h w.": np.moveaxis(_map(rows, h, w), 1, 3),
            "a reshape does not move the channels: say the new order of the axes, b heads (h w) d -> b (heads d) h w.": (
                answers.reshape(b, heads * d, h, w)
            ),
        }
        compare(a2, _map(rows, h, w), "A2", "images, channels, tokens down, tokens across", mistakes)
    return "every token heard from every cell"


# Notebook 4: joining them.


@check
def near(student) -> str:
    """Eqs. 6 to 8: near(x, wq, wk, wv, heads, g)."""
    for b, heads, d, h, w, g in ((2, 3, 5, 7, 11, 3), (1, 2, 3, 6, 10, 2)):
        x, layers = random(b, heads * d, h, w), _layers(3, heads * d)
        values = x.numpy().astype(float)
        right = _local(values, layers, heads, g)
        mistakes = {
            "leave out the residual here: it is added later.": right + values,
            "the filling of windows at the edge gets weight: hide the keys that are not real.": _local(values, layers, heads, g, "filling"),
            "the scale 1/sqrt(d) is missing.": _local(values, layers, heads, g, "no scale"),
        }
        compare(ask(student, x, *layers, heads, g), right, "the near answer", "images, channels, tokens down, tokens across", mistakes)
    return "near: Eqs. 6 to 8, on maps of any size"


def _far(a1: np.ndarray, cells: np.ndarray, layers, heads: int, mistake: str = "") -> np.ndarray:
    """Eqs. 11 to 13 of two maps [b, c, h, w]."""
    rows, keys = _rows(a1), _rows(cells)
    if mistake == "not pooled":
        keys = rows
    q, k, v = (_heads(_through(layer, each), heads) for layer, each in zip(layers, (rows, keys, keys), strict=True))
    return _map(_together(_weights(q, k, None, mistake) @ v), *a1.shape[2:])


@check
def ask_cells(student) -> str:
    """Eqs. 11 to 13: ask_cells(a1, cells, wq, wk, wv, heads)."""
    for b, heads, d, h, w, down, across in ((2, 3, 5, 7, 11, 3, 2), (1, 2, 3, 5, 2, 1, 7)):
        a1, cells, layers = random(b, heads * d, h, w, seed=1), random(b, heads * d, down, across, seed=2), _layers(3, heads * d)
        near, far = a1.numpy().astype(float), cells.numpy().astype(float)
        mistakes = {
            "K and V must come from the pooled map.": _far(near, far, layers, heads, "not pooled"),
            "the scale 1/sqrt(d) is missing.": _far(near, far, layers, heads, "no scale"),
            "leave out the residual here: it is added later.": _far(near, far, layers, heads) + near,
        }
        right = _far(near, far, layers, heads)
        compare(ask(student, a1, cells, *layers, heads), right, "the far answer", "images, channels, tokens down, tokens across", mistakes)
    return "far: Eqs. 11 to 13, every token asks every cell"


@check
def output(student) -> str:
    """Eq. 14: output(a1, a2, wp, x)."""
    for b, c, h, w in ((2, 5, 3, 7), (1, 3, 11, 2)):
        a1, a2, x = (random(b, c, h, w, seed=seed) for seed in (1, 2, 3))
        wp = _layer(c, c, 4)
        near, far, given = (values.numpy().astype(float) for values in (a1, a2, x))

        def mixed(values: np.ndarray, wp: nn.Linear = wp) -> np.ndarray:
            return _map(_through(wp, _rows(values)), *values.shape[2:])

        mistakes = {
            "the residual is missing: + X.": mixed(near + far),
            "the residual comes after Wp: X itself is not multiplied.": mixed(near + far + given),
            "Wp mixes both: (A1 + A2) Wp, not A1 + A2 Wp.": near + mixed(far) + given,
            "Wp mixes both: (A1 + A2) Wp, not A1 Wp + A2.": mixed(near) + far + given,
            "Wp is missing.": near + far + given,
            "the near answer is missing: A1 + A2.": mixed(far) + given,
            "the far answer is missing: A1 + A2.": mixed(near) + given,
            "the residual is X, what the block was given, not A1.": mixed(near + far) + near,
        }
        compare(
            ask(student, a1, a2, wp, x), mixed(near + far) + given, "the output", "images, channels, tokens down, tokens across", mistakes
        )
    return "near and far, mixed by one matrix, beside what was there"


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
            "images share your mean: each image has its own.": _normed(values, scale, shift, (0, 1, 2, 3)),
            "that is batch norm: each image has its own mean, over all channels.": _normed(values, scale, shift, (0, 2, 3)),
            "the variance divides by N, not N - 1: unbiased=False.": _normed(values, scale, shift, least=1),
            "weight and bias are missing: each channel has one of each.": _normed(values, ones, 0 * shift),
            "the bias is missing.": _normed(values, scale, 0 * shift),
            "divide by the standard deviation, not by the variance.": _normed(values, scale, 0 * shift)
            / np.sqrt(values.var((1, 2, 3), keepdims=True))
            + shift[:, None, None],
            "the mean is missing: subtract it first.": values / values.std((1, 2, 3), keepdims=True) * scale[:, None, None]
            + shift[:, None, None],
        }
        compare(ask(student, x, weight, bias), _normed(values, scale, shift), "norm(X)", "images, channels, tokens down, across", mistakes)
    return "one mean and one variance for each image"


class _Norm(nn.GroupNorm):
    def __init__(self, channels: int, seed: int):
        super().__init__(1, channels, eps=1e-6)
        self.weight.data.copy_(1 + 0.5 * random(channels, seed=seed))
        self.bias.data.copy_(0.5 * random(channels, seed=seed + 1))
        self.requires_grad_(False)


def _hmhsa(x: np.ndarray, parts: SimpleNamespace, g1: int, g2: int, mistake: str = "") -> np.ndarray:
    """The release's H-MHSA without its "+ X", from the pieces above."""

    def norm(values: np.ndarray, name: str) -> np.ndarray:
        module = getattr(parts, name)
        return values if mistake == name else _normed(values, module.weight.numpy(), module.bias.numpy())

    normed = norm(x, "norm")
    local = _local(normed, (parts.wq1, parts.wk1, parts.wv1), parts.heads, g1)
    joined = local + (normed if mistake == "residual" else 0 if mistake == "no residual" else x)
    a1 = norm(joined, "grid_norm")
    cells = norm(_cells(joined if mistake == "pool joined" else a1, g2), "ds_norm")
    a2 = _far(a1, cells, (parts.wq2, parts.wk2, parts.wv2), parts.heads, mistake if mistake == "not pooled" else "")
    return _map(_through(parts.wp, _rows((joined if mistake == "add joined" else a1) + a2)), *x.shape[2:])


@check
def hmhsa(student) -> str:
    """The release's H-MHSA: hmhsa(x, parts, g1, g2)."""
    for b, heads, d, h, w, g1, g2 in ((2, 3, 5, 7, 11, 3, 2), (1, 2, 3, 6, 10, 2, 5), (1, 1, 7, 5, 3, 7, 2)):
        c = heads * d
        x = 1 + 2 * random(b, c, h, w)
        names = ("wq1", "wk1", "wv1", "wq2", "wk2", "wv2", "wp")
        norms = {name: _Norm(c, seed) for name, seed in (("norm", 20), ("grid_norm", 30), ("ds_norm", 40))}
        parts = SimpleNamespace(**dict(zip(names, _layers(7, c), strict=True)), **norms, heads=heads)
        values = x.numpy().astype(float)
        right = _hmhsa(values, parts, g1, g2)
        named = {
            "residual": "the residual of Eq. 9 is norm(X), not X: only the windows read norm(X).",
            "no residual": "the residual of Eq. 9 is missing.",
            "norm": "norm is missing: the windows hold norm(X).",
            "grid_norm": "grid_norm is missing: it comes after Eq. 9, and Eqs. 10 to 14 read its result.",
            "ds_norm": "ds_norm is missing: it comes after the pooling of Eq. 10.",
            "not pooled": "K and V must come from the pooled map.",
            "pool joined": "Eq. 10 pools what grid_norm gave.",
            "add joined": "Eq. 14 adds what grid_norm gave, not the sum before it.",
        }
        mistakes = {said: _hmhsa(values, parts, g1, g2, mistake) for mistake, said in named.items()}
        mistakes['leave out the "+ X" of Eq. 14: the block adds it.'] = right + values
        compare(ask(student, x, parts, g1, g2), right, "the output", "images, channels, tokens down, tokens across", mistakes)
    return "the released H-MHSA, on maps of any size"


@check
def silu(student) -> str:
    """silu(x)."""
    x = 3 * random(2, 5, 7)
    values = x.numpy().astype(float)
    gate = 1 / (1 + np.exp(-values))
    erf = np.vectorize(math.erf)
    mistakes = {
        "that is the sigmoid: multiply it with x.": gate,
        "that is ReLU: SiLU bends smoothly.": np.maximum(values, 0),
        "that is GELU: SiLU's gate is the sigmoid.": values * (1 + erf(values / math.sqrt(2))) / 2,
        "the gate is sigmoid(x), not sigmoid(-x).": values * (1 - gate),
    }
    compare(ask(student, x), values * gate, "SiLU(x)", "as x", mistakes)
    return "x, dimmed where it is negative"


@check
def block(student) -> str:
    """One transformer block: block(x, attention, mlp)."""
    for shape in ((2, 5, 3, 7), (1, 3, 2, 11)):
        x = random(*shape)
        first, second = _layer(shape[1], shape[1], 8), _layer(shape[1], shape[1], 9)

        def on_map(layer: nn.Linear, bend):
            return lambda tokens: bend(layer(tokens.movedim(1, -1))).movedim(-1, 1)

        def both(values: np.ndarray, first: nn.Linear = first, second: nn.Linear = second, mistake: str = "") -> np.ndarray:
            near = _map(np.tanh(_through(first, _rows(values))), *values.shape[2:])
            middle = near if mistake == "first" else values + near
            after = _map(np.tanh(_through(second, _rows(values if mistake == "side by side" else middle))), *values.shape[2:])
            return after if mistake == "second" else (values if mistake == "x" else middle) + after

        values = x.numpy().astype(float)
        mistakes = {
            "the first residual is missing: X + attention(X).": both(values, mistake="first"),
            "the second residual is missing.": both(values, mistake="second"),
            "the second residual is what the MLP was given, not X.": both(values, mistake="x"),
            "the MLP reads the sum X + attention(X), not X.": both(values, mistake="side by side"),
        }
        got = ask(student, x, on_map(first, torch.tanh), on_map(second, torch.tanh))
        compare(got, both(values), "Y", "images, channels, tokens down, tokens across", mistakes)
    return "attention adds, then the MLP adds"
