"""Turns: a component numbers its messages, so that it knows which of them a run of the page has answered."""

from collections.abc import Mapping


def turn(state: Mapping | None) -> int:
    """The number of the message that this run answers; the browser may be several key presses ahead. state: the component's."""
    return ((state or {}).get("picked") or {}).get("turn", 0)
