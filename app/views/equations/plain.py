"""Plain attention (Eqs. 1 to 3) for one token, with the queries, keys and values that the block's local step has made.

Where one window covers the whole map, the local step is plain attention; so no matrix is needed that the block does not have.
"""

import inspect

import numpy as np
import torch

import hatnet
from app.views.equations.boards.panels import Selection
from app.views.equations.numpy_equations import softmax
from hatnet.attention import attend, attention_weights

_LATEX = (
    r"\mathbf{Q}=\mathbf{X}\mathbf{W}^q,\quad\mathbf{K}=\mathbf{X}\mathbf{W}^k,\quad\mathbf{V}=\mathbf{X}\mathbf{W}^v,\quad"
    r"\mathbf{A}=\mathrm{Softmax}(\mathbf{Q}\mathbf{K}^{\mathrm{T}}/\sqrt{d})\,\mathbf{V},\quad"
    r"\mathbf{A}'=\mathbf{A}\mathbf{W}^p+\mathbf{X}"
)


def equation(channels: int, heads: int, tokens: int) -> hatnet.Equation:
    """Eqs. 1 to 3, numbered 2 after the one in the middle, with the line of Eq. 2 that runs."""
    lines, first = inspect.getsourcelines(attention_weights)
    at = next(i for i, line in enumerate(lines) if line.lstrip().startswith("scores ="))
    whole, head = (1, tokens, channels), (1, heads, tokens, channels // heads)
    return hatnet.Equation(
        number=2,
        latex=_LATEX,
        pattern="softmax(q k^T / sqrt(d)) v",
        before={"x": whole, "q": head, "k": head, "v": head},
        after={"a": whole},
        symbols={name: rf"\mathbf{{{name.upper()}}}" for name in ("x", "q", "k", "v", "a")},
        source=lines[at].strip(),
        line=first + at,
        path="hatnet/attention.py",
        note="The release normalises X before it makes queries, keys and values; the X that is added at the end stays as it was.",
        tensors={},
    )


def difference(selection: Selection) -> float:
    """The largest |difference| between NumPy and the model's own `attend`, over all heads of the token's answer."""
    q, k, v = (selection.row_by_row(name) for name in ("q1", "k1", "v1"))
    q = q[:, selection.row, None]
    answer, _ = attend(*(torch.tensor(part, dtype=torch.float32) for part in (q, k, v)))
    weights = softmax(q @ k.swapaxes(-1, -2) / selection.head_dim**0.5)
    return float(np.abs(weights @ v - answer.numpy()).max())
