"""The sentences of Grids that depend on what B does to the answer and to the windows."""

import numpy as np

from app.views.grids import text
from app.views.grids.outcome import Outcome
from hatnet.complexity import Count
from tests.app.pages import plain


def outcome(setting, probabilities, layer_macs, unknown=False):
    fixed = dict(unknown=unknown, shown=False, classes=("cat", "<deer>"), shares={}, strongest=0, count=Count((), 0), accuracy=None)
    return Outcome(setting=setting, probabilities=np.array(probabilities), layer_macs=layer_macs, **fixed)


def change(b):
    return plain(text.change(outcome((4, 2), (0.8, 0.2), 100), b, side=16)).replace("&lt;", "<").replace("&gt;", ">")


def test_an_answer_that_changes_is_said_and_else_how_its_probability_moves():
    assert change(outcome((8, 2), (0.4, 0.6), 150)) == (
        "From A to B, the answer changes from “cat” (80 %) to “<deer>” (60 %), and one attention layer of this stage takes 1.50 times as "
        "many multiply-adds."
    )
    assert change(outcome((8, 2), (0.7, 0.3), 100)) == (
        "From A to B, the probability of “cat” goes from 80 % to 70 %, and one attention layer of this stage takes as many multiply-adds "
        "as before."
    )


def test_windows_that_do_not_fit_explain_their_price():
    assert change(outcome((14, 2), (0.8, 0.2), 419)).endswith(
        "takes 4.19 times as many multiply-adds. Windows 14 tokens wide do not fit into 16: those at the edge are filled up, and computed "
        "whole."
    )
    assert "filled up" not in change(outcome((16, 2), (0.8, 0.2), 186))


def test_a_nearest_guess_is_no_answer():
    a, b = (outcome((4, 2), (0.8, 0.2), 100), outcome((8, 2), (0.4, 0.6), 150, unknown=True))
    assert change(b).endswith(
        "multiply-adds. With B, the model takes the photograph for none of its 2 classes: the answer is only its nearest guess."
    )
    found = text.table(a, b, None, 5)
    assert '<td>cat <span class="whole">' in found and found.count("nearest guess") == 1
    assert '<td><span class="muted">&lt;deer&gt; <span class="whole">60 %</span></span> <small>nearest guess</small></td>' in found
    both = plain(text.change(outcome((4, 2), (0.8, 0.2), 100, unknown=True), b, side=16))
    assert both.endswith(
        "With A and with B, the model takes the photograph for none of its 2 classes: both answers are only its nearest guesses."
    )
