"""The photograph with its token grid: click, tap or arrow keys choose a token; hovering previews what it would see."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.components import component

# The browser sends the next choice when this one is answered. So that the answer means "all is drawn", call this last, and draw
# it into a container at its place.

_HTML = """
<div class="picker">
  <div class="frame" tabindex="0" role="application" aria-roledescription="token grid"><canvas></canvas></div>
  <div class="under">
    <span class="where" aria-live="polite"></span>
    <span class="keys"><kbd>↑</kbd><kbd>↓</kbd><kbd>←</kbd><kbd>→</kbd> move · click pins</span>
    <span class="touch">tap to choose a token</span>
  </div>
  <i class="swatch local"></i><i class="swatch global"></i><i class="swatch query"></i>
</div>
"""
_mount = component(Path(__file__).with_name("picker.js"), _HTML, uses=("paint",))


def picker(
    *,
    key: str,
    photo: str,
    title: str,
    grid: tuple[int, int],
    token: tuple[int, int],
    g1: int | None,
    cell: int,
    strongest: list[int] | int,
    choose: Callable[[tuple[int, int]], None],
) -> None:
    """Draw the picker; `choose` gets the token (y, x) that the visitor chose, before the script runs again.

    photo: the id of an <img> on the page: sent once, and not with every click. grid, token, g1, cell: in tokens; g1 None means no
    windows. strongest: for each token, row by row, the index of its strongest pooled cell, so that hovering needs no round trip;
    or that of the selected token alone.
    """
    answer = st.session_state.get(key) or {}
    data = {
        "photo": photo,
        "title": title,
        "grid": grid,
        "token": token,
        "g1": g1,
        "cell": cell,
        "strongest": strongest,
        # Which of its answers this is the reply to: the browser may be some key presses ahead.
        "turn": (answer.get("picked") or {}).get("turn", 0),
    }

    def changed() -> None:
        picked = st.session_state[key]["picked"]
        choose((picked["y"], picked["x"]))

    _mount(key=key, data=data, default={"picked": None}, on_picked_change=changed)
