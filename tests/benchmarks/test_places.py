"""Which tokens tell something: each quantity against a naive loop, and the choice against the file."""

import json
import math

import numpy as np
import pytest

from app.core import content, inference, pictures
from app.core import places as kept
from app.core.samples import offered
from benchmarks import places
from tests.app.default_view import KNOWN

IMAGE = "koala"


@pytest.fixture(scope="module")
def view():
    return places.views(KNOWN, IMAGE)[0]


@pytest.fixture(scope="module")
def attention(view):
    return inference.attention(pictures.sample(IMAGE), KNOWN, view)


def test_candidates_lie_half_on_the_subject_and_not_on_the_border_if_others_do_not():
    assert places.candidates([(0.25, 0.25, 0.75, 0.5)], 4) == [(1, 1), (2, 1)]
    assert places.candidates([(0, 0, 0.6, 0.5)], 4) == [(1, 1)], "the border only if there is nothing else"
    assert places.candidates([(0, 0, 0.25, 0.25)], 4) == [(0, 0)]
    assert places.candidates([(0.3, 0.46, 0.9, 0.54)], 2) == [(1, 0), (1, 1)], "none has half: those with most"
    assert places.candidates([(0, 0, 0.5, 0.25), (0.5, 0.75, 1, 1)], 4) == [(0, 0), (1, 0), (2, 3), (3, 3)], "two boxes"


def test_narrowness_is_0_for_an_even_map_and_1_for_a_single_key():
    rows = np.array([[0.25] * 4, [1, 0, 0, 0], [0.5, 0.5, 0, 0]])
    assert places.narrowness(rows) == pytest.approx([0, 1, 0.5])
    assert places.narrowness(np.ones((2, 1))) == pytest.approx([1, 1]), "one key has all"


def naive(record, token, others):
    """Near or narrow, and change, from the whole maps."""
    own = record.on_grid(*token).mean(0)
    keys = record.row(*token).mean(0).flatten().tolist()
    narrow = 1 + sum(weight * math.log(weight) for weight in keys if weight) / math.log(len(keys))
    return narrow, sum(float((record.on_grid(*other).mean(0) - own).abs().sum()) / 2 for other in others) / len(others)


def test_what_tells_agrees_with_a_naive_loop(view, attention):
    for token in ((5, 9), (0, 0), (15, 7)):
        found = places.telling(attention, view, KNOWN, [token])
        top, left = token[0] // 4 * 4, token[1] // 4 * 4
        window = [(y, x) for y in range(top, top + 4) for x in range(left, left + 4)]
        wide = attention.map(view, "global")
        narrow, change = naive(wide, token, [other for other in window if other != token])
        far = 1 - sum(float(wide.on_grid(*token).mean(0)[other]) for other in window)
        near, _ = naive(attention.map(view, "local"), token, [token])
        expected = {"narrow": narrow, "far": far, "change": change, "near": near}
        assert {name: float(values[0]) for name, values in found.items()} == pytest.approx(expected, abs=1e-5)


def test_in_a_stage_of_plain_attention_the_rest_of_the_map_is_far(attention):
    view = places.views(KNOWN, IMAGE)[-1]
    found = places.telling(attention, view, KNOWN, [(0, 2)])
    record = attention.map(view, "global")
    others = [(y, x) for y in range(4) for x in range(4) if (y, x) != (0, 2)]
    narrow, change = naive(record, (0, 2), others)
    far = 1 - float(record.on_grid(0, 2).mean(0)[:2, 1:].sum())
    assert {name: float(values[0]) for name, values in found.items()} == pytest.approx(
        {"narrow": narrow, "far": far, "change": change}, abs=1e-5
    )


def test_the_token_with_the_largest_product_is_chosen_and_a_part_that_nobody_has_does_not_count(monkeypatch, view, attention):
    parts = {"near": [0.5, 0.2, 0.4], "far": [0.1, 0.9, 0.5], "change": [0, 0, 0]}
    monkeypatch.setattr(places, "telling", lambda *_: {name: np.array(values) for name, values in parts.items()})
    monkeypatch.setattr(places, "candidates", lambda *_: [(1, 1), (2, 2), (3, 3)])
    assert places.most_telling(attention, view, KNOWN, []) == (3, 3)


def test_every_photograph_has_its_subject_and_the_file_has_what_is_found(view, attention):
    assert places.SUBJECTS.keys() == set(offered(cards=False))
    found = json.loads(content.text(kept.FILE))[KNOWN.name][IMAGE]
    for there in places.views(KNOWN, IMAGE):
        by_hand = places.BY_HAND.get((KNOWN.name, IMAGE, there.stage))
        chosen = by_hand or places.most_telling(attention, there, KNOWN, places.SUBJECTS[IMAGE])
        assert found[str(there.stage)] == list(chosen)


def test_a_sheet_shows_each_stage_of_each_picture():
    tokens = {"koala": {"2": (1, 2), "3": (1, 1), "4": (0, 0)}}
    sheet = places.contact_sheet(KNOWN, tokens, side=20)
    assert sheet.size == (2 * 20 * 3, 20)
