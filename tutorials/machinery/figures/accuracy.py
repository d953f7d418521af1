"""Accuracy by (G1, G2) of one stage as a Plotly chart."""

import plotly.graph_objects as go

from app.core.colours import LIGHT, rgb
from app.views.grids.accuracy import AccuracyMap, Setting


def accuracy_maps(stages: dict[str, AccuracyMap]) -> dict[str, go.Figure]:
    """Accuracy in % by G1 and G2 for each of several stages, by title: all on one scale."""
    values = [value for measured in stages.values() for value in measured.accuracies.values()]
    figures = {title: accuracy_map(measured, min(values), max(values)) for title, measured in stages.items()}
    for figure in list(figures.values())[1:]:
        figure.update_yaxes(title=None)
    return figures


def accuracy_map(measured: AccuracyMap, low: float, high: float) -> go.Figure:
    """Accuracy in % by G1 (up) and G2 (across): grey, with the number in each cell, a star where the model was trained.

    low, high: the ends of the scale, 0..1. Settings that were not measured stay empty.
    """
    down, across = (sorted({setting[axis] for setting in measured.accuracies}) for axis in (0, 1))
    places = {(g1, g2): (down.index(g1), across.index(g2)) for g1 in down for g2 in across}
    values = [[measured.accuracies.get((g1, g2)) for g2 in across] for g1 in down]
    z = [[None if value is None else 100 * value for value in row] for row in values]
    ink = ",".join(map(str, rgb(LIGHT.ink)))
    heat = dict(
        type="heatmap",
        z=z,
        zmin=100 * low,
        zmax=100 * high,
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
        return dict(x=column, y=row, text=f"{star}{100 * value:.1f}", showarrow=False, font=dict(size=13, color=LIGHT.ink))

    labels = [label(setting, measured.accuracies[setting]) for setting in places if setting in measured.accuracies]
    axis = dict(showgrid=False, zeroline=False, fixedrange=True, color=LIGHT.ink, tickfont=dict(size=14))
    return go.Figure(
        data=[heat],
        layout=dict(
            annotations=labels,
            height=60 + 46 * len(down),
            margin=dict(l=50, r=4, t=4, b=50),
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            xaxis=axis | dict(tickvals=list(range(len(across))), ticktext=list(map(str, across)), title="G₂: coarser cells →"),
            yaxis=axis | dict(tickvals=list(range(len(down))), ticktext=list(map(str, down)), title="G₁: wider windows →"),
        ),
    )


def accuracy_alt(measured: AccuracyMap) -> str:
    """The chart's text for readers who cannot see it."""
    listed = "; ".join(f"G1 {g1}, G2 {g2}: {value:.1%}" for (g1, g2), value in sorted(measured.accuracies.items()))
    g1, g2 = measured.trained
    return f"Accuracy by G1 and G2, on {measured.images} pictures. {listed}. Trained with G1 {g1}, G2 {g2}."
