"""The backbone of all dense models: a HAT-Net without its classifier, and a feature pyramid on the maps of its stages.

The paper numbers the stages with blocks 2 to 5; their maps have strides of 4, 8, 16 and 32 pixels. Papers on detection call the
maps C2 to C5 and the pyramid's levels P2 to P5; so do we.
"""

import copy
import dataclasses
import os
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import ExtraFPNBlock

from hatnet.checkpoints import CheckpointInfo, checkpoint_info, list_checkpoints, load_checkpoint
from hatnet.config import VARIANTS, Config, configuration
from hatnet.described import unwrapped
from hatnet.model import Grids, HATNet
from hatnet.ranges import Whole, check, did_you_mean

STAGES = 4
MODELS = tuple(name for name, config in VARIANTS.items() if len(config.dims) == STAGES)
G1, G2 = 8, 16  # sections 4.2 and 4.3: G1 = 8, 8, 8 and G2 = 16, 8, 4; G2 is halved from stage to stage, as the map is
CLASSES, CHANNELS = Whole(1, 10_000), Whole(8, 2048)

Name = str | os.PathLike[str] | HATNet
Size = tuple[int, int]  # height and width


class Pyramid(nn.Module):
    """A HAT-Net (`body`) and torchvision's feature pyramid on its maps (`fpn`: Lin et al., CVPR 2017).

    levels: how many of the body's maps the pyramid takes, from the last. extra: further levels on top of the last one.
    """

    def __init__(self, body: HATNet, channels: int, levels: int, extra: ExtraFPNBlock | None = None):
        super().__init__()
        self.levels, self.out_channels = levels, channels
        self.body = body
        self.fpn = FeaturePyramidNetwork(list(body.config.dims[-levels:]), channels, extra)

    def forward(self, images: Tensor, g1: Grids = None, g2: Grids = None, explicit: bool = False) -> "OrderedDict[str, Tensor]":
        """The levels of the pyramid, the finest first, each [b, channels, ceil(h / stride), ceil(w / stride)].

        Arguments and errors as for `HATNet.forward`.
        """
        maps = self.body.forward_features(images, g1, g2, explicit)[-self.levels :]
        return self.fpn(OrderedDict((str(level), x) for level, x in enumerate(maps)))

    def positions(self, maps: Sequence[Size]) -> dict[str, int]:
        """At how many positions each convolution of the pyramid is applied to one image; maps: height and width of the body's."""
        return {
            f"fpn.{kind}.{level}.0": h * w for level, (h, w) in enumerate(maps[-self.levels :]) for kind in ("inner_blocks", "layer_blocks")
        }


class Dense(nn.Module, ABC):
    """The base class of the dense models."""

    backbone: Pyramid

    @property
    def config(self) -> Config:
        """The backbone's configuration."""
        return self.backbone.body.config

    def no_weight_decay(self) -> set[str]:
        """As `HATNet.no_weight_decay`."""
        return {name for name, parameter in self.named_parameters() if parameter.ndim <= 1}

    def settings(self) -> dict[str, Any]:
        """What a model of this class is built with beside the backbone and the number of classes, as JSON holds it."""
        return {"channels": self.backbone.out_channels}

    def padded(self, size: Size) -> Size:
        """Height and width, in pixels, at which the backbone sees an image of `size`."""
        return size

    @abstractmethod
    def positions(self, maps: Sequence[Size]) -> dict[str, int]:
        """For every convolution, linear layer and norm that is not the body's, by name: the positions at which it is applied to one image.

        maps: height and width of the body's four maps, in tokens.
        """

    def finish(self) -> None:
        """The last line of a constructor: the heads go to the body's device and type; all is in channels-last memory and training mode."""
        self.to(next(self.backbone.body.parameters())).to(memory_format=torch.channels_last).train()


def body_of(name: Name) -> tuple[HATNet, CheckpointInfo | None]:
    """A HAT-Net of four stages as a backbone, and what is known of it if it is a checkpoint.

    name: one of MODELS, with random weights; a checkpoint as `load_checkpoint` takes it, with the weights of its stages; or a HATNet, which
        is copied (its drop path, mechanisms and weights stay).
    The backbone has no classifier, and no norm before it. Its configuration's G1 and G2 are the paper's for dense prediction.
    Raises ValueError for models that have not four stages, and for unknown ones, naming the nearest.
    """
    info = None
    if isinstance(name, nn.Module):
        given = unwrapped(name)
        config = given.config
    elif name in VARIANTS:
        config = configuration(str(name))
    elif str(name).endswith(".safetensors") or name in list_checkpoints():
        info = checkpoint_info(name)
        config = info.config
    else:
        raise ValueError(
            f"unknown model {str(name)!r}{did_you_mean(name, (*MODELS, *list_checkpoints()))}; wanted one of {', '.join(MODELS)} "
            "(random weights), a checkpoint, or a HATNet"
        )
    if (count := len(config.dims)) != STAGES:
        title, near = ("this HATNet", "") if isinstance(name, nn.Module) else (name, did_you_mean(name, MODELS))
        raise ValueError(f"{title} has {count} stages; wanted the maps of {STAGES}, as of {', '.join(MODELS)}{near}")
    if isinstance(name, nn.Module):
        model = copy.deepcopy(given)
    else:
        model = load_checkpoint(name, num_classes=0) if info else HATNet(config)
    model.prune_intermediate_layers(STAGES, prune_norm=True)
    hierarchical = len(model.config.g1)
    model.config = dataclasses.replace(model.config, g1=(G1,) * hierarchical, g2=tuple(G2 // 2**stage for stage in range(hierarchical)))
    return model, info


def check_numbers(num_classes: int, channels: int) -> None:
    """Raise ValueError for numbers of classes and of channels that no dense model can have."""
    check({"num_classes": num_classes, "channels": channels}, {"num_classes": CLASSES, "channels": CHANNELS})
