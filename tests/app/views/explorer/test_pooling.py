"""What averaging loses, against NumPy's own variances."""

import numpy as np
import pytest

from app.views.explorer import pooling
from tests.app.explorer import RANDOM


@pytest.mark.parametrize("cell", [1, 2, 3, 8])
def test_variance_lost_is_one_minus_the_variance_of_the_averages(cell):
    features = RANDOM.normal(size=(5, 8, 8)) + np.arange(8) / 3
    found = pooling.pooling_loss(features, cell)
    repeated = np.zeros_like(features)
    for r in range(0, 8, cell):
        for c in range(0, 8, cell):
            block = features[:, r : r + cell, c : c + cell]
            repeated[:, r : r + cell, c : c + cell] = block.mean((1, 2), keepdims=True)
            around = block - features.mean((1, 2), keepdims=True)
            inside = block - block.mean((1, 2), keepdims=True)
            assert found.cells[r // cell, c // cell] == pytest.approx((inside**2).sum() / (around**2).sum())
            if cell > 1:
                part = found.tokens[r : r + cell, c : c + cell]
                np.testing.assert_allclose(part, (inside**2).sum(0) / (inside**2).sum())
    total = features.reshape(5, -1).var(1).sum()
    assert found.whole == pytest.approx(1 - repeated.reshape(5, -1).var(1).sum() / total)
    assert 0 <= found.whole <= 1 and (cell > 1 or found.whole == 0)


def test_equal_tokens_lose_nothing():
    found = pooling.pooling_loss(np.ones((3, 4, 4)), 2)
    assert found.whole == 0 and not found.cells.any() and not found.tokens.any()
