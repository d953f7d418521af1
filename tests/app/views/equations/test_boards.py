"""The boards of Eqs. 6 to 15, of a map of 3 x 3 tokens whose numbers are all known."""

import numpy as np
import pytest

from app.views.equations import boards
from app.views.equations.numpy_equations import cell_means, softmax, window_ids
from hatnet import complexity


def look(token=(1, 2), g1=2, g2=2):
    """A map of 3 x 3 tokens with 2 channels and one head, all numbers known."""
    h = w = 3
    ids = window_ids(h, w, g1)
    x = np.arange(18.0).reshape(2, h, w)
    rows = x.reshape(2, -1).T
    x1 = np.where(ids[..., None] >= 0, rows[ids], 0)
    q1 = x1[:, None]
    p1 = softmax(q1 @ q1.swapaxes(-1, -2) / 2**0.5, (ids >= 0)[:, None, None, :])
    pooled = cell_means(x, g2)
    keys = pooled.reshape(2, -1).T
    p2 = softmax(rows[None] @ keys.T[None] / 2**0.5)
    tensors = dict(x=x, x1=x1, q1=q1, k1=q1, v1=q1, p1=p1, local=x, joined=2 * x, a1=x, pooled=pooled, rows=rows, keys=keys)
    tensors |= dict(q2=rows[None], k2=keys[None], v2=keys[None], a2=x, p2=p2, out=x)
    eye = np.eye(2)
    weights = {"qkv": np.hstack([eye] * 3), "qkv+": np.zeros(6), "q": eye, "q+": np.zeros(2), "proj": eye, "proj+": np.zeros(2)}
    top, left = token[0] // g1 * g1, token[1] // g1 * g1
    window = (top, left, min(g1, h - top), min(g1, w - left))
    return boards.Selection(tensors=tensors, weights=weights, token=token, window=window, g1=g1, g2=g2, head=0)


def panel(board, name):
    return next(panel for column in board["columns"] for panel in column if panel["id"] == name)


def test_a_window_at_the_edge_has_only_its_real_tokens():
    here = look()
    assert here.window == (0, 2, 2, 1) and here.window_index == 1 and here.places == [0, 2] and here.place == 2
    shown = panel(boards.board(6, here, {}), "x1")
    assert shown["values"] == [[2, 11], [5, 14]] and shown["own"] == 1
    weights = panel(boards.board(8, here, {}), "p")
    assert np.array(weights["values"]).shape == (2, 1) and np.array(weights["values"]).sum() == pytest.approx(1, abs=1e-4)


def test_global_weights_lie_on_cells_of_their_size():
    weights = panel(boards.board(13, look(), {}), "p")
    assert np.array(weights["values"]).shape == (2, 2) and weights["size"] == [1.5, 1.5]
    assert weights["crop"] == [0, 0, 1, 1] and weights["ring"] == (0.75, 1.25)
    assert "Cell (2, 2)" in weights["says"][1][1] and "<b>1.0000" in weights["says"][1][1]


def test_pooling_says_how_many_tokens_a_cell_averages():
    board = boards.board(10, look(), {})
    said = panel(board, "pooled")["says"]
    assert "mean over its 4 tokens" in said[0][0] and "mean over its 1 token in" in said[1][1]
    assert panel(board, "a1")["cells"] == ("cell", [[0, 0, 1], [0, 0, 1], [2, 2, 3]])


def test_every_term_lights_a_panel_and_every_cell_has_words():
    for number in boards.NAMES:
        board = boards.board(number, look(), complexity.hmhsa_terms(3, 3, 2, 2, 2))
        names = {panel["id"] for column in board["columns"] for panel in column}
        terms = [piece for piece in board["equation"] if not isinstance(piece, str)]
        assert terms and {term["panel"] for term in terms} <= names and board["start"][0] in names, number
        for column in board["columns"]:
            for one in column:
                if "says" in one:
                    assert np.shape(one["says"])[:2] == np.shape(one["values"]), (number, one["id"])
                for key, axis in (("rows", 0), ("columns", 1)):
                    assert key not in one or len(one[key][1]) == np.shape(one["values"])[axis], (number, one["id"])


def test_the_cost_board_shows_each_term_and_its_share():
    terms = {"local projections": 200.0, "local products": 50.0, "global projections": 100.0, "global products": 50.0}
    columns = zip(*boards.board(15, look(), terms)["columns"], strict=True)
    shown = [(column[0]["values"][0][0], column[0]["says"][0][0].rpartition(", ")[2]) for column in columns]
    assert shown == [(200, "50 % of Eq. 15"), (50, "12 % of Eq. 15"), (100, "25 % of Eq. 15"), (50, "12 % of Eq. 15")]
