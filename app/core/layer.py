"""One attention layer in numbers, for one token: what Start and the tour explain."""

from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter

import numpy as np

import hatnet
from app.core import inference
from app.core.checkpoints import Checkpoint
from app.core.hops import Path, frames, one_hop, shares, strongest_paths
from app.core.pictures import IDENTITY, Picture, cached
from app.core.view import ViewState


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One block, one picture, one token. Weights are probabilities 0..1."""

    stage: int
    pixels: int  # side of the model's picture
    channels: int
    side: int  # tokens down and across
    token: tuple[int, int]
    window: tuple[int, int, int, int]  # top, left, height, width
    g1: int
    g2: int
    near: np.ndarray  # [height, width] of the window: the local weights
    far: np.ndarray  # [cells down, cells across]: the global weights
    hops: np.ndarray  # [side, side]: where the token's output comes from, through both hops; `one_hop` where that is too much to compute
    one_hop: np.ndarray  # the same if the cells averaged X instead of A1
    paths: list[Path]  # the strongest through both hops; none where only one is followed
    head: int | None  # whose weights near and far are; None for the mean of the heads
    heads: str  # the same in words

    @property
    def strongest(self) -> tuple[int, int]:
        """Row and column of the cell with the largest weight."""
        return tuple(int(i) for i in np.unravel_index(self.far.argmax(), self.far.shape))

    @property
    def shares(self) -> tuple[float, float, float]:
        """The shares of the token's output that stay, come from its window (itself included), and from everywhere else; see `hops`."""
        return shares(self.hops, self.window)

    @cached_property
    def frames(self) -> dict:
        """Two hops in frames, as `hops.frames` makes them; shared by all visits, like the rest."""
        return frames(self.hops, self.one_hop, self.token, self.window, self.paths)

    @property
    def shown(self) -> dict | None:
        """The path of `frames` to begin with; None where only one hop is followed."""
        frames = self.frames
        return None if frames["shown"] is None else frames["paths"][frames["shown"]]


# All that it depends on: a visit that moves through the cards, the equations or the tour has it at once, and so has the next visitor.
_ASKED = attrgetter("stage", "block", "head", "place", "g1", "g2")


@cached(max_entries=64, hash_funcs=IDENTITY | {ViewState: _ASKED})
def layer_of(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> Layer:
    """The numbers of the view's block, which must be in a hierarchical stage, for the view's token."""
    side, (g1, g2) = checkpoint.grid(view.stage), view.sides(checkpoint)
    grid, token = (side, side), hatnet.token_at(view.place, (side, side))
    window = hatnet.window_of(token, grid, g1)
    attention = inference.attention(picture, checkpoint, view)
    near, far = (attention.weights(view, kind) for kind in ("local", "global"))
    mean = replace(view, head=None)
    mean_near, mean_far = (attention.weights(mean, kind) for kind in ("local", "global"))
    one = one_hop(mean_near, mean_far, token, window, g2, grid)
    hops, rows = attention.two_hops(view, [token]), attention.rows(mean, "local")
    heads = checkpoint.heads(view.stage)
    return Layer(
        stage=view.stage,
        pixels=checkpoint.image_size,
        channels=checkpoint.config.dims[checkpoint.config.stages.index(view.stage)],
        side=side,
        token=token,
        window=window,
        g1=g1,
        g2=g2,
        near=near,
        far=far,
        hops=one if hops is None else hops[0],
        one_hop=one,
        paths=[] if rows is None else strongest_paths(rows, mean_far.ravel(), grid, (min(g1, side),) * 2, g2),
        head=view.head,
        heads="of the only head" if heads == 1 else f"of head {view.head}" if view.head else f"the mean of {heads} heads",
    )
