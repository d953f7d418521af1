"""Dense prediction (sections 4.2 and 4.3): a class for each pixel, boxes, masks, on the maps of HAT-Net's four stages.

Read in this order:
    pyramid.py          the backbone: a HAT-Net, and a feature pyramid (FPN) on its stages' maps
    segmentation.py     Semantic FPN: a class for each pixel
    detection.py        RetinaNet: boxes; Mask R-CNN: boxes and masks
    checkpoints.py      their weights on disk
    scenes.py           pictures with a class for each pixel, from a folder
    objects.py          sets of pictures with boxes and masks
    coco.py             these from a folder laid out as COCO is

torchvision does the detection: pyramid, anchors, heads, losses, post-processing. Ours are the backbone, the head of Semantic FPN, and that
G1 and G2 are arguments of each call. `hatnet.complexity` counts all three models.
"""

from hatnet.dense.checkpoints import DenseInfo, dense_info, load_dense, save_dense
from hatnet.dense.detection import MaskRCNN, RetinaNet, mask_rcnn, retinanet
from hatnet.dense.pyramid import Dense, Pyramid
from hatnet.dense.segmentation import SemanticFPN, semantic_fpn

__all__ = [
    "semantic_fpn",
    "retinanet",
    "mask_rcnn",
    "SemanticFPN",
    "RetinaNet",
    "MaskRCNN",
    "Dense",
    "Pyramid",
    "DenseInfo",
    "dense_info",
    "load_dense",
    "save_dense",
]
