"""Semantic FPN: a class for each pixel (section 4.2; Kirillov et al., "Panoptic Feature Pyramid Networks", CVPR 2019, section 3.1).

Its head brings every level of the pyramid to the finest one's size and adds them up. With C for convolution 3 x 3, norm, ReLU (each C
has its own weights), U for bilinear up-sampling by 2 and U4 by 4, and W for a convolution 1 x 1 (dropout before it):

    logits = U4 W (C P2  +  U C P3  +  U C U C P4  +  U C U C U C P5)
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from hatnet.dense.pyramid import STAGES, Dense, Name, Pyramid, Size, body_of, check_numbers
from hatnet.model import Grids, ModuleListOf


class SemanticHead(nn.Module):
    """From the levels of a pyramid [b, channels, h_i, w_i], each half as large as the one before, to logits [b, num_classes, h_0, w_0].

    The norm is batch norm, as in the toolbox that the paper uses (MMSegmentation); Kirillov et al. have group norm.
    """

    def __init__(self, channels: int, num_classes: int):
        super().__init__()
        width = channels // 2  # 128 of 256, as in both
        self.branches: ModuleListOf[nn.ModuleList] = ModuleListOf(
            nn.ModuleList(Conv2dNormActivation(width if step else channels, width) for step in range(max(level, 1)))
            for level in range(STAGES)
        )
        self.dropout = nn.Dropout2d(0.1)
        self.classifier = nn.Conv2d(width, num_classes, 1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        total: Tensor | int = 0
        for level, (x, branch) in enumerate(zip(levels, self.branches, strict=True)):
            for finer, layer in zip(levels[max(level - 1, 0) :: -1], branch, strict=True):
                x = layer(x)
                if level:
                    x = enlarge(x, 2, finer.shape[-2:])
            total = total + x
        return self.classifier(self.dropout(total))

    def positions(self, maps: Sequence[Size]) -> dict[str, int]:
        """As `Dense.positions`."""
        found: dict[str, int] = {}
        for level in range(STAGES):
            for step in range(max(level, 1)):
                h, w = maps[level - step]
                found |= {f"branches.{level}.{step}.{part}": h * w for part in (0, 1)}
        return found | {"classifier": maps[0][0] * maps[0][1]}


class SemanticFPN(Dense):
    """A HAT-Net, a pyramid on its four maps, and the head of Semantic FPN. At inference a forward pass changes nothing in the model."""

    def __init__(self, backbone: Pyramid, num_classes: int):
        super().__init__()
        self.num_classes = num_classes
        self.backbone = backbone
        self.head = SemanticHead(backbone.out_channels, num_classes)
        self.finish()

    def forward(self, images: Tensor, g1: Grids = None, g2: Grids = None, explicit: bool = False) -> Tensor:
        """Logits of every pixel.

        images: floating point [b, in_chans, h, w], normalised as for the backbone's training; any height and width of at least 32 pixels.
        g1, g2: one G1 and one G2 for each hierarchical stage, in tokens, for this call alone; by default 8, 8, 8 and 16, 8, 4.
        explicit: as for `HATNet.forward`.
        Returns logits [b, num_classes, h, w]. Raises ValueError for images or grids that do not fit.
        """
        levels: OrderedDict[str, Tensor] = self.backbone(images, g1, g2, explicit)
        return enlarge(self.head(list(levels.values())), self.backbone.body.config.strides[0], images.shape[-2:])

    def positions(self, maps: Sequence[Size]) -> dict[str, int]:
        """As `Dense.positions`."""
        parts = {"backbone": self.backbone.positions(maps), "head": self.head.positions(maps)}
        return {f"{part}.{layer}": count for part, layers in parts.items() for layer, count in layers.items()}


def semantic_fpn(name: Name, num_classes: int, channels: int = 256) -> SemanticFPN:
    """Semantic FPN on a HAT-Net of four stages, in training mode; call it as `SemanticFPN.forward` says.

    name: a model of four stages with random weights ("hatnet_tiny"), a checkpoint whose stages' weights are taken ("objects224", or a
        .safetensors file), or a HATNet, which is copied.
    num_classes: outputs for each pixel. channels: of the pyramid; the head has half as many.
    Raises ValueError for other models and numbers, naming the nearest.

    >>> semantic_fpn("hatnet_tiny", 150)(torch.zeros(2, 3, 75, 141)).shape
    torch.Size([2, 150, 75, 141])
    """
    check_numbers(num_classes, channels)
    return SemanticFPN(Pyramid(body_of(name)[0], channels, STAGES), num_classes)


def enlarge(x: Tensor, factor: int, size: Sequence[int]) -> Tensor:
    """A map [b, c, h, w] up-sampled by a whole factor, bilinearly, then cut to `size` (height, width) at the right and bottom edge.

    Maps are rounded up where a stride does not divide the image, so that the last token lies partly outside of it. Cutting keeps every
    token over its own pixels; resizing to `size` would shift the tokens, by up to a whole one at that edge. A map that is too small
    (the patch stem leaves out what is no whole patch) repeats its edge.
    """
    x = F.interpolate(x, scale_factor=factor, mode="bilinear")
    return F.pad(x, (0, size[1] - x.shape[-1], 0, size[0] - x.shape[-2]), mode="replicate")
