"""The photograph with its token grid: click, tap or arrow keys choose a token; hovering previews what it would read."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.components import component
from app.components.turn import turn

_HTML = """
<div class="picker">
  <div class="frame" tabindex="0" role="application" aria-roledescription="token grid"><canvas></canvas></div>
  <div class="under">
    <span class="where" aria-live="polite"></span>
    <span class="keys"><kbd>↑</kbd><kbd>↓</kbd><kbd>←</kbd><kbd>→</kbd> move · click pins</span>
    <span class="touch">tap to choose a token</span>
  </div>
</div>
"""
_mount = component(Path(__file__).with_name("picker.js"), _HTML)


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

    Call this last, and draw into a container at the picker's place: the browser sends its next choice only once this call has
    answered the previous one, which must mean that everything else has been drawn.

    photo: the id of an <img> on the page, which is sent once rather than with every click. grid, token, g1, cell: in tokens; g1 None
    means no windows. strongest: the index of each token's strongest cell, row by row, so that hovering needs no round trip; or that
    of the selected token alone.
    """
    data = {
        "photo": photo,
        "title": title,
        "grid": grid,
        "token": token,
        "g1": g1,
        "cell": cell,
        "strongest": strongest,
        "turn": turn(st.session_state.get(key)),
    }

    def changed() -> None:
        picked = st.session_state[key]["picked"]
        choose((picked["y"], picked["x"]))

    _mount(key=key, data=data, default={"picked": None}, on_picked_change=changed)
