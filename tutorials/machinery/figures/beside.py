"""Several figures of this package as one, side by side: for notebooks, whose cells show one figure each."""

import copy

import plotly.graph_objects as go

from app.core.colours import LIGHT, Colours

GAP = 0.05  # of the whole width, between two figures
TOP = 44  # pixels for the titles


def beside(figures: dict[str, go.Figure], theme: Colours = LIGHT, height: int = 280) -> go.Figure:
    """The figures in one row, each under its title. Every figure has one x and one y axis.

    height: of each, in pixels, without its title and what stands in its lower margin. A title may hold a line break (<br>).
    """
    count = len(figures)
    wide = (1 - GAP * (count - 1)) / count
    data, layout, bottom = [], {"shapes": [], "images": [], "annotations": []}, 0
    for index, (title, figure) in enumerate(figures.items()):
        suffix = "" if index == 0 else str(index + 1)
        x, y = f"x{suffix}", f"y{suffix}"
        part = copy.deepcopy(figure.to_plotly_json())
        left = index * (wide + GAP)
        for trace in part["data"]:
            if bar := trace.get("marker", {}).get("colorbar"):  # below its own map
                bar |= {"x": left + wide / 2, "len": bar["len"] * wide}
            data.append(trace | {"xaxis": x, "yaxis": y})
        bottom = max(bottom, part["layout"].get("margin", {}).get("b", 0))
        for name in ("shapes", "images", "annotations"):
            for item in part["layout"].get(name, ()):
                # "x" and "x domain" become "x2" and "x2 domain"; an annotation without a reference means "x".
                refs = {"xref": item.get("xref", "x"), "yref": item.get("yref", "y")}
                layout[name].append(item | {"xref": refs["xref"].replace("x", x, 1), "yref": refs["yref"].replace("y", y, 1)})
        layout[f"xaxis{suffix}"] = part["layout"].get("xaxis", {}) | {"domain": [left, left + wide], "anchor": y}
        tied = {"scaleanchor": x} if "scaleanchor" in part["layout"].get("yaxis", {}) else {}
        layout[f"yaxis{suffix}"] = part["layout"].get("yaxis", {}) | {"domain": [0, 1], "anchor": x} | tied
        words = dict(
            text=f"<b>{title}</b>", x=left + wide / 2, y=1, xref="paper", yref="paper", xanchor="center", yanchor="bottom", yshift=6
        )
        layout["annotations"].append(words | dict(showarrow=False, font=dict(size=13, color=theme.ink)))
        kept = {name: part["layout"][name] for name in ("plot_bgcolor", "hoverlabel", "dragmode", "font") if name in part["layout"]}
        layout = kept | layout
    width = round(height * count / (1 - GAP * (count - 1))) if count > 1 else height
    margin = dict(l=0, r=0, t=TOP, b=bottom)
    return go.Figure(data, layout | dict(width=width, height=height + TOP + bottom, margin=margin, showlegend=False))
