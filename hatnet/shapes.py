"""Shapes: a drawn task for detection and instance segmentation. Every object's mask and box are known to the pixel.

An image has 128 x 128 pixels and 1 to 6 objects: discs, squares and triangles of any colour, size and turn, painted one after the other,
so that later ones cover parts of earlier ones. An object's mask is what is seen of it, and its box is the smallest around that.
At least half of every object is seen: what would cover more of another, or hang further over the edge, is not painted.

Axes: b images; n the objects of an image, in the order of painting; h w pixels. A pixel belongs to an object if its middle lies inside.
"""

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torchvision.ops import masks_to_boxes

from hatnet.data import generator
from hatnet.dense.objects import Instances, Objects

CLASSES = ("disc", "square", "triangle")
SIZE = 128  # pixels
MOST = 6  # objects in an image
RADIUS = 12, 32  # pixels from an object's middle to its outermost point
EPOCH = 1024  # images
MEAN, STD = [0.5] * 3, [0.25] * 3  # of each channel, for pixels in 0..1: roughly
SEEN = 0.5  # at least this part of every object is seen
_TRIES = 10  # objects to try, until there are as many as wanted
_CORNERS = 4, 3  # of square and triangle


class Drawn(NamedTuple):
    """Images of shapes, and which object shows at each pixel."""

    pixels: Tensor  # uint8 [b, 3, 128, 128]
    shown: Tensor  # int64 [b, 128, 128]: the object's number, -1 for the background
    classes: Tensor  # int64 [b, n]: of each object, in CLASSES; -1 for each one missing
    places: Tensor  # float64 [b, n, 4]: of each object, its middle (y, x) and radius in pixels, and its turn in radians

    def objects(self, index: int) -> Instances:
        """The m objects of one image: "classes" int64 [m], "masks" uint8 [m, h, w], "boxes" float32 [m, 4]: x1, y1, x2, y2 in pixels.

        A box runs along the edges of its outermost pixels: one pixel at (y, x) has the box x, y, x + 1, y + 1.
        """
        classes = self.classes[index]
        masks = self.shown[index] == torch.arange(len(classes))[classes >= 0, None, None]
        boxes = masks_to_boxes(masks) + torch.tensor([0.0, 0.0, 1.0, 1.0])
        return {"classes": classes[classes >= 0], "masks": masks.to(torch.uint8), "boxes": boxes}


def draw(count: int, random: Generator) -> Drawn:
    """Draw `count` images. The same generator state gives the same images."""
    classes = torch.randint(len(CLASSES), (count, _TRIES), generator=random)
    places = torch.rand(count, _TRIES, 4, generator=random, dtype=torch.float64)
    places = places * torch.tensor([SIZE, SIZE, RADIUS[1] - RADIUS[0], 2 * math.pi]) + torch.tensor([0, 0, RADIUS[0], 0])
    wanted = torch.randint(1, MOST + 1, (count,), generator=random)

    shown = torch.full((count, SIZE, SIZE), -1)
    tries = torch.full((count, MOST), -1)  # which of the tries each object is
    areas = torch.zeros(count, MOST, dtype=torch.float64)  # of the whole objects
    for index in range(_TRIES):
        mask, area = shape(classes[:, index], places[:, index])
        number = (tries >= 0).sum(1)  # of the object to be painted
        new = torch.arange(MOST) == number[:, None]
        after, whole = torch.where(mask, number[:, None, None], shown), torch.where(new, area[:, None], areas)
        seen = (after[:, None] == torch.arange(MOST)[:, None, None]).sum((2, 3))
        fits = (number < wanted) & (seen >= SEEN * whole).all(1)
        shown, areas = torch.where(fits[:, None, None], after, shown), torch.where(fits[:, None], whole, areas)
        tries = torch.where(new & fits[:, None], index, tries)

    # Hues are spread over the tries, so that no two objects of an image have the same. The background is a grey slope.
    hue = (torch.rand(count, _TRIES, generator=random).argsort(1) + 0.5 * torch.rand(count, _TRIES, generator=random)) / _TRIES
    colours = 0.5 + 0.5 * torch.cos(2 * math.pi * (hue[..., None] - torch.arange(3) / 3))
    colours = colours * (0.6 + 0.4 * torch.rand(count, _TRIES, 1, generator=random))
    level, down, across = torch.rand(3, count, 1, 1, generator=random) - 0.5
    side = torch.linspace(-1, 1, SIZE)
    grey = 0.5 + 0.4 * level + 0.2 * (down * side[:, None] + across * side)
    image, nothing = torch.arange(count)[:, None], tries < 0
    of_objects = colours[image, tries.clamp(min=0)]
    light = torch.where(shown[..., None] >= 0, of_objects[image[..., None], shown.clamp(min=0)], grey[..., None]).permute(0, 3, 1, 2)
    light = light + 0.04 * torch.randn(light.shape, generator=random)
    kept = [values[image, tries.clamp(min=0)] for values in (classes, places)]
    return Drawn(
        pixels=(light.clamp(0, 1) * 255).round().to(torch.uint8),
        shown=shown,
        classes=kept[0].masked_fill(nothing, -1),
        places=kept[1].masked_fill(nothing[..., None], 0),
    )


def shape(classes: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """One whole object for each image: its mask, bool [b, h, w], and its area in pixels [b], also of what lies off the image.

    classes [b], in CLASSES; places [b, 4]: middle (y, x) and radius in pixels, and turn in radians.
    A disc is r > |p|; a regular polygon of k corners holds p if p u_i < r cos(pi / k) for the k directions u_i of its sides.
    """
    at = torch.arange(SIZE, dtype=torch.float64) + 0.5
    y, x, r = at[:, None] - places[:, 0, None, None], at - places[:, 1, None, None], places[:, 2, None, None]
    masks, areas = [y**2 + x**2 < r**2], [math.pi * places[:, 2] ** 2]
    for corners in _CORNERS:
        angles = places[:, 3, None] + 2 * math.pi / corners * torch.arange(corners, dtype=torch.float64)
        sides = angles.sin()[..., None, None] * y[:, None] + angles.cos()[..., None, None] * x[:, None]
        masks.append((sides < r[:, None] * math.cos(math.pi / corners)).all(1))
        areas.append(corners / 2 * math.sin(2 * math.pi / corners) * places[:, 2] ** 2)
    chosen = classes[None]
    return torch.stack(masks).take_along_dim(chosen[..., None, None], 0)[0], torch.stack(areas).take_along_dim(chosen, 0)[0]


class Shapes:
    """Fresh images for every step, in place of a training set."""

    classes, side, size, masks = CLASSES, SIZE, (SIZE, SIZE), True
    nbytes, lazy, device = 0, False, torch.device("cpu")  # drawn for each step, which is quick

    def __len__(self) -> int:
        """The length of an epoch, by definition."""
        return EPOCH

    def statistics(self) -> tuple[list[float], list[float]]:
        return MEAN, STD

    def class_counts(self) -> Tensor:
        raise ValueError('class_weights is "balanced"; shapes have as many of each class, and cannot be counted: leave it out')

    def on(self, device: torch.device) -> "Shapes":
        return self

    def batch(self, step: int, steps: int, count: int, seed: int, shard: slice) -> tuple[list[Tensor], list[Instances]]:
        """Like `Objects.batch`."""
        drawn = draw(count, generator(seed, 0, step))
        some = range(count)[shard]
        return [drawn.pixels[index] for index in some], [drawn.objects(index) for index in some]


def images(count: int, seed: int) -> Objects:
    """A fixed set, for evaluation."""
    drawn = draw(count, Generator().manual_seed(seed))
    counts = torch.bincount(drawn.classes[drawn.classes >= 0], minlength=len(CLASSES))

    def read(number: int, pixels: Tensor | None) -> tuple[Tensor, Instances]:
        return drawn.pixels[number], drawn.objects(number)

    return Objects(count=count, classes=CLASSES, side=SIZE, masks=True, read=read, held=list(drawn.pixels), counts=counts)
