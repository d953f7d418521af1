"""The boards of all steps, of a map of 3 x 3 tokens whose numbers are all known."""

import re

import numpy as np
import pytest

from app.core.view import EQUATIONS
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
    assert "Cell in row 2, column 2:" in weights["says"][1][1] and "<b>1.0000" in weights["says"][1][1]


def test_pooling_says_how_many_tokens_a_cell_averages():
    board = boards.board(10, look(), {})
    said = panel(board, "pooled")["says"]
    assert "mean over its 4 tokens" in said[0][0] and "mean over its 1 token in" in said[1][1]
    assert panel(board, "a1")["cells"] == ("cell", [[0, 0, 1], [0, 0, 1], [2, 2, 3]])


def terms_of(board):
    return [piece for line in board["equations"] for piece in line["pieces"] if not isinstance(piece, str)]


def plain(html):
    return re.sub("<[^>]*>", "", html)


@pytest.mark.parametrize(
    ("number", "lines"),
    [
        (2, ["1 Q norm(X) Wq bq", "1 K norm(X) Wk bk", "1 V norm(X) Wv bv", "2 a Softmax q KT √2 V", "3 A′ A Wp bp X"]),
        (7, ["7 Q1 X1 Wq1 bq1", "7 K1 X1 Wk1 bk1", "7 V1 X1 Wv1 bv1"]),
        (8, ["2 a1 Softmax q1 KT1 √2 V1", "8 A1 A1"]),
        (9, ["9 A+1 A1 X"]),
        (10, ["10 Â1 norm(A+1)"]),
        (11, ["11 norm(A+1) norm(A+1)", "11 Â1 Â1"]),
        (12, ["12 Q2 norm(A+1) Wq2 bq2", "12 K2 Â1 Wk2 bk2", "12 V2 Â1 Wv2 bv2"]),
        (14, ["14 H‑MHSA(X) norm(A+1) A2 Wp bp X"]),
    ],
)
def test_one_equation_to_a_line_with_its_number_its_biases_and_each_a1_apart(number, lines):
    board = boards.board(number, look(), {})
    shown = [
        [line["number"], *(plain(piece["html"]) for piece in line["pieces"] if isinstance(piece, dict))] for line in board["equations"]
    ]
    assert [" ".join(map(str, line)) for line in shown] == lines


def test_the_address_names_the_same_steps():
    assert tuple(boards.NAMES) == EQUATIONS


def test_every_matrix_has_its_size():
    for number in boards.NAMES:
        terms = terms_of(boards.board(number, look(), complexity.hmhsa_terms(3, 3, 2, 2, 2)))
        assert all(term["size"] for term in terms), number
    by_name = {plain(term["html"]): term["size"] for term in terms_of(boards.board(12, look(), {}))}
    assert by_name == {"Q2": "9×2", "norm(A+1)": "9×2", "K2": "4×2", "V2": "4×2", "Â1": "4×2"} | {
        f"{letter}{part}2": size for letter, size in (("W", "2×2"), ("b", "2")) for part in "qkv"
    }


@pytest.mark.parametrize(("token", "first"), [((1, 2), "row 1, column 3"), ((2, 0), "row 3, column 1")])
def test_tokens_are_named_by_their_place_on_the_map_counted_from_1(token, first):
    assert f"Token in {first}" in panel(boards.board(6, look(token), {}), "x1")["says"][0][0]
    weights = panel(boards.board(8, look(token), {}), "p")
    assert f"Token in {first}" in weights["says"][0][0]
    assert f"row {weights['origin'][0] + 1}, column {weights['origin'][1] + 1}" == first


def test_plain_attention_is_the_local_step_with_one_window():
    """Step 0 reads the keys of all windows; with a single window these are the local step's."""
    whole, cut = look(g1=3), look(g1=2)
    expected = panel(boards.board(8, whole, {}), "p")["values"]
    assert panel(boards.board(2, cut, {}), "p")["values"] == pytest.approx(np.array(expected), abs=1e-5)
    assert np.shape(expected) == (3, 3)


def test_every_term_lights_a_panel_and_every_cell_has_words():
    for number in boards.NAMES:
        board = boards.board(number, look(), complexity.hmhsa_terms(3, 3, 2, 2, 2))
        names = {panel["id"] for column in board["columns"] for panel in column}
        terms = terms_of(board)
        assert {term["panel"] for term in terms} <= names | {""} and board["start"][0] in names, number
        drawn = [term["panel"] for term in terms if term["panel"]]
        assert drawn and len(drawn) == len(set(drawn)), "two terms would light the same panel"
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
