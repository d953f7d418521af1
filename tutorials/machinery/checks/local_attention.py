"""Checks of notebook 2, local attention (Eqs. 6 to 9)."""

import itertools
import math

import numpy as np
import torch

from tutorials.machinery.checks.grading import MAP, Wrong, call, check, compare, random, several
from tutorials.machinery.checks.reference import (
    apply,
    cut_windows,
    join_windows,
    linears,
    local_result,
    merge_heads,
    split_heads,
    to_map,
    to_rows,
    weights,
)
from tutorials.machinery.checks.tokens_and_attention import OVERFLOW, check_projections, weight_mistakes

__all__ = ["partition", "partition_any", "local_qkv", "window_attention", "merge", "local_attention", "shifted_attention"]


def _partition_mistakes(x: np.ndarray, g: int) -> dict[str, np.ndarray]:
    b, c, h, w = x.shape
    right = cut_windows(x, g)
    square = right.reshape(b, -(-h // g), -(-w // g), g, g, c)
    return {
        "your windows are dilated: (gh i), not (i gh). Each holds every gh-th token instead of neighbours.": cut_windows(x, g, "dilated"),
        "your windows are counted column by column: (b gh gw), not (b gw gh).": square.swapaxes(1, 2).reshape(right.shape),
        "the tokens of a window are counted column by column: (i j), not (j i).": square.swapaxes(3, 4).reshape(right.shape),
        "images vary fastest in your first axis: (b gh gw), not (gh gw b).": np.moveaxis(square, 0, 2).reshape(right.shape),
        "g is the side of a window; you cut the map into g x g windows.": cut_windows(x, g, "g windows") if h % g == w % g == 0 else right,
        "the channels must be the last axis: (b gh gw) (i j) c.": right.swapaxes(1, 2),
        "a list of the map's rows, cut into pieces of g * g: that gives strips of a row, not squares.": (
            to_rows(x).reshape(right.shape) if x.size == right.size else right
        ),
        "a reshape does not move tokens: it puts numbers of other tokens into a window. Name the axes with rearrange.": (
            x.reshape(right.shape) if x.size == right.size else right
        ),
    }


@check
def partition(student) -> str:
    """Eq. 6: partition(x, g)."""
    for b, c, gh, gw, g in ((2, 5, 3, 7, 2), (1, 2, 5, 1, 3), (3, 2, 1, 1, 5), (1, 3, 5, 5, 2)):
        x = random(b, c, gh * g, gw * g)
        axes = "windows of all images, tokens of a window, channels"
        compare(call(student, x, g), cut_windows(x.numpy(), g), "X1", axes, _partition_mistakes(x.numpy(), g))
    return "neighbours stay together, and nothing is lost"


@check
def partition_any(student) -> str:
    """Eq. 6 on a map of any size: partition_any(x, g) -> (x1, real)."""
    for b, c, h, w, g in ((2, 5, 7, 11, 3), (1, 2, 3, 13, 5), (3, 2, 5, 5, 7), (2, 3, 6, 10, 2)):
        x = random(b, c, h, w)
        x[:, :, 1, 1] = 0  # a token may be zero, and is real all the same
        x1, real = several(call(student, x, g), 2, "the windows and which of their tokens are real")
        values = x.numpy()
        more = np.pad(values, ((0, 0), (0, 0), (0, g - h % g), (0, g - w % g)))
        down, right = -h % g, -w % g
        around = np.pad(values, ((0, 0), (0, 0), (down // 2, down - down // 2), (right // 2, right - right // 2)))
        less = values[:, :, : h // g * g, : w // g * g]
        mistakes = _partition_mistakes(values, g) | {
            "you pad at the top and left; the first window starts at the top left, so pad at the bottom and right.": cut_windows(
                values, g, "top left"
            ),
            "you pad on all four sides; the first window starts at the top left, so pad at the bottom and right.": cut_windows(around, g),
            "the rows and columns that do not fill a window are dropped; pad the map instead.": cut_windows(less, g),
            "a map that fits needs no padding: -h % g is 0 there, g - h % g is not.": cut_windows(more, g),
        }
        compare(x1, cut_windows(values, g), "X1", "windows of all images, tokens of a window, channels", mistakes)
        there = cut_windows(np.ones((b, 1, h, w)), g)[..., 0].astype(bool)
        real_mistakes = {
            "a token of the map may be zero: ask where it lies, not what it holds (cut a map of ones).": (cut_windows(values, g) != 0).any(
                -1
            ),
            "real is the wrong way round: True is for tokens of the map, False for the padding.": ~there,
            "real has one image's windows: every image needs its own.": there[: len(there) // b],
            "real still has a channel axis: drop it, the last one.": there[..., None],
            "real says that every token is real, but some windows hang over the edge.": np.ones_like(there),
        }
        compare(real, there, "real", "windows of all images, tokens of a window", real_mistakes, dtype=torch.bool)
    return "windows at the edge are padded, and `real` says where"


@check
def local_qkv(student) -> str:
    """Eq. 7: local_qkv(x1, wq, wk, wv, heads)."""
    check_projections(student, ("Q1", "K1", "V1"), ((7, 4, 4, 3, 5), (2, 9, 9, 2, 7), (1, 3, 3, 2, 2)), same=True)
    return "the same three layers in every window"


@check
def window_attention(student) -> str:
    """Eq. 2 in each window: window_attention(q1, k1, v1, real) -> (a1, p1)."""
    # The last scores are so low that -100 would hide nothing.
    for windows, heads, n, d, some, low in ((5, 3, 7, 11, False, 0), (7, 2, 5, 3, True, 0), (1, 1, 3, 5, True, 0), (2, 2, 4, 3, True, 10)):
        q, k, v = (random(windows, heads, n, d, seed=seed) for seed in (1, 2, 3))
        q, k = q + low, k - low
        real = torch.ones(windows, n, dtype=torch.bool)
        if some:
            real[-1, n // 2 :] = False
            real[0, 1] = False
        a, p = several(call(student, q, k, v, real), 2, "the output A1 and the weights")
        there = real.numpy().astype(float)
        right = weights(q.numpy(), k.numpy(), there)
        mistakes = {"the two results are swapped: first A1, then the weights.": right @ v.numpy()}
        mistakes |= weight_mistakes(q.numpy(), k.numpy(), there)
        if isinstance(p, torch.Tensor) and torch.isnan(p).any():
            if low:
                raise Wrong(OVERFLOW)
            raise Wrong("some rows are nan: all their keys are hidden. Hide the keys that are not real (~real), and no queries.")
        if some:
            late = "the padding must lose its weight before the softmax (a score of -inf); removed after it, rows no longer sum to 1."
            mistakes |= {
                "the padding gets weight: hide the keys that are not real.": weights(q.numpy(), k.numpy()),
                late: weights(q.numpy(), k.numpy(), there, "late mask"),
                "the padding still gets weight: a hidden key needs a score of -inf, not one that is merely low.": weights(
                    q.numpy(), k.numpy(), there, "low score"
                ),
                "real is used the wrong way round: the keys of the map are hidden.": weights(q.numpy(), k.numpy(), 1 - there),
                "a score of 0 is not a small score: hidden keys need -inf.": _zeroed(q.numpy(), k.numpy(), there),
            }
        compare(p, right, "the weights", "windows, heads, queries, keys", mistakes)
        compare(
            a,
            right @ v.numpy(),
            "A1",
            "windows, heads, queries, channels of a head",
            {"A1 is the weights times V1, not times K1.": right @ k.numpy()},
        )
    return "every query reads the real tokens of its own window"


def _zeroed(q: np.ndarray, k: np.ndarray, real: np.ndarray) -> np.ndarray:
    powers = np.exp(np.einsum("...nd,...md->...nm", q.astype(float), k.astype(float)) / math.sqrt(q.shape[-1]) * real[:, None, None, :])
    return powers / powers.sum(-1, keepdims=True)


@check
def merge(student) -> str:
    """Eq. 8: merge(a1, g, h, w), a1 with heads."""
    for b, heads, d, h, w, g in ((2, 3, 5, 6, 14, 2), (1, 2, 7, 7, 11, 3), (3, 1, 2, 5, 3, 5)):
        gh, gw = -(-h // g), -(-w // g)
        a1 = random(b * gh * gw, heads, g * g, d)
        values = a1.numpy()
        rows = merge_heads(values)
        square = rows.reshape(b, gh, gw, g, g, heads * d)
        whole = join_windows(rows, g, gh * g, gw * g)
        turned = square.reshape(b, gw, gh, g, g, heads * d).swapaxes(1, 2).reshape(rows.shape)
        mistakes = {
            "the merge order is wrong: (b gh gw), not (b gw gh). Your windows go back column by column.": join_windows(turned, g, h, w),
            "a view does not move axes: put heads beside d, n heads d, before you combine them into channels.": join_windows(
                merge_heads(values, "viewed back"), g, h, w
            ),
            "the channels come last; wanted b c h w.": np.moveaxis(join_windows(rows, g, h, w), 1, 3),
            "the merge order is wrong: (gh i), not (i gh). Your windows are put back as if they were dilated.": join_windows(
                rows, g, h, w, "dilated"
            ),
            "channels are merged in the wrong order: (heads d), not (d heads).": join_windows(merge_heads(values, "interleaved"), g, h, w),
            "the padding is still there: keep the first h rows and w columns.": whole if whole.shape[2:] != (h, w) else None,
            "you keep the bottom right, where the padding is: keep the first h rows and w columns.": whole[:, :, -h:, -w:],
            "the tokens of a window are laid out column by column: (i j), not (j i).": join_windows(
                square.swapaxes(3, 4).reshape(rows.shape), g, h, w
            ),
        }
        mistakes = {message: wrong for message, wrong in mistakes.items() if wrong is not None}
        compare(call(student, a1, g, h, w), join_windows(rows, g, h, w), "the map", MAP, mistakes)
    return "every token is back in its place"


@check
def local_attention(student) -> str:
    """Eqs. 6 to 9: local_attention(x, wq, wk, wv, heads, g)."""
    for b, heads, d, h, w, g in ((2, 3, 5, 7, 11, 3), (1, 2, 3, 6, 10, 2), (1, 1, 7, 3, 2, 5)):
        x, layers = random(b, heads * d, h, w), linears(3, heads * d)
        x[:, :, 1, 1] = 0
        values = x.numpy().astype(float)
        local = local_result(values, layers, heads, g)
        mistakes = {
            "the residual is missing: A1 + X.": local,
            "add the residual X once, not twice.": local + 2 * values,
            "the padding of windows at the edge gets weight: pass `real` on.": local_result(values, layers, heads, g, "padding") + values,
            "a token of the map may be zero: ask where it lies, not what it holds, to find the padding.": (
                local_result(values, layers, heads, g, "zero is padding") + values
            ),
            "the scale 1/sqrt(d) is missing.": local_result(values, layers, heads, g, "no scale") + values,
        }
        got = call(student, x, *layers, heads, g)
        compare(got, local + values, "A1", MAP, mistakes)
    return "Eqs. 6 to 9, on maps of any size"


def _shifted(x: np.ndarray, layers, heads: int, g: int, shift: int, mistake: str = "") -> np.ndarray:
    """Attention within groups of tokens, group by group, without its residual. Windows begin at rows and columns shift, shift + g, ..."""
    h, w = x.shape[2:]
    rows = to_rows(x)
    q, k, v = (split_heads(apply(layer, rows), heads) for layer in layers)
    begins = {"not shifted": 0, "other way": -shift}.get(mistake, shift)
    groups: dict[tuple[int, int], list[int]] = {}
    for token, (y, z) in enumerate(itertools.product(range(h), range(w))):
        down, across = (y - begins) // g, (z - begins) // g
        if mistake == "wrapped":
            down, across = down % -(-h // g), across % -(-w // g)
        if mistake == "down only":
            across = z // g
        groups.setdefault((down, across), []).append(token)
    out = np.zeros_like(q)
    for group in groups.values():
        out[:, :, group] = weights(q[:, :, group], k[:, :, group]) @ v[:, :, group]
    return to_map(merge_heads(out), h, w)


@check
def shifted_attention(student) -> str:
    """Eqs. 6 to 9 with shifted windows: shifted_attention(x, wq, wk, wv, heads, g, shift)."""
    shapes = ((2, 2, 3, 8, 12, 4, 2), (1, 2, 3, 6, 9, 3, 1), (2, 1, 5, 7, 11, 3, 2), (1, 1, 4, 5, 2, 7, 3), (1, 2, 2, 4, 6, 2, 0))
    for b, heads, d, h, w, g, shift in shapes:
        x, layers = random(b, heads * d, h, w), linears(3, heads * d)
        values = x.numpy().astype(float)

        def run(mistake: str, values=values, layers=layers, heads=heads, g=g, shift=shift) -> np.ndarray:
            return _shifted(values, layers, heads, g, shift, mistake)

        right = run("") + values
        rolled = np.roll(values, (-shift, -shift), (2, 3))
        mistakes = {
            "the residual is missing: + X.": run(""),
            "your windows are not shifted.": run("not shifted") + values,
            "your windows are shifted the wrong way: they begin at rows and columns shift, shift + g, ...": run("other way") + values,
            "your windows are shifted down, but not across.": run("down only") + values,
            "tokens of opposite edges read each other: after a roll, hide what the roll has brought together.": run("wrapped") + values,
            "the result is still rolled: roll it back, or cut the padding at the top and left.": np.roll(right, (-shift, -shift), (2, 3)),
            "the residual is the rolled map; add X where it belongs.": run("") + rolled,
        }
        compare(call(student, x, *layers, heads, g, shift), right, "A1", MAP, mistakes)
    return "shifted windows, no token reads across the map's edge, and any size will do"
