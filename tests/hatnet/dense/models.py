"""Small dense models, shared by the tests of this folder."""

import torch

import hatnet
from hatnet.dense import mask_rcnn, retinanet, semantic_fpn

SMALL = {"dims": (16, 16, 32, 32), "depths": (1, 1, 1, 1), "head_dim": 16, "expansions": (1, 1, 1, 1), "num_classes": 3}
MAKE = {"semantic_fpn": semantic_fpn, "retinanet": retinanet, "mask_rcnn": mask_rcnn}
OPTIONS = {
    "semantic_fpn": {},
    "retinanet": {"min_size": 64, "max_size": 96, "score_thresh": 0.0, "detections_per_img": 12},
    "mask_rcnn": {"min_size": 64, "max_size": 96, "rpn_post_nms_top_n_test": 20, "box_score_thresh": 0.0, "box_detections_per_img": 6},
}
DETECTORS = ("retinanet", "mask_rcnn")


def body(**overrides):
    return hatnet.create_model("hatnet_compact224", **SMALL | overrides)


def small(head, num_classes=5, **options):
    """A dense model with little to compute, whose random weights are large enough to tell one input from another."""
    torch.manual_seed(1)
    model = MAKE[head](body(), num_classes, channels=8, **OPTIONS[head] | options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.1)
    return model.eval()


def inputs(head, *sizes):
    """Images as the model takes them."""
    images = [torch.rand(3, *size) for size in sizes]
    return torch.stack(images) if head == "semantic_fpn" else images


def targets(model, images, classes=(4, 0)):
    """Two objects in each image, of which the second covers the first in part."""
    made = []
    for image in images:
        h, w = image.shape[1:]
        boxes = torch.tensor([[4.0, 6.0, w / 2, h / 2], [w / 4, h / 4, w - 3.0, h - 5.0]])
        masks = torch.zeros(2, h, w, dtype=torch.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist(), strict=True):
            mask[y1:y2, x1:x2] = 1
        made.append({"boxes": boxes, "labels": model.to_labels(torch.tensor(classes)), "masks": masks})
    return made


def flat(output):
    """All tensors of an output, in order."""
    if isinstance(output, torch.Tensor):
        return [output]
    parts = output.values() if isinstance(output, dict) else output
    return [tensor for part in parts for tensor in flat(part)]


def same(a, b):
    a, b = flat(a), flat(b)
    return len(a) == len(b) and all(x.shape == y.shape and torch.equal(x, y) for x, y in zip(a, b, strict=True))
