"""Texts and styles of the pages. Paths are relative to the app's folder, such as "views/cost/page.md"."""

from functools import cache
from pathlib import Path

APP = Path(__file__).resolve().parents[1]
_STILL = "@media (prefers-reduced-motion: reduce) { *, *::before, *::after { transition: none !important; animation: none !important; } }\n"


@cache
def text(path: str) -> str:
    """A text file as a whole."""
    return (APP / path).read_text(encoding="utf-8")


@cache
def sections(path: str) -> dict[str, str]:
    """The sections of a Markdown file, by their second-level headings, in order."""
    parts = f"\n{text(path)}".split("\n## ")
    return {heading.strip(): body.strip() for heading, _, body in (part.partition("\n") for part in parts[1:])}


@cache
def style() -> str:
    """The style sheets of the shell and of every page, joined."""
    sheets = [APP / "shell/style.css", *sorted(APP.glob("views/*/page.css"))]
    return everywhere() + "\n".join(path.read_text(encoding="utf-8") for path in sheets)


def everywhere() -> str:
    """The CSS for the page and again for each component, which the page's own rules do not reach: no motion, words of the glossary."""
    return _STILL + text("content/glossary.css")
