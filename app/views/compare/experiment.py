"""The cards experiment: how well each mechanism answers, as benchmarks/cards.py measured it, and a step knocked out of a model here."""

from dataclasses import dataclass

import numpy as np
import torch

import hatnet
from app.core import checkpoints, inference, measured
from app.core.checkpoints import Checkpoint
from app.core.pictures import Picture, cached, model_input
from app.core.view import ViewState
from app.views.compare.mechanisms import NAMES
from hatnet.ablations import without_step
from hatnet.data import IGNORED

Measured = tuple[float, float]  # mean and standard deviation over seeds, 0..1


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One mechanism, trained with several seeds."""

    mechanism: str
    far: Measured  # right answers to the global question
    own: Measured  # to the local one
    pointing: Measured
    seeds: int
    steps: int


def read() -> list[Arm]:
    """All arms with the same number of steps; empty where nothing was measured. Raises ValueError where the file is damaged."""
    file = measured.read("cards.ablation.json", "summary")
    if file is None:
        return []
    rows = {row["arm"]: row for row in file["summary"] if row["budget"] == "equal steps"}

    def of(row: dict, name: str) -> Measured:
        return row[name]["mean"], row[name]["sd"]

    return [
        Arm(
            mechanism=name,
            far=of(row, "global"),
            own=of(row, "local"),
            pointing=of(row, "pointing"),
            seeds=row["seeds"],
            steps=row["steps"],
        )
        for name in NAMES
        if (row := rows.get(name))
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the model says: of the photograph, or of the selected token's cell of cards."""

    name: str
    probability: float  # 0..1
    right: int | None  # cards: how many of the picture's questions are answered right; None for a photograph


def answer(view: ViewState, checkpoint: Checkpoint, picture: Picture, without: str | None = None) -> Answer:
    """The answer with both steps, or with the "local" or the "global" step knocked out in all layers that have two."""
    logits = _logits(without, picture, checkpoint, view.g1, view.g2)
    right = None
    if logits.ndim == 3:
        asked = picture.answers != IGNORED
        right = int((logits.argmax(0) == picture.answers)[asked].sum())
        y, x = hatnet.token_at(view.place, logits.shape[1:])
        logits = logits[:, y, x]
    powers = np.exp(logits - logits.max())
    return Answer(name=checkpoint.classes[logits.argmax()], probability=float(powers.max() / powers.sum()), right=right)


@cached(max_entries=24)
def _logits(without: str | None, picture: Picture, checkpoint: Checkpoint, g1: tuple, g2: tuple) -> np.ndarray:
    """[classes], or [classes, cells, cells]."""
    model = checkpoints.model(checkpoint.name)
    images = inference.normalised(checkpoint, model_input(picture, checkpoint.image_size))
    with inference.forward_slots, torch.inference_mode():
        return (without_step(model, without) if without else model)(images, g1=g1, g2=g2)[0].numpy()
