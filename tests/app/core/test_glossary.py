"""The words of the glossary, and their buttons."""

import re

import pytest

from app.core import content, glossary
from tests.app.unexplained import unexplained_in

WORDS = (
    *("token", "layer", "stage", "channel", "weight", "head", "query", "key", "window", "cell", "seam", "two hops", "residual"),
    *("Swin", "PVT", "attribution", "insertion", "deletion", "chance band"),
)


@pytest.mark.parametrize("word", WORDS)
def test_the_glossary_has_the_words_that_stand_on_the_pages(word):
    assert len(glossary.meanings()[word].split()) > 5


def test_every_row_of_the_file_is_a_term_and_none_stands_twice():
    rows = [line for line in content.text(glossary.FILE).splitlines() if line.startswith("| ") and not line.startswith("| Term")]
    assert len(rows) == len(glossary.meanings()) > 40


def test_a_word_is_a_button_that_opens_its_meaning():
    said = glossary.term("two hops", "lead", "both hops")
    button, target = re.match(r'<button type="button" class="term" popovertarget="([^"]+)">(.+?)</button>', said).groups()
    assert target == "both hops" and f'<span popover id="{button}" class="meaning">' in said
    assert "the window’s cell tells another token" in said
    assert glossary.term("two hops", "tour") != said, "the same word in another place has an id of its own"


def test_links_of_a_text_become_such_words():
    assert glossary.linked("All [cells](#cell), [two hops](#two_hops).", "tour") == (
        f"All {glossary.term('cell', 'tour', 'cells')}, {glossary.term('two hops', 'tour')}."
    )


def test_a_word_that_the_glossary_does_not_have_is_refused():
    with pytest.raises(ValueError, match=r"the glossary has no 'windw'.*window"):
        glossary.term("windw", "lead")


@pytest.mark.parametrize(
    "said, forgotten",
    [
        ("The arrow keys move the token.", ["token"]),
        ("Queries read <b>keys</b>: 4 multiply-adds. <code>head</code>", ["query", "key", "MAC"]),
        (f"{glossary.term('cell', 'lead', 'Cells')} and windows; two cells.", ["window"]),
        (f"A hop, or {glossary.term('two hops', 'lead')}, and H‑MHSA.", ["H‑MHSA"]),
    ],
)
def test_a_word_that_no_button_explains_is_found(said, forgotten):
    assert unexplained_in(said) == forgotten
