"""One attention layer in numbers, for one token: what Start and the tour explain."""

from dataclasses import dataclass

import numpy as np

import hatnet
from app.core import inference
from app.core.checkpoints import Checkpoint
from app.core.overlay import in_window, over_tokens
from app.core.pictures import Picture
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
    hops: np.ndarray  # [side, side]: where the token's new content comes from
    heads: str  # whose weights these are, in words
    exact: bool  # whether `hops` follows both hops one after the other; otherwise it overlays them

    @property
    def strongest(self) -> tuple[int, int]:
        """Row and column of the cell with the largest weight."""
        return tuple(int(i) for i in np.unravel_index(self.far.argmax(), self.far.shape))

    @property
    def shares(self) -> tuple[float, float, float]:
        """The shares of the token's new content that come from itself, the rest of its window, and everywhere else: they sum to 1."""
        top, left, height, width = self.window
        own = float(self.hops[self.token])
        inside = float(self.hops[top : top + height, left : left + width].sum())
        return own, inside - own, float(self.hops.sum()) - inside


def layer_of(view: ViewState, checkpoint: Checkpoint, picture: Picture) -> Layer:
    """The numbers of the view's block, which must be in a hierarchical stage, for the view's token."""
    side, (g1, g2) = checkpoint.grid(view.stage), view.sides(checkpoint)
    grid, token = (side, side), hatnet.token_at(view.place, (side, side))
    window = hatnet.window_of(token, grid, g1)
    attention = inference.attention(picture, checkpoint, view)
    near, far = (attention.weights(view, kind) for kind in ("local", "global"))
    hops = attention.two_hops(view, [token])
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
        hops=hops[0] if hops is not None else (over_tokens(far, g2, grid) + in_window(near, window, grid)) / 2,
        heads="of the only head" if heads == 1 else f"of head {view.head}" if view.head else f"the mean of {heads} heads",
        exact=hops is not None,
    )
