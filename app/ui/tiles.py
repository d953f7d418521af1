"""Maps for the tile component, as plain data, on a common scale so that they can be compared."""

from collections.abc import Sequence

import numpy as np

from app.core.colours import GLOBAL_SCALE, GLOBAL_SIGNED, LOCAL_SCALE, LOCAL_SIGNED, ON_PHOTO, VEIL
from app.core.overlay import FULL, Box, times_even

VEILS = [f"rgba({','.join(map(str, VEIL[0]))},{VEIL[1] * (1 - step / 40):.3f})" for step in range(41)]  # from least to most


def compared(
    shares: np.ndarray,
    kind: str,
    most: float,
    token: tuple[int, int],
    boxes: Sequence[Box],
    signed: bool = False,
    part: tuple[int, int, int, int] | None = None,
) -> dict:
    """Weights per token [h, w], or their difference (`signed`), on a scale that several maps share.

    kind: "local" or "global". most: the top of the scale, 0..1. boxes: windows or cells to outline. part: a square of the map, as a box in
    tokens, that holds the token and is drawn alone; None: the whole map.
    """
    scales = {"local": (LOCAL_SCALE, LOCAL_SIGNED), "global": (GLOBAL_SCALE, GLOBAL_SIGNED)}
    return dict(
        values=np.round(100 * shares, 3).tolist(),
        part=part,
        most=100 * most,
        signed=signed,
        ramp=[colour for _, colour in scales[kind][signed]],
        unit="points" if signed else "%",
        digits=2,
        grey=True,
        boxes=[list(box) for box in boxes],
        edge=ON_PHOTO.local if kind == "local" else "rgba(255,255,255,0.35)",
        ring=(token[0] + 0.5, token[1] + 0.5),
    )


def uncovered(importance: np.ndarray, ring: tuple[float, float] | None = None) -> dict:
    """The photograph in colour under a black veil that a map [rows, columns] lifts.

    The veil is gone where a square has FULL times an even share of the positive importance or more, in every map.
    ring: the place of the map's query token, as fractions (y, x), if it has one.
    """
    shares = times_even(importance)
    return dict(
        values=np.round(shares, 3).tolist(),
        part=None,
        most=FULL,
        signed=False,
        ramp=VEILS,
        unit="times an even share",
        digits=1,
        grey=False,
        boxes=[],
        edge="",
        ring=ring and (ring[0] * shares.shape[0], ring[1] * shares.shape[1]),
    )
