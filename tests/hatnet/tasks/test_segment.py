"""Segmentation on the training loop: geometry of image and mask, the loss, mIoU, checkpoints."""

import dataclasses
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import hatnet
from hatnet.augment import CROP, scaled_crops
from hatnet.checkpoints import OtherTask, list_checkpoints, task_of
from hatnet.dense import dense_info, load_dense, save_dense, semantic_fpn
from hatnet.dense.scenes import VOID, load_scenes, scan_scenes
from hatnet.preprocessing import normalise
from hatnet.recipe import RECIPES, Recipe
from hatnet.tasks import TASKS
from hatnet.tasks.segment import mean_iou
from hatnet.training import Trainer
from tests.hatnet.dense.folders import COLOURS, make
from tests.hatnet.dense.models import body, small

HEADER = {"classes": list("abcde"), "mean": [0.5] * 3, "std": [0.2] * 3, "image_size": [32, 48], "data": "set"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return scan_scenes(make(tmp_path_factory.mktemp("scenes") / "set"))


def test_image_and_mask_go_the_same_way(folder):
    """Where all pixels around have one class, the augmented image has that class's colour; beyond the picture it has none."""
    data = load_scenes(folder, "train", (40, 56), 0.25, 1e9)
    pixels, masks, sizes = data.batch(0, 1, 8, 0, slice(None))
    numbers = torch.rand(8, CROP, generator=torch.Generator().manual_seed(1))
    images, labels, beyond = scaled_crops(pixels, masks, torch.tensor(sizes), numbers, (40, 56), (0.5, 2.0), VOID)
    assert images.shape == (8, 3, 40, 56) and labels.shape == beyond.shape == (8, 40, 56)
    assert (labels[beyond] == VOID).all() and beyond.any() and not beyond.all((1, 2)).any()
    table = torch.zeros(256, 3)
    table[:3] = torch.tensor(COLOURS, dtype=torch.float32)
    wanted = table[labels.long()].permute(0, 3, 1, 2)
    # A pixel whose neighbours, two steps around, have its class, and are in the picture: no border is near.
    windows = F.unfold(F.pad(labels[:, None].float(), (2,) * 4, value=-1), 5).view(8, 25, 40, 56)
    plain = (windows == labels[:, None]).all(1) & ~beyond
    assert plain.sum() > 1000
    assert (images - wanted).abs().amax(1)[plain].max() < 0.5
    nearer = torch.cdist(images.permute(0, 2, 3, 1).flatten(0, 2), table[:3]).argmin(1).view(8, 40, 56)
    known = labels != VOID
    assert (nearer == labels)[known].float().mean() > 0.9, "up to the borders"


@pytest.mark.parametrize("flip", [0.75, 0.25])
def test_a_crop_at_the_picture_s_own_scale_is_the_picture(flip, folder):
    """Rows 5 to 36 and columns 10 to 41 of 48 x 64, mirrored or not."""
    pixels, mask = load_scenes(folder, "train", (32, 32), 0.25, 1e9).held[0]
    numbers = torch.tensor([[0.5, 5.5 / 17, 10.5 / 33, flip]])
    images, labels, beyond = scaled_crops(pixels[None], mask[None], torch.tensor([[48, 64]]), numbers, (32, 32), (1.0, 1.0), VOID)
    wanted, real = pixels[:, 5:37, 10:42].float(), mask[5:37, 10:42]
    if flip < 0.5:
        wanted, real = wanted.flip(2), real.flip(1)
    torch.testing.assert_close(images[0], wanted)
    assert torch.equal(labels[0], real) and not beyond.any()


def test_every_place_is_reached_inside_and_around(folder):
    """The smallest and the largest random number put the picture to both ends; nothing lies outside."""
    pixels, mask = torch.zeros(2, 3, 24, 26, dtype=torch.uint8), torch.zeros(2, 24, 26, dtype=torch.uint8)  # with a margin
    sizes = torch.tensor([[20, 20]] * 2)
    ends = torch.tensor([[0.5, 0, 0, 0.9], [0.5, 0.9999, 0.9999, 0.9]])
    _, _, beyond = scaled_crops(pixels, mask, sizes, ends, (30, 30), (1.0, 1.0), VOID)
    assert beyond[0, :10].all() and not beyond[0, 10:, 10:].any() and not beyond[1, :20, :20].any() and beyond[1, 20:].all()
    _, labels, beyond = scaled_crops(pixels, mask, sizes, ends, (8, 8), (0.5, 0.5), VOID)
    assert not beyond.any() and not labels.any()


def naive_iou(answers, masks, classes):
    """Pixel by pixel."""
    both, either = [0] * classes, [0] * classes
    for answer, mask in zip(answers, masks, strict=True):
        for a, t in zip(answer.flatten().tolist(), mask.flatten().tolist(), strict=True):
            if t == VOID:
                continue
            for label in range(classes):
                both[label] += a == t == label
                either[label] += label in (a, t)
    return [b / e if e else None for b, e in zip(both, either, strict=True)]


def test_mean_iou_against_one_pixel_at_a_time(folder):
    """On whole pictures of two sizes; class 4 is neither there nor answered, and counts in no mean."""
    data = load_scenes(folder, "test", (32, 32), 0.25, 1e9)
    model = small("semantic_fpn", num_classes=3)
    mean, std = data.statistics()
    answers = [model(normalise(pixels[None], mean, std)).argmax(1)[0] for pixels, _ in data.held]
    wanted = naive_iou(answers, [mask for _, mask in data.held], 3)
    for batch_size in (1, 3):
        found = mean_iou(model, data, mean, std, batch_size=batch_size)
        there = [value for value in wanted if value is not None]
        assert found["iou"] == pytest.approx(wanted) and found["mean_iou"] == pytest.approx(sum(there) / len(there))
    with torch.no_grad():
        model.head.classifier.bias += torch.tensor([1e4, 0, 0])
    only = mean_iou(model, data, mean, std)
    assert only["iou"][1:] == [0, 0] and only["mean_iou"] == pytest.approx(only["iou"][0] / 3)


def test_the_loss_is_the_mean_over_pixels_of_which_void_counts_as_nothing():
    torch.manual_seed(0)
    logits, masks = torch.randn(2, 3, 4, 5), torch.randint(3, (2, 4, 5))
    masks[0, :2] = VOID
    total = 0.0
    for image, mask in zip(logits, masks, strict=True):
        for y in range(4):
            for x in range(5):
                if mask[y, x] != VOID:
                    total -= image[:, y, x].log_softmax(0)[mask[y, x]].item() / 20
    found = TASKS["segment"].loss(lambda images: images, (logits, masks), RECIPES["segment"], None)
    assert found.item() == pytest.approx(total, rel=1e-5)


def test_poly_by_hand():
    recipe = Recipe(epochs=1, batch_size=1, learning_rate=2.0, warm_up=0.1, schedule="poly")
    assert [recipe.learning_rate_at(step, 10) for step in (0, 1, 4, 9)] == pytest.approx([2.0, 2.0, 2 * (6 / 9) ** 0.9, 2 * (1 / 9) ** 0.9])


def test_step_by_hand():
    recipe = Recipe(epochs=1, batch_size=1, learning_rate=1.0, warm_up=0.0, schedule="step")
    rates = [recipe.learning_rate_at(step, 13) for step in range(13)]  # one step warms up, at the full rate
    assert rates == pytest.approx([1.0] * 9 + [0.1] * 3 + [0.01])


@pytest.mark.parametrize("fields, said", [({"augment": "shift"}, "augment is 'shift'"), ({"mixup": 0.8}, "mixup is 0.8")])
def test_recipes_that_do_not_suit(fields, said):
    with pytest.raises(ValueError, match=said):
        TASKS["segment"].check(Recipe(epochs=1, batch_size=1, learning_rate=1, **{"augment": "scaled"} | fields))
    with pytest.raises(ValueError, match='augment is "scaled"'):
        TASKS["classify"].check(RECIPES["segment"])


def test_it_learns(folder):
    """A few steps on the plain colours: the loss falls to a fraction."""
    torch.manual_seed(0)
    data = load_scenes(folder, "train", (32, 32), 0.25, 1e9)
    recipe = Recipe(epochs=10, batch_size=8, learning_rate=0.01, schedule="poly", augment="scaled", label_smoothing=0.0)
    trainer = Trainer(semantic_fpn(body(), 3, channels=8), recipe, data, task=TASKS["segment"])
    losses = list(trainer.optimise(15))
    assert losses[-1] < 0.7 * losses[0]


def test_a_checkpoint_comes_back(tmp_path):
    model, path = small("semantic_fpn"), tmp_path / "a.safetensors"
    model.backbone.body.config = dataclasses.replace(model.config, g1=(4, 4, 4), g2=(8, 4, 2))
    colours = [[n, 0, 255] for n in range(5)]
    save_dense(model, path, HEADER | {"mean_iou": 0.5, "colours": colours})
    info, again = dense_info(path, "segment"), load_dense(path)
    assert (info.task, info.head, info.channels, info.classes) == ("segment", "semantic_fpn", 8, tuple("abcde"))
    assert info.colours == tuple(map(tuple, colours)) and info.image_size == (32, 48) and info.extra["mean_iou"] == 0.5
    assert info.config == model.config and info.config.g1 == (4, 4, 4)
    images = torch.rand(1, 3, 40, 72)
    assert not again.training and torch.equal(again(images), model(images))
    save_dense(again, tmp_path / "b.safetensors", info.header())
    assert (tmp_path / "b.safetensors").read_bytes() == path.read_bytes()


def test_a_checkpoint_of_another_task(tmp_path):
    path = tmp_path / "run" / "best.safetensors"
    path.parent.mkdir()
    save_dense(small("semantic_fpn"), path, HEADER)
    for load in (hatnet.load_checkpoint, hatnet.checkpoint_info):
        with pytest.raises(
            OtherTask, match=r"is a checkpoint for the task segment \(hatnet.dense.load_dense loads it\); wanted one for classify"
        ):
            load(path)
    with pytest.raises(OtherTask, match=r"cards.safetensors is a checkpoint for the task classify .*; wanted one for segment"):
        load_dense("cards", "segment")
    with pytest.raises(ValueError, match="for the task segment; wanted one for detect"):
        dense_info(path, "detect")
    assert task_of(path) == "segment" and task_of("cards") == "classify"
    assert list_checkpoints(tmp_path) == list_checkpoints()
    assert list_checkpoints(tmp_path, task="segment")[-1] == str(path)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"classes": ["a"]}, "is not what its configuration describes: head.classifier.bias is \\[5\\], not \\[1\\]"),
        ({"colours": [[0, 0, 0]]}, "colours"),
        ({"mean": [0.5]}, "mean has 1 values; the images have 3 channels"),
        ({"image_size": 32}, "image_size"),
    ],
)
def test_headers_that_do_not_fit(change, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        save_dense(small("semantic_fpn"), tmp_path / "a.safetensors", HEADER | change)
    assert not list(tmp_path.iterdir())


def test_masks_as_a_palette_are_indices(tmp_path):
    root = make(tmp_path / "set", parts=("train",))
    with Image.open(root / "train" / "masks" / "0.png") as mask:
        plain = np.array(mask)
    coloured = Image.frombytes("P", plain.shape[::-1], plain.tobytes())
    coloured.putpalette([7] * 768)
    coloured.save(root / "train" / "masks" / "0.png")
    data = load_scenes(scan_scenes(root), "train", (32, 32), 0.25, 1e9)
    number = [scene.image.name for scene in data.scenes].index("images/0.png")
    assert data.held[number][1].tolist() == plain.tolist()
    assert json.loads((root / "classes.json").read_text())[0]["name"] == data.classes[0]
