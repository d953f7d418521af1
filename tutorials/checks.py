"""Checks of notebooks 1 to 4. Each asks the student's function on several shapes and compares with plain loops in NumPy.

Each side and each count is another prime, so that swapped axes cannot pass. Axes as in `hatnet/attention.py`.
"""

import itertools

import numpy as np

from tutorials.checking import Wrong, ask, check, compare, random


def _windows(x: np.ndarray, g: int, dilated: bool = False) -> np.ndarray:
    """Eq. 6, token by token; dilated: every gh-th token instead of neighbours."""
    b, c, h, w = x.shape
    gh, gw = h // g, w // g
    out = np.zeros((b * gh * gw, g * g, c), x.dtype)
    for image, row, column, i, j in itertools.product(range(b), range(gh), range(gw), range(g), range(g)):
        y, z = (i * gh + row, j * gw + column) if dilated else (row * g + i, column * g + j)
        out[(image * gh + row) * gw + column, i * g + j] = x[image, :, y, z]
    return out


@check
def partition(student) -> str:
    """Eq. 6: partition(x, g)."""
    for b, c, gh, gw, g in ((2, 5, 3, 7, 2), (1, 2, 5, 1, 3), (3, 2, 1, 1, 5)):
        x = random(b, c, gh * g, gw * g)
        values = x.numpy()
        right = _windows(values, g)
        square = right.reshape(b, gh, gw, g, g, c)
        compare(
            ask(student, x, g),
            right,
            "X1",
            "windows of all images, tokens of a window, channels",
            {
                "your windows are dilated: they take every gh-th token, not neighbours. Order matters: (gh i), not (i gh).": _windows(
                    values, g, dilated=True
                ),
                "your windows are counted column by column: (b gh gw), not (b gw gh).": square.swapaxes(1, 2).reshape(right.shape),
                "your tokens are counted column by column inside a window: (i j), not (j i).": square.swapaxes(3, 4).reshape(right.shape),
                "images come after windows in your first axis: (b gh gw), not (gh gw b).": np.moveaxis(square, 0, 2).reshape(right.shape),
            },
        )
    return "neighbours stay together, and nothing is lost"


__all__ = ["Wrong", "partition"]
