"""Cost in words: amounts, the headline, a token's own bill."""

import re

import numpy as np

from app.views.cost import charts
from app.views.cost import text as cost_text


def test_amounts_in_words():
    assert [charts.amount(n) for n in (950, 4_620_288, 97_000_000, 1_296_826_368)] == ["950", "4.62 million", "97 million", "1.3 billion"]
    assert cost_text.headline(130, 10) == "Hierarchical attention costs 1/13 of plain attention here"
    assert cost_text.headline(100, 57) == "Hierarchical attention costs 57 % of plain attention here"
    assert "as much" in cost_text.headline(10, 11)


def test_the_token_s_own_bill():
    near, far = np.array([[0.96, 0.04]]), np.array([[0.9, 0.05], [0.05, 0]])
    said = cost_text.one_token(near, far, 64, (0, 3))
    assert (
        "the 2 tokens of its window" in said and "4 cells" in said and "6 comparisons instead of 64" in said and "<b>2</b> of them" in said
    )


def test_the_first_picture_is_both_looks_on_one_scale():
    said = cost_text.bars(200, {"local projections": 30, "local products": 20, "global projections": 40, "global products": 10})
    assert re.findall(r"width:([\d.]+)%", said) == ["100.00", "15.00", "10.00", "20.00", "5.00"]
    assert "Plain attention: 200 multiply-adds. Hierarchical attention: 100" in said
