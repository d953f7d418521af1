"""Plain attention of one token, against the model run with one window over the whole map."""

import dataclasses

import pytest

from app.core import checkpoints, pictures
from app.core.view import default
from app.views.equations import boards, numpy_check, plain, sections

KNOWN = checkpoints.describe("cifar10")
VIEW = dataclasses.replace(default(KNOWN), image="cat_kitten", block=1, place=(0.3, 0.7))


def selected(g1):
    view = dataclasses.replace(VIEW, g1=g1)
    checked = numpy_check.checked_equations(pictures.sample("cat_kitten"), KNOWN, view.stage, view.block_index, view.g1, view.g2)
    return sections.selection_of(view, KNOWN, checked)


@pytest.mark.parametrize("g1", [(4, 4), (5, 3)])
def test_step_0_is_what_the_model_computes_with_one_window(g1):
    cut, whole = selected(g1), selected((16, 8))
    expected = whole.tensors["p1"][0, 0, cut.row].reshape(16, 16)
    (shown,) = [panel for column in boards.board(2, cut, {})["columns"] for panel in column if panel["id"] == "p"]
    assert [list(row) for row in shown["values"]] == [pytest.approx(row, abs=1e-4) for row in expected.tolist()]


def test_numpy_and_pytorch_agree_and_a_mistake_is_seen(monkeypatch):
    selection = selected((4, 4))
    assert plain.difference(selection) < 1e-5
    monkeypatch.setattr(plain, "attend", lambda q, k, v: (q, None))
    assert plain.difference(selection) > 0.1


def test_the_line_that_runs_is_the_one_of_the_scores():
    step = plain.equation(48, 2, 256)
    assert "query @ key.mT" in step.source and step.number == 2
