"""The app names notebooks: they must be there wherever the tutorials are."""

from pathlib import Path

import pytest

from app.core.view import EQUATIONS
from app.ui import notebook_links

ROOT = Path(__file__).parents[3]


def test_every_equation_has_a_notebook():
    assert set(notebook_links.BY_EQUATION) == {*EQUATIONS, 1, 3, 4, 5}
    assert str(notebook_links.path(8)) == "tutorials/02-local-attention.ipynb"
    assert "make tutorials" in notebook_links.invitation(15) and "05-cost.ipynb" in notebook_links.invitation(15)


@pytest.mark.skipif(not (ROOT / notebook_links.FOLDER).is_dir(), reason="no tutorials here")
def test_the_notebooks_exist_and_so_does_the_target_that_opens_them():
    for equation in notebook_links.BY_EQUATION:
        assert (ROOT / notebook_links.path(equation)).is_file(), notebook_links.path(equation)
    assert "\ntutorials:" in (ROOT / "Makefile").read_text(encoding="utf-8")
