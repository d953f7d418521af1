"""The component with the seven cards, the active one in front. Moving through them needs no server."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.components import component
from app.components.turn import turn

_HTML = """
<div class="story">
  <div class="cards"></div>
  <div class="steps" role="group" aria-label="Cards: left and right arrow keys move"></div>
  <div class="telling">
    <div class="words"><p class="sentence" aria-live="polite"></p><div class="bar"></div><p class="caption"></p></div>
    <div class="pace">
      <button type="button" class="back"><span aria-hidden="true">←</span> Back</button>
      <button type="button" class="next">Next <span aria-hidden="true">→</span></button>
    </div>
  </div>
  <ol class="unseen" aria-label="All cards in words"></ol>
</div>
"""
_mount = component(Path(__file__).with_name("cards.js"), _HTML)


def cards(*, key: str, step: int, drawn: dict, choose: Callable[[int, tuple[int, int] | None], None]) -> None:
    """Draw the cards. drawn: from `text.drawn`, with the ids of two <img> on the page, `photo` and `exact`. step: the active card, from 1.

    `choose(step, token)` is called before the script runs again; token is None if it has not changed.
    """

    def changed() -> None:
        picked = st.session_state[key]["picked"]
        choose(picked["step"], tuple(picked["token"]) if picked["token"] else None)

    _mount(
        key=key,
        data=drawn | {"step": step, "turn": turn(st.session_state.get(key))},
        default={"picked": None},
        on_picked_change=changed,
    )
