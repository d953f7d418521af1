"""Numbers and maps in words."""

import numpy as np

from app.core import words


def test_weights_and_maps_in_words():
    assert words.percent(0.0834) == "8.3 %" and words.percent(0.4149) == "41 %"
    weights = np.full((4, 4), 0.5 / 15)
    weights[0, 1] = 0.5
    assert words.alt("Local", weights).endswith("The strongest is row 1, column 2, with 50 %.")
