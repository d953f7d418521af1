"""The checkpoints on this machine: their names, headers and models."""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

import hatnet
from app.core import default_checkpoint, words
from hatnet.mechanisms import UnknownMechanism

log = logging.getLogger("hatnet.app")
RUNS = Path(__file__).resolve().parents[2] / "runs"  # of the project; runs in the current folder are offered too


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """The header of a checkpoint."""

    name: str  # in the address
    title: str  # on the page
    key: str  # identifies it in every cache; changes when the file is written again
    config: hatnet.Config
    classes: tuple[str, ...]
    data: str
    image_size: int  # pixels
    accuracy: float  # 0..1
    split: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def grid(self, stage: int) -> int:
        """The side of a stage's token grid, in tokens. Stages have the paper's numbers, 2 to 5."""
        return -(-self.image_size // self.config.strides[self.config.stages.index(stage)])

    def heads(self, stage: int) -> int:
        return self.config.dims[self.config.stages.index(stage)] // self.config.head_dim

    def depth(self, stage: int) -> int:
        return self.config.depths[self.config.stages.index(stage)]

    @property
    def hierarchical(self) -> tuple[int, ...]:
        """The stages with windows and cells; the others are plain MHSA."""
        return self.config.stages[: len(self.config.g1)]

    @property
    def other_mechanisms(self) -> dict[int, str]:
        """Stage -> its mechanism (`hatnet.Config.attention`), where that is not H-MHSA."""
        return {stage: word for stage, word in zip(self.hierarchical, self.config.mechanisms, strict=True) if word != "hierarchical"}

    @property
    def cards(self) -> bool:
        """Whether it classifies each cell of drawn cards, rather than a whole photograph."""
        return self.config.readout > 1


def names() -> list[str]:
    """The names of the checkpoints that the pages can show; the first opens by default. A new run is offered at once.

    The shipped checkpoints come first, then the authors', then the best of each run, newest first. An unreadable file is left out,
    with a line in the log. Raises ValueError if there are files but none is readable.
    """
    return list(_names(_last_changes())[0])


def left_out() -> dict[str, str]:
    """The other checkpoints by name: why each is not offered."""
    return dict(_names(_last_changes())[1])


@st.cache_resource(max_entries=4, show_spinner=False)
def _names(last_changes: tuple) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The names that are offered, and the others with the reasons."""
    headers, problem, reasons = {}, None, {}
    for name, path in (files := _files()).items():
        try:
            headers[name] = asdict(_header(path, _stamp(path)))
        except ValueError as error:
            _log_unreadable(path, error)  # one broken file must not hide the others
            own = isinstance(error, UnknownMechanism)
            reasons[name] = "it uses an attention mechanism that only your own code knows" if own else "its file cannot be read"
            problem = error
    if problem and not headers:
        raise problem
    reasons |= {name: reason for name, header in headers.items() if (reason := default_checkpoint.unsuited(header))}
    offered = [name for name in headers if name not in reasons]
    shipped = [name for name in offered if files[name].parent == hatnet.checkpoints.SHIPPED]
    shipped.sort(key=lambda name: default_checkpoint.rank(name, headers[name]))
    return (*shipped, *(name for name in offered if name not in shipped)), tuple(reasons.items())


def _run_folders() -> list[Path]:
    """The folders of runs: the project's, and that of the current folder."""
    return list(dict.fromkeys((RUNS, Path("runs").resolve())))


def _last_changes() -> tuple[tuple[str, int], ...]:
    """When each folder that may hold checkpoints last changed. A file that is written atomically changes its folder."""
    folders = [hatnet.checkpoints.SHIPPED, hatnet.official.pretrained_path("hatnet_tiny").parent]
    for folder in _run_folders():
        folders += [folder, *(folder.iterdir() if folder.is_dir() else ())]
    return tuple((str(folder), _stamp(folder)) for folder in folders)


def _files() -> dict[str, Path]:
    """Every checkpoint on this machine, by its name in the address. A run is named "run:" and its folder."""
    files = {name: hatnet.checkpoints.SHIPPED / f"{name}.safetensors" for name in hatnet.list_checkpoints()}
    for model, path in hatnet.list_pretrained().items():
        copy = hatnet.official.pretrained_path(model)
        if path == copy or _copied(model, path, _stamp(path)):
            files[copy.stem] = copy
    for folder in _run_folders():
        for path in hatnet.list_checkpoints(folder):
            if (path := Path(path)).parent.parent == folder:
                name = f"run:{path.parent.name}"
                files[name if name not in files else f"{name}@{folder.parent.name}"] = path
    _places().update(files)
    return files


@st.cache_resource(show_spinner=False)
def _places() -> dict[str, Path]:
    """Every checkpoint found so far, because a search takes a millisecond."""
    return {}


def _stamp(path: Path) -> int:
    """The time a file was written; 0 if it has gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_resource(max_entries=64, show_spinner=False)
def _log_unreadable(path: Path, _error: Exception) -> None:
    log.warning("left out: %s", _error)  # once for each file


@st.cache_resource(max_entries=8, show_spinner="Reading the authors’ weights, once")
def _copied(model: str, path: Path, stamp: int) -> bool:
    """Convert a released file to hatnet's format; whether that worked."""
    try:
        hatnet.load_pretrained(model)
    except (ValueError, OSError) as error:
        _log_unreadable(path, error)
        return False
    return True


@st.cache_resource(max_entries=64, show_spinner=False)
def _header(path: Path, stamp: int) -> hatnet.CheckpointInfo:
    return hatnet.checkpoint_info(path)


def describe(name: str) -> Checkpoint:
    """The header of a checkpoint. Raises ValueError for an unknown name, and for a file that is not a checkpoint."""
    return _described(name, *_found_file(name))


def _found_file(name: str) -> tuple[Path, int]:
    for places in (_places, _files):
        path = places().get(name)
        if path and (stamp := _stamp(path)):
            return path, stamp
    raise ValueError(f"There is no checkpoint “{name}” here any more. Choose another in the sidebar.")


@st.cache_resource(max_entries=64, show_spinner=False)
def _described(name: str, path: Path, stamp: int) -> Checkpoint:
    info = _header(path, stamp)
    title, split = f"{name} · {len(info.classes)} classes", info.extra.get("split", "test")
    if name.startswith("run:"):
        title = f"run: {title.removeprefix('run:')}"
    elif path.parent != hatnet.checkpoints.SHIPPED:
        title, split = f"{name.partition('-')[0]} · ImageNet (authors)", "paper"
    if others := default_checkpoint.other_mechanisms(asdict(info)):
        title += f" · {', '.join(words.MECHANISMS[word] for word in sorted(others))}"
    facts = {key: getattr(info, key) for key in ("config", "classes", "data", "image_size", "accuracy", "mean", "std")}
    return Checkpoint(name=name, title=title, key=f"{name}@{stamp}", split=split, **facts)


def model(name: str) -> hatnet.HATNet:
    return _loaded(*_found_file(name))


@st.cache_resource(max_entries=3, show_spinner=False)
def _loaded(path: Path, stamp: int) -> hatnet.HATNet:
    return hatnet.load_checkpoint(path)


def parameters(name: str) -> int:
    """The number of trained parameters."""
    return sum(weight.numel() for weight in model(name).parameters())
