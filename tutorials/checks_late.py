"""Checks of notebooks 5 to 7: against what torch counts, against slow loops, and against models whose answer is known.

Axes as in `hatnet/attention.py`.
"""

import itertools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import hatnet
from hatnet import cards, complexity
from hatnet.attention import HMHSA, MHSA
from hatnet.data import IGNORED
from hatnet.geometry import Layout, layout_of
from hatnet.maps import AttentionMap
from hatnet.norms import group_norm
from hatnet.timing import Measured
from tutorials.checking import Wrong, ask, check, compare, number, random, several

# Notebook 5. What a step costs is counted by torch, on matrices of the right shapes.

SHAPES = ((5, 7, 6), (3, 11, 10), (13, 2, 22))  # h, w, c
GRIDS = ((9, 15, 10, 3, 3), (6, 10, 14, 2, 2), (12, 6, 22, 3, 2), (8, 20, 6, 2, 4))  # h, w, c, g1, g2, without a remainder


def _macs(run: Callable[[], object]) -> int:
    """Multiply-accumulates of the matrix products in run()."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return counter.get_total_flops() // 2


@check
def mhsa_cost(student) -> str:
    """Eq. 5: mhsa_cost(h, w, c)."""
    for h, w, c in SHAPES:
        n, layer = h * w, MHSA(c, c // 2, group_norm)
        right = _macs(lambda layer=layer, h=h, w=w, c=c: layer(torch.zeros(1, c, h, w), explicit=True)) - n * c * c
        number(
            ask(student, h, w, c),
            right,
            "the cost of MHSA",
            {
                "you counted one product of tokens with tokens; there are two: Q with K, and the weights with V.": 3 * n * c**2 + n * n * c,
                "you counted one projection; Q, K and V each need one.": n * c**2 + 2 * n * n * c,
                "you counted W^p too; Eq. 5 leaves it out.": 4 * n * c**2 + 2 * n * n * c,
                "HW is not squared in your products: every token asks every token.": 3 * n * c**2 + 2 * n * c,
                "C is squared in your products: a query and a key are multiplied once per channel.": 3 * n * c**2 + 2 * n * n * c**2,
                "C is not squared in your projections: each output channel reads all C input channels.": 3 * n * c + 2 * n * n * c,
                "you counted FLOPs; a multiply-accumulate is one MAC, and two FLOPs.": 2 * right,
            },
        )
    return "as many as torch counts in a real layer, on three shapes"


@check
def local_cost(student) -> str:
    """The local half of Eq. 15: local_cost(h, w, c, g1) -> projections, products."""
    for h, w, c, g, _ in GRIDS:
        n, window, per = h * w, torch.zeros(g * g, c), (h // g) * (w // g)
        projections, products = several(ask(student, h, w, c, g), 2, "projections and products")
        matrix = torch.zeros(c, c)
        number(
            projections,
            3 * per * _macs(lambda window=window, matrix=matrix: window @ matrix),
            "the cost of the projections",
            {
                "you counted one projection; Q1, K1 and V1 each need one.": n * c**2,
                "you counted W^p too; Eq. 15 leaves it out.": 4 * n * c**2,
                "C is not squared in your projections: each output channel reads all C input channels.": 3 * n * c,
                "you counted the projections of one window; all windows have them.": 3 * g * g * c**2,
                "G1 does not matter to the projections: every token has one query, one key and one value.": 3 * n * g * g * c**2,
            },
        )
        number(
            products,
            2 * per * _macs(lambda window=window: window @ window.T),
            "the cost of the products",
            {
                "the factor 2 is missing: there are two products, Q1 with K1, and the weights with V1.": n * g**2 * c,
                "HW is squared in your local products: a token asks the G1 x G1 tokens of its window, not the whole map.": 2 * n * n * c,
                "HW and G1 are both squared: count G1^2 keys for each of HW tokens.": 2 * n * n * g**2 * c,
                "G1 is not squared: a window of side G1 holds G1 x G1 keys.": 2 * n * g * c,
                "you counted one window; there are HW / G1^2 of them.": 2 * g**4 * c,
                "you counted every window with the queries of the whole map; a window has only its own G1 x G1.": 2 * per * n * g * g * c,
                "you counted a query for each window, not for each token.": 2 * per * g * g * c,
                "C is squared in your products: a query and a key are multiplied once per channel.": 2 * n * g**2 * c**2,
            },
        )
    return "each window costs what torch counts in it"


@check
def global_cost(student) -> str:
    """The global half of Eq. 15: global_cost(h, w, c, g2) -> projections, products."""
    for h, w, c, _, g in GRIDS:
        n, cells = h * w, (h // g) * (w // g)
        rows, keys, matrix = torch.zeros(n, c), torch.zeros(cells, c), torch.zeros(c, c)
        projections, products = several(ask(student, h, w, c, g), 2, "projections and products")
        number(
            projections,
            _macs(lambda rows=rows, matrix=matrix: rows @ matrix) + 2 * _macs(lambda keys=keys, matrix=matrix: keys @ matrix),
            "the cost of the projections",
            {
                "you forgot K2 and V2: each pooled cell is multiplied by two C x C matrices.": n * c**2,
                "you forgot V2: a pooled cell has a key and a value.": (n + cells) * c**2,
                "K2 and V2 are made from the pooled cells, HW / G2^2 of them, not from all tokens.": 3 * n * c**2,
                "queries are not pooled: every token has its own Q2.": 3 * cells * c**2,
                "you counted W^p too; Eq. 15 leaves it out.": (2 * n + 2 * cells) * c**2,
                "G2 is not squared: a cell of side G2 holds G2 x G2 tokens.": n * c**2 + 2 * n / g * c**2,
                "K2 and V2 lack a C: a cell's C channels are multiplied by a C x C matrix.": n * c**2 + 2 * cells * c,
            },
        )
        number(
            products,
            _macs(lambda rows=rows, keys=keys: rows @ keys.T) + _macs(lambda n=n, keys=keys, cells=cells: torch.zeros(n, cells) @ keys),
            "the cost of the products",
            {
                "the factor 2 is missing: there are two products, Q2 with K2, and the weights with V2.": n * cells * c,
                "G2 is not squared: a cell of side G2 holds G2 x G2 tokens.": 2 * n * n / g * c,
                "G2 is squared twice: cells are the keys alone, and every token asks.": 2 * cells * cells * c,
                "you left the pooling out: the keys are HW / G2^2 cells, not all tokens.": 2 * n * n * c,
                "HW is not squared: each of HW tokens asks all HW / G2^2 cells.": 2 * cells * c,
                "C is squared in your products: a query and a key are multiplied once per channel.": 2 * n * cells * c**2,
            },
        )
    return "K and V pay for the cells, Q and the products for every token"


@check
def hmhsa_cost(student) -> str:
    """Eq. 15: hmhsa_cost(h, w, c, g1, g2)."""
    for h, w, c, g1, g2 in GRIDS:
        n, layer = h * w, HMHSA(c, c // 2, group_norm)
        x = torch.zeros(1, c, h, w)
        right = _macs(lambda layer=layer, x=x, g1=g1, g2=g2: layer(x, g1, g2, explicit=True)) - n * c * c
        local, pooled = n * c * (4 * c + 2 * g1**2), 2 * n / g2**2 * c * (c + n)
        number(
            ask(student, h, w, c, g1, g2),
            right,
            "Eq. 15",
            {
                "the factor 2 of the global part is missing.": local + pooled / 2,
                "the factor 2 before G1^2 is missing: there are two products.": n * c * (4 * c + g1**2) + pooled,
                "G2 is not squared: a cell of side G2 holds G2 x G2 tokens.": local + 2 * n / g2 * c * (c + n),
                "G1 is not squared: a window of side G1 holds G1 x G1 keys.": n * c * (4 * c + 2 * g1) + pooled,
                "one projection of every token is missing: count Q2 too.": n * c * (3 * c + 2 * g1**2) + pooled,
                "HW is squared in your local part.": n * n * c * (4 * c + 2 * g1**2) + pooled,
                "you forgot the C of K2 and V2 in the last bracket: the cells have projections too.": local + 2 * n / g2**2 * c * n,
                "you counted W^p too; Eq. 15 leaves it out.": right + n * c**2,
                "G1 and G2 have changed places.": n * c * (4 * c + 2 * g2**2) + 2 * n / g1**2 * c * (c + n),
            },
        )
    return "Eq. 15 is what torch counts in a real layer, less W^p"


@check
def counted_macs(student) -> str:
    """counted_macs(layer, x, g1, g2): torch's count of a layer, in MACs."""
    for h, w, c, g1, g2 in (*GRIDS[:2], (7, 11, 6, 3, 2), (5, 9, 10, 4, 5)):
        layer, x = HMHSA(c, c // 2, group_norm).eval(), random(1, c, h, w)
        parts = complexity.attention_macs(layer, h, w, c, g1, g2)
        fused = sum(macs for part, macs in parts.items() if not part.endswith("products"))
        number(
            ask(student, layer, x, g1, g2),
            sum(parts.values()),
            "your count",
            {
                "the products are missing: torch sees nothing inside the fused kernel. Call the layer with explicit=True.": fused,
                "you counted FLOPs, not MACs: a multiply-accumulate is two FLOPs.": 2 * sum(parts.values()),
                "you counted FLOPs, and without the products: halve, and call the layer with explicit=True.": 2 * fused,
                "that is the formula; run the layer and count.": complexity.hmhsa(h, w, c, g1, g2),
                "that is the formula; run the layer and count. ": complexity.hmhsa(h, w, c, g1, g2) + h * w * c * c,
            },
        )
    return "every product is counted, once"


@check
def best_common_grid(student) -> str:
    """best_common_grid(h, w, c): the cheapest G = G1 = G2."""
    for h, w, c in ((56, 56, 48), (28, 31, 97), (13, 17, 241), (7, 40, 11)):
        low, high = 1.0, float(h * w)
        for _ in range(200):  # the curve falls, then rises: keep the third that holds its lowest point
            a, b = low + (high - low) / 3, high - (high - low) / 3
            if complexity.hmhsa(h, w, c, a, a) < complexity.hmhsa(h, w, c, b, b):
                high = b
            else:
                low = a
        number(
            ask(student, h, w, c),
            low,
            "the cheapest G",
            {
                "that is a square root: where the two parts are equal, which power of G stands alone?": math.sqrt(h * w + c),
                "that is a power of G, not G: one root is missing.": h * w + c,
                "you forgot C: the last bracket of Eq. 15 holds two terms.": (h * w) ** 0.25,
                "C and HW stand in one bracket as a sum; you multiplied them.": (h * w * c) ** 0.25,
                "a factor 2 is left over: both parts have one.": (2 * (h * w + c)) ** 0.25,
            },
        )
    return "no other G is cheaper: a search over all of them agrees"


@check
def two_conventions(student) -> str:
    """two_conventions(model, images): MACs as the paper counts them, and what it leaves out."""
    for name, size in (("hatnet_compact", (32, 47)), ("hatnet_tiny", (64, 96))):
        model = hatnet.create_model(name, 10).eval()
        right = complexity.count(model, size)
        linear, products = several(ask(student, model, random(1, 3, *size)), 2, "the paper's count, and what it leaves out")
        number(
            linear,
            right.conv_linear,
            "the paper's count",
            {
                "the attention products are still in it: they are torch's bmm.": right.total,
                "you counted FLOPs, not MACs: a multiply-accumulate is two FLOPs.": 2 * right.conv_linear,
                "the two are exchanged: first what the paper counts.": right.attention,
            },
        )
        number(
            products,
            right.attention,
            "what is left out",
            {
                "torch sees nothing inside the fused kernel: run the model with explicit=True.": 0,
                "you counted FLOPs, not MACs: a multiply-accumulate is two FLOPs.": 2 * right.attention,
            },
        )
    return "both conventions, from one run"


@check
def crossover(student) -> str:
    """crossover(c, g1, g2): from how many tokens Eq. 15 is below Eq. 5."""
    for c, g1, g2 in ((48, 8, 8), (97, 7, 4), (241, 7, 2), (13, 3, 5)):
        low, high = 0.0, 1e9
        for _ in range(200):
            middle = (low + high) / 2
            if complexity.hmhsa(middle, 1, c, g1, g2) < complexity.mhsa(middle, 1, c):
                high = middle
            else:
                low = middle
        less = 2 - 2 / g2**2
        number(
            ask(student, c, g1, g2),
            low,
            "the number of tokens",
            {
                "that is the side of the map; wanted tokens, its square.": math.sqrt(low),
                "Eq. 5 has 3C already, so that of 4C only one C is left over.": (c * (4 + 2 / g2**2) + 2 * g1**2) / less,
                "the local products are missing: 2 G1^2.": c * (1 + 2 / g2**2) / less,
                "K2 and V2 of the cells are missing: 2 C / G2^2.": (c + 2 * g1**2) / less,
                "the global products are missing: they grow with HW squared too, only slower.": (c * (1 + 2 / g2**2) + 2 * g1**2) / 2,
            },
        )
    if ask(student, 48, 8, 1) not in (None, math.inf):
        raise Wrong("with G2 = 1 nothing is pooled and Eq. 15 is never below Eq. 5: give math.inf.")
    return "below it Eq. 5 is smaller, above it Eq. 15"


@check
def overtakes(student) -> str:
    """overtakes(found): the side from which on H-MHSA is faster beyond the spread."""

    def made(*pairs: tuple[float, float, float, float]) -> dict[int, dict[str, Measured]]:
        names = ("H-MHSA", "MHSA")
        return {
            side: {name: Measured(name, pair[2 * i], pair[2 * i + 1], 0) for i, name in enumerate(names)}
            for side, pair in zip((8, 14, 28, 56), pairs, strict=True)
        }

    sure = made((2, 0.1, 1, 0.1), (2, 0.2, 2.15, 0.2), (3, 0.2, 9, 0.5), (4, 0.2, 40, 2))
    if (got := ask(student, sure)) != 28:
        raise Wrong(
            {
                14: "at one side the medians differ, but by less than the spread: that is not faster yet.",
                28**2: "wanted the side of the map, not its tokens.",
                56: "that is the last side; wanted the first one from which on H-MHSA is faster.",
                8: "H-MHSA and MHSA are exchanged, or every side counts: the fewer milliseconds, the faster.",
            }.get(got, "on a first table of times your answer is wrong: compare the two sides by side, from small to large.")
        )
    back = made((1, 0.1, 2, 0.1), (2, 0.1, 1, 0.1), (3, 0.2, 9, 0.5), (4, 0.2, 40, 2))
    if student(back) == 8:
        raise Wrong("a side counts only if H-MHSA stays faster at all larger ones: here it was ahead once, and fell back.")
    never = made(*[(2, 0.1, 1, 0.1)] * 4)
    if student(back) != 28 or student(never) is not None:
        raise Wrong("where H-MHSA is never faster, give None; otherwise the first side from which on it stays faster.")
    return "only a lead beyond the spread counts, and only one that lasts"


# Notebook 6. Maps whose weights are drawn here, and loops that look every weight up by itself.


def _record(kind: str, layout: Layout, weights: Tensor, g1: int, g2: int) -> AttentionMap:
    heads = weights.shape[1]
    return AttentionMap(stage=2, block=0, kind=kind, g1=g1, g2=g2, heads=heads, images=1, layout=layout, rows={}, weights=weights)


def _rows(*shape: int, seed: int = 0) -> Tensor:
    """Random weights whose last axis sums to 1."""
    return (2 * random(*shape, seed=seed)).softmax(-1)


@check
def local_on_map(student) -> str:
    """local_on_map(record, token): head-mean local weights on the whole grid."""
    for (h, w), g in (((6, 10), 2), ((9, 6), 3), ((7, 5), 3)):
        gh, gw = -(-h // g), -(-w // g)
        weights = _rows(gh * gw, 2, g * g, g * g).view(gh, gw, 2, g, g, g, g)
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
                "the weights lie in the top left corner: put them where the window lies, window(y, x) says where.": corner,
                "you added the heads; take their mean, so that the map sums to 1.": 2 * right,
            }
            if patch.shape[0] == patch.shape[1]:
                turned = np.zeros_like(right)
                turned[top : top + patch.shape[0], left : left + patch.shape[1]] = patch.T
                mistakes["the window's rows and columns are exchanged."] = turned
            compare(ask(student, record, token), right, "the map", "tokens down, tokens across", mistakes)
    return "in its window, and exactly 0 elsewhere"


@check
def global_on_map(student) -> str:
    """global_on_map(record, token): head-mean global weights, spread over the tokens."""
    for (h, w), g in (((6, 10), 2), ((9, 6), 3), ((7, 5), 2)):
        rows, columns = -(-h // g), -(-w // g)
        weights = _rows(1, 3, h * w, rows * columns, seed=1)
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
            compare(
                ask(student, record, token),
                right,
                "the map",
                "tokens down, tokens across",
                {
                    "each token has its cell's whole weight: share it evenly among the tokens that were averaged.": whole,
                    "you added the heads; take their mean, so that the map sums to 1.": 3 * right,
                    "cells at the edge hold fewer tokens: divide by how many are really there, not by G2^2.": even,
                },
            )
    return "a cell's weight is shared by the tokens in it"


@check
def seam(student) -> str:
    """seam(token, g1): two tokens side by side across the right edge of the token's window."""
    for token, g in (((3, 5), 4), ((0, 0), 7), ((9, 14), 5), ((6, 7), 4)):
        edge = next(x for x in range(token[1], 99) if (x + 1) % g == 0)
        pair = several(ask(student, token, g), 2, "the token before the edge, and the one behind it")
        found = [tuple(int(n) for n in place) for place in pair]
        if found == [(token[0], edge), (token[0], edge + 1)]:
            continue
        if found == [(token[0], edge + 1), (token[0], edge)]:
            raise Wrong("the two are exchanged: first the token before the edge.")
        if all(place[1] // g == token[1] // g for place in found):
            raise Wrong("both of your tokens lie in one window; wanted one before its right edge and one behind it.")
        if {place[0] for place in found} != {token[0]}:
            raise Wrong("a place is (row, column), and the two stand in the token's row: only the column differs.")
        raise Wrong("your tokens are not the two neighbours at the right edge of the token's window.")
    return "neighbours, and in two windows"


@check
def two_hop(student) -> str:
    """two_hop(a_loc, a_glob, pool)."""
    for n, m, seed in ((6, 2, 0), (12, 3, 1), (10, 5, 2)):
        a_loc, a_glob = _rows(n, n, seed=seed), _rows(n, m, seed=seed + 10)
        pool = torch.zeros(m, n)
        for cell in range(m):
            pool[cell, cell * n // m : (cell + 1) * n // m] = m / n
        right = np.zeros((n, n))
        for query, source in itertools.product(range(n), range(n)):
            near = [(1.0 if via == source else 0.0) / 2 + a_loc[via, source].item() / 2 for via in range(n)]  # via's own step
            right[query, source] = near[query] / 2
            for cell, via in itertools.product(range(m), range(n)):
                right[query, source] += a_glob[query, cell].item() * pool[cell, via].item() * near[via] / 2
        one = torch.eye(n)
        far, once = a_glob @ pool, (one + a_loc) / 2
        compare(
            ask(student, a_loc, a_glob, pool),
            right.astype(np.float32),
            "the two-hop map",
            "queries, sources",
            {
                message: mistaken.numpy()
                for message, mistaken in {
                    "the hops are in the wrong order: a row of the product starts at the query, whose first step back is the global one. "
                    "A_glob Pool stands left of (I + A_loc).": (once @ far + once) / 2,
                    "the identity is missing: on the local step a token also keeps itself (Eq. 9).": (far @ a_loc + a_loc) / 2,
                    "the steps are not halved: I + A_loc has rows that sum to 2.": far @ (one + a_loc) + one + a_loc,
                    "the two paths are added, not averaged: rows sum to 2.": far @ once + once,
                    "only the path through the cells is there; the direct one, of A1 itself, is missing (Eq. 14).": far @ once,
                    "only the direct path is there; the one through the cells is missing.": once,
                    "the identity is missing on the way through the cells.": (far @ a_loc + once) / 2,
                    "I + A_loc is not halved on one of the two paths.": (far @ (one + a_loc) + once) / 2,
                }.items()
            },
        )
    return "every path is there, and each row sums to 1"


@check
def rollout(student) -> str:
    """rollout(blocks): attention matrices [n, n], first block first."""
    for n, depth, seed in ((5, 1, 0), (7, 2, 1), (6, 3, 2)):
        blocks = [_rows(n, n, seed=10 * seed + i) for i in range(depth)]
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
            "the identity is missing: half of each token passes a block by its residual.": bare,
            "the blocks are in the wrong order: a row starts at the query, behind the last block, so that one stands leftmost.": backwards,
            "the steps are not halved: rows must sum to 1.": right * 2**depth,
        }
        if depth > 1:
            mistakes["blocks follow each other: multiply their matrices, do not average them."] = sum(
                (torch.eye(n) + block) / 2 for block in blocks
            ) / len(blocks)
        compare(
            ask(student, blocks),
            right.numpy(),
            "the rollout",
            "queries, sources",
            {text: mistake.numpy() for text, mistake in mistakes.items()},
        )
    return "as the sum over all ways through the blocks"


@check
def integrated_gradients(student) -> str:
    """integrated_gradients(forward, image, baseline, target, steps), where the integral is known: parabolas."""
    for (h, w), seed in (((3, 5), 0), ((4, 2), 1)):
        curve = random(2, 3, h, w, seed=seed)
        image, baseline = random(1, 3, h, w, seed=seed + 5), 0.5 + random(1, 3, h, w, seed=seed + 9)

        def forward(pictures: Tensor, curve: Tensor = curve) -> Tensor:
            return torch.stack([(weights * pictures**2).flatten(1).sum(1) for weights in curve], 1)

        target, kept = 1, curve[1]
        got = ask(student, forward, image, baseline, target, 200)
        if isinstance(got, Tensor) and got.ndim in (3, 4):
            raise Wrong(f"the map has shape {tuple(got.shape)}; wanted one number a pixel, {(h, w)}: add up the channels of the one image.")
        right = (kept * (image**2 - baseline**2))[0].sum(0)

        def far(answer: Tensor, mistaken: Tensor) -> bool:
            return answer.shape != mistaken.shape or (answer - mistaken).abs().max() > 0.02 * mistaken.abs().max()

        if not isinstance(got, Tensor) or far(got, right):
            mistakes = {
                "the way starts at 0: add the baseline.": kept * (image - baseline) ** 2,
                "the way starts at 0: start at the baseline.": kept * (image - baseline) * image,
                "the factor before the mean gradient is the image; it is the way, image - baseline.": kept * (image + baseline) * image,
                "there is no baseline in it: the way starts there, and is image - baseline long.": kept * image**2,
                "that is the mean gradient: multiply by the way, image - baseline.": kept * (image + baseline),
                "that is the gradient at the image alone: take the mean along the way.": 2 * kept * image * (image - baseline),
                "the gradients are added, not averaged: divide by the steps.": 200 * kept * (image**2 - baseline**2),
                "the gradient is that of all logits: take the target's alone.": curve.sum(0) * (image**2 - baseline**2),
                "the sign is turned: the way goes from the baseline to the image.": kept * (baseline**2 - image**2),
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
        compare(
            ask(student, features, head, 1),
            right.numpy(),
            "the map",
            "tokens down, tokens across",
            {
                "gradient and features are multiplied token by token; Grad-CAM weighs a channel by its mean gradient over all tokens.": (
                    part * features[0]
                )
                .sum(0)
                .numpy(),
                "the mean is over channels; take it over tokens, one weight for each channel.": (part.mean(0) * features[0].sum(0)).numpy(),
                "the gradients are added over the tokens; Grad-CAM takes their mean.": (right * h * w).numpy(),
                "the channels are averaged at the end; add them up.": (right / c).numpy(),
                "the map is cut at 0; here it is wanted without the cut, so that tokens against the class can be ranked too.": right.clamp(
                    min=0
                ).numpy(),
                "the gradient is that of all logits: take the target's alone.": (weights.sum(0).mean((1, 2), keepdim=True) * features[0])
                .sum(0)
                .numpy(),
            },
        )
        if features.requires_grad:
            raise Wrong("your function changed the features that it was given: detach them first, and ask for the gradient of the copy.")
    return "one weight for each channel, and no hook on the model"


@check
def deletion(student) -> str:
    """deletion(forward, image, target, importance, steps), on a model that adds up the cells that are left."""
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
        got = ask(student, forward, image, 0, importance, steps)
        got = torch.as_tensor(np.asarray(got.detach() if isinstance(got, Tensor) else got, dtype=np.float32))
        compare(
            got,
            probabilities(left),
            "the curve",
            f"{steps + 1} probabilities, from the whole picture to none of it",
            {
                "the least important cells go first: sort from high to low.": probabilities(
                    [cells[best[::-1][end:]].sum() for end in ends]
                ),
                "that is insertion: cells come back. Start from the whole picture and take away.": probabilities(
                    [cells[best[:end]].sum() for end in ends]
                ),
                "the cells of earlier steps come back: what is gone stays gone.": probabilities(
                    [cells.sum() - cells[best[start:end]].sum() for start, end in zip([0, *ends[:-1]], ends, strict=True)]
                ),
                "these are logits; wanted the probability of the class.": np.array(left, np.float32),
                "the curve begins after the first step: its first point is the whole picture.": probabilities(left[1:]),
            },
        )
    return "the most important cells go first, and stay away"


# Notebook 7. The cards, and models so simple that their answer is known.


@check
def card_loss(student) -> str:
    """card_loss(logits, labels, weights)."""
    for count, seed in ((3, 0), (7, 1)):
        drawn = cards.draw(count, torch.Generator().manual_seed(seed), full=0.4)
        logits = random(count, 4, 4, 4, seed=seed)
        values = logits.numpy().astype(np.float64)
        single = np.zeros((count, 4, 4))
        for b, y, x in itertools.product(range(count), range(4), range(4)):
            if (label := drawn.labels[b, y, x].item()) != IGNORED:
                single[b, y, x] = np.log(np.exp(values[b, :, y, x]).sum()) - values[b, label, y, x]
        weighted = (single * drawn.weights.numpy()).sum()
        asked = (drawn.labels != IGNORED).numpy().sum()
        number(
            ask(student, logits, drawn.labels, drawn.weights),
            np.float32(weighted / count).item(),
            "the loss",
            {
                "every asked place counts alike: use the weights, half an image's for its asker.": single.sum() / asked,
                "divide by the number of images, not by the number of places.": weighted / (16 * count),
                "that is the sum over all images; take the mean.": weighted,
                "the weights are missing.": single.sum() / count,
                "divide by the number of images, not by the number of asked places.": weighted / asked,
            },
        )
    return "half for the asker, half for the cards"


@check
def questions(student) -> str:
    """questions(predicted, labels): the parts that are right, of the askers and of the cards."""
    for count, seed in ((40, 0), (90, 1)):
        labels = cards.draw(count, torch.Generator().manual_seed(seed), full=0.3).labels
        predicted = torch.randint(0, 4, labels.shape, generator=torch.Generator().manual_seed(seed))
        predicted[:, 0, 0] = torch.where(torch.arange(count) % 3 > 0, labels[:, 0, 0], predicted[:, 0, 0])
        right = asked = asker = 0
        for b, y, x in itertools.product(range(count), range(4), range(4)):
            hit = (predicted[b, y, x] == labels[b, y, x]).item()
            if (y, x) == (0, 0):
                asker += hit
            elif labels[b, y, x] != IGNORED:
                asked, right = asked + 1, right + hit
        far, near = several(ask(student, predicted, labels), 2, "the global accuracy and the local one")
        exchanged = "the two are exchanged: first the asker's, the global question."
        places = labels.numel() - count
        number(_item(far), asker / count, "the global accuracy", {exchanged: right / asked})
        number(
            _item(near),
            right / asked,
            "the local accuracy",
            {
                "places without a card count as wrong: leave out labels that are IGNORED.": right / places,
                "the asker is among the cards: leave cell (0, 0) out.": (right + asker) / (asked + count),
                "the asker is among the cards, and places without one count as wrong.": (right + asker) / labels.numel(),
            },
        )
    return "each question by itself"


@check
def pointing(student) -> str:
    """pointing(mass, marked): for each head, how often its largest share lies on the marked card."""
    for count, heads, seed in ((50, 3, 0), (31, 2, 1)):
        mass, marked = _rows(count, heads, 16, seed=seed), torch.randint(0, 16, (count,), generator=torch.Generator().manual_seed(seed))
        for b in range(count):
            if b % 3:
                mass[b, 0, marked[b]] = 1.0
        hits = np.zeros(heads, np.float32)
        shares = np.zeros(heads, np.float32)
        for b, head in itertools.product(range(count), range(heads)):
            row = mass[b, head].tolist()
            hits[head] += row.index(max(row)) == marked[b].item()
            shares[head] += row[marked[b].item()]
        together = sum(mass[b].mean(0).argmax() == marked[b] for b in range(count)) / count
        compare(
            ask(student, mass, marked),
            hits / count,
            "the score",
            "one number for each head",
            {
                "that is how much the heads give to the marked card; wanted how often it gets the most.": shares / count,
                "one score for each head is wanted, not of their mean.": np.float32(together),
                "these are counts; wanted a part of the images.": hits,
            },
        )
    return "for each head, how often it points at the marked card"


class _Reader:
    """Logits [b, 4, 4, 4] that follow from known pixels: the asker's from one patch, all others from the whole image."""

    def __init__(self, top: int, left: int):
        self.top, self.left = top, left

    def __call__(self, images: Tensor) -> Tensor:
        patch = images[:, :, self.top : self.top + 12, self.left : self.left + 12].flatten(1)
        slopes = torch.tensor([1.0, -3.0, 0.5, 0.25])
        logits = images.flatten(1).sum(1)[:, None, None, None].repeat(1, 4, 4, 4)
        logits[:, :, 0, 0] = patch.sum(1, keepdim=True) * slopes
        return logits


@check
def far_change(student) -> str:
    """far_change(model, images, other): the largest change of the asker's logits when all pixels but its own are replaced."""
    images, other = (random(5, 3, 48, 48, seed=seed) for seed in (0, 1))
    before = images.clone()
    near = _item(ask(student, _Reader(0, 0), images, other))
    if not torch.equal(images, before):
        raise Wrong("your function changed the images that it was given: work on a copy, images.clone().")
    if near != 0:
        mixed = other.clone()
        mixed[:, :, :12, :12] = images[:, :, :12, :12]
        everywhere = (_Reader(0, 0)(images) - _Reader(0, 0)(mixed)).abs().max()
        if math.isclose(near, everywhere.item(), rel_tol=1e-5):
            raise Wrong("you compare the logits of all cells: take the asker's alone, [:, :, 0, 0].")
        raise Wrong("a model that reads the asker's own pixels alone must not change: keep the top left 12 x 12 pixels as they are.")
    for top, left in ((0, 12), (12, 0), (36, 36)):
        model = _Reader(top, left)
        mixed = other.clone()
        mixed[:, :, :12, :12] = images[:, :, :12, :12]
        change = (model(images) - model(mixed))[:, :, 0, 0]
        got = _item(ask(student, model, images, other))
        if got == 0:
            raise Wrong("a model that reads pixels of another cell did not change: replace all pixels outside the asker's cell.")
        number(
            got,
            change.abs().max().item(),
            "the change",
            {
                "wanted the largest change, not the mean.": change.abs().mean().item(),
                "a fall is a change too: take the absolute value.": change.max().item(),
            },
        )
    return "0 if the asker's own pixels decide, and seen if any other does"


@check
def may_see(student) -> str:
    """may_see(cell_of_token, hidden): who may see what, with one cell's key hidden from the asker."""
    place = torch.arange(144)
    of_token = place // 36 * 4 + place % 12 // 3
    for hidden in (torch.tensor([2, 15, 7]), torch.tensor([9])):
        right = np.ones((len(hidden), 144, 16), bool)
        for b, token in itertools.product(range(len(hidden)), range(144)):
            if of_token[token] == cards.ASKER:
                right[b, token, hidden[b]] = False
        everyone, turned, all_keys = (np.ones_like(right) for _ in range(3))
        for b in range(len(hidden)):
            everyone[b, :, hidden[b]] = False
            turned[b, of_token == hidden[b], cards.ASKER] = False
            all_keys[b, of_token == cards.ASKER] = False
        compare(
            ask(student, of_token, hidden),
            right,
            "the mask",
            "images, tokens that ask, cells",
            {
                "the mask is upside down: True is for what may be seen.": ~right,
                "the card is hidden from all tokens; hide it from the asker's nine alone.": everyone,
                "the asker is hidden from the card; wanted the card hidden from the asker.": turned,
                "all cells are hidden from the asker; hide one.": all_keys,
            },
            dtype=torch.bool,
        )
    return "nine tokens lose one key, and nobody else loses any"


@check
def cheapest(student) -> str:
    """cheapest(found): the row of fewest MACs whose accuracy is not below the trained one's 95 % interval."""
    for accuracy, images in ((0.80, 1000), (0.60, 400)):
        error = 1.96 * math.sqrt(accuracy * (1 - accuracy) / images)
        steps = ((0.0, 100), (-0.9 * error, 60), (-1.1 * error, 40), (-0.6 * error, 70), (-3 * error, 20), (0.01, 130))
        rows = [{"accuracy": accuracy + step, "macs": macs, "g1": [index], "g2": [1]} for index, (step, macs) in enumerate(steps)]
        got = ask(student, {"rows": rows, "images": images, "trained": {"g1": [0], "g2": [1]}})
        if got is rows[1] or got == rows[1]:
            continue
        messages = {
            4: "that is the cheapest of all; wanted the cheapest that is not clearly less accurate.",
            0: "that is the trained one; a smaller accuracy counts as well, as long as it lies inside the interval.",
            5: "that is the most accurate; wanted the one of fewest MACs.",
            2: "that accuracy lies below the interval: is it 1.96 standard errors wide to each side, of the trained accuracy?",
            3: "that one is inside, but a cheaper one is too: is the interval wide enough?",
        }
        index = next((index for index, row in enumerate(rows) if got == row), None)
        raise Wrong(messages.get(index, "wanted one of found['rows'], whole."))
    return "cheaper, and not measurably worse"


def _item(value: object) -> object:
    return value.item() if isinstance(value, Tensor) and value.numel() == 1 else value
