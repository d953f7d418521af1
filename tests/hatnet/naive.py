"""HAT-Net once more, as slowly and plainly as can be: an independent answer for the tests.

Works on the authors' key names, shares no code with `hatnet`, never pads: a partial window is sliced, a partial pooled cell
is sliced, and every query attends to its keys one after the other.
"""

import math
import zlib
from itertools import pairwise

import torch
import torch.nn.functional as F

OFFICIAL_STRIDES = (2, 2)


def seeded(key, shape):
    """The rule by which the reference filled the released model: one tensor of the state dict."""
    r = torch.randn(tuple(shape), generator=torch.Generator().manual_seed(zlib.crc32(key.encode())))
    if len(shape) >= 2:
        return r * math.prod(shape[1:]) ** -0.5
    return 1 + 0.1 * r if key.endswith("weight") else 0.1 * r


def picture(seed, height, width=None, batch=1):
    return torch.randn(batch, 3, height, width or height, generator=torch.Generator().manual_seed(seed))


def norm(x, p, name):
    """One group: mean and variance over everything in an image. x [c, h, w]."""
    centred = x - x.mean()
    x = centred / (centred.square().mean() + 1e-6).sqrt()
    return x * p[f"{name}.weight"][:, None, None] + p[f"{name}.bias"][:, None, None]


def linear(x, p, name):
    """A 1 x 1 convolution of the release at one token: [c_in] -> [c_out]."""
    out = p[f"{name}.weight"][:, :, 0, 0] @ x
    return out + p[f"{name}.bias"] if f"{name}.bias" in p else out


def ask(query, keys, values, head_dim):
    """Eq. 2 for one query: [c], lists of [c] -> attended [c], weights [heads, keys]."""
    heads = len(query) // head_dim
    out, weights = [], []
    for head in range(heads):
        part = slice(head * head_dim, (head + 1) * head_dim)
        scores = torch.stack([(query[part] * key[part]).sum() / math.sqrt(head_dim) for key in keys])
        share = scores.exp() / scores.exp().sum()
        weights.append(share)
        out.append(sum(s * value[part] for s, value in zip(share, values, strict=True)))
    return torch.cat(out), torch.stack(weights)


def keys_of(word, y, z, h, w, g1, g2):
    """The keys that token (y, z) attends to: a list of rows of keys, each key a list of its tokens. word: or a function like this."""
    if callable(word):
        return word(y, z, h, w, g1, g2)

    def span(at, size, moved):
        edges = [0, *range(moved or g1, size, g1), size]
        return next(range(a, b) for a, b in pairwise(edges) if a <= at < b)

    if word == "pooled":
        cells = [[range(top, min(top + g2, size)) for top in range(0, size, g2)] for size in (h, w)]
        return [[[(u, v) for u in rows for v in columns] for columns in cells[1]] for rows in cells[0]]
    if word == "full":
        return [[[(u, v)] for v in range(w)] for u in range(h)]
    half = g1 // 2 if word == "shifted_window" else 0
    return [[[(u, v)] for v in span(z, w, half if w > g1 else 0)] for u in span(y, h, half if h > g1 else 0)]


def step(asking, answering, project_q, project_kv, word, head_dim, grids, pool_norm=None):
    """One step: every token of `asking` [c, h, w] asks keys made of `answering` -> attended [c, h, w], {(y, x): weights}."""
    _, h, w = asking.shape
    every = {(y, z): keys_of(word, y, z, h, w, *grids) for y in range(h) for z in range(w)}
    cells = {tuple(key) for keys in every.values() for row in keys for key in row}
    pooled = {key: torch.stack([answering[:, u, v] for u, v in key]).mean(0) for key in cells}
    if pool_norm is not None:
        # The norm runs over the pooled map as a whole.
        whole = keys_of("pooled" if word == "pooled" else "full", 0, 0, h, w, *grids)
        flat = [tuple(key) for row in whole for key in row]
        normed = pool_norm(torch.stack([pooled[key] for key in flat], 1).reshape(-1, len(whole), len(whole[0])))
        pooled = dict(zip(flat, normed.flatten(1).T, strict=True))
    kv = {key: project_kv(value) for key, value in pooled.items()}
    out, maps = torch.empty_like(asking), {}
    for (y, z), keys in every.items():
        flat = [tuple(key) for row in keys for key in row]
        out[:, y, z], share = ask(project_q(asking[:, y, z]), [kv[k][0] for k in flat], [kv[k][1] for k in flat], head_dim)
        maps[y, z] = share.reshape(-1, len(keys), len(keys[0]))
    return out, maps


def attention(x, p, name, head_dim, grids=(), words=("window", "pooled")):
    """One attention of a block on x [c, h, w] -> its output before the residual, and {(kind, y, x): weights [heads, kh, kw]}."""
    c, h, w = x.shape
    n = norm(x, p, f"{name}.norm")
    maps = {}

    def q(token):
        return linear(token, p, f"{name}.qkv")[:c]

    def kv(token):
        return linear(token, p, f"{name}.qkv")[c:].split(c)

    if not grids:
        a, seen = step(n, n, q, kv, "full", head_dim, (1, 1))
        maps |= {("global", *token): weights for token, weights in seen.items()}
    else:
        a1, seen = step(n, n, q, kv, words[0], head_dim, grids)
        maps |= {("local", *token): weights for token, weights in seen.items()}
        a1 = norm(a1 + x, p, f"{name}.grid_norm")
        a2, seen = step(
            a1,
            a1,
            lambda token: linear(token, p, f"{name}.q"),
            lambda token: linear(token, p, f"{name}.kv").split(c),
            words[1],
            head_dim,
            grids,
            lambda pooled: norm(pooled, p, f"{name}.ds_norm"),
        )
        maps |= {("global", *token): weights for token, weights in seen.items()}
        a = a1 + a2
    out = torch.stack([torch.stack([linear(a[:, y, z], p, f"{name}.proj") for z in range(w)], 1) for y in range(h)], 1)
    return out, maps


def mlp(x, p, name):
    x = F.conv2d(norm(x, p, f"{name}.conv1.0")[None], p[f"{name}.conv1.1.weight"])
    x = x * x.sigmoid()
    kernel = p[f"{name}.conv2.0.weight"]
    x = F.conv2d(x, kernel, padding=kernel.shape[-1] // 2, groups=x.shape[1])
    x = x * x.sigmoid()
    return norm(F.conv2d(x, p[f"{name}.conv3.0.weight"])[0], p, f"{name}.conv3.1")


def hatnet(image, p, depths, head_dim, g1, g2, strides=OFFICIAL_STRIDES, words=("window", "pooled")):
    """image [3, h, w], p a state dict under the authors' names -> logits, {(stage 2.., block, kind, y, x): weights}, stage maps."""
    x = F.conv2d(image[None], p["patch_embed.0.weight"], p["patch_embed.0.bias"], stride=strides[0], padding=1)[0]
    x = norm(x, p, "patch_embed.1")
    x = F.conv2d((x * x.sigmoid())[None], p["patch_embed.3.weight"], p["patch_embed.3.bias"], stride=strides[1], padding=1)[0]
    maps, stages = {}, []
    for index, depth in enumerate(depths):
        if index:
            x = F.conv2d(x[None], p[f"ds{index + 1}.conv.weight"], p[f"ds{index + 1}.conv.bias"], stride=2, padding=1)[0]
            x = norm(x, p, f"ds{index + 1}.norm")
        grids = (g1[index], g2[index]) if index < len(g1) else ()
        for block in range(depth):
            name = f"blocks.{index}.{block}"
            out, seen = attention(x, p, f"{name}.attn", head_dim, grids, words)
            maps |= {(index + 2, block, *key): weights for key, weights in seen.items()}
            x = x + out
            x = x + mlp(x, p, f"{name}.conv")
        stages.append(x)
    logits = p["classifier.1.weight"] @ x.mean((1, 2)) + p["classifier.1.bias"]
    return logits, maps, stages
