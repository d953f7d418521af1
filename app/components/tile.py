"""A map on the photograph that shows the number under the pointer, in all maps of its group at once, without a round trip."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.components import component

_HTML = """
<div class="tile">
  <div class="frame" tabindex="0" role="application" aria-roledescription="map">
    <canvas></canvas><span class="tip" aria-live="polite"></span>
  </div>
</div>
"""
_mount = component(Path(__file__).with_name("tile.js"), _HTML)


def tile(
    *,
    key: str,
    photo: str,
    drawn: dict,
    alt: str,
    group: str,
    enter: str,
    choose: Callable[[tuple[float, float]], None],
) -> None:
    """Draw a map made by `app.ui.tiles`.

    photo: the id of an <img> on the page. group: its maps all show the same square. choose: gets the place that was clicked, as
    fractions (y, x), before the script runs again. enter: what a click does, in words, to follow "Enter".
    """
    data = drawn | {"photo": photo, "alt": alt, "group": group, "enter": enter}

    def changed() -> None:
        picked = st.session_state[key]["picked"]
        choose((picked["y"], picked["x"]))

    _mount(key=key, data=data, default={"picked": None}, on_picked_change=changed)
