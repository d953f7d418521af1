"""Scores and chance, with hand-made numbers."""

import numpy as np
import pytest

from app.views.why import scores
from app.views.why.scores import ChanceBand


def test_scores_and_chance_of_hand_made_curves():
    assert scores.score(np.array([0, 1, 1])) == 0.75
    band = scores.chance(np.array([[v, v] for v in np.linspace(0, 1, 11)]))
    assert (band.low, band.high) == pytest.approx((0.1, 0.9))


@pytest.mark.parametrize(("test", "below", "above"), [("put back", "worse", "better"), ("removed", "better", "worse")])
def test_a_score_outside_of_the_band_is_better_on_the_side_that_the_test_wants(test, below, above):
    band = ChanceBand(0.2, 0.6)
    assert [scores.outcome(value, band, test) for value in (0.1, 0.2, 0.4, 0.6, 0.7)] == [below, "within", "within", "within", above]


@pytest.mark.parametrize("test", scores.TESTS)
def test_numbers_that_look_equal_on_the_page_are_within_chance(test):
    band = ChanceBand(0.3049, 0.6951)  # shown as 0.30 and 0.70
    assert f"{0.3001:.2f}, {0.6999:.2f}" == f"{band.low:.2f}, {band.high:.2f}"
    assert scores.outcome(0.3001, band, test) == scores.outcome(0.6999, band, test) == "within"


CURVE, RAW = (np.array(values) for values in ([0, 0.5, 1], [0, 0.25, 0.5]))
RANDOM = np.array([[0, 0.1, 0.2], [0, 0.3, 0.6], [0, 0.2, 0.4]])


def test_the_words_of_a_chart_are_its_numbers():
    said = scores.alt("removed", ("Occlusion", CURVE), RAW, RANDOM)
    assert "while squares are removed. With half of them removed: Occlusion 50 %, Raw attention 25 %, random maps 20 %" in said
    assert "Scores: Occlusion 0.50, Raw attention 0.25, chance 0.12 to 0.28." in said
