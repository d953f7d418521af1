"""Our checkpoints: one safetensors file each, so that loading one never unpickles.

Its header holds, as JSON, all that is needed to use it: the configuration, the class names, the normalisation and the training
figures. `checkpoint_info` reads them without touching a weight.
"""

import dataclasses
import json
import math
import os
import reprlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hatnet.config import Config, from_fields
from hatnet.described import bare, described, hooked, weights, without_wrappers
from hatnet.files import MOST_HEADER, atomic_write, brief, check_safetensors
from hatnet.mechanisms import UnknownMechanism
from hatnet.model import HATNet
from hatnet.ranges import Many, Number, Range, Table, Whole, Word, check, did_you_mean

SHIPPED = Path(__file__).resolve().parent / "shipped"


class OtherTask(ValueError):
    """A checkpoint for another task than the one that is wanted. task: the one that it is for."""

    def __init__(self, message: str, task: str):
        super().__init__(message)
        self.task = task


@dataclass(frozen=True, kw_only=True)
class CheckpointInfo:
    """What a checkpoint's header says."""

    config: Config  # of its model; g1 and g2 as in training
    classes: tuple[str, ...]  # in label order
    mean: tuple[float, ...]  # of each channel, for pixels in 0..1
    std: tuple[float, ...]
    image_size: int  # pixels
    data: str  # the data set
    accuracy: float  # 0..1, on the split that `extra` names, or on the test split
    extra: dict[str, Any]  # whatever else the header says: "split", "val_fraction", "recipe", ...

    def header(self) -> dict[str, Any]:
        """All but the configuration, as `save_checkpoint` takes it."""
        return {name: getattr(self, name) for name in REQUIRED} | self.extra


RANGES: dict[str, Range] = {
    "classes": Many(Word(), 0, 10**6),
    "mean": Many(Number(-10, 10), 1, 64),
    "std": Many(Number(0, 10, above=True), 1, 64),
    "image_size": Whole(1, 2**16),
    "data": Word(),
    "accuracy": Number(0, 1),
    "split": Word(),  # this and the next are in `extra`, and need not be there
    "val_fraction": Number(0, 1, above=True, below=True),
}
REQUIRED = tuple(field.name for field in dataclasses.fields(CheckpointInfo) if field.name not in ("config", "extra"))


def list_checkpoints(runs: str | os.PathLike[str] | None = None, task: str = "classify") -> list[str]:
    """Names of the checkpoints for a task that come with the package, sorted; if `runs` is given, then the best of each run in it.

    A wheel leaves out some that a clone of the repository has; `load_checkpoint` says which.

    runs: the folder of the trainer's run folders ("runs"); it need not exist. Its newest run comes first, as RUNS/RUN/best.safetensors.
    `checkpoint_info` and `load_checkpoint` take every name in the list; `hatnet.dense.load_dense` those for other tasks ("segment"). A file
    that cannot be read is listed as a classifier's, so that whoever reads it can say what is wrong.
    """
    shipped = [path.stem for path in _shipped() if _is_for(task, path)]
    if runs is None:
        return shipped
    written = sorted(Path(runs).glob("*/best.safetensors"), key=os.path.getmtime, reverse=True)
    return shipped + [str(path) for path in written if _is_for(task, path)]


def _shipped() -> list[Path]:
    return sorted(SHIPPED.glob("*.safetensors"))


def _is_for(task: str, path: Path) -> bool:
    try:
        return task_of(path) == task
    except ValueError:
        return task == "classify"


def checkpoint_info(name_or_path: str | os.PathLike[str]) -> CheckpointInfo:
    """The header of a checkpoint, without its weights.

    Raises ValueError for a name that is not shipped, and for a file that is not a checkpoint of this version of hatnet; if it needs a
    mechanism that is not registered here, UnknownMechanism; if it is for another task than classification, OtherTask.
    """
    path = find(name_or_path)
    header = read_header(path)
    if isinstance(header, dict) and (task := header.get("task", "classify")) != "classify":
        raise OtherTask(
            f"{path} is a checkpoint for the task {task} (hatnet.dense.load_dense loads it); wanted one for classify", task=task
        )
    if missing := [key for key in ("config", *REQUIRED) if not isinstance(header, dict) or key not in header]:
        raise ValueError(f"{path} is not a HAT-Net checkpoint: its header lacks {', '.join(missing)}")
    try:
        check(header, {"config": Table()})
        config = from_fields(header.pop("config"))
    except UnknownMechanism as error:
        raise UnknownMechanism(f"{path}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path} comes from another version of hatnet ({error})") from None
    try:
        _check(header, config)
    except ValueError as error:
        raise ValueError(f"{path}: its header is damaged: {error}") from None
    known = {name: header.pop(name) for name in REQUIRED}
    known = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
    return CheckpointInfo(config=config, **known, extra=header)


def load_checkpoint(name_or_path: str | os.PathLike[str], num_classes: int | None = None) -> HATNet:
    """The model of a checkpoint, in float32 and eval mode.

    name_or_path: one of `list_checkpoints()`, or a path to a .safetensors file.
    num_classes: by default as many as the checkpoint knows; for any other number the classifier is new and random, for 0 there is none.
    Raises ValueError as `checkpoint_info` does, if the weights do not fit, and for a number of classes that no model can have. Whether
    they fit is told from the header alone: a file takes no memory beyond what its own weights need.
    """
    info, path = checkpoint_info(name_or_path), find(name_or_path)
    try:
        if info.config.weights > (size := path.stat().st_size):  # each takes a byte at least
            raise ValueError(f"the model has {info.config.weights:,} weights, the file {size:,} bytes")
        model = HATNet(info.config).float()
        _check_shapes(path, model)
        model.load_state_dict(read_weights(path))
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path}: its weights do not fit its configuration ({brief(error)})") from None
    if num_classes not in (None, model.num_classes):
        model.reset_classifier(num_classes)
    return model.eval()


def save_checkpoint(model: nn.Module, path: str | os.PathLike[str], info: Mapping[str, Any], dtype: torch.dtype = torch.float32) -> None:
    """Write a checkpoint, atomically.

    model: a HATNet, perhaps inside torch's own wrappers (torch.compile, DataParallel, AveragedModel), which are left out.
    path: ends in .safetensors, in a folder that exists. info: the header, as JSON can hold it: at least REQUIRED (another checkpoint's
        is `checkpoint_info(NAME).header()`); the model's configuration is added. dtype: of the stored weights.
    Raises ValueError, before anything is written, for what `load_checkpoint` would refuse or load as something else: a header that
    lacks a key or has a wrong value, a model that its configuration does not describe, weights that are not finite in dtype.
    Forward hooks are not saved. Whether one only reads or also changes what the model computes, nobody can tell from outside, so they
    are named in a warning.
    """
    check_place(path)
    if not isinstance(info, Mapping):
        raise ValueError(f"info is a {type(info).__name__}; wanted a dict, like checkpoint_info(NAME).header()")
    if missing := [key for key in REQUIRED if key not in info]:
        raise ValueError(f"a checkpoint's header needs {', '.join(missing)} too")
    hooks = hooked(model)
    model = bare(model)
    config, header = described(model), {key: as_json(value, key) for key, value in info.items()}
    _check(header, config)
    stored = weights(model, dtype)
    if hooks:
        listed = ", ".join(hooks[:3]) + (f" and {len(hooks) - 3} more" if len(hooks) > 3 else "")
        warnings.warn(f"forward hooks are not saved, and if they change outputs, the loaded model gives others: {listed}", stacklevel=2)
    write_checkpoint(path, stored, header | {"config": dataclasses.asdict(config)})


def check_place(path: str | os.PathLike[str]) -> None:
    """Raise ValueError for a path where no checkpoint can be written."""
    if Path(path).suffix != ".safetensors":
        raise ValueError(f"{path}: a checkpoint's name must end in .safetensors")
    if not Path(path).parent.is_dir():
        raise ValueError(f"{path}: there is no folder {Path(path).parent}; make it first")


def write_checkpoint(path: str | os.PathLike[str], stored: dict[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write weights and a checked header, atomically. Raises ValueError for a header too long to be read again."""
    text = json.dumps(header)
    if len(text) > MOST_HEADER // 2:  # quotes and backslashes double when it is stored
        raise ValueError(f"the header has {len(text):,} bytes; wanted at most {MOST_HEADER // 2:,}")
    with atomic_write(path) as partial:
        save_file(stored, partial, metadata={"hatnet": text})


def read_header(path: Path) -> Any:
    """What `write_checkpoint` wrote as the header, not checked; None if there is none. Raises ValueError for another kind of file."""
    try:
        check_safetensors(path)
        with safe_open(path, framework="pt") as file:
            return json.loads((file.metadata() or {}).get("hatnet", "null"))
    except (SafetensorError, OSError, ValueError, RecursionError) as error:  # the last: brackets in thousands of brackets
        raise ValueError(f"{path} is not a readable safetensors file ({brief(error)})") from None


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint by name, in float32. Raises ValueError if they cannot be read."""
    try:
        with safe_open(path, framework="pt") as file:
            return {without_wrappers(key): file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 (safe_open is not a dict)
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{path}: its weights do not fit its configuration ({brief(error)})") from None


def task_of(name_or_path: str | os.PathLike[str]) -> str:
    """The task that a checkpoint is for: "classify", "segment", ... Raises ValueError for a file that is not readable."""
    header = read_header(find(name_or_path))
    return str(header.get("task", "classify")) if isinstance(header, dict) else "classify"


def _check(header: Mapping, config: Config) -> None:
    """Raise ValueError for a header with a wrong value, or with more or fewer names than classes, or means than channels."""
    check(header, {name: wanted for name, wanted in RANGES.items() if name in header})
    if len(header["classes"]) != config.num_classes:
        raise ValueError(f"classes has {len(header['classes'])} names; the model has {config.num_classes} outputs: give one name for each")
    for name in ("mean", "std"):
        if len(header[name]) != config.in_chans:
            raise ValueError(f"{name} has {len(header[name])} values; the images have {config.in_chans} channels: give one for each")


def _check_shapes(path: Path, model: HATNet) -> None:
    """Raise ValueError, naming the first weight that is missing, unexpected or of another shape, before any is read."""
    wanted = {key: list(weight.shape) for key, weight in model.state_dict().items()}
    with safe_open(path, framework="pt") as file:
        found = {without_wrappers(key): file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118 (safe_open is not a dict)
    for key in sorted(found.keys() | wanted.keys()):
        if found.get(key) != wanted.get(key):
            raise ValueError(f"{key} has shape {found.get(key, 'none')}; wanted {wanted.get(key, 'none')}")


def as_json(value: object, place: str) -> object:
    """A value as JSON holds it: lists for tuples, arrays and tensors. Raises ValueError, naming the place, if there is no such form."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [as_json(entry, f"{place}[{index}]") for index, entry in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: as_json(entry, f"{place}.{key}") for key, entry in value.items()}
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    wanted = "texts, finite numbers, lists, and tables with texts for keys"
    raise ValueError(f"{place} is {reprlib.repr(value)}, which a checkpoint's header cannot hold; wanted {wanted}")


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of a checkpoint: one that is shipped, by its name, or a path. Raises ValueError if there is none, naming the choices."""
    path, name, shipped = Path(name_or_path), str(name_or_path), [path.stem for path in _shipped()]
    choices = f"the shipped ones are {', '.join(shipped) or 'none'}"
    # A wheel has the cards of all our checkpoints, and the weights of most.
    if elsewhere := sorted({card.stem for card in SHIPPED.glob("*.md")} - set(shipped)):
        choices += f" (only in the project's repository, in hatnet/shipped: {', '.join(elsewhere)})"
    if path.suffix == ".safetensors":
        if not path.is_file():
            raise ValueError(f"there is no checkpoint {path}; {choices}")
        return path
    if name in elsewhere:
        raise ValueError(f"{name} did not come with this installation: give the path of {name}.safetensors; {choices}")
    if name not in shipped:
        raise ValueError(f"unknown checkpoint {name!r}{did_you_mean(name, shipped)}; {choices}, and a path must end in .safetensors")
    return SHIPPED / f"{name}.safetensors"
