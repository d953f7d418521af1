"""The seam between two windows: two neighbours on its two sides, and what each mechanism lets one read of the other."""

from dataclasses import dataclass, replace

import hatnet
from app.core import inference
from app.core.checkpoints import Checkpoint
from app.core.glossary import linked
from app.core.pictures import Picture
from app.core.view import ViewState
from app.core.words import percent

Token = tuple[int, int]
OTHER_MECHANISMS = (
    # hatnet's name, the model that has it, and its two steps
    ("shifted_window", "Swin", {"local": "window", "global": "shifted window"}),
    ("pooled", "PVT", {"local": "pooled keys"}),  # both steps read the same cells
)
NOTE = (
    "[Swin](#Swin)’s and [PVT](#PVT)’s rows come from the same weights with another mechanism. Those weights were trained for "
    "[H‑MHSA](#H‑MHSA), so the rows show which links exist, not which mechanism is better."
)


@dataclass(frozen=True, slots=True)
class Seam:
    """Two neighbours on the two sides of a window's edge, and one on this side for comparison (None in a window 1 token wide)."""

    here: Token
    there: Token
    inside: Token | None


def nearest_seam(token: Token, grid: Token, window: Token) -> Seam | None:
    """The pair nearest to a token, if possible with a comparison; `here` is in the token's window, in its row or column.

    None if one window covers the grid.
    """
    found = []
    for axis in (0, 1):
        start = token[axis] // window[axis] * window[axis]
        end = min(start + window[axis], grid[axis])
        for edge, step in ((start, -1), (end - 1, 1)):
            if 0 <= edge + step < grid[axis]:
                points = []
                for at in (edge, edge + step, edge - step):
                    point = list(token)
                    point[axis] = at
                    points.append(tuple(point))
                inside = points[2] if start <= edge - step < end else None
                found.append((abs(token[axis] - edge), Seam(points[0], points[1], inside)))
    return min(found, key=lambda pair: (pair[1].inside is None, pair[0]))[1] if found else None


def seam_panel(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> dict | None:
    """The pair of neighbours and their table, for the browser; None if there is no seam."""
    grid, (g1, _) = (checkpoint.grid(view.stage),) * 2, view.sides(checkpoint)
    token = hatnet.token_at(view.place, grid)
    pair = nearest_seam(token, grid, (g1, g1))
    if pair is None:
        return None
    view = replace(view, place=hatnet.place_of(pair.here, grid))
    attention = inference.attention(picture, checkpoint, view)
    others = [pair.there, pair.inside] if pair.inside else [pair.there]

    def cell(other: Token) -> str:
        weight, size = attention.key_weight(view, "global", other)
        return f"{percent(weight)}<small> for its cell of {size}</small>" if size > 1 else percent(weight)

    table = [
        ('<span class="local">Local</span>, its window', [_exact(attention.token_weight(view, "local", other)) for other in others]),
        ('<span class="global">Global</span>, by cells', [cell(other) for other in others]),
    ]
    hops = attention.two_hops(view, [pair.here])
    if hops is not None:
        table.append(("Both, in two hops<small>share of the output</small>", [_exact(hops[0][other]) for other in others]))
    for mechanism, name, steps in OTHER_MECHANISMS:
        run = inference.other_mechanism(picture, checkpoint, mechanism, view.g1, view.g2, view.place)
        table += [(f"{name}, {step}", [_exact(run.token_weight(view, kind, other)) for other in others]) for kind, step in steps.items()]
    weight, size = attention.key_weight(view, "global", pair.there)
    shared = f", which it shares with {size - 1} other token{'s' if size > 2 else ''}" if size > 1 else ""
    where = f"The nearest edge is at row {pair.here[0] + 1}, column {pair.here[1] + 1}. " if pair.here != token else ""
    text = (
        f"{where}The two tokens touch, but a [window](#window)’s edge, a [seam](#seam), lies between them: the local step gives the "
        f'neighbour <b>exactly 0</b>. The global step restores the link: <b class="global">{percent(weight)}</b> goes to the '
        f"neighbour’s [cell](#cell){shared}."
    )
    points = {"here": pair.here, "there": pair.there, "inside": pair.inside, "local": attention.weights(view, "local").tolist()}
    return {"pair": points, "html": linked(f'<p class="say">{text}</p>{_html(table)}<p class="say muted">{NOTE}</p>', "seam")}


def _html(table: list[tuple[str, list[str]]]) -> str:
    marks = (("diamond", "across"), ("square", "inside"))[: len(table[0][1])]
    head = "".join(f'<th scope="col"><i class="mark {shape}"></i> {name}</th>' for shape, name in marks)
    body = "".join(f'<tr><th scope="row">{name}</th>{"".join(f"<td>{value}</td>" for value in values)}</tr>' for name, values in table)
    return f'<div class="wide"><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _exact(weight: float) -> str:
    """A weight as a percentage; "exactly 0" if it is 0 by construction."""
    return "exactly 0" if weight == 0 else percent(float(weight))
