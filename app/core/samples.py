"""The pictures that come with the app: the subject of each, and a place on it. Nothing here may import torch.

Photographs are files (licences: samples/LICENSES.md); pictures of cards are drawn by hatnet.cards, each from its own seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture."""

    title: str
    subject: str  # with its article, for use in a sentence
    names: tuple[str, ...]  # class names that are right, in any data set
    place: tuple[float, float]  # (y, x) as fractions of the centre crop: a point on the subject; see places.py
    seed: int | None = None  # for hatnet.cards.draw; None: a photograph
    credit: str = ""  # the line that its licence wants beside it


SAMPLES = {
    "cat_chelsea": Sample("Cat, close", "a cat", ("cat", "tabby"), (0.40, 0.32)),
    "horse_herd": Sample("Horses", "horses", ("horse",), (0.45, 0.68)),
    "cat_kitten": Sample("Kitten", "a cat", ("cat", "tabby"), (0.28, 0.31)),
    "bird_owl": Sample("Owl", "an owl", ("owl", "bird"), (0.34, 0.60)),
    "bird_duck": Sample("Duck", "a duck", ("duck", "bird"), (0.28, 0.70)),
    "bird_macaw": Sample("Macaw", "a macaw", ("macaw", "bird"), (0.28, 0.28)),
    "dog_shepherd": Sample("Shepherd dog", "a dog", ("dog", "German shepherd"), (0.22, 0.91)),
    "deer_moose": Sample("Moose", "a moose, which is a deer", ("moose", "deer"), (0.53, 0.53)),
    "cow": Sample("Cow", "a cow", ("cow",), (0.53, 0.22)),
    "giraffe": Sample("Giraffes", "giraffes", ("giraffe",), (0.28, 0.72)),
    "koala": Sample("Koala", "a koala", ("koala",), (0.28, 0.53)),
    "church_2": Sample("Cathedral, Worms", "a cathedral, which is a church", ("church",), (0.42, 0.25)),
    "church_1": Sample("Cathedral, Reims", "a cathedral, which is a church", ("church",), (0.30, 0.60)),
    "parachute_1": Sample("Parachutes", "two parachutes", ("parachute",), (0.18, 0.38)),
    "parachute_2": Sample("Parachute, Mars", "a parachute, seen from below", ("parachute",), (0.42, 0.52)),
    "church_3": Sample(
        "Chapel",
        "a chapel, which is a church",
        ("church", "chapel"),
        (0.28, 0.83),
        credit="Photograph: “Chapel of the Cross” by NatalieMaynor, CC BY 2.0, re-encoded.",
    ),
    "astronaut": Sample("Astronaut", "an astronaut, face to the camera", ("astronaut", "Faces"), (0.16, 0.47)),
    "coffee_cup": Sample("Coffee", "a cup of coffee", ("cup", "coffee"), (0.28, 0.40)),
    "rocket": Sample("Rocket", "a rocket", ("rocket", "missile"), (0.42, 0.50)),
    "fish_1": Sample("Fish", "two yellow perch, in the widest sense bass", ("perch", "bass"), (0.39, 0.13)),
}
# The middle token (1, 1) of the asking cell, the top left of 4 x 4 cells on 12 x 12 tokens.
SAMPLES |= {f"cards_{n}": Sample(f"Cards {n}", "cards", (), (0.125, 0.125), seed=n) for n in range(1, 7)}


def label_of(sample: Sample, classes: Sequence[str]) -> str | None:
    """The right class of a sample in a checkpoint's class list; None if its subject is not among them."""
    by_lower = {name.lower(): name for name in classes}
    return next((by_lower[name.lower()] for name in sample.names if name.lower() in by_lower), None)


def offered(cards: bool, classes: Sequence[str] = ()) -> list[str]:
    """The samples for a checkpoint: drawn cards if it was trained on them, else photographs, those of its classes first.

    The first one opens with it.
    """
    keys = [key for key, sample in SAMPLES.items() if (sample.seed is not None) == cards]
    return sorted(keys, key=lambda key: label_of(SAMPLES[key], classes) is None)
