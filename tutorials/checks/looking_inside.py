"""Checks of notebook 6, looking inside: random maps, loops that look up each weight, and models whose gradients are known."""

import itertools

import numpy as np
import torch
from torch import Tensor

from hatnet.geometry import Layout, layout_of
from hatnet.maps import AttentionMap
from tutorials.checks.grading import Wrong, call, check, compare, random, random_weights, several

__all__ = ["local_on_map", "global_on_map", "seam", "two_hop", "rollout", "integrated_gradients", "grad_cam", "deletion"]


def _record(kind: str, layout: Layout, weights: Tensor, g1: int, g2: int) -> AttentionMap:
    heads = weights.shape[1]
    return AttentionMap(stage=2, block=0, kind=kind, g1=g1, g2=g2, heads=heads, images=1, layout=layout, rows={}, weights=weights)


@check
def local_on_map(student) -> str:
    """local_on_map(record, token): head-mean local weights on the whole token grid."""
    for (h, w), g in (((6, 10), 2), ((9, 6), 3), ((7, 5), 3)):
        gh, gw = -(-h // g), -(-w // g)
        weights = random_weights(gh * gw, 2, g * g, g * g).view(gh, gw, 2, g, g, g, g)
        for row, column, y, x in itertools.product(range(gh), range(gw), range(g), range(g)):  # keys that hang over the edge
            if row * g + y >= h or column * g + x >= w:
                weights[row, column, ..., y, x] = 0
        weights = weights / weights.sum((-2, -1), keepdim=True)
        record = _record("local", layout_of("window", h, w, g, g), weights.view(gh * gw, 2, g * g, g * g), g, g)
        for token in ((0, 0), (h - 1, w - 1), (4, 2), (2, w - 2)):
            right = np.zeros((h, w), np.float32)
            for y, x in itertools.product(range(h), range(w)):
                if (y // g, x // g) == (token[0] // g, token[1] // g):
                    right[y, x] = weights[y // g, x // g, :, token[0] % g, token[1] % g, y % g, x % g].mean()
            top, left = token[0] // g * g, token[1] // g * g
            corner = np.zeros_like(right)
            patch = right[top : top + g, left : left + g]
            corner[: patch.shape[0], : patch.shape[1]] = patch
            mistakes = {
                "the weights are in the top left corner: put them where the window lies; record.window(y, x) says where.": corner,
                "you added the heads; take their mean, so that the map sums to 1.": 2 * right,
            }
            if patch.shape[0] == patch.shape[1]:
                turned = np.zeros_like(right)
                turned[top : top + patch.shape[0], left : left + patch.shape[1]] = patch.T
                mistakes["the rows and columns of the window are swapped."] = turned
            compare(call(student, record, token), right, "the map", "tokens down, tokens across", mistakes)
    return "in its window, and exactly 0 elsewhere"


@check
def global_on_map(student) -> str:
    """global_on_map(record, token): head-mean global weights, spread over the tokens."""
    for (h, w), g in (((6, 10), 2), ((9, 6), 3), ((7, 5), 2)):
        rows, columns = -(-h // g), -(-w // g)
        weights = random_weights(1, 3, h * w, rows * columns, seed=1)
        record = _record("global", layout_of("pooled", h, w, g, g), weights, g, g)
        for token in ((0, 0), (h - 1, w - 1), (4, 1)):
            mean = weights[0, :, token[0] * w + token[1]].mean(0).view(rows, columns).numpy()
            right, whole, even = (np.zeros((h, w), np.float32) for _ in range(3))
            for row, column in itertools.product(range(rows), range(columns)):
                cell = [(y, x) for y in range(h) for x in range(w) if (y // g, x // g) == (row, column)]
                for place in cell:
                    right[place] = mean[row, column] / len(cell)
                    whole[place] = mean[row, column]
                    even[place] = mean[row, column] / g**2
            mistakes = {
                "each token has its cell's whole weight: share it evenly among the tokens that were averaged.": whole,
                "you added the heads; take their mean, so that the map sums to 1.": 3 * right,
                "cells at the edge hold fewer tokens: divide by how many are really there, not by G2^2.": even,
            }
            compare(call(student, record, token), right, "the map", "tokens down, tokens across", mistakes)
    return "a cell's weight is shared by the tokens in it"


@check
def seam(student) -> str:
    """seam(token, g1): two tokens side by side across the right edge of the token's window."""
    for token, g in (((3, 5), 4), ((0, 0), 7), ((9, 14), 5), ((6, 7), 4)):
        edge = next(x for x in range(token[1], 99) if (x + 1) % g == 0)
        pair = several(call(student, token, g), 2, "the token before the edge, and the one beyond it")
        found = [tuple(int(n) for n in place) for place in pair]
        if found == [(token[0], edge), (token[0], edge + 1)]:
            continue
        if found == [(token[0], edge + 1), (token[0], edge)]:
            raise Wrong("the two are swapped: first the token before the edge.")
        if all(place[1] // g == token[1] // g for place in found):
            raise Wrong("both of your tokens lie in one window; wanted one before its right edge and one beyond it.")
        if {place[0] for place in found} != {token[0]}:
            raise Wrong("a place is (row, column), and both places are in the token's row: only the column differs.")
        raise Wrong("your tokens are not the two neighbours at the right edge of the token's window.")
    return "neighbours, and in two windows"


@check
def two_hop(student) -> str:
    """two_hop(a_loc, a_glob, pool)."""
    for n, m, seed in ((6, 2, 0), (12, 3, 1), (10, 5, 2)):
        a_loc, a_glob = random_weights(n, n, seed=seed), random_weights(n, m, seed=seed + 10)
        pool = torch.zeros(m, n)
        for cell in range(m):
            pool[cell, cell * n // m : (cell + 1) * n // m] = m / n
        right = np.zeros((n, n))
        for query, source in itertools.product(range(n), range(n)):
            near = [(1.0 if via == source else 0.0) / 2 + a_loc[via, source].item() / 2 for via in range(n)]  # via's own local hop
            right[query, source] = near[query] / 2
            for cell, via in itertools.product(range(m), range(n)):
                right[query, source] += a_glob[query, cell].item() * pool[cell, via].item() * near[via] / 2
        one = torch.eye(n)
        far, once = a_glob @ pool, (one + a_loc) / 2
        mistakes = {
            message: mistaken.numpy()
            for message, mistaken in {
                "the hops are in the wrong order: a row of the product starts at the query, and the first hop back is the global one. "
                "A_glob Pool comes to the left of (I + A_loc).": (once @ far + once) / 2,
                "the identity is missing: in the local hop a token also keeps itself (Eq. 9).": (far @ a_loc + a_loc) / 2,
                "the hops are not halved: the rows of I + A_loc sum to 2.": far @ (one + a_loc) + one + a_loc,
                "the two paths are added, not averaged: rows sum to 2.": far @ once + once,
                "only the path through the cells is there; the direct one, of A1 itself, is missing (Eq. 14).": far @ once,
                "only the direct path is there; the one through the cells is missing.": once,
                "the identity is missing on the path through the cells.": (far @ a_loc + once) / 2,
                "I + A_loc is not halved on one of the two paths.": (far @ (one + a_loc) + once) / 2,
            }.items()
        }
        compare(call(student, a_loc, a_glob, pool), right.astype(np.float32), "the two-hop map", "queries, sources", mistakes)
    return "every path is there, and each row sums to 1"


@check
def rollout(student) -> str:
    """rollout(blocks): attention matrices [n, n], first block first."""
    for n, depth, seed in ((5, 1, 0), (7, 2, 1), (6, 3, 2)):
        blocks = [random_weights(n, n, seed=10 * seed + i) for i in range(depth)]
        # A path takes the residual or the attention of each block; from the query, the last block comes first.
        right, backwards = torch.zeros(n, n), torch.zeros(n, n)
        for taken in itertools.product((False, True), repeat=depth):
            path, other = torch.eye(n), torch.eye(n)
            for block, by_attention in zip(blocks, taken, strict=True):
                path, other = (block @ path, other @ block) if by_attention else (path, other)
            right, backwards = right + path / 2**depth, backwards + other / 2**depth
        bare = blocks[0]
        for block in blocks[1:]:
            bare = block @ bare
        mistakes = {
            "the identity is missing: half of each token passes through a block by its residual.": bare,
            "the blocks are in the wrong order: a row starts at the query, so the last block comes leftmost.": backwards,
            "the blocks are not halved: rows must sum to 1.": right * 2**depth,
        }
        if depth > 1:
            mistakes["blocks follow each other: multiply their matrices, do not average them."] = sum(
                (torch.eye(n) + block) / 2 for block in blocks
            ) / len(blocks)
        compare(
            call(student, blocks),
            right.numpy(),
            "the rollout",
            "queries, sources",
            {text: mistake.numpy() for text, mistake in mistakes.items()},
        )
    return "equal to the sum over all paths through the blocks"


@check
def integrated_gradients(student) -> str:
    """integrated_gradients(forward, image, baseline, target, steps), where the integral is known: parabolas."""
    for (h, w), seed in (((3, 5), 0), ((4, 2), 1)):
        curve = random(2, 3, h, w, seed=seed)
        image, baseline = random(1, 3, h, w, seed=seed + 5), 0.5 + random(1, 3, h, w, seed=seed + 9)

        def forward(pictures: Tensor, curve: Tensor = curve) -> Tensor:
            return torch.stack([(weights * pictures**2).flatten(1).sum(1) for weights in curve], 1)

        target, kept = 1, curve[1]
        got = call(student, forward, image, baseline, target, 200)
        if isinstance(got, Tensor) and got.ndim in (3, 4):
            raise Wrong(
                f"the map has shape {tuple(got.shape)}; wanted one number for each pixel, {(h, w)}: add up the channels of the one image."
            )
        right = (kept * (image**2 - baseline**2))[0].sum(0)

        def far(answer: Tensor, mistaken: Tensor) -> bool:
            return answer.shape != mistaken.shape or (answer - mistaken).abs().max() > 0.02 * mistaken.abs().max()

        if not isinstance(got, Tensor) or far(got, right):
            mistakes = {
                "the path starts at 0: add the baseline.": kept * (image - baseline) ** 2,
                "the path starts at 0: start at the baseline.": kept * (image - baseline) * image,
                "the factor before the mean gradient is the image; it should be image - baseline.": kept * (image + baseline) * image,
                "the baseline is missing: the path starts there, and its length is image - baseline.": kept * image**2,
                "that is the mean gradient: multiply it by image - baseline.": kept * (image + baseline),
                "that is the gradient at the image alone: take the mean along the path.": 2 * kept * image * (image - baseline),
                "the gradients are added, not averaged: divide by the number of steps.": 200 * kept * (image**2 - baseline**2),
                "the gradient is that of all logits: take the target's alone.": curve.sum(0) * (image**2 - baseline**2),
                "the sign is wrong: the path goes from the baseline to the image.": kept * (baseline**2 - image**2),
            }
            for message, mistaken in mistakes.items():
                if isinstance(got, Tensor) and not far(got, mistaken[0].sum(0)):
                    raise Wrong(message)
            compare(got, right.numpy(), "the map", "pixels down, pixels across", tolerance=0.02)
    return "complete: it adds up to the logit's rise from baseline to image"


@check
def grad_cam(student) -> str:
    """grad_cam(features, head, target), where the head's gradient is known."""
    for (c, h, w), seed in (((5, 3, 7), 0), ((3, 4, 2), 1)):
        features, weights = random(1, c, h, w, seed=seed), random(2, c, h, w, seed=seed + 3)

        def head(x: Tensor, weights: Tensor = weights) -> Tensor:
            return torch.stack([(part * x).flatten(1).sum(1) for part in weights], 1)

        part = weights[1]  # the gradient of logit 1, everywhere
        right = (part.mean((1, 2), keepdim=True) * features[0]).sum(0)
        mistakes = {
            "gradient and features are multiplied token by token; Grad-CAM weighs a channel by its mean gradient over all tokens.": (
                part * features[0]
            )
            .sum(0)
            .numpy(),
            "the mean is over channels; take it over tokens, one weight for each channel.": (part.mean(0) * features[0].sum(0)).numpy(),
            "the gradients are added over the tokens; Grad-CAM takes their mean.": (right * h * w).numpy(),
            "the channels are averaged at the end; add them up.": (right / c).numpy(),
            "the map is clipped at 0; do not clip it here, so that tokens that speak against the class can be ranked too.": right.clamp(
                min=0
            ).numpy(),
            "the gradient is that of all logits: take the target's alone.": (weights.sum(0).mean((1, 2), keepdim=True) * features[0])
            .sum(0)
            .numpy(),
        }
        compare(call(student, features, head, 1), right.numpy(), "the map", "tokens down, tokens across", mistakes)
    return "one weight for each channel, and no hook on the model"


@check
def deletion(student) -> str:
    """deletion(forward, image, target, importance, steps), on a model whose logit is the sum of the cells that are left."""
    for rows, columns, side, steps in ((4, 6, 2, 6), (3, 5, 4, 5)):
        image = 0.5 + random(1, 3, rows * side, columns * side, seed=rows).abs()
        importance = random(rows, columns, seed=side).numpy()
        scale = image.sum().item() / 4

        def forward(pictures: Tensor, scale: float = scale) -> Tensor:
            logit = pictures.flatten(1).sum(1) / scale
            return torch.stack([logit, -logit, torch.zeros_like(logit)], 1)

        cells = [image[..., y : y + side, x : x + side].sum() for y in range(0, rows * side, side) for x in range(0, columns * side, side)]
        cells = torch.stack(cells).numpy() / scale
        best = np.argsort(-importance.ravel(), kind="stable")
        ends = [round(step / steps * rows * columns) for step in range(steps + 1)]

        def probabilities(logit: list[float]) -> np.ndarray:
            logits = np.array([logit, [-one for one in logit], [0] * len(logit)])
            return (np.exp(logits[0]) / np.exp(logits).sum(0)).astype(np.float32)

        left = [cells[best[end:]].sum() for end in ends]
        got = call(student, forward, image, 0, importance, steps)
        got = torch.as_tensor(np.asarray(got.detach() if isinstance(got, Tensor) else got, dtype=np.float32))
        mistakes = {
            "the least important cells go first: sort from high to low.": probabilities([cells[best[::-1][end:]].sum() for end in ends]),
            "that is insertion: cells come back. Start from the whole picture and take cells away.": probabilities(
                [cells[best[:end]].sum() for end in ends]
            ),
            "the cells of earlier steps come back: what is gone stays gone.": probabilities(
                [cells.sum() - cells[best[start:end]].sum() for start, end in zip([0, *ends[:-1]], ends, strict=True)]
            ),
            "these are logits; wanted the probability of the class.": np.array(left, np.float32),
            "the curve begins after the first cells are gone; its first point is the whole picture.": probabilities(left[1:]),
        }
        compare(got, probabilities(left), "the curve", f"{steps + 1} probabilities, from the whole picture to none of it", mistakes)
    return "the most important cells go first, and stay away"
