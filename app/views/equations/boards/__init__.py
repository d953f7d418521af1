"""Eqs. 6 to 15 for one token: the terms of each equation and the pictures of its tensors, as data for the board component."""

from collections.abc import Callable

from app.views.equations.boards import attention, regrouping, sums
from app.views.equations.boards.panels import Selection

# Number: (short name, its hue: "local", "global" or "" for both, what it does in words)
NAMES = {
    6: ("Cut into windows", "local", "the map becomes small squares that are handled one by one"),
    7: ("Local q, k, v", "local", "three matrices turn each token into a query, a key and a value"),
    8: ("Local attention", "local", "how much the token takes from each token of its window"),
    9: ("Add the input", "", "the input is added to what the token has read in its window"),
    10: ("Average-pool", "global", "each cell of neighbouring tokens becomes a single token, their mean"),
    11: ("Flatten", "global", "both maps are read row by row, as lists"),
    12: ("Global q, k, v", "global", "every token has a query, but only the averaged cells have keys and values"),
    13: ("Global attention", "global", "how much the token takes from each averaged cell"),
    14: ("Add both, project", "", "the local and the global output are added, and one matrix mixes the heads"),
    15: ("Count the cost", "", "multiply-adds, part by part: what the two steps cost"),
}

BY_HEAD = (7, 8, 12, 13)  # these show one head

_BOARDS: dict[int, Callable[[Selection], dict]] = {
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
    """The board of one equation: {"equation": terms, "columns": columns of panels, "start": the panel, row and column marked first}.

    terms: of Eq. 15, in MACs.
    """
    return sums.cost(selection, terms) if equation == 15 else _BOARDS[equation](selection)
