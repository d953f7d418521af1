"""Cost over tokens, over settings and along a diagonal, as Plotly charts. Hue means local or global; H-MHSA is ink with round marks, MHSA
a paler grey with open squares, so that nobody has to tell two greys apart."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from app.core.colours import LIGHT, rgb
from app.core.words import amount
from hatnet.timing import Measured

LINES = {"MHSA": dict(color="#7E8CA0", width=2.5), "H-MHSA": dict(color=LIGHT.ink, width=4)}
MARKS = {"MHSA": dict(symbol="square-open", size=11, line=dict(width=2.5)), "H-MHSA": dict(symbol="circle", size=9)}
MACS = "multiply-adds (MACs)"
LOGARITHMIC = " (logarithmic)"


def over_tokens(measured: Mapping[int, Mapping[str, Measured]], formulas: Mapping[str, np.ndarray]) -> go.Figure:
    """Time of one attention layer against the number of tokens, both axes logarithmic: measured with its spread, computed dotted.

    measured: tokens down -> mechanism ("MHSA", "H-MHSA") -> measurement. formulas: mechanism -> milliseconds at each of these sides.
    """
    tokens, traces = [side**2 for side in measured], []
    for name, formula in formulas.items():
        colour = LINES[name]["color"]
        found = [at[name] for at in measured.values()]
        values, halves = [one.milliseconds for one in found], [one.spread / 2 for one in found]
        below = [min(half, 0.6 * value) for half, value in zip(halves, values, strict=True)]  # above 0, as the axis is logarithmic
        spread = dict(array=halves, arrayminus=below, symmetric=False, color=colour, thickness=1.2, width=3)
        both = dict(type="scatter", x=tokens, line=LINES[name])
        traces += [
            both
            | dict(
                y=formula,
                name=f"{name}, by its MACs",
                mode="lines",
                line=LINES[name] | dict(width=2, dash="dot"),
                hovertemplate=f"%{{x:,}} tokens: %{{y:.3r}} ms<extra>{name}, by its MACs</extra>",
            ),
            both
            | dict(
                y=values,
                error_y=spread,
                name=f"{name}, measured",
                mode="markers+lines",
                marker=MARKS[name] | dict(color=colour),
                hovertemplate=f"%{{x:,}} tokens: %{{y:,.3r}} ms<extra>{name}, measured</extra>",
            ),
        ]
    axis = dict(type="log", gridcolor=LIGHT.line, zeroline=False)
    x = axis | dict(title="tokens, down × across" + LOGARITHMIC, tickvals=tokens, ticktext=[f"{side}²" for side in measured])
    y = axis | dict(title="milliseconds" + LOGARITHMIC, tickformat="~g", dtick=1)
    return _figure(traces, x, y, legend=dict(entrywidth=190))


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
    most = 1.1 * float(total[g >= 3].max())  # below G = 3 the curve climbs so steeply that the rest would be flat
    hover = f"the authors' G = {trained}<extra></extra>"
    dotted = dict(color=LIGHT.ink, dash="dot", width=2)
    line = dict(type="scatter", x=[trained, trained], y=[0, most], mode="lines", line=dotted, hovertemplate=hover)
    star = dict(symbol="star", size=17, color=LIGHT.ink, line=dict(color=LIGHT.page, width=1.5))
    hover = f"cheapest: G about {best:.1f}, {amount(low)} MACs<extra></extra>"
    point = dict(type="scatter", x=[best], y=[low], mode="markers", marker=star, hovertemplate=hover)
    traces += [line | dict(name=f"the authors' G = {trained}"), point | dict(name=f"cheapest: G = {best:.1f}")]
    axis = dict(gridcolor=LIGHT.line, zeroline=False)
    x = axis | dict(title="G = G₁ = G₂, in tokens", range=[float(g[0]), float(g[-1])], tickvals=[1, *range(4, int(g[-1]) + 1, 4)])
    y = axis | dict(title=MACS + (", cut off above" if total.max() > most else ""), range=[0, most], tickformat="~s")
    return _figure(traces, x, y, legend=dict(entrywidth=180))


def over_settings(macs: np.ndarray, best: float, trained: tuple[int, int]) -> go.Figure:
    """Eq. 15 for every (G1, G2): macs [G1, G2], both from 1. A darker grey costs more, on a logarithmic scale.

    best: the cheapest G on the diagonal. trained: the authors' (G1, G2).
    """
    side = len(macs)
    numbers = list(range(1, side + 1))
    stops = [[0, _pale(LIGHT.line, LIGHT.page)], [1, LIGHT.muted]]
    hover = "G₁ = %{y}, G₂ = %{x}: %{customdata:.3s} MACs<extra></extra>"
    logs = np.log10(macs)
    ticks = [*_round_numbers(float(macs.min()), float(macs.max()))]
    bar = dict(
        title=dict(text="MACs" + LOGARITHMIC, side="right", font=dict(color=LIGHT.ink, size=13)),
        tickvals=np.log10(ticks).tolist(),
        ticktext=[f"{tick / 1e6:g} M" for tick in ticks],
        tickfont=dict(color=LIGHT.ink, size=13),
        thickness=14,
    )
    heat = dict(type="heatmap", z=logs, x=numbers, y=numbers, colorscale=stops, colorbar=bar, customdata=macs)
    ends = [0.5 - side / 50, side + 0.5 + side / 50]
    dots = dict(color=LIGHT.ink, dash="dot", width=1.5)
    diagonal = dict(type="scatter", x=ends, y=ends, mode="lines", line=dots, hoverinfo="skip", name="G₁ = G₂")
    traces = [heat | dict(xgap=1, ygap=1, hovertemplate=hover), diagonal]
    low = np.unravel_index(macs.argmin(), macs.shape)
    marks = [("cheapest G₁ = G₂", (best, best), "star", 14), ("cheapest of all", (low[0] + 1, low[1] + 1), "square-open", 14)]
    marks += [("the authors'", trained, "diamond", 12)]
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
    tick = max(1, side // 6)
    axis = dict(showgrid=False, zeroline=False, range=ends, tickvals=[1, *range(tick, side + 1, tick)])
    x, y = axis | dict(title="G₂, side of a cell in tokens"), axis | dict(title="G₁, side of a window in tokens")
    return _figure(traces, x, y, height=460, legend=dict(entrywidth=130))


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times a power of ten, between two ends."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    return [factor * 10.0**power for power in powers for factor in (1, 2, 5) if low <= factor * 10.0**power <= high]


def _pale(colour: str, ground: str) -> str:
    """Two fifths of a colour over the ground."""
    return "#" + "".join(f"{round(0.4 * a + 0.6 * b):02X}" for a, b in zip(rgb(colour), rgb(ground), strict=True))


def _figure(traces: list[dict], x: dict, y: dict, height: int = 400, legend: dict | None = None) -> go.Figure:
    """A chart made at once: Plotly checks a whole figure several times faster than its parts one by one. legend: more of its settings."""
    font = dict(color=LIGHT.ink, size=13)

    def axis(settings: dict) -> dict:
        return settings | dict(fixedrange=True, tickfont=font, title=dict(text=settings.get("title"), font=font))

    return go.Figure(
        data=traces,
        layout=dict(
            xaxis=axis(x),
            yaxis=axis(y),
            margin=dict(l=8, r=12, t=8, b=8),
            height=height,
            legend=dict(orientation="h", x=0, y=1.02, yanchor="bottom", traceorder="normal", font=font) | (legend or {}),
            dragmode=False,
            plot_bgcolor="rgba(0,0,0,0)",
            paper_bgcolor="rgba(0,0,0,0)",
            hoverlabel=dict(bgcolor=LIGHT.page, bordercolor=LIGHT.line, font=dict(color=LIGHT.ink, size=14)),
        ),
    )
