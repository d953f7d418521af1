"""RetinaNet (Lin et al., ICCV 2017) and Mask R-CNN (He et al., ICCV 2017) on a HAT-Net: torchvision's, as section 4.3 counts them.

Where they differ from torchvision's, besides the backbone:
    classes     num_classes counts objects. No weight belongs to the background, except Mask R-CNN's score for it
    forward     takes G1 and G2, and changes nothing in the model (torchvision keeps the scales of the first images, and the anchors' type)
    anchors     lie at the exact strides, whatever the image's size
    numbers     boxes and scores are computed in float32 where autocast runs the convolutions in bfloat16: that has no odd pixels above 256
"""

import copy
import inspect
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import detection
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7
from torchvision.ops.poolers import LevelMapper

from hatnet.checkpoints import CheckpointInfo
from hatnet.dense.pyramid import STAGES, Dense, Name, Pyramid, Size, body_of, check_numbers
from hatnet.foreign import IMAGENET
from hatnet.geometry import cells
from hatnet.model import Grids, check_images
from hatnet.ranges import Many, Number, check, did_you_mean

ANCHORS = (32, 64, 128, 256, 512)  # sides in pixels, level by level: P3 to P7 of RetinaNet, P2 to P6 of Mask R-CNN
LEVELS = len(ANCHORS)
RATIOS = (0.5, 1.0, 2.0)  # height / width
# At a quarter of the area of 800 x 1280 and less, objects are smaller too.
SMALL_SIDE, SMALL_ANCHORS = 512, (16, 32, 64, 128, 256)
LONGEST = 5 / 3  # the long side of an image, as a fraction of the short one, beyond which it is scaled to fit: the paper's 1333 for 800

Images = Sequence[Tensor]
Targets = Sequence[Mapping[str, Tensor]]


class Anchors(AnchorGenerator):
    """torchvision's anchors, at exact strides, in float32, and kept nowhere.

    torchvision divides the image's side by the map's, which is 61 pixels and not 64 for P6 of an image of 800 rows (13 tokens).
    """

    def __init__(self, sides: Sequence[Sequence[int]], strides: Sequence[int]):
        super().__init__(tuple(tuple(level) for level in sides), (RATIOS,) * len(sides))
        self.strides = tuple(strides)

    def forward(self, image_list: ImageList, feature_maps: list[Tensor]) -> list[Tensor]:
        """For each image, the anchors of all levels [n, 4]: x1, y1, x2, y2 in pixels."""
        device = feature_maps[0].device
        once = copy.copy(self)
        once.set_cell_anchors(torch.float32, device)
        strides = [[torch.tensor(stride, device=device)] * 2 for stride in self.strides]
        anchors = torch.cat(once.grid_anchors([x.shape[-2:] for x in feature_maps], strides))
        return [anchors] * len(image_list.image_sizes)


class Detector(Dense):
    """What RetinaNet and Mask R-CNN share: the call, its checks, and labels."""

    first_label: int  # the label of class 0
    num_classes: int
    anchors: tuple[int, ...]
    needs: tuple[str, ...] = ("boxes", "labels")  # of a training image
    transform: Any
    _of: str  # "RetinaNet", "Mask R-CNN"

    def forward(
        self, images: Images, targets: Targets | None = None, g1: Grids = None, g2: Grids = None, explicit: bool = False
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """The losses in training, the objects found at inference.

        images: one tensor [in_chans, h, w] for each image, floating point, pixels in 0..1, of any size; the model normalises them, scales
            each by its `min_size` and `max_size`, and pads them to one size, a multiple of the last stride.
        targets: in training, a dict for each image: "boxes" [n, 4], x1, y1, x2, y2 in pixels, "labels" int64 [n] (`to_labels`) or instead
            "classes" int64 [n], counted from 0, and for Mask R-CNN "masks" [n, h, w], 0 or 1. n may be 0.
        g1, g2: one G1 and one G2 for each hierarchical stage, in tokens, for this call alone; by default 8, 8, 8 and 16, 8, 4.
        explicit: as for `HATNet.forward`.
        Returns in training the losses by name, to be added up; at inference a dict for each image: "boxes" [m, 4] in its own pixels,
        "labels" [m], "scores" [m], highest first, and for Mask R-CNN "masks" [m, 1, h, w], probabilities. Raises ValueError for images,
        targets or grids that do not fit.
        """
        self.backbone.body.grids(g1, g2)
        self._check_images(images)
        if targets is None and self.training:
            raise ValueError("targets is None; training needs a dict of boxes and labels for each image (model.eval() for inference)")
        if targets is not None:
            targets = [self._labelled(target) for target in targets]
            self._check_targets(images, targets)
        # torchvision calls `self.backbone(images)`: on a shallow copy, which shares all modules, that name means a call with the grids.
        once = copy.copy(self)
        once.__dict__["backbone"] = partial(self.backbone, g1=g1, g2=g2, explicit=explicit)
        return super(Detector, once).forward(list(images), None if targets is None else [dict(target) for target in targets])

    def to_labels(self, classes: Tensor) -> Tensor:
        """The labels that this model is trained with, of classes counted from 0: Mask R-CNN's begin at 1, as its 0 is the background."""
        return classes + self.first_label

    def to_classes(self, labels: Tensor) -> Tensor:
        """The classes, counted from 0, of labels that this model gives."""
        return labels - self.first_label

    def _labelled(self, target: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A target with labels, which are made of its classes if it has these instead."""
        classes = target.get("classes")
        return {**target, "labels": self.to_labels(classes)} if isinstance(classes, Tensor) and "labels" not in target else target

    def settings(self) -> dict[str, Any]:
        """As `Dense.settings`, with the short side of the images in pixels, and the anchors' sides."""
        return super().settings() | {"side": self.transform.min_size[-1], "anchors": list(self.anchors)}

    def normalise_by(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Set mean and standard deviation of each channel, for pixels in 0..1, by which `forward` normalises images."""
        self.transform.image_mean, self.transform.image_std = list(mean), list(std)

    def padded(self, size: Size) -> Size:
        """`size` rounded up as the batch of images is; before that, the images are scaled by `min_size` and `max_size`."""
        divisor = self.transform.size_divisible
        return cells(size[0], divisor) * divisor, cells(size[1], divisor) * divisor

    def _check_images(self, images: Images) -> None:
        channels = self.backbone.body.config.in_chans
        if not isinstance(images, list | tuple) or not images or not all(isinstance(x, Tensor) and x.ndim == 3 for x in images):
            got = list(images.shape) if isinstance(images, Tensor) else "an empty list" if images == [] else type(images).__name__
            wanted = f"a list of tensors [{channels}, height, width], one for each image"
            raise ValueError(f"images are {got}; wanted {wanted}" + (" (list(images))" if isinstance(images, Tensor) else ""))
        for image in images:
            check_images(image[None], channels, 1)

    def _check_targets(self, images: Images, targets: Targets) -> None:
        if len(targets) != len(images):
            raise ValueError(f"there are {len(targets)} targets and {len(images)} images; wanted one target for each image")
        last = self.first_label + self.num_classes - 1
        for index, (image, target) in enumerate(zip(images, targets, strict=True)):
            if missing := [key for key in self.needs if not isinstance(target.get(key), Tensor)]:
                raise ValueError(f"targets[{index}] lacks {', '.join(missing)}; {self._of} needs tensors {', '.join(self.needs)}")
            boxes, labels = target["boxes"], target["labels"]
            if boxes.ndim != 2 or boxes.shape[1] != 4 or not boxes.is_floating_point():
                raise ValueError(f"targets[{index}]: boxes are {list(boxes.shape)}, {boxes.dtype}; wanted floating point [n, 4]")
            if labels.shape != boxes.shape[:1] or labels.dtype != torch.int64:
                raise ValueError(
                    f"targets[{index}]: labels are {list(labels.shape)}, {labels.dtype}; wanted int64 [{len(boxes)}], one for each box"
                )
            if not len(boxes):
                continue
            flat = (boxes[:, 2:] <= boxes[:, :2]).any(1) | ~boxes.isfinite().all(1)
            if flat.any():
                raise ValueError(f"targets[{index}]: box {boxes[flat][0].tolist()} has no area; wanted x1 < x2 and y1 < y2, in pixels")
            if labels.min() < self.first_label or labels.max() > last:
                wrong = next(label for label in labels.tolist() if not self.first_label <= label <= last)
                raise ValueError(
                    f"targets[{index}]: label {wrong}; {self._of} with {self.num_classes} classes wants {self.first_label} to {last} "
                    f"(model.to_labels gives them, of classes counted from 0); the nearest is {min(max(wrong, self.first_label), last)}"
                )
            if "masks" in self.needs and target["masks"].shape != (len(boxes), *image.shape[1:]):
                raise ValueError(
                    f"targets[{index}]: masks are {list(target['masks'].shape)}; wanted {[len(boxes), *image.shape[1:]]}: "
                    "one for each box, of the image's size"
                )


class FloatRetinaNetHead(RetinaNetHead):
    """Its logits and offsets in float32."""

    def forward(self, x: list[Tensor]) -> dict[str, Tensor]:
        return {name: values.float() for name, values in super().forward(x).items()}


class RetinaNet(Detector, detection.RetinaNet):
    """RetinaNet on the last three maps of a HAT-Net (strides 8, 16, 32) and two more levels (64, 128). Labels count from 0.

    options: torchvision's, as for `retinanet`.
    """

    first_label, _of = 0, "RetinaNet"

    def __init__(self, backbone: Pyramid, num_classes: int, anchors: Sequence[int] = ANCHORS, **options: Any):
        strides = backbone.body.config.strides
        octave = [2 ** (third / 3) for third in range(3)]
        generator = Anchors([[int(side * part) for part in octave] for side in anchors], [*strides[1:], 2 * strides[-1], 4 * strides[-1]])
        head = FloatRetinaNetHead(backbone.out_channels, len(octave) * len(RATIOS), num_classes)
        super().__init__(backbone, num_classes, anchor_generator=generator, head=head, size_divisible=strides[-1], **options)
        self.num_classes, self.anchors = num_classes, tuple(anchors)
        self.finish()

    def positions(self, maps: Sequence[Size]) -> dict[str, int]:
        """As `Dense.positions`."""
        p6 = halved(maps[-1])
        p7 = halved(p6)
        everywhere = area(*maps[1:], p6, p7)
        found = {f"backbone.{layer}": count for layer, count in self.backbone.positions(maps).items()}
        found |= {"backbone.fpn.extra_blocks.p6": area(p6), "backbone.fpn.extra_blocks.p7": area(p7)}
        for part, last in (("classification_head", "cls_logits"), ("regression_head", "bbox_reg")):
            found |= {f"head.{part}.{layer}": everywhere for layer in (*(f"conv.{index}.0" for index in range(4)), last)}
        return found


class FloatRPNHead(RPNHead):
    """Its logits and offsets in float32."""

    def forward(self, x: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        logits, offsets = super().forward(x)
        return [level.float() for level in logits], [level.float() for level in offsets]


class BoxPredictor(FastRCNNPredictor):
    """A score for the background and each class; a box for each class, and zeros for that of the background, which torchvision expects.

    Both in float32.
    """

    def __init__(self, in_channels: int, num_classes: int):
        super().__init__(in_channels, num_classes + 1)
        self.bbox_pred = nn.Linear(in_channels, 4 * num_classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [n, in_channels] -> scores [n, 1 + num_classes], offsets [n, 4 (1 + num_classes)]."""
        scores, offsets = super().forward(x)
        return scores.float(), F.pad(offsets.float(), (4, 0))


class MaskPredictor(MaskRCNNPredictor):
    """A mask for each class, and zeros for that of the background, which torchvision expects; in float32.

    All logits begin near 0. torchvision spreads the last layer's weights by sqrt(2 / classes): of three classes the loss begins at 4 to 12
    where a coin has 0.7, and fills the whole clipped gradient.
    """

    def __init__(self, in_channels: int, hidden: int, num_classes: int):
        super().__init__(in_channels, hidden, num_classes)
        nn.init.normal_(self.mask_fcn_logits.weight, std=0.001)  # as Detectron, by the authors of Mask R-CNN

    def forward(self, x: Tensor) -> Tensor:
        """x [n, c, h, w] -> logits [n, 1 + num_classes, 2 h, 2 w]."""
        return F.pad(super().forward(x).float(), (0, 0, 0, 0, 1, 0))


class MaskRCNN(Detector, detection.MaskRCNN):
    """Mask R-CNN on the four maps of a HAT-Net (strides 4 to 32) and one more level for proposals (64). Labels count from 1; 0 is the
    background.

    options: torchvision's, as for `mask_rcnn`.
    """

    first_label, _of = 1, "Mask R-CNN"
    needs = ("boxes", "labels", "masks")
    rpn: Any
    roi_heads: Any

    def __init__(self, backbone: Pyramid, num_classes: int, anchors: Sequence[int] = ANCHORS, **options: Any):
        channels, strides = backbone.out_channels, backbone.body.config.strides
        hidden = 4 * channels  # 1024 of 256
        boxes, masks = (region_pool(side, strides) for side in (7, 14))
        super().__init__(
            backbone,
            rpn_anchor_generator=Anchors([[side] for side in anchors], [*strides, 2 * strides[-1]]),
            rpn_head=FloatRPNHead(channels, len(RATIOS)),
            box_roi_pool=boxes,
            box_head=TwoMLPHead(channels * 7**2, hidden),
            box_predictor=BoxPredictor(hidden, num_classes),
            mask_roi_pool=masks,
            mask_head=MaskRCNNHeads(channels, (channels,) * 4, 1),
            mask_predictor=MaskPredictor(channels, channels, num_classes),
            size_divisible=strides[-1],
            **options,
        )
        self.num_classes, self.anchors = num_classes, tuple(anchors)
        self.finish()

    def settings(self) -> dict[str, Any]:
        """As `Detector.settings`, with how many regions of an image a training step learns from."""
        return super().settings() | {"regions": self.roi_heads.fg_bg_sampler.batch_size_per_image}

    def positions(self, maps: Sequence[Size]) -> dict[str, int]:
        """As `Dense.positions`, for as many regions as the model keeps at most: 1000 proposals get a box, and 100 of these a mask."""
        levels = [*maps, halved(maps[-1])]
        best, kept = self.rpn._pre_nms_top_n["testing"], self.rpn._post_nms_top_n["testing"]
        regions = min(kept, sum(min(best, len(RATIOS) * area(level)) for level in levels))
        masks = min(self.roi_heads.detections_per_img, regions * self.num_classes)
        found = {f"backbone.{layer}": count for layer, count in self.backbone.positions(maps).items()}
        found |= {f"rpn.head.{layer}": area(*levels) for layer in ("conv.0.0", "cls_logits", "bbox_pred")}
        boxes = ("box_head.fc6", "box_head.fc7", "box_predictor.cls_score", "box_predictor.bbox_pred")
        found |= {f"roi_heads.{layer}": regions for layer in boxes}
        found |= {f"roi_heads.mask_head.{index}.0": masks * 14**2 for index in range(4)}
        # The transposed convolution is applied at each position of its input, and makes four of it.
        return found | {"roi_heads.mask_predictor.conv5_mask": masks * 14**2, "roi_heads.mask_predictor.mask_fcn_logits": masks * 28**2}


def retinanet(name: Name, num_classes: int, channels: int = 256, anchors: Sequence[int] = ANCHORS, **options: Any) -> RetinaNet:
    """RetinaNet on a HAT-Net of four stages, in training mode; call it as `Detector.forward` says.

    name: as for `semantic_fpn`. num_classes: of objects, without the background; labels are 0 to num_classes - 1.
    channels: of the pyramid and the head. anchors: the side of the smallest of three octaves of anchors in pixels, for each of five levels.
    options: torchvision's for RetinaNet: min_size, max_size, score_thresh, nms_thresh, detections_per_img, ...; image_mean and image_std
        are the checkpoint's by default, else ImageNet's (0.5 for images that are not RGB).
    Raises ValueError for other models, numbers and options, naming the nearest.
    """
    backbone, options = _built(name, num_classes, channels, anchors, options, detection.RetinaNet, levels=STAGES - 1)
    return RetinaNet(backbone, num_classes, anchors, **options)


def mask_rcnn(name: Name, num_classes: int, channels: int = 256, anchors: Sequence[int] = ANCHORS, **options: Any) -> MaskRCNN:
    """Mask R-CNN on a HAT-Net of four stages, in training mode; call it as `Detector.forward` says.

    name: as for `semantic_fpn`. num_classes: of objects, without the background; labels are 1 to num_classes.
    channels: of the pyramid and the heads' convolutions; the two linear layers have four times as many.
    anchors: the side of the anchors in pixels, for each of five levels.
    options: torchvision's for Mask R-CNN: min_size, max_size, rpn_..., box_score_thresh, box_detections_per_img, ...; image_mean and
        image_std as for `retinanet`.
    Raises ValueError for other models, numbers and options, naming the nearest.
    """
    backbone, options = _built(name, num_classes, channels, anchors, options, detection.MaskRCNN, levels=STAGES)
    return MaskRCNN(backbone, num_classes, anchors, **options)


def retinanet_for(name: Name, num_classes: int, channels: int, side: int, anchors: Sequence[int]) -> RetinaNet:
    """`retinanet` as the trainer wants it: it scales images at inference by `scaled_size`, and takes those of a training step as is."""
    model = retinanet(name, num_classes, channels, anchors, min_size=side, max_size=round(LONGEST * side))
    model.transform._skip_resize = True  # in training mode only: the trainer scales images, by random numbers of its own
    return model


def mask_rcnn_for(name: Name, num_classes: int, channels: int, side: int, anchors: Sequence[int], regions: int) -> MaskRCNN:
    """`mask_rcnn` as the trainer wants it, like `retinanet_for`.

    regions: of an image, from which a step learns. Twice as many are proposed to choose from; torchvision has 512 and 2000.
    """
    options = {
        "rpn_pre_nms_top_n_train": 4 * regions,
        "rpn_post_nms_top_n_train": 2 * regions,
        "rpn_pre_nms_top_n_test": 2 * regions,
        "rpn_post_nms_top_n_test": regions,
        "rpn_batch_size_per_image": min(256, 2 * regions),  # 256: torchvision's
        "box_batch_size_per_image": regions,
    }
    model = mask_rcnn(name, num_classes, channels, anchors, min_size=side, max_size=round(LONGEST * side), **options)
    model.transform._skip_resize = True
    return model


def scaled_size(size: Size, side: int, factor: float = 1.0) -> Size:
    """Height and width at which a detector sees a picture of `size`: its short side as long as `side`, or less if the long one would be
    more than LONGEST times that; in training, times a random factor."""
    scale = factor * min(side / min(size), round(LONGEST * side) / max(size))
    return max(1, round(scale * size[0])), max(1, round(scale * size[1]))


def region_pool(side: int, strides: Sequence[int]) -> MultiScaleRoIAlign:
    """torchvision's RoIAlign to side x side, which reads a region from one of four levels by its size.

    It would find the strides out from the first images that it sees, and keep them: wrongly, if these are much smaller than their padding.
    """
    pool = MultiScaleRoIAlign([str(level) for level in range(STAGES)], side, sampling_ratio=2)
    first = int(math.log2(strides[0]))
    pool.scales, pool.map_levels = [1 / stride for stride in strides], LevelMapper(first, first + STAGES - 1)
    return pool


def halved(size: Size) -> Size:
    """The size of a map at twice the stride."""
    return cells(size[0], 2), cells(size[1], 2)


def area(*sizes: Size) -> int:
    """The tokens of some maps together."""
    return sum(h * w for h, w in sizes)


def _built(
    name: Name, num_classes: int, channels: int, anchors: Sequence[int], options: dict[str, Any], model: type[nn.Module], levels: int
) -> tuple[Pyramid, dict[str, Any]]:
    """The backbone of a detector, and torchvision's options with the normalisation that the body was trained with."""
    check_numbers(num_classes, channels)
    check({"anchors": anchors}, {"anchors": Many(Number(1, 2**14), LEVELS, LEVELS)})
    _check_options(options, model)
    body, info = body_of(name)
    extra = LastLevelMaxPool()
    if levels < STAGES:
        extra = LastLevelP6P7(body.config.dims[-1], channels)
        extra.use_P5 = False  # P6 is made of C5. torchvision takes P5 if that has as many channels
    return Pyramid(body, channels, levels, extra), _normalisation(body.config.in_chans, info) | options


def _normalisation(channels: int, info: CheckpointInfo | None) -> dict[str, tuple[float, ...]]:
    """The mean and standard deviation of each channel: the checkpoint's, or ImageNet's, or for other images than RGB 0.5."""
    rgb = IMAGENET if channels == 3 else ((0.5,) * channels,) * 2
    mean, std = rgb if info is None else (info.mean, info.std)
    return {"image_mean": mean, "image_std": std}


def _check_options(options: Mapping[str, object], model: type[nn.Module]) -> None:
    """Raise ValueError for an option that torchvision's model does not have, and for the modules that ours makes itself."""
    modules = ("anchor_generator", "head", "matcher", "pool", "predictor")
    known = [name for name in inspect.signature(model.__init__).parameters if not name.endswith(modules)][3:]
    known.remove("kwargs")
    if unknown := [name for name in options if name not in known]:
        raise ValueError(f"unknown option {unknown[0]!r}{did_you_mean(unknown[0], known)}; the options are {', '.join(known)}")
