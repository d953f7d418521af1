"""After a restart of the kernel, a NameError says which cells to run: with the project's .venv as make leaves it, and without."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tutorials.machinery import build, missing

ROOT = build.ROOT
ABOVE = "Run > Run All Above Selected Cell (VS Code: Execute Above Cells), and then this cell again."
CELLS = [
    ("markdown", "# 2. Local attention\n\nWindows."),
    ("code", "import numpy as np\nfrom tutorials.machinery.checks import local_attention as checks\nimport os.path"),
    ("markdown", "## Eq. 6\n\ntext\n\n### Windows\n\ntext"),
    ("code", "# a comment\ndef partition(x, g):\n    inner = [each for each in x]\n    return inner"),
    ("markdown", "## The picture"),
    ("code", "%matplotlib inline"),
    ("code", "a, (b, *rest) = 1, (2, 3)\nfor step in range(3):\n    with open(name) as file:\n        made = used\nif (walrus := 3): pass"),
    ("code", "class Reader:\n    held = 3\n[hidden for hidden in made]"),
]


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    path = tmp_path / "a notebook.ipynb"
    cells = [{"cell_type": kind, "source": source.splitlines(keepends=True)} for kind, source in CELLS]
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    return path


@pytest.mark.parametrize(
    ("names", "heading"),
    [
        ("np checks os", "2. Local attention"),
        ("partition", "Windows"),
        ("a b rest step file made walrus Reader", "The picture"),
    ],
)
def test_a_missing_name_is_traced_to_the_cell_that_makes_it(notebook, names, heading):
    for name in names.split():
        why = f'`{name}` is made in a cell under "{heading}", which has not run since the kernel started.'
        assert missing.explanation(name, {}) == f"{why} {ABOVE}"


@pytest.mark.parametrize("name", ["inner", "each", "held", "hidden", "used", "path", "x", "tutorials", "chekcs"])
def test_a_name_that_no_cell_makes_is_a_mistake_of_another_kind(notebook, name):
    assert missing.explanation(name, {}) == ""


def test_vs_code_says_itself_where_the_notebook_is(notebook, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert "The picture" in missing.explanation("made", {"__vsc_ipynb_file__": str(notebook)})


def test_without_the_notebooks_file_only_a_restart_is_explained(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setitem(sys.modules, "tutorials.machinery.start", object())
    assert missing.explanation("checks", {}) == ""
    monkeypatch.delitem(sys.modules, "tutorials.machinery.start")
    assert missing.explanation("checks", {}) == f"The kernel was restarted, and the first cells have not run. {ABOVE}"


def test_every_kernel_of_the_projects_venv_explains(notebook, tmp_path):
    """In a new kernel whose prefix has the file that make copies; the traceback stays."""
    (tmp_path / "tutorials").symlink_to(ROOT / "tutorials", target_is_directory=True)
    copied = tmp_path / ".venv/etc/ipython/ipython_kernel_config.py"
    copied.parent.mkdir(parents=True)
    shutil.copy(build.FOLDER / "kernel_config.py", copied)
    code = f"import sys; sys.prefix = {str(tmp_path / '.venv')!r}\n"
    code += "from ipykernel.kernelapp import IPKernelApp\n"
    code += f"kernel = IPKernelApp.instance(connection_file={str(tmp_path / 'connection.json')!r})\n"
    code += "kernel.initialize([])\nsys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__\n"
    code += "kernel.shell._showtraceback = lambda kind, error, lines: print(kind.__name__)\n"
    code += "for cell in ('checks.merge(1)', 'chekcs', '1 / 0', 'x = 3'):\n    print('>', cell); kernel.shell.run_cell(cell)\n"
    environment = dict(os.environ, IPYTHONDIR=str(tmp_path / "ipython"))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    explained = f'`checks` is made in a cell under "2. Local attention", which has not run since the kernel started. {ABOVE}'
    wanted = ["> checks.merge(1)", "NameError", explained, "> chekcs", "NameError", "> 1 / 0", "ZeroDivisionError", "> x = 3"]
    lines = [line for line in done.stdout.splitlines() if line]
    assert lines[lines.index(wanted[0]) :] == wanted


def test_make_copies_the_file_to_where_ipython_reads_it():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "KERNEL := .venv/etc/ipython/ipython_kernel_config.py\n" in makefile
    (source,) = (line for line in makefile.splitlines() if line.startswith("$(KERNEL):"))
    assert (ROOT / Path(source.split()[1])).name == "kernel_config.py"
    assert makefile.count("| $(KERNEL)\n") == 2
