"""Every number that a notebook's text states about a result stands in what the cells around it print.

What counts as such a number: a percentage, a decimal fraction, and a number of "times", of MB, GB or ms, outside of code and formulas. It
must be among the numbers that the code cells nearby print, or that a figure's alternative text names, rounded to as many digits as the
text gives. Seconds and minutes are not held: how long a cell takes depends on the machine. A number that is no result (an example, a
setting, the paper's claim) is marked by a comment in the same cell, which a reader does not see: `<!-- not printed here: 90 % (an
example); 3 times (the paper) -->`. It gives the reason with each number.
"""

import re

import nbformat
import pytest

from tutorials.machinery import build

NAMES = [source.stem for source in build.sources()]
NEAR = 3  # code cells before and after the text
UNIT = r"%|times|MB|GB|ms|million"
STATED = re.compile(rf"(?<![\w.,/^{{])(−?\d+(?:,\d{{3}})*(?:\.\d+)?)(?:[ \u00a0]?({UNIT})(?![\w-]))?")
MARKS = re.compile(r"<!-- not printed here: (.*?) -->", re.S)
# What holds no result: a folded hint, code, a formula, a link's address, a mark itself, "section 3.2", arXiv's numbers.
SILENT = re.compile(
    r"<details><summary>(?:Hint|Next|Last|Solution).*?</details>|```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<!--.*?-->"
    r"|[Ss]ection [\d.]+\d|\b\d{4}\.\d{5}\b",
    re.S,
)


def numbers(text: str) -> list[float]:
    return [
        float(number.replace(",", "").replace("−", "-"))
        for number in re.findall(r"(?<![\w.])[-−]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]\d+)?", text)
    ]


def stated(text: str) -> list[tuple[str, str]]:
    """The numbers of a text that are about a result: (number, unit)."""
    spoken = SILENT.sub(" ", text)
    found = [(match[1], match[2] or "") for match in STATED.finditer(spoken)]
    return [(number, unit) for number, unit in found if unit or "." in number]


def printed(cell) -> list[float]:
    """All numbers in a cell's outputs, its figures' alternative texts among them."""
    texts = [output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", ())]
    return numbers("\n".join(texts))


def rounds_to(value: float, number: str, unit: str) -> bool:
    digits = len(number.partition(".")[2])
    said = float(number.replace(",", "").replace("−", "-"))
    scales = (1, 100) if unit == "%" else (1,)
    return any(abs(value * scale - said) <= 0.5000001 * 10**-digits for scale in scales)


def unprinted(cells: list) -> list[str]:
    """The numbers that a notebook's texts state, and that no cell nearby prints, each with the beginning of its text."""
    codes = [index for index, cell in enumerate(cells) if cell.cell_type == "code"]
    missing = []
    for index, cell in enumerate(cells):
        if cell.cell_type != "markdown" or index == 0:
            continue
        before, after = [at for at in codes if at < index][-NEAR:], [at for at in codes if at > index][:NEAR]
        values = [value for at in before + after for value in printed(cells[at])]
        marked = {pair for mark in MARKS.findall(cell.source) for pair in stated(mark)}
        for number, unit in stated(cell.source):
            if (number, unit) not in marked and not any(rounds_to(value, number, unit) for value in values):
                missing.append(f"{number} {unit}".strip() + f" in {cell.source[:60]!r}")
    return missing


@pytest.mark.parametrize("name", NAMES)
def test_what_a_text_states_is_what_a_cell_prints(name):
    """Let a cell nearby print it, correct the text, or mark the number and say why it is not printed."""
    missing = unprinted(nbformat.read(build.SOLUTIONS / f"{name}.ipynb", as_version=4).cells)
    assert not missing, "\n".join(missing)


def test_a_number_that_no_cell_prints_is_found():
    def notebook(text, output):
        code = nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("stream", text=output)])
        return [nbformat.v4.new_markdown_cell("# Header, 15 seconds"), code, nbformat.v4.new_markdown_cell(text)]

    assert unprinted(notebook("It keeps 33 % of it.", "keep 0.3317")) == []
    assert unprinted(notebook("It keeps 33 % of it.", "keep 33% of the variance")) == []
    assert unprinted(notebook("It keeps 43 % of it.", "keep 33%")) == ["43 % in 'It keeps 43 % of it.'"]
    assert unprinted(notebook("A loss of 0.32, 7.3 times as fast", "0.3249 and 7.3")) == []
    assert len(unprinted(notebook("A loss of 0.32, 7.3 times as fast", "0.3251 and 7.4"))) == 2
    assert unprinted(notebook("`x = 0.5`, $0.5$ and [a link](page?x=0.40): 16 × 16 tokens", "")) == []
    assert unprinted(notebook("Say 90 %. <!-- not printed here: 90 % (an example) -->", "")) == []
    assert unprinted(notebook("**Exercise 3** ●● 10 minutes: see section 3.2 of 2106.03180.", "")) == []
    assert len(unprinted(notebook("Say 90 % or 95 %. <!-- not printed here: 90 % (an example) -->", ""))) == 1
