"""Words of the glossary that stand in a text, and no button there opens their meaning."""

import re

from app.core import content, glossary
from tests.app.pages import plain

WORDS = re.findall(r"^\| \*\*(.+?)\*\* ", content.text(glossary.FILE).partition("**Symbols**")[0], re.MULTILINE)
# Regular expressions of words that have more forms than a plural with s, or stand in words of another sense.
FORMS = {
    "query": "quer(y|ies)",
    "key": "(?<!arrow )keys?(?! press)",
    "MAC": "MACs?|multiply-adds?",
    "MHSA": "(?<![H‑-])MHSA",
    "H‑MHSA": "H[‑-]MHSA",
}
SAYS_TOO = {"two hops": "hop"}  # a meaning that tells what the other word means
# What is not prose, or is told in words elsewhere: titles, code, equations, what one chooses from.
_SKIPPED = re.compile(r"<(h\d|code|kbd|label|svg|style)\b.*?</\1>|<div class=\"note\" .*?</div>|<p class=\"where\">.*?</p>", re.DOTALL)


def unexplained(words: str, explained: set[str]) -> list[str]:
    """The words of the glossary that stand in some words; explained: those whose meaning opens there."""
    told = explained | {SAYS_TOO[word] for word in explained & set(SAYS_TOO)}
    return [word for word in WORDS if word not in told and re.search(rf"\b({FORMS.get(word, f'{word}s?')})\b", words, re.IGNORECASE)]


def explained(html: str) -> set[str]:
    """The words whose meaning opens in some HTML."""
    return set(re.findall(r'class="meaning"><b>(.+?)</b>', html))


def unexplained_in(html: str) -> list[str]:
    """The same of some HTML, or Markdown with HTML in it."""
    return unexplained(plain(_SKIPPED.sub("", html)), explained(html))
