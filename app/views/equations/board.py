"""One equation on a board: its terms and the tensors behind them. Pointing at a term lights its numbers, and the reverse."""

from pathlib import Path

from app.components import component

_HTML = """
<div class="board">
  <div class="equation" role="group" aria-label="The equation: each term is a button that lights its numbers"></div>
  <p class="shapes"></p>
  <div class="columns"></div>
  <p class="line" aria-live="polite"></p>
</div>
"""
_mount = component(Path(__file__).with_name("board.js"), _HTML)


def board(*, key: str, drawn: dict, photo: str, shapes: str) -> None:
    """Draw a board that `boards.board` describes. photo: a data URI, shown beneath the weights. shapes: HTML, below the equation."""
    _mount(key=key, data=drawn | {"photo": photo, "shapes": shapes})
