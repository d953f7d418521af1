"""Where a picture opens in each stage: `python benchmarks/places.py` chooses a telling token, and writes app/content/places.json.

For each shipped checkpoint, each picture that goes with it and each stage, with the G1 and G2 of training. Candidates are the tokens on
the picture's subject, of which half lies in the boxes of SUBJECTS, drawn by hand (for cards: in the asking cell); not those on the border
of the picture, as long as there are others. In the block that the stage opens on, mean of the heads, four things tell:

- near: how much narrower the local map is than an even one, 1 - H / log n, with its entropy H and n keys;
- narrow: the same for the global map;
- far: the share of the global weights that lies outside the token's window;
- change: how much the token's global map differs from those of the other tokens of its window: the total variation distance, 0..1, on
  average.

In a stage of plain attention there is no near; far is counted outside the 3 x 3 tokens around the token, and change against all tokens.
Each is divided by its largest value among the candidates (left out where that is 0), and the token with the largest product is chosen:
twice as much of any of them counts alike. --sheet draws what was chosen, to be looked at; BY_HAND has tokens that tell more to the eye.
"""

import argparse
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import hatnet
from app.core import checkpoints, content, inference, pictures, places
from app.core.checkpoints import Checkpoint
from app.core.inference import Attention
from app.core.samples import offered
from app.core.view import ViewState, default, opening_block
from app.ui.map_files import map_png

Token = tuple[int, int]
Box = tuple[float, float, float, float]  # top, left, bottom, right as fractions of the centre crop

SUBJECTS: dict[str, list[Box]] = {
    "cat_chelsea": [(0.25, 0.15, 0.9, 0.9)],
    "horse_herd": [(0.36, 0.02, 0.66, 0.62), (0.36, 0.64, 0.6, 0.98)],
    "cat_kitten": [(0.17, 0.12, 0.45, 0.42), (0.28, 0.62, 0.6, 0.95)],
    "bird_owl": [(0.22, 0.55, 0.65, 0.88)],
    "bird_duck": [(0.24, 0.64, 0.42, 0.8), (0.42, 0.1, 0.75, 0.76)],
    "bird_macaw": [(0.14, 0.17, 0.42, 0.48), (0.38, 0.4, 0.8, 0.85)],
    "dog_shepherd": [(0.06, 0.82, 0.45, 0.97), (0.28, 0.16, 0.62, 0.86)],
    "deer_moose": [(0.4, 0.38, 0.68, 0.62), (0.2, 0.16, 0.4, 0.42), (0.2, 0.6, 0.4, 0.92), (0.7, 0.06, 0.9, 0.7)],
    "cow": [(0.4, 0.13, 0.58, 0.3), (0.4, 0.3, 0.66, 0.96)],
    "giraffe": [(0.18, 0.7, 0.4, 0.82), (0.38, 0.76, 0.65, 0.97), (0.27, 0.43, 0.5, 0.56), (0.52, 0.52, 0.68, 0.75)],
    "koala": [(0.17, 0.4, 0.42, 0.8), (0.4, 0.48, 0.9, 0.8)],
    "church_2": [(0.1, 0.02, 0.5, 0.13), (0.28, 0.2, 0.45, 0.32), (0.46, 0.2, 0.9, 0.76)],
    "church_1": [(0.18, 0.56, 0.4, 0.63), (0.4, 0.06, 0.85, 0.94)],
    "parachute_1": [(0.09, 0.22, 0.32, 0.72), (0.34, 0.34, 0.6, 0.86)],
    "parachute_2": [(0.15, 0.2, 0.88, 0.86)],
    "church_3": [(0.18, 0.77, 0.4, 0.88), (0.48, 0.68, 0.85, 0.97)],
    "astronaut": [(0.06, 0.34, 0.42, 0.57), (0.5, 0.1, 0.85, 0.6)],
    "coffee_cup": [(0.1, 0.2, 0.7, 0.75)],
    "rocket": [(0.3, 0.46, 0.9, 0.54)],
    "fish_1": [(0.15, 0.02, 0.5, 0.55), (0.5, 0.26, 0.84, 0.98)],
}
ASKER: list[Box] = [(0, 0, 0.25, 0.25)]  # of drawn cards
# Checkpoint, picture, stage -> a token among the first six (at least an eighth of the map apart) whose maps show more than the one found:
# the picture's subject in the global map, or more than the token itself in the local one.
BY_HAND: dict[tuple[str, str, int], Token] = {
    ("objects224", "church_2", 5): (2, 1),
    ("objects224", "church_1", 2): (32, 28),
    ("objects224", "church_1", 3): (9, 16),
    ("objects224", "church_1", 5): (4, 4),
    ("objects224", "coffee_cup", 2): (25, 15),
    ("objects224", "koala", 2): (40, 34),
    ("objects224", "horse_herd", 2): (22, 47),
    ("objects224", "cat_kitten", 2): (21, 14),
    ("objects224", "giraffe", 2): (29, 47),
    ("objects224", "parachute_1", 2): (25, 24),
}


def candidates(boxes: list[Box], side: int) -> list[Token]:
    """The tokens (of side x side) of which at least half lies in one of some boxes; if there are none, those with the largest part."""
    fine = 16  # points along a token's side
    at = (np.arange(side * fine) + 0.5) / (side * fine)
    inside = np.zeros((side * fine,) * 2, bool)
    for top, left, bottom, right in boxes:
        inside |= np.outer((top <= at) & (at < bottom), (left <= at) & (at < right))
    part = inside.reshape(side, fine, side, fine).mean((1, 3))
    found = [(int(y), int(x)) for y, x in np.argwhere(part >= min(0.5, part.max()))]
    return [token for token in found if min(token) > 0 and max(token) < side - 1] or found


def telling(attention: Attention, view: ViewState, checkpoint: Checkpoint, tokens: list[Token]) -> dict[str, np.ndarray]:
    """What tells of each of some tokens in the view's block: name -> [tokens]."""
    side, (g1, _) = checkpoint.grid(view.stage), view.sides(checkpoint)
    rows, record = attention.rows(view, "global"), attention.map(view, "global")
    numbers = [y * side + x for y, x in tokens]
    found = {"narrow": narrowness(rows[numbers]), "far": [], "change": []}
    if g1:
        found["near"] = narrowness(attention.rows(view, "local")[numbers])
    for (y, x), number in zip(tokens, numbers, strict=True):
        top, left, height, width = hatnet.window_of((y, x), (side, side), g1) if g1 else (0, 0, side, side)
        window = [row * side + column for row in range(top, top + height) for column in range(left, left + width)]
        others = [other for other in window if other != number]
        found["change"].append(abs(rows[others] - rows[number]).sum(1).mean() / 2)
        near = np.s_[top : top + height, left : left + width] if g1 else np.s_[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
        weights = record.on_grid(y, x).mean(0).numpy()
        found["far"].append(max(0.0, float(weights.sum() - weights[near].sum())))
    return {name: np.array(values) for name, values in found.items()}


def narrowness(rows: np.ndarray) -> np.ndarray:
    """1 - H / log n of maps [maps, n keys]: 0 where all keys have the same weight, 1 where one has all."""
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(rows > 0, rows * np.log(rows), 0).sum(1)
    return 1 - entropy / max(np.log(rows.shape[1]), 1e-9)


def most_telling(attention: Attention, view: ViewState, checkpoint: Checkpoint, boxes: list[Box]) -> Token:
    """The token with the largest product; of several, the first."""
    tokens = candidates(boxes, checkpoint.grid(view.stage))
    product = np.ones(len(tokens))
    for values in telling(attention, view, checkpoint, tokens).values():
        if (most := values.max()) > 1e-6:  # below that, rounding
            product *= values / most
    return tokens[product.argmax()]


def views(checkpoint: Checkpoint, image: str) -> list[ViewState]:
    """A picture as it opens in each stage."""
    start = replace(default(checkpoint), image=image)
    return [replace(start, stage=stage, block=opening_block(checkpoint, stage)) for stage in checkpoint.config.stages]


def choose(checkpoint: Checkpoint) -> dict[str, dict[str, Token]]:
    """Picture -> stage -> token."""
    chosen: dict[str, dict[str, Token]] = {}
    for image in offered(checkpoint.cards):
        boxes = ASKER if checkpoint.cards else SUBJECTS[image]
        chosen[image] = {}
        for view in views(checkpoint, image):
            attention = inference.attention(pictures.sample(image), checkpoint, view)
            by_hand = BY_HAND.get((checkpoint.name, image, view.stage))
            chosen[image][str(view.stage)] = by_hand or most_telling(attention, view, checkpoint, boxes)
    return chosen


def contact_sheet(checkpoint: Checkpoint, chosen: dict[str, dict[str, Token]], side: int = 150) -> Image.Image:
    """Each picture in a row: for each stage the chosen token's local map, then its global one."""
    stages = checkpoint.config.stages
    sheet = Image.new("RGB", (2 * side * len(stages), side * len(chosen)))
    draw = ImageDraw.Draw(sheet)
    for row, (image, tokens) in enumerate(chosen.items()):
        picture = pictures.sample(image)
        for column, view in enumerate(views(checkpoint, image)):
            token, grid = tokens[str(view.stage)], (checkpoint.grid(view.stage),) * 2
            place = hatnet.place_of(token, grid)
            view, (g1, _) = replace(view, place=place), view.sides(checkpoint)
            attention = inference.attention(picture, checkpoint, view)
            for kind in ("local", "global") if g1 else ("global",):
                record = attention.map(view, kind)
                box = (0, 0, *grid) if record.layout.pool > 1 or not g1 else record.window(*token)
                look = dict(grid=grid, ring=place, box=box, cell=record.layout.pool)
                small = Image.open(io.BytesIO(map_png(attention.weights(view, kind), pictures.sharp(picture), kind, **look)))
                at = (2 * column + (kind == "global")) * side, row * side
                sheet.paste(small.resize((side, side)), at)
                draw.text((at[0] + 3, at[1] + 2), f"{image} {view.stage} {token}", fill="white")
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sheet", type=Path, metavar="FOLDER", help="also draw what was chosen, one picture for each checkpoint, here")
    parser.add_argument("names", nargs="*", metavar="NAME", help="checkpoints that the app offers (all shipped ones); the others stay")
    args = parser.parse_args()
    file = content.APP / places.FILE
    kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for name in args.names or hatnet.list_checkpoints():
        checkpoint = checkpoints.describe(name)
        kept[name] = choose(checkpoint)
        lines = [f'  "{image}": {json.dumps(tokens)}' for image, tokens in kept[name].items()]
        print(f'"{name}":\n' + "\n".join(lines), flush=True)
        if args.sheet:
            contact_sheet(checkpoint, kept[name]).save(args.sheet / f"{name}.png")
    entries = []
    for name, found in kept.items():
        lines = ",\n".join(f"  {json.dumps(image)}: {json.dumps(tokens)}" for image, tokens in found.items())
        entries.append(f" {json.dumps(name)}: {{\n{lines}\n }}")
    file.write_text("{\n" + ",\n".join(entries) + "\n}\n", encoding="utf-8")
    print(f"written to {file}")


if __name__ == "__main__":
    main()
