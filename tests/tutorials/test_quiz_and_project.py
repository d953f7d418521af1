"""The quiz of notebook 9: every wrong option gets its reason, and the formulas hold in an experiment."""

import re

import pytest
import torch

from hatnet.attention import attend, pool
from tests.tutorials.notebook_checks import NotebookChecks
from tutorials.machinery import build
from tutorials.machinery.checks import quiz_and_project
from tutorials.machinery.checks.grading import Wrong

OPTIONS = {
    "exchanged": ("b", {"a": "the *mean* of all tokens", "c": "a sum has no order", "d": "knows at which place"}),
    "blind_test": ("d", {"a": "lie four tokens apart", "b": "the numbers differ", "c": "single tokens all over the map"}),
    "averaged_late": ("c", {"a": "about the numbers", "b": "tokens or cells", "d": "before softmax weighs"}),
    "proof": ("b", {"a": "the seventh digit", "c": "own input", "d": "windows at the edge"}),
    "in_proportion": ("c", {"a": "the number of cells grows", "b": "a fixed part of the map", "d": "a window that grows"}),
    "reason": ("a", {"b": "is *read* there", "c": "made of the same weights", "d": "an ear detector"}),
    "cannot": ("d", {"a": "three runs that did not succeed", "b": "is not shown", "c": "with any weights"}),
    "far_corner": ("b", {"a": "How many tokens share it", "c": "it is dark", "d": "a mean is not nothing"}),
}


class TestQuizAndProject(NotebookChecks):
    checks = quiz_and_project
    mistakes = (
        *(
            (name, f'return "{right}"', f'return "{letter}"', says)
            for name, (right, wrong) in OPTIONS.items()
            for letter, says in wrong.items()
        ),
        ("score_variance", "s**4", "s**2", "the standard deviation"),
        ("score_variance", "s**4", "d * s**4", "the division by sqrt(d) is missing"),
        ("score_variance", "s**4", "d**0.5 * s**4", "divides the variance by d"),
        ("score_variance", "s**4", "d * s**2", "*two* variances"),
        ("score_variance", "s**4", "s**4 / d", "are added up"),
        ("score_variance", "s**4", "s", "its square"),
        ("score_variance", "s**4", "2 * s**4", "too large"),
        ("real_keys", "min(g, h - top) * min(g, w - left)", "g * g", "counts the padding"),
        ("real_keys", "min(g, w - left)", "g", "the right edge"),
        ("real_keys", "min(g, h - top)", "g", "the lower edge"),
        ("real_keys", "y // g * g, x // g * g", "y, x", "from where the window begins"),
        ("real_keys", "min(g, h - top) * min(g, w - left)", "(h % g or g) * (w % g or g)", "is this token's window at the edge"),
    )

    @pytest.mark.parametrize("answer", ["e", "", "ab", 2, ["b"]])
    def test_an_answer_that_is_no_letter(self, answer):
        with pytest.raises(Wrong, match='wanted one letter, "a", "b", "c" or "d"; got'):
            self.checks.exchanged(lambda: answer)

    @pytest.mark.parametrize("answer", ["B", " b ", "b.", "(b)"])
    def test_a_letter_in_another_style(self, answer):
        self.checks.exchanged(lambda: answer)

    def test_every_question_has_its_check_and_its_four_options(self):
        (source,) = (source for source in build.sources() if source.stem.endswith("quiz-and-project"))
        text = source.read_text(encoding="utf-8")
        assert [int(number) for number in re.findall(r"^# ## Question (\d+) ●+ \(notebooks? ", text, re.M)] == list(range(1, 11))
        assert re.findall(r"^checks\.(\w+)\(", text, re.M) == self.checks.__all__
        assert len(re.findall(r"^# - \*\*[abcd]\*\* ", text, re.M)) == 4 * len(OPTIONS)


def test_the_right_answers_hold_in_experiments():
    """Questions 1, 2 and 5, tried."""
    torch.manual_seed(0)
    tokens = torch.randn(1, 1, 9, 8)
    order = torch.tensor([0, 5, 2, 3, 4, 1, 6, 7, 8])
    plain, exchanged = (attend(x, x, x)[0] for x in (tokens, tokens[:, :, order]))
    assert torch.allclose(exchanged, plain[:, :, order], atol=1e-6) and not torch.allclose(exchanged, plain, atol=1e-2)

    for d, s in ((4, 1.5), (64, 0.7)):
        q, k = s * torch.randn(2, 200_000, d)
        assert ((q * k).sum(-1) / d**0.5).var().item() == pytest.approx(s**4, rel=0.05)

    x, layer = torch.randn(1, 8, 5, 6), torch.nn.Linear(8, 8)
    early = layer(pool(x, 2).movedim(1, -1))
    late = pool(layer(x.movedim(1, -1)).movedim(-1, 1), 2).movedim(1, -1)
    assert torch.allclose(early, late, atol=1e-6)
