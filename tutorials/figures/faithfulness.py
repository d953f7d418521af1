"""The curves of a test of attributions as a Plotly chart."""

import numpy as np
import plotly.graph_objects as go

from app.core.colours import LIGHT, rgb


def removed(shown: tuple[str, np.ndarray], raw: np.ndarray, random: np.ndarray, untrained: np.ndarray) -> go.Figure:
    """Probability of the class while squares are removed (deletion).

    shown: a method's name and its curve; raw: raw attention's curve; random: those of random maps [maps, points]; untrained: that of a
    map from random weights. All 0..1, at evenly spaced shares of the squares.
    """
    shares = (np.arange(len(raw)) / (len(raw) - 1) * 100).tolist()
    low, median, high = (100 * np.percentile(random, (10, 50, 90), axis=0)).tolist()
    grey = ",".join(map(str, rgb(LIGHT.muted)))

    def line(name: str, values: list, style: dict) -> dict:
        hover = f"<b>%{{y:.0f}} %</b> with %{{x:.0f}} % removed<extra>{name}</extra>"
        return dict(type="scatter", mode="lines", name=name, x=shares, y=values, line=style, hovertemplate=hover)

    band = dict(type="scatter", mode="lines", x=shares, line=dict(width=0), hoverinfo="skip")
    traces = [
        band | dict(y=low, name="10 %"),
        band | dict(y=high, name="90 %", fill="tonexty", fillcolor=f"rgba({grey},0.2)"),
        line("Random maps, median", median, dict(color=LIGHT.muted, width=1.5, dash="dot")),
        line("Occlusion, random weights", (100 * untrained).tolist(), dict(color=LIGHT.muted, width=1.5, dash="dash")),
        line("Raw attention", (100 * raw).tolist(), dict(color=LIGHT.global_, width=3)),
        line(shown[0], (100 * shown[1]).tolist(), dict(color=LIGHT.ink, width=3.5)),
    ]
    axis = dict(zeroline=False, gridcolor=LIGHT.line, fixedrange=True, color=LIGHT.ink, tickfont=dict(size=14))
    return go.Figure(
        data=traces,
        layout=dict(
            showlegend=False,
            height=270,
            margin=dict(l=52, r=14, t=8, b=44),
            paper_bgcolor="rgba(0,0,0,0)",
            plot_bgcolor="rgba(0,0,0,0)",
            hovermode="closest",
            xaxis=axis | dict(range=[0, 100], tickvals=[0, 25, 50, 75, 100], title=dict(text="squares removed, %", font=dict(size=14))),
            yaxis=axis | dict(range=[0, 100], ticksuffix=" %", rangemode="tozero", nticks=6),
        ),
    )
