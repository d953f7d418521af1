"""The same place in every head: a strip of small maps, block by block; one click chooses stage, block and head."""

from collections.abc import Callable

import streamlit as st

from app.components import component
from app.figures.colours import GLOBAL_SCALE

_HTML = """
<div class="heads" role="toolbar" aria-label="Heads: arrow keys move, Enter chooses"></div>
"""
_mount = component("heads", _HTML)


def heads(*, key: str, blocks: list[dict], ring: tuple[float, float], chosen: tuple[int, int, int | None], choose: Callable) -> None:
    """Draw the strip; `choose(stage, block, head)` is called before the script runs again, block and head counted from 1.

    blocks: one {"stage", "block", "name", "maps"} each, maps holding one matrix of rows of weights a head. ring: the query's place,
    as fractions (y, x). chosen: stage, block and head that are shown now (head None: the mean of all).
    """

    def changed() -> None:
        choose(*st.session_state[key]["picked"])

    data = {"blocks": blocks, "ring": ring, "chosen": chosen, "ramp": [colour for _, colour in GLOBAL_SCALE]}
    _mount(key=key, data=data, default={"picked": None}, on_picked_change=changed)
