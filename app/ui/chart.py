"""A chart that the browser draws by itself, and whose values are read in words by mouse, touch and keyboard.

A charting library would draw it too, but a browser needs longer for its megabytes than for the rest of a page.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.components import component

_HTML = """
<div class="chart">
  <div class="legend"></div>
  <p class="up"></p>
  <div class="frame" tabindex="0" role="application" aria-roledescription="chart"><svg aria-hidden="true"></svg></div>
  <p class="reading" aria-live="polite"></p>
</div>
"""
_mount = component(Path(__file__).with_name("chart.js"), _HTML)


def chart(*, key: str, drawn: dict) -> None:
    """Draw what `chart_of` describes."""
    _mount(key=key, data=drawn)


def chart_of(*, x: dict, y: dict, layers: Sequence[dict], stops: dict, alt: str, labels: Sequence[dict] = ()) -> dict:
    """A chart as chart.js takes it. x, y: `axis`; layers: `layer`, from back to front; stops: `stops`; labels: `label`."""
    return dict(x=x, y=y, layers=list(layers), labels=list(labels), stops=stops, alt=alt)


def axis(title: str, low: float, high: float, ticks: dict[float, str], log: bool = False) -> dict:
    """An axis from `low` to `high`. ticks: value -> what stands there."""
    return {"title": title, "from": float(low), "to": float(high), "log": log, "ticks": [[float(v), text] for v, text in ticks.items()]}


def layer(kind: str, look: str, x: Sequence[float], y: Sequence[float], name: str = "", **more: Sequence[float]) -> dict:
    """Marks that look alike. kind: line, area, dots, squares or bars; look: classes of chart.css; name: for the legend.

    more: `low`, where an area or a bar begins; `level`, 0..1, how opaque a square is.
    """
    return dict(kind=kind, look=look, name=name) | {axis: _plain(values) for axis, values in dict(x=x, y=y, **more).items()}


def label(x: float, y: float, text: str, dx: float = 0, dy: float = 0, anchor: str = "middle") -> dict:
    """A text beside a point: dx, dy in CSS pixels; anchor: start, middle or end."""
    return dict(x=float(x), y=float(y), text=text, dx=dx, dy=dy, anchor=anchor)


def stops(x: Sequence[float], y: Sequence[float] | None, words: Sequence[str], across: int = 1) -> dict:
    """What can be read: along x alone if y is None, otherwise points; `across` of them in a row."""
    return dict(x=_plain(x), y=None if y is None else _plain(y), words=list(words), across=across)


def round_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Some `about` round numbers between two ends: multiples of 1, 2 or 5 times a power of ten.

    >>> round_ticks(0.71, 1.04)
    [0.8, 0.9, 1.0]
    """
    least = (high - low) / about
    power = 10 ** np.floor(np.log10(least))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
    return [round(float(n * step), 12) for n in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _plain(values: Sequence[float]) -> list[float]:
    """Numbers with five digits, for the browser: no screen shows more."""
    return [float(f"{value:.5g}") for value in values]
