"""Checkpoints of dense models: safetensors files like those of classifiers (`hatnet.checkpoints`), whose header also names the task, the
head, its channels, and the classes with their colours.
"""

import dataclasses
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

from hatnet.checkpoints import OtherTask, as_json, check_place, find, read_header, read_weights, write_checkpoint
from hatnet.config import Config, from_fields
from hatnet.dense.detection import LEVELS, Detector, MaskRCNN, RetinaNet, mask_rcnn_for, retinanet_for
from hatnet.dense.pyramid import CHANNELS, CLASSES, Dense
from hatnet.dense.segmentation import SemanticFPN, semantic_fpn
from hatnet.described import hooked, inside, shape_differences, weights
from hatnet.files import brief
from hatnet.model import HATNet
from hatnet.ranges import Many, Number, Range, Table, Whole, Word, check


class Head(NamedTuple):
    """A kind of dense model."""

    task: str  # as --task names it
    kind: type[Dense]
    make: Callable[..., Dense]  # of a HATNet, a number of classes, and the settings by name
    settings: dict[str, Range]  # as `Dense.settings` gives them


_DETECTOR: dict[str, Range] = {"channels": CHANNELS, "side": Whole(32, 4096), "anchors": Many(Number(1, 2**14), LEVELS, LEVELS)}
HEADS = {
    "semantic_fpn": Head("segment", SemanticFPN, semantic_fpn, {"channels": CHANNELS}),
    "retinanet": Head("detect", RetinaNet, retinanet_for, _DETECTOR),
    "mask_rcnn": Head("detect", MaskRCNN, mask_rcnn_for, _DETECTOR | {"regions": Whole(1, 4096)}),
}


@dataclass(frozen=True, kw_only=True)
class DenseInfo:
    """What a dense checkpoint's header says."""

    task: str  # as --task names it
    head: str  # of HEADS
    settings: dict[str, Any]  # `Dense.settings`
    config: Config  # of the backbone; g1 and g2 as in training
    classes: tuple[str, ...]  # in label order
    colours: tuple[tuple[int, int, int], ...] | None  # of the classes: red, green, blue; None if they have none
    mean: tuple[float, ...]  # of each channel, for pixels in 0..1
    std: tuple[float, ...]
    image_size: tuple[int, int]  # height and width of the images in training, in pixels; the model takes any
    data: str  # the data set
    extra: dict[str, Any]  # whatever else the header says: "mean_iou", "split", "val_fraction", "recipe", ...

    @property
    def channels(self) -> int:
        """Of the pyramid."""
        return self.settings["channels"]

    def header(self) -> dict[str, Any]:
        """What `save_dense` takes."""
        return {name: getattr(self, name) for name in REQUIRED} | self.extra | {"colours": self.colours}


REQUIRED = ("classes", "mean", "std", "image_size", "data")
RANGES: dict[str, Range] = {
    "classes": Many(Word(), CLASSES.least, CLASSES.most),
    "mean": Many(Number(-10, 10), 1, 64),
    "std": Many(Number(0, 10, above=True), 1, 64),
    "image_size": Many(Whole(1, 2**16), 2, 2),
    "data": Word(),
    "split": Word(),  # this and the next are in `extra`, and need not be there
    "val_fraction": Number(0, 1, above=True, below=True),
}
_COLOUR = Many(Whole(0, 255), 3, 3)


def description(model: Dense) -> dict[str, Any]:
    """A model's head as a header and a run's config.json keep it: "name", `Dense.settings`. Raises ValueError for a class not in HEADS."""
    name = next((name for name, head in HEADS.items() if type(model) is head.kind), None)
    if name is None:
        raise ValueError(f"the model is a {type(model).__name__}; wanted one of {', '.join(head.kind.__name__ for head in HEADS.values())}")
    return {"name": name} | model.settings()


def build_dense(config: Config, head: Mapping[str, Any], num_classes: int) -> Dense:
    """A new model with random weights: a backbone as `config` describes it, its G1 and G2 too, and a head as `description` gave it.

    Raises ValueError for a head or a number that there is not.
    """
    settings = _settings(head)
    model = HEADS[head["name"]].make(HATNet(config), num_classes, **settings)
    model.backbone.body.config = dataclasses.replace(model.config, g1=config.g1, g2=config.g2)
    return model


def dense_info(path: str | os.PathLike[str], task: str | None = None) -> DenseInfo:
    """The header of a dense checkpoint, without its weights.

    task: the one that is wanted ("segment"); by default, any. Raises ValueError for a file that is not a dense checkpoint of this version
    of hatnet; OtherTask, which is one, for a checkpoint of another task, saying which came and which was wanted.
    """
    path = find(path)
    header = read_header(path)
    known = tuple(dict.fromkeys(head.task for head in HEADS.values()))
    came = header.get("task", "classify") if isinstance(header, dict) and "config" in header else None
    if came is not None and (came not in known or task not in (None, came)):
        wanted = f"one for {task or ' or '.join(known)}"
        loads = " (hatnet.load_checkpoint loads it; as a backbone, semantic_fpn and the others take it)" if came == "classify" else ""
        raise OtherTask(f"{path} is a checkpoint for the task {came}{loads}; wanted {wanted}", task=str(came))
    if missing := [key for key in ("config", "head", *REQUIRED) if not isinstance(header, dict) or key not in header]:
        raise ValueError(f"{path} is not a dense checkpoint of hatnet: its header lacks {', '.join(missing)}")
    try:
        check(header, {"config": Table(), "head": Table()})
        config = from_fields(header.pop("config"))
        head, colours = header.pop("head"), header.pop("colours", None)
        settings = _settings(head)
        _check(header | {"colours": colours}, config)
    except ValueError as error:
        raise ValueError(f"{path}: its header is damaged, or comes from another version of hatnet: {error}") from None
    found = {name: header.pop(name) for name in REQUIRED}
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    return DenseInfo(
        task=header.pop("task"),
        head=head["name"],
        settings=settings,
        config=config,
        colours=None if colours is None else tuple((red, green, blue) for red, green, blue in colours),
        **found,
        extra=header,
    )


def load_dense(path: str | os.PathLike[str], task: str | None = None) -> Dense:
    """The model of a dense checkpoint, in float32 and eval mode: a SemanticFPN ("segment"), RetinaNet or MaskRCNN ("detect").

    path, task, and errors as for `dense_info`; ValueError too if the weights do not fit.
    """
    info, path = dense_info(path, task), find(path)
    model = build_dense(info.config, {"name": info.head} | info.settings, len(info.classes)).float()
    if isinstance(model, Detector):
        model.normalise_by(info.mean, info.std)
    stored = read_weights(path)
    try:
        missing, unexpected = model.load_state_dict(stored, strict=False)
    except RuntimeError as error:
        raise ValueError(f"{path}: its weights do not fit its configuration ({brief(error)})") from None
    if wrong := [*unexpected, *(name for name in missing if not name.endswith("num_batches_tracked"))]:
        raise ValueError(f"{path}: its weights do not fit its configuration ({wrong[0]} is missing or not of this model)")
    return model.eval()


def save_dense(model: nn.Module, path: str | os.PathLike[str], info: Mapping[str, Any], dtype: torch.dtype = torch.float32) -> None:
    """Write a dense checkpoint, atomically.

    model: of a class in HEADS, perhaps inside torch's wrappers. path: ends in .safetensors, in a folder that exists. info: the header, as
    JSON can hold it: at least REQUIRED (another one's is `dense_info(PATH).header()`); task, head and configuration are added.
    Raises ValueError, before anything is written, for what `load_dense` would refuse.
    """
    check_place(path)
    if not isinstance(info, Mapping) or (missing := [key for key in REQUIRED if key not in info]):
        lacks = f"lacks {', '.join(missing)}" if isinstance(info, Mapping) else f"is a {type(info).__name__}"
        raise ValueError(f"info {lacks}; wanted a dict with {', '.join(REQUIRED)}, like dense_info(PATH).header()")
    hooks, bare = hooked(model), inside(model)
    if not isinstance(bare, Dense):
        raise ValueError(
            f"the model is a {type(bare).__name__}; a dense checkpoint holds one of hatnet.dense (save_checkpoint takes a HATNet)"
        )
    head = description(bare)
    header = {key: as_json(value, key) for key, value in info.items() if key not in ("task", "head", "config")}
    _check(header, bare.config)
    with torch.device("meta"):
        twin = build_dense(bare.config, head, len(header["classes"]))
    if differences := [*shape_differences(bare, twin)]:
        raise ValueError(f"this model is not what its configuration describes: {'; '.join(differences[:3])}")
    if hooks:
        warnings.warn(f"forward hooks are not saved: {', '.join(hooks[:3])}", stacklevel=2)
    header |= {"task": HEADS[head["name"]].task, "head": head, "config": dataclasses.asdict(bare.config)}
    write_checkpoint(path, weights(bare, dtype), header)


def _settings(head: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a head that `description` gave. Raises ValueError for a head or a value that there is not."""
    check(head, {"name": Word(tuple(HEADS))})
    ranges = HEADS[head["name"]].settings
    check(head, ranges)
    return {name: head[name] for name in ranges}


def _check(header: Mapping, config: Config) -> None:
    """Raise ValueError for a header with a wrong value, or with more or fewer colours than classes, or means than channels."""
    check(header, {name: wanted for name, wanted in RANGES.items() if name in header})
    count = len(header["classes"])
    if header.get("colours") is not None:
        check(header, {"colours": Many(_COLOUR, count, count)})
    for name in ("mean", "std"):
        if len(header[name]) != config.in_chans:
            raise ValueError(f"{name} has {len(header[name])} values; the images have {config.in_chans} channels: give one for each")
