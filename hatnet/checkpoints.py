"""Weights on disk: our checkpoints (safetensors; loading one never unpickles), and the authors' released state dicts.

A checkpoint is one safetensors file. Its header holds, as JSON, all that is needed to use it: the configuration, the class
names, the normalisation and the training figures; `checkpoint_info` reads them without touching a weight.
"""

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import ResNet18_Weights

from hatnet.config import Config
from hatnet.model import HATNet, create_model

SHIPPED = Path(__file__).resolve().parent.parent / "checkpoints"

# Every checkpoint's header says at least this; g1 and g2 stand in its `config`.
INFO = ("classes", "mean", "std", "image_size", "data", "accuracy")


def list_checkpoints(runs: str | os.PathLike | None = None) -> list[str]:
    """Names of the checkpoints that come with the project, sorted; then, where `runs` is given, the best of each run in it.

    runs: the folder of the trainer's run folders ("runs"); the newest run comes first, as RUNS/RUN/best.safetensors.
    All that is listed may be given to `checkpoint_info` and `load_checkpoint`.
    """
    shipped = sorted(path.stem for path in SHIPPED.glob("*.safetensors"))
    if runs is None:
        return shipped
    return shipped + [str(path) for path in sorted(Path(runs).glob("*/best.safetensors"), key=os.path.getmtime, reverse=True)]


def checkpoint_info(name_or_path: str | os.PathLike) -> dict:
    """What the header of a checkpoint says, without loading its weights.

    At least: `config` (fields of `Config`), `g1`, `g2` (as trained), `classes` (names in label order), `mean` and `std` (three
    floats each, of pixels in 0..1), `image_size` (pixels), `data` (the data set) and `accuracy` (a fraction of 1, on its test
    split). Raises ValueError for a name that is not shipped, and for a file that is no checkpoint.
    """
    path = _find(name_or_path)
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("hatnet", "null"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{path} is no safetensors file that can be read ({error})") from None
    missing = [key for key in ("config", *INFO) if not isinstance(header, dict) or key not in header]
    if missing:
        raise ValueError(f"{path} is no HAT-Net checkpoint: its header does not say {', '.join(missing)}")
    header["config"] = {key: tuple(value) if isinstance(value, list) else value for key, value in header["config"].items()}
    return header | {"g1": header["config"]["g1"], "g2": header["config"]["g2"]}


def load_checkpoint(name_or_path: str | os.PathLike) -> HATNet:
    """The model of a checkpoint, in float32 and eval mode.

    name_or_path: one of `list_checkpoints()`, or a path to a .safetensors file. Raises ValueError as `checkpoint_info` does.
    """
    info, path = checkpoint_info(name_or_path), _find(name_or_path)
    try:
        model = HATNet(Config(**info["config"]))
        with safe_open(path, framework="pt") as file:
            weights = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 (safe_open is no dict)
        model.load_state_dict(weights)
    except (SafetensorError, TypeError, RuntimeError) as error:
        raise ValueError(f"{path}: its weights do not fit its configuration ({error})") from None
    return model.eval()


def save_checkpoint(model: HATNet, path: str | os.PathLike, info: Mapping, dtype: torch.dtype = torch.float32) -> None:
    """Write a checkpoint, atomically: a file that is there is whole.

    info: JSON-able, at least the keys of `INFO`; the model's configuration is added. dtype: how weights are stored.
    Raises ValueError if info lacks a key.
    """
    if missing := [key for key in INFO if key not in info]:
        raise ValueError(f"a checkpoint's header must say {', '.join(missing)} too")
    header = json.dumps(dict(info) | {"config": dataclasses.asdict(model.config)})
    weights = {key: value.to(dtype).contiguous() for key, value in model.state_dict().items()}
    partial = Path(f"{path}.partial")
    save_file(weights, partial, metadata={"hatnet": header})
    os.replace(partial, path)


def _find(name_or_path: str | os.PathLike) -> Path:
    path = Path(name_or_path)
    if path.suffix == ".safetensors":
        if not path.is_file():
            raise ValueError(f"there is no checkpoint {path}; the shipped ones are {', '.join(list_checkpoints()) or 'none'}")
        return path
    if str(name_or_path) not in list_checkpoints():
        raise ValueError(
            f"unknown checkpoint {str(name_or_path)!r}; the shipped ones are {', '.join(list_checkpoints()) or 'none'}, "
            "and a path must end in .safetensors"
        )
    return SHIPPED / f"{name_or_path}.safetensors"


# The authors' names, here and nowhere else. Each of our keys is rewritten by the first pattern that matches it.
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
    raise ValueError(f"{key!r} is no key of a HAT-Net")


def load_official_state_dict(model: HATNet, state_dict: Mapping[str, Tensor]) -> None:
    """Load a state dict under the authors' key names into a model of the same variant, in place.

    Their 1 x 1 convolutions [c_out, c_in, 1, 1] become our linear layers [c_out, c_in]; the unused `proj_norm.*` are dropped.
    Raises ValueError, before anything is loaded, that names every key that is missing, unexpected or of another shape.
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


# The authors' ImageNet-1K weights: their release v2.0 of https://github.com/yun-liu/HAT-Net. The repository carries no licence, so
# the weights are downloaded by whoever uses them and never re-hosted. Accuracy: Table 2, top-1 at 224 x 224.
RELEASE = "https://github.com/yun-liu/HAT-Net/releases/download/v2.0/"
_RELEASED = {
    "hatnet_tiny": ("HAT-Net_Tiny.pth", 0.798),
    "hatnet_small": ("HAT-Net_Small.pth", 0.826),
    "hatnet_medium": ("HAT-Net_Medium.pth", 0.840),
    "hatnet_large": ("HAT-Net_Large.pth", 0.842),
}


def pretrained_path(name: str) -> Path:
    """Where `load_pretrained` keeps its safetensors copy: in torch's hub cache (the file need not be there).

    Raises ValueError for a model that the authors did not release.
    """
    if name not in _RELEASED:
        raise ValueError(f"the authors released no weights of {name!r}; they released {', '.join(_RELEASED)}")
    return Path(torch.hub.get_dir()) / "checkpoints" / f"{name}-imagenet1k.safetensors"


def list_pretrained() -> dict[str, Path]:
    """The models whose weights from the authors are on this machine, and the file that `load_pretrained` reads for each."""
    copies = {name: pretrained_path(name) for name in _RELEASED}
    files = {name: copy if copy.is_file() else copy.with_name(_RELEASED[name][0]) for name, copy in copies.items()}
    return {name: file for name, file in files.items() if file.is_file()}


def load_pretrained(name: str, file: str | os.PathLike | None = None) -> HATNet:
    """A paper's variant with the authors' ImageNet-1K weights, in float32 and eval mode.

    The first time, the released file is downloaded into torch's hub cache, with a progress bar, and a safetensors copy is written
    beside it; later calls read the copy. file: take the released file from there instead of downloading (the copy is written
    too). Released files are read with `weights_only=True`, so that none can run code.
    Raises ValueError if the file cannot be had, and says where to put it; if it is no state dict; if it does not fit the model.
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
                "or pass its place as file="
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
    """A state dict from a .pth file: bare, or nested under "model" or "state_dict". Runs no code of the file."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # garbage lets torch's unpickler fail in any way
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(
            f"{path} is no file of weights alone, so it was not loaded ({reason}); if a download was cut off, delete it and try again"
        ) from None
    for key in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"{path} holds no state dict (names of weights and tensors), neither bare nor under 'model' or 'state_dict'")
    return content
