"""Cost over tokens, over settings and along a diagonal, as Plotly charts. H-MHSA is thick and ink-coloured; hue means local or global."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from app.core.colours import LIGHT, rgb
from app.core.words import amount
from hatnet.timing import Measured

STYLES = {"MHSA": dict(color=LIGHT.muted, width=3), "H-MHSA": dict(color=LIGHT.ink, width=4)}
MACS = "multiply-adds (MACs)"


def over_tokens(measured: Mapping[int, Mapping[str, Measured]], formulas: Mapping[str, np.ndarray]) -> go.Figure:
    """Time of one attention layer against the number of tokens, both axes logarithmic: measured thick with its spread, computed thin.

    measured: tokens down -> mechanism ("MHSA", "H-MHSA") -> measurement. formulas: mechanism -> milliseconds at each of these sides.
    """
    tokens, traces = [side**2 for side in measured], []
    for name, formula in formulas.items():
        found = [at[name] for at in measured.values()]
        values, halves = [one.milliseconds for one in found], [one.spread / 2 for one in found]
        below = [min(half, 0.6 * value) for half, value in zip(halves, values, strict=True)]  # above 0, as the axis is logarithmic
        spread = dict(array=halves, arrayminus=below, symmetric=False, color=STYLES[name]["color"], thickness=1.2, width=3)
        both = dict(type="scatter", x=tokens, line=STYLES[name])
        traces += [
            both
            | dict(
                y=formula,
                name=f"{name}, computed",
                mode="lines",
                line=STYLES[name] | {"width": 1.5},
                opacity=0.55,
                hovertemplate=f"%{{x:,}} tokens: %{{y:.3r}} ms<extra>{name}, computed</extra>",
            ),
            both
            | dict(
                y=values,
                error_y=spread,
                name=f"{name}, measured",
                mode="markers+lines",
                marker=dict(color=STYLES[name]["color"], size=9),
                hovertemplate=f"%{{x:,}} tokens: %{{y:,.3r}} ms<extra>{name}, measured</extra>",
            ),
        ]
    axis = dict(type="log", gridcolor=LIGHT.line, zeroline=False)
    x = axis | dict(title="tokens, down × across", tickvals=tokens, ticktext=[f"{side}²" for side in measured])
    return _figure(traces, x, axis | dict(title="ms", tickformat="~g", dtick=1))


def along_diagonal(g: np.ndarray, terms: Mapping[str, np.ndarray], best: float, trained: int) -> go.Figure:
    """The four terms of Eq. 15 stacked, with G1 = G2 = G. g: rising; best: the cheapest G; trained: another, drawn as a dotted line."""
    fills = {
        "local projections": _pale(LIGHT.local, LIGHT.page),
        "local products": LIGHT.local,
        "global projections": _pale(LIGHT.global_, LIGHT.page),
        "global products": LIGHT.global_,
    }
    traces = [
        dict(
            type="scatter",
            mode="lines",
            x=g,
            y=terms[name],
            name=name,
            stackgroup="cost",
            line=dict(width=0),
            fillcolor=colour,
            hovertemplate=f"G = %{{x:.1f}}: %{{y:.3s}} MACs<extra>{name}</extra>",
        )
        for name, colour in fills.items()
    ]
    total = sum(terms.values())
    low = float(np.interp(best, g, total))
    star = dict(symbol="star", size=17, color=LIGHT.ink, line=dict(color=LIGHT.page, width=1.5))
    hover = f"cheapest: G about {best:.1f}<extra></extra>"
    traces.append(dict(type="scatter", x=[best], y=[low], mode="markers", marker=star, showlegend=False, hovertemplate=hover))
    note = dict(x=best, y=low, text=f"<b>about {best:.1f} is cheapest</b><br>{amount(low)}", ay=-62, ax=30 if best < 0.6 * g[-1] else -50)
    note |= dict(arrowcolor=LIGHT.ink, font=dict(color=LIGHT.ink, size=13), bgcolor=LIGHT.page)
    dotted = dict(color=LIGHT.muted, dash="dot", width=1.5)
    shape = dict(type="line", x0=trained, x1=trained, y0=0, y1=1, yref="paper", line=dotted)
    axis = dict(gridcolor=LIGHT.line, zeroline=False)
    x = axis | dict(title="G", range=[float(g[0]), float(g[-1])])
    # Below G = 3 the curve climbs so steeply that the rest would be flat.
    y = axis | dict(title=MACS, range=[0, 1.1 * float(total[g >= 3].max())], tickformat="~s")
    return _figure(traces, x, y, annotations=[note], shapes=[shape])


def over_settings(macs: np.ndarray, best: float, trained: tuple[int, int]) -> go.Figure:
    """Eq. 15 for every (G1, G2): macs [G1, G2], both from 1. A darker grey costs more. best: the cheapest G on the diagonal."""
    side = len(macs)
    numbers = list(range(1, side + 1))
    stops = [[0, LIGHT.page], [1, LIGHT.muted]]
    hover = "G₁ = %{y}, G₂ = %{x}: %{customdata:.3s} MACs<extra></extra>"
    heat = dict(type="heatmap", z=np.log10(macs), x=numbers, y=numbers, colorscale=stops, showscale=False, customdata=macs)
    ends = [0.5 - side / 50, side + 0.5 + side / 50]
    dots = dict(color=LIGHT.ink, dash="dot", width=1.5)
    diagonal = dict(type="scatter", x=ends, y=ends, mode="lines", line=dots, hoverinfo="skip", showlegend=False)
    traces = [heat | dict(xgap=1, ygap=1, hovertemplate=hover), diagonal]
    low = np.unravel_index(macs.argmin(), macs.shape)
    marks = [("Eq. 15 alone", (low[0] + 1, low[1] + 1), "square-open", 14), ("cheapest G₁ = G₂", (best, best), "star", 14)]
    marks += [("trained", trained, "diamond", 12)]
    for name, (g1, g2), shape, size in marks:
        edge = dict(width=2.5, color=LIGHT.ink) if "open" in shape else dict(width=1, color=LIGHT.page)
        traces.append(
            dict(
                type="scatter",
                x=[min(g2, side + 0.4)],
                y=[min(g1, side + 0.4)],
                mode="markers",
                name=name,
                marker=dict(symbol=shape, size=size, color=LIGHT.ink, line=edge),
                hovertemplate=f"{name}: G₁ = {g1:.3g}, G₂ = {g2:.3g}<extra></extra>",
            )
        )
    axis = dict(showgrid=False, zeroline=False, range=ends, dtick=max(1, side // 8), tick0=1)
    return _figure(traces, axis | dict(title="G₂, side of a cell"), axis | dict(title="G₁, side of a window"))


def _pale(colour: str, ground: str) -> str:
    """Two fifths of a colour over the ground."""
    return "#" + "".join(f"{round(0.4 * a + 0.6 * b):02X}" for a, b in zip(rgb(colour), rgb(ground), strict=True))


def _figure(traces: list[dict], x: dict, y: dict, **layout) -> go.Figure:
    """A chart made at once: Plotly checks a whole figure several times faster than its parts one by one."""
    font = dict(color=LIGHT.ink, size=13)

    def axis(settings: dict) -> dict:
        return settings | dict(fixedrange=True, tickfont=font, title=dict(text=settings.get("title"), font=font))

    return go.Figure(
        data=traces,
        layout=dict(
            xaxis=axis(x),
            yaxis=axis(y),
            margin=dict(l=8, r=12, t=8, b=8),
            height=400,
            legend=dict(orientation="h", x=0, y=1.02, yanchor="bottom", traceorder="normal", font=font),
            dragmode=False,
            plot_bgcolor="rgba(0,0,0,0)",
            paper_bgcolor="rgba(0,0,0,0)",
            hoverlabel=dict(bgcolor=LIGHT.page, bordercolor=LIGHT.line, font=dict(color=LIGHT.ink, size=14)),
            **layout,
        ),
    )
