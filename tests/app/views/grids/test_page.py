"""Grids through AppTest."""

import dataclasses
import html
import json
import re
import shutil

import numpy as np
import pytest

import hatnet
from app.core import checkpoints
from tests.app.grids import FOUND, stored
from tests.app.pages import button, charts, components, opened, quantities, text, words


@pytest.fixture
def open_grids(monkeypatch, tmp_path):
    """open_grids(measured=FOUND, **params) -> the view; measured: what hatnet/shipped/cifar10.grids.json holds, None for no file."""
    shutil.copy(hatnet.checkpoints.SHIPPED / "cifar10.safetensors", tmp_path)
    monkeypatch.setattr(hatnet.checkpoints, "SHIPPED", tmp_path)

    def start(measured=FOUND, **params):
        if measured is not None:
            (tmp_path / "cifar10.grids.json").write_text(measured if isinstance(measured, str) else json.dumps(measured))
        return opened("grids", **params)

    return start


def row(at, name):
    """A, B and their comparison in a row of the table."""
    (cells,) = re.findall(rf'<tr><th scope="row">{name}</th>(.*?)</tr>', text(at))
    return [re.sub("<.*?>", "", cell) for cell in re.findall("<td>(.*?)</td>", cells)]


def tiles(at):
    """The six maps as their component gets them: (kind, A, B or difference) -> data."""
    found = {}
    for data in components(at):
        if data.get("group") == "grids":
            kind = "local" if "local" in data["alt"] else "global"
            found[kind, "difference" if "Difference" in data["alt"] else data["alt"][0]] = data
    return found


def shown(at):
    """The six maps: (kind, A, B or difference) -> [values, bottom and top of the scale]."""
    return {name: (np.array(data["values"]), -data["most"] * data["signed"], data["most"]) for name, data in tiles(at).items()}


def accuracies(at):
    """What the accuracy map shows."""
    (found,) = [data for data in components(at) if "across" in data]
    return found


def test_parameters_stand_still_while_maps_prediction_and_cost_move(open_grids):
    at = open_grids(g1="8,4", g2="4,2")
    count = f"{sum(weight.numel() for weight in hatnet.load_checkpoint('cifar10').parameters()):,}"
    assert row(at, "Parameters") == [count, count, "unchanged"]
    a, b, change = row(at, "Prediction")
    assert a.startswith("cat") and a != b and "points" in change
    for name in ("One attention layer, MACs as computed", "Whole model, MACs"):
        a, b, change = row(at, name)
        assert a != b and change.startswith("×")
    for kind in ("local", "global"):
        assert not np.allclose(shown(at)[kind, "A"][0], shown(at)[kind, "B"][0])


def test_two_settings_share_one_scale_and_the_difference_is_theirs(open_grids):
    found = shown(open_grids(g1="8,4", g2="4,2"))
    for kind in ("local", "global"):
        (a, *scale_a), (b, *scale_b), (difference, low, high) = (found[kind, name] for name in ("A", "B", "difference"))
        assert scale_a == scale_b == [0, pytest.approx(max(a.max(), b.max()), abs=1e-3)]
        np.testing.assert_allclose(difference, b - a, atol=2e-3)
        assert (low, high) == pytest.approx((-abs(difference).max(), abs(difference).max()), abs=1e-3)
        assert a.sum() == pytest.approx(100, abs=0.1) and b.sum() == pytest.approx(100, abs=0.1)


def test_the_costs_are_those_counted_of_the_model(open_grids):
    at = open_grids(g1="8,4", g2="4,2")
    model = hatnet.load_checkpoint("cifar10")
    counts = [hatnet.complexity.count(model, (32, 32), g1, g2) for g1, g2 in (((4, 4), (2, 2)), ((8, 4), (4, 2)))]
    assert row(at, "Whole model, MACs")[:2] == [f"{count.total / 1e6:.3g} million" for count in counts]
    blocks = [sum(row.macs for row in count.rows if row.stage == 2 and ".attn." in row.name) for count in counts]
    assert row(at, "One attention layer, MACs as computed")[:2] == [f"{macs / 2e6:.3g} million" for macs in blocks]  # of two blocks
    assert quantities(at)["macs"] == f"{blocks[1] / 2e6:.3g} million"  # the visitor's setting, which other pages show, is B


@pytest.mark.parametrize(("change", "kinds"), [({"token": "0.1,0.1"}, "local global"), ({"g1": "2,2"}, "local"), ({"g2": "8,2"}, "global")])
def test_token_and_grids_change_the_maps(open_grids, change, kinds):
    before, after = shown(open_grids(g1="4,2")), shown(open_grids(**{"g1": "4,2"} | change))
    for kind in kinds.split():
        assert not np.array_equal(before[kind, "B"][0], after[kind, "B"][0])


def test_it_opens_with_a_as_trained_and_b_an_example(open_grids):
    at = open_grids()
    said = words(at)
    assert "A is the model as trained: windows of 4 × 4 tokens (G₁ = 4) and cells of 2 × 2 (G₂ = 2)" in said
    assert "B is an example until you choose, with both sides doubled: windows of 8 × 8 tokens (G₁ = 8) and cells of 4 × 4 (G₂ = 4)" in said
    assert said.index("B is an example") < said.index("From A to B, the probability") < said.index("Prediction")
    assert (at.button_group(key="grids_g1_2").value, at.button_group(key="grids_g2_2").value) == (8, 4)
    assert "g1" not in at.query_params or at.query_params["g1"] == "4,4"  # no other page is changed by it
    for kind in ("local", "global"):
        np.testing.assert_array_equal(shown(at)[kind, "B"][0], shown(open_grids(g1="8,4", g2="4,2"))[kind, "B"][0])
    chosen = words(open_grids(g1="8,4"))
    assert "B is your setting: windows of 8 × 8 tokens (G₁ = 8) and cells of 2 × 2" in chosen and "example until" not in chosen


def test_the_trained_setting_can_be_chosen_as_b(open_grids):
    """Then it is no example any more."""
    at = open_grids()
    at.button_group(key="grids_g1_2").set_value(4).run()
    at.button_group(key="grids_g2_2").set_value(2).run()
    assert "A and B are alike now" in words(at) and "B is your setting" in words(at)
    assert at.button_group(key="grids_g1_2").value == 4


def test_a_choice_writes_the_address_and_a_pin_stays(open_grids):
    at = open_grids()
    trained = shown(at)["local", "A"][0]
    at.button_group(key="grids_g1_2").set_value(16).run()
    assert (at.query_params["g1"], at.query_params["g2"]) == ("16,4", "4,2")  # of the example, the other side stays
    np.testing.assert_array_equal(shown(at)["local", "A"][0], trained)
    at.button(key="pin").click().run()
    assert "A is the setting that you pinned: windows of 16 × 16" in words(at)
    at.button_group(key="grids_g1_2").set_value(2).run()
    np.testing.assert_array_equal(shown(at)["local", "A"][0], shown(open_grids(g1="16,4", g2="4,2"))["local", "B"][0])
    at.button(key="unpin").click().run()
    np.testing.assert_array_equal(shown(at)["local", "A"][0], trained)


def test_a_and_b_change_places_and_changes_are_undone(open_grids):
    at = open_grids(g1="8,4")
    before = shown(at)
    at.button(key="swap").click().run()
    after = shown(at)
    assert at.query_params["g1"] == "4,4"
    for kind in ("local", "global"):
        np.testing.assert_array_equal(after[kind, "A"][0], before[kind, "B"][0])
        np.testing.assert_array_equal(after[kind, "B"][0], before[kind, "A"][0])
        np.testing.assert_array_equal(after[kind, "difference"][0], -before[kind, "difference"][0])
    at.button_group(key="grids_g2_2").set_value(8).run()
    at.button(key="undo").click().run()
    assert at.query_params["g2"] == "2,2" and at.query_params["g1"] == "4,4"
    at.button(key="undo").click().run()
    assert at.query_params["g1"] == "8,4" and at.button(key="undo").disabled
    np.testing.assert_array_equal(shown(at)["local", "B"][0], before["local", "B"][0])


def test_every_map_and_the_accuracies_can_be_saved(open_grids):
    at = open_grids(g1="8,4")
    files = [button.proto.label for button in at.get("download_button")]
    assert files.count("PNG") == 6 and files.count("CSV") == 7


def test_sides_larger_than_the_stage_are_off_with_the_reason(open_grids):
    at = open_grids(stage="3")
    assert at.button_group(key="grids_g1_3").options == ["1", "2", "4 ★", "7", "8"]
    assert "14, 16, 28 and 56 are not offered: this stage is only 8 tokens wide." in text(at)


def test_a_side_chosen_on_the_slider_is_offered_too(open_grids):
    assert open_grids(g1="5,4").button_group(key="grids_g1_2").value == 5


def test_the_plain_stage_offers_the_way_back(open_grids):
    at = open_grids(stage="4")
    assert "Stage 4 uses plain attention." in text(at) and not shown(at)
    button(at, "Show stage 3").click().run()
    assert at.query_params["stage"] == "3" and len(shown(at)) == 6


def test_the_stored_accuracies_are_shown_where_they_fit(open_grids):
    at = open_grids(g1="8,4")
    right = "Right of 1,000 held-out images"
    assert row(at, right) == ["80.0 %", "70.0 %", "−10.0 points"]
    assert "The 4 settings get 66.0 to 80.0 % of 1,000 images right (cifar10, held out of training)" in words(at)
    assert "sampling error of ± 2.5. Empty squares were not measured" in words(at)
    # The sidebar's accuracy is another one, and the page says so.
    assert "The sidebar’s 92 % is of other images: the test split." in words(at)
    assert (quantities(at)["accuracy-test"], quantities(at)["accuracy-held-out"]) == ("92 %", "80.0 %")
    names = {
        (g1, g2): cell["name"]
        for g1, line in zip(accuracies(at)["down"], accuracies(at)["cells"], strict=True)
        for g2, cell in zip(accuracies(at)["across"], line, strict=True)
        if cell
    }
    assert names == {(4, 2): "A", (8, 2): "B", (16, 2): "", (4, 4): ""}
    at = open_grids(g1="8,4", g2="4,2")
    assert row(at, right) == ["80.0 %", "not measured", "–"]
    # With another stage off its trained setting, the file does not speak of this model.
    at = open_grids(g1="8,2")
    assert row(at, right)[:2] == ["not measured", "not measured"]


def test_without_the_stored_map_the_rest_is_there(open_grids):
    at = open_grids(measured=None, g1="8,4")
    assert "Not measured yet" in text(at) and "benchmarks/grids.py cifar10" in text(at)
    assert len(shown(at)) == 6 and row(at, "Accuracy") == ["not measured", "not measured", "–"]


def test_a_broken_map_is_said_and_leaves_no_traceback(open_grids, logged_errors):
    for broken in ("{", "[]", '{"rows": 1}'):
        at = open_grids(measured=broken)
        assert "cifar10.grids.json is not what the program in benchmarks/ writes" in text(at)
        assert len(shown(at)) == 6
    logged_errors.clear()  # it is in the log, for who can mend it


def test_the_price_of_other_sides_is_said(open_grids):
    at = open_grids(g1="8,4")
    assert "In stage 2, accuracy does move: at worst −14.0 points (G₁ = 16, G₂ = 2)" in words(at)
    (drawn,) = charts(at)
    assert [label["text"] for label in drawn["labels"]] == ["A", "B"] and "B is stage 2, G₁ = 8 and G₂ = 2: 70.0 %" in drawn["alt"]
    assert drawn["alt"] != charts(open_grids(g1="16,4"))[0]["alt"]
    steady = words(open_grids(measured=stored(s4_2=0.8, s8_2=0.79)))
    assert "In stage 2, accuracy hardly moves: at worst −1.0 points (G₁ = 8, G₂ = 2). Likely reasons" in steady
    assert "A map of 16 × 16 tokens is small" in steady


def test_names_of_classes_and_data_are_never_read_as_markdown_or_html(open_grids, monkeypatch):
    name = "*<b>cat</b>* $x_1$ :red[cat] `c`"
    real = checkpoints.describe

    def described(checkpoint):
        found = real(checkpoint)
        return dataclasses.replace(found, classes=tuple(name if one == "cat" else one for one in found.classes))

    monkeypatch.setattr(checkpoints, "describe", described)
    at = open_grids(measured=FOUND | {"data": name}, g1="8,4", image="cat_chelsea")
    assert f"“{html.escape(name)}”" in text(at) and f"({html.escape(name)}, held out" in text(at)
    assert name not in text(at) and not any("red[cat]" in block.value for block in [*at.markdown, *at.caption])


def test_sides_of_another_stage_are_said_where_they_change_the_numbers():
    changed = opened("grids", stage="3", g1="8,4")
    assert "A is this stage as trained" in words(changed) and "In both, other stages keep the sides that you chose there." in words(changed)
    assert "A is the model as trained" in words(opened("grids", stage="3", g1="4,2")), "of this stage itself"
    assert "whole model, with the sides that you chose, takes" in words(opened("cost", stage="3", g1="8,4"))
    assert "One photograph through the whole model takes" in words(opened("cost"))
