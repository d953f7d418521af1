"""What the Explorer's component is given, and the same from hatnet called directly."""

import base64

import numpy as np
import torch
from PIL import Image

import hatnet
from hatnet.preprocessing import centre_crop, normalise
from tests.app.pages import MAIN, components

SENT = {}  # key -> sheet: what a browser has been sent. A key says all that its sheet depends on.


def data(at):
    """What the component is given."""
    (found,) = [given for given in components(at) if "sheets" in given]
    SENT.update({sheet["key"]: sheet["body"] for sheet in found["sheets"].values() if sheet and "body" in sheet})
    return found


def cells(at, kind):
    """The weights of the selected token, as the browser has them: of its window, of all cells, or of all tokens."""
    found = data(at)
    (h, w), (y, x), sheet = found["grid"], found["token"], SENT[found["sheets"][kind]["key"]]
    row = unpacked(sheet)[0 if sheet["only"] is not None else y * w + x]
    if kind == "local":
        i, j = found["window"]
        return row.reshape(i, j)[: min(i, h - y // i * i), : min(j, w - x // j * j)]
    return row.reshape(-(-h // found["cell"]), -1) if kind == "global" else row.reshape(h, w)


def model_maps(image, g1, g2, name="cifar10"):
    """hatnet called directly, on the same crop."""
    info = hatnet.checkpoint_info(name)
    crop = centre_crop(Image.open(MAIN.parent / "samples" / f"{image}.jpg"), info.image_size)
    images = normalise(torch.from_numpy(np.array(crop)).permute(2, 0, 1), info.mean, info.std)[None]
    _, maps = hatnet.attention_maps(hatnet.load_checkpoint(name), images, g1=g1, g2=g2)
    return {(m.stage, m.block + 1, m.kind): m for m in maps}


def unpacked(sheet):
    """The rows that the browser has: [tokens, keys], off by at most 1/510 of the largest weight of the row."""
    levels = np.frombuffer(base64.b64decode(sheet["levels"]), np.uint8).reshape(-1, sheet["keys"])
    largest = np.frombuffer(base64.b64decode(sheet["told"]), "<f4").reshape(-1, 4)[:, 2:3]
    return levels / 255 * largest


RANDOM = np.random.default_rng(0)
# grid, window (as layouts give it), cell: even, odd, partial windows and cells.
GRIDS = [((8, 8), 4, 2), ((7, 7), 3, 2), ((9, 9), 4, 5), ((5, 5), 5, 1), ((6, 6), 1, 6)]


def local_rows(grid, g1):
    """Random local weights of all tokens over the places of their windows; 0 off the grid."""
    h, w = grid
    made = np.zeros((h * w, g1 * g1))
    for y in range(h):
        for x in range(w):
            tall, wide = min(g1, h - y // g1 * g1), min(g1, w - x // g1 * g1)
            square = np.zeros((g1, g1))
            square[:tall, :wide] = RANDOM.dirichlet(np.ones(tall * wide)).reshape(tall, wide)
            made[y * w + x] = square.ravel()
    return made
