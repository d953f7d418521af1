"""Random changes to whole batches, each against a loop over the pictures or against torchvision."""

import math

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional

import hatnet
from hatnet import augment, data
from hatnet.machine import Machine
from hatnet.recipe import Recipe
from hatnet.training import Trainer

SHAPE = dict(dims=(24,), depths=(1,), expansions=(2,), kernels=(3,), g1=(4,), g2=(2,))


def noise(count, h, w):
    return torch.randint(0, 256, (count, 3, h, w), dtype=torch.uint8)


def trainer(recipe, pixels, machine=None, classes=("a", "b", "c")):
    """Whose normalised images are the pixels, in 0..255."""
    given = data.Images(pixels=pixels, labels=torch.arange(len(pixels)) % len(classes), classes=classes)
    model = hatnet.create_model("hatnet_compact", len(classes), **SHAPE)
    return Trainer(model, recipe, given, machine or Machine(), ([0.0] * 3, [1 / 255] * 3))


def recipe(**more):
    return Recipe(**dict(epochs=4, batch_size=16, learning_rate=0.01, augment="none") | more)


def test_shift_flip_cut_against_slices():
    pixels = noise(3, 16, 24)
    padded = np.pad(pixels.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="reflect")
    numbers = torch.tensor([[0.0, 0.999, 0.2, 0.5, 0.5], [0.5, 0.5, 0.7, 0.0, 0.0], [0.7, 0.1, 0.9, 0.9, 0.999]])
    out = augment.shift_flip_cut(pixels, 0.25, lambda n: numbers).numpy()
    wanted = [padded[0, :, 0:16, 4:28], padded[1, :, 2:18, 2:26][:, :, ::-1], padded[2, :, 3:19, 0:24][:, :, ::-1]]
    wanted = [image.copy() for image in wanted]
    wanted[0][:, 6:10, 10:14] = 128
    wanted[1][:, 0:2, 0:2] = 128
    wanted[2][:, 12:16, 21:24] = 128
    for image in range(3):
        np.testing.assert_array_equal(out[image], wanted[image])


def box_by_hand(numbers, h, w, area, aspect):
    """RandomResizedCrop's rule, for one picture."""
    tries = augment.TRIES
    for size, shape in zip(numbers[:tries], numbers[tries : 2 * tries], strict=True):
        pixels = h * w * (area[0] + size * (area[1] - area[0]))
        ratio = math.exp(math.log(aspect[0]) + shape * (math.log(aspect[1]) - math.log(aspect[0])))
        width, height = round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))
        if 0 < width <= w and 0 < height <= h:
            top, left = int(numbers[-2] * (h - height + 1)), int(numbers[-1] * (w - width + 1))
            return [top, left, height, width]
    ratio = min(max(w / h, aspect[0]), aspect[1])
    width, height = (w, round(w / ratio)) if ratio >= w / h else (round(h * ratio), h)
    return [(h - height) // 2, (w - width) // 2, height, width]


@pytest.mark.parametrize(
    "h, w, area, aspect", [(32, 32, (0.08, 1.0), (3 / 4, 4 / 3)), (20, 50, (0.5, 1.0), (0.5, 2.0)), (9, 9, (1, 1), (2, 4))]
)
def test_boxes_against_a_loop(h, w, area, aspect):
    """The third case never fits, and falls back; some of the second do."""
    numbers = torch.rand(200, augment.BOX, dtype=torch.float64)
    boxes = augment.random_boxes(numbers, h, w, area, aspect)
    assert boxes.tolist() == [box_by_hand(row, h, w, area, aspect) for row in numbers.tolist()]
    assert len(set(map(tuple, boxes.tolist()))) > 100 or aspect == (2, 4)


@pytest.mark.parametrize("side", [12, 40, 64])
def test_crops_against_torchvision(side):
    """Enlarged, reduced, and both in one box; some mirrored."""
    pixels = noise(6, 40, 48)
    boxes = torch.tensor([[0, 0, 40, 48], [3, 5, 7, 40], [30, 40, 10, 8], [39, 0, 1, 1], [10, 10, 20, 30], [0, 47, 40, 1]])
    flipped = torch.tensor([False, True, False, False, True, True])
    found = augment.resized_crops(pixels, boxes, flipped, side)
    for image, box, flip, ours in zip(pixels, boxes.tolist(), flipped, found, strict=True):
        wanted = functional.resized_crop(image.float(), *box, [side, side], antialias=True)
        torch.testing.assert_close(ours, functional.hflip(wanted) if flip else wanted, atol=1e-2, rtol=0)


def test_colours_against_torchvision():
    pixels, factors = noise(4, 8, 9), torch.tensor([[1.0, 1.0, 1.0], [0.5, 1.0, 1.0], [1.4, 0.7, 1.3], [0.8, 1.5, 0.0]])
    found = augment.adjusted_colours(pixels, factors)
    for image, (brightness, contrast, saturation), ours in zip(pixels.float() / 255, factors.tolist(), found, strict=True):
        image = functional.adjust_contrast(functional.adjust_brightness(image, brightness), contrast)
        torch.testing.assert_close(ours, 255 * functional.adjust_saturation(image, saturation), atol=1e-3, rtol=0)
    torch.testing.assert_close(found[0], pixels[0].float(), atol=1e-3, rtol=0)


def test_erasing_against_a_loop():
    images, numbers = torch.randn(50, 3, 20, 30), torch.rand(50, augment.BOX + 1, dtype=torch.float64)
    wanted = images.clone()
    for image, row in zip(wanted, numbers.tolist(), strict=True):
        if row[-1] < 0.4:
            top, left, height, width = box_by_hand(row[:-1], 20, 30, (0.02, 1 / 3), (0.3, 1 / 0.3))
            image[:, top : top + height, left : left + width] = 0
    assert torch.equal(augment.erased(images, 0.4, numbers), wanted)
    assert 10 < (wanted == 0).flatten(1).any(1).sum() < 30
    assert torch.equal(augment.erased(images, 0.0, numbers), images)


def test_labels_of_mixed_images_are_their_shares():
    """Image n is all n: after cutmix, the fraction of pixels with the value of the other image is its label's share; after mixup, the value
    is the weighted mean. With both, each step has one of them."""
    classes = tuple("abcdefghijklmnop")
    pixels = torch.arange(16, dtype=torch.uint8)[:, None, None, None].expand(16, 3, 32, 32) * 8
    kinds = []
    for more in ({"mixup": 0.8}, {"cutmix": 1.0}, {"mixup": 0.8, "cutmix": 1.0}):
        trained = trainer(recipe(**more), pixels, classes=classes)
        kinds.append([])
        for step in range(12):
            trained.state.step = step
            images, shares, _ = trained.batch(100)
            torch.testing.assert_close(shares.sum(1), torch.ones(16))
            values = images[:, 0].flatten(1) / 8
            torch.testing.assert_close(values.mean(1), (shares * torch.arange(16)).sum(1), atol=1e-4, rtol=0)
            cut = all(len(set(row.round(decimals=3).tolist())) <= 2 and (row - row.round()).abs().max() < 1e-3 for row in values)
            kinds[-1].append("cutmix" if cut else "mixup")
            assert ((shares > 0).sum(1) <= 2).all()
            if cut:
                torch.testing.assert_close(
                    shares.amax(1), torch.stack([row.unique(return_counts=True)[1].max() / 1024 for row in values.round()])
                )
    assert set(kinds[0]) == {"mixup"} and set(kinds[1]) == {"cutmix"} and {kinds[2].count("mixup")} <= set(range(2, 11))


ALL = dict(augment="resized", colour=0.4, erase=0.5, first_side=0.5)


@pytest.mark.parametrize("more", [ALL, dict(augment="shift", cut_out=0.25), ALL | dict(augment="shift")])
def test_processes_share_a_batch(more):
    """Each image is changed in the same way, whichever process has it; other steps and seeds change it otherwise."""
    pixels = noise(32, 32, 32)
    whole, labels, _ = trainer(recipe(**more), pixels).batch(8)
    parts = [trainer(recipe(**more, batch_size=8), pixels, Machine(rank=rank, world=2)) for rank in (0, 1)]
    for rank, part in enumerate(parts):
        images, own, _ = part.batch(8)
        torch.testing.assert_close(images, whole[rank::2], atol=1e-3, rtol=0)
        assert torch.equal(own, labels[rank::2])
    alike = pixels[:1].expand(32, 3, 32, 32)
    one, other = (trainer(recipe(**more, seed=seed), alike) for seed in (0, 1))
    assert not torch.equal(one.batch(8)[0], other.batch(8)[0])
    before, one.state.step = one.batch(8)[0], 1
    assert one.batch(8)[0].shape != before.shape or not torch.equal(one.batch(8)[0], before)


@pytest.mark.cuda
@pytest.mark.parametrize("more", [ALL | {"cutmix": 1.0, "mixup": 0.8}, dict(augment="shift", cut_out=0.25, erase=0.3)])
def test_a_gpu_sees_the_same_batches(more):
    """To the rounding of a float; without scaling, bit for bit. The pixels lie on the GPU."""
    pixels = noise(32, 32, 32)
    here, there = trainer(recipe(**more), pixels), trainer(recipe(**more), pixels, Machine(device=torch.device("cuda")))
    assert there.data.pixels.is_cuda
    for step in (0, 1, 2):
        here.state.step = there.state.step = step
        for ours, theirs in zip(here.batch(8), there.batch(8), strict=True):
            assert theirs.is_cuda
            torch.testing.assert_close(theirs.cpu(), ours, atol=2e-3, rtol=0)


@pytest.mark.cuda
def test_a_step_does_not_wait_for_the_gpu():
    steps = trainer(
        recipe(**ALL | {"cutmix": 1.0, "mixup": 0.8, "ema": 0.9}), noise(64, 32, 32), Machine(device=torch.device("cuda"))
    ).advance(20)
    for _ in range(4):
        next(steps)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(6):
            next(steps)
    finally:
        torch.cuda.set_sync_debug_mode("default")
