"""One attention layer in seven cards, the active one facing the reader: stepped through in the browser, with no round trip."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.components import component

_HTML = """
<div class="story">
  <div class="cards"></div>
  <div class="steps" role="group" aria-label="Steps: left and right arrow keys move"></div>
  <div class="telling">
    <div class="words"><p class="sentence" aria-live="polite"></p><p class="caption"></p></div>
    <div class="pace">
      <button type="button" class="back"><span aria-hidden="true">←</span> Back</button>
      <button type="button" class="next">Next <span aria-hidden="true">→</span></button>
    </div>
  </div>
  <ol class="unseen" aria-label="All steps in words"></ol>
</div>
"""
_mount = component(Path(__file__).with_name("cards.js"), _HTML)


def cards(*, key: str, photo: str, step: int, drawn: dict, choose: Callable[[int, tuple[int, int] | None], None]) -> None:
    """Draw the cards as `app.views.start.text.drawn` describes them.

    photo: the id of an <img> on the page. step: the active card, from 1. `choose(step, token)` is called before the script runs
    again; token is None where it stayed.
    """
    answer = st.session_state.get(key) or {}

    def changed() -> None:
        picked = st.session_state[key]["picked"]
        choose(picked["step"], tuple(picked["token"]) if picked["token"] else None)

    # Which of its answers this is the reply to: the browser may be some key presses ahead.
    turn = (answer.get("picked") or {}).get("turn", 0)
    _mount(key=key, data=drawn | {"photo": photo, "step": step, "turn": turn}, default={"picked": None}, on_picked_change=changed)
