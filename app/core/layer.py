"""One attention layer in numbers, for one token: what Start and the tour explain."""

from dataclasses import dataclass

import numpy as np

import hatnet
from app.core import inference
from app.core.checkpoints import Checkpoint
from app.core.overlay import in_window, over_tokens
from app.core.pictures import Picture
from app.core.view import ViewState
from hatnet.rollout import two_hop


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One block, one photograph, one token. Weights are probabilities 0..1."""

    title: str  # the photograph's
    stage: int
    block: int
    pixels: int  # side of the model's picture
    channels: int
    side: int  # tokens down and across
    token: tuple[int, int]
    window: tuple[int, int, int, int]
    g1: int
    cell: int  # G2
    near: np.ndarray  # [height, width] of the window
    far: np.ndarray  # [cells down, cells across]
    hops: np.ndarray  # [side, side]: where what the token holds afterwards has come from
    heads: str  # whose weights these are, in words
    exact: bool  # whether hops follows both steps; otherwise each step by itself

    @property
    def strongest(self) -> tuple[int, int]:
        """Row and column of the cell that the token reads most, from 0."""
        return tuple(int(i) for i in np.unravel_index(self.far.argmax(), self.far.shape))

    @property
    def shares(self) -> tuple[float, float, float]:
        """How much of the token afterwards is itself, the rest of its window, and everything else: they sum to 1."""
        top, left, height, width = self.window
        own = float(self.hops[self.token])
        inside = float(self.hops[top : top + height, left : left + width].sum())
        return own, inside - own, float(self.hops.sum()) - inside


def layer_of(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> Layer:
    """The numbers of the view's block, for its token. The stage has to be a hierarchical one."""
    side, (g1, cell) = checkpoint.grid(view.stage), view.grids(checkpoint)
    grid, token = (side, side), hatnet.token_at(view.place, (side, side))
    window = hatnet.window_of(token, grid, g1)
    seen = inference.attention(picture, checkpoint, view.g1, view.g2, view.place)
    near, far = (seen.weights(view.stage, view.block, kind, view.head, view.place) for kind in ("local", "global"))
    records = [seen.maps[view.stage, view.block, kind] for kind in ("local", "global")]
    exact = all(record.weights is not None for record in records)
    if exact:
        hops = two_hop(*records, tokens=[token])[0].numpy()
    else:
        hops = (
            over_tokens(far, cell, grid) + in_window(near, window, grid)
        ) / 2  # both laid over each other: the rows that two_hop needs are too many
    heads = checkpoint.heads(view.stage)
    return Layer(
        title=picture.title,
        stage=view.stage,
        block=view.block,
        pixels=checkpoint.image_size,
        channels=checkpoint.config.dims[checkpoint.config.stages.index(view.stage)],
        side=side,
        token=token,
        window=window,
        g1=g1,
        cell=cell,
        near=near,
        far=far,
        hops=hops,
        heads="of the only head" if heads == 1 else f"of head {view.head}" if view.head else f"the mean of {heads} heads",
        exact=exact,
    )
