"""The checks of notebook 6, looking inside."""

from tests.tutorials.notebook_checks import NotebookChecks
from tutorials.checks import looking_inside


class TestLookingInside(NotebookChecks):
    checks = looking_inside
    mistakes = (
        ("local_on_map", "top : top + height, left : left + width", ":height, :width", "the weights are in the top left corner"),
        ("local_on_map", ".mean(0)", ".sum(0)", "you added the heads"),
        ("local_on_map", ".mean(0)", ".mean(0)[:height, :width].T[:height, :width]", "rows and columns of the window are swapped"),
        ("global_on_map", "(cells / size)", "cells", "each token has its cell's whole weight"),
        ("global_on_map", "/ size", "/ record.g2**2", "cells at the edge hold fewer tokens"),
        ("seam", "+ g1 - 1", "", "both of your tokens lie in one window"),
        ("seam", "return (y, last), (y, last + 1)", "return (y, last + 1), (y, last)", "the two are swapped"),
        (
            "seam",
            "return (y, last), (y, last + 1)",
            "return (last, y), (last + 1, y)",
            "wanted one before|only the column differs|not the two neighbours",
        ),
        ("two_hop", "a_glob @ pool @ once", "once @ a_glob @ pool", "the hops are in the wrong order"),
        ("two_hop", "(torch.eye(len(a_loc)) + a_loc) / 2", "a_loc", "the identity is missing"),
        ("two_hop", "(torch.eye(len(a_loc)) + a_loc) / 2", "(torch.eye(len(a_loc)) + a_loc) * 2 / 2", "rows sum to 2|has the right shape"),
        ("two_hop", "(a_glob @ pool @ once + once) / 2", "a_glob @ pool @ once + once", "the two paths are added, not averaged"),
        ("two_hop", " + once) / 2", ")", "only the path through the cells is there"),
        ("rollout", "(torch.eye(len(block)) + block) / 2 @ result", "block @ result", "the identity is missing"),
        ("rollout", "(torch.eye(len(block)) + block) / 2 @ result", "result @ (torch.eye(len(block)) + block) / 2", "wrong order"),
        (
            "rollout",
            "(torch.eye(len(block)) + block) / 2 @ result",
            "(torch.eye(len(block)) + block) @ result",
            "the blocks are not halved",
        ),
        ("integrated_gradients", "baseline + (step", "(step", "the path starts at 0"),
        ("integrated_gradients", "(difference * total", "(image * total", "the factor before the mean gradient is the image"),
        ("integrated_gradients", "difference = image - baseline", "difference, baseline = image, 0 * baseline", "the baseline is missing"),
        ("integrated_gradients", "(difference * total", "(total", "that is the mean gradient"),
        ("integrated_gradients", "total / steps", "total", "the gradients are added, not averaged"),
        ("integrated_gradients", "(step + 0.5) / steps * difference", "difference", "that is the gradient at the image alone"),
        ("integrated_gradients", "[0, target]", "[0].sum()", "the gradient is that of all logits"),
        ("integrated_gradients", "[0].sum(0)", "[0]", "add up the channels"),
        ("grad_cam", "gradient.mean((2, 3), keepdim=True)", "gradient", "are multiplied token by token"),
        ("grad_cam", "gradient.mean((2, 3), keepdim=True)", "gradient.sum((2, 3), keepdim=True)", "Grad-CAM takes their mean"),
        ("grad_cam", "mean((2, 3), keepdim=True)", "mean(1, keepdim=True)", "the mean is over channels"),
        ("grad_cam", ".sum(0).detach()", ".sum(0).relu().detach()", "the map is clipped at 0"),
        ("deletion", "-importance", "importance", "the least important cells go first"),
        (
            "deletion",
            "order[: round(step / steps * len(order))]",
            "order[max(0, round((step - 1) / steps * len(order))) : round(step / steps * len(order))]",
            "the cells of earlier steps come back",
        ),
        ("deletion", ".softmax(0)[target]", "[target]", "these are logits"),
        ("deletion", "order[: round(step / steps * len(order))]", "order[round(step / steps * len(order)) :]", "that is insertion"),
    )
