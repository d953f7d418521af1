"""Cost over tokens, over settings and along a diagonal, as Plotly charts. H-MHSA is thick and ink-coloured; hue means local or global."""

import numpy as np
import plotly.graph_objects as go

from app.core.colours import Colours, rgb
from app.core.words import amount, significant
from app.views.cost import costs
from app.views.cost.costs import SIDES, LayerCost
from hatnet import complexity, timing

LABELS = {
    "MHSA": "plain, Eq. 5",
    "H-MHSA": "hierarchical, Eq. 15",
    "windows": "Swin: windows only",
    "spatial reduction": "PVT: reduced keys only",
}
AXIS_TITLES = {"MACs": "multiply-adds (MACs)"}
TICKS = (8, 14, 28, 56, 112, 224)


def tokens_figure(shown: str, layer: LayerCost, measured: dict[int, list[timing.Measured]], theme: Colours) -> tuple[go.Figure, str]:
    """Cost over the number of tokens, and the chart's text.

    shown: "Multiply-adds", "Time" or "Memory". measured: tokens down -> one for each mechanism.
    """
    c, g1, g2, _ = layer.setting
    at_layer = layer.mhsa, layer.hmhsa
    if shown == "Multiply-adds":
        alt = f"Four curves over the number of tokens. At {layer.n} × {layer.n}: MHSA {amount(layer.mhsa)}, H-MHSA {amount(layer.hmhsa)}."
        return against_tokens(SIDES, costs.curves(c, g1, g2), layer.n, at_layer, layer.crossover, "MACs", {}, theme), alt
    largest = max(measured)
    sides = SIDES[largest >= SIDES]
    points: dict[str, tuple[list[int], list[float], list[float]]] = {}
    for side, mechanisms in measured.items():
        for one in mechanisms:
            value, spread = (one.milliseconds, one.spread / 2) if shown == "Time" else (one.peak_bytes / 1e6, 0.0)
            for numbers, number in zip(points.setdefault(one.mechanism, ([], [], [])), (side, value, spread), strict=True):
                numbers.append(number)
    # The formulas, thin, in the measured unit: scaled to what plain attention took on the largest map.
    unit, rate = "ms" if shown == "Time" else "MB", points["MHSA"][1][-1] / complexity.mhsa(largest, largest, c)
    formulas = {name: macs * rate for name, macs in costs.curves(c, g1, g2, sides).items()}
    last = ", ".join(f"{LABELS[name]} {significant(values[-1])} {unit}" for name, (_, values, _) in points.items())
    alt = f"{shown} of one attention layer, measured here. At {largest} × {largest} tokens: {last}."
    return against_tokens(sides, formulas, layer.n, at_layer, None, unit, points, theme), alt


def against_tokens(
    sides: np.ndarray,
    curves: dict[str, np.ndarray],
    n: int,
    values: tuple[float, float],
    crossover: float | None,
    unit: str,
    points: dict[str, tuple[list[int], list[float], list[float]]],
    theme: Colours,
) -> go.Figure:
    """Each mechanism's cost against the number of tokens, both axes logarithmic.

    sides: tokens down. curves: mechanism -> its cost at each side, in `unit` ("MACs", "ms" or "MB"). n: the side that is marked;
    values: the costs of MHSA and H-MHSA there. crossover: tokens from which H-MHSA is cheaper. points: measurements, mechanism ->
    (sides, values, spreads).
    """
    styles = {
        "MHSA": dict(color=theme.muted, width=3),
        "H-MHSA": dict(color=theme.ink, width=4),
        "windows": dict(color=theme.local, width=2.5, dash="dash"),
        "spatial reduction": dict(color=theme.global_, width=2.5, dash="dot"),
    }
    traces, notes = [], []
    for name, style in styles.items():
        if name in curves:
            thin = dict(line=style | {"width": 1.5}, opacity=0.55) if points else dict(line=style)
            hover = f"%{{x:,}} tokens: %{{y:.3s}} {unit}<extra>{LABELS[name]}</extra>"
            line = dict(type="scatter", x=sides**2, y=curves[name], name=LABELS[name], mode="lines", showlegend=not points)
            traces.append(line | thin | dict(hovertemplate=hover))
        if name in points:
            measured_sides, value, spread = points[name]
            traces.append(
                dict(
                    type="scatter",
                    x=[side**2 for side in measured_sides],
                    y=value,
                    error_y=_spread(value, spread, style["color"]),
                    name=LABELS[name].split(",")[0],
                    mode="markers+lines",
                    marker=dict(color=style["color"], size=9),
                    line=style,
                    hovertemplate=f"%{{x:,}} tokens: %{{y:,.3r}} {unit}, measured<extra>{LABELS[name]}</extra>",
                )
            )
    if not points:
        mhsa, hmhsa = values
        dots = dict(size=11, color=[theme.muted, theme.ink], line=dict(color=theme.page, width=2))
        line = dict(color=theme.muted, width=1)
        both = dict(type="scatter", x=[n**2, n**2], y=[mhsa, hmhsa], mode="lines+markers", marker=dots, line=line)
        traces.append(both | dict(showlegend=False, hoverinfo="skip"))
        ratio = f"÷ {significant(mhsa / hmhsa, 2)}" if mhsa >= hmhsa else f"× {significant(hmhsa / mhsa, 2)}"
        # Above the curves; on the smallest maps there is no room to the left of the point.
        note = dict(x=np.log10(n**2), y=np.log10(max(mhsa, hmhsa)), text=f"<b>{ratio}</b>", showarrow=False, yshift=16)
        side = dict(xanchor="right", xshift=-10) if n > 10 else dict(xanchor="left", xshift=6)
        notes.append(note | side | dict(font=dict(size=17, color=theme.ink)))
        if crossover and sides[0] ** 2 <= crossover <= sides[-1] ** 2:
            height = float(np.interp(np.log(crossover), np.log(sides**2), np.log10(curves["H-MHSA"])))
            note = dict(x=np.log10(crossover), y=height, text=f"cheaper from<br>{crossover:,.0f} tokens", ax=90, ay=42)
            notes.append(note | dict(arrowcolor=theme.muted, font=dict(color=theme.ink, size=13), bgcolor=theme.page))
    axis = dict(type="log", gridcolor=theme.line, zeroline=False)
    shown = [side for side in TICKS if sides[0] <= side <= sides[-1]]
    ticks = dict(tickvals=[side**2 for side in shown], ticktext=[f"{side}²" for side in shown])
    ends = np.log10([sides[0] ** 2 * 0.8, sides[-1] ** 2 * 1.25]).tolist()
    x = axis | ticks | dict(title="tokens, down × across", range=ends)
    y = axis | dict(title=AXIS_TITLES.get(unit, unit), tickformat="~s" if unit == "MACs" else "~g", dtick=1)
    return _figure(traces, theme, x, y, annotations=notes)


def _spread(values: list[float], spreads: list[float], colour: str) -> dict | None:
    """Bars of the spread, kept above 0 because the axis is logarithmic."""
    if not any(spreads):
        return None
    below = [min(spread, 0.6 * value) for value, spread in zip(values, spreads, strict=True)]
    return dict(array=spreads, arrayminus=below, symmetric=False, color=colour, thickness=1.2, width=3)


def along_diagonal(
    g: np.ndarray, terms: dict[str, np.ndarray], best: float, trained: tuple[int, int], most: float, theme: Colours
) -> go.Figure:
    """The four terms of Eq. 15 stacked, with G1 = G2 = G. best: the cheapest G; trained: (G1, G2); most: where the axis ends."""
    fills = {
        "local projections": _pale(theme.local, theme.page),
        "local products": theme.local,
        "global projections": _pale(theme.global_, theme.page),
        "global products": theme.global_,
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
    low = float(np.interp(best, g, sum(terms.values())))
    star = dict(symbol="star", size=17, color=theme.ink, line=dict(color=theme.page, width=1.5))
    hover = f"cheapest: G about {best:.1f}<extra></extra>"
    traces.append(dict(type="scatter", x=[best], y=[low], mode="markers", marker=star, showlegend=False, hovertemplate=hover))
    note = dict(x=best, y=low, text=f"<b>about {best:.1f} is cheapest</b><br>{amount(low)}", ay=-62, ax=30 if best < 0.6 * g[-1] else -50)
    note |= dict(arrowcolor=theme.ink, font=dict(color=theme.ink, size=13), bgcolor=theme.page)
    shapes = []
    if trained[0] == trained[1]:
        line = dict(color=theme.muted, dash="dot", width=1.5)
        shapes.append(dict(type="line", x0=trained[0], x1=trained[0], y0=0, y1=1, yref="paper", line=line))
    axis = dict(gridcolor=theme.line, zeroline=False)
    x = axis | dict(title="G", range=[float(g[0]), float(g[-1])])
    y = axis | dict(title=AXIS_TITLES["MACs"], range=[0, most], tickformat="~s")
    return _figure(traces, theme, x, y, annotations=[note], shapes=shapes)


def over_settings(macs: np.ndarray, best: float, trained: tuple[int, int], now: tuple[int, int], theme: Colours) -> go.Figure:
    """Eq. 15 for every (G1, G2): macs [G1, G2], both from 1. A darker grey costs more. best: the cheapest G on the diagonal."""
    side = len(macs)
    numbers = list(range(1, side + 1))
    stops = [[0, theme.page], [1, theme.muted]]
    hover = "G₁ = %{y}, G₂ = %{x}: %{customdata:.3s} MACs<extra></extra>"
    heat = dict(type="heatmap", z=np.log10(macs), x=numbers, y=numbers, colorscale=stops, showscale=False, customdata=macs)
    ends = [0.5 - side / 50, side + 0.5 + side / 50]
    dots = dict(color=theme.ink, dash="dot", width=1.5)
    diagonal = dict(type="scatter", x=ends, y=ends, mode="lines", line=dots, hoverinfo="skip", showlegend=False)
    traces = [heat | dict(xgap=1, ygap=1, hovertemplate=hover), diagonal]
    low = np.unravel_index(macs.argmin(), macs.shape)
    marks = [("Eq. 15 alone", (low[0] + 1, low[1] + 1), "square-open", 14), ("cheapest G₁ = G₂", (best, best), "star", 14)]
    marks += [("trained", trained, "diamond", 12), ("now", now, "circle-open", 20)]
    for name, (g1, g2), shape, size in marks:
        colour = theme.query if name == "now" else theme.ink
        edge = dict(width=2.5, color=colour) if "open" in shape else dict(width=1, color=theme.page)
        traces.append(
            dict(
                type="scatter",
                x=[min(g2, side + 0.4)],
                y=[min(g1, side + 0.4)],
                mode="markers",
                name=name,
                marker=dict(symbol=shape, size=size, color=colour, line=edge),
                hovertemplate=f"{name}: G₁ = {g1:.3g}, G₂ = {g2:.3g}<extra></extra>",
            )
        )
    axis = dict(showgrid=False, zeroline=False, range=ends, dtick=max(1, side // 8), tick0=1)
    return _figure(traces, theme, axis | dict(title="G₂, side of a cell"), axis | dict(title="G₁, side of a window"))


def _pale(colour: str, ground: str) -> str:
    """Two fifths of a colour over the ground."""
    return "#" + "".join(f"{round(0.4 * a + 0.6 * b):02X}" for a, b in zip(rgb(colour), rgb(ground), strict=True))


def _figure(traces: list[dict], theme: Colours, x: dict, y: dict, **layout) -> go.Figure:
    """A chart made at once: Plotly checks a whole figure several times faster than its parts one by one."""
    font = dict(color=theme.ink, size=13)

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
            hoverlabel=dict(bgcolor=theme.page, bordercolor=theme.line, font=dict(color=theme.ink, size=14)),
            **layout,
        ),
    )
