"""The checks of notebook 3, global attention."""

from tests.tutorials.notebook_checks import NotebookChecks
from tutorials.checks import global_attention


class TestGlobalAttention(NotebookChecks):
    checks = global_attention
    mistakes = (
        ("pool", ", ceil_mode=True, count_include_pad=False", "", "partial cells at the edge are dropped"),
        ("pool", "F.avg_pool2d(a1, g,", "g * g * F.avg_pool2d(a1, g,", "your cells are sums"),
        ("pool", "avg_pool2d(a1, g, ceil_mode=True, count_include_pad=False)", "max_pool2d(a1, g, ceil_mode=True)", "the largest token"),
        (
            "pool",
            "F.avg_pool2d(a1, g, ceil_mode=True, count_include_pad=False)",
            "F.avg_pool2d(F.pad(a1, (0, -a1.shape[3] % g, 0, -a1.shape[2] % g)), g)",
            "counts the padding",
        ),
        (
            "pool",
            "F.avg_pool2d(a1, g, ceil_mode=True, count_include_pad=False)",
            'rearrange(a1, "b c (i gh) (j gw) -> b c gh gw i j", i=g, j=g).mean((-1, -2))',
            "your cells are dilated",
        ),
        ("global_qkv", "(wk, cells), (wv, cells)", "(wk, rows), (wv, rows)", "K and V must come from the pooled map"),
        ("global_qkv", "(wq, rows)", "(wq, cells)", "Q must come from all tokens"),
        ("global_attention", "b (heads d) h w", "b (d heads) h w", "channels are merged in the wrong order"),
        ("global_attention", '(h w) d -> b (heads d) h w", h=h', '(w h) d -> b (heads d) h w", h=h', "filled column by column"),
        ("global_attention", " * q2.shape[-1] ** -0.5", "", "the scale 1/sqrt(d) is missing"),
        ("pool", "count_include_pad=False)", "count_include_pad=False).double()", "float64; wanted float32"),
    )
