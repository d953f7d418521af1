"""The Explorer through AppTest: maps, prediction and panels follow what is looked at."""

import numpy as np
import pytest

import hatnet
import hatnet.data
from app.core import unknown
from tests.app.explorer import SENT, cells, data, model_maps, unpacked
from tests.app.pages import opened, text, words


def test_the_first_page_is_true_and_telling():
    at = opened("explorer")
    assert at.title[0].value.startswith("Every token reads twice")
    local, far, hops = (cells(at, kind) for kind in ("local", "global", "hops"))
    assert local.shape == (4, 4) and far.shape == (8, 8) and hops.shape == (16, 16)
    for weights, total in ((local, 1), (far, 1), (hops, 0.75)):  # a quarter stays
        assert weights.sum() == pytest.approx(total, abs=weights.size * weights.max() / 510)
    assert "4 × 4 window" in words(at) and "64 averaged cells" in words(at) and "Prediction" in data(at)["prediction"]
    assert len(data(at)["strip"]) == 8 and len(data(at)["frames"]["paths"]) == 5


def test_the_maps_are_the_model_s():
    at = opened("explorer", image="bird_owl", stage="3", block="2", head="3", token="0.9,0.3", g1="4,5", g2="2,3")
    maps = model_maps("bird_owl", (4, 5), (2, 3))
    for kind in ("local", "global"):
        record = maps[3, 2, kind]
        expected = record.row(*hatnet.token_at((0.9, 0.3), record.query_grid))[2].numpy()
        np.testing.assert_allclose(cells(at, kind), expected, atol=expected.max() / 500)
    token = hatnet.token_at((0.9, 0.3), (8, 8))
    expected = hatnet.rollout.two_hop(maps[3, 2, "local"], maps[3, 2, "global"], [token])[0].numpy()
    expected[token] -= 0.25
    np.testing.assert_allclose(cells(at, "hops"), expected, atol=expected.max() / 300)


@pytest.mark.parametrize(("g1", "g2"), [((4, 4), (2, 2)), ((5, 3), (3, 5)), ((16, 8), (1, 8))])
def test_every_token_s_row_is_sent(g1, g2):
    """Partial windows and cells too: rows are told apart by token, not by window."""
    at = opened("explorer", image="cow", stage="3", block="1", g1=",".join(map(str, g1)), g2=",".join(map(str, g2)))
    maps = model_maps("cow", g1, g2)
    found = data(at)
    for kind in ("local", "global"):
        record, sent = maps[3, 1, kind], unpacked(SENT[found["sheets"][kind]["key"]])
        for n in range(64):
            expected = record.row(*divmod(n, 8)).mean(0).numpy()
            row = sent[n].reshape(record.key_grid)[: expected.shape[0], : expected.shape[1]]
            np.testing.assert_allclose(row, expected, atol=expected.max() / 500)


def test_grids_change_the_prediction():
    at = opened("explorer")
    before = data(at)["prediction"]
    at.slider(key="choose_g1_2").set_value(1).run()
    at.slider(key="choose_g2_2").set_value(16).run()
    assert data(at)["prediction"] != before
    assert "1 × 1 window" in words(at) and "1 averaged cell: these are its keys" in words(at)
    at.slider(key="choose_g2_2").set_value(1).run()
    assert "256 tokens: these are its keys" in words(at)  # nothing is averaged


def test_the_plain_stage_says_that_it_has_no_grids():
    at = opened("explorer", stage="4")
    assert len(at.slider) == 0
    assert "no window (G₁) and no cells (G₂)" in " ".join(caption.value for caption in at.caption)
    assert "This stage has no local step" in data(at)["none"]["local"] and "all 16 tokens" in words(at)
    assert list(data(at)["sheets"]) == ["global"] and cells(at, "global").shape == (4, 4)
    assert not data(at)["frames"]


def test_a_photograph_outside_the_classes_is_said_to_be_so():
    said = data(opened("explorer", image="koala"))["prediction"]
    assert "outside what it knows" in said and "The photograph shows a koala." in said
    assert "outside what it knows" not in data(opened("explorer", image="deer_moose"))["prediction"]


def test_the_rule_of_the_checkpoint_decides_what_every_page_says(monkeypatch):
    """Unknown to all, below a threshold that no picture reaches."""
    rule = {"score": "energy", "threshold": 1e9, "rows": [{"g1": [4, 4], "g2": [2, 2], "false_alarms": 0.25, "misses": 0.5}]}
    monkeypatch.setattr(unknown, "_rule", {"cifar10": rule}.get)
    assert "none of the 10 things" in data(opened("explorer"))["prediction"]
    assert "25 % of those of its classes" in data(opened("explorer"))["prediction"]
    assert "was not measured" in data(opened("explorer", g1="4,2"))["prediction"]
    assert "With A and with B, the model takes the photograph for none of its 10 classes" in words(opened("grids"))
    assert "The answer is only the nearest guess" in words(opened("why"))
    assert "By its threshold, the photograph is none of the 10 things that this model knows; the nearest guess is “" in words(
        opened("why", tour="12")
    )
    assert "things" not in data(opened("explorer", checkpoint="cards"))["prediction"]


@pytest.mark.parametrize("grids", ["4,4", "5,3", "15,7", "1,1"])
def test_the_seam_s_local_weight_is_exactly_zero(grids):
    found, g1 = data(opened("explorer", panel="seam", g1=grids, token="0.98,0.5"))["seam"], int(grids.split(",")[0])
    here, there, inside = (found["pair"][name] for name in ("here", "there", "inside"))
    assert [i // g1 for i in here] != [i // g1 for i in there]
    assert sum(abs(a - b) for a, b in zip(here, there, strict=True)) == 1
    lines = found["html"].split("<tr>")[2:]
    assert "exactly 0" in lines[0].split("<td>")[1] and (inside is None) == (g1 == 1)
    assert "exactly 0" not in lines[1] and "%" in lines[1].split("<td>")[1]  # the global step restores the link
    assert "exactly 0" not in lines[2].split("<td>")[1]  # two hops too
    assert "Swin, window" in lines[3] and "exactly 0" in lines[3].split("<td>")[1]
    assert "PVT, pooled keys" in lines[5] and "exactly 0" not in lines[5]


def test_one_window_has_no_seam_and_says_so():
    assert "One window covers the whole map" in data(opened("explorer", panel="seam", g1="16,4"))["none"]["seam"]
    assert "no windows" in data(opened("explorer", panel="seam", stage="4"))["none"]["seam"]
    assert "averages nothing" in data(opened("explorer", panel="pooling", stage="4"))["none"]["pooling"]


def test_a_wrong_panel_is_the_maps_with_a_notice():
    at = opened("explorer", panel="attic")
    assert "The link asked for panel “attic”" in text(at) and data(at)["panel"] == "maps" and "panel" not in at.query_params
    assert "heads" in opened("explorer", panel="heads").query_params["panel"]
