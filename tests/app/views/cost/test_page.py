"""Cost through AppTest."""

import dataclasses
import json

import pytest

import hatnet
from app.core import checkpoints
from app.views.cost import costs, measure_job
from hatnet import complexity, timing
from tests.app.explorer import model_maps
from tests.app.measuring import finish
from tests.app.pages import chart, opened, plain, text


@pytest.mark.parametrize(("key", "value"), [("choose_pixels", 224), ("choose_channels", 320), ("cost_g1_0", 8), ("cost_g2_0", 5)])
def test_each_slider_of_the_cost_view_changes_its_curves_and_the_address(key, value):
    at = opened("cost")
    before, words = [chart(at, i)["data"] for i in range(3)], text(at)
    control = at.select_slider(key=key) if key.startswith("choose") else at.slider(key=key)
    at = control.set_value(value).run()
    assert [chart(at, i)["data"] for i in range(3)] != before and text(at) != words
    assert at.query_params[key.split("_")[1]].split(",")[0] == str(value)


@pytest.mark.parametrize("block", [1, 2])
def test_the_token_s_own_bill_is_that_of_the_selected_block(block):
    """Against the weights of hatnet called directly, counted from the largest on."""
    maps = model_maps("cat_kitten", (4, 4), (2, 2))
    rows = [maps[2, block, kind].row(4, 4).mean(0).flatten().tolist() for kind in ("local", "global")]  # 0.3 of 16 tokens
    total = enough = 0
    for weight in sorted(rows[0] + rows[1], reverse=True):
        if total < 0.9:
            total, enough = total + weight / 2, enough + 1
    said = plain(text(opened("cost", image="cat_kitten", block=str(block), token="0.3,0.3")))
    assert "(row 5, column 5) reads the 16 tokens of its window and 64 cells: 80 comparisons instead of 256." in said
    assert f"goes to {enough} of them" in said


def test_curves_terms_grids_and_model_can_be_saved():
    at = opened("cost")
    assert [button.proto.label for button in at.get("download_button")] == ["CSV"] * 4
    counted = complexity.count(hatnet.load_checkpoint("cifar10"), (32, 32))
    made = costs.tables(costs.layer_of(at.session_state["visit"].view, checkpoints.describe("cifar10")), counted, {})
    # Eq. 15 for 16 x 16 tokens, C = 48, G1 = 4, G2 = 2: 12,288 (192 + 32) + 2 * 64 * 48 (48 + 256).
    (row,) = [row for row in zip(*made["Cost over tokens"].values(), strict=True) if row[0] == 256]
    assert dict(zip(made["Cost over tokens"], row, strict=True))["H-MHSA"] == 4_620_288
    assert sum(made["Whole model"]["MACs of products"]) == counted.attention
    terms = made["Terms of Eq. 15 over G"]
    assert sum(values[0] for name, values in terms.items() if name != "G1 = G2") == pytest.approx(complexity.hmhsa(16, 16, 48, 1, 1))


def test_the_token_changes_the_cost_view():
    assert text(opened("cost", token="0.1,0.1")) != text(opened("cost", token="0.9,0.9"))


def test_the_cost_view_of_a_plain_stage():
    at = opened("cost", stage="4")
    assert "Stage 4 uses plain attention" in text(at) and "all 16 tokens" in text(at)
    for drawn in at.get("plotly_chart"):
        assert len(drawn.proto.alt) > 20


def test_one_measurement_at_a_time_and_its_result_on_the_page(monkeypatch):
    monkeypatch.setattr(measure_job, "SIDES", (4, 8))
    monkeypatch.setattr(measure_job, "REPEATS", 2)
    job = measure_job.begin((24, 4, 2, 24))
    assert measure_job.begin((24, 4, 2, 24)) is None or job.done
    finish(job)
    assert set(job.measured) == {4, 8} and not job.failed and job.progress == pytest.approx(1)
    assert {one.mechanism for one in job.measured[8]} == set(timing.MECHANISMS)
    at = opened("cost")
    at.session_state["visit"].job = dataclasses.replace(job, setting=(48, 4, 2, 24))
    at = at.run()
    assert "Measured at 8 × 8 tokens" in text(at)
    assert "measured" in json.dumps(chart(at, 0)) and '"ms"' in json.dumps(chart(at, 0))
    time_curves, modes = chart(at, 0)["data"], [trace["mode"] for trace in chart(at, 0)["data"]]
    assert modes.count("lines") == modes.count("markers+lines") == 4  # formulas and measurements
    next(group for group in at.button_group if "Memory" in group.options).set_value("Memory").run()
    assert '"MB"' in json.dumps(chart(at, 0)) and [trace["mode"] for trace in chart(at, 0)["data"]] == modes
    assert chart(at, 0)["data"] != time_curves
    # Other sizes are not what was measured.
    assert "Measured at" not in text(at.select_slider(key="choose_channels").set_value(96).run())


def test_it_names_its_notebook():
    at = opened("cost")
    assert "make tutorials" in text(at) and "05-cost.ipynb" in text(at)
