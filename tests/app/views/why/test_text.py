"""The sentences of Why? for every outcome of the tests."""

import html
import re

import pytest

from app.core import checkpoints
from app.core.unknown import Verdict
from app.views.why import text
from app.views.why.evidence import detail_of
from app.views.why.scores import ChanceBand
from tests.app.pages import plain

CHANCE = ChanceBand(0.3, 0.5), ChanceBand(0.2, 0.4)  # put back, removed
UNTRAINED = 0.0, 1.0  # Occlusion with random weights: as bad as can be
PUT_BACK = {"better": 0.8, "within": 0.4, "worse": 0.1}
REMOVED = {"better": 0.1, "within": 0.3, "worse": 0.7}
LEADS = [  # raw attention's outcomes put back and removed; the verdict; how fast “cat” comes back; how much removing hurts; what follows
    ("better", "better", "Here it does", "faster", "and", "more", "the answer depends on what this token reads."),
    ("better", "within", "Only in part", "faster", "but", "no more", "they are enough for the answer, but other squares would do as well."),
    ("better", "worse", "No", "faster", "but", "less", "they are enough for the answer, but it depends more on other squares."),
    ("within", "better", "Only in part", "no faster", "but", "more", "the answer needs them, but they alone do not bring it back."),
    ("within", "within", "No", "no faster", "and", "no more", "a random map tells us as much."),
    ("within", "worse", "No", "no faster", "and", "less", "a random map tells us more."),
    ("worse", "better", "No", "more slowly", "but", "more", "its weights do not show what decides."),
    ("worse", "within", "No", "more slowly", "and", "no more", "a random map tells us more."),
    ("worse", "worse", "No", "more slowly", "and", "less", "a random map tells us more."),
]


@pytest.mark.parametrize(("put_back", "removed", "verdict", "speed", "joined", "hurts", "follows"), LEADS)
def test_the_lead_answers_the_title_by_both_tests(put_back, removed, verdict, speed, joined, hurts, follows):
    raw = PUT_BACK[put_back], REMOVED[removed]
    said = plain(text.lead("cat", {"raw": raw, "hops": (0.45, 0.35), "occlusion": (0.4, 0.15)}, CHANCE, UNTRAINED))
    answer = follows.removesuffix(".")
    assert said.startswith(
        f"The squares that raw attention ranks highest bring “cat” back {speed} than random squares do, {joined} removing them "
        f"hurts {hurts} than removing random ones. Does attention tell why? {verdict}: {answer}"
    )
    assert text.title("cat") == "Why “cat”? Does attention tell us?"
    # What the bars say is what the sentence is made of.
    shown = re.findall(r'<p class="outcome \w+">(\w+) ', text.meter("raw", raw, CHANCE))
    assert shown == [put_back, removed]


BETTER, HALF, WORSE = (0.8, 0.1), (0.8, 0.3), (0.1, 0.7)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({}, "none beats chance in both tests."),
        ({"rollout": BETTER}, "none beats chance in both tests, but Rollout does."),
        ({"cam": BETTER}, "Grad-CAM beats chance in both tests."),
        ({"gradients": BETTER, "occlusion": BETTER}, "Integrated Gradients and Occlusion beat chance in both tests."),
        (
            dict.fromkeys(("hops", "rollout", "gradients", "cam", "occlusion"), BETTER),
            "Integrated Gradients, Grad-CAM and Occlusion beat chance in both tests; so do Two hops and Rollout.",
        ),
    ],
)
def test_the_lead_says_which_of_the_other_maps_beat_chance_in_both_tests(others, said):
    found = dict(raw=BETTER, hops=HALF, rollout=HALF, gradients=WORSE, cam=HALF, occlusion=WORSE) | others
    lead = plain(text.lead("cat", found, CHANCE, UNTRAINED))
    assert f"Of the three attributions, made to explain an answer, {said} One photograph decides little." in lead


@pytest.mark.parametrize(
    ("untrained", "which"), [((0.4, 0.15), "the tests do"), ((0.39, 0.1), "one of the tests does"), ((0.5, 0.3), "one of the tests does")]
)
def test_tests_that_an_untrained_model_passes_decide_nothing(untrained, which):
    said = plain(text.lead("cat", {"raw": BETTER, "occlusion": (0.4, 0.15)}, CHANCE, untrained))
    assert f"Does attention tell why? Not shown: here {which} not even tell a trained model from an untrained one" in said


def test_a_bar_draws_score_and_band_from_0_to_1():
    first, second = re.findall(
        r'<i style="width:([\d.]+)%"></i><u style="left:([\d.]+)%;width:([\d.]+)%">', text.meter("raw", (0.8, 0.25), CHANCE)
    )
    assert first == ("80.0", "30.0", "20.0") and second == ("25.0", "20.0", "20.0")
    said = plain(text.meter("hops", (0.8, 0.25), CHANCE))
    assert "Put back higher is better" in said and "Removed ← lower is better" in said


def test_no_score_reads_as_an_error():
    """0.80 within a band around 0.69."""
    said = plain(text.meter("raw", (0.8, 0.8), (ChanceBand(0.55, 0.83), ChanceBand(0.55, 0.83))))
    assert said.count("within chance") == 2 and "no better" not in said


@pytest.mark.parametrize(
    ("untrained", "occlusion", "said"),
    [
        ((0.2, 0.5), (0.4, 0.3), "Both tests tell a trained model from an untrained one."),
        ((0.2, 0.3), (0.4, 0.5), "only the first test tells"),
        ((0.4, 0.5), (0.2, 0.3), "only the second test tells"),
        ((0.4, 0.3), (0.2, 0.5), "neither test tells"),
        ((0.401, 0.301), (0.404, 0.299), "neither test tells"),  # they look equal on the page
    ],
)
def test_the_control_says_which_tests_can_be_trusted(untrained, occlusion, said):
    assert said in plain(text.control(untrained, occlusion))


@pytest.mark.parametrize("name", ["<b>x</b>", "{0}", "**bold**", "a & b", "$x$", "cat} {answer"])
def test_a_class_name_is_shown_as_it_is(name):
    found = {"raw": (0.8, 0.1), "occlusion": (0.9, 0.1)}
    for made in (text.lead(name, found, CHANCE, UNTRAINED), text.tests(name, CHANCE, 0.1, 0.9), text.waiting(name, stopped=False)):
        assert f"“{html.escape(name)}”" in made


def test_the_probability_of_the_answer_is_named():
    assert '<span data-quantity="probability">94 %</span>' in text.tests("cat", CHANCE, 0.046, 0.94)


def test_the_page_says_how_large_a_square_is():
    assert "A square is one token of stage 2. The first" in plain(text.kinds(detail_of((16, 16))))
    said = plain(text.kinds(detail_of((56, 56))))
    assert "A square is 2 × 2 tokens of stage 2, and the tests have 8 steps: on a map of more than 32 × 32 tokens" in said


def test_an_answer_below_the_threshold_is_called_a_guess():
    known = checkpoints.describe("cifar10")
    assert text.unknown_answer(None, known) == text.unknown_answer(Verdict(unknown=False, rates=None), known) == ""
    said = text.unknown_answer(Verdict(unknown=True, rates=None), known)
    assert said == " The answer is only the nearest guess: by its threshold, the photograph is none of the 10 things that this model knows."
