"""The texts in app/content, whole or by their headings."""

from functools import cache
from pathlib import Path

CONTENT = Path(__file__).parent / "content"


@cache
def sections(name: str) -> dict[str, str]:
    """The parts of content/`name`.md under its second-level headings, in their order."""
    parts = ("\n" + (CONTENT / f"{name}.md").read_text(encoding="utf-8")).split("\n## ")
    return {heading.strip(): body.strip() for heading, _, body in (part.partition("\n") for part in parts[1:])}
