"""What the cards of Start say and draw."""

import re

import numpy as np
import pytest

from app.core import inference
from app.views.start import text as story
from tests.app.default_view import SIDE, VIEW, layer
from tests.app.pages import plain
from tests.app.unexplained import unexplained_in

PHOTO = np.zeros((64, 64, 3), np.uint8)


def test_the_sentences_have_the_numbers_of_both_maps():
    told = layer()
    near, far = told.near, told.far
    said = [plain(text) for text in story.sentences(told)]
    assert f"{SIDE} × {SIDE} = {SIDE**2:,} tokens" in said[1]
    assert f"all {near.size:,} tokens" in said[3] and f"The largest, {story.percent(float(near.max()))}, goes" in said[3]
    assert f"become {far.size:,} cells" in said[4]
    row, column = np.unravel_index(far.argmax(), far.shape)
    most, each = story.percent(float(far.max())), story.percent(float(far.max()) / 4)
    at = f"cell row {row + 1}, column {column + 1} of 8 × 8"
    assert f"The largest weight, {most} ({each} for each of its 4 tokens), goes to {at}" in said[5]


def test_a_number_is_named_after_what_it_counts():
    """The mean of the heads is one quantity, a single head's weight another; the three shares of the output are whole and make 100."""
    mean, head = ([" ".join(story.sentences(told))] for told in (layer(), layer(head=1)))
    for (text,), suffix in ((mean, ""), (head, "-head")):
        named = dict(re.findall(r'data-quantity="([\w-]+)">([^<]*)<', text))
        assert {f"local-most{suffix}", f"cell-most{suffix}", "tokens", "window-tokens", "cells"} <= set(named)
        assert ("cell-most-token" in named) == (not suffix)
        shares = [named[f"hops-{part}"] for part in ("self", "window", "elsewhere")]
        assert sum(int(share.removesuffix("\u00a0%")) for share in shares) == 100 and shares[0] == "25\u00a0%"


def test_the_last_card_tells_its_frames():
    told = layer()
    frames, said = told.frames, plain(story.captions(told)[6])
    path = frames["paths"][frames["shown"]]
    top, left, height, width = told.window
    assert not (top <= path["source"][0] < top + height and left <= path["source"][1] < left + width)
    assert f"the token in row {path['source'][0] + 1}, column {path['source'][1] + 1}, with {story.percent(path['near'])}" in said
    assert f"brings {story.percent(path['two'])} in all" in said and f"not read yet: {story.percent(path['one'])}, its" in said
    product = " × ".join([story.percent(path["near"]), story.percent(path["far"]), "¼"])
    assert f"{product} ≈ {story.percent(path['near'] * path['far'] / 4)}." in said
    assert path["two"] > path["one"]


@pytest.mark.parametrize("change", [{}, {"head": 1}, {"g2": (1, *VIEW.g2[1:])}])
def test_every_card_explains_the_words_that_the_sentence_above_it_does_not(monkeypatch, change):
    whole = layer(**change)
    monkeypatch.setattr(inference, "ALL_ROWS", 0)
    for told in (whole, layer(**change)):
        for sentence, caption in zip(story.sentences(told), story.captions(told), strict=True):
            assert unexplained_in(story.lead(told) + sentence + caption) == []


def test_cells_show_the_mean_colour_of_their_pixels_even_where_the_map_cuts_them_off():
    photo = np.random.default_rng(0).integers(0, 256, (10, 10, 3), dtype=np.uint8)
    found = story.cell_colours(photo, side=5, cell=2)  # two pixels a token, four a cell; the last cells are one token wide
    assert found.shape == (3, 3, 3)
    np.testing.assert_allclose(found[0, 1], photo[:4, 4:8].reshape(-1, 3).mean(0), atol=0.51)
    np.testing.assert_allclose(found[2, 2], photo[8:, 8:].reshape(-1, 3).mean(0), atol=0.51)


def test_rows_alone_give_one_hop_and_it_is_said_so(monkeypatch):
    whole = layer()
    monkeypatch.setattr(inference, "ALL_ROWS", 0)
    alone = layer()
    assert whole.paths and not alone.paths
    assert "One hop alone is followed" in plain(story.captions(alone)[6]) and "All such paths" in story.captions(whole)[6]
    assert alone.hops is alone.one_hop and alone.hops.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(alone.near, whole.near, atol=1e-5)


@pytest.mark.parametrize("change", [{"place": (0.9, 0.1)}, {"g1": (7, *VIEW.g1[1:])}, {"g2": (5, *VIEW.g2[1:])}])
def test_what_is_shown_follows_token_and_grids(change):
    before, after = story.drawn(layer(), PHOTO), story.drawn(layer(**change), PHOTO)
    assert before["sentences"][3:] != after["sentences"][3:]
    assert before["frames"] != after["frames"] and before["captions"][6] != after["captions"][6] and before["far"] != after["far"]


def test_a_window_that_covers_the_map_and_cells_of_one_token_are_said_to_be_so():
    told = layer(g1=(SIDE, *VIEW.g1[1:]), g2=(1, *VIEW.g2[1:]))
    said = [plain(text) for text in story.sentences(told)]
    assert "1 window of" in said[2] and "Here the window is the whole map." in said[3] and "nothing is averaged" in said[4]
    assert "Outside the window" in plain(story.sentences(layer())[3])
