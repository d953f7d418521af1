"""The only place that caches, loads models, runs them and reads pictures. Views get numbers, arrays and pictures from here."""

import base64
import hashlib
import io
import json
import logging
import math
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

import hatnet
from app import measuring, opening
from app.evidence import Evidence, Question
from app.figures import rows
from app.recompute import recompute
from app.samples import FOLDER, SAMPLES
from app.uploads import read_picture
from hatnet import cards
from hatnet.attention import merge
from hatnet.data import IGNORED, centre_crop, normalise

if TYPE_CHECKING:
    from app.state import State

log = logging.getLogger("hatnet.app")
torch.set_num_threads(max(1, min(4, os.cpu_count() or 1)))
_FORWARDS = threading.BoundedSemaphore(2)  # more at once would only take more memory: the cores are busy

SHARP = 720  # pixels: side of the photograph on the page
SMALL = 320  # pixels: enough for the mean colours of cells
TINY = 100  # pixels: a smaller picture is shown as the squares that it is made of
_PLACES: dict[str, Path] = {}  # of checkpoints, when last looked for: looking takes a millisecond
RUNS = Path(__file__).resolve().parents[1] / "runs"  # the project's; those in the current folder are offered too
# Above this many weights, only the rows of the selected token are computed (16 MB as float32, times the cache's entries).
ALL_ROWS = 4_000_000
# Above this many weights, the browser is sent the row of the selected token alone (1 MB at 8 bits a weight).
SENT = 1_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A photograph as it came, upright, in RGB; or a drawn picture of cards."""

    image: Image.Image
    title: str
    digest: str  # of its pixels: the key of every cache
    answers: np.ndarray | None = None  # of cards: int [4, 4], the class wanted of each cell, IGNORED where nothing is asked
    marked: tuple[int, int] | None = None  # of cards: the cell (y, x) of the marked card


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a cell of cards is asked, and what is right."""

    asker: bool  # it asks for the marked card's pattern, all others for their own
    right: str | None  # a class; None where nothing is asked
    marked: tuple[int, int]  # the cell (y, x) of the marked card


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """What a checkpoint's header says."""

    name: str  # in the address
    title: str  # for people
    key: str  # of every cache: changes when the file is written again
    config: hatnet.Config
    classes: tuple[str, ...]
    data: str
    image_size: int  # pixels
    accuracy: float  # 0..1
    split: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def grid(self, stage: int) -> int:
        """Tokens along one side of a stage's map (the paper's number, 2 to 5)."""
        return -(-self.image_size // self.config.strides[self.config.stages.index(stage)])

    def heads(self, stage: int) -> int:
        return self.config.dims[self.config.stages.index(stage)] // self.config.head_dim

    def depth(self, stage: int) -> int:
        return self.config.depths[self.config.stages.index(stage)]

    @property
    def hierarchical(self) -> tuple[int, ...]:
        """The stages that have windows and cells; the others are plain MHSA."""
        return self.config.stages[: len(self.config.g1)]

    @property
    def cards(self) -> bool:
        """Whether it answers once for each cell of drawn cards; else once for a whole photograph."""
        return self.config.readout > 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Attention:
    """One forward pass: class probabilities [classes] of the picture, or where each cell has its own answer, of the selected token's
    cell; and the maps by (stage, block from 1, kind). Heads count from 1, too."""

    probabilities: np.ndarray
    maps: dict[tuple[int, int, str], hatnet.AttentionMap]

    def row(self, stage: int, block: int, kind: str, place: tuple[float, float]) -> np.ndarray:
        """Weights [heads, rows, columns] that the token at a place gives to its keys."""
        record = self.maps[stage, block, kind]
        return record.row(*hatnet.token_at(place, record.query_grid)).numpy()

    def weights(self, stage: int, block: int, kind: str, head: int | None, place: tuple[float, float]) -> np.ndarray:
        """Those of one head, or their mean over the heads: [rows, columns]."""
        row = self.row(stage, block, kind, place)
        return row.mean(0) if head is None else row[head - 1]

    def rows(self, stage: int, block: int, kind: str, head: int | None) -> np.ndarray | None:
        """Weights [tokens, keys] of all tokens; None where only some were computed.

        Keys of the local step: all places of a whole window, row by row; 0 at those that hang over the map's edge.
        """
        record = self.maps[stage, block, kind]
        if record.weights is None:
            return None
        weights = record.weights.mean(1) if head is None else record.weights[:, head - 1]
        return merge(weights, record.layout, *record.query_grid)[0].flatten(1).T.numpy()

    def two_hops(self, stage: int, block: int, token: tuple[int, int]) -> np.ndarray | None:
        """Both steps of one block followed back from one token: [h, w], mean of the heads; None where not all rows were computed."""
        local, pooled = self.maps[stage, block, "local"], self.maps[stage, block, "global"]
        return None if local.weights is None else hatnet.rollout.two_hop(local, pooled, tokens=[token])[0].numpy()

    def cell_weight(
        self, stage: int, block: int, kind: str, head: int | None, place: tuple[float, float], key: tuple[int, int]
    ) -> tuple[float, int]:
        """What the token at a place gives to the key that holds another token, and how many tokens that key averages.

        0.0 where the step does not reach that token at all.
        """
        record = self.maps[stage, block, kind]
        weights = self.weights(stage, block, kind, head, place)
        if (side := record.layout.pool) > 1:
            size = math.prod(min(side, n - k // side * side) for n, k in zip(record.query_grid, key, strict=True))
            return float(weights[key[0] // side, key[1] // side]), size
        top, left, height, width = record.window(*hatnet.token_at(place, record.query_grid))
        inside = top <= key[0] < top + height and left <= key[1] < left + width
        return (float(weights[key[0] - top, key[1] - left]) if inside else 0.0), 1

    def weight(self, stage: int, block: int, kind: str, head: int | None, place: tuple[float, float], key: tuple[int, int]) -> float:
        """The same for the other token alone: a cell's weight is shared evenly by the tokens that it averages."""
        weight, size = self.cell_weight(stage, block, kind, head, place, key)
        return weight / size


@dataclass(frozen=True, kw_only=True, eq=False)
class Equations:
    """Eqs. 6 to 15 of one block, as they ran for one picture."""

    steps: dict[int, hatnet.Step]  # by the equation's number
    tensors: dict[str, np.ndarray]  # by hatnet's names; of one image, so without its axis
    weights: dict[str, np.ndarray]  # as `recompute` wants them
    differences: dict[int, float]  # largest |difference| between the model's tensors and `recompute`'s; Eq. 15: in MACs


def checkpoint_names() -> list[str]:
    """The checkpoints that the views can show; the first is what opens. Not cached: a run that has finished is offered at once.

    First the shipped ones, then the authors', then the best of each run, the newest first. A file that cannot be read is left out
    with a line in the log. Raises ValueError where there are files and none can be read.
    """
    headers, problem = {}, None
    for name, path in (files := _files()).items():
        try:
            headers[name] = _header(name, path, _stamp(path))
        except ValueError as error:
            _left_out(path, error)  # one torn file must not hide the others
            problem = error
    if problem and not headers:
        raise problem
    names = [name for name, header in headers.items() if opening.suits(header)]
    shipped = [name for name in names if files[name].parent == hatnet.checkpoints.SHIPPED]
    return sorted(shipped, key=lambda name: opening.rank(name, headers[name])) + [name for name in names if name not in shipped]


def _files() -> dict[str, Path]:
    """Every checkpoint on this machine, by the name that stands in the address. A run is "run:" and its folder's name."""
    files = {name: hatnet.checkpoints.SHIPPED / f"{name}.safetensors" for name in hatnet.list_checkpoints()}
    for model, path in hatnet.list_pretrained().items():
        copy = hatnet.checkpoints.pretrained_path(model)
        if path == copy or _copied(model, path, _stamp(path)):
            files[copy.stem] = copy
    here = Path("runs").resolve()
    for folder in dict.fromkeys((RUNS, here)):
        for path in hatnet.list_checkpoints(folder):
            if (path := Path(path)).parent.parent == folder:
                name = f"run:{path.parent.name}"
                files[name if name not in files else f"{name}@{here.parent.name}"] = path
    _PLACES.update(files)
    return files


def _stamp(path: Path) -> int:
    """When a file was written; 0 for one that has gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_resource(max_entries=64, show_spinner=False)
def _left_out(path: Path, _error: Exception) -> None:
    log.warning("left out: %s", _error)  # once


@st.cache_resource(max_entries=8, show_spinner="Reading the authors’ weights, once")
def _copied(model: str, path: Path, stamp: int) -> bool:
    """Whether a released file could be turned into hatnet's copy of it."""
    try:
        hatnet.load_pretrained(model)
    except (ValueError, OSError) as error:
        _left_out(path, error)
        return False
    return True


@st.cache_resource(max_entries=64, show_spinner=False)
def _header(name: str, path: Path, stamp: int) -> dict:
    info = hatnet.checkpoint_info(path)
    try:
        hatnet.Config(**info["config"])
    except TypeError as error:
        raise ValueError(f"The checkpoint {name} comes from another version of hatnet ({error}).") from None
    return info


def checkpoint(name: str) -> Checkpoint:
    """What the header of a checkpoint says. Raises ValueError for a name that is not there, and for a file that is none."""
    return _checkpoint(name, *_found_file(name))


def _found_file(name: str) -> tuple[Path, int]:
    for places in (lambda: _PLACES, _files):
        path = places().get(name)
        if path and (stamp := _stamp(path)):
            return path, stamp
    raise ValueError(f"There is no checkpoint “{name}” here any more. Choose another in the sidebar.")


@st.cache_resource(max_entries=64, show_spinner=False)
def _checkpoint(name: str, path: Path, stamp: int) -> Checkpoint:
    info = _header(name, path, stamp)
    kept = {key: tuple(info[key]) for key in ("classes", "mean", "std")}
    facts = {key: info[key] for key in ("data", "image_size", "accuracy")}
    config = hatnet.Config(**info["config"])
    title, split = f"{name} · {len(info['classes'])} classes", info.get("split", "test")
    if name.startswith("run:"):
        title = f"run: {title.removeprefix('run:')}"
    elif path.parent != hatnet.checkpoints.SHIPPED:
        title, split = f"{name.partition('-')[0]} · ImageNet (authors)", "paper"
    return Checkpoint(name=name, title=title, key=f"{name}@{stamp}", config=config, split=split, **facts, **kept)


def _model(name: str) -> hatnet.HATNet:
    return _loaded(*_found_file(name))


@st.cache_resource(max_entries=3, show_spinner=False)
def _loaded(path: Path, stamp: int) -> hatnet.HATNet:
    return hatnet.load_checkpoint(path)


@st.cache_resource(max_entries=len(SAMPLES), show_spinner=False)
def sample(key: str) -> Picture:
    """A picture that comes with the app: a photograph, or cards drawn at full difficulty."""
    facts = SAMPLES[key]
    if facts.seed is None:
        image = Image.open(FOLDER / f"{key}.jpg").convert("RGB")
        return Picture(image=image, title=facts.title, digest=_digest(image))
    drawn = cards.draw(1, torch.Generator().manual_seed(facts.seed))
    image = Image.fromarray(drawn.pixels[0].permute(1, 2, 0).numpy())
    answers = drawn.labels[0].numpy()
    marked = divmod(int(drawn.marked[0]), answers.shape[1])
    return Picture(image=image, title=facts.title, digest=_digest(image), answers=answers, marked=marked)


def asked(picture: Picture, known: Checkpoint, place: tuple[float, float]) -> Asked | None:
    """What the cell at a place is asked; None for a photograph, of which one thing is asked as a whole."""
    if picture.answers is None:
        return None
    cell = hatnet.token_at(place, picture.answers.shape)
    answer = int(picture.answers[cell])
    right = None if answer == IGNORED else known.classes[answer]
    return Asked(asker=cell == divmod(cards.ASKER, picture.answers.shape[1]), right=right, marked=picture.marked)


def upload(data: bytes, name: str) -> Picture:
    """An uploaded file. Raises ValueError with a text for the page."""
    image = read_picture(data, name)
    return Picture(image=image, title=name, digest=_digest(image))


def _digest(image: Image.Image) -> str:
    return hashlib.sha256(repr(image.size).encode() + image.tobytes()).hexdigest()


@st.cache_resource(max_entries=32, show_spinner=False)
def _pixels(digest: str, size: int, _image: Image.Image, times: int = 1) -> np.ndarray:
    pixels = np.array(centre_crop(_image, size)).repeat(times, 0).repeat(times, 1)
    pixels.setflags(write=False)  # one object for all visitors
    return pixels


def model_input(picture: Picture, size: int) -> np.ndarray:
    """The model's picture: uint8 [size, size, 3], before it is normalised."""
    return _pixels(picture.digest, size, picture.image)


def sharp(picture: Picture, side: int = SHARP) -> np.ndarray:
    """The same centre crop for people: uint8 [side, side, 3], as sharp as it came, up to `side` pixels."""
    own = min(picture.image.size)
    return _pixels(picture.digest, min(side, own), picture.image, side // own if own < TINY else 1)


@st.cache_resource(max_entries=32, show_spinner=False)
def _thumbnail(digest: str, _image: Image.Image) -> np.ndarray:
    small = _image.copy()
    small.thumbnail((320, 320), Image.Resampling.LANCZOS)
    return np.asarray(small)


def thumbnail(picture: Picture) -> np.ndarray:
    """The whole picture, small: uint8 [height, width, 3]."""
    return _thumbnail(picture.digest, picture.image)


@st.cache_data(max_entries=64, show_spinner=False)
def _data_uri(digest: str, shape: tuple[int, ...], _pixels: np.ndarray) -> str:
    image, file = Image.fromarray(_pixels), io.BytesIO()
    kind = "png" if image.width < TINY else "jpeg"
    image.save(file, kind, quality=88)
    return f"data:image/{kind};base64," + base64.b64encode(file.getvalue()).decode()


def data_uri(picture: Picture, pixels: np.ndarray) -> str:
    """Pixels of a picture (one of the three above) for the browser. Small ones stay exact, photographs become JPEG."""
    return _data_uri(picture.digest, pixels.shape, pixels)


def attention(picture: Picture, known: Checkpoint, g1: tuple[int, ...], g2: tuple[int, ...], place: tuple[float, float]) -> Attention:
    """All maps for a picture, computed once for all tokens; for the token at `place` alone where all would be too many."""
    queries = None if _weights(known, g1, g2) <= ALL_ROWS else (place,)
    found = _attention(picture.digest, known.key, g1, g2, queries, known, model_input(picture, known.image_size))
    if found.probabilities.ndim == 1:
        return found
    y, x = hatnet.token_at(place, found.probabilities.shape[1:])
    return replace(found, probabilities=found.probabilities[:, y, x])


@st.cache_resource(max_entries=24, show_spinner=False)
def _attention(digest: str, key: str, g1: tuple, g2: tuple, queries: tuple | None, _known: Checkpoint, _input: np.ndarray) -> Attention:
    model = _model(_known.name)  # loaded out here: a model loaded in inference mode has no gradients
    with _FORWARDS, torch.inference_mode():
        logits, maps = hatnet.attention_maps(model, _normalised(_known, _input), queries=queries, g1=g1, g2=g2)
    probabilities = logits[0].softmax(0).numpy()  # [classes], or [classes, cells, cells]
    probabilities.setflags(write=False)
    return Attention(probabilities=probabilities, maps={(record.stage, record.block + 1, record.kind): record for record in maps})


def all_sent(known: Checkpoint, view: "State", kind: str) -> bool:
    """Whether the browser gets a map's rows of all tokens. kind: "local", "global" or "hops"."""
    side, (g1, g2) = known.grid(view.stage), view.grids(known)
    keys = {"local": min(g1 or side, side) ** 2, "global": math.ceil(side / g2) ** 2, "hops": side**2}[kind]
    return _weights(known, view.g1, view.g2) <= ALL_ROWS and side**2 * keys <= SENT


def sheet(picture: Picture, known: Checkpoint, view: "State", kind: str) -> dict | None:
    """What the browser holds of a map, as `rows.packed` says: of all tokens, or of the selected one where those are too many.

    kind: "local", "global" or "hops"; that last one is the mean over heads, without the residual, and None where the local rows of
    all tokens were too many to compute.
    """
    only = None if all_sent(known, view, kind) else view.place
    head = None if kind == "hops" else view.head
    return _sheet(picture.digest, known.key, view.stage, view.block, head, view.g1, view.g2, kind, only, known, picture)


@st.cache_resource(max_entries=48, show_spinner=False)
def _sheet(
    digest: str,
    key: str,
    stage: int,
    block: int,
    head: int | None,
    g1: tuple,
    g2: tuple,
    kind: str,
    only: tuple | None,
    _known: Checkpoint,
    _picture: Picture,
) -> dict | None:
    known = _known
    grid = (known.grid(stage),) * 2
    seen = attention(_picture, known, g1, g2, only or (0.5, 0.5))
    token = hatnet.token_at(only, grid) if only else None
    number = token[0] * grid[1] + token[1] if token else None
    tokens = slice(None) if number is None else [number]
    local, pooled = (seen.maps.get((stage, block, kind)) for kind in ("local", "global"))
    asking = rows.centres(grid)[tokens]
    if kind == "hops":
        if local.weights is None:
            return None
        with _FORWARDS:
            hops = hatnet.rollout.two_hop(local, pooled, tokens=[token] if token else None).flatten(1).numpy()
        moved = rows.without_residual(hops, tokens if token else range(len(hops)))
        return rows.packed(moved, rows.apart(asking, rows.centres(grid)), number)
    record = local if kind == "local" else pooled
    weights = seen.rows(stage, block, kind, head)
    if weights is None:  # the keys of a window that hangs over the edge are there too, as 0
        row = seen.weights(stage, block, kind, head, only)
        weights = np.zeros(record.key_grid, row.dtype)
        weights[: row.shape[0], : row.shape[1]] = row
        weights = weights.reshape(1, -1)
    else:
        weights = weights[tokens]
    if kind == "local":
        return rows.packed(weights, rows.apart_in_windows(grid, record.key_grid, tokens), number)
    return rows.packed(weights, rows.apart(asking, rows.centres(grid, record.layout.pool)), number)


@st.cache_resource(max_entries=16, show_spinner=False)
def _loss(digest: str, key: str, stage: int, block: int, g1: tuple, g2: tuple, _known: Checkpoint, _input: np.ndarray) -> rows.Loss:
    model, seen = _model(_known.name), {}
    with _FORWARDS, torch.inference_mode():
        layer, x, *sides = hatnet.block_input(model, _normalised(_known, _input), stage, block - 1, g1, g2)
        layer.attn(x, *sides, seen=seen)
    return rows.loss(seen["a1"][0].numpy(), sides[1])


def loss(picture: Picture, known: Checkpoint, view: "State") -> rows.Loss:
    """The variance that Eq. 10 loses in a block of a hierarchical stage."""
    return _loss(picture.digest, known.key, view.stage, view.block, view.g1, view.g2, known, model_input(picture, known.image_size))


@st.cache_resource(max_entries=4, show_spinner=False)
def _other_model(key: str, mechanism: str, _known: Checkpoint) -> hatnet.HATNet:
    own = _model(_known.name)
    model = hatnet.HATNet(replace(own.config, attention=mechanism))
    model.load_state_dict(own.state_dict())
    return model.eval()


@st.cache_resource(max_entries=64, show_spinner=False)
def _other(digest: str, key: str, mechanism: str, g1: tuple, g2: tuple, place: tuple, _known: Checkpoint, _input: np.ndarray) -> Attention:
    model = _other_model(key, mechanism, _known)
    with _FORWARDS, torch.inference_mode():
        logits, maps = hatnet.attention_maps(model, _normalised(_known, _input), queries=(place,), g1=g1, g2=g2)
    records = {(record.stage, record.block + 1, record.kind): record for record in maps}
    return Attention(probabilities=logits[0].softmax(0).numpy(), maps=records)


def other_reach(picture: Picture, known: Checkpoint, view: "State", mechanism: str, place: tuple[float, float]) -> Attention:
    """The rows of one token where the same weights run with the reach of another mechanism (`hatnet.config.REACHES`)."""
    return _other(picture.digest, known.key, mechanism, view.g1, view.g2, place, known, model_input(picture, known.image_size))


def _normalised(known: Checkpoint, pixels: np.ndarray) -> torch.Tensor:
    """The model's picture uint8 [size, size, 3] -> images [1, 3, size, size]."""
    return normalise(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None], list(known.mean), list(known.std))


def measurable(name: str) -> bool:
    """Whether benchmarks/grids.py can measure a checkpoint: one that is shipped and classifies photographs."""
    return name in hatnet.list_checkpoints() and not checkpoint(name).cards


def measured_grids(name: str) -> dict | None:
    """What benchmarks/grids.py measured of a checkpoint; None where it has not. Raises ValueError for a file that cannot be read."""
    path = hatnet.checkpoints.SHIPPED / f"{name}.grids.json"
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if {"images", "trained", "rows"} <= found.keys():
            return found
    except (OSError, ValueError, AttributeError):
        log.exception("not read: %s", path)
    raise ValueError(f"{path.name} is not what benchmarks/grids.py writes. Measure it again.")


@st.cache_resource(max_entries=16, show_spinner=False)
def _found(digest: str, key: str, g1: tuple, g2: tuple) -> dict[tuple, np.ndarray]:
    """What Why? has worked out so far, part by part; filled in place, for all visitors."""
    return {}


def evidence(picture: Picture, known: Checkpoint, view: "State") -> Evidence:
    """Maps and curves that ask which parts of the picture speak for the class that the model gives it."""
    seen = attention(picture, known, view.g1, view.g2, view.place)
    question = Question(
        image=_normalised(known, model_input(picture, known.image_size)),
        target=int(seen.probabilities.argmax()),
        g1=view.g1,
        g2=view.g2,
        stage=view.stage,
        block=view.block,
        head=view.head,
        place=view.place,
        cells=(known.grid(known.config.stages[0]),) * 2,
    )
    return Evidence(_model(known.name), question, seen.maps, _found(picture.digest, known.key, view.g1, view.g2), _FORWARDS)


def _weights(known: Checkpoint, g1: tuple[int, ...], g2: tuple[int, ...]) -> int:
    """How many weights all maps hold together."""
    total = 0
    for index, stage in enumerate(known.config.stages):
        side = known.grid(stage)
        keys = side**2
        if stage in known.hierarchical:
            keys = min(g1[index], side) ** 2 + math.ceil(side / g2[index]) ** 2
        total += known.depth(stage) * known.heads(stage) * side**2 * keys
    return total


# What each step of hatnet.walk hands out, under the names of hatnet/attention.py.
_WALKED = {
    6: ("x1",),
    7: ("q1", "k1", "v1"),
    8: ("local", "p1"),
    9: ("joined", "a1"),
    10: ("pooled",),
    11: ("rows", "keys"),
    12: ("q2", "k2", "v2"),
    13: ("a2", "p2"),
    14: ("out",),
}
_WINDOWED = ("x1", "q1", "k1", "v1", "p1")  # their first axis is windows, not images


def equations(picture: Picture, known: Checkpoint, stage: int, block: int, g1: tuple[int, ...], g2: tuple[int, ...]) -> Equations:
    """Eqs. 6 to 15 in one block (from 1) of a hierarchical stage, for all tokens."""
    return _equations(picture.digest, known.key, stage, block, g1, g2, known, model_input(picture, known.image_size))


@st.cache_resource(max_entries=8, show_spinner=False)
def _equations(digest: str, key: str, stage: int, block: int, g1: tuple, g2: tuple, _known: Checkpoint, _input: np.ndarray) -> Equations:
    known, name = _known, _known.name
    with _FORWARDS, torch.no_grad():  # not inference_mode: there the counter of FLOPs misses the products
        layer, x, side1, side2 = hatnet.block_input(_model(name), _normalised(known, _input), stage, block - 1, g1, g2)
        steps = hatnet.walk(layer, x, side1, side2)
        own = layer.attn(x, side1, side2)  # as the model runs it: by the fused kernel
        with FlopCounterMode(display=False) as counter:
            layer.attn(x, side1, side2, explicit=True)
    tensors = {"x": x[0].numpy()}
    for number, names in _WALKED.items():
        for key, tensor in zip(names, steps[number - 6].tensors.values(), strict=True):
            tensors[key] = tensor.numpy() if key in _WINDOWED else tensor[0].numpy()
    weights = {}
    for key in ("qkv", "q", "kv", "proj"):
        linear = getattr(layer.attn, key)
        weights |= {key: linear.weight.detach().numpy().T, f"{key}+": linear.bias.detach().numpy()}
    for key in ("norm", "grid_norm", "ds_norm"):
        module = getattr(layer.attn, key)
        weights[key] = torch.stack([module.weight, module.bias]).detach().numpy()
    again = recompute(tensors["x"], weights, side1, side2, known.config.head_dim, per_token=known.config.norm == "layer")
    differences = {number: max(_difference(tensors[key], again[key]) for key in names) for number, names in _WALKED.items()}
    differences[14] = _difference(own[0].numpy(), again["out"])
    differences[15] = abs(counter.get_total_flops() / 2 - sum(steps[9].macs.values()))
    return Equations(steps={step.number: step for step in steps}, tensors=tensors, weights=weights, differences=differences)


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max())


def macs(name: str, g1: tuple[int, ...], g2: tuple[int, ...]) -> hatnet.complexity.Count:
    """The MACs of one photograph through a checkpoint's model, module by module."""
    known = checkpoint(name)
    return _macs(known.key, g1, g2, known)


@st.cache_data(max_entries=64, show_spinner=False)
def _macs(key: str, g1: tuple, g2: tuple, _known: Checkpoint) -> hatnet.complexity.Count:
    return hatnet.complexity.count(_model(_known.name), (_known.image_size,) * 2, g1, g2)


def parameters(name: str) -> int:
    """How many numbers a checkpoint has learned."""
    return sum(weight.numel() for weight in _model(name).parameters())


def measure(setting: tuple[int, int, int, int]) -> measuring.Job | None:
    """Start to measure attention layers of (C, G1, G2, channels of a head); None while another visitor's measurement runs."""
    return measuring.begin(setting, _FORWARDS)
