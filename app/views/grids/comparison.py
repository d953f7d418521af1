"""The two settings that the Grids view compares, for this visitor: B is what the controls say, A is pinned, or as trained."""

from dataclasses import dataclass

from app.shell import session
from app.views.grids.accuracy import Setting, doubled

MOST = 50  # steps that can be undone


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two (G1, G2) of one stage, in tokens."""

    a: Setting
    b: Setting
    trained: Setting
    example: bool  # nothing was pinned or moved yet: A is only there to show a difference
    can_undo: bool


def current(index: int) -> Pair:
    """The pair for the stage `index` (from 0). What it was before is remembered, whatever control changed it."""
    view, known = session.view(), session.checkpoint()
    trained, b = ((x.g1[index], x.g2[index]) for x in (known.config, view))
    pinned = _pins().get(_key())
    example = pinned is None and b == trained
    past = _past()
    if not past or past[-1] != (pinned, b):
        past.append((pinned, b))
        del past[:-MOST]
    a = pinned or (doubled(trained, known.grid(view.stage)) if example else trained)
    return Pair(a=a, b=b, trained=trained, example=example, can_undo=len(past) > 1)


def choose(index: int, b: Setting) -> None:
    """Make B a setting; where B is it already, swap A and B."""
    pair = current(index)
    if b == pair.b:
        swap(index)
    else:
        _set(index, _pins().get(_key()), b)


def pin(index: int) -> None:
    """What B is now stays as A."""
    _set(index, current(index).b, current(index).b)


def unpin(index: int) -> None:
    """A is as trained again."""
    _set(index, current(index).trained, current(index).b)


def swap(index: int) -> None:
    pair = current(index)
    _set(index, pair.b, pair.a)


def undo(index: int) -> None:
    """The pair before the last change."""
    past = _past()
    if len(past) > 1:
        past.pop()
        _set(index, *past[-1])


def _set(index: int, a: Setting | None, b: Setting) -> None:
    _pins()[_key()] = a
    session.set_side("g1", index, b[0])
    session.set_side("g2", index, b[1])


def _key() -> tuple[str, int]:
    return session.view().checkpoint, session.view().stage


def _pins() -> dict[tuple[str, int], Setting | None]:
    return session.visit().pinned


def _past() -> list[tuple[Setting | None, Setting]]:
    return session.visit().history.setdefault(_key(), [])
