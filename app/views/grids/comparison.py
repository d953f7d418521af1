"""The two settings that the Grids page compares: A is as trained, or pinned; B is the visitor's, at first an example. With undo."""

from dataclasses import dataclass

from app.shell import session
from app.shell.session import Setting, StageKey
from app.views.grids.accuracy import doubled

MOST = 50  # changes that can be undone


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two (G1, G2) of one stage."""

    a: Setting
    b: Setting
    trained: Setting
    example: bool  # the visitor has chosen nothing yet, here or on another page: B only shows what a difference looks like
    can_undo: bool


def current(index: int) -> Comparison:
    """The comparison for the stage `index` (from 0). What it was before is remembered, whichever control changed it."""
    view, checkpoint = session.view(), session.checkpoint()
    trained, b = ((sides.g1[index], sides.g2[index]) for sides in (checkpoint.config, view))
    example = _key() not in _pins() and b == trained
    if example:
        b = doubled(trained, checkpoint.grid(view.stage))
    pinned = _pins().get(_key())
    history = _history()
    if not history or history[-1] != (pinned, b):
        history.append((pinned, b))
        del history[:-MOST]
    return Comparison(a=pinned or trained, b=b, trained=trained, example=example, can_undo=len(history) > 1)


def choose(index: int, b: Setting) -> None:
    """Make a setting B; if it is B already, swap A and B."""
    if b == current(index).b:
        swap(index)
    else:
        _set(index, _pins().get(_key()), b)


def set_side(index: int, axis: int, side: int) -> None:
    """Set G1 (`axis` 0) or G2 (1) of B."""
    b = list(current(index).b)
    b[axis] = side
    _set(index, _pins().get(_key()), (b[0], b[1]))


def pin(index: int) -> None:
    """Keep what B is now as A."""
    now = current(index)
    _set(index, now.b, now.b)


def unpin(index: int) -> None:
    """Make A as trained again."""
    _set(index, None, current(index).b)


def swap(index: int) -> None:
    now = current(index)
    _set(index, now.b, now.a)


def undo(index: int) -> None:
    """Go back to A and B before the last change."""
    history = _history()
    if len(history) > 1:
        history.pop()
        _set(index, *history[-1])


def _set(index: int, a: Setting | None, b: Setting) -> None:
    _pins()[_key()] = a
    session.set_side("g1", index, b[0])
    session.set_side("g2", index, b[1])


def _key() -> StageKey:
    return session.view().checkpoint, session.view().stage


def _pins() -> dict[StageKey, Setting | None]:
    return session.visit().pinned


def _history() -> list[tuple[Setting | None, Setting]]:
    return session.visit().history.setdefault(_key(), [])
