"""A small folder of pictures and masks, whose colours tell the classes: shared by the tests of segmentation."""

import json

import numpy as np
from PIL import Image

COLOURS = [[200, 30, 30], [30, 200, 30], [30, 30, 200]]
NAMES = ["red", "green", "blue"]


def entries():
    return [{"index": index, "name": name, "colour": colour} for index, (name, colour) in enumerate(zip(NAMES, COLOURS, strict=True))]


def scene(random, h, w):
    """Pixels [h, w, 3] and mask [h, w]: blocks of 8 x 8 pixels of one class each, some without one."""
    blocks = random.choice([0, 1, 2, 255], (-(-h // 8), -(-w // 8)), p=[0.3, 0.3, 0.3, 0.1])
    mask = np.kron(blocks, np.ones((8, 8), dtype=int))[:h, :w].astype(np.uint8)
    table = np.zeros((256, 3), dtype=np.uint8)
    table[:3] = COLOURS
    return table[mask], mask


def make(root, parts=("train", "val", "test"), count=8, sizes=((48, 64), (40, 72))):
    """Write the folder, each part with pictures of these sizes in turn."""
    random = np.random.default_rng(0)
    for part in parts:
        for kind in ("images", "masks"):
            (root / part / kind).mkdir(parents=True)
        for number in range(count):
            pixels, mask = scene(random, *sizes[number % len(sizes)])
            Image.fromarray(pixels).save(root / part / "images" / f"{number}.png")
            Image.fromarray(mask).save(root / part / "masks" / f"{number}.png")
    (root / "classes.json").write_text(json.dumps(entries()))
    return root
