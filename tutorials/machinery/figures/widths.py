"""How a softmax sharpens as vectors get longer, as a Plotly chart."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from app.core.colours import LIGHT

STYLES = (dict(color=LIGHT.ink, width=4), dict(color=LIGHT.muted, width=2.5, dash="dash"))


def over_width(widths: Sequence[int], curves: Mapping[str, Sequence[float]], even: float) -> go.Figure:
    """The largest weight of a query at each length d of its vectors, on a logarithmic axis.

    curves: name -> weights 0..1, two at most. even: the weight if all keys got the same.
    """
    traces = [
        dict(
            type="scatter",
            mode="lines+markers",
            x=list(widths),
            y=[100 * value for value in values],
            name=name,
            line=style,
            marker=dict(size=8, color=style["color"]),
            hovertemplate=f"d = %{{x}}: %{{y:.0f}} %<extra>{name}</extra>",
        )
        for (name, values), style in zip(curves.items(), STYLES, strict=False)
    ]
    dotted = dict(color=LIGHT.muted, width=1.5, dash="dot")
    ends = [widths[0], widths[-1]]
    traces.append(dict(type="scatter", mode="lines", x=ends, y=[100 * even] * 2, name="an even share", line=dotted, hoverinfo="skip"))
    axis = dict(gridcolor=LIGHT.line, zeroline=False, fixedrange=True)
    across = dict(
        type="log", title="d, numbers of a query and of a key (logarithmic)", tickvals=list(widths), ticktext=list(map(str, widths))
    )
    return go.Figure(
        data=traces,
        layout=dict(
            xaxis=axis | across,
            yaxis=axis | dict(title="largest weight, %", range=[0, 102]),
            legend=dict(orientation="h", y=1.02, yanchor="bottom", x=0),
            plot_bgcolor="rgba(0,0,0,0)",
            width=640,
            height=340,
            margin=dict(l=60, r=14, t=40, b=50),
        ),
    )
