"""The checks of notebook 4, joining them."""

from tests.tutorials.notebook_checks import NotebookChecks
from tutorials.checks import joining


class TestJoining(NotebookChecks):
    checks = joining
    mistakes = (
        ("near", "scores.masked_fill(~real[:, None, None, :], -torch.inf)", "scores", "the padding of windows at the edge gets weight"),
        ("read_cells", "(wk, cells), (wv, cells)", "(wk, a1), (wv, a1)", "K and V must come from the pooled map"),
        ("output", " + x\n", "\n", "the residual is missing"),
        ("output", "a1 + a2", "a2", "the local result is missing"),
        ("group_norm", "axes = (1, 2, 3)", "axes = (1,)", "layer norm"),
        ("group_norm", "axes = (1, 2, 3)", "axes = (2, 3)", "instance norm"),
        ("group_norm", "axes = (1, 2, 3)", "axes = (0, 2, 3)", "batch norm"),
        ("hmhsa", "local + x", "local + parts.norm(x)", "your residual of Eq. 9 is norm(X) instead of X"),
        ("hmhsa", "parts.grid_norm(local + x)", "local + x", "grid_norm is missing"),
        ("hmhsa", "parts.ds_norm(pool(a1, g2))", "pool(a1, g2)", "ds_norm is missing"),
        ("hmhsa", "near(parts.norm(x)", "near(x", "norm is missing"),
        ("hmhsa", "parts.wp, 0)", "parts.wp, x)", 'leave out the "+ X"'),
        ("silu", "x * torch.sigmoid(x)", "torch.sigmoid(x)", "that is the sigmoid"),
        ("silu", "x * torch.sigmoid(x)", "F.gelu(x)", "that is GELU"),
        ("block", "x = x + attention(x)", "x = attention(x)", "the first residual is missing"),
        ("block", "return x + mlp(x)", "return mlp(x)", "the second residual is missing"),
    )
