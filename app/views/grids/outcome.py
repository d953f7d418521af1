"""What the model does with one of the two settings that are compared."""

from dataclasses import dataclass, replace

import numpy as np

import hatnet
from app.core import inference, overlay
from app.shell import session
from app.shell.session import Setting
from app.views.grids.accuracy import AccuracyMap
from hatnet.complexity import Count

KINDS = ("local", "global")


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """Answer, maps, cost and accuracy under one (G1, G2)."""

    setting: Setting
    classes: tuple[str, ...]
    probabilities: np.ndarray  # [classes]
    shares: dict[str, np.ndarray]  # local and global: weights per token, [side, side]
    strongest: int  # the strongest cell, counted row by row
    count: Count
    stage: int  # the paper's number
    accuracy: float | None  # 0..1; None: not measured

    @property
    def answer(self) -> str:
        return self.classes[self.probabilities.argmax()]

    @property
    def probability(self) -> float:
        """The answer's, 0..1."""
        return float(self.probabilities.max())

    @property
    def attention_macs(self) -> int:
        """MACs of the stage's attention, projections and products."""
        return sum(row.macs for row in self.count.rows if row.stage == self.stage and ".attn." in row.name)


def outcome_of(setting: Setting, measured: AccuracyMap | None) -> Outcome:
    """Run the visitor's view with another setting in its stage; the other stages keep theirs."""
    view, checkpoint = session.view(), session.checkpoint()
    config, index, grid = checkpoint.config, checkpoint.config.stages.index(view.stage), (checkpoint.grid(view.stage),) * 2

    def with_side(sides: tuple[int, ...], side: int) -> tuple[int, ...]:
        return *sides[:index], side, *sides[index + 1 :]

    g1, g2 = with_side(view.g1, setting[0]), with_side(view.g2, setting[1])
    attention = inference.attention(session.picture(), checkpoint, replace(view, g1=g1, g2=g2))
    near, far = (attention.weights(view, kind) for kind in KINDS)
    window = hatnet.window_of(hatnet.token_at(view.place, grid), grid, setting[0])
    others_as_trained = (with_side(view.g1, config.g1[index]), with_side(view.g2, config.g2[index])) == (config.g1, config.g2)
    return Outcome(
        setting=setting,
        classes=checkpoint.classes,
        probabilities=attention.probabilities,
        shares={"local": overlay.in_window(near, window, grid), "global": overlay.over_tokens(far, setting[1], grid)},
        strongest=int(far.argmax()),
        count=inference.macs(checkpoint, g1, g2),
        stage=view.stage,
        accuracy=measured.accuracies.get(setting) if measured and others_as_trained else None,  # one stage varies at a time
    )
