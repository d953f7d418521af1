"""The stops of the tour: what each of them shows. Texts: content/tour.md, with what tour_text.py fills in."""

from dataclasses import dataclass, replace

import hatnet
from app.core import inference, pictures, tour_breaks
from app.core.checkpoints import Checkpoint
from app.core.places import home
from app.core.tour_breaks import Break
from app.core.view import ViewState, default, opening_block


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """What a stop sets."""

    page: str  # its path in the address; "" is Start
    stage: int = 0  # an index of the checkpoint's stages, so that the tour suits every checkpoint
    seam: bool = False  # the token is beside a window's edge rather than on the photograph's subject
    doubled: bool = False  # G1 and G2 are twice as large as in training, where possible on a photograph that breaks at an extreme
    hides_lead: bool = False  # it asks for a number that the page's first sentence gives
    step: int | None = None  # Start: the card in front
    equation: int | None = None
    panel: str = "maps"  # Explorer


STOPS = (
    Stop(page="", step=2, hides_lead=True),
    Stop(page="", step=4, hides_lead=True),
    Stop(page="", step=6),
    Stop(page="", step=7),
    Stop(page="explorer"),
    Stop(page="explorer", seam=True, panel="seam"),
    Stop(page="equations", equation=8),
    Stop(page="equations", equation=10),
    Stop(page="grids", doubled=True),
    Stop(page="cost"),
    Stop(page="explorer", stage=-1),
    Stop(page="why"),
)


def view_at(number: int, view: ViewState, checkpoint: Checkpoint) -> ViewState:
    """A visitor's view at stop `number` (from 1); the checkpoint stays the visitor's, and so does the photograph unless another breaks."""
    stop, config = STOPS[number - 1], checkpoint.config
    stage, sides, image = config.stages[stop.stage], (config.g1, config.g2), view.image
    if stop.doubled and (found := broken(checkpoint)):
        stage, image = found.at.stage, found.at.image
    if stop.doubled and stage in checkpoint.hierarchical:
        sides = tour_breaks.doubled(checkpoint, stage)
    place, side = home(image, checkpoint, stage), checkpoint.grid(stage)
    if stop.seam:
        place = hatnet.place_of(across_edge(hatnet.token_at(place, (side, side)), side, config.g1[0]), (side, side))
    changes = {name: value for name in ("step", "equation") if (value := getattr(stop, name))}
    fixed = dict(image=image, stage=stage, block=opening_block(checkpoint, stage), head=None, place=place, g1=sides[0], g2=sides[1])
    return replace(view, tour=number, panel=stop.panel, pixels=0, channels=0, **fixed, **changes)


def across_edge(token: tuple[int, int], side: int, g1: int) -> tuple[int, int]:
    """The nearest token of another window in the same row; the token itself if there is only one window."""
    row, column = token
    left = column // g1 * g1
    others = [place for place in (left - 1, left + g1) if 0 <= place < side]
    return row, min(others, key=lambda place: abs(place - column), default=column)


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A break that was found, with the answers before and after it."""

    at: Break
    before: str
    after: str
    sure: float  # of the answer after it, 0..1


def broken(checkpoint: Checkpoint) -> Broken | None:
    """The break that is kept for a checkpoint; None if there is none, or if these weights do not break there."""
    if (at := tour_breaks.kept(checkpoint)) is None:
        return None
    sides = (checkpoint.config.g1, checkpoint.config.g2), tour_breaks.with_sides(checkpoint, at.stage, at.g1, at.g2)
    view = replace(default(checkpoint), image=at.image, place=home(at.image, checkpoint, at.stage))
    views = [replace(view, g1=g1, g2=g2) for g1, g2 in sides]
    before, after = (inference.attention(pictures.sample(at.image), checkpoint, view).probabilities for view in views)
    if before.argmax() == after.argmax():
        return None
    names = checkpoint.classes[before.argmax()], checkpoint.classes[after.argmax()]
    return Broken(at=at, before=names[0], after=names[1], sure=float(after.max()))
