"""Accuracy and cost of a checkpoint with other G1 and G2 than in its training: `python benchmarks/grids.py NAME --data DATA`.

One hierarchical stage at a time, the others as trained: every G1 in {2, 4, 7, 8, the whole map} with every G2 in {1, 2, 4, 8}, if
they fit the stage's token grid, and with the trained values too; then all stages at once (rows of the stage "all"): windows of 1, 2,
4 and 14 tokens, cells of half the trained side, 4 x 4, 2 x 2 cells and a single one for the whole map, and the least of both. No weight
depends on G1 or G2, so nothing is trained.
Uses images that were held out from training (1,000, or all if there are fewer; of every class alike), and the MACs of one image by
`hatnet.complexity.count`. All settings see one batch before the next, and hatnet/shipped/NAME.grids.json is written after each: it can be
stopped at any time, and says how many images it is about.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import HATNet, checkpoint_info, complexity, data, load_checkpoint
from hatnet.checkpoints import SHIPPED
from hatnet.data import Images
from hatnet.evaluation import images_at_once, relabelled
from hatnet.files import atomic_write
from hatnet.preprocessing import normalise
from hatnet.sources import title

G1 = (2, 4, 7, 8)
G2 = (1, 2, 4, 8)
WINDOWS = (1, 2, 4, 14)  # of all stages at once
CELLS = (4, 2, 1)  # of all stages at once: along a side of the map

Setting = tuple[int | str | None, tuple[int, ...], tuple[int, ...]]


def token_grids(model: HATNet, size: int) -> list[int]:
    """Side of the map of each hierarchical stage, in tokens, for a square image of `size` pixels."""
    with torch.inference_mode():
        maps = model.forward_features(torch.zeros(1, 3, size, size))
    return [x.shape[-1] for x in maps[: len(model.config.g1)]]


def variants(model: HATNet, size: int) -> list[Setting]:
    """(stage, g1, g2) to try: first as trained (stage None), then one stage at a time, by the paper's number, then "all"."""
    g1, g2 = model.config.g1, model.config.g2
    found, sides = [(None, g1, g2)], token_grids(model, size)
    for index, side in enumerate(sides):
        stage = model.config.stages[index]
        windows = sorted({value for value in G1 if value < side} | {side, g1[index]})
        cells = sorted({value for value in G2 if value <= side} | {g2[index]})
        for one, two in product(windows, cells):
            if (one, two) != (g1[index], g2[index]):
                found.append((stage, (*g1[:index], one, *g1[index + 1 :]), (*g2[:index], two, *g2[index + 1 :])))
    ones = (1,) * len(sides)
    cells = [tuple(max(1, side // 2) for side in g2), *(tuple(-(-side // count) for side in sides) for count in CELLS)]
    joint = [*((tuple(min(window, side) for side in sides), g2) for window in WINDOWS), *((g1, sides) for sides in cells)]
    tried = {(one, two) for _, one, two in found}
    return found + [("all", one, two) for one, two in dict.fromkeys([*joint, (ones, tuple(sides))]) if (one, two) not in tried]


@torch.inference_mode()
def predictions(model: HATNet, images: Tensor, settings: Sequence[Setting]) -> Iterator[Tensor]:
    """The classes [b] that each setting predicts for normalised images [b, 3, h, w].

    What comes before the first stage with another setting than the trained one is computed once.
    """
    before = [model.stem(images), *model.forward_features(images)]  # each stage's input, then the last one's output
    trained = model.grids()
    for _, g1, g2 in settings:
        grids = model.grids(g1, g2)
        first = next((index for index, pair in enumerate(grids) if pair != trained[index]), len(grids))
        x = before[first]
        for stage, pair in zip(model.stages[first:], grids[first:], strict=True):
            x = stage(x, *pair)
        yield model.forward_head(x).argmax(1)


def spread(total: int, wanted: int) -> Tensor:
    """Numbers of `wanted` of `total` images, or of all, evenly over the list, in a random order that is always the same."""
    index = torch.linspace(0, total - 1, min(wanted, total)).round().long()
    return index[torch.randperm(len(index), generator=torch.Generator().manual_seed(0))]


def measure(model: HATNet, images: Images, mean: Sequence[float], std: Sequence[float], settings: Sequence[Setting]) -> Iterator[tuple]:
    """After each batch: how many images were seen, and how many of them each setting classified correctly, [settings]."""
    right = torch.zeros(len(settings), dtype=torch.long)
    for index in torch.arange(len(images)).split(images_at_once(images.side)):
        pixels = normalise(images.pixels[index], mean, std)
        for number, predicted in enumerate(predictions(model, pixels, settings)):
            right[number] += (predicted == images.labels[index]).sum()
        yield int(index[-1]) + 1, right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="a shipped checkpoint's name, or a .safetensors file")
    parser.add_argument("--data", required=True, help="pictures of its classes, held out from its training, as train_small.py names them")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--output", type=Path, help="(hatnet/shipped/NAME.grids.json)")
    args = parser.parse_args()
    info, model = checkpoint_info(args.checkpoint), load_checkpoint(args.checkpoint)
    size, fraction = info.image_size, info.extra.get("val_fraction", 0.1)
    held = data.load(args.data, "val", size, fraction, in_memory=0)
    try:
        held = relabelled(held, info.classes, {})
    except ValueError as error:
        sys.exit(str(error))
    index = spread(len(held), args.images)
    held = Images(pixels=held.pixels[index], labels=held.labels[index], classes=held.classes)
    settings = variants(model, size)
    rows = []
    for stage, g1, g2 in settings:
        count = complexity.count(model, (size, size), g1, g2)
        rows.append({"stage": stage, "g1": g1, "g2": g2, "accuracy": 0.0, "macs": count.total, "macs_conv_linear": count.conv_linear})
    trained = {"g1": model.config.g1, "g2": model.config.g2}
    result = {"data": title(args.data), "images": 0, "split": "val", "image_size": size, "trained": trained, "rows": rows}
    output = args.output or SHIPPED / f"{Path(args.checkpoint).stem}.grids.json"
    with tqdm(total=len(held), desc="grids", unit="image", disable=None) as bar:
        for seen, right in measure(model, held, info.mean, info.std, settings):
            for row, count in zip(rows, right.tolist(), strict=True):
                row["accuracy"] = count / seen
            result["images"] = seen
            with atomic_write(output) as partial:
                Path(partial).write_text(json.dumps(result, indent=1) + "\n")
            bar.update(seen - bar.n)
    for row in rows:
        where = f"stage {row['stage']}" if row["stage"] else "as trained"
        print(f"{where}: G1 {row['g1']}, G2 {row['g2']}: {row['accuracy']:.1%}, {row['macs'] / 1e6:.2f} M MACs")
    print(f"written to {output}")


if __name__ == "__main__":
    main()
