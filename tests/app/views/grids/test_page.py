"""Grids through AppTest."""

import json
import re
import shutil

import numpy as np
import pytest

import hatnet
from tests.app.grids import FOUND
from tests.app.pages import button, components, opened, text


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
    for name in ("Attention of stage 2, MACs", "Whole model, MACs"):
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
    totals = [hatnet.complexity.count(model, (32, 32), g1, g2).total / 1e6 for g1, g2 in (((4, 4), (2, 2)), ((8, 4), (4, 2)))]
    assert row(at, "Whole model, MACs")[:2] == [f"{total:,.1f} M" for total in totals]


@pytest.mark.parametrize(("change", "kinds"), [({"token": "0.1,0.1"}, "local global"), ({"g1": "2,4"}, "local"), ({"g2": "8,2"}, "global")])
def test_token_and_grids_change_the_maps(open_grids, change, kinds):
    before, after = shown(open_grids()), shown(open_grids(**change))
    for kind in kinds.split():
        assert not np.array_equal(before[kind, "B"][0], after[kind, "B"][0])


def test_a_choice_writes_the_address_and_a_pin_stays(open_grids):
    at = open_grids()
    assert "A is an example" in text(at) and "G₁ = 8" in text(at)
    at.button_group(key="grids_g1_2").set_value(16).run()
    assert at.query_params["g1"] == "16,4" and "A is an example" not in text(at)
    a = shown(at)["local", "A"][0]
    np.testing.assert_array_equal(a, shown(open_grids())["local", "B"][0])  # A is as trained again
    at.button(key="pin").click().run()
    at.button_group(key="grids_g1_2").set_value(2).run()
    np.testing.assert_array_equal(shown(at)["local", "A"][0], shown(open_grids(g1="16,4"))["local", "B"][0])
    at.button(key="unpin").click().run()
    np.testing.assert_array_equal(shown(at)["local", "A"][0], a)


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
    assert row(at, "Accuracy") == ["80.0 %", "70.0 %", "−10.0 points"]
    assert "accuracy stays between **66.0 and 80.0 %**" in text(at) and "sampling error of ± 2.5" in text(at)
    assert "Empty squares were not measured" in text(at)
    names = {
        (g1, g2): cell["name"]
        for g1, line in zip(accuracies(at)["down"], accuracies(at)["cells"], strict=True)
        for g2, cell in zip(accuracies(at)["across"], line, strict=True)
        if cell
    }
    assert names == {(4, 2): "A", (8, 2): "B", (16, 2): "", (4, 4): ""}
    at = open_grids(g1="8,4", g2="4,2")
    assert row(at, "Accuracy") == ["80.0 %", "not measured", "–"]
    # With another stage off its trained setting, the file does not speak of this model.
    at = open_grids(g1="8,2")
    assert row(at, "Accuracy")[:2] == ["not measured", "not measured"]


def test_without_the_stored_map_the_rest_is_there(open_grids):
    at = open_grids(measured=None, g1="8,4")
    assert "Not measured yet" in text(at) and "benchmarks/grids.py cifar10" in text(at)
    assert len(shown(at)) == 6 and row(at, "Accuracy") == ["not measured", "not measured", "–"]


def test_a_broken_map_is_said_and_leaves_no_traceback(open_grids, logged_errors):
    for broken in ("{", "[]", '{"rows": 1}'):
        at = open_grids(measured=broken)
        assert "cifar10.grids.json is not what benchmarks/grids.py writes" in text(at)
        assert len(shown(at)) == 6
    logged_errors.clear()  # it is in the log, for who can mend it
