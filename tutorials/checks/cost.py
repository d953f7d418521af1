"""Checks of notebook 5, the cost: against what torch counts in real layers, and against searches."""

import math
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

import hatnet
from hatnet import complexity
from hatnet.attention import HMHSA, MHSA
from hatnet.norms import group_norm
from hatnet.timing import Measured
from tutorials.checks.grading import Wrong, call, check, number, random, several

__all__ = [
    "mhsa_cost",
    "local_cost",
    "global_cost",
    "hmhsa_cost",
    "counted_macs",
    "best_common_grid",
    "two_conventions",
    "crossover",
    "overtakes",
]

SHAPES = ((5, 7, 6), (3, 11, 10), (13, 2, 22))  # h, w, c
GRIDS = ((9, 15, 10, 3, 3), (6, 10, 14, 2, 2), (12, 6, 22, 3, 2), (8, 20, 6, 2, 4))  # h, w, c, g1, g2, without a remainder

# Mistakes that several checks name.
C_SQUARED = "C is squared in your products: a query and a key are multiplied once per channel."
C_NOT_SQUARED = "C is not squared in your projections: each output channel reads all C input channels."
G1_NOT_SQUARED = "G1 is not squared: a window of side G1 holds G1 x G1 keys."
G2_NOT_SQUARED = "G2 is not squared: a cell of side G2 holds G2 x G2 tokens."
W_P = "you counted W^p too; the equation leaves it out."
FLOPS = "you counted FLOPs, not MACs: a multiply-add is two FLOPs."


def _macs(run: Callable[[], object]) -> int:
    """Multiply-adds of the matrix products in run()."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return counter.get_total_flops() // 2


@check
def mhsa_cost(student) -> str:
    """Eq. 5: mhsa_cost(h, w, c)."""
    for h, w, c in SHAPES:
        n, layer = h * w, MHSA(c, c // 2, group_norm)
        right = _macs(lambda layer=layer, h=h, w=w, c=c: layer(torch.zeros(1, c, h, w), explicit=True)) - n * c * c
        mistakes = {
            "you counted one product of tokens with tokens; there are two: Q with K, and the weights with V.": 3 * n * c**2 + n * n * c,
            "you counted one projection; Q, K and V each need one.": n * c**2 + 2 * n * n * c,
            W_P: 4 * n * c**2 + 2 * n * n * c,
            "HW is not squared in your products: every token reads every token.": 3 * n * c**2 + 2 * n * c,
            C_SQUARED: 3 * n * c**2 + 2 * n * n * c**2,
            C_NOT_SQUARED: 3 * n * c + 2 * n * n * c,
            FLOPS: 2 * right,
        }
        number(call(student, h, w, c), right, "the cost of MHSA", mistakes)
    return "the number that torch counts in a real layer, on three shapes"


@check
def local_cost(student) -> str:
    """The local half of Eq. 15: local_cost(h, w, c, g1) -> projections, products."""
    for h, w, c, g, _ in GRIDS:
        n, window, per = h * w, torch.zeros(g * g, c), (h // g) * (w // g)
        projections, products = several(call(student, h, w, c, g), 2, "projections and products")
        matrix = torch.zeros(c, c)
        mistakes = {
            "you counted one projection; Q1, K1 and V1 each need one.": n * c**2,
            W_P: 4 * n * c**2,
            C_NOT_SQUARED: 3 * n * c,
            "you counted the projections of one window; all windows have them.": 3 * g * g * c**2,
            "G1 does not matter to the projections: every token has one query, one key and one value.": 3 * n * g * g * c**2,
        }
        number(projections, 3 * per * _macs(lambda window=window, matrix=matrix: window @ matrix), "the cost of the projections", mistakes)
        mistakes = {
            "the factor 2 is missing: there are two products, Q1 with K1, and the weights with V1.": n * g**2 * c,
            "HW is squared in your local products: a token reads the G1 x G1 tokens of its window, not the whole map.": 2 * n * n * c,
            "HW and G1 are both squared: count G1^2 keys for each of HW tokens.": 2 * n * n * g**2 * c,
            G1_NOT_SQUARED: 2 * n * g * c,
            "you counted one window; there are HW / G1^2 of them.": 2 * g**4 * c,
            "you counted every window with the queries of the whole map; a window has only its own G1 x G1.": 2 * per * n * g * g * c,
            "you counted a query for each window, not for each token.": 2 * per * g * g * c,
            C_SQUARED: 2 * n * g**2 * c**2,
        }
        number(products, 2 * per * _macs(lambda window=window: window @ window.T), "the cost of the products", mistakes)
    return "a window costs what torch counts in it"


@check
def global_cost(student) -> str:
    """The global half of Eq. 15: global_cost(h, w, c, g2) -> projections, products."""
    for h, w, c, _, g in GRIDS:
        n, cells = h * w, (h // g) * (w // g)
        rows, keys, matrix = torch.zeros(n, c), torch.zeros(cells, c), torch.zeros(c, c)
        projections, products = several(call(student, h, w, c, g), 2, "projections and products")
        mistakes = {
            "you forgot K2 and V2: each pooled cell is multiplied by two C x C matrices.": n * c**2,
            "you forgot V2: a pooled cell has a key and a value.": (n + cells) * c**2,
            "K2 and V2 are made from the pooled cells, HW / G2^2 of them, not from all tokens.": 3 * n * c**2,
            "queries are not pooled: every token has its own Q2.": 3 * cells * c**2,
            W_P: (2 * n + 2 * cells) * c**2,
            G2_NOT_SQUARED: n * c**2 + 2 * n / g * c**2,
            "K2 and V2 lack a C: a cell's C channels are multiplied by a C x C matrix.": n * c**2 + 2 * cells * c,
        }
        number(
            projections,
            _macs(lambda rows=rows, matrix=matrix: rows @ matrix) + 2 * _macs(lambda keys=keys, matrix=matrix: keys @ matrix),
            "the cost of the projections",
            mistakes,
        )
        mistakes = {
            "the factor 2 is missing: there are two products, Q2 with K2, and the weights with V2.": n * cells * c,
            G2_NOT_SQUARED: 2 * n * n / g * c,
            "G2 is squared twice: only the keys are cells, and every token has a query.": 2 * cells * cells * c,
            "you left the pooling out: the keys are HW / G2^2 cells, not all tokens.": 2 * n * n * c,
            "HW is not squared: each of the HW tokens reads all HW / G2^2 cells.": 2 * cells * c,
            C_SQUARED: 2 * n * cells * c**2,
        }
        number(
            products,
            _macs(lambda rows=rows, keys=keys: rows @ keys.T) + _macs(lambda n=n, keys=keys, cells=cells: torch.zeros(n, cells) @ keys),
            "the cost of the products",
            mistakes,
        )
    return "K and V cost something for each cell, Q and the products for every token"


@check
def hmhsa_cost(student) -> str:
    """Eq. 15: hmhsa_cost(h, w, c, g1, g2)."""
    for h, w, c, g1, g2 in GRIDS:
        n, layer = h * w, HMHSA(c, c // 2, group_norm)
        x = torch.zeros(1, c, h, w)
        right = _macs(lambda layer=layer, x=x, g1=g1, g2=g2: layer(x, g1, g2, explicit=True)) - n * c * c
        local, pooled = n * c * (4 * c + 2 * g1**2), 2 * n / g2**2 * c * (c + n)
        mistakes = {
            "the factor 2 of the global part is missing.": local + pooled / 2,
            "the factor 2 before G1^2 is missing: there are two products.": n * c * (4 * c + g1**2) + pooled,
            G2_NOT_SQUARED: local + 2 * n / g2 * c * (c + n),
            G1_NOT_SQUARED: n * c * (4 * c + 2 * g1) + pooled,
            "one projection of every token is missing: count Q2 too.": n * c * (3 * c + 2 * g1**2) + pooled,
            "HW is squared in your local part.": n * n * c * (4 * c + 2 * g1**2) + pooled,
            "you forgot the C of K2 and V2 in the last bracket: the cells have projections too.": local + 2 * n / g2**2 * c * n,
            W_P: right + n * c**2,
            "you swapped G1 and G2.": n * c * (4 * c + 2 * g2**2) + 2 * n / g1**2 * c * (c + n),
        }
        number(call(student, h, w, c, g1, g2), right, "Eq. 15", mistakes)
    return "Eq. 15 is what torch counts in a real layer, less W^p"


@check
def counted_macs(student) -> str:
    """counted_macs(layer, x, g1, g2): torch's count of a layer, in MACs."""
    for h, w, c, g1, g2 in (*GRIDS[:2], (7, 11, 6, 3, 2), (5, 9, 10, 4, 5)):
        layer, x = HMHSA(c, c // 2, group_norm).eval(), random(1, c, h, w)
        parts = complexity.attention_macs(layer, h, w, c, g1, g2)
        fused = sum(macs for part, macs in parts.items() if not part.endswith("products"))
        mistakes = {
            "the products are missing: torch sees nothing inside the fused kernel. Call the layer with explicit=True.": fused,
            FLOPS: 2 * sum(parts.values()),
            "you counted FLOPs, and without the products: halve, and call the layer with explicit=True.": 2 * fused,
            "that is the formula; run the layer and count.": complexity.hmhsa(h, w, c, g1, g2),
            "that is the formula and W^p; run the layer and count.": complexity.hmhsa(h, w, c, g1, g2) + h * w * c * c,
        }
        number(call(student, layer, x, g1, g2), sum(parts.values()), "your count", mistakes)
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
        mistakes = {
            "that is a square root: where the two parts are equal, which power of G stands alone?": math.sqrt(h * w + c),
            "that is a power of G, not G: one root is missing.": h * w + c,
            "you forgot C: the last bracket of Eq. 15 holds two terms.": (h * w) ** 0.25,
            "C and HW stand in one bracket as a sum; you multiplied them.": (h * w * c) ** 0.25,
            "a factor of 2 is left over: both parts have one, so it cancels.": (2 * (h * w + c)) ** 0.25,
        }
        number(call(student, h, w, c), low, "the cheapest G", mistakes)
    return "no other G is cheaper: a search over all of them agrees"


@check
def two_conventions(student) -> str:
    """two_conventions(model, images): MACs as the paper counts them, and what it leaves out."""
    for name, size in (("hatnet_compact", (32, 47)), ("hatnet_tiny", (64, 96))):
        model = hatnet.create_model(name, 10).eval()
        right = complexity.count(model, size)
        linear, products = several(call(student, model, random(1, 3, *size)), 2, "the paper's count, and what it leaves out")
        mistakes = {
            "the attention products are still in it: they are torch's bmm.": right.total,
            FLOPS: 2 * right.conv_linear,
            "the two are swapped: first what the paper counts.": right.attention,
        }
        number(linear, right.conv_linear, "the paper's count", mistakes)
        mistakes = {
            "torch sees nothing inside the fused kernel: run the model with explicit=True.": 0,
            FLOPS: 2 * right.attention,
        }
        number(products, right.attention, "what is left out", mistakes)
    return "both conventions, from one run"


@check
def crossover(student) -> str:
    """crossover(c, g1, g2): the number of tokens from which Eq. 15 is below Eq. 5."""
    for c, g1, g2 in ((48, 8, 8), (97, 7, 4), (241, 7, 2), (13, 3, 5)):
        low, high = 0.0, 1e9
        for _ in range(200):
            middle = (low + high) / 2
            if complexity.hmhsa(middle, 1, c, g1, g2) < complexity.mhsa(middle, 1, c):
                high = middle
            else:
                low = middle
        less = 2 - 2 / g2**2
        mistakes = {
            "that is the side of the map; wanted the number of tokens, its square.": math.sqrt(low),
            "Eq. 5 has 3C already, so only one C of the 4C is left over.": (c * (4 + 2 / g2**2) + 2 * g1**2) / less,
            "the local products are missing: 2 G1^2.": c * (1 + 2 / g2**2) / less,
            "K2 and V2 of the cells are missing: 2 C / G2^2.": (c + 2 * g1**2) / less,
            "the global products are missing: they grow with HW squared too, only slower.": (c * (1 + 2 / g2**2) + 2 * g1**2) / 2,
        }
        number(call(student, c, g1, g2), low, "the number of tokens", mistakes)
    if call(student, 48, 8, 1) not in (None, math.inf):
        raise Wrong("with G2 = 1 nothing is pooled and Eq. 15 is never below Eq. 5: return math.inf.")
    return "below it Eq. 5 is smaller, above it Eq. 15"


@check
def overtakes(student) -> str:
    """overtakes(found): the side from which H-MHSA is faster beyond the spread."""

    def made(*pairs: tuple[float, float, float, float]) -> dict[int, dict[str, Measured]]:
        names = ("H-MHSA", "MHSA")
        return {
            side: {name: Measured(name, pair[2 * i], pair[2 * i + 1], 0) for i, name in enumerate(names)}
            for side, pair in zip((8, 14, 28, 56), pairs, strict=True)
        }

    sure = made((2, 0.1, 1, 0.1), (2, 0.2, 2.15, 0.2), (3, 0.2, 9, 0.5), (4, 0.2, 40, 2))
    if (got := call(student, sure)) != 28:
        raise Wrong(
            {
                14: "at one side the medians differ, but by less than the spread: that is not faster yet.",
                28**2: "wanted the side of the map, not its tokens.",
                56: "that is the last side; wanted the first one from which H-MHSA is faster.",
                8: "H-MHSA and MHSA are swapped, or every side counts: fewer milliseconds are faster.",
            }.get(
                got,
                "your answer is wrong for the first table of times: compare the two mechanisms, from small maps to large ones.",
            )
        )
    back = made((1, 0.1, 2, 0.1), (2, 0.1, 1, 0.1), (3, 0.2, 9, 0.5), (4, 0.2, 40, 2))
    if call(student, back) == 8:
        raise Wrong("a side counts only if H-MHSA stays faster at all larger ones: here it was ahead once, and fell back.")
    never = made(*[(2, 0.1, 1, 0.1)] * 4)
    if call(student, back) != 28 or student.function(never) is not None:
        raise Wrong("return None where H-MHSA is never faster, and otherwise the first side from which it stays faster.")
    return "only a lead beyond the spread counts, and only one that lasts"
