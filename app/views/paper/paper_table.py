"""A table whose figures say where they come from: by mouse, touch and keyboard, and to a screen reader."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app.components import component

_HTML = """
<div class="paper">
  <div class="scroll"><table role="grid"></table></div>
  <p class="reading"></p>
</div>
"""
_mount = component(Path(__file__).with_name("paper_table.js"), _HTML)


def paper_table(*, key: str, drawn: dict, choose: Callable[[int], None] | None = None) -> None:
    """Draw a table as `tables.Table.drawn` describes it. A click on a figure that is a link calls `choose` with its `pick`, before the
    script runs again."""

    def changed() -> None:
        if choose:
            choose(st.session_state[key]["picked"]["pick"])

    _mount(key=key, data=drawn, default={"picked": None}, on_picked_change=changed)
