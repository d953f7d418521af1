"""The checks of notebook 5, the cost: right answers in several styles, and the mistakes that each check must name."""

from tests.tutorials.notebook_checks import Variants
from tutorials.machinery.checks import cost

RIGHT = {
    "attention_cost: matrix by matrix": """
        def attention_cost(queries, keys, c):
            made = sum(rows * c * c for rows in (queries, keys, keys))
            return [made, queries * c * keys + queries * keys * c]
        """,
    "attention_cost: as tensors": """
        def attention_cost(queries, keys, c):
            return torch.tensor(float((queries + 2 * keys) * c * c)), torch.tensor(2.0 * queries * keys * c)
        """,
    "local_cost: token by token": """
        def local_cost(h, w, c, g1):
            return 3 * h * w * c**2, 2 * h * w * g1**2 * c
        """,
    "local_cost: window by window": """
        def local_cost(h, w, c, g1):
            projections = products = 0
            for window in range((h // g1) * (w // g1)):
                one = attention_cost(g1 * g1, g1 * g1, c)
                projections, products = projections + one[0], products + one[1]
            return projections, products
        """,
    "global_cost: as Eq. 15 has it": """
        def global_cost(h, w, c, g2):
            n = h * w
            return n * c**2 + 2 * n / g2**2 * c**2, 2 * n * n / g2**2 * c
        """,
    "hmhsa_cost: term by term": """
        def hmhsa_cost(h, w, c, g1, g2):
            n, cells = h * w, h * w / (g2 * g2)
            return 3 * n * c**2 + 2 * n * g1**2 * c + n * c**2 + 2 * cells * c**2 + 2 * n * cells * c
        """,
    "counted_macs: half a float, from the table": """
        def counted_macs(layer, x, g1, g2):
            with FlopCounterMode(display=False) as counter:
                layer(x, g1, g2, explicit=True)
            return sum(counter.get_flop_counts()["Global"].values()) / 2
        """,
    "best_common_grid: two roots": """
        def best_common_grid(h, w, c):
            return math.sqrt(math.sqrt(c + h * w))
        """,
    "best_common_grid: a search in steps of a hundredth": """
        def best_common_grid(h, w, c):
            g = np.arange(1, 30, 0.01)
            return g[np.argmin(hmhsa_cost(h, w, c, g, g))]
        """,
    "best_common_grid: Newton's method": """
        def best_common_grid(h, w, c):
            g = 3.0
            for _ in range(50):
                g -= (g**4 - h * w - c) / (4 * g**3)
            return g
        """,
    "two_conventions: a sum over kinds": """
        def two_conventions(model, images):
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                model(images, explicit=True)
            kinds = {str(kind): number for kind, number in counter.get_flop_counts()["Global"].items()}
            paper = sum(number for kind, number in kinds.items() if "bmm" not in kind)
            return paper / 2, kinds["aten.bmm"] / 2
        """,
    "crossover: the coefficients of a line": """
        def crossover(c, g1, g2):
            if g2 == 1:
                return math.inf
            constant = 3 * c - 4 * c - 2 * g1**2 - 2 * c / g2**2
            return -constant / (2 - 2 / g2**2)
        """,
    "crossover: a search over whole tokens": """
        def crossover(c, g1, g2):
            if g2 == 1:
                return math.inf
            return next(n for n in range(1, 10**5) if hmhsa_cost(n, 1, c, g1, g2) < sum(attention_cost(n, n, c)))
        """,
    "overtakes: from the largest map down": """
        def overtakes(found):
            first = None
            for side in reversed(found):
                ours, plain = found[side]["H-MHSA"], found[side]["MHSA"]
                gap = plain.milliseconds - ours.milliseconds
                if not gap > (ours.spread + plain.spread) / 2:
                    break
                first = side
            return first
        """,
    "best_for_budget: a sorted list": """
        def best_for_budget(h, w, c, budget):
            top = min(h, w)
            pairs = [(a, b) for a in range(1, top + 1) for b in range(1, a + 1) if hmhsa_cost(h, w, c, a, b) <= budget]
            return min(pairs, key=lambda pair: (pair[1], -pair[0])) if pairs else None
        """,
    "best_for_budget: with numpy": """
        def best_for_budget(h, w, c, budget):
            for g2 in np.arange(1, min(h, w) + 1):
                g1 = np.arange(g2, min(h, w) + 1)
                inside = g1[hmhsa_cost(h, w, c, g1, g2) <= budget]
                if len(inside):
                    return [inside.max(), g2]
        """,
}

WRONG = {
    "but round nothing (// or int), as Eq. 15 rounds nothing": """
        def hmhsa_cost(h, w, c, g1, g2):
            cells = (h // g2) * (w // g2)
            return h * w * c * (4 * c + 2 * g1 * g1) + 2 * cells * c * (c + h * w)
        """,
    "K1 and V1 are those of one window in yours": """
        def local_cost(h, w, c, g1):
            return attention_cost(h * w, g1**2, c)
        """,
    "you counted FLOPs, and without the products": """
        def counted_macs(layer, x, g1, g2):
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                layer(x, g1, g2)
            return counter.get_total_flops()
        """,
    "the convolutions alone are not enough": """
        def two_conventions(model, images):
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                model(images, explicit=True)
            kinds = {str(kind): number for kind, number in counter.get_flop_counts()["Global"].items()}
            return kinds["aten.convolution"] // 2, kinds["aten.bmm"] // 2
        """,
    "aten.mm is missing: the paper counts every kind but one": """
        def two_conventions(model, images):
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                model(images, explicit=True)
            kinds = {str(kind): number for kind, number in counter.get_flop_counts()["Global"].items()}
            return (kinds["aten.convolution"] + kinds["aten.addmm"]) // 2, kinds["aten.bmm"] // 2
        """,
    "wanted the side of the map, not its tokens": """
        def overtakes(found):
            first = None
            for side, timed in found.items():
                ours, plain = timed["H-MHSA"], timed["MHSA"]
                faster = ours.milliseconds + ours.spread / 2 < plain.milliseconds - plain.spread / 2
                first = (first or side**2) if faster else None
            return first
        """,
    "that is the most expensive pair within the budget": """
        def best_for_budget(h, w, c, budget):
            top = min(h, w)
            pairs = [(a, b) for a in range(1, top + 1) for b in range(1, a + 1) if hmhsa_cost(h, w, c, a, b) <= budget]
            return max(pairs, key=lambda pair: hmhsa_cost(h, w, c, *pair), default=None)
        """,
    "that is the cheapest pair": """
        def best_for_budget(h, w, c, budget):
            top = min(h, w)
            pairs = [(a, b) for a in range(1, top + 1) for b in range(1, a + 1) if hmhsa_cost(h, w, c, a, b) <= budget]
            return min(pairs, key=lambda pair: hmhsa_cost(h, w, c, *pair), default=None)
        """,
    "you chose the largest window first": """
        def best_for_budget(h, w, c, budget):
            for g1 in range(min(h, w), 0, -1):
                for g2 in range(1, g1 + 1):
                    if hmhsa_cost(h, w, c, g1, g2) <= budget:
                        return g1, g2
        """,
    "no pair with G1 >= G2 is cheap enough here: return None": """
        def best_for_budget(h, w, c, budget):
            top = min(h, w)
            for g2 in range(1, top + 1):
                for g1 in range(top, g2 - 1, -1):
                    if hmhsa_cost(h, w, c, g1, g2) <= budget:
                        return g1, g2
            return 1, top
        """,
    "your pair costs more than the budget": """
        def best_for_budget(h, w, c, budget):
            return min(h, w), 1
        """,
}

FASTER = "ours.milliseconds + ours.spread / 2 < plain.milliseconds - plain.spread / 2"


class TestCost(Variants):
    checks = cost
    right = RIGHT
    wrong = WRONG
    mistakes = (
        ("attention_cost", "queries * c**2 + 2 * keys * c**2", "queries * c**2", "you counted one projection"),
        ("attention_cost", "queries * c**2 + 2 * keys * c**2", "(queries + keys) * c**2", "you forgot the values"),
        ("attention_cost", "queries * c**2 + 2 * keys * c**2", "3 * queries * c**2", "K and V are made from what is read"),
        ("attention_cost", "queries * c**2 + 2 * keys * c**2", "(2 * queries + keys) * c**2", "queries and keys are mixed up"),
        ("attention_cost", "queries * c**2 + 2 * keys * c**2", "2 * keys * c**2", "the queries are missing"),
        ("attention_cost", "queries * c**2 + 2 * keys * c**2", "2 * (queries + keys) * c**2", "you counted W^p too"),
        ("attention_cost", "queries * c**2 + 2 * keys * c**2", "(queries + 2 * keys) * c", "C is not squared"),
        ("attention_cost", "2 * queries * keys * c", "queries * keys * c", "you counted one product"),
        ("attention_cost", "2 * queries * keys * c", "2 * (queries + keys) * c", "queries times keys, not their sum"),
        ("attention_cost", "2 * queries * keys * c", "2 * queries * queries * c", "each query reads the keys"),
        ("attention_cost", "2 * queries * keys * c", "2 * queries * keys", "C is missing in your products"),
        ("attention_cost", "2 * queries * keys * c", "2 * queries * keys * c**2", "C is squared in your products"),
        ("attention_cost", "return projections, products", "return 2 * projections, 2 * products", "you counted FLOPs"),
        ("attention_cost", "return projections, products", "return projections + products", "wanted 2 results, projections and products"),
        ("local_cost", "windows * projections, windows * products", "projections, products", "you counted the projections of one window"),
        ("local_cost", "windows * projections, windows * products", "windows * projections, products", "you counted one window"),
        ("local_cost", "h * w / g1**2", "h * w / g1", "there are HW / G1^2 windows; you counted HW / G1"),
        ("local_cost", "h * w / g1**2", "1", "you counted the projections of one window"),
        ("local_cost", "windows * products", "h * w * products / g1", "you counted HW / G1."),
        ("local_cost", "windows * products", "2 * h * w * g1 * c", "G1 is not squared"),
        ("local_cost", "windows * products", "2 * (h * w) ** 2 * c", "HW is squared in your local products"),
        ("local_cost", "windows * products", "2 * (h * w) ** 2 * g1**2 * c", "HW and G1 are both squared"),
        ("local_cost", "windows * products", "h * w * g1**2 * c", "the factor 2 is missing: there are two products, Q1"),
        ("local_cost", "windows * projections,", "4 * h * w * c**2,", "you counted W^p too"),
        ("global_cost", "h * w, h * w / g2**2", "h * w / g2**2, h * w / g2**2", "queries are not pooled"),
        ("global_cost", "h * w, h * w / g2**2", "h * w / g2**2, h * w", "what reads and what is read are mixed up"),
        ("global_cost", "h * w, h * w / g2**2", "h * w, h * w", "K2 and V2 are made from the pooled cells"),
        ("global_cost", "h * w / g2**2", "h * w / g2", "G2 is not squared"),
        ("global_cost", "attention_cost(h * w, h * w / g2**2, c)", "h * w * c**2, 0", "you forgot K2 and V2"),
        ("hmhsa_cost", "2 * n / g2**2", "n / g2**2", "the factor 2 of the global part is missing"),
        ("hmhsa_cost", "2 * n / g2**2", "2 * n / g2", "G2 is not squared"),
        ("hmhsa_cost", "2 * g1**2", "g1**2", "the factor 2 before G1^2 is missing"),
        ("hmhsa_cost", "n * c * (4", "n * n * c * (4", "HW is squared in your local part"),
        ("hmhsa_cost", "4 * c", "5 * c", "you counted W^p too"),
        ("hmhsa_cost", "4 * c", "3 * c", "count Q2 too"),
        ("hmhsa_cost", "c * (c + n)", "c * n", "you forgot the C of K2 and V2"),
        ("hmhsa_cost", "h, w, c, g1, g2):", "h, w, c, g2, g1):", "you swapped G1 and G2"),
        ("counted_macs", ", explicit=True", "", "the products are missing: torch sees nothing"),
        ("counted_macs", " // 2", "", "you counted FLOPs, not MACs"),
        ("counted_macs", "counter.get_total_flops() // 2", "hmhsa_cost(*x.shape[2:], x.shape[1], g1, g2)", "that is the formula"),
        ("best_common_grid", "(1 / 4)", "(1 / 2)", "that is a square root"),
        ("best_common_grid", " ** (1 / 4)", "", "that is a power of G"),
        ("best_common_grid", "h * w + c", "h * w", "you forgot C"),
        ("best_common_grid", "h * w + c", "h * w * c", "you multiplied them"),
        ("best_common_grid", "h * w + c", "2 * (h * w + c)", "a factor of 2 is left over"),
        ("best_common_grid", "return (h * w + c) ** (1 / 4)", "return round((h * w + c) ** (1 / 4))", "do not round it"),
        ("best_common_grid", "return (h * w + c) ** (1 / 4)", "return int((h * w + c) ** (1 / 4))", "do not round it"),
        ("two_conventions", "sum(flops.values()) // 2 - products", "sum(flops.values()) // 2", "the attention products are still in it"),
        ("two_conventions", 'flops["aten.bmm"] // 2', 'flops["aten.bmm"]', "the products are taken away in FLOPs"),
        (
            "two_conventions",
            "sum(flops.values()) // 2 - products, products",
            "products, sum(flops.values()) // 2 - products",
            "are swapped",
        ),
        ("crossover", "2 * g1**2", "0", "the local products are missing"),
        ("crossover", "2 * g1**2", "2 * g1", "G1 is not squared"),
        ("crossover", "2 * g1**2", "g1**2", "the factor 2 before G1^2"),
        ("crossover", " + 2 * c / g2**2", "", "K2 and V2 of the cells are missing"),
        ("crossover", "(2 - 2 / g2**2)", "2", "the global products are missing"),
        ("crossover", "(c +", "(4 * c +", "Eq. 5 has 3C already"),
        ("crossover", "(c +", "(0 * c +", "the C of the projections is missing"),
        ("crossover", "(2 - 2 / g2**2)", "(2 - 2 / g2)", "G2 is not squared"),
        ("overtakes", FASTER, "ours.milliseconds < plain.milliseconds", "differ, but by less than the spread"),
        ("overtakes", FASTER, FASTER.replace(" / 2", ""), "you move each median by its whole spread"),
        ("overtakes", FASTER, "ours.milliseconds + ours.spread / 2 < plain.milliseconds", "you move only the median of H-MHSA"),
        ("overtakes", FASTER, "ours.milliseconds < plain.milliseconds - plain.spread / 2", "you move only the median of MHSA"),
        ("overtakes", FASTER, FASTER.translate(str.maketrans("+-", "-+")), "the medians move apart"),
        ("overtakes", FASTER, " > ".join(FASTER.split(" < ")), "are swapped"),
        ("overtakes", FASTER, "True", "every side counts"),
        ("overtakes", FASTER, "False", "no side counts"),
        ("overtakes", "first = None  #", "pass  #", "H-MHSA stays faster at all larger ones"),
        ("best_for_budget", "range(largest, g2 - 1, -1)", "range(largest, 0, -1)", "a window may not be smaller than a cell"),
        ("best_for_budget", "range(largest, g2 - 1, -1)", "range(largest, g2, -1)", "a window may be as large as a cell"),
        ("best_for_budget", "range(largest, g2 - 1, -1)", "range(g2, largest + 1)", "the window can still grow"),
        ("best_for_budget", "<= budget", "< budget", "a pair that costs exactly the budget can be paid"),
        ("best_for_budget", "return g1, g2", "return g2, g1", "you return G2 first"),
        ("best_for_budget", "min(h, w)", "max(h, w)", "the shorter side"),
        ("best_for_budget", "range(largest, g2 - 1, -1)", "[g2]", "only G1 = G2 is tried|the window can still grow"),
    )
