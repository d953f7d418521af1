"""Equations and Cost: the recomputation, the boards and charts from hand-made numbers, and both views through AppTest."""

import dataclasses
import json
import logging
import re
import time
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from app.core import checkpoints, colours, inference, pictures
from app.views.cost import charts, costs, measure_job
from app.views.cost import text as cost_text
from app.views.equations import boards, latex, numpy_check
from app.views.equations import text as equations_text
from app.views.equations.numpy_equations import cell_means, recompute, softmax, window_ids
from hatnet import complexity
from tests.app.views import spec, text

MAIN = Path(__file__).parents[2] / "app" / "main.py"


@pytest.fixture
def run(caplog):
    """run(view, **params) -> the app on that view. A view that failed, or was shown as failed, fails the test."""

    def start(view, **params):
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        for key, value in params.items():
            at.query_params[key] = value
        at.run()
        at._page_hash = calc_hash(view)
        return at.run()

    with caplog.at_level(logging.ERROR, logger="hatnet.app"):
        yield start
    assert [record.message for record in caplog.records if record.name == "hatnet.app"] == []


def drawn(at):
    """What the board shows."""
    (board,) = [block for block in at.get("bidi_component") if "equation" in block.proto.json]
    return json.loads(board.proto.json)


# The recomputation


def test_windows_and_cells_of_a_map_that_they_do_not_divide():
    assert window_ids(3, 3, 2).tolist() == [[0, 1, 3, 4], [2, -1, 5, -1], [6, 7, -1, -1], [8, -1, -1, -1]]
    assert cell_means(np.arange(9.0).reshape(1, 3, 3), 2).tolist() == [[[2, 3.5], [6.5, 8]]]
    assert softmax(np.array([0.0, np.log(3), 9]), np.array([True, True, False])) == pytest.approx([0.25, 0.75, 0])


@pytest.mark.parametrize(("g1", "g2"), [((4, 4), (2, 2)), ((5, 3), (3, 5)), ((1, 8), (16, 1))])
def test_the_recomputation_is_the_model_up_to_rounding(g1, g2):
    known, picture = checkpoints.describe("cifar10"), pictures.sample("cat_kitten")
    for stage in known.hierarchical:
        ran = numpy_check.checked_equations(picture, known, stage, 2, g1, g2)
        assert set(ran.differences) == set(range(6, 16))
        assert max(ran.differences.values()) < 2e-5 and ran.differences[15] == 0


def test_a_mistake_in_the_equations_is_seen():
    """Other grids, or a lost bias, are no rounding."""
    known, picture = checkpoints.describe("cifar10"), pictures.sample("cat_kitten")
    ran = numpy_check.checked_equations(picture, known, 2, 1, (4, 4), (2, 2))
    args = ran.tensors["x"], ran.weights
    assert np.abs(recompute(*args, 4, 2, 24, False)["out"] - ran.tensors["out"]).max() < 1e-4
    assert np.abs(recompute(*args, 4, 4, 24, False)["out"] - ran.tensors["out"]).max() > 1e-2
    assert np.abs(recompute(*args, 4, 2, 24, True)["out"] - ran.tensors["out"]).max() > 1e-2
    lost = ran.weights | {"proj+": 0 * ran.weights["proj+"]}
    assert np.abs(recompute(args[0], lost, 4, 2, 24, False)["out"] - ran.tensors["out"]).max() > 1e-3


def test_a_difference_beyond_rounding_is_not_called_rounding():
    equation = numpy_check.checked_equations(pictures.sample("cow"), checkpoints.describe("cifar10"), 2, 1, (4, 4), (2, 2)).equations[8]
    assert "only rounding" in equations_text.check(equation, 3e-6) and "3.0 · 10<sup>−6</sup>" in equations_text.check(equation, 3e-6)
    assert "more than rounding" in equations_text.check(equation, 3e-3) and "✓" not in equations_text.check(equation, 3e-3)


# The boards


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


def test_the_cost_board_adds_up():
    terms = complexity.hmhsa_terms(3, 3, 2, 2, 2)
    board = boards.board(15, look(), terms)
    shown = [column[0]["values"][0][0] for column in zip(*board["columns"], strict=True)]
    assert shown == pytest.approx(list(terms.values()))


def test_live_sizes_in_the_paper_s_order():
    assert latex.paper_shape((1, 48, 16, 16), 48, "×") == "16×16×48"
    assert latex.paper_shape((16, 2, 25, 24), 48, "×") == "16×25×48"
    assert latex.paper_shape((1, 2, 24, 24), 48, "×") == "24×48"  # not a map, although it is square
    assert latex.paper_shape((1, 64, 48), 48, "×") == "64×48"
    written = r"\mathbf{X}_1\in\mathbb{R}^{(\frac{H}{G_1}\times\frac{W}{G_1})\times(G_1\times G_1)\times C}"
    shown = latex.with_sizes(written, {}, (16, 16), 48, 5, 2)
    assert shown == r"\mathbf{X}_1\in\mathbb{R}^{(4\times4)\times(5\times 5)\times 48}"


# The Equations view


def test_every_step_has_its_code_its_numbers_and_its_check(run):
    at = run("equations")
    seen = set()
    for number in range(6, 16):
        at = at.radio(key="choose_equation").set_value(number).run()
        assert f"Eq. {number} ·" in text(at) and at.query_params["equation"] == str(number)
        assert "The line that ran" in text(at) and ("only rounding" in text(at) or number == 15)
        assert at.get("latex") or "$$" in text(at)
        assert "→" in drawn(at)["shapes"] and drawn(at)["shapes"].count("<code") == 3  # before, after, pattern
        seen.add(json.dumps(drawn(at)["columns"]))
    assert len(seen) == 10


@pytest.mark.parametrize("number", range(6, 16))
def test_token_and_grids_change_what_a_step_shows(run, number):
    def shown(**params):
        return json.dumps(drawn(run("equations", equation=str(number), image="cat_kitten", block="1", **params))["columns"])

    before = shown(token="0.3,0.3")
    assert (shown(token="0.8,0.8") != before) == (number != 15)  # cost is the same for all tokens
    grids = {"g1": shown(token="0.3,0.3", g1="8,4"), "g2": shown(token="0.3,0.3", g2="4,2")}
    # The first block's input does not depend on grids. G2 comes in with Eq. 10.
    assert grids["g1"] != before
    assert (grids["g2"] != before) == (number >= 10)


def test_next_and_back_stop_at_the_ends(run):
    at = run("equations")
    assert next(b for b in at.button if b.label == "Back").disabled
    at = next(b for b in at.button if b.label == "Next").click().run()
    assert at.query_params["equation"] == "7"
    at = run("equations", equation="15")
    assert next(b for b in at.button if b.label == "Start again").click().run().query_params["equation"] == "6"


def test_a_plain_stage_says_so_and_leads_to_one_that_is_not(run):
    at = run("equations", stage="4")
    assert "Stage 4 has no hierarchical attention" in text(at) and not at.radio
    next(b for b in at.button if b.label == "Show stage 3").click()
    with pytest.MonkeyPatch.context() as patch:
        import streamlit

        patch.setattr(streamlit, "rerun", lambda **_: None)  # under AppTest a fragment has no page around it to run again
        at = at.run()
    assert at.query_params["stage"] == "3" and "Eq. 6 ·" in text(at)


# Cost


def test_the_crossover_is_where_the_curves_cross():
    for c, g1, g2 in ((64, 8, 8), (48, 4, 2), (96, 7, 4)):
        at = costs.crossover(c, g1, g2) ** 0.5
        assert complexity.hmhsa(at, at, c, g1, g2) == pytest.approx(complexity.mhsa(at, at, c))
    assert round(costs.crossover(64, 8, 8)) == 99 and costs.crossover(48, 4, 1) is None


def test_equation_15_alone_prefers_the_corner_and_the_diagonal_has_its_minimum_inside():
    for side, c in ((56, 48), (28, 96), (14, 240)):
        table = costs.every_setting(side, c)
        assert np.unravel_index(table.argmin(), table.shape) == (0, table.shape[1] - 1)
        g, terms = costs.diagonal(side, c)
        assert g[sum(terms.values()).argmin()] == pytest.approx(complexity.best_common_grid(side, side, c), abs=0.3)


def test_every_mac_of_the_model_is_in_one_group():
    counted = inference.macs("cifar10", (4, 4), (2, 2))
    parts = costs.by_stage(counted)
    assert sum(linear for linear, _ in parts.values()) == counted.conv_linear
    assert sum(products for _, products in parts.values()) == counted.attention
    assert (4, "local attention") not in parts and parts[4, "global attention"][1] > 0  # the last stage is plain


def test_amounts_in_words():
    assert [charts.amount(n) for n in (950, 4_620_288, 97_000_000, 1_296_826_368)] == ["950", "4.62 million", "97 million", "1.3 billion"]
    assert cost_text.headline(130, 10) == "Two small looks cost 1/13 of one full look"
    assert cost_text.headline(100, 57) == "Two small looks cost 57 % of one full look"
    assert "as much" in cost_text.headline(10, 11)


def test_the_token_s_own_bill():
    near, far = np.array([[0.96, 0.04]]), np.array([[0.9, 0.05], [0.05, 0]])
    said = cost_text.one_token(near, far, 64, (0, 3))
    assert "2 neighbours" in said and "4 cells" in said and "6 comparisons instead of 64" in said and "<b>2</b> of them" in said


def test_charts_of_hand_made_numbers():
    sides = np.array([8, 16])
    curves = {"MHSA": np.array([1.0, 8]), "H-MHSA": np.array([2.0, 4])}
    figure = charts.against_tokens(sides, curves, 16, (8, 4), 128, "MACs", {}, colours.LIGHT)
    assert [list(trace.x) for trace in figure.data[:2]] == [[64, 256]] * 2 and figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert any("÷ 2" in note.text for note in figure.layout.annotations)
    assert any("128 tokens" in note.text for note in figure.layout.annotations)
    points = {"MHSA": ([8, 16], [3.0, 9.0], [0.1, 0.2])}
    timed = charts.against_tokens(sides, curves, 16, (8, 4), None, "ms", points, colours.DARK)
    (dots,) = [trace for trace in timed.data if trace.mode == "markers+lines"]
    assert list(dots.y) == [3, 9] and list(dots.error_y.array) == [0.1, 0.2]
    grid = charts.over_settings(np.array([[4.0, 1], [9, 2]]), 1.5, (2, 2), (1, 2), colours.LIGHT)
    marks = {trace.name: (trace.y[0], trace.x[0]) for trace in grid.data[2:]}
    assert marks == {"Eq. 15 alone": (1, 2), "cheapest G₁ = G₂": (1.5, 1.5), "trained": (2, 2), "now": (1, 2)}


@pytest.mark.parametrize(("key", "value"), [("choose_pixels", 224), ("choose_channels", 320), ("cost_g1_0", 8), ("cost_g2_0", 5)])
def test_each_slider_of_the_cost_view_changes_its_curves_and_the_address(run, key, value):
    at = run("cost")
    before, words = [spec(at, i)["data"] for i in range(3)], text(at)
    control = at.select_slider(key=key) if key.startswith("choose") else at.slider(key=key)
    at = control.set_value(value).run()
    assert [spec(at, i)["data"] for i in range(3)] != before and text(at) != words
    assert at.query_params[key.split("_")[1]].split(",")[0] == str(value)
    if key == "cost_g1_0":
        assert at.slider(key="choose_g1_2").value == 8, "the sidebar's slider shows the same"


@pytest.mark.parametrize("block", ["1", "2"])
def test_the_token_s_own_bill_is_that_of_the_selected_block(run, block):
    known, place = checkpoints.describe("cifar10"), (0.3, 0.3)
    seen = inference.attention(pictures.sample("cat_kitten"), known, (4, 4), (2, 2), place)
    near, far = (seen.row(2, int(block), kind, place).mean(0) for kind in ("local", "global"))
    assert cost_text.one_token(near, far, 256, (4, 4)) in text(run("cost", image="cat_kitten", block=block, token="0.3,0.3"))


def test_curves_terms_grids_and_model_can_be_saved(run):
    at = run("cost")
    assert [button.proto.label for button in at.get("download_button")] == ["CSV"] * 4
    layer = costs.layer_of(at.session_state["visit"].view, checkpoints.describe("cifar10"))
    counted = inference.macs("cifar10", (4, 4), (2, 2))
    made = costs.tables(layer, counted, {})
    (row,) = [row for row in zip(*made["Cost over tokens"].values(), strict=True) if row[0] == 256]
    assert dict(zip(made["Cost over tokens"], row, strict=True))["H-MHSA"] == pytest.approx(layer.hmhsa)
    assert sum(made["Whole model"]["MACs of products"]) == counted.attention
    terms = made["Terms of Eq. 15 over G"]
    assert sum(values[0] for name, values in terms.items() if name != "G1 = G2") == pytest.approx(complexity.hmhsa(16, 16, 48, 1, 1))


def test_the_first_picture_is_both_looks_on_one_scale():
    said = cost_text.bars(200, {"local projections": 30, "local products": 20, "global projections": 40, "global products": 10})
    assert re.findall(r"width:([\d.]+)%", said) == ["100.00", "15.00", "10.00", "20.00", "5.00"]
    assert "One full look: 200 multiply-adds. Two small looks: 100" in said


def test_equations_and_cost_name_their_notebooks(run):
    assert "02-local-attention.ipynb" in text(run("equations", equation="8")) and "make tutorials" in text(run("cost"))
    assert "04-joining.ipynb" in text(run("equations", equation="14")) and "05-cost.ipynb" in text(run("cost"))


def test_the_token_changes_the_cost_view(run):
    assert text(run("cost", token="0.1,0.1")) != text(run("cost", token="0.9,0.9"))


def test_the_cost_view_of_a_plain_stage(run):
    at = run("cost", stage="4")
    assert "Stage 4 is plain attention" in text(at) and "all 16 tokens" in text(at)
    for chart in at.get("plotly_chart"):
        assert len(chart.proto.alt) > 20


def test_one_measurement_at_a_time_and_its_result_on_the_page(run, monkeypatch):
    monkeypatch.setattr(measure_job, "SIDES", (4, 8))
    monkeypatch.setattr(measure_job, "REPEATS", 2)
    job = measure_job.begin((24, 4, 2, 24))
    assert measure_job.begin((24, 4, 2, 24)) is None or job.done
    finished(job)
    assert set(job.measured) == {4, 8} and not job.failed and job.progress == pytest.approx(1)
    assert {one.mechanism for one in job.measured[8]} == set(complexity.MECHANISMS)
    at = run("cost")
    at.session_state["visit"].job = dataclasses.replace(job, setting=(48, 4, 2, 24))
    at = at.run()
    assert "Measured at 8 × 8 tokens" in text(at)
    assert "measured" in json.dumps(spec(at, 0)) and '"ms"' in json.dumps(spec(at, 0))
    time_curves, modes = spec(at, 0)["data"], [trace["mode"] for trace in spec(at, 0)["data"]]
    assert modes.count("lines") == modes.count("markers+lines") == 4  # formulas and measurements
    next(group for group in at.button_group if "Memory" in group.options).set_value("Memory").run()
    assert '"MB"' in json.dumps(spec(at, 0)) and [trace["mode"] for trace in spec(at, 0)["data"]] == modes
    assert spec(at, 0)["data"] != time_curves
    # Other sizes are not what was measured.
    assert "Measured at" not in text(at.select_slider(key="choose_channels").set_value(96).run())


def test_a_measurement_can_be_stopped(monkeypatch):
    monkeypatch.setattr(measure_job, "REPEATS", 1000)
    job = measure_job.begin((48, 4, 2, 24))
    job.cancelled = True
    finished(job)
    assert not job.measured
    again = measure_job.begin((48, 4, 2, 24))  # and the next may begin
    assert again
    again.cancelled = True
    finished(again)


def finished(job):
    end = time.monotonic() + 60
    while not job.done and time.monotonic() < end:
        time.sleep(0.02)
    assert job.done
