"""Attention maps on the photograph: the local one inside its window, enlarged, and the global one over the pooled cells.

Axes are tokens: token (y, x) covers y..y+1 down and x..x+1 across, row 0 at the top. Rows and columns that a reader sees count
from 1. A photograph is uint8 [height, width, 3] and covers the whole token grid; it is drawn grey and dark, so that colour is
always weight. Weights are probabilities 0..1. Below every map stands its scale; maps that a reader is to compare are given the same top,
`most`.
"""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from app.core.colours import GLOBAL_SCALE, GLOBAL_SIGNED, LIGHT, LOCAL_SCALE, LOCAL_SIGNED, ON_PHOTO
from app.core.overlay import FULL, Box, cell_box, enlarged_box, times_even

PRINTED = 0.04  # weights above this are printed in the enlarged window
VEIL = [[0, "rgba(9,12,16,0.93)"], [1, "rgba(9,12,16,0)"]]
GROUND = 400  # pixels: more of the photograph would only make the figure heavy, and one is sent with every click
SIDE = 280  # pixels that a figure is designed for: decides whether numbers fit into cells
BAR = 46  # pixels below a map for its scale, with what the scale is of
DARK = 38  # the grey that the scale's colours lie on, as they lie on the dark photograph
FADED = 1.8  # the part of a colour scale that `marked_map` uses is 1/FADED, so that the photograph shows through the largest, too


def local_map(
    weights: np.ndarray,
    window: tuple[int, int, int, int],
    token: tuple[int, int],
    photo: np.ndarray,
    grid: tuple[int, int],
    most: float | None = None,
) -> go.Figure:
    """The weights [height, width] that `token` gives to the tokens of its window (top, left, height, width in tokens).

    The window is outlined in place and drawn once more, enlarged, over the emptier side; a large window stays in place.
    most: the top of the scale, 0..1; without it, the largest weight.
    """
    most = most or float(weights.max())
    sheet = _Sheet(grid)
    _picture(sheet, photo, (0, 0, *grid))
    enlarged = enlarged_box(window, grid)
    _heat(sheet, weights, window, LOCAL_SCALE, _tokens(window), most)
    _outline(sheet, window, ON_PHOTO.local, 1.5)
    if enlarged:
        _picture(sheet, _crop(photo, window, grid), enlarged)
        _heat(sheet, weights, enlarged, LOCAL_SCALE, _tokens(window), most)
        for start, end in _connectors(window, enlarged):
            line = dict(color=ON_PHOTO.local, width=1)
            sheet.shapes.append(dict(type="line", y0=start[0], x0=start[1], y1=end[0], x1=end[1], line=line))
        _outline(sheet, enlarged, ON_PHOTO.local, 2)
    shown = enlarged or window
    cell = shown[2] / window[2], shown[3] / window[3]
    numbers = min(cell[0] / grid[0], cell[1] / grid[1]) * SIDE >= 28  # pixels: where a number of 12 px fits into a cell
    if numbers:
        _numbers(sheet, weights, shown, cell, most)
    y, x = shown[0] + (token[0] - window[0] + 0.5) * cell[0], shown[1] + (token[1] - window[1] + 0.5) * cell[1]
    _ring(sheet, y, x, min(0.4 * cell[1], 0.05 * grid[1]) if numbers else max(0.75 * cell[1], 0.05 * grid[1]))
    _scale(sheet, LOCAL_SCALE, (0, 100 * most), "weight, %")
    return sheet.figure()


def global_map(
    weights: np.ndarray, cell: int, token: tuple[int, int], photo: np.ndarray, grid: tuple[int, int], most: float | None = None
) -> go.Figure:
    """The weights [rows, columns] that `token` gives to the pooled cells, each `cell` x `cell` tokens (fewer at the far edges).

    most: the top of the scale, 0..1; without it, the largest weight.
    """
    most = most or float(weights.max())
    sheet = _Sheet(grid)
    _picture(sheet, photo, (0, 0, *grid))
    names = [[f"cell: row {row + 1}, column {column + 1}" for column in range(weights.shape[1])] for row in range(weights.shape[0])]
    _heat(sheet, weights, (0, 0, *grid), GLOBAL_SCALE, names, most, cell)
    row, column = np.unravel_index(weights.argmax(), weights.shape)
    _outline(sheet, cell_box((row, column), cell, grid), "#FFFFFF", 2)
    _ring(sheet, token[0] + 0.5, token[1] + 0.5, _radius(grid))
    _scale(sheet, GLOBAL_SCALE, (0, 100 * most), "weight, %")
    return sheet.figure()


def compared_map(
    shares: np.ndarray, kind: str, most: float, token: tuple[int, int], photo: np.ndarray, boxes: Sequence[Box], signed: bool = False
) -> go.Figure:
    """Weights per token [h, w], or (`signed`) their difference, on a scale that several maps share.

    kind: "local" or "global". most: the top of the scale, 0..1. boxes: windows or cells to outline.
    """
    hue = {"local": (LOCAL_SCALE, LOCAL_SIGNED), "global": (GLOBAL_SCALE, GLOBAL_SIGNED)}[kind][signed]
    sheet = _whole(100 * shares, hue, (-100 * most if signed else 0, 100 * most), kind, token, photo, boxes)
    number = "%{z:+.2f} points" if signed else "%{z:.2f} %"
    sheet.traces[-1]["hovertemplate"] = f"%{{text}}<br><b>{number}</b> of the attention<extra></extra>"
    _scale(sheet, hue, (-100 * most if signed else 0, 100 * most), "difference, points" if signed else "weight, %")
    return sheet.figure()


def marked_map(
    values: np.ndarray,
    kind: str,
    token: tuple[int, int],
    photo: np.ndarray,
    words: str,
    boxes: Sequence[Box] = (),
    most: float | None = None,
) -> go.Figure:
    """Any numbers [h, w] from 0 up, or yes and no, one for each token, in the hue of "local" or "global".

    words: what they are, for hover and scale. most: the top of the scale; without it, the largest number.
    """
    top = most or max(float(values.max()), 1e-12)
    whole = LOCAL_SCALE if kind == "local" else GLOBAL_SCALE
    hue = [[stop * FADED, colour] for stop, colour in whole if stop * FADED < 1]
    hue.append([1, hue[-1][1]])
    ticks = None
    if values.dtype == bool:
        hue, ticks, top = [[0, hue[0][1]], [0.5, hue[0][1]], [0.5, hue[-1][1]], [1, hue[-1][1]]], {0.25: "no", 0.75: "yes"}, 1.0
    sheet = _whole(values.astype(float), hue, (0, top), kind, token, photo, boxes)
    sheet.traces[-1]["hovertemplate"] = f"%{{text}}<br>{words}: <b>%{{z:.3g}}</b><extra></extra>"
    _scale(sheet, hue, (0, top), words, ticks)
    return sheet.figure()


def describe(weights: np.ndarray, of: str, top: int = 0, left: int = 0) -> str:
    """What a map of weights [rows, columns] shows, in a sentence for readers who cannot see it.

    of: "token" or "cell". top, left: where the map's first row and column lie, for a window.
    """
    row, column = np.unravel_index(weights.argmax(), weights.shape)
    where = f"row {row + top + 1}, column {column + left + 1}"
    return f"Of {weights.shape[0]} by {weights.shape[1]} {of}s, the one in {where} gets the largest weight, {weights.max():.0%}."


def _whole(
    numbers: np.ndarray,
    colours: list,
    ends: tuple[float, float],
    kind: str,
    token: tuple[int, int],
    photo: np.ndarray,
    boxes: Sequence[Box],
) -> "_Sheet":
    """A sheet with numbers [h, w] as colours, from one end of the scale to the other, over the whole photograph."""
    grid = numbers.shape
    sheet = _Sheet(grid)
    _picture(sheet, photo, (0, 0, *grid))
    _heat(sheet, numbers / 100, (0, 0, *grid), colours, _tokens((0, 0, *grid)), 1)
    sheet.traces[-1] |= dict(z=numbers.tolist(), zmin=ends[0], zmax=ends[1], xgap=0, ygap=0)
    for box in boxes:
        _outline(sheet, box, ON_PHOTO.local if kind == "local" else "rgba(255,255,255,0.22)", 1.5 if kind == "local" else 0.5)
    _ring(sheet, token[0] + 0.5, token[1] + 0.5, _radius(grid))
    return sheet


def uncovered(importance: np.ndarray, photo: np.ndarray, ring: tuple[float, float] | None = None) -> go.Figure:
    """The photograph in colour under a black veil that a map [rows, columns] lifts.

    The veil is gone where a cell has FULL times an even share of the positive importance, or more: one scale for all maps.
    ring: where the map starts from, as fractions (y, x), if it does start from one token.
    """
    shares = times_even(importance)
    rows, columns = shares.shape
    sheet = _Sheet((rows, columns))
    whole = dict(source=_data_uri(Image.fromarray(photo)), x=0, y=0, sizex=columns, sizey=rows)
    sheet.images.append(whole | dict(xref="x", yref="y", sizing="stretch", layer="below"))
    sheet.traces.append(
        dict(
            type="heatmap",
            z=shares.tolist(),
            x=list(range(columns + 1)),
            y=list(range(rows + 1)),
            zmin=0,
            zmax=FULL,
            colorscale=VEIL,
            showscale=False,
            hovertemplate="row %{y:.0f}, column %{x:.0f}<br><b>%{z:.1f} times</b> an even share<extra></extra>",
        )
    )
    if ring:
        _ring(sheet, ring[0] * rows, ring[1] * columns, 0.05 * columns)
    _scale(sheet, VEIL, (0, FULL), "times an even share", ground=170)
    return sheet.figure()


@dataclass
class _Sheet:
    """A figure in the making. Plotly checks a whole figure at once faster than its parts one by one."""

    grid: tuple[int, int]
    traces: list[dict] = field(default_factory=list)
    shapes: list[dict] = field(default_factory=list)
    images: list[dict] = field(default_factory=list)

    def figure(self) -> go.Figure:
        height, width = self.grid
        axis = dict(visible=False, fixedrange=True, constrain="domain")
        return go.Figure(
            data=self.traces,
            layout=dict(
                shapes=self.shapes,
                images=self.images,
                xaxis=axis | dict(range=[0, width]),
                yaxis=axis | dict(range=[height, 0], scaleanchor="x", scaleratio=width / height),  # row 0 at the top
                margin=dict(l=0, r=0, t=0, b=BAR),
                width=SIDE,
                height=SIDE + BAR,
                plot_bgcolor="#1B1B1B",
                showlegend=False,
                dragmode=False,
                font=dict(family="Source Sans, Source Sans Pro, sans-serif", size=12),
                hoverlabel=dict(bgcolor=LIGHT.page, bordercolor=LIGHT.line, font=dict(color=LIGHT.ink, size=14)),
            ),
        )


def _picture(sheet: _Sheet, photo: np.ndarray, box: Box) -> None:
    top, left, height, width = box
    source = dict(source=grey(photo), x=left, y=top, sizex=width, sizey=height)
    sheet.images.append(source | dict(xref="x", yref="y", sizing="stretch", layer="below"))


def grey(photo: np.ndarray, side: int = GROUND) -> str:
    """The photograph in grey under 52 % black, as a data URI, at most `side` pixels each way."""
    image, kind = Image.fromarray(photo).convert("L").point([round(0.48 * value) for value in range(256)]), "jpeg"
    image.thumbnail((side, side), Image.Resampling.BILINEAR)
    if photo.shape[1] < 100:  # the few pixels that the model sees: the browser must not smooth them
        image, kind = image.resize((image.width * 12, image.height * 12), Image.Resampling.NEAREST), "png"
    return _data_uri(image, kind)


def _data_uri(image: Image.Image, kind: str = "jpeg") -> str:
    file = io.BytesIO()
    image.save(file, kind, quality=82)
    return f"data:image/{kind};base64," + base64.b64encode(file.getvalue()).decode()


def _crop(photo: np.ndarray, window: tuple[int, int, int, int], grid: tuple[int, int]) -> np.ndarray:
    down, across = photo.shape[0] / grid[0], photo.shape[1] / grid[1]
    top, left, height, width = window
    return photo[round(top * down) : round((top + height) * down), round(left * across) : round((left + width) * across)]


def _tokens(window: tuple[int, int, int, int]) -> list[list[str]]:
    top, left, height, width = window
    return [[f"token: row {top + y + 1}, column {left + x + 1}" for x in range(width)] for y in range(height)]


def _heat(
    sheet: _Sheet, weights: np.ndarray, box: Box, colours: list, names: list[list[str]], most: float, cell: int | None = None
) -> None:
    """Cells over a box. cell: their side where the last ones may be cut off by the box; without it they divide the box evenly."""
    top, left, height, width = box
    rows, columns = weights.shape
    if cell is None:
        down, across = np.linspace(0, height, rows + 1), np.linspace(0, width, columns + 1)
    else:
        down, across = np.minimum(np.arange(rows + 1) * cell, height), np.minimum(np.arange(columns + 1) * cell, width)
    sheet.traces.append(
        dict(
            type="heatmap",
            z=(weights * 100).tolist(),
            x=(left + across).tolist(),
            y=(top + down).tolist(),
            zmin=0,
            zmax=100 * most,
            colorscale=colours,
            showscale=False,
            xgap=1,
            ygap=1,
            text=names,
            hovertemplate="%{text}<br><b>%{z:.1f} %</b> of the attention<extra></extra>",
        )
    )


def _numbers(sheet: _Sheet, weights: np.ndarray, box: Box, cell: tuple[float, float], most: float) -> None:
    """Weights above 4 %, in %."""
    rows, columns = np.nonzero(weights > PRINTED)
    shown = weights[rows, columns]
    sheet.traces.append(
        dict(
            type="scatter",
            x=(box[1] + (columns + 0.5) * cell[1]).tolist(),
            y=(box[0] + (rows + 0.5) * cell[0]).tolist(),
            mode="text",
            text=[f"{100 * value:.0f}" for value in shown],
            # Strong cells are pale, so their numbers are dark.
            textfont=dict(size=12, weight=600, color=["#10161D" if value > 0.6 * most else "#FFFFFF" for value in shown]),
            hoverinfo="skip",
        )
    )


def _outline(sheet: _Sheet, box: Box, colour: str, width: float) -> None:
    top, left, height, wide = box
    line = dict(color=colour, width=width)
    sheet.shapes.append(dict(type="rect", y0=top, x0=left, y1=top + height, x1=left + wide, line=line))


def _radius(grid: tuple[int, int]) -> float:
    """Of a ring, in tokens: around small tokens, inside large ones, and so that the token's own colour stays visible."""
    return max(0.3, 0.05 * grid[1])


def _ring(sheet: _Sheet, y: float, x: float, radius: float) -> None:
    """The query: a ring with a white edge, open in the middle. Radius in tokens: it shrinks with the picture."""
    for width, colour in ((5.5, "#FFFFFF"), (3, LIGHT.query)):
        line = dict(color=colour, width=width)
        sheet.shapes.append(dict(type="circle", y0=y - radius, x0=x - radius, y1=y + radius, x1=x + radius, line=line))


def _scale(
    sheet: _Sheet,
    colours: list,
    ends: tuple[float, float],
    words: str,
    ticks: Mapping[float, str] | None = None,
    ground: int = DARK,
) -> None:
    """The scale below the map, from one end to the other. words: what it is of. ground: the grey that half-transparent colours lie on.

    ticks: value -> its text; without them, both ends and the middle.
    """
    low, high = ends
    if ticks is None:
        ticks = {
            tick: f"{tick:{'+' if low < 0 < tick else ''}.{2 if abs(tick) < 100 else 3}g}".replace("-", "−")
            for tick in (low, (low + high) / 2, high)
        }
    bar = dict(
        orientation="h",
        x=0.5,
        xanchor="center",
        y=0,
        yanchor="top",
        ypad=6,
        len=0.92,
        thickness=9,
        outlinewidth=0,
        tickvals=list(ticks),
        ticktext=list(ticks.values()),
        tickfont=dict(size=12, color=LIGHT.ink),
        title=dict(text=words, side="bottom", font=dict(size=12, color=LIGHT.ink)),
    )
    solid = [[stop, _over(colour, ground)] for stop, colour in colours]
    marker = dict(color=[low], cmin=low, cmax=high, colorscale=solid, showscale=True, colorbar=bar)
    sheet.traces.append(dict(type="scatter", x=[None], y=[None], mode="markers", marker=marker, hoverinfo="skip", name="scale"))


def _over(colour: str, ground: int) -> str:
    """A colour "rgba(...)" as it looks on a grey."""
    red, green, blue, alpha = map(float, re.findall(r"[\d.]+", colour))
    return f"rgb({','.join(f'{alpha * part + (1 - alpha) * ground:.0f}' for part in (red, green, blue))})"


def _connectors(window: Box, enlarged: Box) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Two lines between the facing edges of the window and its enlarged picture: ((y, x), (y, x)) each."""
    (top, left, bottom, right), (etop, eleft, ebottom, eright) = ((b[0], b[1], b[0] + b[2], b[1] + b[3]) for b in (window, enlarged))
    if eright <= left:
        return [((etop, eright), (top, left)), ((ebottom, eright), (bottom, left))]
    if eleft >= right:
        return [((etop, eleft), (top, right)), ((ebottom, eleft), (bottom, right))]
    if ebottom <= top:
        return [((ebottom, eleft), (top, left)), ((ebottom, eright), (top, right))]
    return [((etop, eleft), (bottom, left)), ((etop, eright), (bottom, right))]
