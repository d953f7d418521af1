"""What holds on every page."""

import pytest

from app.core import checkpoints
from tests.app.pages import PAGES, button, opened, text


@pytest.mark.parametrize("page", PAGES)
def test_every_page_works_with_cards_or_says_why_not(page):
    at = opened(page, checkpoint="cards")
    assert "Something went wrong" not in text(at) and "cannot be shown" not in text(at)
    assert ("gives 4 × 4, one for each cell" in text(at)) == (page == "why")
    if page == "why":
        first = checkpoints.names()[0]
        button(at, f"Use {first}").click().run()
        assert at.query_params["checkpoint"] == first and "faithful" not in at.title[0].value


@pytest.mark.parametrize("page", PAGES)
def test_every_page_names_what_is_looked_at(page):
    at = opened(page, image="koala", stage="3", block="1")
    assert '<p class="where">Koala · ' in text(at) and " · stage 3 · block 1</p>" in text(at)
