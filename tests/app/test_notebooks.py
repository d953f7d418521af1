"""The app names notebooks: they must be there wherever the tutorials are."""

from pathlib import Path

import pytest

from app import notebooks

ROOT = Path(__file__).parents[2]


def test_every_equation_has_a_notebook():
    assert set(notebooks.BY_EQUATION) == set(range(6, 16))
    assert str(notebooks.path(8)) == "tutorials/exercises/02-local-attention.ipynb"
    assert "make tutorials" in notebooks.invitation(15) and "05-cost.ipynb" in notebooks.invitation(15)


@pytest.mark.skipif(not (ROOT / notebooks.FOLDER).is_dir(), reason="no tutorials here")
def test_the_notebooks_exist_and_so_does_the_target_that_opens_them():
    for equation in notebooks.BY_EQUATION:
        assert (ROOT / notebooks.path(equation)).is_file(), notebooks.path(equation)
    assert "\ntutorials:" in (ROOT / "Makefile").read_text(encoding="utf-8")
