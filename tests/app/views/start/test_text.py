"""What the cards of Start say and draw."""

import numpy as np
import pytest

from app.core import inference
from app.views.start import text as story
from tests.app.default_view import SIDE, VIEW, layer
from tests.app.pages import plain

PHOTO = np.zeros((64, 64, 3), np.uint8)


def test_the_sentences_have_the_numbers_of_both_maps():
    told = layer()
    near, far = told.near, told.far
    said = [plain(text) for text in story.sentences(told)]
    assert f"{SIDE} × {SIDE} = {SIDE**2:,} tokens" in said[1]
    assert f"all {near.size:,} tokens" in said[3] and f"takes {story.percent(float(near.max()))}" in said[3]
    assert f"become {far.size:,} keys" in said[4]
    row, column = np.unravel_index(far.argmax(), far.shape)
    assert f"takes {story.percent(float(far.max()))} from the cell at row {row + 1}, column {column + 1}" in said[5]


def test_cells_show_the_mean_colour_of_their_pixels_even_where_the_map_cuts_them_off():
    photo = np.random.default_rng(0).integers(0, 256, (10, 10, 3), dtype=np.uint8)
    found = story.cell_colours(photo, side=5, cell=2)  # two pixels a token, four a cell; the last cells are one token wide
    assert found.shape == (3, 3, 3)
    np.testing.assert_allclose(found[0, 1], photo[:4, 4:8].reshape(-1, 3).mean(0), atol=0.51)
    np.testing.assert_allclose(found[2, 2], photo[8:, 8:].reshape(-1, 3).mean(0), atol=0.51)


def test_rows_alone_are_laid_over_each_other_and_said_to_be(monkeypatch):
    whole = layer()
    monkeypatch.setattr(inference, "ALL_ROWS", 0)
    alone = layer()
    assert whole.exact and not alone.exact
    assert "laid over each other" in story.captions(alone)[6] and "two hops" in story.captions(whole)[6]
    assert alone.hops.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(alone.near, whole.near, atol=1e-5)


@pytest.mark.parametrize("change", [{"place": (0.9, 0.1)}, {"g1": (7, *VIEW.g1[1:])}, {"g2": (5, *VIEW.g2[1:])}])
def test_what_is_shown_follows_token_and_grids(change):
    before, after = story.drawn(layer(), PHOTO), story.drawn(layer(**change), PHOTO)
    assert before["sentences"][3:] != after["sentences"][3:]
    assert before["hops"] != after["hops"] and before["far"] != after["far"]


def test_a_window_that_covers_the_map_and_cells_of_one_token_are_said_to_be_so():
    told = layer(g1=(SIDE, *VIEW.g1[1:]), g2=(1, *VIEW.g2[1:]))
    said = [plain(text) for text in story.sentences(told)]
    assert "1 window of" in said[2] and "Here the window is the whole map." in said[3] and "nothing is averaged" in said[4]
    assert "Outside the window" in plain(story.sentences(layer())[3])
