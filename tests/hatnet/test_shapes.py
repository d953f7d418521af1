"""The drawn shapes against a renderer that asks of every pixel which object lies on top."""

import math

import pytest
import torch

from hatnet.shapes import CLASSES, MOST, RADIUS, SEEN, SIZE, draw

DRAWN = draw(6, torch.Generator().manual_seed(3))


def outline(kind, y, x, radius, turn):
    """The corners of a polygon (y, x): halfway between the directions of two sides, as far from the middle as the radius."""
    corners = {"square": 4, "triangle": 3}[kind]
    angles = [turn + (2 * side + 1) * math.pi / corners for side in range(corners)]
    return [(y + radius * math.sin(a), x + radius * math.cos(a)) for a in angles]


def holds(kind, place, py, px):
    """Whether a point lies inside: by the distance, or by how many sides a ray to the right crosses."""
    if kind == "disc":
        return math.dist(place[:2], (py, px)) < place[2]
    inside, corners = False, outline(kind, *place)
    for (y1, x1), (y2, x2) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (y1 > py) != (y2 > py) and px < x1 + (py - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
    return inside


def whole_area(kind, place):
    if kind == "disc":
        return math.pi * place[2] ** 2
    corners = outline(kind, *place)
    return abs(sum(y1 * x2 - y2 * x1 for (y1, x1), (y2, x2) in zip(corners, corners[1:] + corners[:1], strict=True))) / 2


def known(index):
    """The objects of an image: kind and place."""
    pairs = zip(DRAWN.classes[index].tolist(), DRAWN.places[index].tolist(), strict=True)
    return [(CLASSES[kind], place) for kind, place in pairs if kind >= 0]


@pytest.mark.parametrize("index", range(2))
def test_every_pixel_shows_the_object_that_was_painted_last(index):
    objects, shown = known(index), DRAWN.shown[index].tolist()
    for py in range(SIZE):
        for px in range(SIZE):
            on_top = max((n for n, (kind, place) in enumerate(objects) if holds(kind, place, py + 0.5, px + 0.5)), default=-1)
            assert shown[py][px] == on_top, (py, px)


@pytest.mark.parametrize("index", range(4))
def test_masks_boxes_and_classes_are_those_of_the_visible_parts(index):
    objects, found, shown = known(index), DRAWN.objects(index), DRAWN.shown[index].tolist()
    assert 1 <= len(objects) <= MOST and [CLASSES[kind] for kind in found["classes"]] == [kind for kind, _ in objects]
    assert (found["masks"].dtype, found["boxes"].dtype, found["classes"].dtype) == (torch.uint8, torch.float32, torch.int64)
    assert found["masks"].shape == (len(objects), SIZE, SIZE) and found["masks"].sum(0).max() <= 1
    for n, ((kind, place), mask, box) in enumerate(zip(objects, found["masks"], found["boxes"].tolist(), strict=True)):
        pixels = [(y, x) for y in range(SIZE) for x in range(SIZE) if shown[y][x] == n]
        assert pixels == [tuple(pixel) for pixel in mask.nonzero().tolist()]
        rows, columns = zip(*pixels, strict=True)
        assert box == [min(columns), min(rows), max(columns) + 1, max(rows) + 1]
        assert len(pixels) >= SEEN * whole_area(kind, place) and RADIUS[0] <= place[2] <= RADIUS[1]


def test_a_seed_gives_the_same_images_and_another_others():
    again, other = (draw(6, torch.Generator().manual_seed(seed)) for seed in (3, 4))
    assert all(torch.equal(a, b) for a, b in zip(DRAWN, again, strict=True))
    assert not torch.equal(DRAWN.pixels, other.pixels)


def test_many_images_have_all_classes_and_numbers_and_some_objects_are_covered():
    drawn = draw(80, torch.Generator().manual_seed(0))
    counts = torch.bincount((drawn.classes >= 0).sum(1), minlength=MOST + 1)
    assert counts[0] == 0 and (counts[1:] >= 4).all()
    assert (torch.bincount(drawn.classes[drawn.classes >= 0]) > 50).all()
    covered = 0
    for index in range(80):
        for kind, place, mask in zip(drawn.classes[index], drawn.places[index].tolist(), drawn.objects(index)["masks"], strict=False):
            covered += mask.sum().item() < 0.9 * whole_area(CLASSES[kind], place)
    assert covered > 60


def test_an_object_stands_out_from_what_it_lies_on():
    """Its mean colour is another than that of the other objects and of the background."""
    for index, pixels in enumerate(DRAWN.pixels.float()):
        colours = [pixels[:, DRAWN.shown[index] == n].mean(1) for n in range(-1, len(known(index)))]
        assert all((a - b).abs().max() > 15 for i, a in enumerate(colours) for b in colours[:i])
