"""The curves of one test as a chart whose values can be read by mouse, touch and keyboard.

Plotly would draw them too, but the browser needs longer for its 4.7 MB than for the rest of the page.
"""

from pathlib import Path

from app.components import component

_HTML = """
<div class="curves">
  <p class="reading" aria-live="polite"></p>
  <div class="frame" tabindex="0" role="application" aria-roledescription="chart"><svg aria-hidden="true"></svg></div>
</div>
"""
_mount = component(Path(__file__).with_name("curves.js"), _HTML)


def curves(*, key: str, drawn: dict) -> None:
    """Draw what `scores.drawn` describes."""
    _mount(key=key, data=drawn)
