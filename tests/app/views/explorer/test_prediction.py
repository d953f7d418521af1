"""The words beside the likeliest classes: what is known of the photograph, and of the rule, decides them."""

from dataclasses import replace

import numpy as np
import pytest

from app.core import checkpoints
from app.core.samples import SAMPLES
from app.core.unknown import Rates, Verdict
from app.views.explorer.prediction import prediction
from tests.app.pages import plain

CIFAR = checkpoints.describe("cifar10")
RATES = Rates(false_alarms=0.124, misses=0.3)
HOW_GOOD = "On held-out pictures, its threshold calls 12 % of those of its classes unknown, and lets 30 % of other things pass."


def said(sample, verdict, most=0.9):
    """The prediction in HTML for the answer "cat"."""
    probabilities = np.full(10, (1 - most) / 9)
    probabilities[CIFAR.classes.index("cat")] = most
    return prediction(probabilities, CIFAR, sample and SAMPLES[sample], None, verdict)


@pytest.mark.parametrize(
    ("sample", "comment"),
    [
        ("koala", "The photograph shows a koala, so that is right. The grey bars are the nearest guesses."),
        ("cat_kitten", "That is wrong: the photograph shows a cat, and “cat” is one of them. The grey bars are the nearest guesses."),
        (None, "The grey bars are its nearest guesses."),
    ],
)
def test_an_unknown_photograph_gets_guesses_in_grey_and_no_answer(sample, comment):
    found = said(sample, Verdict(unknown=True, rates=RATES))
    words = plain(found)
    assert words.startswith("Prediction probably none of the 10 things that this model knows") and 'class="bars guesses"' in found
    assert comment in words and HOW_GOOD in words and "sure" not in words and "90 %" in words


@pytest.mark.parametrize(
    ("sample", "most", "short"),
    [
        ("cat_kitten", 0.9, "sure, and right"),
        ("cat_kitten", 0.4, "unsure, yet right"),
        ("bird_owl", 0.6, "fairly sure, yet wrong"),
        ("koala", 0.9, "sure, yet wrong: outside what it knows"),
        (None, 0.9, "sure"),
    ],
)
@pytest.mark.parametrize("verdict", [None, Verdict(unknown=False, rates=RATES)])
def test_a_photograph_that_is_not_called_unknown_has_an_answer(sample, most, short, verdict):
    found = said(sample, verdict, most)
    assert f"<small>{short}</small>" in found and "guesses" not in found and (HOW_GOOD in plain(found)) == (verdict is not None)


def test_a_rule_that_was_not_measured_with_these_sides_says_so():
    for unknown in (True, False):
        words = plain(said("koala", Verdict(unknown=unknown, rates=None)))
        assert "chosen with G₁ and G₂ as trained; how good it is with these was not measured." in words and HOW_GOOD not in words


def test_all_that_the_model_knows_is_listed_by_name():
    known = replace(CIFAR, classes=("water_lilly", "Faces", "<b>", *CIFAR.classes[:7]))
    found = prediction(np.full(10, 0.1), known, None, None, None)
    names = "&lt;b&gt;, airplane, automobile, bird, cat, deer, dog, Faces, frog, water lilly."
    assert f"<summary>The 10 things that this model knows</summary><p>{names}</p>" in found
