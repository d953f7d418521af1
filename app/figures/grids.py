"""Accuracy by (G1, G2) of one stage, as benchmarks/grids.py measured it, and which grids a stage has room for."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from app.figures.colours import Colours, rgb

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


def accuracy_map(measured: Measured, a: Setting, b: Setting, colours: Colours) -> go.Figure:
    """Accuracy in % by G1 (down) and G2 (across): grey, with the number in each cell, a star where the model was trained.

    a, b: the two settings that are compared; outlined where they were measured. Settings that were not measured stay empty.
    """
    down, across = (sorted({setting[axis] for setting in measured.cells}) for axis in (0, 1))
    places = {(g1, g2): (down.index(g1), across.index(g2)) for g1 in down for g2 in across}
    values = [[measured.cells.get((g1, g2)) for g2 in across] for g1 in down]
    z = [[None if value is None else 100 * value for value in row] for row in values]
    shown = [value for row in z for value in row if value is not None]
    ink = ",".join(map(str, rgb(colours.ink)))
    heat = dict(
        type="heatmap",
        z=z,
        zmin=min(shown),
        zmax=max(*shown, min(shown) + 1),
        colorscale=[[0, f"rgba({ink},0.05)"], [1, f"rgba({ink},0.4)"]],
        showscale=False,
        xgap=3,
        ygap=3,
        hoverongaps=False,
        hovertemplate="%{text}<br><b>%{z:.1f} %</b> right<extra></extra>",
        text=[[f"G₁ = {g1}, G₂ = {g2}" for g2 in across] for g1 in down],
    )

    def label(setting: Setting, value: float | None) -> dict:
        row, column = places[setting]
        star = "★ " if setting == measured.trained else ""
        return dict(x=column, y=row, text=f"{star}{100 * value:.0f}", showarrow=False, font=dict(size=15, color=colours.ink))

    labels = [label(setting, measured.cells[setting]) for setting in places if setting in measured.cells]
    shapes = []
    for name, setting in (("A", a), ("B", b)):
        if setting not in places:
            continue
        row, column = places[setting]
        line = dict(color=colours.ink, width=2.5, dash="solid" if name == "B" else "dot")
        shapes.append(dict(type="rect", x0=column - 0.48, x1=column + 0.48, y0=row - 0.48, y1=row + 0.48, line=line))
        corner = dict(x=column + (-0.43 if name == "A" else 0.43), y=row + 0.46, text=f"<b>{name}</b>", showarrow=False)
        labels.append(corner | dict(xanchor="left" if name == "A" else "right", yanchor="top", font=dict(size=12, color=colours.ink)))
    axis = dict(showgrid=False, zeroline=False, fixedrange=True, color=colours.ink, tickfont=dict(size=14))
    return go.Figure(
        data=[heat],
        layout=dict(
            annotations=labels,
            shapes=shapes,
            height=60 + 46 * len(down),
            margin=dict(l=50, r=4, t=4, b=50),
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            xaxis=axis | dict(tickvals=list(range(len(across))), ticktext=list(map(str, across)), title="G₂: coarser cells →"),
            yaxis=axis | dict(tickvals=list(range(len(down))), ticktext=list(map(str, down)), title="G₁: wider windows →"),
        ),
    )


def accuracy_alt(measured: Measured) -> str:
    """The chart's text for readers who cannot see it."""
    listed = "; ".join(f"G1 {g1}, G2 {g2}: {value:.0%}" for (g1, g2), value in sorted(measured.cells.items()))
    g1, g2 = measured.trained
    return f"Accuracy by G1 and G2, on {measured.images} pictures. {listed}. Trained with G1 {g1}, G2 {g2}."


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
