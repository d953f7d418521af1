"""Eqs. 6 to 14 once more, in NumPy and double precision: what the model's own tensors are checked against.

Written from the paper with index tables instead of the model's reshapes, so that a mistake in one is not a mistake in the other.
Arrays in, arrays out: nothing here knows PyTorch.
"""

import numpy as np


def recompute(x: np.ndarray, weights: dict[str, np.ndarray], g1: int, g2: int, head_dim: int, per_token: bool) -> dict[str, np.ndarray]:
    """Compute every tensor of Eqs. 6 to 14, under hatnet's names, from the block's input x [C, h, w].

    weights: "qkv" [C, 3C], "q" [C, C], "kv" [C, 2C] and "proj" [C, C], whose columns are outputs; their biases "qkv+" [3C] and so on;
    scale and shift of the three norms, "norm" [2, C], "grid_norm" and "ds_norm". per_token: the norms run over the channels of each
    token instead of the whole map.
    """
    x = x.astype(np.float64)
    channels, h, w = x.shape

    def norm(values: np.ndarray, name: str) -> np.ndarray:
        axes = 0 if per_token else None
        centred = values - values.mean(axes, keepdims=True)
        scale, shift = (part[:, None, None] for part in weights[name])
        return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + 1e-6) * scale + shift

    def heads(rows: np.ndarray, name: str, parts: int) -> list[np.ndarray]:
        projected = rows @ weights[name] + weights[f"{name}+"]
        split = projected.reshape(*rows.shape[:-1], parts, channels // head_dim, head_dim)
        return [np.moveaxis(split[..., part, :, :], -2, -3) for part in range(parts)]

    ids = window_ids(h, w, g1)
    x1 = np.where(ids[..., None] >= 0, _rows(norm(x, "norm"))[ids], 0)  # Eq. 6
    q1, k1, v1 = heads(x1, "qkv", 3)  # Eq. 7
    p1 = softmax(q1 @ k1.swapaxes(-1, -2) / head_dim**0.5, (ids >= 0)[:, None, None, :])  # Eq. 2
    windows = np.moveaxis(p1 @ v1, -3, -2).reshape(*ids.shape, channels)
    local = np.empty((h * w, channels))
    local[ids[ids >= 0]] = windows[ids >= 0]  # Eq. 8
    local = _map(local, h, w)
    joined = local + x  # Eq. 9
    a1 = norm(joined, "grid_norm")
    pooled = norm(cell_means(a1, g2), "ds_norm")  # Eq. 10
    rows, keys = _rows(a1), _rows(pooled)  # Eq. 11
    (q2,), (k2, v2) = heads(rows, "q", 1), heads(keys, "kv", 2)  # Eq. 12
    p2 = softmax(q2 @ k2.swapaxes(-1, -2) / head_dim**0.5)  # Eq. 2
    a2 = _map(np.moveaxis(p2 @ v2, 0, 1).reshape(h * w, channels), h, w)  # Eq. 13
    out = _map(_rows(a1 + a2) @ weights["proj"] + weights["proj+"], h, w)  # Eq. 14, without its "+ X"
    tensors = dict(x1=x1, q1=q1, k1=k1, v1=v1, p1=p1, local=local, joined=joined, a1=a1, pooled=pooled, rows=rows, keys=keys)
    return tensors | dict(q2=q2, k2=k2, v2=v2, p2=p2, a2=a2, out=out)


def window_ids(h: int, w: int, g1: int) -> np.ndarray:
    """The token at each place of each window, counted row by row over the map: int [windows, places]; -1 off the map.

    >>> window_ids(2, 3, 2).tolist()
    [[0, 1, 3, 4], [2, -1, 5, -1]]
    """
    tall, wide = min(g1, h), min(g1, w)
    windows = []
    for top in range(0, h, tall):
        for left in range(0, w, wide):
            places = [(y, x) for y in range(top, top + tall) for x in range(left, left + wide)]
            windows.append([y * w + x if y < h and x < w else -1 for y, x in places])
    return np.array(windows)


def cell_means(values: np.ndarray, side: int) -> np.ndarray:
    """The mean of each cell of side x side tokens, over those that lie on the map: [C, h, w] -> [C, ceil(h/side), ceil(w/side)]."""
    tops, lefts = np.arange(0, values.shape[1], side), np.arange(0, values.shape[2], side)
    sums = np.add.reduceat(np.add.reduceat(values, tops, axis=1), lefts, axis=2)
    down, across = np.minimum(side, values.shape[1] - tops), np.minimum(side, values.shape[2] - lefts)
    return sums / (down[:, None] * across)


def softmax(scores: np.ndarray, real: np.ndarray | bool = True) -> np.ndarray:
    """Softmax over the last axis; keys that are not real get a weight of 0."""
    scores = np.where(real, scores, -np.inf)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _rows(values: np.ndarray) -> np.ndarray:
    """[C, h, w] -> [hw, C]."""
    return values.reshape(len(values), -1).T


def _map(rows: np.ndarray, h: int, w: int) -> np.ndarray:
    """[hw, C] -> [C, h, w]."""
    return rows.T.reshape(-1, h, w)
