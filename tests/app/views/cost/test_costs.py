"""The cost of one layer: crossover, the best grids, and every MAC of the model in one group."""

import numpy as np
import pytest

from app.core import checkpoints, inference
from app.views.cost import costs
from hatnet import complexity


def test_the_crossover_is_where_the_curves_cross():
    for c, g1, g2 in ((64, 8, 8), (48, 4, 2), (96, 7, 4)):
        at = costs.crossover(c, g1, g2) ** 0.5
        assert complexity.hmhsa(at, at, c, g1, g2) == pytest.approx(complexity.mhsa(at, at, c))
    assert round(costs.crossover(64, 8, 8)) == 99 and costs.crossover(48, 4, 1) is None


def test_equation_15_alone_prefers_the_corner_and_the_diagonal_has_its_minimum_inside():
    for side, c in ((56, 48), (28, 96), (14, 240)):
        table = costs.every_setting(side, c)
        assert np.unravel_index(table.argmin(), table.shape) == (0, table.shape[1] - 1)
        g, terms = costs.diagonal(side, c)
        assert g[sum(terms.values()).argmin()] == pytest.approx(complexity.best_common_grid(side, side, c), abs=0.3)


def test_every_mac_of_the_model_is_in_one_group():
    counted = inference.macs(checkpoints.describe("cifar10"), (4, 4), (2, 2))
    parts = costs.by_stage(counted)
    assert sum(linear for linear, _ in parts.values()) == counted.conv_linear
    assert sum(products for _, products in parts.values()) == counted.attention
    assert (4, "local attention") not in parts and parts[4, "global attention"][1] > 0  # the last stage is plain
