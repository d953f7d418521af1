"""The paper's Tables 3 and 4 (#Param and #FLOPs) for HAT-Net, counted again: `python benchmarks/dense.py`.

Prints the table of docs/counting.md: twelve rows, four sizes with three heads each. No weights are made, so it takes seconds.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatnet import complexity
from hatnet.dense import Dense
from hatnet.paper import HEADS, NAMES, dense_row


def rows() -> Iterator[tuple[str, str, Dense, tuple[int, int], tuple[float, float]]]:
    """The head and the backbone by name, the model, the size, and the paper's parameters and FLOPs."""
    for head, made in HEADS.items():
        for name in NAMES:
            with torch.device("meta"):
                yield head, name, made.model(name), made.size, dense_row(head, name)


def main() -> None:
    print("| head, size | backbone | parameters | paper, M | conv + linear | QKᵀ and AV | together | with norms | paper, G |")
    print("|" + "---|" * 9)
    for head, name, model, size, (millions, flops) in rows():
        counted = complexity.count(model, size)
        macs = (f"{n / 1e9:.4f}" for n in (counted.conv_linear, counted.attention, counted.total, counted.with_norms))
        parameters = sum(p.numel() for p in model.parameters())
        print(f"| {head}, {size[0]} × {size[1]} | {name} | {parameters:,} | {millions} | {' | '.join(macs)} | {flops:g} |")


if __name__ == "__main__":
    main()
