"""What the tests of all notebooks' checks share: a notebook's own answers, spoilt one at a time."""

import ast
import re
import textwrap
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import jupytext
import nbformat
import pytest

from tutorials.machinery import build
from tutorials.machinery.checks.grading import Todo, Wrong

MARK = re.compile(r"^ *# (?:solution|end)\n?", re.M)


@cache
def answer_cells(source: Path) -> list[str]:
    """Return the code of a notebook's imports, of all its answers and of the functions that it gives, one function an entry."""
    first, *others = [cell.source for cell in jupytext.read(source, fmt="py:percent").cells if cell.cell_type == "code"]
    wanted = [code for code in others if "# solution" in code or all(isinstance(node, ast.FunctionDef) for node in ast.parse(code).body)]
    return [first, *(part for code in wanted for part in re.split(r"\n(?=def )", MARK.sub("", code)))]


class NotebookChecks:
    """The tests of one notebook's checks. A subclass names their module and lists the mistakes that they must name.

    A mistake: the function, the text in its answer that is replaced, the replacement, and what the check then says (alternatives are
    separated by |).
    """

    checks: ClassVar[ModuleType]
    mistakes: ClassVar[tuple[tuple[str, str, str, str], ...]]

    def pytest_generate_tests(self, metafunc):
        if "mistake" in metafunc.fixturenames:
            metafunc.parametrize("mistake", self.mistakes, ids=lambda mistake: f"{mistake[0]}: {mistake[3]}"[:60])

    def answers(self, name: str = "", old: str = "", new: str = "") -> dict:
        """Run the notebook's imports and answers and return its variables. In the function `name`, `old` is replaced by `new`."""
        topic = self.checks.__name__.rpartition(".")[2].replace("_", "-")
        (source,) = (source for source in build.sources() if source.stem[3:] == topic)
        spoilt = False
        variables: dict = {}
        for code in answer_cells(source):
            if name and code.startswith(f"def {name}("):
                assert old in code, f"{name} does not hold {old!r}"
                code, spoilt = code.replace(old, new), True
            exec(code, variables)
        assert spoilt == bool(name)
        return variables

    def test_a_mistake_is_caught_and_named(self, mistake):
        name, old, new, says = mistake
        found = self.answers(name, old, new)
        with pytest.raises(Wrong) as caught:
            getattr(self.checks, name)(found[name])
        text = str(caught.value)
        assert any(part in text for part in says.split("|")), text
        assert not re.search(r"\d\.\d", text.replace("1.96", ""))  # no number of the answer; 1.96 is in the question
        assert caught.value._render_traceback_() == [f"Not yet: {text}"]  # what a notebook shows in place of a traceback

    def test_the_right_answers_pass(self, capsys):
        found = self.answers()
        assert found["checks"] is self.checks
        for name in self.checks.__all__:
            getattr(self.checks, name)(found[name])
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == len(self.checks.__all__) and all(line.startswith("✓ ") for line in lines)

    def test_an_unwritten_answer_passes_on_what_is_to_do(self):
        def unwritten(*arguments):
            raise NotImplementedError("TODO Eq. 15: the rest")

        for name in self.checks.__all__:
            with pytest.raises(Todo, match=r"^TODO Eq\. 15: the rest$"):
                getattr(self.checks, name)(unwritten)


class Variants(NotebookChecks):
    """The same with whole functions: right answers in other styles, and wrong ones.

    right: "function: style" -> code. wrong: what the check says -> code. The code defines one function, and may call the notebook's.
    """

    right: ClassVar[dict[str, str]]
    wrong: ClassVar[dict[str, str]]

    def pytest_generate_tests(self, metafunc):
        super().pytest_generate_tests(metafunc)
        for kind in ("right", "wrong"):
            if f"{kind}_answer" in metafunc.fixturenames:
                table = getattr(self, kind)
                metafunc.parametrize(f"{kind}_answer", table.items(), ids=[text[:60] for text in table])

    def check(self, code: str) -> str:
        """Check the function that the code defines; return its name."""
        code = textwrap.dedent(code)
        name = re.search(r"^def (\w+)\(", code, re.M)[1]
        variables = dict(self.answers())
        exec(code, variables)
        getattr(self.checks, name)(variables[name])
        return name

    def test_a_right_answer_in_another_style_passes(self, right_answer):
        title, code = right_answer
        assert self.check(code) == title.split(":")[0]

    def test_a_wrong_answer_is_caught_and_named(self, wrong_answer):
        says, code = wrong_answer
        with pytest.raises(Wrong, match=re.escape(says)):
            self.check(code)


def printed(number: str) -> str:
    """All that the cells of a solved notebook print, as it is committed."""
    (path,) = build.SOLUTIONS.glob(f"{number}-*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    return "".join(output.text for cell in cells if cell.cell_type == "code" for output in cell.outputs if output.output_type == "stream")


def exercises(number: str) -> list[tuple[int, int, int]]:
    """The exercises of a notebook, in order: mark (1 to 3), minutes, and how many hints fold open before the solution."""
    (source,) = (source for source in build.sources() if source.stem.startswith(number))
    found, mark = [], None
    for cell in jupytext.read(source, fmt="py:percent").cells:
        if headed := re.search(r"^\*\*Exercise (\d+)\*\* (●+) (\d+) minutes", cell.source, re.M):
            assert mark is None and int(headed[1]) == len(found) + 1
            mark = len(headed[2]), int(headed[3])
        elif cell.cell_type == "code" and "# TODO" in cell.source:
            assert mark, f"no mark and time stand above {cell.source[:60]!r}"
        elif cell.source.startswith("<details><summary>Hint</summary>"):
            assert mark
            found.append((*mark, cell.source.count("<details>")))
            mark = None
    return found
