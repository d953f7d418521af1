"""Where something stands in the source, held against the files themselves."""

from pathlib import Path

import pytest

from hatnet import source_lines
from hatnet.attention import HMHSA
from hatnet.blocks import Stem

ROOT = Path(__file__).parents[2]
# What the line of each equation must hold.
CALLS = {
    **{
        1: "self.qkv(",
        2: "attend(q, k, v",
        3: "self.proj(",
        4: "self.mlp(x)",
        5: "2 * (h * w) ** 2 * c",
        6: "partition(",
        7: "self.qkv(x1)",
    },
    **{8: "merge(", 9: "local + x", 10: "pool(", 11: "b (h w) c", 12: "self.kv(keys)", 13: "b c h w", 14: "a1 + a2", 15: "hmhsa_terms("},
}


@pytest.mark.parametrize("number", CALLS)
def test_the_line_of_each_equation(number):
    line = source_lines.equation(number)
    there = (ROOT / line.path).read_text(encoding="utf-8").splitlines()[line.first - 1]
    assert there.strip() == line.text and CALLS[number] in line.text and line.last == line.first


def test_an_equation_that_the_paper_does_not_have():
    assert tuple(range(1, 16)) == source_lines.EQUATIONS
    with pytest.raises(ValueError, match=r"Eq\. 16: the paper has Eqs\. 1 to 15"):
        source_lines.equation(16)


@pytest.mark.parametrize("thing", [HMHSA, Stem, HMHSA.global_step])
def test_the_lines_of_a_class_or_function(thing):
    lines = source_lines.lines_of(thing)
    whole = (ROOT / lines.path).read_text(encoding="utf-8").splitlines()
    assert thing.__name__ in whole[lines.first - 1]
    written = [line.strip() for line in whole[lines.first - 1 : lines.last]]
    assert [line.strip() for line in lines.text.splitlines()] == written
    assert not lines.text[0].isspace() and lines.last - lines.first > 5
