"""Charts of the Cost view, from plain numbers. Ours is ink and thick; hue means local or global."""

import numpy as np
import plotly.graph_objects as go

from app.figures.colours import Colours, rgb

LABELS = {"MHSA": "MHSA, Eq. 5", "H-MHSA": "H-MHSA, Eq. 15", "windows": "Swin: windows only", "spatial reduction": "PVT: reduced keys only"}
TICKS = (8, 14, 28, 56, 112, 224)


def amount(macs: float) -> str:
    """MACs in words: 4,620,288 -> "4.6 million"."""
    for size, name in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if macs >= size:
            value = macs / size
            return f"{value:,.0f} {name}" if value >= 100 else f"{value:.3g} {name}"
    return f"{macs:.0f}"


def against_tokens(
    sides: np.ndarray,
    curves: dict[str, np.ndarray],
    here: int,
    values: tuple[float, float],
    crossing: float | None,
    unit: str,
    points: dict[str, tuple[list[int], list[float], list[float]]],
    theme: Colours,
) -> go.Figure:
    """Each mechanism's cost against the number of tokens, both axes logarithmic.

    sides [n]: tokens down. curves: mechanism -> [n], in `unit` ("MACs", "ms" or "MB"). here: the side that is looked at; values:
    of MHSA and H-MHSA there. crossing: tokens from which H-MHSA is cheaper. points: what was measured, mechanism -> (sides, values,
    spreads).
    """
    looks = {
        "MHSA": dict(color=theme.muted, width=3),
        "H-MHSA": dict(color=theme.ink, width=4),
        "windows": dict(color=theme.local, width=2.5, dash="dash"),
        "spatial reduction": dict(color=theme.global_, width=2.5, dash="dot"),
    }
    figure = go.Figure()
    for name, look in looks.items():
        if name in curves:
            figure.add_scatter(
                x=sides**2,
                y=curves[name],
                name=LABELS[name],
                mode="lines",
                showlegend=not points,
                line=look | ({"width": 1.5} if points else {}),
                opacity=0.55 if points else 1,
                hovertemplate=f"%{{x:,}} tokens: %{{y:.3s}} {unit}<extra>{LABELS[name]}</extra>",
            )
        if name in points:
            at, value, spread = points[name]
            figure.add_scatter(
                x=[side**2 for side in at],
                y=value,
                error_y=_spread(value, spread, look["color"]),
                name=LABELS[name].split(",")[0],
                mode="markers+lines",
                marker=dict(color=look["color"], size=9),
                line=look,
                hovertemplate=f"%{{x:,}} tokens: %{{y:.3g}} {unit}, measured<extra>{LABELS[name]}</extra>",
            )
    if not points:
        full, ours = values
        figure.add_scatter(
            x=[here**2, here**2],
            y=[full, ours],
            mode="lines+markers",
            marker=dict(size=11, color=[theme.muted, theme.ink], line=dict(color=theme.page, width=2)),
            line=dict(color=theme.muted, width=1),
            showlegend=False,
            hoverinfo="skip",
        )
        word = f"÷ {full / ours:.2g}" if full >= ours else f"× {ours / full:.2g}"
        # Above the curves; on the smallest maps there is no room at the left of the point.
        left = here > 10
        figure.add_annotation(
            x=np.log10(here**2),
            y=np.log10(max(full, ours)),
            text=f"<b>{word}</b>",
            showarrow=False,
            xanchor="right" if left else "left",
            xshift=-10 if left else 6,
            yshift=16,
            font=dict(size=17, color=theme.ink),
        )
        if crossing and sides[0] ** 2 <= crossing <= sides[-1] ** 2:
            height = np.interp(np.log(crossing), np.log(sides**2), np.log10(curves["H-MHSA"]))
            figure.add_annotation(
                x=np.log10(crossing),
                y=float(height),
                text=f"cheaper from<br>{crossing:,.0f} tokens",
                ax=90,
                ay=42,
                arrowcolor=theme.muted,
                font=dict(color=theme.ink, size=13),
                bgcolor=theme.page,
            )
    axis = dict(type="log", gridcolor=theme.line, zeroline=False)
    shown = [side for side in TICKS if sides[0] <= side <= sides[-1]]
    ticks = dict(tickvals=[side**2 for side in shown], ticktext=[f"{side}²" for side in shown])
    ends = np.log10([sides[0] ** 2 * 0.8, sides[-1] ** 2 * 1.25])
    figure.update_xaxes(**axis, **ticks, title="tokens, down × across", range=ends.tolist())
    figure.update_yaxes(**axis, title=unit, tickformat="~s" if unit == "MACs" else "~g", dtick=1)
    return _calm(figure, theme, legend=dict(orientation="h", x=0, y=1.02, yanchor="bottom"))


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
    pale = {"local": _mixed(theme.local, theme.page), "global": _mixed(theme.global_, theme.page)}
    looks = {
        "local projections": pale["local"],
        "local products": theme.local,
        "global projections": pale["global"],
        "global products": theme.global_,
    }
    figure = go.Figure()
    for name, colour in looks.items():
        figure.add_scatter(
            x=g,
            y=terms[name],
            name=name,
            stackgroup="cost",
            line=dict(width=0),
            fillcolor=colour,
            hovertemplate=f"G = %{{x:.1f}}: %{{y:.3s}} MACs<extra>{name}</extra>",
        )
    total = sum(terms.values())
    low = float(np.interp(best, g, total))
    figure.add_scatter(
        x=[best],
        y=[low],
        mode="markers",
        marker=dict(symbol="star", size=17, color=theme.ink, line=dict(color=theme.page, width=1.5)),
        showlegend=False,
        hovertemplate=f"cheapest: G about {best:.1f}<extra></extra>",
    )
    figure.add_annotation(
        x=best,
        y=low,
        text=f"<b>about {best:.1f} is cheapest</b><br>{amount(low)}",
        ay=-62,
        ax=30 if best < 0.6 * g[-1] else -50,
        arrowcolor=theme.ink,
        font=dict(color=theme.ink, size=13),
        bgcolor=theme.page,
    )
    if trained[0] == trained[1]:
        figure.add_vline(x=trained[0], line=dict(color=theme.muted, dash="dot", width=1.5))
    figure.update_xaxes(title="G", gridcolor=theme.line, zeroline=False, range=[g[0], g[-1]])
    figure.update_yaxes(title="MACs", gridcolor=theme.line, zeroline=False, range=[0, most], tickformat="~s")
    return _calm(figure, theme, legend=dict(orientation="h", x=0, y=1.02, yanchor="bottom", traceorder="normal"))


def over_grids(costs: np.ndarray, best: float, trained: tuple[int, int], now: tuple[int, int], theme: Colours) -> go.Figure:
    """Eq. 15 for every (G1, G2): costs [G1, G2] from 1 on. Grey: the darker, the dearer. best: the cheapest G on the diagonal."""
    side = len(costs)
    numbers = list(range(1, side + 1))
    stops = [[0, theme.page], [1, theme.muted]]
    figure = go.Figure(
        go.Heatmap(
            z=np.log10(costs),
            x=numbers,
            y=numbers,
            colorscale=stops,
            showscale=False,
            customdata=costs,
            xgap=1,
            ygap=1,
            hovertemplate="G₁ = %{y}, G₂ = %{x}: %{customdata:.3s} MACs<extra></extra>",
        )
    )
    ends = [0.5 - side / 50, side + 0.5 + side / 50]
    figure.add_scatter(x=ends, y=ends, mode="lines", line=dict(color=theme.ink, dash="dot", width=1.5), hoverinfo="skip", showlegend=False)
    low = np.unravel_index(costs.argmin(), costs.shape)
    marks = [("Eq. 15 alone", (low[0] + 1, low[1] + 1), "square-open", 14), ("cheapest G₁ = G₂", (best, best), "star", 14)]
    marks += [("trained", trained, "diamond", 12), ("now", now, "circle-open", 20)]
    for name, (g1, g2), shape, size in marks:
        colour = theme.query if name == "now" else theme.ink
        edge = dict(width=2.5, color=colour) if "open" in shape else dict(width=1, color=theme.page)
        figure.add_scatter(
            x=[min(g2, side + 0.4)],
            y=[min(g1, side + 0.4)],
            mode="markers",
            name=name,
            marker=dict(symbol=shape, size=size, color=colour, line=edge),
            hovertemplate=f"{name}: G₁ = {g1:.3g}, G₂ = {g2:.3g}<extra></extra>",
        )
    axis = dict(showgrid=False, zeroline=False, range=ends, dtick=max(1, side // 8), tick0=1)
    figure.update_xaxes(**axis, title="G₂, side of a cell")
    figure.update_yaxes(**axis, title="G₁, side of a window")
    return _calm(figure, theme, legend=dict(orientation="h", x=0, y=1.02, yanchor="bottom"))


def per_stage(parts: dict[tuple[int, str], tuple[int, int]], groups: tuple[str, ...], theme: Colours) -> go.Figure:
    """The model's MACs, stage by stage. parts: (stage, group) -> linear and products; products are hatched."""
    colour = dict(zip(groups, (theme.local, theme.global_, theme.ink, theme.muted, theme.line), strict=True))
    stages = sorted({stage for stage, _ in parts if stage}) + ([0] if any(stage == 0 for stage, _ in parts) else [])
    names = ["classifier" if stage == 0 else "stage 1, stem" if stage == 1 else f"stage {stage}" for stage in stages]
    figure = go.Figure()
    for group in groups:
        hatch = dict(shape="/", size=6, solidity=0.3, bgcolor=colour[group], fgcolor=theme.page)
        for index, word in enumerate(("", ", products")):
            values = [parts.get((stage, group), (0, 0))[index] for stage in stages]
            if any(values):
                figure.add_bar(
                    y=names,
                    x=values,
                    orientation="h",
                    name=group + word,
                    marker=dict(color=colour[group], pattern=hatch if index else {}),
                    showlegend=not index,
                    hovertemplate=f"%{{y}}: %{{x:.3s}} MACs<extra>{group}{word}</extra>",
                )
    figure.update_layout(barmode="stack", bargap=0.35)
    figure.update_xaxes(title="MACs", gridcolor=theme.line, zeroline=False, tickformat="~s")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return _calm(figure, theme, legend=dict(orientation="h", x=0, y=1.02, yanchor="bottom"))


def _mixed(colour: str, ground: str) -> str:
    """A colour, two fifths of it over the ground."""
    return "#" + "".join(f"{round(0.4 * a + 0.6 * b):02X}" for a, b in zip(rgb(colour), rgb(ground), strict=True))


def _calm(figure: go.Figure, theme: Colours, legend: dict) -> go.Figure:
    font = dict(color=theme.ink, size=13)
    figure.update_layout(
        margin=dict(l=8, r=12, t=8, b=8),
        height=400,
        legend=legend | dict(font=font, title=None),
        dragmode=False,
        plot_bgcolor="rgba(0,0,0,0)",
        paper_bgcolor="rgba(0,0,0,0)",
        hoverlabel=dict(bgcolor=theme.page, bordercolor=theme.line, font=dict(color=theme.ink, size=14)),
    )
    figure.update_xaxes(fixedrange=True, tickfont=font, title_font=font)
    figure.update_yaxes(fixedrange=True, tickfont=font, title_font=font)
    return figure
