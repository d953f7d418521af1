"""Accuracy by (G1, G2) of one stage, as benchmarks/grids.py measured it, and which grids a stage has room for."""

import json
import logging
from dataclasses import dataclass

import numpy as np

import hatnet
from app.core import checkpoints

log = logging.getLogger("hatnet.app")
Setting = tuple[int, int]  # G1 and G2 of one stage, in tokens

OFFERED = (1, 2, 4, 7, 8, 14, 16, 28, 56)  # sides of windows and cells


@dataclass(frozen=True)
class Measured:
    """Accuracies 0..1 of one stage by (G1, G2), the other stages as trained."""

    cells: dict[Setting, float]
    trained: Setting
    images: int  # how many pictures were tried

    @property
    def whole(self) -> bool:
        """Every G1 with every G2; otherwise the map has empty cells."""
        return len(self.cells) == len({g1 for g1, _ in self.cells}) * len({g2 for _, g2 in self.cells})

    @property
    def error(self) -> float:
        """Half of the 95 % interval of one accuracy, 0..1."""
        p = self.cells[self.trained]
        return 1.96 * float(np.sqrt(p * (1 - p) / self.images))


def of_stage(found: dict, index: int) -> Measured | None:
    """The rows of a `*.grids.json` that vary the stage `index` (from 0) alone; None where its trained setting was not measured."""
    g1, g2 = tuple(found["trained"]["g1"]), tuple(found["trained"]["g2"])

    def others(grids: list[int]) -> tuple[int, ...]:
        return tuple(value for place, value in enumerate(grids) if place != index)

    cells = {
        (row["g1"][index], row["g2"][index]): row["accuracy"]
        for row in found["rows"]
        if others(row["g1"]) == others(g1) and others(row["g2"]) == others(g2)
    }
    trained = g1[index], g2[index]
    return Measured(cells, trained, found["images"]) if trained in cells else None


def measurable(name: str) -> bool:
    """Whether benchmarks/grids.py can measure a checkpoint: one that is shipped and classifies photographs."""
    return name in hatnet.list_checkpoints() and not checkpoints.describe(name).cards


def measured_grids(name: str) -> dict | None:
    """What benchmarks/grids.py measured of a checkpoint; None where it has not. Raises ValueError for a file that cannot be read."""
    path = hatnet.checkpoints.SHIPPED / f"{name}.grids.json"
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if {"images", "trained", "rows"} <= found.keys():
            return found
    except (OSError, ValueError, AttributeError):
        log.exception("not read: %s", path)
    raise ValueError(f"{path.name} is not what benchmarks/grids.py writes. Measure it again.")


def fitting(side: int, *more: int) -> list[int]:
    """Sides to choose from in a stage `side` tokens wide, with `more` among them (trained, chosen)."""
    return sorted({value for value in (*OFFERED, side, *more) if value <= side})


def doubled(setting: Setting, side: int) -> Setting:
    """Twice both sides, as far as the stage is wide: something to compare the trained setting with."""
    return min(2 * setting[0], side), min(2 * setting[1], side)


def why_off(side: int) -> str:
    """Which of the sides are not offered, and the reason: a sentence, or nothing."""
    off = [str(value) for value in OFFERED if value > side]
    if not off:
        return ""
    names = " and ".join(filter(None, (", ".join(off[:-1]), off[-1])))
    return f"{names} {'is' if len(off) == 1 else 'are'} off: this stage is only {side} tokens wide."


def accuracy_cells(measured: Measured, a: Setting, b: Setting) -> dict:
    """Accuracy in % by G1 (down) and G2 (across) for the settings component: grey by value, a star where the model was trained.

    a, b: the two settings that are compared, named where they were measured. Settings that were not measured are None.
    """
    down, across = (sorted({setting[axis] for setting in measured.cells}) for axis in (0, 1))
    low, high = min(measured.cells.values()), max(measured.cells.values())
    digits = 1 if high - low < 0.1 else 0  # where whole per cents would all look the same

    def cell(setting: Setting) -> dict | None:
        if setting not in measured.cells:
            return None
        value, star = measured.cells[setting], setting == measured.trained
        name = "A" * (setting == a) + "B" * (setting == b)
        words = f"G₁ = {setting[0]}, G₂ = {setting[1]}: {100 * value:.1f} % right"
        words += ", as trained" * star + f", now {name}" * bool(name)
        part = (value - low) / max(high - low, 0.01)
        return dict(text=f"{100 * value:.{digits}f}", part=round(part, 3), trained=star, name=name, words=words)

    cells = [[cell((g1, g2)) for g2 in across] for g1 in down]
    return dict(down=down, across=across, cells=cells, b=b in measured.cells)
