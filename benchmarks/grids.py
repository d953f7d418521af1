"""Accuracy and cost of a checkpoint with other G1 and G2 than in its training: `python benchmarks/grids.py NAME --data DATA`.

One hierarchical stage at a time, the others as trained: every G1 in {2, 4, 7, 8, the whole map} with every G2 in {1, 2, 4, 8}, if
they fit the stage's token grid, and with the trained values too. No weight depends on G1 or G2, so nothing is trained.
Uses 1,000 images that were held out from training (all of them, if there are fewer), and the MACs of one image by
`hatnet.complexity.count`. Writes hatnet/shipped/NAME.grids.json.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import HATNet, checkpoint_info, complexity, data, load_checkpoint
from hatnet.checkpoints import SHIPPED
from hatnet.data import Images
from hatnet.evaluation import images_at_once
from hatnet.preprocessing import normalise

G1 = (2, 4, 7, 8)
G2 = (1, 2, 4, 8)


def token_grids(model: HATNet, size: int) -> list[int]:
    """Side of the map of each hierarchical stage, in tokens, for a square image of `size` pixels."""
    with torch.inference_mode():
        maps = model.forward_features(torch.zeros(1, 3, size, size))
    return [x.shape[-1] for x in maps[: len(model.config.g1)]]


def variants(model: HATNet, size: int) -> list[tuple[int | None, tuple[int, ...], tuple[int, ...]]]:
    """(stage, g1, g2) to try: first as trained (stage None), then one stage at a time, by the paper's number."""
    g1, g2 = model.config.g1, model.config.g2
    found = [(None, g1, g2)]
    for index, side in enumerate(token_grids(model, size)):
        stage = model.config.stages[index]
        windows = sorted({value for value in G1 if value < side} | {side, g1[index]})
        cells = sorted({value for value in G2 if value <= side} | {g2[index]})
        for one, two in product(windows, cells):
            if (one, two) != (g1[index], g2[index]):
                found.append((stage, (*g1[:index], one, *g1[index + 1 :]), (*g2[:index], two, *g2[index + 1 :])))
    return found


@torch.inference_mode()
def right(model: HATNet, images: Images, mean: Sequence[float], std: Sequence[float], g1: tuple[int, ...], g2: tuple[int, ...]) -> Tensor:
    """Which images are classified correctly with this G1 and G2: bool [n]."""
    batches = zip(*(tensor.split(images_at_once(images.side)) for tensor in (images.pixels, images.labels)), strict=True)
    return torch.cat([model(normalise(pixels, mean, std), g1, g2).argmax(1) == labels for pixels, labels in batches])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="a shipped checkpoint's name, or a .safetensors file")
    parser.add_argument("--data", required=True, help=f"what it was trained on: {', '.join(data.TORCHVISION)} or folder:PATH")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--output", type=Path, help="(hatnet/shipped/NAME.grids.json)")
    args = parser.parse_args()
    info, model = checkpoint_info(args.checkpoint), load_checkpoint(args.checkpoint)
    size, fraction = info.image_size, info.extra.get("val_fraction", 0.1)
    held = data.load(args.data, "val", size, fraction)
    if held.classes != info.classes:
        sys.exit(f"{args.checkpoint} has the classes {list(info.classes)}; {args.data} has {list(held.classes)}")
    held = Images(pixels=held.pixels[: args.images], labels=held.labels[: args.images], classes=held.classes)
    rows = []
    for stage, g1, g2 in tqdm(variants(model, size), "grids", unit="setting", disable=None):
        accuracy = right(model, held, info.mean, info.std, g1, g2).float().mean().item()
        count = complexity.count(model, (size, size), g1, g2)
        rows.append({"stage": stage, "g1": g1, "g2": g2, "accuracy": accuracy, "macs": count.total, "macs_conv_linear": count.conv_linear})
        where = f"stage {stage}" if stage else "as trained"
        tqdm.write(f"{where}: G1 {g1}, G2 {g2}: {accuracy:.1%}, {count.total / 1e6:.2f} M MACs")
    trained = {"g1": model.config.g1, "g2": model.config.g2}
    result = {"data": info.data, "images": len(held), "split": "val", "image_size": size, "trained": trained, "rows": rows}
    output = args.output or SHIPPED / f"{Path(args.checkpoint).stem}.grids.json"
    output.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written to {output}")


if __name__ == "__main__":
    main()
