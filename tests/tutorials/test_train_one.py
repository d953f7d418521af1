"""The checks of notebook 7, train one."""

from tests.tutorials.notebook_checks import NotebookChecks
from tutorials.checks import train_one


class TestTrainOne(NotebookChecks):
    checks = train_one
    mistakes = (
        ("card_loss", "* weights", "* (labels != IGNORED)", "the weights are missing"),
        ("card_loss", "(each * weights).sum() / len(logits)", "each.mean()", "the loss is too"),
        ("card_loss", "(each * weights).sum() / len(logits)", "(each * weights).mean()", "divide by the number of images"),
        ("card_loss", " / len(logits)", "", "that is the sum over all images"),
        ("questions", "asked[:, 0, 0] = False", "pass", "the asker is among the cards"),
        ("questions", "right[asked]", "right[:, 1:]", "the local accuracy is|cells without a card"),
        ("questions", "return asker, right[asked].float().mean().item()", "return right[asked].float().mean().item(), asker", "swapped"),
        ("far_change", "change[:, :, 0, 0]", "change", "you compare the logits of all cells"),
        (
            "far_change",
            "mixed[:, :, :12, :12] = images[:, :, :12, :12]",
            "pass",
            "a model that reads the asker's own pixels alone must not change",
        ),
        (
            "far_change",
            "mixed[:, :, :12, :12] = images[:, :, :12, :12]",
            "mixed[:, :, :24, :24] = images[:, :, :24, :24]",
            "replace all pixels outside",
        ),
        ("far_change", ".abs().max()", ".max()", "take the absolute value"),
        ("far_change", ".abs().max()", ".abs().mean()", "wanted the largest change"),
        ("far_change", "other.clone()", "images", "a model that reads pixels of another cell did not change"),
        (
            "pointing",
            "(mass.argmax(-1) == marked[:, None]).float().mean(0)",
            "(mass.mean(1).argmax(-1) == marked).float().mean()",
            "one score for each head",
        ),
        (
            "pointing",
            "(mass.argmax(-1) == marked[:, None]).float().mean(0)",
            "mass[torch.arange(len(marked)), :, marked].mean(0)",
            "wanted how often it gets the most",
        ),
        ("may_read", "return ~(", "return (", "the mask is the wrong way round"),
        (
            "may_read",
            "is_asker[None, :, None] & gone",
            "torch.ones(1, 144, 1, dtype=torch.bool) & gone",
            "the card is hidden from all tokens",
        ),
        ("may_read", "& gone[:, None, :]", "& (gone[:, None, :] | True)", "all cells are hidden"),
        ("cheapest", 'if row["accuracy"] >= least', "", "that is the cheapest of all"),
        ("cheapest", "p - 1.96", "p - 0.5", "a cheaper one is too|that is the trained setting"),
        ("cheapest", "p - 1.96", "p - 2.5", "that accuracy lies below the interval"),
    )
