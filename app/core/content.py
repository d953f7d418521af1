"""Texts of the pages, whole or by their headings. A path counts from the folder of the app: "views/cost/page.md"."""

from functools import cache
from pathlib import Path

APP = Path(__file__).resolve().parents[1]


@cache
def text(path: str) -> str:
    """The whole of a text file."""
    return (APP / path).read_text(encoding="utf-8")


@cache
def sections(path: str) -> dict[str, str]:
    """The parts of a Markdown file under its second-level headings, in their order."""
    parts = f"\n{text(path)}".split("\n## ")
    return {heading.strip(): body.strip() for heading, _, body in (part.partition("\n") for part in parts[1:])}


@cache
def style() -> str:
    """The style sheets of the shell and of every page, one after the other."""
    return "\n".join(path.read_text(encoding="utf-8") for path in [APP / "shell/style.css", *sorted(APP.glob("views/*/page.css"))])
