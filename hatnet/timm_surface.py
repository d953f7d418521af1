"""The methods that timm's users expect of a model, a few lines each over what `HATNet` has. None of them runs unless it is called."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from hatnet.config import Config
from hatnet.depth import depth_of, stage_of

Indices = int | Sequence[int] | None


class TimmSurface(nn.Module):
    """The base class of `HATNet`, which sets the attributes and has `run`."""

    config: Config
    stages: Any  # `ModuleListOf[Stage]`, which `HATNet` says
    head_norm: nn.Module
    classifier: nn.Module
    run: Callable[..., Iterator[tuple[Tensor, list]]]
    _initialise: Callable[[nn.Module], None]

    @property
    def num_classes(self) -> int:
        """Outputs of the classifier; 0 if there is none."""
        return self.config.num_classes

    @property
    def num_features(self) -> int:
        """Channels of the last stage, which the classifier reads."""
        return self.config.dims[-1]

    @property
    def in_chans(self) -> int:
        """Channels of the images."""
        return self.config.in_chans

    @property
    def feature_info(self) -> list[dict[str, Any]]:
        """The output maps of the stages, one by one: channels, stride in pixels, module."""
        pairs = zip(self.config.dims, self.config.strides, strict=True)
        return [{"num_chs": c, "reduction": stride, "module": f"stages.{index}"} for index, (c, stride) in enumerate(pairs)]

    def get_classifier(self) -> nn.Module:
        """The last linear layer; an identity if there is none."""
        return self.classifier

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Put a new classifier with random weights in place of the old one, or none if num_classes is 0; `config` says so too.

        global_pool: None or "avg". Raises ValueError for another, and for a number of classes that no model can have.
        """
        check_pooling(global_pool)
        config, like = dataclasses.replace(self.config, num_classes=num_classes), next(self.parameters())
        self.config, self.classifier = config, new_classifier(config).to(like).train(self.training)
        self.classifier.apply(self._initialise)

    def forward_intermediates(
        self,
        images: Tensor,
        indices: Indices = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """The last stage's map, which `forward_head` takes, and those of some stages: each [b, c, h / stride, w / stride], in their order.

        indices: of stages, counted from 0 or, if negative, from the end; a number n stands for the last n, None for all.
        stop_early: run no further than the last of them, and give its map in place of the last stage's. intermediates_only: give
        the list alone. Raises ValueError for a stage that the model does not have, for norm (none follows a stage), and for
        another format.
        """
        if norm or output_fmt != "NCHW":
            raise ValueError(f"norm is {norm}, output_fmt {str(output_fmt)!r}; wanted False and 'NCHW': no norm follows a stage")
        taken, maps = self._stages(indices), []
        for index, (x, _) in enumerate(self.run(images)):
            if index in taken:
                maps.append(x)
            if index == max(taken) and (stop_early or intermediates_only):
                break
        return maps if intermediates_only else (x, maps)

    def prune_intermediate_layers(self, indices: Indices = 1, prune_norm: bool = False, prune_head: bool = True) -> list[int]:
        """Take off, in place, the stages after the last of `indices` (as in `forward_intermediates`), and then the head. Returns their
        numbers from 0.

        prune_norm, prune_head: take these off even if all stages stay.
        """
        taken, config = self._stages(indices), self.config
        count = max(taken) + 1
        kept = {name: getattr(config, name)[:count] for name in ("dims", "depths", "expansions", "kernels", "g1", "g2")}
        kept["attention"] = config.attention if isinstance(config.attention, str) else config.attention[:count]
        if prune_norm or count < len(config.dims):
            kept["head_norm"], self.head_norm = False, nn.Identity()
        self.config, self.stages = dataclasses.replace(config, **kept), self.stages[:count]
        if prune_head or count < len(config.dims):
            self.reset_classifier(0)
        return taken

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """In training, keep only the blocks' inputs and compute their insides again in the backward pass: less memory, more time."""
        for stage in self.stages:
            stage.grad_checkpointing = enable

    def no_weight_decay(self) -> set[str]:
        """The names of the norms and biases, which are trained without weight decay."""
        return {name for name, parameter in self.named_parameters() if parameter.ndim <= 1}

    def group_matcher(self, coarse: bool = False) -> Callable[[str], int]:
        """A function from a parameter's name to its group: how deep it lies or, if coarse, its stage (`hatnet.depth`)."""
        return partial(stage_of, stages=self.config.stages) if coarse else partial(depth_of, depths=self.config.depths)

    def _stages(self, indices: Indices) -> list[int]:
        """Indices of stages, as `forward_intermediates` takes them, counted from 0."""
        count = len(self.stages)
        if indices is None or isinstance(indices, int):
            indices = range(-(count if indices is None else indices), 0)
        if not len(indices) or any(not -count <= index < count for index in indices):
            raise ValueError(f"stages {list(indices)}: this model has {count}; wanted some of 0 to {count - 1}, or of -{count} to -1")
        return [index % count for index in indices]


def check_pooling(global_pool: str | None) -> None:
    """Raise ValueError for any other pooling than HAT-Net's average."""
    if global_pool not in (None, "avg"):
        raise ValueError(f"global_pool is {global_pool!r}; wanted 'avg'. The map before it is forward_features(images)[-1]")


def new_classifier(config: Config) -> nn.Linear | nn.Identity:
    """The layer that gives the logits."""
    return nn.Linear(config.dims[-1], config.num_classes) if config.num_classes else nn.Identity()
