"""RetinaNet and Mask R-CNN: torchvision's own forward pass as the second opinion, labels, regions, and what a user may get wrong."""

import copy
import re

import pytest
import torch
from torch import nn
from torchvision.models import detection
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import MultiScaleRoIAlign

from hatnet.dense import mask_rcnn, retinanet
from hatnet.dense.detection import Anchors, BoxPredictor, FloatRetinaNetHead, FloatRPNHead, MaskPredictor, region_pool
from tests.hatnet.dense.models import DETECTORS, MAKE, body, inputs, same, small, targets

STRIDES = (4, 8, 16, 32)


@pytest.mark.parametrize("head", DETECTORS)
def test_inference_is_torchvision_s(head):
    """The same weights in torchvision's classes, with its anchors and its regions, on images whose sides every stride divides."""
    model, images = small(head, min_size=128, max_size=128), inputs(head, (128, 128), (128, 100))
    other = copy.deepcopy(model)
    if head == "retinanet":
        other.__class__ = detection.RetinaNet
        other.anchor_generator = detection.retinanet._default_anchorgen()
    else:
        other.__class__ = detection.MaskRCNN
        other.rpn.anchor_generator = detection.faster_rcnn._default_anchorgen()
        for name, side in (("box_roi_pool", 7), ("mask_roi_pool", 14)):
            setattr(other.roi_heads, name, MultiScaleRoIAlign(["0", "1", "2", "3"], side, 2))
    with torch.no_grad():
        found, wanted = model(images), other(images)
    assert len(found[0]["boxes"]) > 1 and same(found, wanted)


@pytest.mark.parametrize("head", DETECTORS)
def test_a_training_step_on_the_highest_class(head):
    """Labels are 0 to 4 in RetinaNet and 1 to 5 in Mask R-CNN; the outputs of the class that was shown learn, and every parameter does."""
    model = small(head).train()
    images = inputs(head, (64, 64), (50, 75))
    shown = targets(model, images, classes=(4, 4))
    assert {label for target in shown for label in target["labels"].tolist()} == {4 if head == "retinanet" else 5}
    before = copy.deepcopy(model.state_dict())
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3)
    losses = model(images, shown)
    sum(losses.values()).backward()
    assert all(loss.isfinite() and loss > 0 for loss in losses.values())
    assert not [name for name, p in model.named_parameters() if p.grad is None]
    if head == "retinanet":
        assert set(losses) == {"classification", "bbox_regression"}
        # An anchor that holds an object of class 4 pushes that logit up and the others down.
        bias = model.head.classification_head.cls_logits.bias.grad.view(-1, 5).sum(0)
        assert bias.argmin() == 4
    else:
        assert set(losses) == {"loss_classifier", "loss_box_reg", "loss_mask", "loss_objectness", "loss_rpn_box_reg"}
        boxes = model.roi_heads.box_predictor.bbox_pred.weight.grad.view(5, -1)
        masks = model.roi_heads.mask_predictor.mask_fcn_logits.weight.grad.view(5, -1)
        for grad in (boxes, masks):
            assert grad.any(dim=1).tolist() == [False, False, False, False, True]
    optimiser.step()
    assert any(not torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(value.isfinite().all() for value in model.state_dict().values())


@pytest.mark.parametrize("head", DETECTORS)
def test_labels_are_converted_both_ways(head):
    model, classes = small(head), torch.arange(5)
    labels = model.to_labels(classes)
    assert labels.tolist() == ([0, 1, 2, 3, 4] if head == "retinanet" else [1, 2, 3, 4, 5])
    assert torch.equal(model.to_classes(labels), classes)
    with torch.no_grad():
        (found,) = model(inputs(head, (64, 96)))
    assert set(found["labels"].tolist()) <= set(labels.tolist())


@pytest.mark.parametrize("head", DETECTORS)
def test_images_without_objects_and_of_several_sizes(head):
    model = small(head).train()
    images = inputs(head, (33, 90), (64, 40))
    shown = targets(model, images)
    shown[0] = {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0, dtype=torch.int64),
        "masks": torch.zeros(0, 33, 90, dtype=torch.uint8),
    }
    before = [dict(target) for target in shown]
    for given in (shown, [shown[0], {**shown[0], "masks": torch.zeros(0, 64, 40, dtype=torch.uint8)}]):
        losses = model(images, given)
        sum(losses.values()).backward()
        assert all(loss.isfinite() for loss in losses.values())
    assert all(old[key] is new[key] for old, new in zip(before, shown, strict=True) for key in old)
    with torch.no_grad():
        found = model.eval()(images)
    for image, objects in zip(images, found, strict=True):
        h, w = image.shape[1:]
        assert (objects["boxes"] >= 0).all() and (objects["boxes"] <= torch.tensor([w, h, w, h]) + 1e-3).all()
        assert objects["scores"].tolist() == sorted(objects["scores"].tolist(), reverse=True)
        assert head == "retinanet" or objects["masks"].shape == (len(objects["boxes"]), 1, h, w)


def test_mask_r_cnn_s_predictors_have_no_weights_for_the_background():
    boxes, masks = BoxPredictor(16, 80), MaskPredictor(8, 8, 80)
    assert (boxes.cls_score.out_features, boxes.bbox_pred.out_features, masks.mask_fcn_logits.out_channels) == (81, 320, 80)
    x, y = torch.randn(3, 16), torch.randn(2, 8, 14, 14)
    scores, offsets = boxes(x)
    assert scores.shape == (3, 81) and offsets.shape == (3, 324) and not offsets[:, :4].any()
    torch.testing.assert_close(offsets[:, 4:], boxes.bbox_pred(x))
    logits = masks(y)
    assert logits.shape == (2, 81, 28, 28) and not logits[:, 0].any() and logits[:, 1:].any(dim=(2, 3)).all()


def test_heads_give_float32_whatever_autocast_gives_them():
    """bfloat16 has no odd numbers above 256: boxes in it would jump by 2, 4 and 8 pixels."""
    maps = [torch.randn(1, 8, 4, 4, dtype=torch.bfloat16)]
    heads = FloatRetinaNetHead(8, 9, 3), FloatRPNHead(8, 3), BoxPredictor(8, 3), MaskPredictor(8, 8, 3)
    given = maps, maps, maps[0].mean((2, 3)), maps[0]
    for layer, x in zip(heads, given, strict=True):
        found = layer.bfloat16()(x)
        parts = found.values() if isinstance(found, dict) else found if isinstance(found, tuple) else [found]
        parts = [tensor for part in parts for tensor in (part if isinstance(part, list) else [part])]
        assert parts and all(tensor.dtype == torch.float32 for tensor in parts)


def test_anchors_lie_at_the_strides_where_no_stride_divides_the_image():
    sides = [(32, 40), (64, 80)]
    made, theirs = Anchors(sides, (32, 64)), AnchorGenerator(tuple(sides), ((0.5, 1.0, 2.0),) * 2)
    held, values = made.cell_anchors, [anchor.clone() for anchor in made.cell_anchors]
    for size, maps in (((128, 192), [(4, 6), (2, 3)]), ((800, 1280), [(25, 40), (13, 20)])):
        images = ImageList(torch.zeros(1, 3, *size), [size])
        found = made(images, [torch.zeros(1, 8, *map_, dtype=torch.bfloat16) for map_ in maps])
        assert len(found) == 1 and found[0].dtype == torch.float32
        middles = ((found[0][:, :2] + found[0][:, 2:]) / 2).view(-1, 6, 2)  # 2 sides, 3 ratios
        wanted = [(stride * x, stride * y) for stride, (h, w) in zip((32, 64), maps, strict=True) for y in range(h) for x in range(w)]
        assert torch.equal(middles, torch.tensor(wanted, dtype=torch.float32)[:, None].expand(-1, 6, 2))
        (other,) = theirs(images, [torch.zeros(1, 8, *map_) for map_ in maps])
        assert torch.equal(found[0], other) == (size == (128, 192))
    assert made.cell_anchors is held and all(torch.equal(a, b) for a, b in zip(values, held, strict=True))


def test_regions_are_read_at_the_levels_strides_whatever_came_first():
    maps = {str(level): torch.randn(1, 2, 64 // stride, 64 // stride) for level, stride in enumerate(STRIDES)}
    boxes = [torch.tensor([[3.0, 5.0, 30.0, 33.0], [0.0, 0.0, 39.0, 39.0]])]
    pool, theirs = region_pool(7, STRIDES), MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2)
    theirs({key: torch.zeros(1, 2, 512 // stride, 512 // stride) for key, stride in zip(maps, STRIDES, strict=True)}, boxes, [(512, 512)])
    for sizes in ([(40, 40)], [(64, 64)]):  # an image much smaller than its padding, and one of full size
        assert torch.equal(pool(maps, boxes, sizes), theirs(maps, boxes, sizes))


def test_p6_is_made_of_c5_also_where_both_have_as_many_channels():
    model = retinanet(body(dims=(16, 16, 32, 32)), 3, channels=32).eval()
    images = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        c5, found = model.backbone.body.forward_features(images)[-1], model.backbone(images)
        extra = model.backbone.fpn.extra_blocks
        torch.testing.assert_close(found["p6"], extra.p6(c5))
        torch.testing.assert_close(found["p7"], extra.p7(extra.p6(c5).relu()))


@pytest.mark.parametrize("head", DETECTORS)
def test_anchors_of_one_s_own(head):
    model = MAKE[head](body(), 3, channels=8, anchors=(8, 16, 32, 64, 128))
    generator = model.anchor_generator if head == "retinanet" else model.rpn.anchor_generator
    assert [level[0] for level in generator.sizes] == [8, 16, 32, 64, 128]
    with pytest.raises(ValueError, match=r"anchors is \(8, 16\); wanted a list of 5, each a number from 1"):
        MAKE[head](body(), 3, anchors=(8, 16))


@pytest.mark.parametrize("head", DETECTORS)
def test_options(head):
    assert MAKE[head](body(), 3, channels=8, min_size=128, image_mean=(0, 0, 0)).transform.min_size == (128,)
    assert MAKE[head](body(in_chans=1), 3, channels=8).transform.image_mean == (0.5,)
    with pytest.raises(ValueError, match=r"unknown option 'min_sise' \(did you mean 'min_size'\?\); the options are min_size, max_size"):
        MAKE[head](body(), 3, min_sise=128)
    for ours in ("head", "rpn_head", "box_predictor", "mask_roi_pool", "anchor_generator", "backbone", "size_divisible"):
        with pytest.raises((ValueError, TypeError), match=ours):
            MAKE[head](body(), 3, **{ours: None})


@pytest.mark.parametrize("head", DETECTORS)
@pytest.mark.parametrize(
    "images, message",
    [
        (torch.zeros(1, 3, 64, 64), r"images are [1, 3, 64, 64]; wanted a list of tensors [3, height, width], one for each image (list("),
        ([], "images are an empty list; wanted a list"),
        ([torch.zeros(64, 64)], "images are list; wanted a list of tensors [3, height, width]"),
        ([torch.zeros(1, 64, 64)], "images have 1 channels"),
        ([torch.zeros(3, 64, 64, dtype=torch.uint8)], "wanted floating point"),
        ([torch.zeros(3, 0, 64)], "images are 0 x 64 pixels; each side must be at least 1"),
        (None, "images are NoneType"),
    ],
)
def test_images_that_do_not_fit(head, images, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        small(head)(images)


@pytest.mark.parametrize("head", DETECTORS)
@pytest.mark.parametrize(
    "change, message",
    [
        ({"boxes": None}, "targets[1] lacks boxes"),
        ({"labels": None}, "targets[1] lacks labels"),
        ({"boxes": torch.zeros(2, 5)}, "boxes are [2, 5], torch.float32; wanted floating point [n, 4]"),
        ({"boxes": torch.ones(2, 4, dtype=torch.int64)}, "boxes are [2, 4], torch.int64; wanted floating point"),
        ({"boxes": torch.tensor([[1.0, 1, 9, 9], [5, 5, 5, 9]])}, "box [5.0, 5.0, 5.0, 9.0] has no area; wanted x1 < x2 and y1 < y2"),
        ({"boxes": torch.tensor([[1.0, 1, 9, 9], [5, 5, torch.inf, 9]])}, "box [5.0, 5.0, inf, 9.0] has no area"),
        ({"labels": torch.tensor([1])}, "labels are [1], torch.int64; wanted int64 [2], one for each box"),
        ({"labels": torch.tensor([1.0, 1.0])}, "labels are [2], torch.float32; wanted int64"),
        ({"labels": torch.tensor([1, -1])}, "label -1; "),
        ({"labels": torch.tensor([1, 6])}, "label 6; "),
    ],
)
def test_targets_that_do_not_fit(head, change, message):
    model = small(head).train()
    images = inputs(head, (64, 64), (64, 64))
    shown = targets(model, images)
    shown[1] |= change
    with pytest.raises(ValueError, match=re.escape(message)):
        model(images, shown)


@pytest.mark.parametrize("head, last", [("retinanet", 5), ("mask_rcnn", 0)])
def test_a_label_of_the_other_convention_says_what_is_wanted(head, last):
    model = small(head).train()
    images = inputs(head, (64, 64))
    shown = targets(model, images)
    shown[0]["labels"][0] = last
    span, near = ("0 to 4", 4) if head == "retinanet" else ("1 to 5", 1)
    with pytest.raises(ValueError, match=rf"label {last}; .* with 5 classes wants {span} .*; the nearest is {near}"):
        model(images, shown)


def test_masks_of_another_size_and_missing_targets():
    model = small("mask_rcnn").train()
    images = inputs("mask_rcnn", (64, 80))
    shown = targets(model, images)
    with pytest.raises(ValueError, match=r"masks are \[2, 64, 64\]; wanted \[2, 64, 80\]"):
        model(images, [shown[0] | {"masks": torch.zeros(2, 64, 64)}])
    with pytest.raises(ValueError, match=r"targets\[0\] lacks masks; Mask R-CNN needs tensors boxes, labels, masks"):
        model(images, [{key: shown[0][key] for key in ("boxes", "labels")}])
    with pytest.raises(ValueError, match="targets is None; training needs"):
        model(images)
    with pytest.raises(ValueError, match="there are 2 targets and 1 images"):
        model(images, shown * 2)


def test_channels_scale_every_head():
    with torch.device("meta"):
        thin = [mask_rcnn("hatnet_compact224", 3, channels=64), retinanet("hatnet_compact224", 3, channels=64)]
    for model in thin:
        for name, layer in model.named_modules():
            if isinstance(layer, nn.Conv2d) and not name.startswith("backbone.body"):
                assert layer.in_channels <= 256 and layer.out_channels <= 64
    assert thin[0].roi_heads.box_head.fc7.out_features == 256
