"""The two settings that the Grids page compares: B is what the controls say; A is pinned, as trained, or an example. With undo."""

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
    example: bool  # nothing has been pinned or moved yet: A only shows what a difference looks like
    can_undo: bool


def current(index: int) -> Comparison:
    """The comparison for the stage `index` (from 0). What it was before is remembered, whichever control changed it."""
    view, checkpoint = session.view(), session.checkpoint()
    trained, b = ((sides.g1[index], sides.g2[index]) for sides in (checkpoint.config, view))
    pinned = _pins().get(_key())
    example = pinned is None and b == trained
    history = _history()
    if not history or history[-1] != (pinned, b):
        history.append((pinned, b))
        del history[:-MOST]
    a = pinned or (doubled(trained, checkpoint.grid(view.stage)) if example else trained)
    return Comparison(a=a, b=b, trained=trained, example=example, can_undo=len(history) > 1)


def choose(index: int, b: Setting) -> None:
    """Make a setting B; if it is B already, swap A and B."""
    if b == current(index).b:
        swap(index)
    else:
        _set(index, _pins().get(_key()), b)


def pin(index: int) -> None:
    """Keep what B is now as A."""
    now = current(index)
    _set(index, now.b, now.b)


def unpin(index: int) -> None:
    """Make A as trained again."""
    now = current(index)
    _set(index, now.trained, now.b)


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
