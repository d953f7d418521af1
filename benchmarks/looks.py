"""Does attention look at the object? `python benchmarks/looks.py objects224` (or `cards`) writes hatnet/shipped/NAME.looks.json.

Photographs: 200 pictures composed from a seed. An object is cut out of a sample photograph along an outline drawn by hand
(benchmarks/outlines.json) and pasted, at a random size and place, on a part of another one that holds no object. Cards: 200 drawn
pictures; the object is the marked card, and only the asking cell's tokens are followed, because only they need it.

For each head: its share of attention on the object, divided by the object's share of the keys: 1 is even, whatever the object's size.
A key that is partly object counts in part. Local: only windows that hold both object and background, elsewhere the ratio is 1 whatever the
head does. The 95 % interval comes from 2,000 bootstrap samples that draw objects anew, and pictures of each: it speaks for other objects
too, as far as eight can. (Every picture of cards counts as an object of its own.) The same is measured with random weights.

The same for the border of the picture, the outermost ring of the last stage's tokens, in place of the object.
Then: which key does the strongest weight of each local head fall on? Each hypothesis is counted beside what chance would give.
Ten minutes for objects224 on two cores.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from PIL import Image, ImageDraw
from torch import Tensor
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.core.samples import FOLDER, SAMPLES, label_of
from hatnet import CheckpointInfo, HATNet, attention_maps, cards, checkpoint_info, load_checkpoint
from hatnet.attention import partition, pool
from hatnet.checkpoints import SHIPPED
from hatnet.files import atomic_write
from hatnet.geometry import Layout
from hatnet.maps import AttentionMap
from hatnet.pictures import read_picture
from hatnet.preprocessing import normalise

OUTLINES = Path(__file__).with_name("outlines.json")
SIZES = (0.4, 0.7)  # the object's longer side, as a part of the picture's
BATCH = 10
DRAWS = 2000  # of the bootstrap
FEWER = 60  # pictures for the favourites: a window of each is a case of its own


Head = tuple[int, int, str, int]  # stage by the paper's number, block from 0, "local" or "global", head from 0


class Scenes(NamedTuple):
    """Pictures whose object's place is known."""

    pixels: Tensor  # uint8 [b, 3, side, side]
    object: Tensor  # float32 [b, 1, side, side]: how much of each pixel is object, 0..1
    asking: Tensor  # float32 [b, 1, side, side]: 1 where the tokens lie whose attention is followed
    groups: list[str]  # of each picture: which object it shows


def composed(count: int, seed: int, side: int) -> Scenes:
    """Objects cut out of the sample photographs and pasted on parts of others, all of them equally often."""
    outlines = json.loads(OUTLINES.read_text(encoding="utf-8"))
    random, objects, grounds = np.random.default_rng(seed), outlines["objects"], outlines["backgrounds"]
    pictures, masks, groups = [], [], []
    for number in range(count):
        name = list(objects)[number % len(objects)]
        ground = random.choice([other for other in grounds if other != name])
        picture = background(ground, grounds[ground], random).resize((side, side), Image.Resampling.BICUBIC)
        cut, mask = cut_out(name, objects[name])
        times = side * random.uniform(*SIZES) / max(cut.size)
        size = [max(1, round(times * length)) for length in cut.size]
        cut, mask = cut.resize(size, Image.Resampling.LANCZOS), mask.resize(size, Image.Resampling.BOX)
        if random.random() < 0.5:
            cut, mask = (image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in (cut, mask))
        corner = tuple(int(random.integers(side - length + 1)) for length in size)
        picture.paste(cut, corner, mask)
        whole = Image.new("L", (side, side))
        whole.paste(mask, corner)
        pictures.append(torch.from_numpy(np.array(picture)))
        masks.append(torch.from_numpy(np.array(whole)))
        groups.append(name)
    pixels, covered = rearrange(torch.stack(pictures), "b y x c -> b c y x"), torch.stack(masks)[:, None] / 255
    return Scenes(pixels=pixels, object=covered, asking=torch.ones_like(covered), groups=groups)


def cut_out(name: str, outline: Sequence[Sequence[int]]) -> tuple[Image.Image, Image.Image]:
    """The part of a sample photograph around an outline, [x, y] in its pixels, and the mask: 255 inside the outline."""
    picture, _ = read_picture(FOLDER / f"{name}.jpg", name)
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).polygon([tuple(corner) for corner in outline], fill=255)
    box = mask.getbbox()
    return picture.crop(box), mask.crop(box)


def background(name: str, box: Sequence[int], random: np.random.Generator) -> Image.Image:
    """A square out of a box (left, top, right, bottom) of a sample photograph, as large as it can be."""
    picture, _ = read_picture(FOLDER / f"{name}.jpg", name)
    part = picture.crop(tuple(box))
    short = min(part.size)
    left, top = (int(random.integers(length - short + 1)) for length in part.size)
    return part.crop((left, top, left + short, top + short))


def drawn(count: int, seed: int) -> Scenes:
    """Pictures of cards at full difficulty: the marked card, and the asking cell."""
    picture = cards.draw(count, torch.Generator().manual_seed(seed))
    asked = torch.full_like(picture.marked, cards.ASKER)
    marked, asking = (
        rearrange(F.one_hot(cell, 16).float(), "b (y x) -> b 1 y x", y=4).repeat_interleave(12, 2).repeat_interleave(12, 3)
        for cell in (picture.marked, asked)
    )
    return Scenes(pixels=picture.pixels, object=marked, asking=asking, groups=[str(number) for number in range(count)])


def keys_of(values: Tensor, layout: Layout) -> Tensor:
    """A value of each token [b, 1, h, w] as the keys have it: [b * windows, m]; a cell has the mean of its tokens."""
    if layout.pooled:
        return pool(values, layout.pool).flatten(1)
    return partition(values, layout)[..., 0]


def times_even(record: AttentionMap, covered: Tensor, asking: Tensor) -> Tensor:
    """Each head's attention to the object, divided by the object's share of the keys: [kinds, images, heads]; 1 is even.

    covered: [images, 1, h, w], how much of each token is object, 0..1. asking: [images, kinds, h, w], the weight of each query, for
    several kinds of queries. Sums over queries come before the division. NaN where no window of a query holds both object and background.
    """
    layout = record.layout
    keys, real = keys_of(covered, layout), keys_of(torch.ones_like(covered), layout)
    queries = partition(asking, layout)  # [windows, n, kinds], 0 in the padding
    share = (keys.sum(1) / real.sum(1))[:, None, None]
    queries = queries * ((share > 0) & (share < 1))
    attended = (record.weights @ keys[:, None, :, None])[..., 0]  # [windows, heads, n]
    sums = rearrange(attended @ queries, "(b z) heads kinds -> kinds b heads z", b=record.images).sum(-1)
    even = rearrange((queries * share).sum(1), "(b z) kinds -> kinds b z", b=record.images).sum(-1)
    return sums / even[..., None]  # 0 / 0 is NaN


def redrawn(groups: Sequence[str], seed: int = 0) -> np.ndarray:
    """How often each bootstrap sample has each picture, [DRAWS, pictures]: the groups are drawn anew, and the members of each drawn."""
    random, names = np.random.default_rng(seed), sorted(set(groups))
    times = np.zeros((DRAWS, len(groups)))
    chosen = random.multinomial(len(names), [1 / len(names)] * len(names), size=DRAWS)
    for name, drawn in zip(names, chosen.T, strict=True):
        members = np.flatnonzero(np.array(groups) == name)
        times[:, members] = random.multinomial(drawn * len(members), [1 / len(members)] * len(members))
    return times


def interval(values: np.ndarray, times: np.ndarray) -> tuple[float, float, float] | None:
    """The mean of some values and the ends of its 95 % interval, from `redrawn`. NaN are left out; None if all are NaN."""
    there = np.isfinite(values)
    if not there.any():
        return None
    with np.errstate(invalid="ignore"):  # a sample may have none
        means = times @ np.where(there, values, 0) / (times @ there)
    low, high = np.nanpercentile(means, (2.5, 97.5))
    return float(values[there].mean()), float(low), float(high)


def batches(scenes: Scenes, info: CheckpointInfo, what: str) -> Iterator[tuple[Tensor, slice]]:
    """Normalised pictures, some at a time, and which they are."""
    for start in tqdm(range(0, len(scenes.pixels), BATCH), desc=what, disable=None):
        part = slice(start, start + BATCH)
        yield normalise(scenes.pixels[part], info.mean, info.std), part


@torch.inference_mode()
def looks(model: HATNet, scenes: Scenes, info: CheckpointInfo, what: str) -> tuple[dict[Head, Tensor], Tensor]:
    """For each head, `times_even` of every picture [3, pictures]: from all tokens that ask, from those on the object, from the others;
    and the logits."""
    found: dict[Head, list[Tensor]] = {}
    logits = []
    for pixels, part in batches(scenes, info, what):
        said, maps = attention_maps(model, pixels)
        logits.append(said)
        for record in maps:
            covered, asking = (F.adaptive_avg_pool2d(mask[part], record.query_grid) for mask in (scenes.object, scenes.asking))
            inside = (covered >= 0.5).float()
            ratios = times_even(record, covered, torch.cat([asking, asking * inside, asking * (1 - inside)], dim=1))
            for head in range(record.heads):
                found.setdefault((record.stage, record.block, record.kind, head), []).append(ratios[..., head])
    return {head: torch.cat(parts, dim=1) for head, parts in found.items()}, torch.cat(logits)


def border(like: Tensor, width: int) -> Tensor:
    """1 in the outermost `width` pixels of pictures [b, 1, h, w], 0 inside."""
    ring = torch.ones_like(like)
    ring[..., width:-width, width:-width] = 0
    return ring


def untrained(model: HATNet, seed: int = 0) -> HATNet:
    """The same model with random weights."""
    torch.manual_seed(seed)
    return HATNet(model.config).eval()


class Peaks(NamedTuple):
    """Of each window, for each head, about the key that most of the window's queries weigh most, its favourite: all [windows, heads]."""

    weight: Tensor  # the largest weight, mean over queries, in even shares
    shared: Tensor  # the part of the queries whose largest weight falls on the favourite
    own: Tensor  # the part of the queries whose largest weight falls on themselves
    place: Tensor  # the favourite's place in the window, counted row by row
    largest: Tensor  # 1 if the favourite is the window's token of largest norm
    smallest_value: Tensor  # 1 if its value vector is the window's smallest
    border: Tensor  # 1 if it lies on the border of the map
    object: Tensor  # how much of it is object
    other_head: Tensor  # the part of the other heads that have the same favourite; NaN where there is one head


def peaks(x1: Tensor, v1: Tensor, p1: Tensor, border: Tensor, covered: Tensor) -> Peaks:
    """x1 [windows, m, c], v1 [windows, heads, m, d], p1 [windows, heads, n, m] as `attention.py` has them; border, covered [windows, m]."""
    heads, queries, count = p1.shape[1:]
    top = p1.argmax(-1)
    votes = F.one_hot(top, count).sum(2)
    favourite = votes.argmax(-1)

    def there(values: Tensor) -> Tensor:
        return repeat(values, "z m -> z heads m", heads=heads).gather(2, favourite[..., None])[..., 0]

    same = (favourite[:, :, None] == favourite[:, None]).sum(2) - 1
    return Peaks(
        weight=p1.amax(-1).mean(-1) * count,
        shared=votes.amax(-1) / queries,
        own=(top == torch.arange(count)).float().mean(-1),
        place=favourite,
        largest=(x1.norm(dim=-1).argmax(-1)[:, None] == favourite).float(),
        smallest_value=(v1.norm(dim=-1).argmin(-1) == favourite).float(),
        border=there(border),
        object=there(covered),
        other_head=same / (heads - 1) if heads > 1 else torch.full_like(favourite, torch.nan, dtype=torch.float),
    )


@torch.inference_mode()
def favourites(model: HATNet, scenes: Scenes, info: CheckpointInfo) -> list[dict]:
    """For each local head, what its strongest weights fall on: each of `Peaks` as a mean over windows, and beside it what chance gives.

    fixed_query: the part of the windows of the second half of the pictures in which the head's mean query over the first half, the
    same for all windows, finds the favourite. Raises ValueError where windows hang over the edge of a map.
    """
    found: dict[tuple[int, int], list[Peaks]] = {}
    even: dict[int, list[Tensor]] = {}  # of each stage: the object's share of each window's keys
    queries: dict[tuple[int, int], Tensor] = {}
    hits: dict[tuple[int, int], list[Tensor]] = {}
    borders: dict[int, float] = {}
    for pixels, part in batches(scenes, info, "favourites"):
        run = model.run(pixels, explicit=True, traced=True)
        for number, stage, grids, (x, traces) in zip(model.config.stages, model.stages, model.grids(), run, strict=True):
            if not grids:
                continue
            layout, _ = stage.blocks[0].attn.layouts(*x.shape[-2:], *grids)
            if any(layout.overhang):
                raise ValueError(f"stage {number}: windows of {grids[0]} hang over its map of {x.shape[-2]} tokens; wanted a divisor")
            edge = F.pad(torch.zeros(len(x), 1, layout.h - 2, layout.w - 2), (1, 1, 1, 1), value=1)
            border, covered = (keys_of(F.adaptive_avg_pool2d(values, x.shape[-2:]), layout) for values in (edge, scenes.object[part]))
            even.setdefault(number, []).append(covered.mean(1))
            borders[number] = edge.mean().item()
            for block, trace in enumerate(traces):
                one = peaks(trace.x1, trace.v1, trace.p1, border, covered)
                found.setdefault((number, block), []).append(one)
                mean = trace.q1.mean((0, 2))  # [heads, d]
                if part.start < len(scenes.pixels) // 2:
                    queries[number, block] = queries.get((number, block), 0) + mean
                else:
                    fits = torch.einsum("kd,zkmd->zkm", queries[number, block], trace.k1).argmax(-1)
                    hits.setdefault((number, block), []).append((fits == one.place).float())
    rows = []
    for (number, block), parts in found.items():
        joined = Peaks(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
        hit, share = torch.cat(hits[number, block]), torch.cat(even[number])
        mixed, count = (share > 0) & (share < 1), model.config.g1[model.config.stages.index(number)] ** 2
        by_chance = chance(count, len(joined.place))
        for head in range(joined.place.shape[1]):
            means = {name: getattr(joined, name)[:, head].mean().item() for name in Peaks._fields if name not in ("place", "object")}
            most = max(Counter(joined.place[:, head].tolist()).values()) / len(joined.place)
            row = {"stage": number, "block": block, "head": head, "keys": count, "windows": len(joined.place)} | means
            row |= {"place": most, "object": joined.object[mixed, head].mean().item(), "fixed_query": hit[:, head].mean().item()}
            row["chance"] = by_chance | {"object": share[mixed].mean().item(), "border": borders[number]}
            rows.append({key: None if value != value else value for key, value in row.items()})
    return rows


def chance(keys: int, windows: int) -> dict[str, float]:
    """What `Peaks` would be if each query chose among the keys by lot, and each window's favourite lay anywhere (by simulation)."""
    random = np.random.default_rng(0)
    votes = random.multinomial(keys, [1 / keys] * keys, size=2000)
    places = random.multinomial(windows, [1 / keys] * keys, size=200)
    one = dict.fromkeys(("own", "largest", "smallest_value", "fixed_query", "other_head"), 1 / keys)
    return one | {"shared": float(votes.max(1).mean() / keys), "place": float(places.max(1).mean() / windows)}


def measured(name: str, count: int, seed: int) -> dict:
    """All that is written to NAME.looks.json."""
    info, model = checkpoint_info(name), load_checkpoint(name)
    of_cards = model.config.readout > 1
    scenes = drawn(count, seed) if of_cards else composed(count, seed, info.image_size)
    (before, _), (after, logits) = (looks(one, scenes, info, what) for one, what in ((untrained(model), "untrained"), (model, "trained")))
    heads, times = [], redrawn(scenes.groups)
    for key in after:
        row = dict(zip(("stage", "block", "kind", "head"), key, strict=True))
        for when, figures in (("trained", after[key]), ("untrained", before[key])):
            kinds = zip(("all", "object", "background"), figures.numpy(), strict=True)
            row[when] = {asking: interval(values, times) for asking, values in kinds}
        if row["trained"]["all"]:
            heads.append(row)
    if not of_cards:
        few = Scenes(*(part[:FEWER] for part in scenes))
        ring = border(few.object, model.config.strides[-1])
        on_border, _ = looks(model, few._replace(object=ring), info, "border")
        times = redrawn(few.groups)
        for row in heads:
            row["border"] = interval(on_border[row["stage"], row["block"], row["kind"], row["head"]][0].numpy(), times)
    result = {"images": count, "seed": seed, "area": scenes.object.mean().item(), "heads": heads}
    if of_cards:
        return result | {"favourites": []}
    labels = {group: label_of(SAMPLES[group], info.classes) for group in dict.fromkeys(scenes.groups)}
    known = [number for number, group in enumerate(scenes.groups) if labels[group]]
    right = sum(info.classes[logits[number].argmax()] == labels[scenes.groups[number]] for number in known)
    result |= {"objects": labels, "known": len(known), "right": right, "border": ring.mean().item()}
    return result | {"favourites": favourites(model, few, info)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="a shipped checkpoint's name, or a .safetensors file")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="(hatnet/shipped/NAME.looks.json)")
    args = parser.parse_args()
    if args.images < 2 * BATCH:
        parser.error(f"--images {args.images}: wanted at least {2 * BATCH}, two batches")
    result = measured(args.checkpoint, args.images, args.seed)
    output = args.output or SHIPPED / f"{Path(args.checkpoint).stem}.looks.json"
    with atomic_write(output) as partial:
        Path(partial).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for row in sorted(result["heads"], key=lambda row: row["trained"]["all"][0]):
        where = f"stage {row['stage']}, block {row['block']}, {row['kind']} head {row['head']} (from 0)"
        said = (f"{mean:.2f} ({low:.2f} to {high:.2f})" for mean, low, high in (row[when]["all"] for when in ("trained", "untrained")))
        print(f"{where}: {' trained, '.join(said)} untrained")
    print(f"written to {output}")


if __name__ == "__main__":
    main()
