"""The token that a picture opens with in each stage: benchmarks/places.py chose one that tells something, for each shipped checkpoint."""

import json
from functools import cache

import hatnet
from app.core import content
from app.core.checkpoints import Checkpoint
from app.core.samples import SAMPLES

FILE = "content/places.json"  # checkpoint -> picture -> stage -> [row, column]
Place = tuple[float, float]  # (y, x) as fractions of the picture


def home(image: str, checkpoint: Checkpoint, stage: int) -> Place:
    """The place at which a picture opens in a stage.

    For a checkpoint that the file does not have, such as a run of the visitor's own, a point on the picture's subject; the middle of an
    upload.
    """
    if token := _tokens().get(checkpoint.name, {}).get(image, {}).get(str(stage)):
        return hatnet.place_of(tuple(token), (checkpoint.grid(stage),) * 2)
    return SAMPLES[image].place if image in SAMPLES else (0.5, 0.5)


def is_home(place: Place, image: str, checkpoint: Checkpoint, stage: int) -> bool:
    """Whether a place is the one at which a picture opens, as precisely as an address tells places."""
    return all(abs(a - b) < 1e-4 for a, b in zip(place, home(image, checkpoint, stage), strict=True))


@cache
def _tokens() -> dict[str, dict[str, dict[str, list[int]]]]:
    return json.loads(content.text(FILE))
