"""Where windows and cells decide: measured cases, read from what the benchmarks wrote beside the checkpoints."""

from dataclasses import dataclass
from statistics import mean

from app.core import extremes, measured, pictures
from app.core.samples import offered
from app.core.words import count
from app.ui.bars import Bar, Part, bars


@dataclass(frozen=True)
class Case:
    """Accuracies that belong together."""

    title: str
    said: str  # what was measured, and what it shows
    rows: tuple[tuple[str, str, float], ...]  # name, look of its bar, accuracy 0..1
    source: str  # the file and the script that wrote it
    figure: str = ""  # HTML: an example

    def html(self) -> str:
        """Heading, sentence, example, bars and source."""
        shown = [Bar(name, [Part(value, look)], f"{100 * value:.0f} %") for name, look, value in self.rows]
        alt = f"{self.title}. " + ", ".join(f"{name}: {100 * value:.0f} %" for name, _, value in self.rows)
        return (
            f'<p class="title chart">{self.title}</p><p class="say">{self.said}</p>{self.figure}{bars(shown, 1, alt)}'
            f'<p class="source">Source: {self.source}</p>'
        )


def all_cases() -> list[Case]:
    """The cases whose files are there."""
    files = (("cards.ablation.json", _cards), (extremes.FILE, _objects))
    return [case(file) for name, case in files if (file := measured.read(name))]


def _cards(file: dict) -> Case:
    arms = {row["arm"]: row for row in file["summary"] if row["budget"] == "equal steps"}
    runs = [run for run in file["runs"] if (run["budget"], run["arm"]) == ("equal steps", "hierarchical")]
    hidden = mean(run["knock_outs"]["marked card hidden from the asker"]["global"] for run in runs)
    kinds = (("both steps", "hierarchical", "ink"), ("windows only", "window", "local"), ("cells only", "pooled", "global"))
    questions = (("Near", "local"), ("Far", "global"))
    rows = [(f"{question}: {kind}", look, arms[arm][key]["mean"]) for question, key in questions for kind, arm, look in kinds]
    rows.append(("Far: both, marked card hidden", "muted", hidden))
    said = (
        f"A small model learns to read drawn cards; {count(arms['window']['seeds'])} trainings of each kind. Near: what is the pattern on "
        "this card? Far: what is the pattern on the card with magenta rings? The cyan square, top left, has to answer that one, and each "
        "card lies outside its window. Guessing gets 25 %. Without cells, the far question cannot be answered; without windows, the near "
        "one suffers. And if the cyan square of a model with both steps is kept from reading the cell of the card with magenta rings, the "
        "far answer is gone."
    )
    source = "hatnet/shipped/cards.ablation.json, measured by benchmarks/cards.py"
    return Case("Take one step away", said, tuple(rows), source, _example())


def _example() -> str:
    """The first drawn picture that comes with the app."""
    key = offered(cards=True)[0]
    picture = pictures.sample(key)
    row, column = picture.marked
    alt = f"Cards on a black ground: a cyan square top left; the card with magenta rings in row {row + 1}, column {column + 1} of four."
    shown = f'<img src="{pictures.data_uri(picture, pictures.model_input(picture, picture.image.width))}" alt="{alt}">'
    return (
        f'<figure class="example">{shown}<figcaption>One of the pictures. The checkpoint <b>cards</b> (sidebar) shows what the cyan square '
        "reads in it.</figcaption></figure>"
    )


def _objects(file: dict) -> Case | None:
    found = extremes.of_file(file)
    rows = (
        ("as trained", "ink", found.trained),
        ("windows of one token", "global", found.windows),
        ("one cell for the whole map", "local", found.cell),
        ("both", "muted", found.both),
    )
    size = file["image_size"]
    said = (
        f"objects224, a model of {size} × {size} pixels on the paper’s own grids, on {file['images']:,} photographs ({file['data']}, held "
        "out of training), with the parameters as they are and all stages changed at once. Windows of one token leave all reading to the "
        "cells; one cell for the whole map leaves it to the windows."
    )
    return Case("Take away the range, in all stages", said, rows, "hatnet/shipped/objects224.grids.json, measured by benchmarks/grids.py")
