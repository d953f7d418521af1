"""Which tokens can have a part in one token's output, mechanism beside mechanism: for the notebook "Who may attend to whom"."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from app.core.colours import LIGHT, ON_PHOTO, rgb
from tutorials.machinery.figures.beside import beside
from tutorials.machinery.figures.maps import grey

WAYS = {"one by one": ON_PHOTO.local, "in the mean of a cell": ON_PHOTO.global_}
SIDE = 150  # pixels of one picture: five fit beside one another


def reach(single: np.ndarray, mean: np.ndarray, token: tuple[int, int], photo: np.ndarray) -> go.Figure:
    """The photograph in dark grey, and over it the tokens that `token` (row, column) reads, from both masks, bool [h, w].

    single: read one by one; mean: read in the mean of a cell. Where both hold, the first is shown.
    """
    h, w = single.shape
    ways = np.where(single, 2, np.where(mean, 1, 0))
    fills = ["rgba(0,0,0,0)", *(f"rgba({','.join(map(str, rgb(colour)))},0.6)" for colour in reversed(WAYS.values()))]
    words = np.array(["not read", *(f"read {way}" for way in reversed(WAYS))])[ways]
    heat = dict(
        type="heatmap",
        z=ways.tolist(),
        x=list(range(w + 1)),
        y=list(range(h + 1)),
        zmin=-0.5,
        zmax=2.5,
        colorscale=[[(index + end) / 3, fill] for index, fill in enumerate(fills) for end in (0, 1)],
        showscale=False,
        xgap=1,
        ygap=1,
        text=[[f"row {y + 1}, column {x + 1}: {words[y, x]}" for x in range(w)] for y in range(h)],
        hovertemplate="%{text}<extra></extra>",
    )
    y, x, radius = token[0] + 0.5, token[1] + 0.5, 0.055 * w
    circle = dict(type="circle", x0=x - radius, x1=x + radius, y0=y - radius, y1=y + radius)
    axis = dict(visible=False, fixedrange=True, constrain="domain")
    return go.Figure(
        data=[heat],
        layout=dict(
            images=[dict(source=grey(photo, SIDE), x=0, y=0, sizex=w, sizey=h, xref="x", yref="y", sizing="stretch", layer="below")],
            shapes=[circle | dict(line=dict(color=colour, width=width)) for colour, width in (("#FFFFFF", 5), (LIGHT.query, 3))],
            xaxis=axis | dict(range=[0, w]),
            yaxis=axis | dict(range=[h, 0], scaleanchor="x", scaleratio=w / h),  # row 0 at the top
            plot_bgcolor="#1B1B1B",
        ),
    )


def side_by_side(tiles: Mapping[str, go.Figure]) -> go.Figure:
    """Such pictures in one row, with one legend below them."""
    figure = beside(dict(tiles), height=SIDE)
    for way, colour in WAYS.items():
        square = dict(symbol="square", size=12, color=colour)
        figure.add_trace(go.Scatter(x=[None], y=[None], mode="markers", marker=square, name=f"read {way}", showlegend=True))
    legend = dict(orientation="h", x=0, y=-0.04, yanchor="top", font=dict(color=LIGHT.ink, size=13))
    return figure.update_layout(showlegend=True, legend=legend, height=figure.layout.height + 36, margin_b=36)


def reach_alt(masks: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> str:
    """The same for readers who cannot see it: name -> the two masks of `reach`."""
    listed = (
        f"{name}: {single.sum()} of {single.size} tokens one by one, {(mean & ~single).sum()} in means"
        for name, (single, mean) in masks.items()
    )
    return "What the token reads. " + "; ".join(listed) + "."
