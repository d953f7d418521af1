"""The checks of notebook 8, who may attend to whom."""

import math

import pytest
import torch

from hatnet.geometry import layout_of
from tests.tutorials.notebook_checks import NotebookChecks
from tutorials.machinery.checks import who_attends_to_whom
from tutorials.machinery.checks.grading import Wrong
from tutorials.machinery.figures import reach


class TestWhoAttendsToWhom(NotebookChecks):
    checks = who_attends_to_whom
    mistakes = (
        ("windows", "(y - shift) // g, (x - shift) // g", "y // g, x // g", "the shift is missing"),
        ("windows", "(y - shift) // g, (x - shift) // g", "(y + shift) // g, (x + shift) // g", "the wrong way round"),
        (
            "windows",
            "down, across = (y - shift) // g, (x - shift) // g",
            "down, across = (y - shift) % (h + -h % g) // g, (x - shift) % (w + -w % g) // g",
            "the windows at the two ends of the map are one",
        ),
        ("windows", " & (across[:, None] == across)", "", "rows alone"),
        ("windows", "(down[:, None] == down) & ", "", "columns alone"),
        ("windows", ") & (", ") | (", "same window down *and* across"),
        ("windows", "(y - shift) // g, (x - shift) // g", "(y - shift) % g, (x - shift) % g", "your windows are dilated"),
        (
            "windows",
            "(down[:, None] == down) & (across[:, None] == across)",
            "((y[:, None] - y).abs() < g) & ((x[:, None] - x).abs() < g)",
            "a window has fixed borders",
        ),
        ("windows", ") & (", ") * 1.0 * (", "the mask is float32"),
        ("touching", ".abs() <= 1) & (", ".abs() <= 1) & (y[:, None] * w + x[:, None] != y * w + x) & (", "around itself"),
        (
            "touching",
            "((y[:, None] - y).abs() <= 1) & ((x[:, None] - x).abs() <= 1)",
            "(y[:, None] - y).abs() + (x[:, None] - x).abs() <= 1",
            "diagonal",
        ),
        ("touching", ") & (", ") | (", "in rows *and* in columns"),
        (
            "touching",
            "((y[:, None] - y).abs() <= 1) & ((x[:, None] - x).abs() <= 1)",
            "(torch.arange(h * w)[:, None] - torch.arange(h * w)).abs() <= 1",
            "the numbers in the list do not tell",
        ),
        ("touching", "<= 1", "<= 2", "that is 5 x 5"),
        ("reached", "step.float() @ found.float()", "found.float() @ step.float()", "the order is reversed"),
        ("reached", "(step.float() @ found.float()) > 0", "step & found", "in all masks"),
        ("reached", "(step.float() @ found.float()) > 0", "step | found", "in any mask"),
        ("reached", "(step.float() @ found.float()) > 0", "step", "the last step alone"),
        ("reached", "return found", "return steps[0]", "the first step alone"),
        ("reached", "return found", "return found.T", "rows and columns are swapped"),
        ("reached", "return found", "return found.float()", "wanted True and False"),
        ("steps_needed", "return number + 1", "return number", "one too few"),
        ("steps_needed", "return number + 1", "return number + 2", "one too many"),
        ("steps_needed", "return math.inf", "return most", "return math.inf"),
        ("steps_needed", "range(most)", "range(most - 1)", "the last of the `most` steps"),
        ("steps_needed", "number % len(steps)", "0", "all have met by then"),
        ("steps_needed", "reached([found, steps[number % len(steps)]])", "reached([found, *steps])", "rounds of all masks"),
    )

    @pytest.mark.parametrize(("h", "w", "g"), [(16, 16, 4), (14, 9, 4), (7, 7, 7), (10, 10, 5)])
    def test_the_masks_are_those_of_hatnets_layouts(self, h, w, g):
        windows = self.answers()["windows"]
        for kind, shift in (("window", 0), ("shifted_window", g // 2 if max(h, w) > g else 0)):
            layout = layout_of(kind, h, w, g, 2)
            mask = windows(h, w, g, shift)
            for y in range(h):
                for x in range(w):
                    wanted = torch.zeros(h, w, dtype=torch.bool)
                    top, left, height, width = layout.rectangle((y, x))
                    wanted[top : top + height, left : left + width] = True
                    assert torch.equal(mask[y * w + x].view(h, w), wanted)

    def test_a_wrong_number_of_steps_that_is_no_known_mistake(self):
        with pytest.raises(Wrong, match="the number of steps is too large"):
            self.checks.steps_needed(lambda steps, most: 77)
        with pytest.raises(Wrong, match=r"wanted the number of steps\."):
            self.checks.steps_needed(lambda steps, most: math.inf)


def test_the_picture_shows_single_tokens_before_means_and_says_so():
    single, mean = torch.zeros(2, 4, 4, dtype=torch.bool).numpy()
    single[1, 2], mean[1:3] = True, True
    photo = torch.zeros(8, 8, 3, dtype=torch.uint8).numpy()
    figure = reach.side_by_side({"one": reach.reach(single, mean, (1, 2), photo), "two": reach.reach(mean, single, (0, 0), photo)})
    heat = figure.data[0]
    assert heat.z[1][2] == 2 and heat.z[1][1] == 1 and heat.z[0][0] == 0
    assert heat.text[1][2] == "row 2, column 3: read one by one" and heat.text[2][0] == "row 3, column 1: read in the mean of a cell"
    assert heat.text[3][3] == "row 4, column 4: not read"
    assert [trace.name for trace in figure.data if trace.showlegend] == ["read one by one", "read in the mean of a cell"]
    assert [shape.xref for shape in figure.layout.shapes] == ["x", "x", "x2", "x2"]
    assert reach.reach_alt({"one": (single, mean)}) == "What the token reads. one: 1 of 16 tokens one by one, 7 in means."
