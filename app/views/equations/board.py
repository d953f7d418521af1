"""One step on a board: its equations, one to a line, and the tensors behind their terms. Pointing at a term lights its numbers, and the
reverse."""

from pathlib import Path

from app.components import component

_HTML = """
<div class="board">
  <div class="equations" role="group" aria-label="The equations: each term that is drawn below is a button that lights its numbers"></div>
  <p class="sizes"></p>
  <div class="columns"></div>
  <p class="line" aria-live="polite"></p>
</div>
"""
_mount = component(Path(__file__).with_name("board.js"), _HTML)


def board(*, key: str, drawn: dict, photo: str, sizes: str) -> None:
    """Draw a board that `boards.board` describes. photo: a data URI, shown beneath the weights. sizes: HTML, what
    the numbers under the terms count."""
    _mount(key=key, data=drawn | {"photo": photo, "sizes": sizes})
