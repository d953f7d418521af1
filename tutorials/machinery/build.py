"""Build the notebooks: `python tutorials/machinery/build.py`. `--execute` also runs the solutions and stores their outputs;
`--execute 02 03` builds and runs only these two.

One source makes two notebooks: `source/NN-name.py` (jupytext's percent format: `# %%` begins a code cell, `# %% [markdown]` a text
cell) becomes `tutorials/NN-name.ipynb` and `tutorials/solutions/NN-name.ipynb`. The rules for a source:

1. The first cell is text: the header. After it the builder inserts the cell that finds the project (`START`), so no source contains it,
   and in the exercise what to do after a restart of the kernel.
2. The answer, which the student is to write, stands between `# solution` and `# end`, below a comment that says what is wanted:

       def merge(x1, g, h, w):
           # TODO Eq. 8: put the windows back on the map, [(b gh gw), (i j), c] -> [b, c, h, w].
           # solution
           return rearrange(x1, "(b gh gw) (i j) c -> b c (gh i) (gw j)", ...)
           # end

   In the exercise, `raise NotImplementedError("TODO Eq. 8: put the windows ...")` replaces the answer; the comment stays. In the
   solution the comment loses its "TODO". A long TODO continues in the comment lines below it. One cell may hold several such parts.
3. Then follow the check, a code cell of one line (`checks.merge(merge)`), and the hint, a text cell that begins with
   `<details><summary>Hint</summary>`. After the hint the builder inserts the folded solution, in the exercise only.
4. "Now predict" is a text cell with a question. The answer is the output of the next cell, or is folded away in the same cell under
   `<details><summary>Answer</summary>`.

Leave a blank line after `</summary>` and before `</details>`, or the Markdown between them is not rendered. Figures come from
`tutorials/machinery/figures` and are shown by `tutorials.machinery.start.show`. The checks of `NN-some-name` are in `checks/some_name.py`.

The header names the times, which the table in README.md repeats: "**Run time** on a CPU: about ... . Working time: ... .".

Building is deterministic: cell ids count the cells, and building twice gives the same files. Without `--execute`, a solution keeps its
stored outputs if its code has not changed, comments aside. If it has, the solution is left without outputs, and a test fails until it is
run again.
"""

import argparse
import ast
import os
import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
EXERCISES, SOLUTIONS = FOLDER.parent, FOLDER.parent / "solutions"
README = FOLDER.parent / "README.md"
SECONDS = 240  # time limit of one cell
HEAVY = 500_000  # bytes; larger notebooks are displayed slowly by code hosts, or not at all

START = """\
import os
import sys
from pathlib import Path

# Find the project: above this notebook, or beside the Python that runs it.
notebook = globals().get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME") or "x"
places = [*Path(notebook).resolve().parents, *Path("x").resolve().parents]
places += [Path(sys.prefix).parent, *map(Path, sys.path)]
root = next((place for place in places if (place / "tutorials/machinery/start.py").is_file()), None)
if root is None:
    raise ImportError(
        "the project was not found: open this notebook inside the project's folder, "
        "or choose the project's .venv as its kernel"
    )
sys.path.insert(0, str(root))

import tutorials.machinery.start  # threads, seed, and a clear message if a package is missing

print("Ready.")"""

RESTART = """\
<small>After a restart, the kernel has forgotten everything: click the cell where you were, and let
**Run > Run All Above Selected Cell** (VS Code: **Execute Above Cells**) catch up.</small>"""

_PART = re.compile(r"^(?P<indent> *)# solution\n(?P<answer>.*?)^(?P=indent)# end\n?", re.M | re.S)
_TODO = re.compile(r"(?:^|\n) *# (TODO.*(?:\n *# .*)*)\n *$")
_HINT = "<details><summary>Hint</summary>"


def sources() -> list[Path]:
    return sorted((FOLDER / "source").glob("*.py"))


def build(source: Path) -> tuple[NotebookNode, NotebookNode]:
    """Build the exercise and the solution of one source, without outputs. Raises ValueError if the source breaks a rule above."""
    cells = jupytext.read(source, fmt="py:percent").cells
    if not cells or cells[0].cell_type != "markdown":
        raise ValueError(f"{source.name} must begin with a text cell, the header")
    exercise, solution, waiting = [], [], None
    for cell in [cells[0], nbformat.v4.new_code_cell(START), *cells[1:]]:
        if cell.source == START:
            exercise.append(("markdown", RESTART))
        if cell.cell_type == "markdown":
            exercise.append(("markdown", cell.source))
            solution.append(("markdown", cell.source))
            if cell.source.startswith(_HINT) and waiting:
                exercise.append(("markdown", f"<details><summary>Solution</summary>\n\n```python\n{waiting}\n```\n\n</details>"))
                waiting = None
            continue
        blank, filled = _parts(cell.source, source.name)
        exercise.append(("code", blank))
        solution.append(("code", filled))
        if blank != filled:
            if waiting:
                raise ValueError(f"{source.name}: no hint follows the TODO before {blank.splitlines()[0]!r}")
            waiting = filled
    if waiting:
        raise ValueError(f"{source.name}: no hint follows the last TODO")
    return _notebook(exercise), _notebook(solution)


def _parts(code: str, name: str) -> tuple[str, str]:
    """The code of a cell in the exercise, where a NotImplementedError replaces each answer, and in the solution."""
    blank, filled, end = "", "", 0
    for part in _PART.finditer(code):
        before = code[end : part.start()]
        todo = _TODO.search(before)
        if not todo:
            raise ValueError(f"{name}: a '# solution' without a '# TODO ...' comment right above it")
        text = " ".join(line.strip().removeprefix("#").strip() for line in todo[1].splitlines())
        blank += f"{before}{part['indent']}raise NotImplementedError({_quoted(text)})\n"
        filled += before[: todo.start(1)] + todo[1].removeprefix("TODO ") + before[todo.end(1) :] + part["answer"]
        end = part.end()
    return (blank + code[end:]).rstrip(), (filled + code[end:]).rstrip()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _notebook(cells: list[tuple[str, str]]) -> NotebookNode:
    made = []
    for number, (kind, text) in enumerate(cells):
        new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        # JupyterLab folds away the cell that finds the project; it runs like any other.
        folded = {"jupyter": {"source_hidden": True}} if text == START else {}
        made.append(new(text, id=f"cell-{number:02}", metadata=folded))
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return nbformat.v4.new_notebook(cells=made, metadata=metadata)


def execute(notebook: NotebookNode, folder: Path, static: bool = False) -> NotebookNode:
    """Run a notebook in place, in a new kernel that starts in `folder`, and return it. static: store a picture with each figure.

    Raises nbclient's CellExecutionError if a cell fails.
    """
    from nbclient import NotebookClient

    environment = dict(os.environ, PYDEVD_DISABLE_FILE_VALIDATION="1")
    environment.pop("JPY_SESSION_NAME", None)
    environment.pop("TUTORIALS_STATIC", None)
    if static:
        environment["TUTORIALS_STATIC"] = "1"
    client = NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", coalesce_streams=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=environment)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # timestamps, different in every run
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def with_outputs(new: NotebookNode, path: Path) -> NotebookNode:
    """Return a solution with the outputs stored in its file, if all of its code is still the same."""
    if path.is_file():
        old = nbformat.read(path, as_version=4)
        stored = [cell for cell in old.cells if cell.cell_type == "code"]
        fresh = [cell for cell in new.cells if cell.cell_type == "code"]
        if [_runs(cell.source) for cell in stored] == [_runs(cell.source) for cell in fresh]:
            for cell, kept in zip(fresh, stored, strict=True):
                cell.outputs, cell.execution_count = kept.outputs, kept.execution_count
    return new


def with_table(readme: str) -> str:
    """Return the README with the table of all notebooks, whose titles and times their headers give."""
    rows = ["| notebook | solved | working time | run time on a CPU |", "|---|---|---|---|"]
    for source in sources():
        header = jupytext.read(source, fmt="py:percent").cells[0].source
        title = header.splitlines()[0].removeprefix("# ")
        run, work = re.search(r"\*\*Run time\*\* on a CPU: about (.+?)\. Working time: (.+?)\.", header.replace("\n", " ")).groups()
        exercise, solution = (
            os.path.relpath(folder / f"{source.stem}.ipynb", README.parent).replace(os.sep, "/") for folder in (EXERCISES, SOLUTIONS)
        )
        rows.append(f"| [{title}]({exercise}) | [solved]({solution}) | {work} | {run} |")
    table = "\n".join(rows)
    return re.sub(r"^\| notebook \|.*\n(\|.*\n)+", lambda _: table + "\n", readme, flags=re.M)


def _runs(code: str) -> str:
    """What a cell's code does, without its comments and line breaks."""
    try:
        return ast.dump(ast.parse(code))
    except SyntaxError:  # a command of IPython's
        return code


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the notebooks from tutorials/machinery/source.")
    parser.add_argument(
        "--execute", nargs="*", metavar="NN", help="also run the solutions and store their outputs; with numbers, build and run only these"
    )
    chosen = parser.parse_args().execute
    numbers = [source.name[:2] for source in sources()]
    if unknown := [number for number in chosen or () if number not in numbers]:
        parser.error(f"there is no notebook {unknown[0]}; there are {', '.join(numbers)}")
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    heavy = []
    for source in (source for source in sources() if not chosen or source.name[:2] in chosen):
        exercise, solution = build(source)
        path = SOLUTIONS / f"{source.stem}.ipynb"
        if chosen is not None:
            print(f"running {source.stem}", flush=True)
            execute(solution, path.parent, static=True)
        else:
            with_outputs(solution, path)
        nbformat.write(exercise, EXERCISES / f"{source.stem}.ipynb")
        nbformat.write(solution, path)
        if path.stat().st_size >= HEAVY:
            heavy.append(f"{path.name} has {path.stat().st_size:,} bytes; wanted fewer than {HEAVY:,}. Show fewer or smaller figures.")
    if heavy:
        sys.exit("\n".join(heavy))


if __name__ == "__main__":
    main()
