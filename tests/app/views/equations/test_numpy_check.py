"""The recomputation in numpy: right at the edges, equal to the model, and able to fail."""

import numpy as np
import pytest

from app.core import checkpoints, pictures
from app.views.equations import numpy_check
from app.views.equations import text as equations_text
from app.views.equations.numpy_equations import cell_means, recompute, softmax, window_ids


def test_windows_and_cells_of_a_map_that_they_do_not_divide():
    assert window_ids(3, 3, 2).tolist() == [[0, 1, 3, 4], [2, -1, 5, -1], [6, 7, -1, -1], [8, -1, -1, -1]]
    assert cell_means(np.arange(9.0).reshape(1, 3, 3), 2).tolist() == [[[2, 3.5], [6.5, 8]]]
    assert softmax(np.array([0.0, np.log(3), 9]), np.array([True, True, False])) == pytest.approx([0.25, 0.75, 0])


@pytest.mark.parametrize(("g1", "g2"), [((4, 4), (2, 2)), ((5, 3), (3, 5)), ((1, 8), (16, 1))])
def test_the_recomputation_is_the_model_up_to_rounding(g1, g2):
    known, picture = checkpoints.describe("cifar10"), pictures.sample("cat_kitten")
    for stage in known.hierarchical:
        ran = numpy_check.checked_equations(picture, known, stage, 1, g1, g2)
        assert set(ran.differences) == set(range(6, 16))
        assert max(ran.differences.values()) < 2e-5 and ran.differences[15] == 0


def test_a_mistake_in_the_equations_is_seen():
    """Other grids, or a lost bias, are no rounding."""
    known, picture = checkpoints.describe("cifar10"), pictures.sample("cat_kitten")
    ran = numpy_check.checked_equations(picture, known, 2, 0, (4, 4), (2, 2))
    args = ran.tensors["x"], ran.weights
    assert np.abs(recompute(*args, 4, 2, 24, False)["out"] - ran.tensors["out"]).max() < 1e-4
    assert np.abs(recompute(*args, 4, 4, 24, False)["out"] - ran.tensors["out"]).max() > 1e-2
    assert np.abs(recompute(*args, 4, 2, 24, True)["out"] - ran.tensors["out"]).max() > 1e-2
    lost = ran.weights | {"proj+": 0 * ran.weights["proj+"]}
    assert np.abs(recompute(args[0], lost, 4, 2, 24, False)["out"] - ran.tensors["out"]).max() > 1e-3


def test_a_difference_beyond_rounding_is_not_called_rounding():
    step = numpy_check.checked_equations(pictures.sample("cow"), checkpoints.describe("cifar10"), 2, 0, (4, 4), (2, 2)).equations[8]
    assert "only rounding" in equations_text.check(step, 3e-6) and "3.0 · 10<sup>−6</sup>" in equations_text.check(step, 3e-6)
    assert "more than rounding" in equations_text.check(step, 3e-3) and "✓" not in equations_text.check(step, 3e-3)
