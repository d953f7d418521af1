"""Accuracy by (G1, G2) as a grid of grey squares: a click, or Enter, chooses a setting."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.components import component

_HTML = """
<div class="settings" role="group" aria-label="Accuracy by G1 and G2. Arrow keys move; Enter makes a setting B, or swaps A and B">
  <span class="axis down">G₁: wider windows →</span>
  <div class="cells"></div>
  <span class="axis across">G₂: coarser cells →</span>
</div>
"""
_mount = component(Path(__file__).with_name("accuracy_grid.js"), _HTML)


def accuracy_grid(*, key: str, drawn: dict, choose: Callable[[tuple[int, int]], None]) -> None:
    """Draw what `accuracy.heat_map` describes; `choose` gets (G1, G2) before the script runs again."""

    def changed() -> None:
        picked = st.session_state[key]["picked"]
        choose((picked["g1"], picked["g2"]))

    _mount(key=key, data=drawn, default={"picked": None}, on_picked_change=changed)
