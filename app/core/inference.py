"""Forward passes, cached for all visitors: what the model says about a picture, and where its attention lies."""

import math
import os
import threading
from dataclasses import dataclass, field, replace

import numpy as np
import torch

import hatnet
from app.core import checkpoints
from app.core.checkpoints import Checkpoint
from app.core.pictures import Picture, cached, model_input
from app.core.view import ViewState
from hatnet.attention import merge
from hatnet.geometry import layout_of
from hatnet.mechanisms import MECHANISMS
from hatnet.preprocessing import normalise


def use_cores() -> None:
    """Let torch use up to four cores, unless the environment's OMP_NUM_THREADS says how many."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(4, os.cpu_count() or 1))


use_cores()


class ForwardSlots:
    """A context in which a forward pass runs: two at a time, since more would only take more memory, and the cores are busy.

    A pass that nobody else waits beside has all threads that torch was given, several at once share them. The threads of a pass wait for
    one another after every operation: with more of them than cores, each operation takes as long as the system keeps one from running.
    """

    SLOTS = 2

    def __init__(self) -> None:
        self._free, self._counting = threading.BoundedSemaphore(self.SLOTS), threading.Lock()
        self._here = 0  # passes that run or wait
        self._threads, self._mine = torch.get_num_threads(), threading.local()

    def __enter__(self) -> None:
        with self._counting:
            self._here += 1
        self._free.acquire()
        self._mine.before = torch.get_num_threads()
        # This applies to the thread that calls it: a pass that has begun keeps its own.
        torch.set_num_threads(self._threads if self._here == 1 else max(1, self._threads // self.SLOTS))

    def __exit__(self, *error: object) -> None:
        torch.set_num_threads(self._mine.before)
        self._free.release()
        with self._counting:
            self._here -= 1


forward_slots = ForwardSlots()
# Above this many weights, only the rows of the selected token are computed (16 MB as float32, times the cache's entries).
ALL_ROWS = 4_000_000
ALL_HOPS = 100_000  # up to this many weights, two hops are followed back from all tokens at once (400 kB as float32 for each block)


@dataclass(frozen=True, kw_only=True, eq=False)
class Attention:
    """One forward pass. The methods read the map of a view's block; `kind` is "local" or "global"."""

    logits: np.ndarray  # [classes]: of the picture; if each cell has its own answer, of the selected token's cell
    maps: dict[tuple[int, int, str], hatnet.AttentionMap]  # by stage, block (from 0) and kind
    followed: dict[tuple[int, int], tuple] = field(default_factory=dict)  # by stage and block: the tokens and maps of the last `two_hops`

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits, [classes]."""
        powers = np.exp(self.logits - self.logits.max(0))
        return powers / powers.sum(0)

    def map(self, view: ViewState, kind: str) -> hatnet.AttentionMap:
        """The map of the view's block."""
        return self.maps[view.stage, view.block_index, kind]

    def row(self, view: ViewState, kind: str) -> np.ndarray:
        """Weights [heads, rows, columns] that the view's token gives to its keys."""
        return self.map(view, kind).row(*hatnet.token_at(view.place, self.map(view, kind).query_grid)).numpy()

    def weights(self, view: ViewState, kind: str) -> np.ndarray:
        """The row of the view's head, or the mean over all heads: [rows, columns]."""
        row = self.row(view, kind)
        return row.mean(0) if view.head is None else row[view.head_index]

    def rows(self, view: ViewState, kind: str) -> np.ndarray | None:
        """The same for all tokens: [tokens, keys]; None where only some were computed.

        Local keys: every position of a whole window, row by row; 0 at those beyond the edge of the map.
        """
        record = self.map(view, kind)
        if record.weights is None:
            return None
        weights = record.weights.mean(1) if view.head is None else record.weights[:, view.head_index]
        return merge(weights, record.layout)[0].flatten(1).T.numpy()

    def two_hops(self, view: ViewState, tokens: list[tuple[int, int]] | None = None) -> np.ndarray | None:
        """Both hops of the block followed back from some tokens, by default all: [tokens, h, w], mean of the heads.

        None where the local rows of all tokens, through which the second hop leads, were not computed.
        """
        local, pooled = self.map(view, "local"), self.map(view, "global")
        if local.weights is None:
            return None
        h, w = local.query_grid
        alone = tokens if (h * w) ** 2 > ALL_HOPS else None  # on a small map all are followed at once, and the next token waits for nothing
        block = view.stage, view.block_index
        if (found := self.followed.get(block)) is None or found[0] != alone:
            found = self.followed[block] = alone, hatnet.rollout.two_hop(local, pooled, alone).numpy()
        return found[1] if tokens == alone else found[1][[y * w + x for y, x in tokens]]

    def key_weight(self, view: ViewState, kind: str, key: tuple[int, int]) -> tuple[float, int]:
        """The weight that the view's token gives to the key holding the token `key`, and how many tokens that key averages.

        0.0 if the step cannot read that token at all.
        """
        record, weights = self.map(view, kind), self.weights(view, kind)
        if (side := record.layout.pool) > 1:
            size = math.prod(min(side, n - k // side * side) for n, k in zip(record.query_grid, key, strict=True))
            return float(weights[key[0] // side, key[1] // side]), size
        top, left, height, width = record.window(*hatnet.token_at(view.place, record.query_grid))
        inside = top <= key[0] < top + height and left <= key[1] < left + width
        return (float(weights[key[0] - top, key[1] - left]) if inside else 0.0), 1

    def token_weight(self, view: ViewState, kind: str, key: tuple[int, int]) -> float:
        """The part of that weight which falls to the token `key` alone: its cell's, shared evenly."""
        weight, size = self.key_weight(view, kind, key)
        return weight / size


def attention(picture: Picture, checkpoint: Checkpoint, view: ViewState) -> Attention:
    """The forward pass of a picture with the view's G1 and G2: once for all tokens, or where that is too much, for the view's alone."""
    place = None if weight_count(checkpoint, view.g1, view.g2) <= ALL_ROWS else view.place
    found = _forward(picture, checkpoint, view.g1, view.g2, place)
    if found.logits.ndim == 1:
        return found
    y, x = hatnet.token_at(view.place, found.logits.shape[1:])
    return replace(found, logits=found.logits[:, y, x])


@cached(max_entries=24)
def _forward(picture: Picture, checkpoint: Checkpoint, g1: tuple, g2: tuple, place: tuple[float, float] | None) -> Attention:
    return _run(checkpoints.model(checkpoint.name), picture, checkpoint, g1, g2, place)


@cached(max_entries=64)
def other_mechanism(
    picture: Picture, checkpoint: Checkpoint, mechanism: str, g1: tuple, g2: tuple, place: tuple[float, float]
) -> Attention:
    """One token's rows if the same weights run with another mechanism, such as "shifted_window" (`hatnet.Config.attention`)."""
    return _run(_other_model(checkpoint, mechanism), picture, checkpoint, g1, g2, place)


@cached(max_entries=4)
def _other_model(checkpoint: Checkpoint, mechanism: str) -> hatnet.HATNet:
    own = checkpoints.model(checkpoint.name)
    model = hatnet.HATNet(replace(own.config, attention=mechanism))
    model.load_state_dict(own.state_dict())
    return model.eval()


def _run(
    model: hatnet.HATNet, picture: Picture, checkpoint: Checkpoint, g1: tuple, g2: tuple, place: tuple[float, float] | None
) -> Attention:
    images = normalised(checkpoint, model_input(picture, checkpoint.image_size))
    with forward_slots, torch.inference_mode():  # the model was loaded outside: loaded in here, it would have no gradients
        logits, maps = hatnet.attention_maps(model, images, queries=place and (place,), g1=g1, g2=g2)
    answers = logits[0].numpy()  # [classes], or [classes, cells, cells]
    answers.setflags(write=False)
    return Attention(logits=answers, maps={(record.stage, record.block, record.kind): record for record in maps})


def normalised(checkpoint: Checkpoint, pixels: np.ndarray) -> torch.Tensor:
    """The model's picture uint8 [size, size, 3] -> images [1, 3, size, size]."""
    return normalise(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None], list(checkpoint.mean), list(checkpoint.std))


def weight_count(checkpoint: Checkpoint, g1: tuple[int, ...], g2: tuple[int, ...]) -> int:
    """The number of weights in all maps together."""
    total = 0
    for index, stage in enumerate(checkpoint.config.stages):
        side, kinds, sides = checkpoint.grid(stage), ("full",), (1, 1)
        if stage in checkpoint.hierarchical:
            kinds, sides = MECHANISMS[checkpoint.config.mechanisms[index]].layout_kinds, (g1[index], g2[index])
        keys = sum(math.prod(layout_of(kind, side, side, *sides).keys) for kind in kinds)
        total += checkpoint.depth(stage) * checkpoint.heads(stage) * side**2 * keys
    return total


@cached(max_entries=64)
def macs(checkpoint: Checkpoint, g1: tuple[int, ...], g2: tuple[int, ...]) -> hatnet.complexity.Count:
    """The MACs of one photograph through a checkpoint's model, module by module."""
    return hatnet.complexity.count(checkpoints.model(checkpoint.name), (checkpoint.image_size,) * 2, g1, g2)


def layer_macs(count: hatnet.complexity.Count, stage: int, block: int) -> int:
    """MACs of one attention layer: that of block `block` (from 1) in the stage with the index `stage` (from 0)."""
    layer = f"stages.{stage}.blocks.{block - 1}.attn."
    return sum(row.macs for row in count.rows if row.name.startswith(layer))
