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


def load_official_state_dict(model: HATNet, state_dict: Mapping[str, Tensor]) -> None:
    """Load a state dict with the authors' key names into a model of the same variant, in place.

    Their 1 x 1 convolutions [c_out, c_in, 1, 1] become our linear layers [c_out, c_in]; the unused `proj_norm.*` are dropped.
    Raises ValueError, before anything is loaded, naming every key that is missing, unexpected or of the wrong shape.
    """
    ours = model.state_dict()
    given = {key: value for key, value in state_dict.items() if not _UNUSED.fullmatch(key)}
    names = {official_key(key): key for key in ours}
    problems = [f"missing {name}" for name in names if name not in given]
    problems += [f"unexpected {name}" for name in given if name not in names]
    weights = {}
    for name in given.keys() & names.keys():
        value, wanted = given[name], ours[names[name]].shape
        if tuple(value.shape) not in (tuple(wanted), (*wanted, 1, 1)) or (value.ndim != len(wanted) and len(wanted) != 2):
            problems.append(f"{name} has shape {list(value.shape)}, wanted {list(wanted)}")
        else:
            weights[names[name]] = value.reshape(wanted)
    if problems:
        raise ValueError("the state dict does not fit the model: " + "; ".join(sorted(problems)))
    model.load_state_dict(weights)


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


def load_pretrained(name: str, file: str | os.PathLike | None = None) -> HATNet:
    """One of the paper's variants with the authors' ImageNet-1K weights, in float32 and eval mode.

    The first call downloads the released file into torch's hub cache, with a progress bar, and writes a safetensors copy beside
    it; later calls read the copy. file: a released file to read instead of downloading it (the copy is written too).
    Released files are read with `weights_only=True`, so that none can run code.
    Raises ValueError if the download fails, saying where to put the file; if the file is not a state dict; and if it does not
    fit the model.
    """
    copy = pretrained_path(name)
    if file is None and copy.is_file():
        return load_checkpoint(copy)
    released, accuracy = _RELEASED[name]
    source = copy.with_name(released) if file is None else Path(file)
    if file is None and not source.is_file():
        source.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(RELEASE + released, str(source))
        except OSError as error:
            raise ValueError(
                f"could not download {RELEASE + released} ({error}): download it elsewhere and put it at {source}, "
                "or pass its path as file="
            ) from None
    if not source.is_file():
        raise ValueError(f"there is no file {source}; wanted {released} as downloaded from {RELEASE}")
    model = create_model(name)
    load_official_state_dict(model, _read_released(source))
    categories = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]  # the names of ImageNet-1K's classes, in its order
    info = {
        "classes": categories,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "image_size": 224,
        "data": "imagenet1k",
        "accuracy": accuracy,
        "source": f"{RELEASE}{released}, accuracy from Table 2 of the paper",
    }
    copy.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(model, copy, info)
    return model.eval()


def _read_released(path: Path) -> Mapping[str, Tensor]:
    """The state dict in a .pth file: bare, or nested under "model" or "state_dict". No code in the file is run."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # on garbage, torch's unpickler raises almost anything
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(
            f"{path} does not hold weights alone, so it was not loaded ({reason}); if a download was cut off, delete it and try again"
        ) from None
    for key in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"{path} holds no state dict (a mapping from names to tensors), either bare or under 'model' or 'state_dict'")
    return content
