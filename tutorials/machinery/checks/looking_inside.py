"""Checks of notebook 6, looking inside: random maps, loops that look up each weight, and models whose gradients are known."""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hatnet.geometry import Layout, Token, layout_of
from hatnet.maps import AttentionMap
from hatnet.rollout import two_hop as two_hop_of
from tutorials.machinery.checks.grading import Wrong, call, check, compare, random, random_weights, scalar, several

__all__ = ["local_on_map", "global_on_map", "seam", "two_hop", "two_hop_row", "rollout", "integrated_gradients", "grad_cam", "deletion"]


def _local_record(h: int, w: int, g: int) -> AttentionMap:
    """The record of a local step with random weights: 0 for the keys of a window that hang over the edge of the map."""
    down, across = -(-h // g), -(-w // g)
    weights = random_weights(down * across, 3, g * g, g * g).view(down, across, 3, g, g, g, g)
    for row, column, y, x in itertools.product(range(down), range(across), range(g), range(g)):
        if row * g + y >= h or column * g + x >= w:
            weights[row, column, ..., y, x] = 0
    weights = weights / weights.sum((-2, -1), keepdim=True)
    return _record("local", layout_of("window", h, w, g, g), weights.view(down * across, 3, g * g, g * g), g, g)


def _local_rows(record: AttentionMap, token: Token) -> np.ndarray:
    """The weights of a token in each head, on the whole map: [heads, h, w]."""
    (h, w), g = record.query_grid, record.g1
    found = np.zeros((record.heads, h, w), np.float32)
    window = token[0] // g * -(-w // g) + token[1] // g
    for y, x in itertools.product(range(h), range(w)):
        if (y // g, x // g) == (token[0] // g, token[1] // g):
            found[:, y, x] = record.weights[window, :, token[0] % g * g + token[1] % g, y % g * g + x % g]
    return found


def _global_record(h: int, w: int, g: int) -> AttentionMap:
    """The record of a global step with random weights."""
    weights = random_weights(1, 3, h * w, -(-h // g) * -(-w // g), seed=1)
    return _record("global", layout_of("pooled", h, w, g, g), weights, g, g)


def _cell_weights(record: AttentionMap, token: Token) -> tuple[np.ndarray, np.ndarray]:
    """For each token of the map, its cell's weight in each head [heads, h, w], and how many tokens that cell holds [h, w]."""
    (h, w), g = record.query_grid, record.g2
    weight, size = np.zeros((record.heads, h, w), np.float32), np.zeros((h, w), np.float32)
    row = record.weights[0, :, token[0] * w + token[1]]
    for y, x in itertools.product(range(h), range(w)):
        weight[:, y, x] = row[:, y // g * -(-w // g) + x // g]
        size[y, x] = sum((v // g, u // g) == (y // g, x // g) for v, u in itertools.product(range(h), range(w)))
    return weight, size


def _record(kind: str, layout: Layout, weights: Tensor, g1: int, g2: int) -> AttentionMap:
    heads = weights.shape[1]
    return AttentionMap(stage=2, block=0, kind=kind, g1=g1, g2=g2, heads=heads, images=1, layout=layout, rows={}, weights=weights)


@check
def local_on_map(student) -> str:
    """local_on_map(record, token): head-mean local weights on the whole token grid."""
    for (h, w), g in (((6, 10), 2), ((9, 6), 3), ((7, 5), 3)):
        record = _local_record(h, w, g)
        for token in ((4, 2), (0, 0), (h - 1, w - 1), (2, w - 2)):
            heads = _local_rows(record, token)
            right = heads.mean(0)
            top, left = token[0] // g * g, token[1] // g * g
            patch = right[top : top + g, left : left + g]
            down, across = patch.shape
            corner, turned, exchanged = (np.zeros_like(right) for _ in range(3))
            corner[:down, :across] = patch
            if down == across:
                turned[top : top + down, left : left + across] = patch.T
            if left + down <= h and top + across <= w:
                exchanged[left : left + down, top : top + across] = patch
            mistakes = {
                "the weights are in the top left corner: put them where the window lies; record.window(y, x) says where.": corner,
                "you added the heads; take their mean, so that the map sums to 1.": heads.sum(0),
                "these are the weights of one head; wanted the mean of all heads.": heads[0],
                "these are each key's largest weight in any head; wanted the mean of the heads.": heads.max(0),
                "the rows and columns of the window are swapped.": turned,
                "the window's top and left are swapped: record.window(y, x) gives top, left, height, width.": exchanged,
            }
            compare(call(student, record, token), right, "the map", "tokens down, tokens across", mistakes)
    return "in its window, and exactly 0 elsewhere"


@check
def global_on_map(student) -> str:
    """global_on_map(record, token): head-mean global weights, spread over the tokens."""
    for (h, w), g in (((6, 10), 2), ((9, 6), 3), ((7, 5), 2)):
        record = _global_record(h, w, g)
        for token in ((0, 0), (h - 1, w - 1), (4, 1)):
            heads, size = _cell_weights(record, token)
            mean = heads.mean(0)
            mistakes = {
                "each token has its cell's whole weight: share it evenly among the tokens that were averaged.": mean,
                "you added the heads; take their mean, so that the map sums to 1.": heads.sum(0) / size,
                "these are the weights of one head; wanted the mean of all heads.": heads[0] / size,
                "cells at the edge hold fewer tokens: divide by how many are really there, not by G2^2.": mean / g**2,
                "you divided by the sum of the map. Where a cell holds fewer tokens, each of these gets more: divide each cell's weight by "
                "its own number of tokens.": mean / mean.sum(),
                "you divided by the rows of tokens in a cell alone: a cell holds rows times columns.": mean
                / np.bincount(np.arange(h) // g)[np.arange(h) // g][:, None].astype(np.float32),
            }
            compare(call(student, record, token), mean / size, "the map", "tokens down, tokens across", mistakes)
    return "a cell's weight is shared by the tokens in it"


@check
def seam(student) -> str:
    """seam(token, g1): two tokens side by side across the right edge of the token's window."""
    for token, g in (((9, 14), 5), ((3, 5), 4), ((0, 0), 7), ((6, 7), 4), ((2, 11), 3)):
        y, x = token
        edge = next(column for column in range(x, 99) if (column + 1) % g == 0)
        start = edge - g + 1
        pair = several(call(student, token, g), 2, "the token before the edge, and the one beyond it", stacked=True)
        for place in pair:
            if not isinstance(place, tuple | list | Tensor | np.ndarray) or len(place) != 2:
                raise Wrong("each of the two places is (row, column).")
        found = [tuple(float(n) for n in place) for place in pair]
        mistakes = {
            "the two are swapped: first the token before the edge.": [(y, edge + 1), (y, edge)],
            "a place is (row, column): yours are (column, row).": [(edge, y), (edge + 1, y)],
            "both places are in the token's row: only the column differs. Yours lie one above the other.": [(y, edge), (y + 1, edge)],
            "that is one column too far: both of your tokens lie beyond the edge.": [(y, edge + 1), (y, edge + 2)],
            "that is the window's left edge; wanted the right one.": [(y, start - 1), (y, start)],
            "that is the right edge of the first window; wanted that of the token's own.": [(y, g - 1), (y, g)],
            "that is the token and its neighbour; wanted the last token of the window and its neighbour.": [(y, x), (y, x + 1)],
        }
        if found == [(y, edge), (y, edge + 1)]:
            continue
        for message, mistaken in mistakes.items():
            if found == mistaken:
                raise Wrong(message)
        if any(row != y for row, _ in found):
            raise Wrong("a place is (row, column), and both places are in the token's row: only the column differs.")
        if len({column // g for _, column in found}) == 1:
            raise Wrong("both of your tokens lie in one window; wanted one before its right edge and one beyond it.")
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
                "the hops are in the wrong order: a row of the product starts at the token that reads, and the first hop back is the "
                "global one. A_glob Pool comes to the left of (I + A_loc).": (once @ far + once) / 2,
                "the identity is missing: in the local hop a token also keeps itself (Eq. 9).": (far @ a_loc + a_loc) / 2,
                "the hops are not halved: the rows of I + A_loc sum to 2.": far @ (one + a_loc) + one + a_loc,
                "the two paths are added, not averaged: rows sum to 2.": far @ once + once,
                "the two paths are halved twice: `once` is already half of I + A_loc, and the two paths want one more half.": (
                    far @ once + once
                )
                / 4,
                "only the path through the cells is there; the direct one, of A1 itself, is missing (Eq. 14).": far @ once,
                "only half of the path through the cells is there; the direct one, of A1 itself, is missing (Eq. 14).": far @ once / 2,
                "only the direct path is there; the one through the cells is missing.": once,
                "only one of the two paths is halved: both count one half.": far @ once / 2 + once,
                "only the direct path is halved: both count one half.": far @ once + once / 2,
                "the identity is missing on the path through the cells.": (far @ a_loc + once) / 2,
                "the identity is missing on the direct path.": (far @ once + a_loc) / 2,
                "the direct path has lost its local hop: it is `once`, not the identity.": (far @ once + one) / 2,
                "the path through the cells has lost its local hop: the tokens of a cell have first read their windows.": (far + once) / 2,
                "I + A_loc is not halved on one of the two paths.": (far @ (one + a_loc) + once) / 2,
            }.items()
        }
        compare(call(student, a_loc, a_glob, pool), right.astype(np.float32), "the two-hop map", "tokens that read, sources", mistakes)
    return "every path is there, and each row sums to 1"


@check
def two_hop_row(student) -> str:
    """two_hop_row(near, far, token): one row of the two-hop map, from the records of one block whose windows and cells fit badly."""
    for (h, w), g1, g2, token in (((6, 8), 3, 2, (4, 7)), ((7, 5), 3, 2, (6, 0)), ((5, 9), 2, 4, (0, 3)), ((4, 4), 1, 4, (2, 2))):
        near, far = _local_record(h, w, g1), _global_record(h, w, g2)
        row = token[0] * w + token[1]
        tokens = list(itertools.product(range(h), range(w)))
        local = np.stack([_local_rows(near, each).reshape(-1, h * w) for each in tokens], 1)  # [heads, tokens that read, sources]
        heads, size = _cell_weights(far, token)
        cells, even = (heads.mean(0) / size).ravel(), (heads.mean(0) / g2**2).ravel()
        a = local.mean(0)
        own, once = np.eye(h * w, dtype=np.float32)[row], (np.eye(h * w, dtype=np.float32) + a) / 2
        by_head = [((heads[i] / size).ravel() @ ((one + np.eye(h * w)) / 2) + once[row]) / 2 for i, one in enumerate(local)]
        mistakes = {
            "only the direct path is there; the one through the cells is missing.": once[row],
            "only half of the direct path is there; the one through the cells is missing.": once[row] / 2,
            "only the path through the cells is there; the direct one is missing.": cells @ once,
            "only half of the path through the cells is there; the direct one is missing.": cells @ once / 2,
            "the two paths are added, not averaged: the map sums to 2.": cells @ once + once[row],
            "the path through the cells has lost its local hop: the tokens of a cell have first read their own windows.": (
                cells + once[row]
            )
            / 2,
            "the tokens of a cell have read THEIR windows: take each token's own local row, not that of the token that reads.": (
                (cells + own) / 4 + a[row] / 2
            ),
            "the direct path has lost its local hop: half of it comes from the window.": (cells @ once + own) / 2,
            "the residual of Eq. 9 is missing: in the local hop a token also keeps itself.": (cells @ a + a[row]) / 2,
            "the residual of Eq. 9 is missing on the path through the cells.": (cells @ a + once[row]) / 2,
            "the residual of Eq. 9 is missing on the direct path.": (cells @ once + a[row]) / 2,
            "each cell's whole weight went to each of its tokens: share it evenly among them.": (cells * size.ravel() @ once + once[row])
            / 2,
            "cells at the edge hold fewer tokens: divide by how many are really there, not by G2^2.": (even @ once + once[row]) / 2,
            "the heads of the two steps are not partners: take the mean over heads in each step before you multiply.": np.mean(by_head, 0),
        }
        compare(
            call(student, near, far, token),
            two_hop_of(near, far, [token])[0].numpy(),
            "the map",
            "tokens down, tokens across",
            {message: mistaken.reshape(h, w).astype(np.float32) for message, mistaken in mistakes.items()},
        )
    return "equal to hatnet.rollout.two_hop, with windows and cells that do not divide the map"


@check
def rollout(student) -> str:
    """rollout(blocks): attention matrices [n, n], first block first."""
    for n, depth, seed in ((7, 2, 1), (6, 3, 2)):
        blocks = [random_weights(n, n, seed=10 * seed + i) for i in range(depth)]
        # A path takes the residual or the attention of each block; from the token that reads, the last block comes first.
        right, backwards = torch.zeros(n, n), torch.zeros(n, n)
        for taken in itertools.product((False, True), repeat=depth):
            path, other = torch.eye(n), torch.eye(n)
            for block, by_attention in zip(blocks, taken, strict=True):
                path, other = (block @ path, other @ block) if by_attention else (path, other)
            right, backwards = right + path / 2**depth, backwards + other / 2**depth
        bare, reverse, each = blocks[0], blocks[0], [(torch.eye(n) + block) / 2 for block in blocks]
        for block in blocks[1:]:
            bare, reverse = block @ bare, reverse @ block
        product = torch.stack(each).prod(0)
        mistakes = {
            "the identity is missing: half of each token passes through a block by its residual.": bare,
            "the identity is missing, and the blocks are in the wrong order: the last block comes leftmost.": reverse,
            "the residual passes every block: average each block with the identity, not their product.": (torch.eye(n) + bare) / 2,
            "the blocks are in the wrong order: a row starts at the token that reads, so the last block comes leftmost.": backwards,
            "the blocks are not halved: rows must sum to 1.": right * 2**depth,
            "the blocks are not halved, and in the wrong order: the last block comes leftmost.": backwards * 2**depth,
            "blocks follow each other: multiply their matrices, do not average them.": sum(each) / depth,
            "`*` multiplies number by number; matrices are multiplied with `@`.": product,
            "that is the last block alone.": each[-1],
            "that is the first block alone.": each[0],
        }
        compare(
            call(student, blocks),
            right.numpy(),
            "the rollout",
            "tokens that read, sources",
            {text: mistake.numpy() for text, mistake in mistakes.items()},
        )
    return "equal to the sum over all paths through the blocks"


@check
def integrated_gradients(student) -> str:
    """integrated_gradients(forward, image, baseline, target, steps) of logits whose gradients are known: cubic in each pixel.

    With few steps, for then each rule for where the points lie gives numbers of its own.
    """
    for (h, w), steps, dtype, seed in (((3, 5), 3, torch.float32, 0), ((4, 2), 1, torch.float32, 1), ((2, 3), 6, torch.float64, 2)):
        cubes, squares = random(2, 3, h, w, seed=seed).to(dtype), random(2, 3, h, w, seed=seed + 20).to(dtype)
        image, baseline = random(1, 3, h, w, seed=seed + 5).to(dtype), 0.5 + random(1, 3, h, w, seed=seed + 9).to(dtype)
        difference = image - baseline

        def forward(pictures: Tensor, cubes: Tensor = cubes, squares: Tensor = squares) -> Tensor:
            return torch.einsum("kchw,bchw->bk", cubes, pictures**3) + torch.einsum("kchw,bchw->bk", squares, pictures**2)

        def gradient(point: Tensor, logits: slice, cubes: Tensor = cubes, squares: Tensor = squares) -> Tensor:
            return (3 * cubes[logits] * point**2 + 2 * squares[logits] * point).sum(0, keepdim=True)

        def mean(
            *parts: float, start: Tensor = baseline, along: Tensor = difference, logits: slice = slice(1, 2), gradient: Callable = gradient
        ) -> Tensor:
            """The mean gradient at these parts of the way."""
            return sum(gradient(start + part * along, logits) for part in parts) / len(parts)

        middle = [(step + 0.5) / steps for step in range(steps)]
        right, zero = difference * mean(*middle), torch.zeros_like(image)
        all_logits, other_logit = (difference * mean(*middle, logits=kept) for kept in (slice(None), slice(0, 1)))
        ends, beginnings = ([part + shift / steps for part in middle] for shift in (0.5, -0.5))
        mistakes = {
            "the points lie at the end of each step; wanted its middle, (k - 1/2) / n with k from 1, while `step` counts from 0.": (
                difference * mean(*ends)
            ),
            "the points lie at the beginning of each step; wanted its middle, (k - 1/2) / n with k from 1, while `step` counts from 0.": (
                difference * mean(*beginnings)
            ),
            "every point lies half way; wanted another point for each step.": difference * mean(0.5),
            "step + 1/2 over steps wants parentheses: (step + 1/2) / steps.": difference * mean(*(n + 0.5 / steps for n in range(steps))),
            "your points are 1 / (steps + 1) apart; wanted the middles of `steps` equal parts.": (
                difference * mean(*((n + 1) / (steps + 1) for n in range(steps)))
            ),
            "the points move away from the image: the way is image - baseline.": difference * mean(*middle, along=-difference),
            "the path starts at 0: add the baseline.": difference * mean(*middle, start=zero),
            "the path starts at 0: start at the baseline.": difference * mean(*middle, start=zero, along=image),
            "the path is baseline + part * image; its length is image - baseline.": difference * mean(*middle, along=image),
            "the factor before the mean gradient is the image; it should be image - baseline.": image * mean(*middle),
            "the baseline is missing: the path starts there, and its length is image - baseline.": image
            * mean(*middle, start=zero, along=image),
            "that is the mean gradient: multiply it by image - baseline.": mean(*middle),
            "that is the gradient at the image alone: take the mean along the path.": difference * mean(1.0),
            "that is the gradient at the baseline alone: take the mean along the path.": difference * mean(0.0),
            "the gradients are added, not averaged: divide by the number of steps.": steps * right,
            "the gradient is that of all logits: take the target's alone.": all_logits,
            "the gradient is that of another logit: take the target's.": other_logit,
            "the sign is wrong: multiply by image - baseline.": -right,
            "the channels are averaged: add them up.": right / 3,
            "the sign is gone: a pixel may speak against the class.": right.abs(),
        }
        got = call(student, forward, image, baseline, 1, steps)
        if isinstance(got, Tensor) and got.shape in ((3, h, w), (1, 3, h, w)):
            raise Wrong(
                f"the map has shape {tuple(got.shape)}; wanted one number for each pixel, {(h, w)}: add up the channels of the one image."
            )
        named = {message: mistaken[0].sum(0).numpy() for message, mistaken in mistakes.items()}
        if isinstance(got, Tensor) and got.dtype == torch.float32 and dtype == torch.float64:
            raise Wrong("your map is float32 where the image is float64: make new tensors in the type of the image.")
        compare(got, right[0].sum(0).numpy(), "the map", "pixels down, pixels across", named, dtype=dtype)
    return "the mean gradient along the path, times its length"


@check
def grad_cam(student) -> str:
    """grad_cam(features, head, target), where the head's gradient is known."""
    for (c, h, w), seed in (((5, 3, 7), 0), ((3, 4, 2), 1)):
        features, weights = random(1, c, h, w, seed=seed), random(2, c, h, w, seed=seed + 3)

        def head(x: Tensor, weights: Tensor = weights) -> Tensor:
            return torch.einsum("kchw,bchw->bk", weights, x)

        part, x = weights[1], features[0]  # the gradient of logit 1, everywhere
        of_channel = part.mean((1, 2), keepdim=True)
        right = (of_channel * x).sum(0)
        mistakes = {
            "gradient and features are multiplied token by token; Grad-CAM weighs a channel by its mean gradient over all tokens.": (
                part * x
            ).sum(0),
            "the mean is over channels; take it over tokens, one weight for each channel.": part.mean(0) * x.sum(0),
            "one number weighs all channels; take a mean for each of them, over the tokens alone.": part.mean() * x.sum(0),
            "the gradients are added over the tokens; Grad-CAM takes their mean.": right * h * w,
            "the channels are averaged at the end; add them up.": right / c,
            "the features are missing: weigh them with the mean gradients.": of_channel.sum(0).expand(h, w),
            "the weights have lost their sign: a channel may speak against the class.": (of_channel.abs() * x).sum(0),
            "channels that speak against the class are left out: keep their sign.": (of_channel.clamp(min=0) * x).sum(0),
            "the map is clipped at 0; do not clip it here, so that tokens that speak against the class can be ranked too.": right.clamp(
                min=0
            ),
            "the map is divided by its largest value; leave its numbers as they are.": right / right.max(),
            "the gradient is that of all logits: take the target's alone.": (weights.sum(0).mean((1, 2), keepdim=True) * x).sum(0),
        }
        got = call(student, features, head, 1)
        named = {message: mistaken.numpy() for message, mistaken in mistakes.items()}
        compare(got, right.numpy(), "the map", "tokens down, tokens across", named)
    return "one weight for each channel, and no hook on the model"


@check
def deletion(student) -> str:
    """deletion(forward, image, target, importance, steps), on a model whose logits follow from the sum of the cells that are left."""
    for rows, columns, side, steps in ((4, 6, 2, 6), (3, 5, 4, 5)):
        image = 0.5 + random(1, 3, rows * side, columns * side, seed=rows).abs()
        importance = random(rows, columns, seed=side).numpy()
        scale = image.sum().item() / 4
        slopes = np.array([0.5, 1.0, -0.6, 1.2])  # of the logits; the target, 1, is not always the largest

        def forward(pictures: Tensor, scale: float = scale, slopes: np.ndarray = slopes) -> Tensor:
            left = pictures.flatten(1).sum(1) / scale
            return torch.stack([(2 if slope == slopes[0] else 0) + slope * left for slope in slopes.tolist()], 1)

        cells = [image[..., y : y + side, x : x + side].sum() for y in range(0, rows * side, side) for x in range(0, columns * side, side)]
        cells = torch.stack(cells).numpy() / scale
        best = np.argsort(-importance.ravel(), kind="stable")
        ends = [round(step / steps * rows * columns) for step in range(steps + 1)]

        def logits(left: list[float], slopes: np.ndarray = slopes) -> np.ndarray:
            return np.array([2, 0, 0, 0])[:, None] + slopes[:, None] * np.array(left)

        def probabilities(left: list[float]) -> np.ndarray:
            return (np.exp(logits(left)) / np.exp(logits(left)).sum(0)).astype(np.float32)

        def after(order: np.ndarray, cells: np.ndarray = cells, ends: list[int] = ends) -> list[float]:
            return [cells[order[end:]].sum() for end in ends]

        left = after(best)
        right = probabilities(left)[1]
        got = call(student, forward, image, 1, importance, steps)
        try:
            got = torch.as_tensor(np.asarray([scalar(value) for value in got], dtype=np.float32))
        except (TypeError, ValueError):
            raise Wrong(f"the curve is not a list of numbers; wanted {steps + 1} probabilities, one for each step.") from None
        mistakes = {
            "the least important cells go first: sort from high to low.": probabilities(after(best[::-1]))[1],
            "cells that speak against the class go early: sort by the importance itself, not by its size without the sign.": probabilities(
                after(np.argsort(-np.abs(importance).ravel()))
            )[1],
            "the cells go in reading order: sort them by their importance.": probabilities(after(np.arange(rows * columns)))[1],
            "those are the ranks of the cells; wanted the cells' numbers in the order of their importance: sort once.": probabilities(
                after(np.argsort(np.argsort(-importance.ravel())))
            )[1],
            "that is insertion: cells come back. Start from the whole picture and take cells away.": probabilities(
                [cells[best[:end]].sum() for end in ends]
            )[1],
            "the cells of earlier steps come back: what is gone stays gone.": probabilities(
                [cells.sum() - cells[best[start:end]].sum() for start, end in zip([0, *ends[:-1]], ends, strict=True)]
            )[1],
            "these are logits; wanted the probability of the class.": logits(left)[1].astype(np.float32),
            "these are logarithms of the probabilities: softmax, not log_softmax.": np.log(right),
            "these are the logits' sigmoids; the probabilities of several classes are their softmax.": (
                1 / (1 + np.exp(-logits(left)[1]))
            ).astype(np.float32),
            "every point is 1: the softmax goes over the classes, not over the batch of one image.": np.ones(steps + 1, np.float32),
            "that is the probability of the most likely class; wanted that of `target`.": probabilities(left).max(0),
            "that is the probability of class 0; wanted that of `target`.": probabilities(left)[0],
            "the curve begins after the first cells are gone; its first point is the whole picture.": right[1:],
            "those are percentages; wanted probabilities from 0 to 1.": 100 * right,
        }
        compare(got, right, "the curve", f"{steps + 1} probabilities, from the whole picture to none of it", mistakes)
    return "the most important cells go first, and stay away"
