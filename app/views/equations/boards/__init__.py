"""Eqs. 1 to 3 and 6 to 15 for one token: the terms of each equation and the pictures of its tensors, as data for the board."""

from collections.abc import Callable

from app.views.equations.boards import attention, regrouping, sums
from app.views.equations.boards.panels import Selection

# Number: (short name, its hue: "local", "global" or "" for both, what happens, in one plain sentence). 2 stands for Eqs. 1 to 3.
NAMES = {
    2: (
        "Plain attention",
        "",
        (
            "Each token, a small square of the picture described by C numbers, gets a [query](#query) (what it looks for), a [key](#key) "
            "(what it is found by) and a value (what it passes on). It compares its query with the keys of all tokens, and takes a mean "
            "of their values in which the best matches count most."
        ),
    ),
    6: ("Cut into windows", "local", "The map of tokens is cut into square [windows](#window), which stay apart until Eq. 8."),
    7: (
        "Local q, k, v",
        "local",
        "Each token gets a [query](#query) (what it looks for), a [key](#key) (what it is found by) and a value (what it passes on).",
    ),
    8: (
        "Local attention",
        "local",
        "The token compares its [query](#query) with each [key](#key) of its [window](#window), takes a mean of their values, and "
        "returns with it to the map.",
    ),
    9: ("Add the input", "", "What the token was before is added to what it has read in its [window](#window)."),
    10: ("Average-pool", "global", "Each [cell](#cell), a small square of neighbouring tokens, becomes one new token: their mean."),
    11: ("Flatten", "global", "The map of tokens and the map of [cells](#cell) are written as lists, row by row."),
    12: ("Global q, k, v", "global", "Each token gets a second [query](#query), but only the [cells](#cell) get [keys](#key) and values."),
    13: (
        "Global attention",
        "global",
        "The token compares its [query](#query) with the [key](#key) of each [cell](#cell), over the whole picture, and takes a mean of "
        "their values.",
    ),
    14: (
        "Add both, project",
        "",
        "What the token has read nearby and far away is added, mixed by one matrix, and added to the [block](#block)’s input.",
    ),
    15: ("Count the cost", "", "The sizes alone say how many multiplications and additions the two steps take."),
}

BY_HEAD = (2, 7, 8, 12, 13)  # these show one head

_BOARDS: dict[int, Callable[[Selection], dict]] = {
    2: attention.plain_attention,
    6: regrouping.windows,
    7: attention.local_projections,
    8: attention.local_attention,
    9: sums.residual,
    10: regrouping.pooling,
    11: regrouping.flatten,
    12: attention.global_projections,
    13: attention.global_attention,
    14: sums.output,
}


def board(equation: int, selection: Selection, terms: dict[str, float]) -> dict:
    """The board of one equation: {"equations": lines, "columns": columns of panels, "start": the panel, row and column marked first}.

    equation: a key of NAMES. terms: of Eq. 15, in MACs.
    """
    return sums.cost(selection, terms) if equation == 15 else _BOARDS[equation](selection)
