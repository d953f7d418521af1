"""The authors' released weights, and the only place that knows their names.

Their repository carries no licence, so the weights are downloaded by whoever uses them and never re-hosted.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import ResNet18_Weights

from hatnet.checkpoints import load_checkpoint, save_checkpoint
from hatnet.files import brief
from hatnet.foreign import IMAGENET, read_weights
from hatnet.model import HATNet, create_model

# Our key -> the authors' name. Each key is rewritten by the first pattern that matches it.
_OFFICIAL = (
    (r"stem\.(\d)\.(.*)", r"patch_embed.\1.\2"),
    (r"stages\.(\d)\.blocks\.(\d+)\.attn\.(.*)", r"blocks.\1.\2.attn.\3"),
    (r"stages\.(\d)\.blocks\.(\d+)\.mlp\.norm\.(.*)", r"blocks.\1.\2.conv.conv1.0.\3"),
    (r"stages\.(\d)\.blocks\.(\d+)\.mlp\.expand\.(.*)", r"blocks.\1.\2.conv.conv1.1.\3"),
    (r"stages\.(\d)\.blocks\.(\d+)\.mlp\.depthwise\.(.*)", r"blocks.\1.\2.conv.conv2.0.\3"),
    (r"stages\.(\d)\.blocks\.(\d+)\.mlp\.reduce\.(.*)", r"blocks.\1.\2.conv.conv3.0.\3"),
    (r"stages\.(\d)\.blocks\.(\d+)\.mlp\.out_norm\.(.*)", r"blocks.\1.\2.conv.conv3.1.\3"),
    (r"stages\.(\d)\.downsample\.0\.(.*)", lambda m: f"ds{int(m[1]) + 1}.conv.{m[2]}"),
    (r"stages\.(\d)\.downsample\.1\.(.*)", lambda m: f"ds{int(m[1]) + 1}.norm.{m[2]}"),
    (r"classifier\.(.*)", r"classifier.1.\1"),
)
_UNUSED = re.compile(r"blocks\.\d+\.\d+\.attn\.proj_norm\.(weight|bias)")  # made by the release in every attention, used by none


def official_key(key: str) -> str:
    """The authors' name of one of our state dict's keys."""
    for pattern, official in _OFFICIAL:
        if match := re.fullmatch(pattern, key):
            return match.expand(official) if isinstance(official, str) else official(match)
    raise ValueError(f"{key!r} is not a key of a HAT-Net")


def our_weights(state_dict: Mapping[str, Tensor], model: HATNet) -> dict[str, Tensor]:
    """A state dict with the authors' key names, or with ours, under ours.

    Their 1 x 1 convolutions [c_out, c_in, 1, 1] become our linear layers [c_out, c_in]; the unused `proj_norm.*` are dropped. Keys
    that the model does not have keep their names.
    """
    ours = model.state_dict()
    names = {_official(key): key for key in ours}
    found = {}
    for key, value in state_dict.items():
        if not _UNUSED.fullmatch(key):
            name = names.get(key, key)
            pointwise = name in ours and ours[name].ndim == 2 and value.shape[2:] == (1, 1)
            found[name] = value[:, :, 0, 0] if pointwise else value
    return found


def load_official_state_dict(model: HATNet, state_dict: Mapping[str, Tensor]) -> None:
    """Load a state dict with the authors' key names, or with ours, into a model of the same variant, in place.

    Raises ValueError, before anything is loaded, naming the first keys that are missing, unexpected or of the wrong shape.
    """
    ours, weights = model.state_dict(), our_weights(state_dict, model)
    problems = [f"missing {_official(key)}" for key in ours if key not in weights]
    problems += [f"unexpected {key}" for key in weights if key not in ours]
    problems += [
        f"{_official(key)} has shape {list(weights[key].shape)}, wanted {list(ours[key].shape)}"
        for key in ours.keys() & weights.keys()
        if weights[key].shape != ours[key].shape
    ]
    if problems:
        more = f" (and {len(problems) - 6} more)" if len(problems) > 6 else ""
        raise ValueError(f"the state dict does not fit the model: {'; '.join(sorted(problems)[:6])}{more}")
    model.load_state_dict(weights)


def _official(key: str) -> str:
    """The authors' name of a key, or ours for what their model does not have."""
    return official_key(key) if any(re.fullmatch(pattern, key) for pattern, _ in _OFFICIAL) else key


# The authors' release v2.0 of https://github.com/yun-liu/HAT-Net. Accuracy: Table 2, top-1 at 224 x 224.
RELEASE = "https://github.com/yun-liu/HAT-Net/releases/download/v2.0/"
_RELEASED = {
    "hatnet_tiny": ("HAT-Net_Tiny.pth", 0.798),
    "hatnet_small": ("HAT-Net_Small.pth", 0.826),
    "hatnet_medium": ("HAT-Net_Medium.pth", 0.840),
    "hatnet_large": ("HAT-Net_Large.pth", 0.842),
}


def pretrained_path(name: str) -> Path:
    """Where `load_pretrained` keeps its safetensors copy: in torch's hub cache (the file need not exist).

    Raises ValueError for a model that the authors did not release.
    """
    if name not in _RELEASED:
        raise ValueError(f"the authors released no weights of {name!r}; they released {', '.join(_RELEASED)}")
    return Path(torch.hub.get_dir()) / "checkpoints" / f"{name}-imagenet1k.safetensors"


def list_pretrained() -> dict[str, Path]:
    """The models whose released weights are on this machine, each with the file that `load_pretrained` reads."""
    copies = {name: pretrained_path(name) for name in _RELEASED}
    files = {name: copy if copy.is_file() else copy.with_name(_RELEASED[name][0]) for name, copy in copies.items()}
    return {name: file for name, file in files.items() if file.is_file()}


def load_pretrained(name: str, file: str | os.PathLike[str] | None = None, num_classes: int | None = None) -> HATNet:
    """A model with trained weights, in float32 and eval mode: one of the paper's with the authors' for ImageNet-1K, or any of
    `config.VARIANTS` with those in a file.

    The first call without `file` downloads the released file into torch's hub cache, with a progress bar, and writes a safetensors
    copy beside it; later calls read the copy.
    file: weights to read instead, as the authors or another trainer wrote them, with the authors' key names or ours
        (`foreign.read_weights`). They are not copied: the cache holds only what was released.
    num_classes: by default as many as the weights know; for any other number the classifier is new and random, for 0 there is none.
    No code in a file is run. Raises ValueError if the download fails, saying where to put the file; if a file holds no state dict;
    and if it does not fit the model.
    """
    model = _released(name) if file is None else _from_file(name, file)
    if num_classes not in (None, model.num_classes):
        model.reset_classifier(num_classes)
    return model


def _from_file(name: str, file: str | os.PathLike[str]) -> HATNet:
    """The model with somebody's weights."""
    weights = read_weights(file)
    head = weights.get("classifier.1.weight", weights.get("classifier.weight"))
    model = create_model(name, len(head) if head is not None and head.ndim else 0).float()
    load_official_state_dict(model, weights)
    return model.eval()


def _released(name: str) -> HATNet:
    """The model with the authors' weights, from the cache or from their release."""
    copy = pretrained_path(name)
    if copy.is_file():
        return load_checkpoint(copy)
    released, accuracy = _RELEASED[name]
    source = copy.with_name(released)
    if not source.is_file():
        source.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(RELEASE + released, str(source))
        except OSError as error:
            raise ValueError(
                f"could not download {RELEASE + released} ({brief(error)}): download it elsewhere and put it at {source}, "
                "or pass its path as file="
            ) from None
    model = create_model(name).float()
    load_official_state_dict(model, read_weights(source))
    categories = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]  # the names of ImageNet-1K's classes, in its order
    info = {
        "classes": categories,
        "mean": IMAGENET[0],
        "std": IMAGENET[1],
        "image_size": 224,
        "data": "imagenet1k",
        "accuracy": accuracy,
        "source": f"{RELEASE}{released}, accuracy from Table 2 of the paper",
    }
    copy.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(model, copy, info)
    return model.eval()
