"""What the model does with one of the two settings that are compared."""

from dataclasses import dataclass, replace

import numpy as np

import hatnet
from app.core import inference, overlay, unknown
from app.shell import session
from app.shell.session import Setting
from app.views.grids.accuracy import AccuracyMap
from hatnet.complexity import Count

KINDS = ("local", "global")


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """Answer, maps, cost and accuracy under one (G1, G2)."""

    setting: Setting
    shown: bool  # it is the setting of the visitor's view: other pages show the same numbers
    classes: tuple[str, ...]
    probabilities: np.ndarray  # [classes]
    unknown: bool  # by the checkpoint's rule, if it has one, the photograph shows none of the classes
    shares: dict[str, np.ndarray]  # local and global: weights per token, [side, side]
    strongest: int  # the strongest cell, counted row by row
    count: Count
    layer_macs: int  # MACs of the selected block's attention, as computed
    accuracy: float | None  # 0..1; None: not measured

    @property
    def answer(self) -> str:
        return self.classes[self.probabilities.argmax()]

    @property
    def probability(self) -> float:
        """The answer's, 0..1."""
        return float(self.probabilities.max())


def sides_with(setting: Setting) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The view's G1 and G2 of all hierarchical stages, with another setting in its own stage."""
    view = session.view()
    index = session.checkpoint().config.stages.index(view.stage)
    g1, g2 = ((*sides[:index], side, *sides[index + 1 :]) for sides, side in zip((view.g1, view.g2), setting, strict=True))
    return g1, g2


def others_as_trained() -> bool:
    """Whether all stages but the view's have the sides of the training."""
    config = session.checkpoint().config
    index = config.stages.index(session.view().stage)
    return sides_with((config.g1[index], config.g2[index])) == (config.g1, config.g2)


def outcome_of(setting: Setting, measured: AccuracyMap | None) -> Outcome:
    """Run the visitor's view with another setting in its stage; the other stages keep theirs."""
    view, checkpoint = session.view(), session.checkpoint()
    index, grid = checkpoint.config.stages.index(view.stage), (checkpoint.grid(view.stage),) * 2
    g1, g2 = sides_with(setting)
    attention = inference.attention(session.picture(), checkpoint, replace(view, g1=g1, g2=g2))
    near, far = (attention.weights(view, kind) for kind in KINDS)
    window = hatnet.window_of(hatnet.token_at(view.place, grid), grid, setting[0])
    count = inference.macs(checkpoint, g1, g2)
    judged = unknown.verdict(attention.logits, checkpoint, g1, g2)
    return Outcome(
        setting=setting,
        shown=(g1, g2) == (view.g1, view.g2),
        classes=checkpoint.classes,
        probabilities=attention.probabilities,
        unknown=judged is not None and judged.unknown,
        shares={"local": overlay.in_window(near, window, grid), "global": overlay.over_tokens(far, setting[1], grid)},
        strongest=int(far.argmax()),
        count=count,
        layer_macs=inference.layer_macs(count, index, view.block),
        accuracy=measured.accuracies.get(setting) if measured and others_as_trained() else None,  # one stage varies at a time
    )
