"""The builder, and what it has written: exercises and solutions are in step with their sources."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import nbformat
import pytest

from app.core import checkpoints
from app.core.view import parse
from tutorials.machinery import build

SOURCES = build.sources()
NAMES = [source.stem for source in SOURCES]


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_source_exercise_and_solution_are_in_step(source):
    """python tutorials/machinery/build.py, and commit what it writes."""
    for built, folder in zip(build.build(source), (build.EXERCISES, build.SOLUTIONS), strict=True):
        stored = nbformat.read(folder / f"{source.stem}.ipynb", as_version=4)
        assert [(cell.id, cell.cell_type, cell.source) for cell in stored.cells] == [
            (cell.id, cell.cell_type, cell.source) for cell in built.cells
        ]
        assert stored.metadata.kernelspec.name == "python3"


def test_no_notebook_without_a_source():
    for folder in (build.EXERCISES, build.SOLUTIONS):
        assert sorted(path.stem for path in folder.glob("*.ipynb")) == NAMES


def test_the_readme_lists_every_notebook_with_its_times():
    """python tutorials/machinery/build.py"""
    readme = build.README.read_text(encoding="utf-8")
    assert build.with_table(readme) == readme
    links = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert [Path(link).stem for link in links if link.endswith(".ipynb")] == [name for name in NAMES for _ in range(2)]
    for link in links:
        assert (build.README.parent / link).exists(), link
    row = r"\| \[8\. Who may attend to whom: .*\]\(.*08-who-attends-to-whom\.ipynb\) \| \[solved\]\(solutions/08-.*\) "
    assert re.search(row + r"\| 30 minutes, and 20 more for the last exercise \| 5 seconds \|", readme)


@pytest.mark.parametrize("name", NAMES)
def test_the_exercise_hides_the_answers(name):
    cells = nbformat.read(build.EXERCISES / f"{name}.ipynb", as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert all(not cell.outputs for cell in code)
    text = "\n".join(cell.source for cell in code)
    assert "# solution" not in text and "# end" not in text
    assert text.count("raise NotImplementedError(") == text.count("# TODO ")
    assert sum(cell.source.startswith("<details><summary>Solution</summary>") for cell in cells) >= 3


def test_the_solution_keeps_the_comment_without_its_todo(tmp_path):
    source = tmp_path / "01-x.py"
    cell = "# %%\ndef f(x):\n    # TODO Eq. 1: double x,\n    # and return it.\n    # solution\n    return 2 * x\n    # end\n"
    source.write_text(f"# %% [markdown]\n# Title\n\n{cell}\n# %% [markdown]\n# {build._HINT}\n", encoding="utf-8")
    exercise, solution = ([cell.source for cell in notebook.cells] for notebook in build.build(source))
    solved = "def f(x):\n    # Eq. 1: double x,\n    # and return it.\n    return 2 * x"
    assert solution[-2] == solved
    assert exercise[-1] == f"<details><summary>Solution</summary>\n\n```python\n{solved}\n```\n\n</details>"
    todo = "    # TODO Eq. 1: double x,\n    # and return it.\n"
    assert exercise[-3] == f'def f(x):\n{todo}    raise NotImplementedError("TODO Eq. 1: double x, and return it.")'


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_is_committed_as_it_ran(name):
    """python tutorials/machinery/build.py --execute NN"""
    path = build.SOLUTIONS / f"{name}.ipynb"
    assert path.stat().st_size < build.HEAVY
    outputs = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            assert cell.execution_count, f"not run: {cell.source[:60]!r}"
            assert "# TODO" not in cell.source
            outputs += cell.outputs
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    figures = [output.data for output in outputs if "application/vnd.plotly.v1+json" in output.get("data", {})]
    assert figures and all("image/png" in data and data["text/plain"] for data in figures)


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_links_and_folders(source):
    text = source.read_text(encoding="utf-8")
    assert "shared/" not in text
    header = text.split("# %%")[1]
    for word in ("**You will** ", "**You need** ", "**Run time** on a CPU: about ", "with `make app` running"):
        assert word in header
    links = re.findall(r"\((http://localhost:8501/[^)]*)\)", text)
    assert links
    for link in links:
        parts = urlsplit(link)
        assert parts.path in ("/", "/explorer", "/equations", "/grids", "/cost", "/why")
        _, notices = parse(dict(parse_qsl(parts.query)), checkpoints.names(), checkpoints.describe, has_upload=False, stops=12)
        assert not notices, notices
    for other in re.findall(r"\]\((\d\d-[\w-]+)\.ipynb\)", text):
        assert other in NAMES


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# %%\nx = 1\n", "must begin with a text cell"),
        ("# %% [markdown]\n# Title\n\n# %%\ndef f():\n    # solution\n    return 1\n    # end\n", "without a '# TODO"),
        ("# %% [markdown]\n# Title\n\n# %%\n# TODO Eq. 1: this\n# solution\nx = 1\n# end\n", "no hint follows"),
    ],
)
def test_a_source_that_breaks_the_rules(tmp_path, text, problem):
    path = tmp_path / "01-x.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=problem):
        build.build(path)


def test_outputs_are_kept_only_where_the_code_is_the_same(tmp_path):
    source = tmp_path / "01-x.py"
    source.write_text("# %% [markdown]\n# Title\n\n# %%\n1 + 1\n", encoding="utf-8")
    _, solution = build.build(source)
    solution.cells[2].outputs = [nbformat.v4.new_output("stream", text="2")]
    path = tmp_path / "01-x.ipynb"
    nbformat.write(solution, path)
    for same in ("1 + 1", "# A comment.\n1 + 1", "(\n    1 + 1\n)"):
        source.write_text(source.read_text().partition("# %%\n")[0] + f"# %%\n{same}\n", encoding="utf-8")
        _, again = build.build(source)
        assert build.with_outputs(again, path).cells[2].outputs
    source.write_text(source.read_text().replace("1 + 1", "2 + 1"), encoding="utf-8")
    _, other = build.build(source)
    assert not build.with_outputs(other, path).cells[2].outputs
