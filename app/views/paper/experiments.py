"""Trainings of this project that ask what Table 5 asks, at small scale: read from what benchmarks/ wrote beside the checkpoints."""

from dataclasses import dataclass

import hatnet
from app.core import measured
from hatnet import paper

CARDS = "cards.ablation.json"
PATTERNS = ("*.reaches.json", "*mechanisms*.json")  # files of benchmarks/mechanisms.py


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """Trainings that differ in the attention mechanism alone."""

    title: str
    arms: dict[str, tuple[float, float | None, int]]  # mechanism, or one for each stage -> mean accuracy 0..1, deviation, trainings
    said: str  # what was trained on what
    file: str
    command: str

    def of_design(self, design: paper.Design) -> tuple[float, float | None, int] | None:
        """The arm that has H-MHSA where a row of Table 5 has it, and windows elsewhere; None if it was not trained."""
        varied = len(paper.TABLE_5[-1].stages)
        if len(design.stages) in (0, varied):
            return self.arms.get("hierarchical" if design.stages else "window")
        return self.arms.get(", ".join("hierarchical" if n < len(design.stages) else "window" for n in range(varied)))


def found() -> list[Experiment]:
    """Every experiment whose file is there. Raises ValueError where one is damaged."""
    names = sorted({path.name for pattern in PATTERNS for path in hatnet.checkpoints.SHIPPED.glob(pattern)})
    files = [(name, measured.read(name, "data", "split", "summary", "runs")) for name in names]
    cards = measured.read(CARDS, "summary", "runs")
    return [*(_trained(name, file) for name, file in files if file), *([_cards(cards)] if cards else [])]


def _trained(name: str, file: dict) -> Experiment:
    counts = {row["arm"]: sum(run["arm"] == row["arm"] for run in file["runs"]) for row in file["summary"]}
    steps = max(run["steps"] for run in file["runs"])
    return Experiment(
        title=name.split(".")[0],
        arms={row["arm"]: (row["mean"], row["sd"], counts[row["arm"]]) for row in file["summary"]},
        said=f"a small HAT-Net trained on {file['data']} for {steps:,} steps, accuracy on its {file['split']} split",
        file=f"hatnet/shipped/{name}",
        command=f"python benchmarks/mechanisms.py --data {file['data']} --name {name.split('.')[0]} --stages",
    )


def _cards(file: dict) -> Experiment:
    rows = [row for row in file["summary"] if row["budget"] == "equal steps"]
    return Experiment(
        title="cards, far question",
        arms={row["arm"]: (row["global"]["mean"], row["global"]["sd"], row["seeds"]) for row in rows},
        said=f"a model of one stage trained on drawn cards for {rows[0]['steps']:,} steps, accuracy on the far question (chance: 25 %)",
        file=f"hatnet/shipped/{CARDS}",
        command="python benchmarks/cards.py",
    )
