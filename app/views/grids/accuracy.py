"""Accuracy by (G1, G2) of one stage, as benchmarks/grids.py measured it, and which sides a stage has room for."""

from dataclasses import dataclass

import numpy as np

import hatnet
from app.core import checkpoints, measured
from app.shell.session import Setting

OFFERED = (1, 2, 4, 7, 8, 14, 16, 28, 56)  # sides of windows and cells


@dataclass(frozen=True)
class AccuracyMap:
    """Accuracies 0..1 of one stage by (G1, G2), with the other stages as trained."""

    accuracies: dict[Setting, float]
    trained: Setting
    images: int  # how many pictures were classified
    data: str  # what they are from

    @property
    def complete(self) -> bool:
        """Whether every G1 was measured with every G2; otherwise the map has empty squares."""
        return len(self.accuracies) == len({g1 for g1, _ in self.accuracies}) * len({g2 for _, g2 in self.accuracies})

    @property
    def steady(self) -> bool:
        """Whether no setting is worse than the trained one by more than that one's 95 % interval is wide."""
        return self.accuracies[self.trained] - min(self.accuracies.values()) <= 2 * self.error

    @property
    def error(self) -> float:
        """Half of the 95 % interval of one accuracy, 0..1."""
        p = self.accuracies[self.trained]
        return 1.96 * float(np.sqrt(p * (1 - p) / self.images))


def of_stage(file: dict, index: int) -> AccuracyMap | None:
    """The rows of a `*.grids.json` that vary the stage `index` (from 0) alone; None where its trained setting was not measured."""
    g1, g2 = tuple(file["trained"]["g1"]), tuple(file["trained"]["g2"])

    def others(sides: list[int]) -> tuple[int, ...]:
        return tuple(side for stage, side in enumerate(sides) if stage != index)

    accuracies = {
        (row["g1"][index], row["g2"][index]): row["accuracy"]
        for row in file["rows"]
        if others(row["g1"]) == others(g1) and others(row["g2"]) == others(g2)
    }
    trained = g1[index], g2[index]
    return AccuracyMap(accuracies, trained, file["images"], file["data"]) if trained in accuracies else None


def measurable(name: str) -> bool:
    """Whether benchmarks/grids.py can measure a checkpoint: it has to be a shipped one that classifies photographs."""
    return name in hatnet.list_checkpoints() and not checkpoints.describe(name).cards


def read(name: str) -> dict | None:
    """What benchmarks/grids.py measured for a checkpoint; None if it was not run. Raises ValueError for a file that is damaged."""
    return measured.read(f"{name}.grids.json", "images", "data", "trained", "rows")


def sides_offered(most: int, *more: int) -> list[int]:
    """Sides to choose from in a stage `most` tokens wide, with `more` among them (trained, chosen)."""
    return sorted({side for side in (*OFFERED, most, *more) if side <= most})


def sides_left_out(most: int) -> str:
    """A sentence on which sides are not offered, and why; empty where all are."""
    off = [str(side) for side in OFFERED if side > most]
    if not off:
        return ""
    names = " and ".join(filter(None, (", ".join(off[:-1]), off[-1])))
    return f"{names} {'is' if len(off) == 1 else 'are'} not offered: this stage is only {most} tokens wide."


def doubled(setting: Setting, most: int) -> Setting:
    """Twice both sides, as far as the stage is wide: something to compare the trained setting with."""
    return min(2 * setting[0], most), min(2 * setting[1], most)


def heat_map(measured: AccuracyMap, a: Setting, b: Setting) -> dict:
    """Accuracy in % by G1 (down) and G2 (across) for `accuracy_grid`: grey by value, a star where the model was trained.

    a, b: the two settings compared, which are named where they were measured. Settings that were not measured are None.
    """
    down, across = (sorted({setting[axis] for setting in measured.accuracies}) for axis in (0, 1))
    low, high = min(measured.accuracies.values()), max(measured.accuracies.values())
    digits = 1 if high - low < 0.1 else 0  # where whole per cents would all look the same

    def square(setting: Setting) -> dict | None:
        if setting not in measured.accuracies:
            return None
        value, star = measured.accuracies[setting], setting == measured.trained
        name = "A" * (setting == a) + "B" * (setting == b)
        words = f"G₁ = {setting[0]}, G₂ = {setting[1]}: {100 * value:.1f} % right"
        words += ", as trained" * star + f", now {name}" * bool(name)
        part = (value - low) / max(high - low, 0.01)
        return dict(text=f"{100 * value:.{digits}f}", part=round(part, 3), trained=star, name=name, words=words)

    squares = [[square((g1, g2)) for g2 in across] for g1 in down]
    return dict(down=down, across=across, cells=squares, b=b in measured.accuracies)
