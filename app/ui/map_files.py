"""Maps as files: a PNG on the photograph, a CSV, an HTML page. Arrays in, bytes out.

A map holds weights [rows, columns] of keys of `cell` x `cell` tokens. They fill a box (top, left, height, width) on a token grid
(height, width), all in tokens; the box may cut off the last ones. A map with one value for each token needs none of these.
"""

import csv
import io
import json

import numpy as np
from PIL import Image, ImageDraw

from app.core.colours import HUES, LIGHT, ON_PHOTO, VEIL, rgb, signed_tint, tint

Box = tuple[int, int, int, int]

SIDE = 720  # pixels
GROUND = 0.48  # of the grey photograph's brightness: the rest is black
KINDS = (*HUES, *(f"{hue} difference" for hue in HUES), "uncovered")
BARE = 98.5  # percentile of the weights from which on it shows the photograph bare


def map_png(
    weights: np.ndarray,
    photo: np.ndarray,
    kind: str,
    *,
    grid: tuple[int, int] | None = None,
    box: Box | None = None,
    cell: int = 1,
    ring: tuple[float, float] | None = None,
    most: float | None = None,
) -> bytes:
    """A map on its photograph (uint8 [height, width, 3]), as the pages draw it.

    kind: "local" or "global": keys in that hue on the grey photograph; "local difference" or "global difference": the difference of two
    such maps, in the hue if positive; "uncovered": a black veil that large weights lift.
    ring: the query's place, as fractions (y, x). most: the weight at the top of the scale; by default the map's largest. Raises
    ValueError for any other kind.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not a kind of map; the kinds are {', '.join(KINDS)}")
    grid = grid or weights.shape
    box = box or (0, 0, *grid)
    size = 2 * SIDE, round(2 * SIDE * grid[0] / grid[1])  # drawn twice as large, so that edges come out smooth
    ground = Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS if photo.shape[1] >= 100 else Image.Resampling.NEAREST)
    if kind != "uncovered":
        ground = Image.fromarray((np.asarray(ground.convert("L")) * GROUND).astype(np.uint8)).convert("RGB")
    down, across = (
        np.rint((start + edges(n, cell, length)) / whole * pixels).astype(int)
        for start, n, length, whole, pixels in zip(box[:2], weights.shape, box[2:], grid, size[::-1], strict=True)
    )
    layer = np.repeat(np.repeat(_colours(weights, kind, most), np.diff(down), axis=0), np.diff(across), axis=1)
    picture = ground.convert("RGBA")
    picture.alpha_composite(Image.fromarray(layer), (int(across[0]), int(down[0])))
    draw = ImageDraw.Draw(picture)
    if kind == "local" and box != (0, 0, *grid):
        draw.rectangle([across[0], down[0], across[-1] - 1, down[-1] - 1], outline=rgb(ON_PHOTO.local), width=4)
    if ring:
        y, x, r = ring[0] * size[1], ring[1] * size[0], 0.024 * size[0]
        for radius, colour, width in ((r + 5, "#FFFFFF", 18), (r, LIGHT.query, 9)):
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], outline=colour, width=width)
    file = io.BytesIO()
    picture.convert("RGB").reduce(2).save(file, "png")
    return file.getvalue()


def _colours(weights: np.ndarray, kind: str, most: float | None) -> np.ndarray:
    """The colour over each key: uint8 [rows, columns, 4]."""
    if kind == "uncovered":
        level = np.clip(weights / (most or np.percentile(weights, BARE) or 1), 0, 1)
        veil = np.empty((*weights.shape, 4))
        veil[..., :3], veil[..., 3] = VEIL[0], 255 * VEIL[1] * (1 - level)
        return veil.round().astype(np.uint8)
    hue, power = HUES[kind.split()[0]]
    if kind.endswith("difference"):
        level = np.clip(weights / (most or np.abs(weights).max() or 1), -1, 1) / 2 + 0.5
        stops = np.array([signed_tint(hue, i / 127.5 - 1) for i in range(256)])
    else:
        level = np.clip(weights / (most or weights.max() or 1), 0, 1)
        stops = np.array([tint(hue, power, i / 255) for i in range(256)])
    stops *= (1, 1, 1, 255)
    return stops[np.rint(255 * level).astype(int)].round().astype(np.uint8)


def edges(keys: int, cell: int, length: int) -> np.ndarray:
    """The edges of keys of `cell` tokens along a side of `length` tokens: keys + 1 numbers, the first 0."""
    return np.minimum(np.arange(keys + 1) * cell, length)


def map_csv(weights: np.ndarray, *, box: Box | None = None, cell: int = 1) -> bytes:
    """One line for each key: row and column of its first token (from 1), the tokens it covers down and across, its weight."""
    rows, columns = weights.shape
    top, left, height, width = box or (0, 0, rows * cell, columns * cell)
    down, across = edges(rows, cell, height), edges(columns, cell, width)
    file = io.StringIO()
    lines = csv.writer(file)
    lines.writerow(["row", "column", "tokens down", "tokens across", "weight"])
    for i in range(rows):
        for j in range(columns):
            size = int(down[i + 1] - down[i]), int(across[j + 1] - across[j])
            lines.writerow([top + int(down[i]) + 1, left + int(across[j]) + 1, *size, repr(float(weights[i, j]))])
    return file.getvalue().encode()


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>HAT-Net Lab: {title}</title>
<style>
{css}
:root {{ color-scheme: light dark; --st-font: system-ui, "Segoe UI", Roboto, sans-serif; }}
html {{ font-size: 15px; }} /* the reader's font may be wide */
body {{ margin: 0 auto; max-width: 1060px; padding: 20px clamp(12px, 3vw, 32px); }}
body {{ background: var(--page); color: var(--ink); font-family: var(--st-font); }}
h1 {{ font-size: 1.6rem; line-height: 1.2; margin: 0; }}
body > p {{ color: var(--muted); line-height: 1.4; margin: 6px 0 16px; }}
</style>
<h1>{title}</h1>
<p>{about}. Point at a token to see what it reads; click to select it.
A weight says what a token reads, not why the model decides as it does.</p>
<div hidden>{images}</div>
<main id="here">{markup}</main>
<script type="module">
{code}
const data = {data};
mount({{ data, parentElement: document.getElementById("here"), setStateValue: () => {{}} }});
</script>
</html>
"""


def html_page(title: str, about: str, images: dict[str, str], data: dict, *, markup: str, css: str, code: str) -> bytes:
    """A page in one self-contained file: a component's markup, style and code, its data, and its images (id -> data URI).

    title, about: HTML. code: a module whose default export mounts the component, as in Streamlit.
    """
    if (start := "export default function mount(") not in code:
        raise ValueError(f"the component's code must hold {start!r}")
    shown = "".join(f'<img id="{name}" src="{source}" alt="">' for name, source in images.items())
    safe = json.dumps(data).replace("<", "\\u003c")  # a title must not end the script
    return _PAGE.format(title=title, about=about, css=css, images=shown, markup=markup, code=code, data=safe).encode()
