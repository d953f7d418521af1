"""The curves of the two tests of attributions, side by side, as a Plotly chart."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from app.core.colours import LIGHT, rgb
from app.views.why.scores import TESTS, alt

TITLES = ("insertion", "deletion")  # in the order of TESTS
RAW = "Raw attention"  # the only method with a hue of its own


def both_tests(answer: str, tested: Mapping[str, np.ndarray], random: np.ndarray, untrained: np.ndarray) -> go.Figure:
    """Probability of the class while squares are put back (left) and removed (right).

    answer: the class. tested: name -> curves [2, points], in the order of TESTS, drawn from back to front; random: those of random maps
    [maps, 2, points]; untrained: those of a map from random weights [2, points]. All 0..1, at evenly spaced parts of the squares.
    """
    grey = ",".join(map(str, rgb(LIGHT.muted)))
    axis = dict(zeroline=False, gridcolor=LIGHT.line, linecolor=LIGHT.muted, fixedrange=True, color=LIGHT.ink, tickfont=dict(size=13))
    traces, layout = [], {}
    for kind, test in enumerate(TESTS):
        place = dict(xaxis="x2", yaxis="y2") if kind else {}
        part = np.linspace(0, 100, untrained.shape[1]).tolist()
        low, median, high = (100 * np.percentile(random[:, kind], (10, 50, 90), axis=0)).tolist()

        def line(name: str, values: list, style: dict, place: dict = place, part: list = part, test: str = test, kind: int = kind) -> dict:
            hover = f"<b>%{{y:.0f}} %</b> with %{{x:.0f}} % {test}<extra>{name}</extra>"
            look = dict(type="scatter", mode="lines", line=style, showlegend=not kind)
            return place | look | dict(name=name, x=part, y=values, hovertemplate=hover)

        edge = dict(mode="lines", line=dict(width=0), hoverinfo="skip", hovertemplate=None)
        traces += [
            line("10 %", low, {}) | edge | dict(showlegend=False),
            line("Random maps, 8 of 10", high, {}) | edge | dict(fill="tonexty", fillcolor=f"rgba({grey},0.25)"),
            line("Random maps, median", median, dict(color=LIGHT.muted, width=2, dash="dot")),
            line("Occlusion, random weights", (100 * untrained[kind]).tolist(), dict(color=LIGHT.ink, width=1.2, dash="dash")),
        ]
        for name, curves in tested.items():
            style = dict(color=LIGHT.global_, width=3) if name == RAW else dict(color=LIGHT.ink, width=3.5)
            traces.append(line(name, (100 * curves[kind]).tolist(), style))
        suffix, left = ("2", 0.55) if kind else ("", 0)
        ticks, size = [0, 25, 50, 75, 100], dict(size=13)
        across = dict(title=dict(text=f"squares {test}, %", font=size), domain=[left, left + 0.45], anchor=f"y{suffix}")
        layout[f"xaxis{suffix}"] = axis | across | dict(range=[0, 100], tickvals=ticks)
        up = dict(title=dict(text=f"probability of “{answer}”, %", font=size)) if not kind else dict(showticklabels=False)
        layout[f"yaxis{suffix}"] = axis | up | dict(range=[0, 101], tickvals=ticks, anchor=f"x{suffix}")
    titles = [
        dict(text=f"<b>{title}</b>", x=x, y=1, xref="paper", yref="paper", xanchor="center", yanchor="bottom", showarrow=False)
        for title, x in zip(TITLES, (0.225, 0.775), strict=True)
    ]
    return go.Figure(
        data=traces,
        layout=layout
        | dict(
            annotations=titles,
            legend=dict(orientation="h", x=0, y=-0.3, yanchor="top", font=dict(size=13, color=LIGHT.ink)),
            width=640,
            height=370,
            margin=dict(l=60, r=10, t=30, b=130),
            plot_bgcolor="rgba(0,0,0,0)",
            hovermode="closest",
        ),
    )


def both_alt(answer: str, tested: Mapping[str, np.ndarray], random: np.ndarray, untrained: np.ndarray) -> str:
    """The chart's text for readers who cannot see it."""
    *_, shown = tested
    sentences = [
        f"{title.capitalize()}: {alt(test, (shown, tested[shown][kind]), tested[RAW][kind], random[:, kind])}"
        for kind, (title, test) in enumerate(zip(TITLES, TESTS, strict=True))
    ]
    middle = untrained.shape[1] // 2
    return (
        f"The class is “{answer}”. " + " ".join(sentences) + " Dashed: Occlusion of a model with random weights, at half of the squares "
        f"{untrained[0, middle]:.0%} and {untrained[1, middle]:.0%}."
    )
