"""Weights in files that other trainers wrote: read without running anything that such a file may hold.

A .pth file is a pickle, and a pickle can run code. It is read with `weights_only=True`, which refuses whatever is not on a list;
beside torch's own list stand a few classes here that trainers store next to the weights and that only hold values.
"""

import argparse
import os
import pathlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeGuard

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from hatnet.described import without_wrappers
from hatnet.files import brief, check_safetensors

CONTAINERS = ("state_dict_ema", "model_ema", "state_dict", "model")  # where trainers keep the weights: first a running mean of them
SUFFIXES = (".pth", ".pt", ".ckpt", ".bin", ".tar")
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and standard deviation of each channel that nearly all trainers use

_PATHS = [
    (kind, f"{home}.{name}")
    for kind, names in (
        (pathlib.PurePosixPath, ("PosixPath", "PurePosixPath")),
        (pathlib.PureWindowsPath, ("WindowsPath", "PureWindowsPath")),
    )
    for name in names
    for home in ("pathlib", "pathlib._local")
]
_NUMBERS = [(np.float64(0).__reduce__()[0], f"numpy.{home}.multiarray.scalar") for home in ("core", "_core")]
HARMLESS: list[Callable | tuple[Callable, str]] = [
    argparse.Namespace,
    np.dtype,
    *{type(np.dtype(code)) for code in "?bBhHiIlLqQefd"},
    *_NUMBERS,
    *_PATHS,
]


def read_weights(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The weights in a file of another trainer, by their names without what wrappers put into them (`module.`, `_orig_mod.`).

    They may be all that the file holds, or stand under one of CONTAINERS; of several, the first is taken. Both .pth files and
    safetensors files are read. Raises ValueError if there is no such file, if it holds no weights, and if it holds more than
    weights and plain values: no code in the file is run.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    content = _safetensors(path) if path.suffix == ".safetensors" else _pickle(path)
    while isinstance(content, Mapping) and (inner := [content[key] for key in CONTAINERS if _is_filled(content.get(key))]):
        content = inner[0]
    if not _is_filled(content) or not all(isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()):
        raise ValueError(f"{path} holds no state dict (names and tensors), neither bare nor under one of {', '.join(CONTAINERS)}")
    weights = {without_wrappers(key): value for key, value in content.items()}
    weights.pop("n_averaged", None)  # torch's AveragedModel counts its steps there
    return weights


def _is_filled(value: object) -> TypeGuard[Mapping]:
    return isinstance(value, Mapping) and len(value) > 0


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        check_safetensors(path)
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{path} is not a readable safetensors file ({brief(error)})") from None


def _pickle(path: Path) -> object:
    if (size := _unpacked(path)) > path.stat().st_size:  # torch.save never compresses
        raise ValueError(f"{path} was not loaded: it is a compressed archive that would unpack to {size:,} bytes")
    with torch.serialization.safe_globals(HARMLESS):
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # on garbage, torch's unpickler raises almost anything
            reason = brief(error).split(" This file can still")[0]
        try:
            unknown = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        except Exception:
            unknown = []
    if unknown:
        raise ValueError(
            f"{path} does not hold weights alone, so it was not loaded: it asks for {', '.join(sorted(unknown)[:3])}, and reading that "
            "could run code. Where you trust the file, save its state dict alone: torch.save(model.state_dict(), FILE)"
        )
    raise ValueError(f"{path} was not loaded ({reason}); if a download was cut off, delete it and try again")


def _unpacked(path: Path) -> int:
    """The bytes of all files in a ZIP archive, as it claims; 0 for any other file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except Exception:  # no archive, or a damaged one, which may raise anything: torch will say what it is
        return 0
