"""What holds on every page."""

import dataclasses

import pytest

from app.core import checkpoints
from tests.app.pages import PAGES, button, opened, prose, text, words
from tests.app.unexplained import unexplained_in


@pytest.mark.parametrize("page", PAGES)
def test_every_page_works_with_cards_or_says_why_not(page):
    at = opened(page, checkpoint="cards")
    assert "Something went wrong" not in text(at) and "cannot be shown" not in text(at)
    assert unexplained_in(prose(at)) == []
    assert ("gives 4 × 4, one for each cell" in text(at)) == (page == "why")
    if page == "why":
        first = checkpoints.names()[0]
        button(at, f"Use {first}").click().run()
        assert at.query_params["checkpoint"] == first and "faithful" not in at.title[0].value


@pytest.mark.parametrize("page", PAGES)
def test_every_page_names_what_is_looked_at_and_has_one_place_to_choose_window_and_cell(page):
    at = opened(page, image="koala", stage="3", block="1")
    assert unexplained_in(prose(at)) == []
    assert '<p class="where">Koala · ' in text(at) and " · stage 3 · block 1</p>" in text(at)
    controls = [widget.label for widget in [*at.slider, *at.button_group] if "G₁" in widget.label or "G₂" in widget.label]
    assert sorted(controls) == ["Cell side G₂", "Window side G₁"]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_speaks_of_two_steps_over_a_stage_with_one(page):
    at = opened(page, stage="4")
    assert "twice" not in at.title[0].value and "one by one" not in at.title[0].value
    assert "plain attention" in words(at)
    assert unexplained_in(prose(at)) == []


def test_a_class_is_never_read_as_markdown(monkeypatch):
    names = {"cat": r"*cat* $x_1$ :red[cat] `c`"}
    real = checkpoints.describe

    def described(name):
        checkpoint = real(name)
        return dataclasses.replace(checkpoint, classes=tuple(names.get(one, one) for one in checkpoint.classes))

    monkeypatch.setattr(checkpoints, "describe", described)
    shown = r"\*cat\* \$x\_1\$ \:red\[cat\] \`c\`"
    assert f"“{shown}”" in opened("why", image="cat_chelsea").title[0].value
    tour = opened("why", image="cat_chelsea", tour="12")
    said = next(block.proto.body for block in tour.get("html") if '<p class="say' in block.proto.body)  # HTML: no Markdown in it
    assert f"“{names['cat']}”" in said
