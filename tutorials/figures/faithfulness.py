"""The curves of a test of attributions as a Plotly chart."""

import numpy as np
import plotly.graph_objects as go

from app.core.colours import Colours, rgb


def chart(
    kind: str, shown: tuple[str, np.ndarray], raw: np.ndarray, random: np.ndarray, nothing: np.ndarray, colours: Colours, most: float
) -> go.Figure:
    """Curves of one kind, "put back" or "removed".

    shown: the chosen method's name and curve; raw: raw attention's curve; random: those of random maps [maps, points]; nothing: that
    of a map from random weights. most: the top of the axis, 0..1.
    """
    shares = (np.arange(len(raw)) / (len(raw) - 1) * 100).tolist()
    low, median, high = (100 * np.percentile(random, (10, 50, 90), axis=0)).tolist()
    grey = ",".join(map(str, rgb(colours.muted)))

    def line(name: str, values: list, style: dict) -> dict:
        hover = f"<b>%{{y:.0f}} %</b> with %{{x:.0f}} % {kind}<extra>{name}</extra>"
        return dict(type="scatter", mode="lines", name=name, x=shares, y=values, line=style, hovertemplate=hover)

    band = dict(type="scatter", mode="lines", x=shares, line=dict(width=0), hoverinfo="skip")
    traces = [
        band | dict(y=low, name="10 %"),
        band | dict(y=high, name="90 %", fill="tonexty", fillcolor=f"rgba({grey},0.2)"),
        line("Random maps, median", median, dict(color=colours.muted, width=1.5, dash="dot")),
        line("Occlusion, random weights", (100 * nothing).tolist(), dict(color=colours.muted, width=1.5, dash="dash")),
        line("Raw attention", (100 * raw).tolist(), dict(color=colours.global_, width=3)),
    ]
    if shown[0] != "Raw attention":
        traces.append(line(shown[0], (100 * shown[1]).tolist(), dict(color=colours.ink, width=3.5)))
    axis = dict(zeroline=False, gridcolor=colours.line, fixedrange=True, color=colours.ink, tickfont=dict(size=14))
    return go.Figure(
        data=traces,
        layout=dict(
            showlegend=False,
            height=270,
            margin=dict(l=52, r=14, t=8, b=44),
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            hovermode="closest",
            xaxis=axis | dict(range=[0, 100], tickvals=[0, 25, 50, 75, 100], title=dict(text=f"squares {kind}, %", font=dict(size=14))),
            yaxis=axis | dict(range=[0, 100 * most], ticksuffix=" %", rangemode="tozero", nticks=6),
        ),
    )
