"""A notebook's first cell finds the project, and requirements.txt alone is enough for all that notebooks import."""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import tutorials.machinery.start
from app.core import running
from tutorials.machinery import build

ROOT = build.ROOT


@pytest.mark.parametrize("way", ["folder", "jupyter", "vscode", "prefix", "path", "nowhere"])
def test_the_first_cell_finds_the_project(way, tmp_path, monkeypatch, capsys):
    notebook = str(build.EXERCISES / "02-local-attention.ipynb")
    found = {}
    monkeypatch.chdir(build.EXERCISES if way == "folder" else tmp_path)
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
    files = [path for path in build.FOLDER.glob("*.py") if path.stem not in ("__init__", "build", "kernel_config")]
    files += (build.FOLDER / "checks").glob("*.py")
    code = "import sys\n" + "".join(f"sys.modules[{name!r}] = None\n" for name in ("jupytext", "nbclient", "nbformat", "kaleido", "pytest"))
    code += "".join(f"import {'.'.join(path.relative_to(ROOT).with_suffix('').parts)}\n" for path in sorted(files))
    code += "from tutorials.machinery import start\nimport plotly.graph_objects as go\nstart.show(go.Figure(), 'nothing')"
    environment = {key: value for key, value in os.environ.items() if key != tutorials.machinery.start.STATIC}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def started(**variables: str) -> list[str]:
    """What a new Python that imports `tutorials.machinery.start` prints: its lines, then its threads, and how they wait."""
    dropped = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")
    environment = {key: value for key, value in os.environ.items() if key not in dropped} | variables
    code = "import os, tutorials.machinery.start, torch; print(torch.get_num_threads(), os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_core_is_left_free_and_waiting_threads_do_not_spin(tmp_path):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads, waits = started(TMPDIR=str(tmp_path))[-1].split()
    assert 1 <= int(threads) <= min(4, max(1, cores - 1)) and waits == "passive"


def test_who_chooses_the_threads_keeps_them_and_hears_where_the_app_runs(tmp_path, monkeypatch):
    with socket.create_server(("localhost", 0)) as server:
        url = f"http://localhost:{server.getsockname()[1]}/"
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with running.announced(url):
            *told, threads = started(OMP_NUM_THREADS="2", OMP_WAIT_POLICY="active", TMPDIR=str(tmp_path))
    assert threads == "2 active"
    assert told == [f"The app runs at {url}: replace http://localhost:8501/ with this at the start of this notebook's links."]
