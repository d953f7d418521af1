"""HAT-Net (Fig. 1, Table 1): stem, stages of blocks, global average pooling, classifier."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hatnet.blocks import Block, Downsample, Stem
from hatnet.config import Config, configuration
from hatnet.norms import TokenNorm
from hatnet.timm_surface import TimmSurface, new_classifier
from hatnet.trace import Trace

Grids = Sequence[int] | None
M = TypeVar("M", bound=nn.Module)

for name in ("rearrange", "check_images", "check_grids"):
    torch.fx.wrap(name)  # as in attention.py


if TYPE_CHECKING:

    class ModuleListOf(nn.ModuleList, Generic[M]):
        """What type checkers know of a `ModuleList` whose modules are all of one class; when the program runs, it is one."""

        def __init__(self, modules: Iterable[M]) -> None: ...
        @overload
        def __getitem__(self, idx: slice) -> "ModuleListOf[M]": ...
        @overload
        def __getitem__(self, idx: int) -> M: ...
        def __getitem__(self, idx: int | slice) -> "M | ModuleListOf[M]": ...
        def __iter__(self) -> Iterator[M]: ...
else:
    ModuleListOf = nn.ModuleList


class Stage(nn.Module):
    """One stage: the downsampling before it (none for the first), then its blocks."""

    def __init__(self, config: Config, index: int, drop_path: list[float]):
        super().__init__()
        self.downsample: Downsample | nn.Identity = Downsample(config, index) if index else nn.Identity()
        self.blocks: ModuleListOf[Block] = ModuleListOf(Block(config, index, p) for p in drop_path)
        self.grad_checkpointing = False  # `TimmSurface.set_grad_checkpointing`

    def forward(self, x: Tensor, *grids: int, explicit: bool = False, traces: Sequence[Trace] = ()) -> Tensor:
        """The output of the stage before [b, c, h, w] -> [b, c', ceil(h / 2), ceil(w / 2)]; the first stage keeps the size.

        grids: G1 and G2 in a hierarchical stage, nothing in a plain one. traces: one for each block, or none.
        """
        x = self.downsample(x)
        traced = isinstance(x, torch.fx.Proxy) or torch.jit.is_tracing()
        recompute = self.grad_checkpointing and torch.is_grad_enabled() and not traced
        for block, trace in zip_longest(self.blocks, traces):
            run = partial(checkpoint, block, use_reentrant=False) if recompute else block
            x = run(x, *grids, explicit=explicit, trace=trace)
        return x


class HATNet(TimmSurface):
    """The HAT-Net of a `Config`. A forward pass changes nothing in the model, so threads may share one."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        # On the CPU, whatever device the model is built on: on "meta" there are no numbers to read.
        drop_path = torch.linspace(0, config.drop_path, sum(config.depths), device="cpu").split(list(config.depths))
        self.stem = Stem(config)
        self.stages: ModuleListOf[Stage] = ModuleListOf(Stage(config, index, p.tolist()) for index, p in enumerate(drop_path))
        self.head_norm: nn.Module = TokenNorm(config.dims[-1]) if config.head_norm else nn.Identity()
        self.dropout = nn.Dropout(config.dropout)
        self.classifier: nn.Module = new_classifier(config)
        self.apply(self._initialise)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, g1: Grids = None, g2: Grids = None, explicit: bool = False) -> Tensor:
        """Logits of a batch of images.

        images: floating point [b, in_chans, h, w], normalised as in training (`hatnet.transform`); each side is at least one token of the
            last stage (32 pixels in the paper's models).
        g1, g2: one G1 and one G2 for each hierarchical stage, in tokens, for this call alone; by default `config.g1`, `config.g2`.
        explicit: compute Eq. 2 as written instead of with the fused kernel (the same result; see `attention.attend`). Second derivatives
            need it (gradient penalties, Hessians by reverse mode twice); first ones and forward mode do not.
        Returns logits [b, num_classes], or [b, num_classes, r, r] if `config.readout` is r > 1; if num_classes is 0, the pooled
        features instead. Raises ValueError for images or grids that do not fit.
        """
        return self.forward_head(self.forward_features(images, g1, g2, explicit)[-1])

    def forward_features(self, images: Tensor, g1: Grids = None, g2: Grids = None, explicit: bool = False) -> list[Tensor]:
        """The output map of each stage, [b, c, h / stride, w / stride] rounded up (strides 4, 8, 16, 32 in the paper).

        For use as a backbone; arguments and errors as for `forward`, channels and strides in `feature_info`.
        """
        return [x for x, _ in self.run(images, g1, g2, explicit)]

    def forward_head(self, features: Tensor | list[Tensor] | tuple[Tensor, ...], pre_logits: bool = False) -> Tensor:
        """Average pooling, dropout (the release's), classifier: the last stage's map [b, c, h, w], or the maps of all -> logits as for
        `forward`, without the softmax of Table 1.

        pre_logits: leave the classifier out, as num_classes = 0 does.
        """
        last = features[-1] if isinstance(features, list | tuple) else features
        pooled = self.head_norm(F.adaptive_avg_pool2d(last, self.config.readout))
        pooled = self.dropout(rearrange(pooled, "b c y x -> b y x c"))
        logits = pooled if pre_logits else self.classifier(pooled)
        return logits.flatten(1) if self.config.readout == 1 else rearrange(logits, "b y x k -> b k y x")

    def run(
        self, images: Tensor, g1: Grids = None, g2: Grids = None, explicit: bool = False, traced: bool = False
    ) -> Iterator[tuple[Tensor, list[Trace]]]:
        """The forward pass up to the classifier, stage by stage. Arguments as for `forward`.

        Yields each stage's output [b, c, h, w] and, if `traced`, the tensors of each of its blocks' attention.
        """
        check_images(images, self.config.in_chans, self.config.strides[-1])
        x = self.stem(rearrange(rearrange(images, "b c h w -> b h w c").contiguous(), "b h w c -> b c h w"))  # channels-last
        for stage, grids in zip(self.stages, self.grids(g1, g2), strict=True):
            traces = [Trace() for _ in stage.blocks] if traced else []
            x = stage(x, *grids, explicit=explicit, traces=traces)
            yield x, traces

    def grids(self, g1: Grids = None, g2: Grids = None) -> list[tuple[int, ...]]:
        """(G1, G2) of each hierarchical stage and () of each plain one: as given, or the configuration's. Raises ValueError if they do not
        fit."""
        config = self.config
        g1, g2 = check_grids("g1", g1, config.g1), check_grids("g2", g2, config.g2)
        return [(g1[index], g2[index]) if index < len(config.g1) else () for index in range(len(config.dims))]

    def _initialise(self, module: nn.Module) -> None:
        """As released: truncated normal for weights, 0 for biases; norms keep torch's 1 and 0."""
        if isinstance(module, nn.Conv2d | nn.Linear):
            std = self.config.init_std or module.weight[0].numel() ** -0.5
            nn.init.trunc_normal_(module.weight, std=std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


INSTEAD = {  # of what timm's users ask for
    "pretrained": "hatnet.load_pretrained(NAME) has the authors' weights of the paper's models, hatnet.load_checkpoint(NAME) our own",
    "features_only": "its forward_features gives the maps of the stages, and timm.create_model({!r}, features_only=True) a timm backbone",
}


def create_model(name: str, num_classes: int = 1000, **overrides: Any) -> HATNet:
    """A HAT-Net with random weights: one of `config.VARIANTS`, with fields of `Config` replaced by `overrides`.

    >>> create_model("hatnet_tiny", num_classes=10, drop_path=0.1).config.dims
    (48, 96, 240, 384)

    Raises ValueError for an unknown name or override, naming the valid ones.
    """
    for word, instead in INSTEAD.items():
        if overrides.pop(word, False):
            raise ValueError(f"{word}=True: create_model gives a whole model with random weights; {instead.format(name)}")
    return HATNet(configuration(name, num_classes=num_classes, **overrides))


def check_grids(name: str, grids: Grids, default: tuple[int, ...]) -> tuple[int, ...]:
    """The G1 or G2 (`name`) of each hierarchical stage: `grids`, or the default. Raises ValueError if they do not fit."""
    if grids is None:
        return default
    if isinstance(grids, int) or len(grids) != len(default):
        raise ValueError(f"{name}={grids}: give one whole number for each of the {len(default)} hierarchical stages, like {default}")
    try:
        sides = tuple(int(g) for g in grids)
        fit = all(side == g and side >= 1 for side, g in zip(sides, grids, strict=True))
    except (TypeError, ValueError, OverflowError):  # None, a list, a text, NaN, infinity
        fit = False
    if not fit:
        raise ValueError(f"{name}={tuple(grids)}: each side is a whole number of tokens, at least 1, like {default}")
    return sides


def check_images(images: Tensor, channels: int, smallest: int) -> None:
    """Raise ValueError unless images is a floating-point tensor [b, channels, h, w] with sides of at least `smallest` pixels."""
    if not isinstance(images, Tensor) or images.ndim != 4:
        got = list(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"images are {got}; wanted a tensor [batch, {channels}, height, width] (one image: images[None])")
    if images.shape[1] != channels:
        wanted = f"{channels}{', RGB' * (channels == 3)}: [batch, {channels}, height, width]"
        raise ValueError(f"images have {images.shape[1]} channels (shape {list(images.shape)}); wanted {wanted}")
    if not images.is_floating_point():
        raise ValueError(f"images are {images.dtype}; wanted floating point: divide pixels by 255 and normalise as in training")
    if min(images.shape[-2:]) < smallest:
        raise ValueError(f"images are {images.shape[-2]} x {images.shape[-1]} pixels; each side must be at least {smallest}: enlarge them")
