"""What the server remembers about one visitor between two runs of a page. `Visit` names all of it.

The view is the source of every widget's value, and a widget's callback writes the visitor's choice back to it. A widget's own value
stays under the widget's own key.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.core import checkpoints, content, pictures
from app.core.checkpoints import Checkpoint
from app.core.pictures import Picture
from app.core.places import home, is_home
from app.core.view import UPLOAD, ViewState, address, parse

KEY = "visit"
Setting = tuple[int, int]  # G1 and G2 of one stage, in tokens
StageKey = tuple[str, int]  # a checkpoint's name, and one of its stages


@dataclass(kw_only=True)
class Visit:
    """The state of one visitor."""

    view: ViewState
    notices: list[str]  # what the address asked for but did not get
    upload: Picture | None = None
    upload_problem: str | None = None  # why the last file was rejected
    whole_page: bool = False  # a fragment changed something outside itself: the whole page has to run again
    offered: dict[str, list] = field(default_factory=dict)  # by a widget's key: what it offered when it was last drawn
    # The tour.
    arrived: bool = False  # a tour stop in the address has been dealt with
    go_to: str | None = None  # the page of the next stop, by its path in the address
    left_at: int | None = None  # the stop to return to
    own_image: str | None = None  # the visitor's photograph while a stop shows another
    seen_all: bool = False  # the tour's last words are shown
    # Explorer: keys of the sheets that the browser should still hold, the last used at the end.
    sheets: list[str] = field(default_factory=list)
    # Cost: this visitor's measurement (views/cost/measure_job.py), and whether its result is still to be shown.
    job: Any = None
    job_watched: bool = False
    # Grids: setting A if it is pinned, and earlier pairs of A and B, for Undo.
    pinned: dict[StageKey, Setting | None] = field(default_factory=dict)
    history: dict[StageKey, list[tuple[Setting | None, Setting]]] = field(default_factory=dict)
    # Why?: the job that this visitor stopped, and the method whose map was clicked, until its curves are drawn.
    stopped: tuple | None = None
    curves_of: str | None = None


def visit() -> Visit:
    """This visitor's state, which starts from the address. Raises ValueError if no checkpoint can be read."""
    if KEY not in st.session_state:
        view, notices = _asked(has_upload=False)
        st.session_state[KEY] = Visit(view=view, notices=notices)
    return st.session_state[KEY]


def _asked(has_upload: bool) -> tuple[ViewState, list[str]]:
    """The view that the address asks for, and a notice for each value that it does not get."""
    stops = len(content.sections("content/tour.md"))
    return parse(st.query_params.to_dict(), checkpoints.names(), checkpoints.describe, has_upload, stops)


def go_back() -> None:
    """If the visitor used the browser's Back or Forward, return to the view that was shown at that address."""
    # Streamlit does not make this public. Any other run may carry an address that is a step behind.
    if getattr(get_script_run_ctx(), "is_history_navigation", False):
        state = visit()
        state.view, state.notices = _asked(has_upload=state.upload is not None)


def view() -> ViewState:
    """This visitor's view."""
    return visit().view


def checkpoint() -> Checkpoint:
    """The checkpoint of this visitor's view."""
    return checkpoints.describe(view().checkpoint)


def picture() -> Picture:
    """The picture of this visitor's view."""
    image = view().image
    return visit().upload if image == UPLOAD else pictures.sample(image)


def refresh(names: list[str]) -> ViewState:
    """Fit this visitor's view to the checkpoints that exist now (`names`), since files may have gone or changed, and return it."""
    state = visit()
    if state.view.checkpoint not in names:
        state.notices = [f"Checkpoint {state.view.checkpoint} is gone. {names[0]} is shown."]
    state.view = state.view.fitted(checkpoints.describe(state.view.checkpoint if state.view.checkpoint in names else names[0]))
    return state.view


def update(**changes) -> None:
    """Change fields of the view, replace values that no longer fit, and drop the notices about the address.

    Unless `changes` say which token is selected: another picture opens with its own; in another stage or with another checkpoint, a token
    that the visitor chose stays, and the one that the picture had opened with gives way to the one for there.
    """
    state = visit()
    moves = "place" not in changes and (changes.get("image", state.view.image) != state.view.image or _at_home(state.view))
    name = changes.pop("checkpoint", state.view.checkpoint)
    state.view, state.notices = replace(state.view, **changes), []
    try:
        checkpoint = checkpoints.describe(name)
        view = state.view.fitted(checkpoint)
        state.view = replace(view, place=home(view.image, checkpoint, view.stage)) if moves else view
    except ValueError as error:  # its file has gone since it was offered
        state.notices = [f"{error}"]


def _at_home(view: ViewState) -> bool:
    """Whether the selected token is the one that the picture opened with."""
    try:
        return is_home(view.place, view.image, checkpoints.describe(view.checkpoint), view.stage)
    except ValueError:  # the checkpoint's file has gone
        return False


def set_side(name: str, index: int, side: int) -> None:
    """Set the window side (`name`: "g1") or the cell side ("g2") of one hierarchical stage, counted from 0."""
    sides = getattr(view(), name)
    update(**{name: (*sides[:index], side, *sides[index + 1 :])})


def run_whole_page() -> None:
    """Called at the start of a fragment: run the whole page again if the fragment changed something outside itself."""
    if visit().whole_page:
        visit().whole_page = False
        st.rerun()


def publish() -> None:
    """Write the view to the page's address."""
    wanted = address(view())
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def bound(widget: Callable, label: str, name: str, value, write: Callable | None = None, key: str | None = None, **options) -> None:
    """Draw a widget that shows `value`; the visitor's choice goes to the view's field `name`, or to `write` if that is given."""
    key = key or f"choose_{name}"
    write = write or (lambda chosen: update(**{name: chosen}))
    titles = map(options.get("format_func", str), options.get("options", ()))
    offered = [options.get("min_value"), options.get("max_value"), *titles]
    # Only what the browser does not show already: it would take back the keys that were pressed since this run was asked for.
    if st.session_state.get(key) != value or visit().offered.get(key) != offered:
        st.session_state[key], visit().offered[key] = value, offered
    widget(label, key=key, on_change=lambda: write(st.session_state[key]), **options)
