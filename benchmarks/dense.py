"""The paper's Tables 3 and 4 (#Param and #FLOPs) for HAT-Net, counted again: `python benchmarks/dense.py`.

Prints the table of docs/counting.md: twelve rows, four sizes with three heads each. No weights are made, so it takes seconds.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import complexity
from hatnet.__main__ import PAPER
from hatnet.dense import Dense, mask_rcnn, retinanet, semantic_fpn

# The head, its classes (ADE20K, COCO), the size in pixels, and the paper's millions of parameters and "#FLOPs" in G.
HEADS = {
    "Semantic FPN": (semantic_fpn, 150, (512, 512), ((15.9, 33.2), (29.5, 49.6), (46.7, 74.7), (66.8, 96.4))),
    "RetinaNet": (retinanet, 80, (800, 1280), ((21.6, 212), (35.5, 286), (52.7, 405), (73.1, 519))),
    "Mask R-CNN": (mask_rcnn, 80, (800, 1280), ((31.8, 231), (45.4, 305), (62.6, 424), (82.7, 537))),
}


def rows() -> Iterator[tuple[str, str, Dense, tuple[int, int], tuple[float, float]]]:
    """The head and the backbone by name, the model, the size, and the paper's parameters and FLOPs."""
    for head, (make, classes, size, paper) in HEADS.items():
        for name, figures in zip(PAPER, paper, strict=True):
            with torch.device("meta"):
                yield head, name, make(name, classes), size, figures


def main() -> None:
    print("| head, size | backbone | parameters | paper, M | conv + linear | QKᵀ and AV | together | with norms | paper, G |")
    print("|" + "---|" * 9)
    for head, name, model, size, (millions, flops) in rows():
        counted = complexity.count(model, size)
        macs = (f"{n / 1e9:.4f}" for n in (counted.conv_linear, counted.attention, counted.total, counted.with_norms))
        parameters = sum(p.numel() for p in model.parameters())
        print(f"| {head}, {size[0]} × {size[1]} | {name} | {parameters:,} | {millions} | {' | '.join(macs)} | {flops} |")


if __name__ == "__main__":
    main()
