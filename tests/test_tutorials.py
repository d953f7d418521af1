"""The notebooks: what they check, that they are in step with their sources, and that they run from a clean kernel."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import jupytext
import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

import tutorials.start
from app.core import checkpoints
from app.core.view import parse
from tutorials import build
from tutorials.checking import Todo, Wrong

ROOT = Path(__file__).resolve().parent.parent
SOURCES = build.sources()
NAMES = [source.stem for source in SOURCES]
PART = re.compile(r"^ *# (?:solution|end)\n?", re.M)


def answers(number: str, wrong: tuple[str, str, str] = ("", "", "")) -> dict:
    """The imports and all answers of a notebook, run; `wrong`: in one function, a text replaced by another."""
    name, old, new = wrong
    (source,) = (source for source in SOURCES if source.name.startswith(number))
    cells = [cell.source for cell in jupytext.read(source, fmt="py:percent").cells if cell.cell_type == "code"]
    spoilt = False
    found: dict = {}
    for index, code in enumerate(cells):
        if index and "# solution" not in code:
            continue
        # One function at a time: a cell may hold several.
        for part in re.split(r"\n(?=def )", PART.sub("", code)):
            if name and part.startswith(f"def {name}("):
                assert old in part, f"{name} does not hold {old!r}"
                part, spoilt = part.replace(old, new), True
            exec(part, found)
    assert spoilt == bool(name)
    return found


# Notebook, function, what is written instead of what, and what the check says.
MISTAKES = [
    ("01", "rows", "b (h w) c", "b (w h) c", "column by column: (h w)"),
    ("01", "rows", 'rearrange(x, "b c h w -> b (h w) c")', "x.reshape(len(x), -1, x.shape[1])", "a reshape does not move the channels"),
    ("01", "rows", 'rearrange(x, "b c h w -> b (h w) c")', "x.flatten(2)", "your rows are channels"),
    ("01", "qkv", "(heads d) ->", "(d heads) ->", "the heads of Q share channels"),
    ("01", "qkv", "-> b heads n d", "-> b n heads d", "stand behind the tokens"),
    ("01", "qkv", "(wq, wk, wv)\n", "(wq, wv, wk)\n", "K is what V should be"),
    ("01", "attention", " * q.shape[-1] ** -0.5", "", "the scale 1/sqrt(d) is missing"),
    ("01", "attention", "** -0.5", "** -1", "1/sqrt(d), not 1/d"),
    ("01", "attention", "q.shape[-1] **", "(q.shape[1] * q.shape[-1]) **", "the channels of one head, d"),
    ("01", "attention", "softmax(dim=-1)", "softmax(dim=-2)", "softmax over the wrong axis: each query"),
    ("01", "attention", "softmax(dim=-1)", "softmax(dim=1)", "softmax over the wrong axis: it runs over the heads"),
    ("01", "attention", "q @ k.mT", "k @ q.mT", "keys and queries are swapped"),
    ("01", "attention", "return p @ v, p", "return p.mT @ v, p", "A is the transposed weights times V"),
    ("01", "attention", "return p @ v, p", "return p @ v, p.mT", "your weights are transposed"),
    ("01", "project", "b n (heads d)", "b n (d heads)", "merge order wrong"),
    ("01", "project", ") + x", ")", "the residual is missing"),
    ("01", "project", 'wp(rearrange(a, "b heads n d -> b n (heads d)")) + x', "wp(a.reshape(x.shape)) + x", "a reshape mixes tokens"),
    ("01", "finish", "mlp(a) + a", "mlp(a)", "the residual is missing"),
    ("01", "macs", "2 * (h * w)", "(h * w)", "one of the two products"),
    ("01", "macs", "3 * h * w * c**2 + 2 *", "6 * h * w * c**2 + 4 *", "FLOPs"),
    ("02", "partition", "(gh i) (gw j)", "(i gh) (j gw)", "your windows are dilated: (gh i), not (i gh)"),
    ("02", "partition", "(b gh gw)", "(gh gw b)", "images vary fastest"),
    ("02", "partition", "(b gh gw)", "(b gw gh)", "your windows are counted column by column"),
    ("02", "partition", "-> (b gh gw) (i j) c", "-> (b gh gw) (j i) c", "tokens of a window are counted column by column"),
    ("02", "partition", "i=g, j=g", "gh=g, gw=g", "you cut the map into g x g windows"),
    ("02", "partition_any", "(0, -w % g, 0, -h % g)", "(-w % g, 0, -h % g, 0)", "fill up at the bottom and right"),
    ("02", "partition_any", "-w % g, 0, -h % g", "g - w % g, 0, g - h % g", "a map that fits needs no filling"),
    ("02", "partition_any", "> 0", "< 1", "real is upside down"),
    ("02", "partition_any", "torch.ones(b,", "torch.ones(1,", "real has one image's windows"),
    ("02", "local_qkv", "(heads d) ->", "(d heads) ->", "the heads of Q1 share channels"),
    ("02", "window_attention", " * q1.shape[-1] ** -0.5", "", "the scale 1/sqrt(d) is missing"),
    (
        "02",
        "window_attention",
        "~real[:, None, None, :]",
        "~real[:, None, :, None]",
        "Hide the keys that are not real (~real), and no queries",
    ),
    ("02", "window_attention", "~real[", "real[", "all their keys are hidden"),
    ("02", "window_attention", "-torch.inf", "0", "hidden keys need -inf"),
    ("02", "window_attention", "scores.masked_fill(~real[:, None, None, :], -torch.inf)", "scores", "the filling gets weight"),
    ("02", "window_attention", "scores.softmax(dim=-1)", "scores.softmax(dim=-2)", "softmax over the wrong axis"),
    ("02", "merge", "(gh i) (gw j)", "(i gh) (j gw)", "merge order wrong: (gh i)"),
    ("02", "merge", "b (heads d)", "b (d heads)", "channels are merged in the wrong order"),
    ("02", "merge", "[:, :, :h, :w]", "", "the filling is still there"),
    ("02", "merge", "[:, :, :h, :w]", "[:, :, -h:, -w:]", "you keep the bottom right"),
    ("02", "local_attention", " + x", "", "the residual is missing"),
    ("02", "local_attention", "window_attention(q1, k1, v1, real)", "window_attention(q1, k1, v1, real | True)", "pass real on"),
    ("03", "pool", ", ceil_mode=True, count_include_pad=False", "", "partial cells at the edge are dropped"),
    ("03", "pool", "F.avg_pool2d(a1, g,", "g * g * F.avg_pool2d(a1, g,", "a cell is a sum"),
    ("03", "pool", "avg_pool2d(a1, g, ceil_mode=True, count_include_pad=False)", "max_pool2d(a1, g, ceil_mode=True)", "the largest token"),
    (
        "03",
        "pool",
        "F.avg_pool2d(a1, g, ceil_mode=True, count_include_pad=False)",
        "F.avg_pool2d(F.pad(a1, (0, -a1.shape[3] % g, 0, -a1.shape[2] % g)), g)",
        "counts the padding",
    ),
    (
        "03",
        "pool",
        "F.avg_pool2d(a1, g, ceil_mode=True, count_include_pad=False)",
        'rearrange(a1, "b c (i gh) (j gw) -> b c gh gw i j", i=g, j=g).mean((-1, -2))',
        "your cells are dilated",
    ),
    ("03", "global_qkv", "(wk, cells), (wv, cells)", "(wk, rows), (wv, rows)", "K and V must come from the pooled map"),
    ("03", "global_qkv", "(wq, rows)", "(wq, cells)", "Q must come from all tokens"),
    ("03", "global_attention", "b (heads d) h w", "b (d heads) h w", "channels are merged in the wrong order"),
    ("03", "global_attention", '(h w) d -> b (heads d) h w", h=h', '(w h) d -> b (heads d) h w", h=h', "filled column by column"),
    ("03", "global_attention", " * q2.shape[-1] ** -0.5", "", "the scale 1/sqrt(d) is missing"),
    ("04", "near", "scores.masked_fill(~real[:, None, None, :], -torch.inf)", "scores", "the filling of windows at the edge gets weight"),
    ("04", "ask_cells", "(wk, cells), (wv, cells)", "(wk, a1), (wv, a1)", "K and V must come from the pooled map"),
    ("04", "output", " + x\n", "\n", "the residual is missing"),
    ("04", "output", "a1 + a2", "a2", "the near answer is missing"),
    ("04", "group_norm", "axes = (1, 2, 3)", "axes = (1,)", "layer norm"),
    ("04", "group_norm", "axes = (1, 2, 3)", "axes = (2, 3)", "instance norm"),
    ("04", "group_norm", "axes = (1, 2, 3)", "axes = (0, 2, 3)", "batch norm"),
    ("04", "hmhsa", "local + x", "local + parts.norm(x)", "the residual of Eq. 9 is norm(X), not X"),
    ("04", "hmhsa", "parts.grid_norm(local + x)", "local + x", "grid_norm is missing"),
    ("04", "hmhsa", "parts.ds_norm(pool(a1, g2))", "pool(a1, g2)", "ds_norm is missing"),
    ("04", "hmhsa", "near(parts.norm(x)", "near(x", "norm is missing"),
    ("04", "hmhsa", "parts.wp, 0)", "parts.wp, x)", 'leave out the "+ X"'),
    ("04", "silu", "x * torch.sigmoid(x)", "torch.sigmoid(x)", "that is the sigmoid"),
    ("04", "silu", "x * torch.sigmoid(x)", "F.gelu(x)", "that is GELU"),
    ("04", "block", "x = x + attention(x)", "x = attention(x)", "the first residual is missing"),
    ("04", "block", "return x + mlp(x)", "return mlp(x)", "the second residual is missing"),
    # What any answer can be: nothing, of another kind, of another type.
    ("01", "rows", "return ", "", "gives None"),
    ("01", "rows", 'rearrange(x, "b c h w -> b (h w) c")', "[x]", "a list of 1; wanted a torch tensor"),
    ("03", "pool", "count_include_pad=False)", "count_include_pad=False).double()", "float64; wanted float32"),
    ("02", "merge", "[:, :, :h, :w]", ".flatten(2)", "has shape"),
    ("01", "attention", "return p @ v, p", "return p @ v", "wanted 2 things"),
    ("02", "partition_any", " > 0", "", "real is float32; wanted bool (compare with 0"),
    ("01", "macs", "return 3", 'return "3" or 3', "a str; wanted a number"),
]


@pytest.mark.parametrize(
    ("number", "name", "old", "new", "says"), MISTAKES, ids=lambda value: value[:24] if isinstance(value, str) else None
)
def test_a_mistake_is_caught_and_named(number, name, old, new, says):
    found = answers(number, (name, old, new))
    with pytest.raises(Wrong) as caught:
        getattr(found["checks"], name)(found[name])
    text = str(caught.value)
    assert says in text
    assert not re.search(r"\d\.\d", text)  # no number of the answer
    assert caught.value._render_traceback_() == [f"Not yet: {text}"]  # what a notebook shows, in place of a traceback


@pytest.mark.parametrize("number", ["01", "02", "03", "04"])
def test_the_right_answers_pass(number, capsys):
    found = answers(number)
    names = [
        name for name in found if callable(getattr(found["checks"], name, None)) and callable(found[name]) and not name.startswith("_")
    ]
    assert len(names) >= 4
    for name in names:
        getattr(found["checks"], name)(found[name])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(names) and all(line.startswith("✓ ") for line in lines)


def test_an_unwritten_answer_passes_on_what_is_to_do():
    def partition(x, g):
        raise NotImplementedError("TODO Eq. 6: cut the map")

    found = answers("02")
    with pytest.raises(Todo, match=r"^TODO Eq. 6: cut the map$"):
        found["checks"].partition(partition)


def test_an_answer_s_own_error_says_what_it_was_asked(capsys):
    def partition(x, g):
        return x[None, 99:100].reshape(-7)

    with pytest.raises(RuntimeError):
        answers("02")["checks"].partition(partition)
    assert "partition stopped with the error below, when it was asked with (2, 5, 6, 14), 2" in capsys.readouterr().out


# In step.


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_source_exercise_and_solution_are_in_step(source):
    """python tutorials/build.py, and commit what it writes."""
    for built, folder in zip(build.build(source), ("exercises", "solutions"), strict=True):
        stored = nbformat.read(build.FOLDER / folder / f"{source.stem}.ipynb", as_version=4)
        assert [(cell.id, cell.cell_type, cell.source) for cell in stored.cells] == [
            (cell.id, cell.cell_type, cell.source) for cell in built.cells
        ]
        assert stored.metadata.kernelspec.name == "python3"


def test_no_notebook_without_a_source():
    for folder in ("exercises", "solutions"):
        assert sorted(path.stem for path in (build.FOLDER / folder).glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_exercise_hides_what_it_asks(name):
    cells = nbformat.read(build.FOLDER / "exercises" / f"{name}.ipynb", as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert all(not cell.outputs for cell in code)
    text = "\n".join(cell.source for cell in code)
    assert "# solution" not in text and "# end" not in text
    assert text.count("raise NotImplementedError(") == text.count("# TODO ")
    assert sum(cell.source.startswith("<details><summary>Solution</summary>") for cell in cells) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_is_committed_as_it_ran(name):
    """python tutorials/build.py --execute NN"""
    path = build.FOLDER / "solutions" / f"{name}.ipynb"
    assert path.stat().st_size < build.HEAVY
    outputs = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            assert cell.execution_count, f"not run: {cell.source[:60]!r}"
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
        _, notices = parse(dict(parse_qsl(parts.query)), checkpoints.names(), checkpoints.describe, False)
        assert not notices, notices
    for other in re.findall(r"\]\((\d\d-[\w-]+)\.ipynb\)", text):
        assert other in NAMES


# Running. From another folder, in a new kernel, without the pictures that build.py stores.


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder outside the project. A kernel finds the project beside its .venv; another Python is told where it is."""
    if Path(sys.prefix).parent != ROOT:
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_the_solution_runs_from_a_clean_kernel(source, elsewhere):
    _, solution = build.build(source)
    build.execute(solution, elsewhere)
    assert all(cell.execution_count for cell in solution.cells if cell.cell_type == "code")


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_the_exercise_stops_at_its_first_todo(source, elsewhere):
    exercise, _ = build.build(source)
    first = next(cell.source for cell in exercise.cells if cell.cell_type == "code" and "NotImplementedError(" in cell.source)
    (wanted, *_) = re.findall(r'raise NotImplementedError\("(TODO .*)"\)', first)
    with pytest.raises(CellExecutionError) as stopped:
        build.execute(exercise, elsewhere)
    assert stopped.value.ename in ("Todo", "NotImplementedError")
    assert stopped.value.evalue == wanted.replace('\\"', '"')
    assert "Not written yet: TODO" in str(stopped.value)


@pytest.mark.parametrize("way", ["folder", "jupyter", "vscode", "prefix", "path", "nowhere"])
def test_the_first_cell_finds_the_project(way, tmp_path, monkeypatch, capsys):
    notebook = str(ROOT / "tutorials" / "exercises" / "02-local-attention.ipynb")
    found = {}
    monkeypatch.chdir(ROOT / "tutorials" / "exercises" if way == "folder" else tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if Path(path or os.curdir).resolve() != ROOT])
    monkeypatch.setattr(sys, "prefix", str(ROOT / ".venv" if way == "prefix" else tmp_path / "venv"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    if way == "jupyter":
        monkeypatch.setenv("JPY_SESSION_NAME", notebook)
    if way == "vscode":
        found["__vsc_ipynb_file__"] = notebook
    if way == "path":
        sys.path.append(str(ROOT))
    if way == "nowhere":
        with pytest.raises(ImportError, match="the project was not found: open this notebook inside"):
            exec(build.START, found)
    else:
        exec(build.START, found)
        assert capsys.readouterr().out == "Ready.\n"
        assert sys.path[0] == str(ROOT)


def test_requirements_txt_alone_is_enough_to_work_through_them():
    """What notebooks import does without the packages that only build and test them."""
    modules = sorted(path.stem for path in build.FOLDER.glob("*.py") if path.stem not in ("__init__", "build"))
    code = "import sys\n" + "".join(f"sys.modules[{name!r}] = None\n" for name in ("jupytext", "nbclient", "nbformat", "kaleido", "pytest"))
    code += "".join(f"import tutorials.{module}\n" for module in modules)
    code += "import plotly.graph_objects as go\ntutorials.start.show(go.Figure(), 'nothing')"
    environment = {key: value for key, value in os.environ.items() if key != tutorials.start.STATIC}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# The builder.


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
    _, again = build.build(source)
    assert build.with_outputs(again, path).cells[2].outputs
    source.write_text(source.read_text().replace("1 + 1", "1 + 2"), encoding="utf-8")
    _, other = build.build(source)
    assert not build.with_outputs(other, path).cells[2].outputs
