"""Detection on the training loop: geometry of image, boxes and masks, the loss, average precision, checkpoints."""

import dataclasses
import math

import pytest
import torch

from hatnet import shapes
from hatnet.augment import scaled_objects
from hatnet.checkpoints import OtherTask, task_of
from hatnet.dense import load_dense, save_dense
from hatnet.dense.checkpoints import build_dense, dense_info, description
from hatnet.dense.coco import load_objects, scan_coco
from hatnet.dense.detection import scaled_size
from hatnet.dense.objects import Objects
from hatnet.machine import CPU, Machine
from hatnet.recipe import RECIPES
from hatnet.tasks import TASKS
from hatnet.tasks.detect import average_precision, singles
from hatnet.training import Trainer
from tests.hatnet.dense.coco import make
from tests.hatnet.dense.models import body

HEADS = {
    "retinanet": {"name": "retinanet", "channels": 8, "side": 64, "anchors": [16, 32, 64, 128, 256]},
    "mask_rcnn": {"name": "mask_rcnn", "channels": 8, "side": 64, "anchors": [16, 32, 64, 128, 256], "regions": 8},
}
HEADER = {"classes": ["red", "blue"], "mean": [0.4] * 3, "std": [0.2] * 3, "image_size": [64, 64], "data": "set"}


def model_of(head, classes=2):
    torch.manual_seed(1)
    return build_dense(body().config, HEADS[head], classes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return scan_coco(make(tmp_path_factory.mktemp("coco") / "set"))


def trainer_of(data, head="mask_rcnn", machine=CPU, **changes):
    recipe = dataclasses.replace(RECIPES["detect"], **{"batch_size": 2, "epochs": 1, "drop_path": 0.0} | changes)
    return Trainer(model_of(head), recipe, data, machine, None, TASKS["detect"])


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("size", [(48, 64), (96, 128), (31, 50)])
def test_image_boxes_and_masks_go_the_same_way(flip, size, folder):
    """A red and a blue square on grey: the augmented box is the smallest around the augmented mask, and the mask lies on the colour."""
    pixels, objects = load_objects(folder, "train", 48, 0.25, 1e9, True).take([4])[0]
    image, found = scaled_objects(pixels, objects, size, flip)
    assert image.shape == (3, *size) and found["masks"].shape == (2, *size)
    for box, mask, label in zip(found["boxes"].tolist(), found["masks"], found["classes"].tolist(), strict=True):
        rows, columns = mask.nonzero().unbind(1)
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert all(abs(a - b) <= 1 for a, b in zip(box, seen, strict=True))
        inner = mask[None, None].float()
        inner = -torch.nn.functional.max_pool2d(-inner, 5, 1, 2)[0, 0] > 0  # two pixels from the border
        colour = torch.tensor([(220.0, 40, 40), (40, 40, 220)][label])
        assert inner.sum() > 20 and (image[:, inner] - colour[:, None]).abs().max() < 1
    if size == (48, 64) and not flip:
        assert torch.equal(image, pixels.float()) and torch.equal(found["boxes"], objects["boxes"])


def test_the_size_is_the_one_at_inference(folder):
    """`scaled_size` and torchvision's transform agree to a pixel, for tall, wide and very wide pictures."""
    model = model_of("retinanet").eval()
    for size in ((48, 64), (640, 480), (40, 200), (100, 100)):
        image, _ = model.transform.resize(torch.rand(3, *size))
        assert max(abs(a - b) for a, b in zip(image.shape[1:], scaled_size(size, 64), strict=True)) <= 1
    assert scaled_size((480, 640), 240) == (240, 320) and scaled_size((480, 640), 240, 0.5) == (120, 160)
    assert scaled_size((100, 1000), 240) == (40, 400)


def test_numbers_follow_the_step_whatever_the_processes(folder):
    """Two processes with one image each get what one process gets, image for image; another step other numbers."""
    data = load_objects(folder, "train", 48, 0.25, 1e9, True)
    whole = trainer_of(data)
    images, targets = whole.batch(10)
    for rank in range(2):
        part = trainer_of(data, machine=Machine(device=CPU.device, rank=rank, world=2), batch_size=1)
        (image,), (target,) = part.batch(10)
        assert torch.equal(image, images[rank]) and all(torch.equal(target[name], targets[rank][name]) for name in target)
    again = trainer_of(data).batch(10)[0]
    assert all(torch.equal(a, b) for a, b in zip(again, images, strict=True))
    whole.state.step = 1
    assert any(a.shape != b.shape or not torch.equal(a, b) for a, b in zip(whole.batch(10)[0], images, strict=True))


def test_scales_and_flips_take_their_whole_range(folder):
    data = load_objects(folder, "train", 48, 0.25, 1e9, False)
    trainer = trainer_of(data, "retinanet", scales=(0.5, 1.5), colour=0.0, batch_size=24)
    images, targets = trainer.batch(1)
    heights = [image.shape[1] for image in images]
    assert min(heights) < 34 and max(heights) > 62 and all(24 <= height <= 72 for height in heights)
    sides = [
        bool(target["boxes"][0, 0] * 2 > image.shape[2]) for image, target in zip(images, targets, strict=True) if len(target["boxes"])
    ]
    assert 4 < sum(sides) < 20, "red lies left, or right after a flip"


def test_crowds_are_not_trained_on():
    objects = {"boxes": torch.rand(3, 4), "classes": torch.arange(3), "area": torch.ones(3), "crowd": torch.tensor([False, True, False])}
    kept = singles(objects)
    assert kept["classes"].tolist() == [0, 2] and torch.equal(kept["boxes"], objects["boxes"][[0, 2]]) and set(kept) == {"boxes", "classes"}


@pytest.mark.parametrize("head", HEADS)
def test_a_step_learns_from_every_class_and_from_nothing(head, folder):
    """One step, with an empty picture among others; all weights of the head move."""
    data = load_objects(folder, "train", 48, 0.25, 1e9, True)
    trainer = trainer_of(data, head, batch_size=24)
    before = {name: value.clone() for name, value in trainer.state.model.state_dict().items()}
    (loss,) = trainer.optimise(1)
    assert math.isfinite(loss) and 0 < loss < 20
    still = [name for name, value in trainer.state.model.named_parameters() if torch.equal(value, before[name])]
    assert not still


class Answers(torch.nn.Module):
    """A detector whose answers are known."""

    needs = ("boxes", "labels", "masks")

    def __init__(self, answers):
        super().__init__()
        self.answers, self.weight = list(answers), torch.nn.Parameter(torch.zeros(()))

    def to_classes(self, labels):
        return labels - 1

    def forward(self, images):
        return [self.answers.pop(0) for _ in images]


def square(x, y, side, size=100):
    mask = torch.zeros(size, size, dtype=torch.uint8)
    mask[y : y + side, x : x + side] = 1
    return [float(x), float(y), float(x + side), float(y + side)], mask


def truth(*squares, crowd=()):
    boxes, masks = zip(*(square(*one) for one in squares), strict=True)
    return {
        "boxes": torch.tensor(boxes),
        "classes": torch.zeros(len(boxes), dtype=torch.int64),
        "masks": torch.stack(masks),
        "area": torch.tensor([float(one[2]) ** 2 for one in squares]),
        "crowd": torch.tensor([number in crowd for number in range(len(boxes))]),
    }


def answer(*squares):
    """Squares in the order of their scores."""
    boxes, masks = zip(*(square(*one) for one in squares), strict=True)
    scores = torch.linspace(0.9, 0.1, len(boxes)) if len(boxes) > 1 else torch.tensor([0.9])
    return {
        "boxes": torch.tensor(boxes),
        "labels": torch.ones(len(boxes), dtype=torch.int64),
        "scores": scores,
        "masks": torch.stack(masks)[:, None].float(),
    }


def known(*objects):
    def read(number, pixels):
        return torch.zeros(3, 100, 100, dtype=torch.uint8), objects[number]

    return Objects(count=len(objects), classes=("square",), side=100, masks=True, read=read, held=None, counts=torch.tensor([1]))


def test_average_precision_by_hand():
    """Two squares of 20; the first answer is right, the second wrong, the third 20 x 20 moved by 4: IoU 320 / 480 = 2/3.

    Precision is 1 up to a recall of 1/2. At thresholds up to 0.65 the third answer counts, for a precision of 2/3 from there to 1. COCO
    reads precision at the 101 recalls 0, 0.01, ..., 1: 51 of them are at most 1/2.
    """
    data = known(truth((10, 10, 20), (60, 60, 20)))
    found = average_precision(Answers([answer((10, 10, 20), (30, 70, 20), (64, 60, 20))]), data, per_class=True)
    both, one = (51 + 50 * 2 / 3) / 101, 51 / 101
    for prefix in ("", "mask_"):
        assert found[f"{prefix}ap50"] == pytest.approx(both, abs=1e-6) and found[f"{prefix}ap75"] == pytest.approx(one, abs=1e-6)
        assert found[f"{prefix}ap"] == pytest.approx((4 * both + 6 * one) / 10, abs=1e-6)
        assert found[f"{prefix}ap_small"] == pytest.approx(found[f"{prefix}ap"]) and found[f"{prefix}ap_large"] is None
        assert found[f"{prefix}ap_of_classes"] == pytest.approx([found[f"{prefix}ap"]])


def test_crowds_count_neither_way():
    """An answer within a crowd is neither right nor wrong; without the crowd it is wrong, and comes first."""
    answers = answer((50, 50, 20), (10, 10, 20))
    crowd = average_precision(Answers([answers]), known(truth((10, 10, 20), (40, 40, 50), crowd=(1,))))
    alone = average_precision(Answers([answers]), known(truth((10, 10, 20))))
    assert crowd["ap50"] == pytest.approx(1) and alone["ap50"] == pytest.approx(0.5)


def test_a_set_without_objects_is_worth_nothing():
    empty = {name: value[:0] for name, value in truth((1, 1, 5)).items()}
    found = average_precision(Answers([answer((1, 1, 5))]), known(empty))
    assert found["ap50"] == 0 and found["ap"] is None


@pytest.mark.parametrize("head", HEADS)
def test_checkpoints_come_back(head, tmp_path):
    """The same answers after saving and loading, with the head's settings and the pixels' mean and deviation."""
    model = model_of(head)
    model.normalise_by([0.4] * 3, [0.2] * 3)
    path = tmp_path / "model.safetensors"
    save_dense(model, path, HEADER)
    loaded, info = load_dense(path, "detect"), dense_info(path)
    assert {"name": info.head} | info.settings == HEADS[head] == description(loaded) and task_of(path) == "detect"
    images = [torch.rand(3, 50, 70)]
    for a, b in zip(model.eval()(images)[0].values(), loaded(images)[0].values(), strict=True):
        torch.testing.assert_close(a, b)
    with pytest.raises(OtherTask, match=r"is a checkpoint for the task detect.*wanted one for segment"):
        load_dense(path, "segment")


def test_mask_logits_begin_near_a_coin(folder):
    """ln 2 for each pixel, however few the classes."""
    model = build_dense(body().config, HEADS["mask_rcnn"], 3)
    drawn = shapes.draw(2, torch.Generator().manual_seed(0))
    losses = model([pixels / 255 for pixels in drawn.pixels], [drawn.objects(number) for number in range(2)])
    assert losses["loss_mask"].item() == pytest.approx(math.log(2), abs=0.05)


def test_recipes_that_do_not_suit():
    for name, value in (("mixup", 0.2), ("label_smoothing", 0.1), ("class_weights", "balanced"), ("augment", "shift")):
        with pytest.raises(ValueError, match=name):
            TASKS["detect"].check(dataclasses.replace(RECIPES["detect"], **{name: value}))
    for name in ("detect", "shapes"):
        TASKS["detect"].check(RECIPES[name])


def test_the_step_schedule():
    """Section 4.3: a tenth after 8 of 12 epochs, a hundredth after 11."""
    recipe = dataclasses.replace(RECIPES["detect"], warm_up=0.0, learning_rate=1.0)
    rates = [recipe.learning_rate_at(step, 1201) for step in (100, 790, 810, 1090, 1110)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_shapes_are_fresh_and_follow_the_step():
    data = shapes.Shapes()
    one, again, other = data.batch(3, 10, 2, 0, slice(None)), data.batch(3, 10, 2, 0, slice(None)), data.batch(4, 10, 2, 0, slice(None))
    assert torch.equal(one[0][1], again[0][1]) and not torch.equal(one[0][1], other[0][1])
    half = data.batch(3, 10, 2, 0, slice(1, 2))
    assert torch.equal(half[0][0], one[0][1]) and torch.equal(half[1][0]["boxes"], one[1][1]["boxes"])
    held = shapes.images(3, 1)
    pixels, objects = held.take([2])[0]
    assert pixels.shape == (3, 128, 128) and len(objects["boxes"]) == len(objects["masks"]) and held.class_counts().sum() > 0
    share = torch.stack(data.batch(0, 1, 32, 0, slice(None))[0]).float() / 255
    assert (share.mean((0, 2, 3)) - torch.tensor(shapes.MEAN)).abs().max() < 0.1
    assert (share.std((0, 2, 3)) - torch.tensor(shapes.STD)).abs().max() < 0.1
