"""Accuracy with windows of one token and with one cell for the whole map, in all stages at once, as benchmarks/grids.py measured it."""

from dataclasses import dataclass

from app.core.measured import read

CHECKPOINT = "objects224"  # for which all four were measured
FILE = f"{CHECKPOINT}.grids.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Extremes:
    """Accuracies 0..1 on the same photographs, with the same parameters."""

    images: int
    trained: float
    windows: float  # of one token
    cell: float  # one for the whole map
    both: float


def of_file(file: dict) -> Extremes:
    """The extremes in the content of a `*.grids.json` that has them."""
    g1, g2 = (tuple(file["trained"][name]) for name in ("g1", "g2"))
    found = {(tuple(row["g1"]), tuple(row["g2"])): row["accuracy"] for row in file["rows"]}
    ones, whole = (1,) * len(g1), max((cells for windows, cells in found if windows == g1), key=sum)
    both, alone = found[ones, whole], (found[ones, g2], found[g1, whole])
    return Extremes(images=file["images"], trained=found[g1, g2], windows=alone[0], cell=alone[1], both=both)


def measured() -> Extremes | None:
    """What was measured for CHECKPOINT; None where its file is not there."""
    file = read(FILE)
    return of_file(file) if file else None
