"""Bars in HTML: some numbers beside each other on one scale, each cut into parts."""

import html
from collections.abc import Sequence
from typing import NamedTuple


class Part(NamedTuple):
    """A piece of a bar."""

    value: float
    look: str  # classes of shell/style.css: local, global, ink, muted, line; pale, hatched
    name: str = ""  # shown where the pointer rests


class Bar(NamedTuple):
    """A bar with its words."""

    label: str  # HTML before it
    parts: Sequence[Part]
    amount: str  # HTML behind it


def bars(rows: Sequence[Bar], most: float, alt: str) -> str:
    """HTML: bars below each other. most: what a full bar stands for; alt: the picture in words."""

    def track(parts: Sequence[Part]) -> str:
        return "".join(
            f'<i class="{part.look}" style="width:{100 * part.value / most:.2f}%" title="{html.escape(part.name)}"></i>' for part in parts
        )

    lines = (f'<span>{bar.label}</span><span class="track">{track(bar.parts)}</span><b>{bar.amount}</b>' for bar in rows)
    return f'<div class="bars" role="img" aria-label="{html.escape(alt)}">{"".join(lines)}</div>'
