"""HAT-Net once more, as slowly and plainly as can be: an independent answer for the tests.

Works on the authors' key names, shares no code with `hatnet`, never pads: a partial window is sliced, a partial pooled cell
is sliced, and every query asks its keys one after the other.
"""

import math
import zlib

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


def attention(x, p, name, head_dim, g1=None, g2=None):
    """One attention of a block on x [c, h, w] -> its output before the residual, and {(kind, y, x): weights [heads, kh, kw]}."""
    c, h, w = x.shape
    n = norm(x, p, f"{name}.norm")
    maps = {}
    qkv = {(y, z): linear(n[:, y, z], p, f"{name}.qkv").split(c) for y in range(h) for z in range(w)}
    if g1 is None:
        everywhere = [(y, z) for y in range(h) for z in range(w)]
        a = torch.empty_like(x)
        for y, z in everywhere:
            a[:, y, z], share = ask(qkv[y, z][0], [qkv[t][1] for t in everywhere], [qkv[t][2] for t in everywhere], head_dim)
            maps["global", y, z] = share.reshape(-1, h, w)
    else:
        a1 = torch.empty_like(x)
        for y in range(h):
            for z in range(w):
                top, left = y - y % g1, z - z % g1
                window = [(u, v) for u in range(top, min(top + g1, h)) for v in range(left, min(left + g1, w))]
                a1[:, y, z], share = ask(qkv[y, z][0], [qkv[t][1] for t in window], [qkv[t][2] for t in window], head_dim)
                maps["local", y, z] = share.reshape(-1, min(g1, h - top), min(g1, w - left))
        a1 = norm(a1 + x, p, f"{name}.grid_norm")
        rows = [
            torch.stack([a1[:, top : top + g2, left : left + g2].mean((1, 2)) for left in range(0, w, g2)], 1) for top in range(0, h, g2)
        ]
        pooled = norm(torch.stack(rows, 1), p, f"{name}.ds_norm")
        ph, pw = pooled.shape[1:]
        kv = [linear(pooled[:, u, v], p, f"{name}.kv").split(c) for u in range(ph) for v in range(pw)]
        a = torch.empty_like(x)
        for y in range(h):
            for z in range(w):
                a2, share = ask(linear(a1[:, y, z], p, f"{name}.q"), [k for k, _ in kv], [v for _, v in kv], head_dim)
                maps["global", y, z] = share.reshape(-1, ph, pw)
                a[:, y, z] = a1[:, y, z] + a2
    out = torch.stack([torch.stack([linear(a[:, y, z], p, f"{name}.proj") for z in range(w)], 1) for y in range(h)], 1)
    return out, maps


def mlp(x, p, name):
    x = F.conv2d(norm(x, p, f"{name}.conv1.0")[None], p[f"{name}.conv1.1.weight"])
    x = x * x.sigmoid()
    kernel = p[f"{name}.conv2.0.weight"]
    x = F.conv2d(x, kernel, padding=kernel.shape[-1] // 2, groups=x.shape[1])
    x = x * x.sigmoid()
    return norm(F.conv2d(x, p[f"{name}.conv3.0.weight"])[0], p, f"{name}.conv3.1")


def hatnet(image, p, depths, head_dim, g1, g2, strides=OFFICIAL_STRIDES):
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
            out, seen = attention(x, p, f"{name}.attn", head_dim, *grids)
            maps |= {(index + 2, block, *key): weights for key, weights in seen.items()}
            x = x + out
            x = x + mlp(x, p, f"{name}.conv")
        stages.append(x)
    logits = p["classifier.1.weight"] @ x.mean((1, 2)) + p["classifier.1.bias"]
    return logits, maps, stages
