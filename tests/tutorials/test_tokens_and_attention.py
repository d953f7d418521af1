"""The checks of notebook 1, from pixels to tokens."""

from tests.tutorials.notebook_checks import NotebookChecks
from tutorials.checks import tokens_and_attention


class TestTokensAndAttention(NotebookChecks):
    checks = tokens_and_attention
    mistakes = (
        ("rows", "b (h w) c", "b (w h) c", "column by column: (h w)"),
        ("rows", 'rearrange(x, "b c h w -> b (h w) c")', "x.reshape(len(x), -1, x.shape[1])", "a reshape does not move the channels"),
        ("rows", 'rearrange(x, "b c h w -> b (h w) c")', "x.flatten(2)", "your rows are channels"),
        ("qkv", "(heads d) ->", "(d heads) ->", "the heads of Q share channels"),
        ("qkv", "-> b heads n d", "-> b n heads d", "the heads come after the tokens"),
        ("qkv", "(wq, wk, wv)\n", "(wq, wv, wk)\n", "K is what V should be"),
        ("attention", " * q.shape[-1] ** -0.5", "", "the scale 1/sqrt(d) is missing"),
        ("attention", "** -0.5", "** -1", "1/sqrt(d), not 1/d"),
        ("attention", "q.shape[-1] **", "(q.shape[1] * q.shape[-1]) **", "the channels of one head, d"),
        ("attention", "softmax(dim=-1)", "softmax(dim=-2)", "the weights of each query over its keys, the last axis, sum to 1"),
        ("attention", "softmax(dim=-1)", "softmax(dim=1)", "softmax over the wrong axis: it runs over the heads"),
        ("attention", "q @ k.mT", "k @ q.mT", "keys and queries are swapped"),
        ("attention", "return p @ v, p", "return p.mT @ v, p", "you multiplied the transposed weights by V"),
        ("attention", "return p @ v, p", "return p @ v, p.mT", "your weights are transposed"),
        ("project", "b n (heads d)", "b n (d heads)", "merge order wrong"),
        ("project", ") + x", ")", "the residual is missing"),
        ("project", 'wp(rearrange(a, "b heads n d -> b n (heads d)")) + x', "wp(a.reshape(x.shape)) + x", "a reshape mixes tokens"),
        ("finish", "mlp(a) + a", "mlp(a)", "the residual is missing"),
        ("macs", "2 * (h * w)", "(h * w)", "that counts one product"),
        ("macs", "3 * h * w * c**2 + 2 *", "6 * h * w * c**2 + 4 *", "FLOPs"),
        ("rows", "return ", "", "returned None. Did you forget `return`?"),
        ("rows", 'rearrange(x, "b c h w -> b (h w) c")', "[x]", "a list of 1; wanted a torch tensor"),
        ("attention", "return p @ v, p", "return p @ v", "wanted 2 results"),
        ("macs", "return 3", 'return "3" or 3', "a str; wanted a number"),
    )
