"""The component of Compare: ten maps of one token, and a second token that may be moved."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.components import component
from app.components.turn import turn

_HTML = """
<div class="five">
  <div class="choices" role="radiogroup" aria-label="What a click and the arrow keys move">
    <span aria-hidden="true">Click or arrow keys move</span>
    <label><input type="radio" name="moves" value="token" checked> <span><span class="ring">◎</span> the token that reads</span></label>
    <label><input type="radio" name="moves" value="pair"> <span>◇ the token to be read (drag it, too)</span></label>
    <span class="where" aria-live="polite"></span>
  </div>
  <div class="maps" tabindex="0" role="application" aria-roledescription="token grid"></div>
  <p class="aloud" aria-live="polite"></p>
</div>
"""
_mount = component(Path(__file__).with_name("side_by_side.js"), _HTML)


def side_by_side(*, key: str, data: dict, changed: Callable[[dict], None]) -> None:
    """Draw the component; `changed` gets what the visitor moved, before the script runs again: `place`, `pair` or both.

    data: from `payload.payload`.
    """

    def on_change() -> None:
        changed(st.session_state[key]["picked"])

    _mount(key=key, data=data | {"turn": turn(st.session_state.get(key))}, default={"picked": None}, on_picked_change=on_change)
