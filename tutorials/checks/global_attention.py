"""Checks of notebook 3, global attention on pooled cells (Eqs. 10 to 13)."""

import numpy as np

from tutorials.checks.grading import MAP, call, check, compare, random, several
from tutorials.checks.reference import merge_heads, pool_cells, to_map, weights
from tutorials.checks.tokens_and_attention import check_projections, rows, weight_mistakes

__all__ = ["pool", "rows", "global_qkv", "global_attention"]


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
        }
        compare(call(student, a1, g), pool_cells(values, g), "the pooled map", "images, channels, cells down, cells across", mistakes)
    return "each cell is the mean of the tokens that it holds"


@check
def global_qkv(student) -> str:
    """Eq. 12: global_qkv(rows, cells, wq, wk, wv, heads)."""
    check_projections(student, ("Q2", "K2", "V2"), ((2, 11, 7, 3, 5), (1, 13, 3, 2, 7), (3, 5, 5, 1, 2)), same=False)
    return "every token reads, and only cells are read"


@check
def global_attention(student) -> str:
    """Eqs. 2 and 13: global_attention(q2, k2, v2, h, w) -> (a2, p2)."""
    for b, heads, d, h, w, m in ((2, 3, 5, 7, 11, 13), (1, 2, 3, 5, 2, 10), (3, 1, 7, 2, 3, 1)):
        q, k, v = random(b, heads, h * w, d, seed=1), random(b, heads, m, d, seed=2), random(b, heads, m, d, seed=3)
        a2, p2 = several(call(student, q, k, v, h, w), 2, "the map A2 and the weights")
        right = weights(q.numpy(), k.numpy())
        compare(p2, right, "the weights", "images, heads, tokens, cells", weight_mistakes(q.numpy(), k.numpy()))
        outputs = right @ v.numpy()
        rows = merge_heads(outputs)
        mistakes = {
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
