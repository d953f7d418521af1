"""All that the Why? page lays side by side for one picture, class and setting, worked out task by task. No Streamlit.

Six maps on squares of one or more of stage 2's tokens, their insertion and deletion curves, and two baselines: random maps, and
Occlusion of a model with random weights.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

import hatnet
from app.views.why import attribution
from hatnet.maps import AttentionMap
from hatnet.rollout import rollout, two_hop

# The maps in the order of the page: three that only follow attention, three from Captum.
NAMES = {
    "raw": "Raw attention",
    "hops": "Two hops",
    "rollout": "Rollout",
    "gradients": "Integrated Gradients",
    "cam": "Grad-CAM",
    "occlusion": "Occlusion",
}
RANDOM_MAPS = 12
FINE = 32  # tokens across: on a larger map a forward pass takes so much longer that the work is coarser
Report = Callable[[float, str], None]  # gets the part done, 0..1, and what is being worked on
Forward = Callable[..., Tensor]  # pictures [b, 3, h, w], and another model if wanted -> logits


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """Which parts of a picture speak for a class, and the settings that the maps depend on."""

    image: Tensor  # [1, 3, h, w], normalised
    target: int  # index of the class to explain
    g1: tuple[int, ...]
    g2: tuple[int, ...]
    stage: int  # the paper's number
    block: int  # from 0
    head: int | None  # from 0; None: the mean of all
    place: tuple[float, float]
    grid: tuple[int, int]  # stage 2's tokens


@dataclass(frozen=True)
class Detail:
    """How finely the maps of a token grid are worked out and tested."""

    tokens: int  # along the side of a square, the unit in which all maps are compared
    steps: int  # of a curve; even, so that one of them is half way
    overlap: float  # of Occlusion's patches, as a part of their side


def detail_of(grid: tuple[int, int]) -> Detail:
    """The finest for up to FINE tokens across, half as fine for twice as many, and so on."""
    times = -(-max(grid) // FINE)
    return Detail(tokens=times, steps=max(4, attribution.STEPS // times // 2 * 2), overlap=max(0, (3 - times) / 4))


@dataclass(frozen=True)
class Task:
    """One piece of work, and where its result is kept."""

    key: tuple  # in `results`: whatever the result depends on besides picture, checkpoint, G1 and G2
    name: str  # of a method, or "curves"
    label: str  # for people
    images: int  # about how many pictures go through the model: for the progress bar
    compute: Callable[[Forward], np.ndarray]


class Evidence:
    """The maps and curves of a question; `work` fills in what is missing.

    results: what has been worked out. It may outlive this object, so that nothing is lost by a cancel. guard: entered around each
    use of the model.
    """

    def __init__(
        self,
        model: hatnet.HATNet,
        question: Question,
        maps: dict[tuple[int, int, str], AttentionMap],  # by stage, block and kind
        results: dict[tuple, np.ndarray],
        guard: AbstractContextManager,
    ):
        self.model, self.question, self.maps, self.results, self.guard = model, question, maps, results, guard
        self.detail = detail_of(question.grid)
        self.squares = tuple(-(-side // self.detail.tokens) for side in question.grid)  # down and across
        self.far = maps[question.stage, question.block, "global"]
        self.token = hatnet.token_at(question.place, self.far.query_grid)

    def exists(self, method: str) -> bool:
        """Whether a method has a map: two hops need a local step, and both two hops and rollout need the weights of all tokens."""
        local = (self.question.stage, self.question.block, "local") in self.maps
        return method not in ("hops", "rollout") or (self.far.weights is not None and (local or method == "rollout"))

    def importance(self, method: str) -> np.ndarray | None:
        """A method's map [rows, columns] on the squares, signed; None while it is missing."""
        q = self.question
        if method == "raw":
            shares = self.far.on_grid(*self.token).numpy()
            values = shares.mean(0) if q.head is None else shares[q.head]
        elif method == "hops":
            values = two_hop(self.maps[q.stage, q.block, "local"], self.far, [self.token])[0].numpy()
        elif method == "rollout":
            values = rollout(list(self.maps.values())).numpy()
        else:
            values = self.results.get(self._key(method))
        return None if values is None else attribution.on_grid(values, self.squares)

    def curves(self, name: str) -> np.ndarray | None:
        """Insertion and deletion curves, or None while they are missing.

        Of a method, or of "learned nothing": [2, steps + 1]. Of "random": [maps, 2, steps + 1].
        """
        return self.results.get(self._key(name, "curves"))

    def missing(self) -> list[Task]:
        return [task for task in self._tasks() if task.key not in self.results]

    def work(self, report: Report) -> Iterator[str]:
        """Work out what is missing; yields the name of each task once it is done.

        `report` is called between batches; an exception from it stops the work.
        """
        missing, done = self.missing(), 0
        total = sum(task.images for task in missing)
        for task in missing:
            end = done + task.images
            passed = [done]

            def forward(pictures: Tensor, model: hatnet.HATNet = self.model, task: Task = task, passed: list = passed, end: int = end):
                report(min(passed[0], end) / total, task.label)
                with self.guard:
                    logits = model(pictures, self.question.g1, self.question.g2)
                passed[0] += len(pictures)
                return logits

            report(done / total, task.label)
            self.results[task.key] = task.compute(forward)
            done = end
            yield task.name

    def _key(self, name: str, *prefix: str) -> tuple:
        q = self.question
        depends = {
            "raw": (q.stage, q.block, q.head, self.token),
            "hops": (q.stage, q.block, self.token),
            "cam": (q.stage,),
        }
        return *prefix, name, *depends.get(name, ())

    def _tasks(self) -> list[Task]:
        positions = attribution.patches(self.question.image, self.detail.overlap)[-1]
        one = 2 * self.detail.steps
        return [
            Task(self._key("cam"), "cam", "Grad-CAM", 4, self._cam),
            Task(self._key("gradients"), "gradients", "Integrated Gradients", 3 * attribution.IG_STEPS, self._gradients),
            Task(self._key("occlusion"), "occlusion", f"Occlusion, {positions} patches", positions, self._occlusion),
            *(
                Task(self._key(name, "curves"), "curves", f"Scoring {title}", one, partial(self._scored, name=name))
                for name, title in NAMES.items()
                if self.exists(name)
            ),
            Task(self._key("random", "curves"), "curves", f"Scoring {RANDOM_MAPS} random maps", RANDOM_MAPS * one, self._random),
            Task(
                self._key("learned nothing", "curves"), "curves", "Occlusion on an untrained model", positions + one, self._learned_nothing
            ),
        ]

    def _cam(self, forward: Forward) -> np.ndarray:
        q = self.question
        with self.guard:
            return attribution.grad_cam(self.model, q.image, q.target, q.stage, q.g1, q.g2)

    def _gradients(self, forward: Forward) -> np.ndarray:
        return attribution.integrated_gradients(forward, self.question.image, self.question.target)

    def _occlusion(self, forward: Forward) -> np.ndarray:
        return attribution.occlusion(forward, self.question.image, self.question.target, self.detail.overlap)

    def _curves(self, forward: Forward, values: np.ndarray) -> np.ndarray:
        return attribution.curves(forward, self.question.image, self.question.target, values, self.detail.steps)

    def _scored(self, forward: Forward, name: str) -> np.ndarray:
        return self._curves(forward, self.importance(name))

    def _random(self, forward: Forward) -> np.ndarray:
        generator = np.random.default_rng(1)
        return np.stack([self._curves(forward, generator.random(self.squares)) for _ in range(RANDOM_MAPS)])

    def _learned_nothing(self, forward: Forward) -> np.ndarray:
        """Let Occlusion explain a private model with random weights, and score its map on the real one."""
        private = attribution.random_weights(self.model)
        values = self._occlusion(lambda images: forward(images, private))
        return self._curves(forward, attribution.on_grid(values, self.squares))
