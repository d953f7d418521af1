"""What is sent to the Explorer's component: all rows, one row, or nothing that is there already."""

import base64
import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest

from app.core import checkpoints, inference, pictures
from app.core.view import default
from app.views.equations import numpy_check
from app.views.explorer import pooling, sheets
from tests.app.explorer import SENT, cells, data
from tests.app.pages import opened


def test_a_large_model_computes_the_row_of_the_selected_token_alone(monkeypatch):

    local, far = (
        cells(opened("explorer", token="0.9,0.1", g1="5,3"), "local"),
        cells(opened("explorer", token="0.9,0.1", g1="5,3"), "global"),
    )
    monkeypatch.setattr(inference, "ALL_ROWS", 0)
    at = opened("explorer", token="0.9,0.1", g1="5,3")
    np.testing.assert_allclose(cells(at, "local"), local, atol=1e-3)  # a partial window
    np.testing.assert_allclose(cells(at, "global"), far, atol=1e-3)
    found = data(at)
    assert SENT[found["sheets"]["global"]["key"]]["only"] == 14 * 16 + 1
    assert "256 tokens is too much to send" in found["over"] and "choose a smaller G₁" in found["none"]["hops"]


def test_what_is_too_much_to_send_is_sent_for_the_selected_token_alone(monkeypatch):

    whole = {kind: cells(opened("explorer", token="0.3,0.7"), kind) for kind in ("local", "global", "hops")}
    monkeypatch.setattr(sheets, "MOST_SENT", 20_000)
    at = opened("explorer", token="0.3,0.7")
    for kind, expected in whole.items():
        np.testing.assert_allclose(cells(at, kind), expected, atol=1e-6)
    found = data(at)
    only = {kind: SENT[sheet["key"]]["only"] for kind, sheet in found["sheets"].items()}
    assert only == {"local": None, "global": None, "hops": 4 * 16 + 11} and found["pinned"] and not found["over"]


def test_rows_are_sent_once_and_again_when_they_are_asked_for():
    at = opened("explorer", token="0.1,0.1")
    first = data(at)["sheets"]
    assert all("body" in sheet for sheet in first.values())
    at.run()
    assert data(at)["sheets"] == {kind: {"key": sheet["key"]} for kind, sheet in first.items()}
    at.button_group(key="choose_block").set_value(1).run()
    assert all("body" in sheet for sheet in data(at)["sheets"].values())
    at.button_group(key="choose_block").set_value(2).run()
    assert not any("body" in sheet for sheet in data(at)["sheets"].values())
    at.session_state["visit"].sheets = [key for key in at.session_state["visit"].sheets if "'hops'" not in key]  # as `changed` does
    at.run()
    assert [kind for kind, sheet in data(at)["sheets"].items() if "body" in sheet] == ["hops"]


def test_pooling_says_what_averaging_loses():
    at = opened("explorer", panel="pooling")
    sheet = SENT[data(at)["sheets"]["pooling"]["key"]]
    lost = np.frombuffer(base64.b64decode(sheet["cells"]), "<f4")
    assert lost.shape == (64,) and 0 < sheet["whole"] < 1 and ((lost > 0) & (lost < 1)).all()
    at.slider(key="choose_g2_2").set_value(1).run()
    assert SENT[data(at)["sheets"]["pooling"]["key"]]["whole"] == 0
    at.slider(key="choose_g2_2").set_value(16).run()
    assert SENT[data(at)["sheets"]["pooling"]["key"]]["whole"] == pytest.approx(1)


def test_the_features_of_the_microscope_are_those_of_the_equations():

    known, picture = checkpoints.describe("cifar10"), pictures.sample("cow")
    view = default(known)
    a1 = numpy_check.checked_equations(picture, known, view.stage, view.block_index, view.g1, view.g2).tensors["a1"]
    sheet = sheets.contents(sheets.Sheet(kind="pooling", picture=picture, checkpoint=known, view=view))
    lost = np.frombuffer(base64.b64decode(sheet["cells"]), "<f4")
    np.testing.assert_allclose(lost, pooling.pooling_loss(a1, 2).cells.ravel(), atol=1e-4)


def one_token():
    """A sheet of two hops on 56 x 56 tokens, which holds one token alone."""
    known = checkpoints.describe("objects224")
    view = default(known)
    return sheets.Sheet(kind="hops", picture=pictures.sample(view.image), checkpoint=known, view=view)


def test_two_hops_of_one_token_do_not_queue_behind_the_pictures_of_other_visitors():
    sheet = one_token()
    assert sheet.place == sheet.view.place
    inference.attention(sheet.picture, sheet.checkpoint, sheet.view)
    with ExitStack() as others, ThreadPoolExecutor(3) as pool:
        leave, taken = threading.Event(), threading.Barrier(3)

        def other():
            with inference.forward_slots:
                taken.wait(10)
                leave.wait(60)

        others.callback(leave.set)
        for _ in range(2):
            pool.submit(other)
        taken.wait(10)
        assert pool.submit(sheets.contents, sheet).result(30)["only"] is not None


def test_sheets_of_all_tokens_are_kept_for_the_next_visitor_and_those_of_one_are_not(monkeypatch):
    known, made = checkpoints.describe("cifar10"), []
    monkeypatch.setattr(sheets, "_made", lambda sheet: made.append(sheet.kind) or {})
    view = dataclasses.replace(default(known), head=2, g1=(2, 3))  # nobody else's
    whole = sheets.Sheet(kind="local", picture=pictures.sample(view.image), checkpoint=known, view=view)
    for sheet in (whole, whole, one_token(), one_token()):
        sheets.contents(sheet)
    assert made == ["local", "hops", "hops"]
    sheets._kept.clear()
