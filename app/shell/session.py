"""What the server remembers of one visitor between two runs of a page: `Visit` names all of it, and nothing else is kept.

The view leads, widgets follow: a widget shows a value of the view, and its callback writes back what the visitor chose. What a widget
itself holds stays under the widget's own key.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from app.core import checkpoints, content, pictures
from app.core.checkpoints import Checkpoint
from app.core.pictures import Picture
from app.core.view import UPLOAD, ViewState, address, parse

KEY = "visit"
Setting = tuple[int, int]  # G1 and G2 of one stage, in tokens
StageKey = tuple[str, int]  # a checkpoint's name, and one of its stages


@dataclass(kw_only=True)
class Visit:
    """One visitor."""

    view: ViewState
    notices: list[str]  # what the address asked for and did not get
    upload: Picture | None = None
    upload_problem: str | None = None  # why the last file was not taken
    whole_page: bool = False  # a fragment changed something that is shown outside of it: the page has to run again
    # The tour.
    arrived: bool = False  # the address has had its say about the tour
    go_to: str | None = None  # the page that a stop asked for, by its path in the address
    left_at: int | None = None  # the stop to return to
    # The Explorer: keys of the sheets that the browser is believed to hold, the last used at the end.
    sheets: list[str] = field(default_factory=list)
    # Cost: this visitor's measurement (views/cost/measure_job.py), and whether its end is still to be shown.
    job: Any = None
    job_watched: bool = False
    # Grids: A where it was pinned, and what A and B were before, for Undo.
    pinned: dict[StageKey, Setting | None] = field(default_factory=dict)
    history: dict[StageKey, list[tuple[Setting | None, Setting]]] = field(default_factory=dict)
    # Why?: the job that this visitor stopped, and the method whose map was clicked, until its curves are drawn.
    stopped: tuple | None = None
    curves_of: str | None = None


def visit() -> Visit:
    """This visitor; at first what the address asks for. Raises ValueError where no checkpoint can be read."""
    if KEY not in st.session_state:
        stops = len(content.sections("content/tour.md"))
        view, notices = parse(st.query_params.to_dict(), checkpoints.names(), checkpoints.describe, has_upload=False, stops=stops)
        st.session_state[KEY] = Visit(view=view, notices=notices)
    return st.session_state[KEY]


def view() -> ViewState:
    """What this visitor looks at."""
    return visit().view


def checkpoint() -> Checkpoint:
    """The checkpoint that this visitor looks at."""
    return checkpoints.describe(view().checkpoint)


def picture() -> Picture:
    """The picture that this visitor looks at."""
    image = view().image
    return visit().upload if image == UPLOAD else pictures.sample(image)


def refresh(names: list[str]) -> ViewState:
    """This visitor's view, after checkpoints may have gone or been written anew since the last run. names: those there are now."""
    mine = visit()
    if mine.view.checkpoint not in names:
        mine.notices = [f"Checkpoint {mine.view.checkpoint} is gone. {names[0]} is shown."]
    mine.view = mine.view.fitted(checkpoints.describe(mine.view.checkpoint if mine.view.checkpoint in names else names[0]))
    return mine.view


def update(**changes) -> None:
    """Change the view, and whatever then no longer fits. By now the notices about the address have been read."""
    mine = visit()
    name = changes.pop("checkpoint", mine.view.checkpoint)
    mine.view, mine.notices = replace(mine.view, **changes), []
    try:
        mine.view = mine.view.fitted(checkpoints.describe(name))
    except ValueError as error:  # its file has gone since it was offered
        mine.notices = [f"{error}"]


def set_grid(name: str, index: int, side: int) -> None:
    """Set G1 or G2 (`name`: "g1" or "g2") of one hierarchical stage, counted from 0."""
    sides = getattr(view(), name)
    update(**{name: (*sides[:index], side, *sides[index + 1 :])})


def run_whole_page() -> None:
    """At the start of a fragment: run the page again if the fragment changed something that is shown outside of it."""
    if visit().whole_page:
        visit().whole_page = False
        st.rerun()


def publish() -> None:
    """Write the view into the page's address."""
    wanted = address(view())
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def bound(widget: Callable, label: str, name: str, value, write: Callable | None = None, key: str | None = None, **options) -> None:
    """A widget that shows `value` and writes what the visitor chooses to the view's field `name` (or calls `write` with it)."""
    key = key or f"choose_{name}"
    write = write or (lambda chosen: update(**{name: chosen}))
    st.session_state[key] = value
    widget(label, key=key, on_change=lambda: write(st.session_state[key]), **options)
