"""Stored accuracies: which of them are cells of the map, and what the cells say."""

import pytest

from app.views.grids import accuracy
from tests.app.grids import FOUND, stored


def test_rows_that_vary_another_stage_are_no_cells():
    measured = accuracy.of_stage(FOUND, 0)
    assert measured.accuracies == {(4, 2): 0.8, (8, 2): 0.7, (4, 4): 0.75, (16, 2): 0.66} and not measured.complete
    assert accuracy.of_stage(FOUND, 1).accuracies == {(4, 2): 0.8, (8, 2): 0.5}
    assert measured.error == pytest.approx(0.0248, abs=5e-5)  # of 800 in 1000
    assert accuracy.of_stage(stored(s8_2=0.7), 0) is None


def test_the_cells_of_the_accuracy_map_star_the_trained_setting_and_name_both():
    drawn = accuracy.heat_map(accuracy.of_stage(FOUND, 0), (4, 2), (16, 2))
    assert (drawn["down"], drawn["across"], drawn["b"]) == ([4, 8, 16], [2, 4], True)
    texts = [[cell and cell["text"] for cell in row] for row in drawn["cells"]]
    assert texts == [["80", "75"], ["70", None], ["66", None]]
    named = {cell["name"] for row in drawn["cells"] for cell in row if cell and cell["name"]}
    assert named == {"A", "B"} and drawn["cells"][0][0]["name"] == "A" and drawn["cells"][2][0]["name"] == "B"
    assert [cell["trained"] for row in drawn["cells"] for cell in row if cell] == [True, False, False, False]
    assert drawn["cells"][0][0]["part"] == 1 and drawn["cells"][2][0]["part"] == 0  # the darkest and the palest
    assert drawn["cells"][0][0]["words"] == "G₁ = 4, G₂ = 2: 80.0 % right, as trained, now A"
    assert not accuracy.heat_map(accuracy.of_stage(FOUND, 0), (5, 2), (5, 2))["b"]  # a setting that is not on the map has no outline


def test_close_accuracies_get_a_decimal():
    close = accuracy.AccuracyMap({(4, 2): 0.851, (8, 2): 0.854}, (4, 2), 1000, "cifar10")
    assert [row[0]["text"] for row in accuracy.heat_map(close, (4, 2), (8, 2))["cells"]] == ["85.1", "85.4"]


def test_a_whole_map_has_no_empty_cells():
    every = {f"s{g1}_{g2}": 0.6 + 0.01 * g1 for g1 in (2, 4, 8) for g2 in (1, 2)}
    measured = accuracy.of_stage(stored(**every), 0)
    assert measured.complete and all(cell for row in accuracy.heat_map(measured, (4, 2), (8, 1))["cells"] for cell in row)


def test_accuracy_is_steady_where_it_falls_by_no_more_than_the_interval_is_wide():
    assert accuracy.of_stage(stored(s4_2=0.8, s8_2=0.751), 0).steady  # 4.96 points wide
    assert not accuracy.of_stage(stored(s4_2=0.8, s8_2=0.75), 0).steady
