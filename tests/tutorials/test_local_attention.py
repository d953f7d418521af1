"""The checks of notebook 2, local attention."""

from tests.tutorials.notebook_checks import NotebookChecks
from tutorials.checks import local_attention


class TestLocalAttention(NotebookChecks):
    checks = local_attention
    mistakes = (
        ("partition", "(gh i) (gw j)", "(i gh) (j gw)", "your windows are dilated: (gh i), not (i gh)"),
        ("partition", "(b gh gw)", "(gh gw b)", "images vary fastest"),
        ("partition", "(b gh gw)", "(b gw gh)", "your windows are counted column by column"),
        ("partition", "-> (b gh gw) (i j) c", "-> (b gh gw) (j i) c", "tokens of a window are counted column by column"),
        ("partition", "i=g, j=g", "gh=g, gw=g", "you cut the map into g x g windows"),
        ("partition_any", "(0, -w % g, 0, -h % g)", "(-w % g, 0, -h % g, 0)", "pad at the bottom and right"),
        ("partition_any", "-w % g, 0, -h % g", "g - w % g, 0, g - h % g", "a map that fits needs no padding"),
        ("partition_any", "> 0", "< 1", "real is the wrong way round"),
        ("partition_any", "torch.ones(b,", "torch.ones(1,", "real has one image's windows"),
        ("local_qkv", "(heads d) ->", "(d heads) ->", "the heads of Q1 share channels"),
        ("window_attention", " * q1.shape[-1] ** -0.5", "", "the scale 1/sqrt(d) is missing"),
        (
            "window_attention",
            "~real[:, None, None, :]",
            "~real[:, None, :, None]",
            "Hide the keys that are not real (~real), and no queries",
        ),
        ("window_attention", "~real[", "real[", "all their keys are hidden"),
        ("window_attention", "-torch.inf", "0", "hidden keys need -inf"),
        ("window_attention", "scores.masked_fill(~real[:, None, None, :], -torch.inf)", "scores", "the padding gets weight"),
        ("window_attention", "scores.softmax(dim=-1)", "scores.softmax(dim=-2)", "softmax over the wrong axis"),
        ("merge", "(gh i) (gw j)", "(i gh) (j gw)", "merge order wrong: (gh i)"),
        ("merge", "b (heads d)", "b (d heads)", "channels are merged in the wrong order"),
        ("merge", "[:, :, :h, :w]", "", "the padding is still there"),
        ("merge", "[:, :, :h, :w]", "[:, :, -h:, -w:]", "you keep the bottom right"),
        ("local_attention", " + x", "", "the residual is missing"),
        ("local_attention", "window_attention(q1, k1, v1, real)", "window_attention(q1, k1, v1, real | True)", "pass `real` on"),
        ("merge", "[:, :, :h, :w]", ".flatten(2)", "has shape"),
        ("partition_any", " > 0", "", "real is float32; wanted bool (compare with 0"),
    )
