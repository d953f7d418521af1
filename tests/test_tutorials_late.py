"""Notebooks 5 to 7: each typical mistake is made, caught and named."""

import pytest

from tests.test_tutorials import answers
from tutorials.checking import Todo, Wrong

# Notebook, function, what is written instead of what, and what the check says.
MISTAKES = [
    ("05", "mhsa_cost", "n * n * c + n * n * c", "n * n * c", "you counted one product of tokens with tokens"),
    ("05", "mhsa_cost", "3 * n * c**2", "n * c**2", "you counted one projection"),
    ("05", "mhsa_cost", "3 * n * c**2", "4 * n * c**2", "you counted W^p too"),
    ("05", "mhsa_cost", "n * n * c + n * n * c", "2 * n * c", "HW is not squared in your products"),
    ("05", "mhsa_cost", "projections + products", "2 * (projections + products)", "you counted FLOPs"),
    ("05", "local_cost", "2 * n * g1**2 * c", "n * g1**2 * c", "the factor 2 is missing: there are two products, Q1"),
    ("05", "local_cost", "2 * n * g1**2 * c", "2 * n * n * g1**2 * c", "HW and G1 are both squared"),
    ("05", "local_cost", "2 * n * g1**2 * c", "2 * n * n * c", "HW is squared in your local products"),
    ("05", "local_cost", "2 * n * g1**2 * c", "2 * n * g1 * c", "G1 is not squared"),
    ("05", "local_cost", "2 * n * g1**2 * c", "2 * g1**4 * c", "you counted one window"),
    ("05", "local_cost", "3 * n * c**2", "4 * n * c**2", "you counted W^p too"),
    ("05", "local_cost", "return projections, products", "return projections + products", "wanted 2 things, projections and products"),
    ("05", "global_cost", "n * c**2 + 2 * cells * c**2", "n * c**2", "you forgot K2 and V2"),
    ("05", "global_cost", "n * c**2 + 2 * cells * c**2", "n * c**2 + 2 * cells * c", "K2 and V2 lack a C"),
    ("05", "global_cost", "n * c**2 + 2 * cells * c**2", "3 * n * c**2", "K2 and V2 are made from the pooled cells"),
    ("05", "global_cost", "n * c**2 + 2 * cells * c**2", "3 * cells * c**2", "queries are not pooled"),
    ("05", "global_cost", "2 * n * cells * c", "2 * n * n / g2 * c", "G2 is not squared"),
    ("05", "global_cost", "2 * n * cells * c", "n * cells * c", "the factor 2 is missing: there are two products, Q2"),
    ("05", "global_cost", "2 * n * cells * c", "2 * cells * cells * c", "cells are the keys alone"),
    ("05", "hmhsa_cost", "2 * n / g2**2", "n / g2**2", "the factor 2 of the global part is missing"),
    ("05", "hmhsa_cost", "2 * n / g2**2", "2 * n / g2", "G2 is not squared"),
    ("05", "hmhsa_cost", "2 * g1**2", "g1**2", "the factor 2 before G1^2 is missing"),
    ("05", "hmhsa_cost", "n * c * (4", "n * n * c * (4", "HW is squared in your local part"),
    ("05", "hmhsa_cost", "4 * c", "5 * c", "you counted W^p too"),
    ("05", "hmhsa_cost", "4 * c", "3 * c", "count Q2 too"),
    ("05", "hmhsa_cost", "c * (c + n)", "c * n", "you forgot the C of K2 and V2"),
    ("05", "hmhsa_cost", "h, w, c, g1, g2):", "h, w, c, g2, g1):", "G1 and G2 have changed places"),
    ("05", "counted_macs", ", explicit=True", "", "the products are missing: torch sees nothing"),
    ("05", "counted_macs", " // 2", "", "you counted FLOPs, not MACs"),
    ("05", "counted_macs", "counter.get_total_flops() // 2", "hmhsa_cost(*x.shape[2:], x.shape[1], g1, g2)", "that is the formula"),
    ("05", "best_common_grid", "(1 / 4)", "(1 / 2)", "that is a square root"),
    ("05", "best_common_grid", "h * w + c", "h * w", "you forgot C"),
    ("05", "best_common_grid", "h * w + c", "h * w * c", "you multiplied them"),
    ("05", "two_conventions", "sum(flops.values()) // 2 - products", "sum(flops.values()) // 2", "the attention products are still in it"),
    ("05", "two_conventions", 'flops["aten.bmm"] // 2', 'flops["aten.bmm"]', "what is left out|the paper's count"),
    ("05", "crossover", "2 * g1**2", "0", "the local products are missing"),
    ("05", "crossover", " + 2 * c / g2**2", "", "K2 and V2 of the cells are missing"),
    ("05", "crossover", "(2 - 2 / g2**2)", "2", "the global products are missing"),
    ("05", "crossover", "(c +", "(4 * c +", "Eq. 5 has 3C already"),
    ("05", "overtakes", "ours.spread / 2", "0", "differ, but by less than the spread"),
    ("05", "overtakes", "first = None  #", "pass  #", "H-MHSA stays faster at all larger ones"),
    (
        "05",
        "overtakes",
        "ours.milliseconds + ours.spread / 2 < plain.milliseconds - plain.spread / 2",
        "True",
        "exchanged, or every side counts",
    ),
    ("06", "local_on_map", "top : top + height, left : left + width", ":height, :width", "the weights lie in the top left corner"),
    ("06", "local_on_map", ".mean(0)", ".sum(0)", "you added the heads"),
    ("06", "local_on_map", ".mean(0)", ".mean(0)[:height, :width].T[:height, :width]", "rows and columns are exchanged"),
    ("06", "global_on_map", "(cells / size)", "cells", "each token has its cell's whole weight"),
    ("06", "global_on_map", "/ size", "/ record.g2**2", "cells at the edge hold fewer tokens"),
    ("06", "seam", "+ g1 - 1", "", "both of your tokens lie in one window"),
    ("06", "seam", "return (y, last), (y, last + 1)", "return (y, last + 1), (y, last)", "the two are exchanged"),
    (
        "06",
        "seam",
        "return (y, last), (y, last + 1)",
        "return (last, y), (last + 1, y)",
        "wanted one before|only the column differs|not the two neighbours",
    ),
    ("06", "two_hop", "a_glob @ pool @ once", "once @ a_glob @ pool", "the hops are in the wrong order"),
    ("06", "two_hop", "(torch.eye(len(a_loc)) + a_loc) / 2", "a_loc", "the identity is missing"),
    (
        "06",
        "two_hop",
        "(torch.eye(len(a_loc)) + a_loc) / 2",
        "(torch.eye(len(a_loc)) + a_loc) * 2 / 2",
        "rows sum to 2|has the right shape",
    ),
    ("06", "two_hop", "(a_glob @ pool @ once + once) / 2", "a_glob @ pool @ once + once", "the two paths are added, not averaged"),
    ("06", "two_hop", " + once) / 2", ")", "only the path through the cells is there"),
    ("06", "rollout", "(torch.eye(len(block)) + block) / 2 @ result", "block @ result", "the identity is missing"),
    ("06", "rollout", "(torch.eye(len(block)) + block) / 2 @ result", "result @ (torch.eye(len(block)) + block) / 2", "wrong order"),
    (
        "06",
        "rollout",
        "(torch.eye(len(block)) + block) / 2 @ result",
        "(torch.eye(len(block)) + block) @ result",
        "the steps are not halved",
    ),
    ("06", "integrated_gradients", "baseline + (step", "(step", "the way starts at 0"),
    ("06", "integrated_gradients", "(way * total", "(image * total", "the factor before the mean gradient is the image"),
    ("06", "integrated_gradients", "way = image - baseline", "way, baseline = image, 0 * baseline", "there is no baseline in it"),
    ("06", "integrated_gradients", "(way * total", "(total", "that is the mean gradient"),
    ("06", "integrated_gradients", "total / steps", "total", "the gradients are added, not averaged"),
    ("06", "integrated_gradients", "(step + 0.5) / steps * way", "way", "that is the gradient at the image alone"),
    ("06", "integrated_gradients", "[0, target]", "[0].sum()", "the gradient is that of all logits"),
    ("06", "integrated_gradients", "[0].sum(0)", "[0]", "add up the channels"),
    ("06", "grad_cam", "gradient.mean((2, 3), keepdim=True)", "gradient", "are multiplied token by token"),
    ("06", "grad_cam", "gradient.mean((2, 3), keepdim=True)", "gradient.sum((2, 3), keepdim=True)", "Grad-CAM takes their mean"),
    ("06", "grad_cam", "mean((2, 3), keepdim=True)", "mean(1, keepdim=True)", "the mean is over channels"),
    ("06", "grad_cam", ".sum(0).detach()", ".sum(0).relu().detach()", "the map is cut at 0"),
    ("06", "deletion", "-importance", "importance", "the least important cells go first"),
    (
        "06",
        "deletion",
        "order[: round(step / steps * len(order))]",
        "order[max(0, round((step - 1) / steps * len(order))) : round(step / steps * len(order))]",
        "the cells of earlier steps come back",
    ),
    ("06", "deletion", ".softmax(0)[target]", "[target]", "these are logits"),
    ("06", "deletion", "order[: round(step / steps * len(order))]", "order[round(step / steps * len(order)) :]", "that is insertion"),
    ("07", "card_loss", "* weights", "* (labels != IGNORED)", "the weights are missing"),
    ("07", "card_loss", "(each * weights).sum() / len(logits)", "each.mean()", "the loss is too"),
    ("07", "card_loss", "(each * weights).sum() / len(logits)", "(each * weights).mean()", "divide by the number of images"),
    ("07", "card_loss", " / len(logits)", "", "that is the sum over all images"),
    ("07", "questions", "asked[:, 0, 0] = False", "pass", "the asker is among the cards"),
    ("07", "questions", "right[asked]", "right[:, 1:]", "the local accuracy is|places without a card"),
    (
        "07",
        "questions",
        "return asker, right[asked].float().mean().item()",
        "return right[asked].float().mean().item(), asker",
        "exchanged",
    ),
    ("07", "far_change", "change[:, :, 0, 0]", "change", "you compare the logits of all cells"),
    (
        "07",
        "far_change",
        "mixed[:, :, :12, :12] = images[:, :, :12, :12]",
        "pass",
        "a model that reads the asker's own pixels alone must not change",
    ),
    (
        "07",
        "far_change",
        "mixed[:, :, :12, :12] = images[:, :, :12, :12]",
        "mixed[:, :, :24, :24] = images[:, :, :24, :24]",
        "replace all pixels outside",
    ),
    ("07", "far_change", ".abs().max()", ".max()", "take the absolute value"),
    ("07", "far_change", ".abs().max()", ".abs().mean()", "wanted the largest change"),
    ("07", "far_change", "other.clone()", "images", "a model that reads pixels of another cell did not change"),
    (
        "07",
        "pointing",
        "(mass.argmax(-1) == marked[:, None]).float().mean(0)",
        "(mass.mean(1).argmax(-1) == marked).float().mean()",
        "one score for each head",
    ),
    (
        "07",
        "pointing",
        "(mass.argmax(-1) == marked[:, None]).float().mean(0)",
        "mass[torch.arange(len(marked)), :, marked].mean(0)",
        "wanted how often it gets the most",
    ),
    ("07", "may_see", "return ~(", "return (", "the mask is upside down"),
    ("07", "may_see", "asks[None, :, None] & gone", "torch.ones(1, 144, 1, dtype=torch.bool) & gone", "the card is hidden from all tokens"),
    ("07", "may_see", "& gone[:, None, :]", "& (gone[:, None, :] | True)", "all cells are hidden"),
    ("07", "cheapest", 'if row["accuracy"] >= least', "", "that is the cheapest of all"),
    ("07", "cheapest", "p - 1.96", "p - 0.5", "a cheaper one is too|that is the trained one"),
    ("07", "cheapest", "p - 1.96", "p - 2.5", "that accuracy lies below the interval"),
]


def written(found: dict) -> list[str]:
    """The functions that a notebook asks its reader to write."""
    return [name for name in found if getattr(found[name], "__globals__", None) is found and hasattr(found["checks"], name)]


@pytest.mark.parametrize(("number", "name", "old", "new", "says"), MISTAKES, ids=lambda value: str(value)[:24])
def test_a_mistake_is_caught_and_named(number, name, old, new, says):
    found = answers(number, (name, old, new))
    with pytest.raises(Wrong) as caught:
        getattr(found["checks"], name)(found[name])
    text = str(caught.value)
    assert any(part in text for part in says.split("|")), text


@pytest.mark.parametrize("number", ["05", "06", "07"])
def test_the_right_answers_pass(number, capsys):
    found = answers(number)
    names = written(found)
    assert len(names) >= 6
    for name in names:
        getattr(found["checks"], name)(found[name])
    assert capsys.readouterr().out.count("✓ ") == len(names)


@pytest.mark.parametrize("number", ["05", "06", "07"])
def test_an_unwritten_answer_is_no_mistake(number):
    def unwritten(*arguments):
        raise NotImplementedError("TODO Eq. 15: the rest")

    found = answers(number)
    for name in written(found):
        with pytest.raises(Todo, match=r"^TODO Eq\. 15: the rest$"):
            getattr(found["checks"], name)(unwritten)
