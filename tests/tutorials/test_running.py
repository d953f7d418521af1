"""The notebooks run from another folder: solutions to their end in a new kernel, exercises to their first TODO."""

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from nbclient.exceptions import CellExecutionError

from tutorials.machinery import build
from tutorials.machinery.checks.grading import Todo

ROOT = build.ROOT
SOURCES = build.sources()
NAMES = [source.stem for source in SOURCES]
LONG = ("05-cost", "07-train-one", "06-looking-inside")  # begun first: no kernel is left to run a long one alone


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A folder outside the project. A kernel finds the project beside its .venv; another Python is told where it is."""
    with pytest.MonkeyPatch.context() as patch:
        if Path(sys.prefix).parent != ROOT:
            patch.setenv("PYTHONPATH", str(ROOT))
        # Two kernels run at once: one core for each.
        patch.setenv("OMP_NUM_THREADS", "1")
        yield tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def solutions(request, elsewhere):
    """The solutions that the chosen tests ask for, by name, as they run in the background."""
    wanted = [item.callspec.params["name"] for item in request.session.items if "solutions" in item.fixturenames]
    built = {source.stem: build.build(source)[1] for source in SOURCES if source.stem in wanted}
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(build.execute, built[name], elsewhere) for name in sorted(wanted, key=lambda name: name not in LONG)}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_runs_from_a_clean_kernel(name, solutions):
    assert all(cell.execution_count for cell in solutions[name].result().cells if cell.cell_type == "code")


def first_todo(exercise) -> str:
    text = "\n".join(cell.source for cell in exercise.cells if cell.cell_type == "code")
    return re.search(r'raise NotImplementedError\("(TODO .*)"\)', text)[1].replace('\\"', '"')


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_the_exercise_stops_at_its_first_todo(source, monkeypatch):
    exercise, _ = build.build(source)
    monkeypatch.setattr(sys, "path", list(sys.path))  # the first cell adds the project
    variables = {}
    with pytest.raises((Todo, NotImplementedError)) as stopped:
        for cell in exercise.cells:
            if cell.cell_type == "code":
                exec(cell.source, variables)
    assert str(stopped.value) == first_todo(exercise)


def test_a_kernel_shows_the_first_todo_without_a_traceback(elsewhere):
    exercise, _ = build.build(SOURCES[0])
    with pytest.raises(CellExecutionError) as stopped:
        build.execute(exercise, elsewhere)
    assert stopped.value.ename == "Todo" and stopped.value.evalue == first_todo(exercise)
    assert f"Not written yet: {first_todo(exercise)}" in str(stopped.value) and "Traceback" not in str(stopped.value)
