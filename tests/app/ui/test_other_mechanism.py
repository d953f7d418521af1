"""What stands in place of the pages that explain H-MHSA: every mechanism on every page, its maps, and the way out."""

import numpy as np
import pytest

import hatnet
from app.core import checkpoints, inference, pictures
from app.shell.sidebar import ANY_MECHANISM
from tests.app.pages import PAGES, components, opened, text, words
from tests.app.runs import finish

TITLE = "This model reads with another mechanism"


@pytest.mark.parametrize(
    "page, word",
    [
        *((page, "window") for page in PAGES),
        *(("why", word) for word in ("shifted_window", "pooled", "full")),
        *(("explorer", word) for word in ("pooled", "full", ("hierarchical", "window"))),
        *(("cost", word) for word in ("full", ("hierarchical", "window"))),
    ],
)
def test_every_mechanism_on_every_page(page, word, here):
    finish(here / "runs", "other", attention=word)
    at = opened("" if page == "start" else page, checkpoint="run:other", stage="3")
    assert (at.title[0].value == TITLE) == (page not in ANY_MECHANISM) and "cannot be shown" not in text(at)
    labels = " ".join(block.proto.body for block in at.sidebar.get("html"))
    assert ("Window side" in labels) == (page != "cost" and word not in ("pooled", "full"))
    assert ("Cell side" in labels) == (page != "cost" and word == "pooled")


@pytest.mark.parametrize("word, at_token", [("window", (4, 4)), ("pooled", (16, 16)), ("full", (16, 16)), ("shifted_window", (4, 4))])
def test_the_maps_are_the_model_s(word, at_token, here):
    finish(here / "runs", "other", attention=word)
    at = opened("explorer", checkpoint="run:other", stage="2", at="0.5,0.5")
    view, known = at.session_state["visit"].view, checkpoints.describe("run:other")
    found = inference.attention(pictures.sample(view.image), known, view)
    drawn = [each for each in components(at) if each.get("group") == "other"]
    assert len(drawn) == 2
    for each, kind in zip(drawn, ("local", "global"), strict=True):
        record = found.map(view, kind)
        wanted = 100 * record.on_grid(*hatnet.token_at(view.place, record.query_grid)).mean(0).numpy()
        np.testing.assert_allclose(each["values"], wanted, atol=1e-3)
        assert np.count_nonzero(wanted) <= at_token[0] * at_token[1]


def test_the_way_out_shows_a_checkpoint_with_h_mhsa(here):
    finish(here / "runs", "other", source="cifar10-full")
    assert "cannot be shown" not in text(opened("cost", checkpoint="run:other", tour="3"))
    at = opened("explorer", checkpoint="run:other", tour="3")
    next(button for button in at.button if "which has H-MHSA" in button.label).click().run()
    assert at.session_state["visit"].view.checkpoint == checkpoints.names()[0] and at.title[0].value != TITLE
    assert "another mechanism" not in words(at)
