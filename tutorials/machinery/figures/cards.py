"""Pictures of drawn cards as Plotly charts: what a card is made of, and a whole picture with its cells."""

import numpy as np
import plotly.graph_objects as go
from torch import Tensor

from app.core.colours import LIGHT, rgb
from hatnet import cards

SHOWN = (*cards.CLASSES, "X", "ring")  # kinds of tokens, in the order of the figure
GAP = 2  # pixels of a token, between two of them


def kinds() -> go.Figure:
    """The tokens of a card, each over its name."""
    wide = 4 + GAP
    pixels = np.full((4, wide * len(SHOWN) - GAP, 3), 255, np.uint8)
    for index, name in enumerate(SHOWN):
        inked = cards.TOKENS[cards.KINDS.index(name)].bool().numpy()
        pixels[:, index * wide : index * wide + 4] = np.where(inked[..., None], rgb(LIGHT.ink), rgb(LIGHT.line))
    figure = go.Figure(go.Image(z=pixels, hoverinfo="skip"))
    figure.update_xaxes(
        tickvals=[index * wide + 1.5 for index in range(len(SHOWN))],
        ticktext=SHOWN,
        tickfont=dict(size=14, color=LIGHT.ink),
        showgrid=False,
    )
    figure.update_yaxes(visible=False)
    figure.update_layout(width=600, height=120, margin=dict(l=10, r=10, t=10, b=34), dragmode=False)
    return figure


def kinds_alt() -> str:
    """The same for readers who cannot see it: each token's rows of pixels."""
    drawn = {name: cards.TOKENS[cards.KINDS.index(name)].int().tolist() for name in SHOWN}
    return "The tokens of a card, 4 x 4 pixels each. " + "; ".join(
        f"{name}: " + " ".join("".join(map(str, row)) for row in rows) for name, rows in drawn.items()
    )


def picture(pixels: Tensor) -> go.Figure:
    """A drawn picture, uint8 [3, 48, 48], with lines between its 4 x 4 cells and their rows and columns counted from 1."""
    side, count = cards.SIZE, 4
    cell = side // count
    figure = go.Figure(go.Image(z=pixels.permute(1, 2, 0).numpy(), hovertemplate="row %{y}, column %{x} of pixels<extra></extra>"))
    for edge in range(cell, side, cell):
        look = dict(type="line", line=dict(color="#BEBEBE", width=1))
        figure.add_shape(look | dict(x0=edge - 0.5, x1=edge - 0.5, y0=-0.5, y1=side - 0.5))
        figure.add_shape(look | dict(y0=edge - 0.5, y1=edge - 0.5, x0=-0.5, x1=side - 0.5))
    axis = dict(
        tickvals=[(number + 0.5) * cell - 0.5 for number in range(count)],
        ticktext=[str(number + 1) for number in range(count)],
        tickfont=dict(size=14, color=LIGHT.ink),
        showgrid=False,
        zeroline=False,
        title_font=dict(size=14, color=LIGHT.ink),
    )
    figure.update_xaxes(axis | dict(title_text="column", side="top"))
    figure.update_yaxes(axis | dict(title_text="row"))
    figure.update_layout(width=470, height=470, margin=dict(l=50, r=10, t=50, b=10), dragmode=False)
    return figure
