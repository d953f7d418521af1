"""Checks of notebook 3, global attention on pooled cells (Eqs. 10 to 13)."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from tutorials.machinery.checks.grading import MAP, Wrong, call, check, compare, random, several
from tutorials.machinery.checks.reference import apply, linears, merge_heads, pool_cells, split_heads, to_map, to_rows, weights
from tutorials.machinery.checks.tokens_and_attention import OVERFLOW, check_projections, weight_mistakes

__all__ = ["pool", "own_cell", "global_qkv", "global_attention", "fair_attention"]


@check
def pool(student) -> str:
    """Eq. 10: pool(a1, g)."""
    for b, c, h, w, g in ((2, 5, 6, 14, 2), (1, 3, 7, 11, 2), (2, 3, 11, 5, 3), (1, 2, 3, 7, 1)):
        a1 = random(b, c, h, w)
        values = a1.numpy()
        mistakes = {
            "your cells are sums: divide by the number of tokens.": pool_cells(values, g, "sum"),
            "that is the largest token of each cell; Eq. 10 averages.": pool_cells(values, g, "max"),
            "that takes one token of each cell; Eq. 10 averages all of them.": pool_cells(values, g, "corner"),
            "your cells are dilated: (gh i), not (i gh). A cell averages neighbours.": pool_cells(values, g, "dilated"),
            "the mean over a partial cell counts the padding: divide by the number of tokens that are there.": pool_cells(
                values, g, "padding"
            ),
            "the partial cells at the edge are dropped: their tokens would never be read (ceil_mode).": pool_cells(values, g, "dropped"),
            "you pooled over the wrong axis: average tokens, and keep channels apart.": np.stack(
                [values[:, i : i + g].mean(1) for i in range(0, c, g)], 1
            ),
            "that is the map itself: no token was averaged.": values,
            "adaptive pooling lets cells overlap where G2 does not divide the map; cells begin at 0, g, 2g, ...": (
                F.adaptive_avg_pool2d(a1, (-(-h // g), -(-w // g))).numpy()
            ),
            "each token has its cell's mean; wanted one token for each cell.": pool_cells(values, g)
            .repeat(g, 2)
            .repeat(g, 3)[:, :, :h, :w],
            "you pad with copies of the edge; a partial cell averages only the tokens that it holds.": pool_cells(
                np.pad(values, ((0, 0), (0, 0), (0, -h % g), (0, -w % g)), "edge"), g
            ),
        }
        compare(call(student, a1, g), pool_cells(values, g), "the pooled map", "images, channels, cells down, cells across", mistakes)
    return "each cell is the mean of the tokens that it holds"


@check
def own_cell(student) -> str:
    """own_cell(h, w, g): for each token, row by row, the number of its cell in the list of cells."""
    for h, w, g in ((6, 10, 2), (4, 4, 4), (7, 11, 3), (3, 8, 5), (5, 2, 1)):
        gw, tokens = -(-w // g), range(h * w)
        found = {
            "right": [n // w // g * gw + n % w // g for n in tokens],
            "a row of cells has w / g of them, rounded up: the last one may be partial.": [
                n // w // g * (w // g) + n % w // g for n in tokens
            ],
            "a row of cells has ceil(w / g) of them, not w.": [n // w // g * w + n % w // g for n in tokens],
            "cells are numbered row by row, as tokens are; yours go column by column.": [
                n % w // g * -(-h // g) + n // w // g for n in tokens
            ],
            "a cell is a square, not a run of g * g tokens: take the token's row and column apart first.": [n // g**2 for n in tokens],
            "these are the numbers of the tokens, not of their cells.": list(tokens),
            "your cells are dilated: a cell holds neighbours, so divide by g instead of taking the remainder.": [
                n // w % g * gw + n % w % g for n in tokens
            ],
        }
        right = np.array(found.pop("right"))
        got = call(student, h, w, g)
        if isinstance(got, list):
            raise Wrong("a tensor is wanted, for later cells count with it: torch.tensor(...) makes one of your list.")
        mistakes = {message: np.array(numbers) for message, numbers in found.items()}
        if isinstance(got, torch.Tensor) and got.dtype.is_floating_point:
            raise Wrong("numbers of cells are whole: divide with //, or round down and convert with .long().")
        mistakes |= {"a list of h * w numbers is wanted: flatten your map.": right.reshape(h, w)}
        compare(got, right, "the list", "one number for each token", mistakes, dtype=torch.int64)
    return "every token knows its cell, at the edges too"


@check
def global_qkv(student) -> str:
    """Eq. 12: global_qkv(rows, cells, wq, wk, wv, heads)."""
    check_projections(student, ("Q2", "K2", "V2"), ((2, 11, 7, 3, 5), (1, 13, 3, 2, 7), (3, 5, 5, 1, 2)), same=False)
    return "every token reads, and only cells are read"


@check
def global_attention(student) -> str:
    """Eqs. 2 and 13: global_attention(q2, k2, v2, h, w) -> (a2, p2)."""
    # The last scores are so large that exp alone cannot hold them in float32.
    for b, heads, d, h, w, m, size in ((2, 3, 5, 7, 11, 13, 1), (1, 2, 3, 5, 2, 10, 1), (3, 1, 7, 2, 3, 1, 1), (1, 2, 4, 3, 2, 5, 100)):
        q, k, v = size * random(b, heads, h * w, d, seed=1), random(b, heads, m, d, seed=2), random(b, heads, m, d, seed=3)
        a2, p2 = several(call(student, q, k, v, h, w), 2, "the map A2 and the weights")
        right = weights(q.numpy(), k.numpy())
        outputs = right @ v.numpy()
        rows = merge_heads(outputs)
        if size > 1 and isinstance(p2, torch.Tensor) and p2.isnan().any():
            raise Wrong(OVERFLOW)
        mistakes = {"the two results are swapped: first A2, then the weights.": to_map(rows, h, w)}
        compare(p2, right, "the weights", "images, heads, tokens, cells", mistakes | weight_mistakes(q.numpy(), k.numpy()))
        mistakes = {
            "a view does not move axes: put heads beside d, (h w) heads d, before you combine them into channels.": to_map(
                merge_heads(outputs, "viewed back"), h, w
            ),
            "a view of the list as b c h w does not move the channels: they are last in the list. Name the axes, or permute.": rows.reshape(
                b, heads * d, h, w
            ),
            "your map is filled column by column: (h w), not (w h).": to_map(rows, w, h).swapaxes(2, 3),
            "channels are merged in the wrong order: (heads d), not (d heads).": to_map(merge_heads(outputs, "interleaved"), h, w),
            "A2 is still a list: put it back on the map (Eq. 13).": rows,
            "the heads are still apart: merge them into C channels.": outputs,
            "the channels come last; wanted b c h w.": np.moveaxis(to_map(rows, h, w), 1, 3),
            "a reshape does not move the channels: state the new order of the axes, b heads (h w) d -> b (heads d) h w.": (
                outputs.reshape(b, heads * d, h, w)
            ),
        }
        compare(a2, to_map(rows, h, w), "A2", MAP, mistakes)
    return "every token reads every cell"


def _fair(rows: np.ndarray, cells: np.ndarray, counts: np.ndarray, layers, heads: int, mistake: str = "") -> np.ndarray:
    """The weights [b, heads, n, m] with which tokens read cells of `counts` tokens."""
    q, k = (split_heads(apply(layer, each), heads) for layer, each in zip(layers[:2], (rows, cells), strict=True))
    scores = np.einsum("bhnd,bhmd->bhnm", q, k) / math.sqrt(q.shape[-1])
    factor = {"none": 1 + 0 * counts, "inverse": 1 / counts, "root": np.sqrt(counts), "squared": counts**2}.get(mistake, counts)
    if mistake == "score times":
        powers = np.exp(scores * counts)
    elif mistake == "score plus":
        powers = np.exp(scores + counts)
    else:
        powers = np.exp(scores) * factor
    total = np.exp(scores) if mistake == "late" else powers
    return powers / total.sum(-1, keepdims=True)


@check
def fair_attention(student) -> str:
    """Eqs. 10 to 13 with a say for each token: fair_attention(a1, wq, wk, wv, heads, g) -> (a2, p2)."""
    for b, heads, d, h, w, g in ((2, 2, 3, 7, 5, 3), (1, 3, 2, 5, 5, 2), (1, 1, 5, 4, 6, 2), (2, 2, 2, 3, 4, 5)):
        layers, c = linears(3, heads * d), heads * d
        cells = random(b, c, -(-h // g), -(-w // g))
        a1 = cells.repeat_interleave(g, 2).repeat_interleave(g, 3)[:, :, :h, :w].contiguous()  # within a cell, all tokens are alike
        rows, keys = to_rows(a1.numpy().astype(float)), to_rows(cells.numpy().astype(float))
        counts = to_rows(pool_cells(np.ones((1, 1, h, w)), g, "sum"))[0, :, 0]
        v = split_heads(apply(layers[2], keys), heads)
        # Plain attention on all tokens, and what each cell gets of it: an answer that knows of no cells.
        place = to_rows(np.arange(len(counts), dtype=float).reshape(1, 1, *cells.shape[2:]).repeat(g, 2).repeat(g, 3)[:, :, :h, :w])[
            0, :, 0
        ]
        token_weights = weights(*(split_heads(apply(layer, rows), heads) for layer in layers[:2]))
        right = np.stack([token_weights[..., place == cell].sum(-1) for cell in range(len(counts))], -1)
        a2, p2 = several(call(student, a1, *layers, heads, g), 2, "the map A2 and the weights")
        named = {
            "none": "a cell's size does not count yet: a cell of one token gets as much as a cell of g x g tokens like it.",
            "inverse": "large cells count for less in yours: the sign of the logarithm is wrong, or you divide by the size.",
            "late": "the size must count before the softmax divides: after it, rows no longer sum to 1.",
            "score times": "you multiply scores by the size; which term, added to a score, multiplies exp(score) by the size?",
            "score plus": "you add the size itself to the score; which term, added to a score, multiplies exp(score) by the size?",
            "root": "exp(score) is multiplied by the root of the size: one factor is too small.",
            "squared": "the size counts twice: g x g tokens already are the size of a cell.",
        }
        mistakes = {message: _fair(rows, keys, counts, layers, heads, mistake) for mistake, message in named.items()}
        compare(p2, right, "the weights", "images, heads, tokens, cells", mistakes)
        compare(a2, to_map(merge_heads(right @ v), h, w), "A2", MAP)
    # Where tokens of a cell differ, the mean of the cell is read, as in Eq. 10.
    a1, layers = random(1, 6, 5, 7), linears(3, 6)
    values = a1.numpy().astype(float)
    a2, p2 = several(call(student, a1, *layers, 2, 3), 2, "the map A2 and the weights")
    counts = to_rows(pool_cells(np.ones((1, 1, 5, 7)), 3, "sum"))[0, :, 0]
    keys = to_rows(pool_cells(values, 3))
    right = _fair(to_rows(values), keys, counts, layers, 2)
    compare(p2, right, "the weights", "images, heads, tokens, cells")
    compare(a2, to_map(merge_heads(right @ split_heads(apply(layers[2], keys), 2)), 5, 7), "A2", MAP)
    return "where the tokens of a cell are alike, reading cells is plain attention, whatever the sizes"
