"""The figures of the paper's Tables 1 to 5 as they are printed there, so that others can be compared with them.

Nothing here is computed by this project: `complexity.count` and benchmarks/ do that. Parameters are in millions, "#FLOPs" (which are
multiply-adds) in 10^9, accuracies, mIoU and AP in percent. Rows keep the order of the tables, and names their spelling.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from hatnet.dense import Dense, mask_rcnn, retinanet, semantic_fpn

NAMES = {  # our name of a variant -> the paper's
    "hatnet_tiny": "HAT-Net-Tiny",
    "hatnet_small": "HAT-Net-Small",
    "hatnet_medium": "HAT-Net-Medium",
    "hatnet_large": "HAT-Net-Large",
}
# The paper's name of another model -> timm's, for those that timm has with the sizes of the paper.
TIMM = {
    "ResNet18": "resnet18",
    "DeiT-Ti/16": "deit_tiny_patch16_224",
    "PVTv2-B1": "pvt_v2_b1",
    "ResNet50": "resnet50",
    "ResNeXt50-32x4d": "resnext50_32x4d",
    "RegNetY-4G": "regnety_040",
    "ResNeSt-50": "resnest50d",
    "DeiT-S/16": "deit_small_patch16_224",
    "TNT-S": "tnt_s_legacy_patch16_224",
    "PVTv2-B2": "pvt_v2_b2",
    "Swin-T": "swin_tiny_patch4_window7_224",
    "Twins-SVT-S": "twins_svt_small",
    "ResNet101": "resnet101",
    "ResNeXt101-32x4d": "resnext101_32x4d",
    "RegNetY-8G": "regnety_080",
    "ResNeSt-101": "resnest101e",
    "PVTv2-B3": "pvt_v2_b3",
    "Swin-S": "swin_small_patch4_window7_224",
    "ResNet152": "resnet152",
    "ResNeXt101-64x4d": "resnext101_64x4d",
    "DeiT-B/16": "deit_base_patch16_224",
    "TNT-B": "tnt_b_patch16_224",
    "PVTv2-B4": "pvt_v2_b4",
    "Swin-B": "swin_base_patch4_window7_224",
    "Twins-SVT-B": "twins_svt_base",
}


class Printed(NamedTuple):
    """What Table 1 prints of one stage of one variant."""

    channels: int  # C
    kernel: int  # K
    expansion: int  # E
    blocks: int


# Table 1, stages 2 to 5, by variant. Stage 1 is two 3 x 3 convolutions of stride 2: to 16 channels, and to those of stage 2.
TABLE_1: dict[str, tuple[Printed, ...]] = {
    "hatnet_tiny": (Printed(48, 3, 8, 2), Printed(96, 3, 8, 2), Printed(240, 3, 4, 6), Printed(384, 3, 4, 3)),
    "hatnet_small": (Printed(64, 3, 8, 2), Printed(128, 3, 8, 3), Printed(320, 3, 4, 8), Printed(512, 3, 4, 3)),
    "hatnet_medium": (Printed(64, 5, 8, 3), Printed(128, 3, 8, 6), Printed(320, 5, 4, 18), Printed(512, 3, 4, 3)),
    "hatnet_large": (Printed(64, 3, 8, 3), Printed(128, 3, 8, 8), Printed(320, 3, 4, 27), Printed(640, 3, 4, 3)),
}
STEM_CHANNELS, STEM_STRIDE = 16, 2  # of stage 1's first convolution; of both


@dataclass(frozen=True, kw_only=True, slots=True)
class Classifier:
    """A row of Table 2: ImageNet, 224 x 224."""

    group: str  # the HAT-Net of its size: our name
    model: str  # "*": trained as in its own paper; "†": 384 x 384 pixels
    parameters: float
    flops: float
    top1: float

    @property
    def plain(self) -> str:
        """The name without its signs."""
        return self.model.rstrip("*†")


_TABLE_2 = """
hatnet_tiny: ResNet18* 11.7 1.8 69.8 / ResNet18 11.7 1.8 68.5 / DeiT-Ti/16 5.7 1.3 72.2 / PVT-Tiny 13.2 1.9 75.1
hatnet_tiny: PVTv2-B1 13.1 2.1 78.7 / HAT-Net-Tiny 12.7 2.0 79.8
hatnet_small: ResNet50* 25.6 4.1 76.1 / ResNet50 25.6 4.1 78.5 / ResNeXt50-32x4d* 25.0 4.3 77.6 / ResNeXt50-32x4d 25.0 4.3 79.5
hatnet_small: RegNetY-4G 20.6 4.0 80.0 / ResNeSt-50 27.5 5.4 81.1 / DeiT-S/16 22.1 4.6 79.8 / T2T-ViTt-14 21.5 5.2 80.7
hatnet_small: TNT-S 23.8 5.2 81.3 / CvT-13 20.0 4.5 81.6 / PVT-Small 24.5 3.8 79.8 / PVTv2-B2 25.4 4.0 82.0 / Swin-T 28.3 4.5 81.3
hatnet_small: Twins-SVT-S 24.0 2.8 81.7 / HAT-Net-Small 25.7 4.3 82.6
hatnet_medium: ResNet101* 44.7 7.9 77.4 / ResNet101 44.7 7.9 79.8 / ResNeXt101-32x4d* 44.2 8.0 78.8 / ResNeXt101-32x4d 44.2 8.0 80.6
hatnet_medium: RegNetY-8G 39.2 8.0 81.7 / ResNeSt-101 48.3 10.3 83.0 / T2T-ViTt-19 39.2 8.4 81.4 / CvT-21 31.5 7.1 82.5
hatnet_medium: PVT-Medium 44.2 6.7 81.2 / PVTv2-B3 45.2 6.9 83.2 / Swin-S 49.6 8.7 83.0 / HAT-Net-Medium 42.9 8.3 84.0
hatnet_large: ResNet152* 60.2 11.6 78.3 / ResNeXt101-64x4d* 83.5 15.6 79.6 / ResNeXt101-64x4d 83.5 15.6 81.5 / ViT-B/16† 86.6 55.4 77.9
hatnet_large: ViT-L/16† 304.3 190.7 76.5 / DeiT-B/16 86.6 17.6 81.8 / TNT-B 65.6 14.1 82.8 / PVT-Large 61.4 9.8 81.7
hatnet_large: PVTv2-B4 62.6 10.1 83.6 / Swin-B 87.8 15.4 83.3 / Twins-SVT-B 56.0 8.3 83.2 / HAT-Net-Large 63.1 11.5 84.2
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segmenter:
    """A row of Table 3: Semantic FPN on ADE20K, 512 x 512."""

    group: str
    backbone: str
    parameters: float
    flops: float
    miou: float


_TABLE_3 = """
hatnet_tiny: ResNet-18 15.5 31.9 32.9 / PVT-Tiny 17.0 32.1 35.7 / PVTv2-B1 17.8 33.1 41.5 / HAT-Net-Tiny 15.9 33.2 43.4
hatnet_small: ResNet-50 28.5 45.4 36.7 / PVT-Small 28.2 42.9 39.8 / Swin-T 31.9 46 41.5 / Twins-SVT-S 28.3 37 43.2
hatnet_small: PVTv2-B2 29.1 44.1 46.1 / HAT-Net-Small 29.5 49.6 46.5
hatnet_medium: ResNet-101 47.5 64.8 38.8 / ResNeXt-101-32x4d 47.1 64.6 39.7 / PVT-Medium 48.0 59.4 41.6 / Swin-S 53.2 70 45.2
hatnet_medium: Twins-SVT-B 60.4 67 45.3 / PVTv2-B3 49.0 60.7 47.3 / HAT-Net-Medium 46.7 74.7 49.2
hatnet_large: ResNeXt-101-64x4d 86.4 104.2 40.2 / PVT-Large 65.1 78.0 42.1 / Swin-B 91.2 107 46.0 / Twins-SVT-L 102 103.7 46.7
hatnet_large: PVTv2-B4 66.3 79.6 48.6 / HAT-Net-Large 66.8 96.4 49.3
"""
RETINANET = ("AP", "AP₅₀", "AP₇₅", "AP_S", "AP_M", "AP_L")
MASK_RCNN = ("APᵇ", "APᵇ₅₀", "APᵇ₇₅", "APᵐ", "APᵐ₅₀", "APᵐ₇₅")


@dataclass(frozen=True, kw_only=True, slots=True)
class Detector:
    """A row of Table 4: RetinaNet and Mask R-CNN on MS-COCO, 800 x 1280."""

    group: str
    backbone: str  # R: ResNet; X: ResNeXt
    parameters: float  # of RetinaNet
    flops: float
    boxes: tuple[float, ...]  # the figures named in RETINANET
    mask_parameters: float  # of Mask R-CNN
    mask_flops: float
    masks: tuple[float, ...]  # the figures named in MASK_RCNN


_TABLE_4 = """
hatnet_tiny: R-18 21.3 190 31.8 49.6 33.6 16.3 34.3 43.2 31.2 209 34.0 54.0 36.7 31.2 51.0 32.7
hatnet_tiny: ViL-Tiny 16.6 204 40.8 61.3 43.6 26.7 44.9 53.6 26.9 223 41.4 63.5 45.0 38.1 60.3 40.8
hatnet_tiny: PVT-Tiny 23.0 205 36.7 56.9 38.9 22.6 38.8 50.0 32.9 223 36.7 59.2 39.3 35.1 56.7 37.3
hatnet_tiny: HAT-Net-Tiny 21.6 212 42.5 63.3 45.8 26.9 46.1 56.6 31.8 231 42.5 65.0 46.6 39.4 61.9 42.1
hatnet_small: R-50 37.7 239 36.3 55.3 38.6 19.3 40.0 48.8 44.2 260 38.0 58.6 41.4 34.4 55.1 36.7
hatnet_small: PVT-Small 34.2 261 40.4 61.3 43.0 25.0 42.9 55.7 44.1 280 40.4 62.9 43.8 37.8 60.1 40.3
hatnet_small: Swin-T 38.5 248 41.5 62.1 44.2 25.1 44.9 55.5 47.8 264 42.2 64.6 46.2 39.1 61.6 42.0
hatnet_small: ViL-Small 35.7 292 44.2 65.2 47.6 28.8 48.0 57.8 45.0 310 44.9 67.1 49.3 41.0 64.2 44.1
hatnet_small: Twins-SVT-S 34.3 236 43.0 64.2 46.3 28.0 46.4 57.5 44.0 254 43.4 66.0 47.3 40.3 63.2 43.4
hatnet_small: HAT-Net-Small 35.5 286 44.8 65.8 48.1 28.8 48.6 59.5 45.4 305 45.2 67.4 49.2 41.3 64.6 44.3
hatnet_medium: R-101 56.7 315 38.5 57.8 41.2 21.4 42.6 51.1 63.2 336 40.4 61.1 44.2 36.4 57.7 38.8
hatnet_medium: X-101-32x4d 56.4 319 39.9 59.6 42.7 22.3 44.2 52.5 62.8 340 41.9 62.5 45.9 37.5 59.4 40.2
hatnet_medium: PVT-Medium 53.9 349 41.9 63.1 44.3 25.0 44.9 57.6 63.9 367 42.0 64.4 45.6 39.0 61.6 42.1
hatnet_medium: Swin-S 59.8 336 44.5 65.7 47.5 27.4 48.0 59.9 69.1 354 44.8 66.6 48.9 40.9 63.4 44.2
hatnet_medium: HAT-Net-Medium 52.7 405 45.9 66.9 49.2 29.7 50.0 61.6 62.6 424 47.0 69.0 51.5 42.7 66.0 46.0
hatnet_large: X-101-64x4d 95.5 473 41.0 60.9 44.0 23.9 45.2 54.0 101.9 493 42.8 63.8 47.3 38.4 60.6 41.3
hatnet_large: PVT-Large 71.1 450 42.6 63.7 45.4 25.8 46.0 58.4 81.0 469 42.9 65.0 46.6 39.5 61.9 42.5
hatnet_large: Twins-SVT-B 67.0 376 45.3 66.7 48.1 28.5 48.9 60.6 76.3 395 45.2 67.6 49.3 41.5 64.5 44.8
hatnet_large: HAT-Net-Large 73.1 519 46.3 67.2 49.6 30.0 50.6 62.4 82.7 537 47.4 69.3 52.1 43.1 66.5 46.6
"""


def _rows(text: str) -> list[tuple[str, str, list[float]]]:
    """Group, name and figures of each row."""
    found = []
    for line in text.strip().splitlines():
        group, _, entries = line.partition(": ")
        for entry in entries.split(" / "):
            name, *figures = entry.split()
            found.append((group, name, [float(figure) for figure in figures]))
    return found


TABLE_2 = tuple(Classifier(group=group, model=name, parameters=p, flops=f, top1=a) for group, name, (p, f, a) in _rows(_TABLE_2))
TABLE_3 = tuple(Segmenter(group=group, backbone=name, parameters=p, flops=f, miou=m) for group, name, (p, f, m) in _rows(_TABLE_3))
TABLE_4 = tuple(
    Detector(
        group=group,
        backbone=name,
        parameters=of[0],
        flops=of[1],
        boxes=tuple(of[2:8]),
        mask_parameters=of[8],
        mask_flops=of[9],
        masks=tuple(of[10:]),
    )
    for group, name, of in _rows(_TABLE_4)
)


class Design(NamedTuple):
    """A row of Table 5: HAT-Net-Small with windows, and H-MHSA in their place in some stages; 100 epochs."""

    number: int
    stages: tuple[int, ...]  # those with H-MHSA
    top1: float  # ImageNet
    miou: float  # ADE20K


TABLE_5 = (
    Design(1, (), 78.2, 42.1),
    Design(2, (2,), 78.2, 42.4),
    Design(3, (2, 3), 78.4, 42.5),
    Design(4, (2, 3, 4), 79.3, 43.4),
)


class Head(NamedTuple):
    """One of the dense models of Tables 3 and 4."""

    make: Callable[..., Any]  # of a variant's name and the number of classes
    classes: int  # of ADE20K or COCO
    size: tuple[int, int]  # of the image, in pixels

    def model(self, name: str) -> Dense:
        """The head on a variant, with random weights."""
        return self.make(name, self.classes)


HEADS = {
    "Semantic FPN": Head(semantic_fpn, 150, (512, 512)),
    "RetinaNet": Head(retinanet, 80, (800, 1280)),
    "Mask R-CNN": Head(mask_rcnn, 80, (800, 1280)),
}


def classifier(name: str) -> Classifier:
    """A variant's row of Table 2."""
    return next(row for row in TABLE_2 if row.model == NAMES[name])


def dense_row(head: str, name: str) -> tuple[float, float]:
    """What Tables 3 and 4 print of a head on a variant: millions of parameters, and "#FLOPs" in 10^9.

    >>> dense_row("Mask R-CNN", "hatnet_small")
    (45.4, 305.0)
    """
    if head == "Semantic FPN":
        segmenter = next(row for row in TABLE_3 if row.backbone == NAMES[name])
        return segmenter.parameters, segmenter.flops
    detector = next(row for row in TABLE_4 if row.backbone == NAMES[name])
    return (detector.parameters, detector.flops) if head == "RetinaNet" else (detector.mask_parameters, detector.mask_flops)
