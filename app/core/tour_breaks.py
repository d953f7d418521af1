"""Where windows of one token, or one cell for the whole map, change an answer: benchmarks/tour_break.py found it, the tour goes there."""

import json
from dataclasses import dataclass

from app.core import content
from app.core.checkpoints import Checkpoint

FILE = "content/tour_breaks.json"
Sides = tuple[tuple[int, ...], tuple[int, ...]]  # G1 and G2 of every hierarchical stage, in tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Break:
    """A sample whose answer is another one with these sides in one stage, the other stages as trained.

    At least one of the sides is at its extreme: windows of one token, or one cell for the whole map.
    """

    image: str
    stage: int  # the paper's number
    g1: int
    g2: int


def kept(checkpoint: Checkpoint) -> Break | None:
    """What was found for a checkpoint; None if the script was not run for it, or found nothing."""
    found = json.loads(content.text(FILE)).get(checkpoint.name)
    return found and Break(**found)


def with_sides(checkpoint: Checkpoint, stage: int, g1: int, g2: int) -> Sides:
    """The trained sides, except in one stage."""
    at = checkpoint.hierarchical.index(stage)
    trained = checkpoint.config.g1, checkpoint.config.g2
    return tuple((*sides[:at], side, *sides[at + 1 :]) for sides, side in zip(trained, (g1, g2), strict=True))


def extremes(checkpoint: Checkpoint, stage: int) -> list[tuple[int, int]]:
    """(G1, G2) of one stage, the doubled sides with one of them at its extreme, and both at their extremes: 1, and the side of the map."""
    at, whole = checkpoint.hierarchical.index(stage), checkpoint.grid(stage)
    g1, g2 = (sides[at] for sides in doubled(checkpoint, stage))
    return [(1, g2), (g1, whole), (1, whole)]


def doubled(checkpoint: Checkpoint, stage: int) -> Sides:
    """The trained sides, twice as large in one stage if its map has room."""
    at, most = checkpoint.hierarchical.index(stage), checkpoint.grid(stage)
    return with_sides(checkpoint, stage, *(min(2 * sides[at], most) for sides in (checkpoint.config.g1, checkpoint.config.g2)))
