"""The glossary, and its words where they first stand on a page: `term` makes one a button that opens its meaning."""

import html
import re
from functools import cache

from app.core import content

FILE = "content/glossary.md"


@cache
def meanings() -> dict[str, str]:
    """Term -> its meaning, as the glossary's tables have them."""
    rows = re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \|", content.text(FILE), re.MULTILINE)
    return dict(rows)


def term(word: str, place: str, shown: str = "") -> str:
    """HTML of a word that opens its meaning at a click, a tap, Enter or the space bar, for `st.html`.

    word: a term of the glossary. place: where on the page it stands, such as "lead"; the same word stands there once. shown: the word
    as the sentence needs it, such as its plural. Raises ValueError for a word that the glossary does not have.
    """
    if word not in meanings():
        raise ValueError(f"the glossary has no '{word}'; add it to {FILE}, or take one of {', '.join(meanings())}")
    name = f"term-{place}-{re.sub(r'[^a-z]+', '-', word.lower())}"
    meaning = f'<span popover id="{name}" class="meaning"><b>{word}</b>: {html.escape(meanings()[word])}.</span>'
    return f'<button type="button" class="term" popovertarget="{name}">{shown or word}</button>{meaning}'


def linked(text: str, place: str) -> str:
    """A text whose links to the glossary, such as `[cells](#cell)`, are such words. An underscore stands for a space in a term.

    Of our own texts only: a name that others chose might look like a link.
    """
    return re.sub(r"\[([^\]]+)\]\(#([^)]+)\)", lambda link: term(link[2].replace("_", " "), place, link[1]), text)
