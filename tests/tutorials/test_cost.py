"""The checks of notebook 5, the cost."""

from tests.tutorials.notebook_checks import NotebookChecks
from tutorials.checks import cost


class TestCost(NotebookChecks):
    checks = cost
    mistakes = (
        ("mhsa_cost", "n * n * c + n * n * c", "n * n * c", "you counted one product of tokens with tokens"),
        ("mhsa_cost", "3 * n * c**2", "n * c**2", "you counted one projection"),
        ("mhsa_cost", "3 * n * c**2", "4 * n * c**2", "you counted W^p too"),
        ("mhsa_cost", "n * n * c + n * n * c", "2 * n * c", "HW is not squared in your products"),
        ("mhsa_cost", "projections + products", "2 * (projections + products)", "you counted FLOPs"),
        ("local_cost", "2 * n * g1**2 * c", "n * g1**2 * c", "the factor 2 is missing: there are two products, Q1"),
        ("local_cost", "2 * n * g1**2 * c", "2 * n * n * g1**2 * c", "HW and G1 are both squared"),
        ("local_cost", "2 * n * g1**2 * c", "2 * n * n * c", "HW is squared in your local products"),
        ("local_cost", "2 * n * g1**2 * c", "2 * n * g1 * c", "G1 is not squared"),
        ("local_cost", "2 * n * g1**2 * c", "2 * g1**4 * c", "you counted one window"),
        ("local_cost", "3 * n * c**2", "4 * n * c**2", "you counted W^p too"),
        ("local_cost", "return projections, products", "return projections + products", "wanted 2 results, projections and products"),
        ("global_cost", "n * c**2 + 2 * cells * c**2", "n * c**2", "you forgot K2 and V2"),
        ("global_cost", "n * c**2 + 2 * cells * c**2", "n * c**2 + 2 * cells * c", "K2 and V2 lack a C"),
        ("global_cost", "n * c**2 + 2 * cells * c**2", "3 * n * c**2", "K2 and V2 are made from the pooled cells"),
        ("global_cost", "n * c**2 + 2 * cells * c**2", "3 * cells * c**2", "queries are not pooled"),
        ("global_cost", "2 * n * cells * c", "2 * n * n / g2 * c", "G2 is not squared"),
        ("global_cost", "2 * n * cells * c", "n * cells * c", "the factor 2 is missing: there are two products, Q2"),
        ("global_cost", "2 * n * cells * c", "2 * cells * cells * c", "only the keys are cells"),
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
        ("best_common_grid", "h * w + c", "h * w", "you forgot C"),
        ("best_common_grid", "h * w + c", "h * w * c", "you multiplied them"),
        ("two_conventions", "sum(flops.values()) // 2 - products", "sum(flops.values()) // 2", "the attention products are still in it"),
        ("two_conventions", 'flops["aten.bmm"] // 2', 'flops["aten.bmm"]', "what is left out|the paper's count"),
        ("crossover", "2 * g1**2", "0", "the local products are missing"),
        ("crossover", " + 2 * c / g2**2", "", "K2 and V2 of the cells are missing"),
        ("crossover", "(2 - 2 / g2**2)", "2", "the global products are missing"),
        ("crossover", "(c +", "(4 * c +", "Eq. 5 has 3C already"),
        ("overtakes", "ours.spread / 2", "0", "differ, but by less than the spread"),
        ("overtakes", "first = None  #", "pass  #", "H-MHSA stays faster at all larger ones"),
        (
            "overtakes",
            "ours.milliseconds + ours.spread / 2 < plain.milliseconds - plain.spread / 2",
            "True",
            "swapped, or every side counts",
        ),
    )
