"""Checks of notebook 5, the cost: against what torch counts in real layers, and against searches."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import hatnet
from hatnet import complexity
from hatnet.attention import HMHSA
from hatnet.norms import group_norm
from hatnet.timing import Measured
from tutorials.machinery.checks.grading import Wrong, call, check, number, random, scalar, several

__all__ = [
    "attention_cost",
    "local_cost",
    "global_cost",
    "hmhsa_cost",
    "counted_macs",
    "best_common_grid",
    "two_conventions",
    "crossover",
    "overtakes",
    "best_for_budget",
]

SHAPES = ((33, 7, 10), (5, 26, 22), (35, 35, 6), (1, 1, 3))  # queries, keys, channels
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
def attention_cost(student) -> str:
    """Eqs. 1 and 2: attention_cost(queries, keys, c) -> projections, products."""
    for queries, keys, c in SHAPES:
        reads, read, matrix = torch.zeros(queries, c), torch.zeros(keys, c), torch.zeros(c, c)
        projections, products = several(call(student, queries, keys, c), 2, "projections and products")
        mistakes = {
            "you counted one projection; Q, K and V each need one.": queries * c**2,
            "you forgot the values: what is read is multiplied by two matrices, one for K and one for V.": (queries + keys) * c**2,
            "K and V are made from what is read, not from the tokens that read.": 3 * queries * c**2,
            "queries and keys are mixed up in your projections: one matrix for what reads, two for what is read.": (
                (2 * queries + keys) * c**2
            ),
            "the queries are missing: Q has a matrix, too.": 2 * keys * c**2,
            "all three are made from the keys in yours; Q has a row for each query.": 3 * keys * c**2,
            W_P: (2 * queries + 2 * keys) * c**2,
            C_NOT_SQUARED: (queries + 2 * keys) * c,
            FLOPS: 2 * (queries + 2 * keys) * c**2,
        }
        right = _macs(lambda reads=reads, read=read, matrix=matrix: (reads @ matrix, read @ matrix, read @ matrix))
        number(projections, right, "the cost of the projections", mistakes)
        mistakes = {
            "you counted one product; there are two: Q with K, and the weights with V.": queries * keys * c,
            "every query reads every key: the products hold queries times keys, not their sum.": 2 * (queries + keys) * c,
            "your products have queries times queries; each query reads the keys.": 2 * queries**2 * c,
            "your products have keys times keys; it is the queries that read them.": 2 * keys**2 * c,
            "C is missing in your products: a query and a key are multiplied once per channel.": 2 * queries * keys,
            C_SQUARED: 2 * queries * keys * c**2,
            FLOPS: 4 * queries * keys * c,
        }
        right = _macs(lambda reads=reads, read=read: (reads @ read.T) @ read)
        number(products, right, "the cost of the products", mistakes)
    return "the number that torch counts, for any number of queries and keys"


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
            "there are HW / G1^2 windows; you counted HW / G1.": 3 * n * g * c**2,
            "K1 and V1 are those of one window in yours; every window has its own.": (n + 2 * g * g) * c**2,
            "G1 does not matter to the projections: every token has one query, one key and one value.": 3 * n * g * g * c**2,
        }
        number(projections, 3 * per * _macs(lambda window=window, matrix=matrix: window @ matrix), "the cost of the projections", mistakes)
        mistakes = {
            "the factor 2 is missing: there are two products, Q1 with K1, and the weights with V1.": n * g**2 * c,
            "HW is squared in your local products: a token reads the G1 x G1 tokens of its window, not the whole map.": 2 * n * n * c,
            "HW and G1 are both squared: count G1^2 keys for each of HW tokens.": 2 * n * n * g**2 * c,
            G1_NOT_SQUARED: 2 * n * g * c,
            "you counted one window; there are HW / G1^2 of them.": 2 * g**4 * c,
            "there are HW / G1^2 windows; you counted HW / G1.": 2 * n * g**3 * c,
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
            "what reads and what is read are mixed up: all tokens read, and the cells are read.": (cells + 2 * n) * c**2,
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
    whole = call(student, 7, 11, 6, 2.5, 1.5)  # as a formula, Eq. 15 takes any numbers, and later cells give it some
    if not math.isclose(whole, complexity.hmhsa(7, 11, 6, 2.5, 1.5), rel_tol=1e-6):
        raise Wrong("where G1 and G2 divide the map you are right; but round nothing (// or int), as Eq. 15 rounds nothing.")
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
            "G is a real number here: do not round it.": round(low),
            "G is a real number here: do not round it down.": math.floor(low),
            "G is a real number here: do not round it up.": math.ceil(low),
        }
        number(call(student, h, w, c), low, "the cheapest G", mistakes, tolerance=2e-3)  # a search in steps of a hundredth will do
    return "no other G is cheaper: a search over all of them agrees"


@check
def two_conventions(student) -> str:
    """two_conventions(model, images): MACs as the paper counts them, and what it leaves out."""
    for size in ((24, 40), (47, 32)):
        model = hatnet.create_model("hatnet_cards", 10).eval()
        right = complexity.count(model, size)
        images = random(1, 3, *size)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(images, explicit=True)
        flops = {str(kind): number for kind, number in counter.get_flop_counts()["Global"].items()}
        linear, products = several(call(student, model, images, float64=False), 2, "the paper's count, and what it leaves out")
        mistakes = {
            "the attention products are still in it: they are torch's bmm.": right.total,
            FLOPS: 2 * right.conv_linear,
            "the products are taken away in FLOPs; everything in the table is in FLOPs, so halve each of them.": (
                right.total - 2 * right.attention
            ),
            "the two are swapped: first what the paper counts.": right.attention,
            "the convolutions alone are not enough: linear layers have other names in the table.": flops["aten.convolution"] // 2,
        }
        for kind in sorted({*flops} - {"aten.bmm", "aten.convolution"}):  # the linear layers, with and without a bias
            message = f"{kind} is missing: the paper counts every kind but one."
            mistakes[message] = right.conv_linear - flops[kind] // 2
        number(linear, right.conv_linear, "the paper's count", mistakes)
        mistakes = {
            "torch sees nothing inside the fused kernel: run the model with explicit=True.": 0,
            FLOPS: 2 * right.attention,
            "that is the whole count; what is left out is one kind alone.": right.total,
        }
        number(products, right.attention, "what is left out", mistakes)
    return "both conventions, from one run"


@check
def crossover(student) -> str:
    """crossover(c, g1, g2): the number of tokens from which Eq. 15 is below Eq. 5."""
    for c, g1, g2 in ((241, 7, 2), (97, 7, 4), (48, 8, 8), (13, 3, 5)):
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
            "the C of the projections is missing: 4C - 3C.": (2 * c / g2**2 + 2 * g1**2) / less,
            "G1 is not squared: a window has G1 x G1 keys.": (c * (1 + 2 / g2**2) + 2 * g1) / less,
            "G2 is not squared: Eq. 15 divides by G2 squared.": (c * (1 + 2 / g2**2) + 2 * g1**2) / (2 - 2 / g2),
            "the factor 2 before G1^2 is missing.": (c * (1 + 2 / g2**2) + g1**2) / less,
            "the local products are missing: 2 G1^2.": c * (1 + 2 / g2**2) / less,
            "K2 and V2 of the cells are missing: 2 C / G2^2.": (c + 2 * g1**2) / less,
            "the global products are missing: they grow with HW squared too, only slower.": (c * (1 + 2 / g2**2) + 2 * g1**2) / 2,
        }
        number(call(student, c, g1, g2), low, "the number of tokens", mistakes, tolerance=1 / low)  # a search over whole tokens will do
    if call(student, 48, 8, 1) not in (None, math.inf):
        raise Wrong("with G2 = 1 nothing is pooled and Eq. 15 is never below Eq. 5: return math.inf.")
    return "below it Eq. 5 is smaller, above it Eq. 15"


def _stays_faster(found: dict[int, dict[str, Measured]], faster: Callable[[Measured, Measured], bool]) -> int | None:
    """The first side from which faster(H-MHSA, MHSA) holds to the end."""
    first = None
    for side, timed in found.items():
        first = (side if first is None else first) if faster(timed["H-MHSA"], timed["MHSA"]) else None
    return first


def _slow(one: Measured, times: float) -> float:
    """The median, moved by `times` the spread."""
    return one.milliseconds + times * one.spread


@check
def overtakes(student) -> str:
    """overtakes(found): the side from which H-MHSA is faster beyond the spread."""
    sides = (8, 14, 20, 28, 40, 56)
    # At each side: median and spread of H-MHSA, then of MHSA. In turn: behind; ahead, within the spreads; ahead by half spreads, not by
    # whole ones; ahead by one's spread, not by the other's; and twice far ahead.
    ahead, far = (3.0, 0.4, 3.5, 0.4), (4.0, 0.2, 40.0, 2.0)
    close, restless, steady = (2.0, 0.2, 2.15, 0.2), (2.0, 1.0, 2.3, 0.0), (2.0, 0.0, 2.3, 1.0)
    tables = [
        ((2.0, 0.1, 1.0, 0.1), close, ahead, far, far, far),
        ((2.3, 1.0, 2.0, 1.0), restless, far, far, far, far),
        ((2.0, 0.1, 1.0, 0.1), steady, far, far, far, far),
        ((1.0, 0.1, 2.0, 0.1), (2.0, 0.1, 1.0, 0.1), far, far, far, far),
        ((2.0, 0.1, 1.0, 0.1),) * 6,
        (far,) * 6,
    ]
    found = [
        {
            side: {"H-MHSA": Measured("H-MHSA", *row[:2], 0), "MHSA": Measured("MHSA", *row[2:], 0)}
            for side, row in zip(sides, table, strict=True)
        }
        for table in tables
    ]
    rules: dict[str, Callable[[Measured, Measured], bool]] = {
        "": lambda ours, plain: _slow(ours, 0.5) < _slow(plain, -0.5),
        "you move each median by its whole spread; half of it is wanted.": lambda ours, plain: _slow(ours, 1) < _slow(plain, -1),
        "you move only the median of H-MHSA; both move.": lambda ours, plain: _slow(ours, 0.5) < plain.milliseconds,
        "you move only the median of MHSA; both move.": lambda ours, plain: ours.milliseconds < _slow(plain, -0.5),
        "at one side the medians differ, but by less than the spread: that is not faster yet.": (
            lambda ours, plain: ours.milliseconds < plain.milliseconds
        ),
        "the medians move apart in yours: move them towards each other.": lambda ours, plain: _slow(ours, -0.5) < _slow(plain, 0.5),
        "H-MHSA and MHSA are swapped: fewer milliseconds are faster.": lambda ours, plain: _slow(plain, 0.5) < _slow(ours, -0.5),
        "every side counts as faster in yours.": lambda ours, plain: True,
        "no side counts as faster in yours. Did you forget `return`?": lambda ours, plain: False,
    }
    got = [call(student, table, or_none=True) for table in found]
    expected = {message: [_stays_faster(table, rule) for table in found] for message, rule in rules.items()}
    right = expected.pop("")
    if got == right:
        return "only a lead beyond the spread counts, and only one that lasts"
    for message, answers in expected.items():
        if got == answers:
            raise Wrong(message)
    if got == [side and side**2 for side in right]:
        raise Wrong("wanted the side of the map, not its tokens.")
    if got[3] == sides[0]:
        raise Wrong("a side counts only if H-MHSA stays faster at all larger ones: here it was ahead once, and fell back.")
    raise Wrong("your answer is wrong for one of six tables of times: compare the two medians, each moved by half of its own spread.")


Pair = tuple[int, int] | None  # G1 and G2


def _by_wishes(h: int, w: int, c: int, budget: float) -> dict[str, Pair]:
    """The right pair, and what comes out by each mistake: from a sorted list of all pairs. None: no pair is cheap enough."""
    pairs = [(g1, g2) for g1 in range(1, max(h, w) + 1) for g2 in range(1, max(h, w) + 1)]
    costs = {pair: complexity.hmhsa(h, w, c, *pair) for pair in pairs}
    inside = [pair for pair in pairs if max(pair) <= min(h, w)]
    wanted = [(g1, g2) for g1, g2 in inside if g1 >= g2]

    def first(among: list[tuple[int, int]], order: Callable[[tuple[int, int]], object]) -> Pair:
        return min((pair for pair in among if costs[pair] <= budget), key=order, default=None)

    def wishes(pair: tuple[int, int]) -> tuple[int, int]:
        return pair[1], -pair[0]

    right = first(wanted, wishes)
    return {
        "": right,
        "you return G2 first; wanted (g1, g2).": right and right[::-1],
        "a window may not be smaller than a cell: G1 >= G2.": first(inside, wishes),
        "a window may be as large as a cell: G1 = G2 is allowed.": first([pair for pair in wanted if pair[0] > pair[1]], wishes),
        "a pair that costs exactly the budget can be paid.": first([pair for pair in wanted if costs[pair] < budget], wishes),
        "the finest cells come first, then the largest window; you chose the largest window first.": first(
            wanted, lambda pair: (-pair[0], pair[1])
        ),
        "that is the cheapest pair; wanted the finest cells that the budget pays for.": first(wanted, costs.__getitem__),
        "that is the most expensive pair within the budget; the wishes ask for fine cells first.": first(wanted, lambda pair: -costs[pair]),
        "the cells are as fine as can be; the window can still grow within the budget.": first(wanted, lambda pair: (pair[1], pair[0])),
        "neither side may be longer than the shorter side of the map.": first([pair for pair in pairs if pair[0] >= pair[1]], wishes),
        "only G1 = G2 is tried: they may differ.": first([pair for pair in wanted if pair[0] == pair[1]], wishes),
        "you never find a pair. Did you forget `return`?": None,
    }


@check
def best_for_budget(student) -> str:
    """best_for_budget(h, w, c, budget): by a sorted list of all pairs."""
    cases = _budgets()
    found: list[Pair] = []
    for case in cases:
        got = call(student, *case, or_none=True)
        if got is not None:
            values = [scalar(value) for value in several(got, 2, "G1 and G2")]
            if not all(
                isinstance(value, int | float | np.number) and 1 <= value <= max(case[:2]) and value == int(value) for value in values
            ):
                raise Wrong("G1 and G2 are whole numbers from 1 to the shorter side of the map.")
            got = int(values[0]), int(values[1])
        found.append(got)
    tables = [_by_wishes(*case) for case in cases]
    for message in tables[0]:
        if found == [table[message] for table in tables]:
            if message:
                raise Wrong(message)
            return "the finest cells that the budget pays for, and then the largest windows"
    for got, table, (h, w, c, budget) in zip(found, tables, cases, strict=True):
        if got == table[""]:
            continue
        if table[""] is None:
            raise Wrong("no pair with G1 >= G2 is cheap enough here: return None.")
        if got is None:
            raise Wrong("the budget pays for a pair, and you return None.")
        if complexity.hmhsa(h, w, c, *got) > budget:
            raise Wrong("your pair costs more than the budget.")
    raise Wrong("another pair is better by the three wishes.")


def _budgets() -> list[tuple[int, int, int, float]]:
    """Maps, channels and budgets; some budgets are exactly what a pair costs. The last is too small for any."""
    exact = [
        (h, w, c, complexity.hmhsa(h, w, c, g1, g2)) for h, w, c, g1, g2 in ((16, 24, 6, 8, 4), (56, 56, 48, 8, 8), (14, 14, 24, 7, 2))
    ]
    more = [(h, w, c, times * complexity.hmhsa(h, w, c, 4, 4)) for h, w, c, times in ((9, 40, 10, 1.2), (40, 12, 4, 1.7), (7, 40, 30, 9))]
    return [*exact, *more, (64, 64, 8, complexity.hmhsa(64, 64, 8, 1, 64))]
