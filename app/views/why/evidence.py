"""What Why? lays side by side for one picture, one class and one setting, worked out part by part. No Streamlit.

Six maps on the first stage's token grid, their insertion and deletion curves, and two baselines: random maps, and Occlusion of a
model with random weights. `found` outlives this object: what was worked out before a cancel is kept.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from torch import Tensor

import hatnet
from app.core import checkpoints, inference
from app.core.checkpoints import Checkpoint
from app.core.overlay import over_tokens
from app.core.pictures import Picture, model_input
from app.core.view import ViewState
from app.views.why import attribution
from hatnet.maps import AttentionMap
from hatnet.rollout import rollout, two_hop

# The maps in the order of the page: three that only follow attention, three of Captum.
NAMES = {
    "raw": "Raw attention",
    "hops": "Two hops",
    "rollout": "Rollout",
    "gradients": "Integrated Gradients",
    "cam": "Grad-CAM",
    "occlusion": "Occlusion",
}
RANDOM_MAPS = 12
Said = Callable[[float, str], None]
Forward = Callable[..., Tensor]  # pictures [b, 3, h, w], and another model if wanted -> logits


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """What is asked: a picture of a visitor's state, as the model gets it."""

    image: Tensor  # [1, 3, h, w], normalised
    target: int  # index of the class to explain
    g1: tuple[int, ...]
    g2: tuple[int, ...]
    stage: int  # the paper's number
    block: int  # from 0
    head: int | None  # from 0; None: the mean of all
    place: tuple[float, float]
    cells: tuple[int, int]  # the grid on which all maps are compared: the first stage's tokens


@dataclass(frozen=True)
class Part:
    """One piece of work, and where its result is kept."""

    key: tuple  # in `found`: what the result depends on besides picture, checkpoint, G1 and G2
    name: str  # of a method, or "curves"
    label: str  # for people
    images: int  # about how many pictures go through the model: for the progress bar
    compute: Callable[[Forward], np.ndarray]


class Evidence:
    """The maps and curves of a question; `work` fills in what is missing."""

    def __init__(
        self,
        model: hatnet.HATNet,
        question: Question,
        maps: dict[tuple[int, int, str], AttentionMap],  # by stage, block and kind
        found: dict[tuple, np.ndarray],
        guard: AbstractContextManager,
    ):
        self.model, self.question, self.maps, self.found, self.guard = model, question, maps, found, guard
        self.far = maps[question.stage, question.block, "global"]
        self.token = hatnet.token_at(question.place, self.far.query_grid)

    def exists(self, method: str) -> bool:
        """Two hops need a local step, and they and rollout the weights of all tokens."""
        local = (self.question.stage, self.question.block, "local") in self.maps
        return method not in ("hops", "rollout") or (self.far.weights is not None and (local or method == "rollout"))

    def importance(self, method: str) -> np.ndarray | None:
        """A method's map [rows, columns] on the common cells, signed; None while it is missing."""
        q = self.question
        if method == "raw":
            rows = self.far.row(*self.token).numpy()
            values = over_tokens(rows.mean(0) if q.head is None else rows[q.head], self.far.g2 or 1, self.far.query_grid)
        elif method == "hops":
            values = two_hop(self.maps[q.stage, q.block, "local"], self.far, [self.token])[0].numpy()
        elif method == "rollout":
            values = rollout(list(self.maps.values())).numpy()
        else:
            values = self.found.get(self._key(method))
        return None if values is None else attribution.on_cells(values, q.cells)

    def curves(self, name: str) -> np.ndarray | None:
        """Insertion and deletion of a method or of "learned nothing" [2, steps + 1]; of "random" [maps, 2, steps + 1]; None: missing."""
        return self.found.get(self._key(name, "curves"))

    def missing(self) -> list[Part]:
        return [part for part in self._parts() if part.key not in self.found]

    def work(self, said: Said) -> Iterator[str]:
        """Work out what is missing; yields the name of each part once it is there.

        said(part done, 0..1, what is being worked on) is called between batches; an exception from it stops the work.
        """
        left, done = self.missing(), 0
        total = sum(part.images for part in left)
        for part in left:
            most = done + part.images
            count = [done]

            def forward(pictures: Tensor, model: hatnet.HATNet = self.model, part: Part = part, count: list = count, most: int = most):
                said(min(count[0], most) / total, part.label)
                with self.guard:
                    logits = model(pictures, self.question.g1, self.question.g2)
                count[0] += len(pictures)
                return logits

            said(done / total, part.label)
            self.found[part.key] = part.compute(forward)
            done = most
            yield part.name

    def _key(self, name: str, *prefix: str) -> tuple:
        q = self.question
        depends = {
            "raw": (q.stage, q.block, q.head, self.token),
            "hops": (q.stage, q.block, self.token),
            "cam": (q.stage,),
        }
        return *prefix, name, *depends.get(name, ())

    def _parts(self) -> list[Part]:
        image, target = self.question.image, self.question.target
        side = attribution.square(image)
        squares = (-(-(image.shape[-1] - side) // (side // 2)) + 1) ** 2
        gradients, occlusion = (partial(f, image=image, target=target) for f in (attribution.integrated_gradients, attribution.occlusion))
        one = 2 * attribution.STEPS
        return [
            Part(self._key("cam"), "cam", "Grad-CAM", 4, self._cam),
            Part(self._key("gradients"), "gradients", "Integrated Gradients", 3 * attribution.IG_STEPS, gradients),
            Part(self._key("occlusion"), "occlusion", f"Occlusion, {squares} squares", squares, occlusion),
            *(
                Part(self._key(name, "curves"), "curves", f"Scoring {title}", one, partial(self._curves, name=name))
                for name, title in NAMES.items()
                if self.exists(name)
            ),
            Part(self._key("random", "curves"), "curves", f"Scoring {RANDOM_MAPS} random maps", RANDOM_MAPS * one, self._random),
            Part(self._key("learned nothing", "curves"), "curves", "Occlusion on random weights", squares + one, self._learned_nothing),
        ]

    def _cam(self, forward: Forward) -> np.ndarray:
        q = self.question
        with self.guard:
            return attribution.grad_cam(self.model, q.image, q.target, q.stage, q.g1, q.g2)

    def _curves(self, forward: Forward, name: str) -> np.ndarray:
        return attribution.curves(forward, self.question.image, self.question.target, self.importance(name))

    def _random(self, forward: Forward) -> np.ndarray:
        q, draw = self.question, np.random.default_rng(1)
        return np.stack([attribution.curves(forward, q.image, q.target, draw.random(q.cells)) for _ in range(RANDOM_MAPS)])

    def _learned_nothing(self, forward: Forward) -> np.ndarray:
        """Occlusion explains a private model with random weights, and is scored on the real one."""
        q, private = self.question, attribution.random_weights(self.model)
        values = attribution.occlusion(lambda images: forward(images, private), q.image, q.target)
        return attribution.curves(forward, q.image, q.target, attribution.on_cells(values, q.cells))


@st.cache_resource(max_entries=16, show_spinner=False)
def _found(digest: str, key: str, g1: tuple, g2: tuple) -> dict[tuple, np.ndarray]:
    """What Why? has worked out so far, part by part; filled in place, for all visitors."""
    return {}


def evidence_of(picture: Picture, checkpoint: Checkpoint, view: ViewState) -> Evidence:
    """Maps and curves that ask which parts of the picture speak for the class that the model gives it."""
    seen = inference.attention(picture, checkpoint, view)
    question = Question(
        image=inference.normalised(checkpoint, model_input(picture, checkpoint.image_size)),
        target=int(seen.probabilities.argmax()),
        g1=view.g1,
        g2=view.g2,
        stage=view.stage,
        block=view.block_index,
        head=view.head_index,
        place=view.place,
        cells=(checkpoint.grid(checkpoint.config.stages[0]),) * 2,
    )
    return Evidence(
        checkpoints.model(checkpoint.name),
        question,
        seen.maps,
        _found(picture.digest, checkpoint.key, view.g1, view.g2),
        inference.forward_slots,
    )
