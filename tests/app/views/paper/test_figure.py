"""Fig. 1 part by part: shapes and sizes computed by hand, and their sums."""

import re

import pytest

from app.views.paper import counts, figure
from tests.app.pages import plain


def test_shapes_from_the_image_to_the_classes():
    model = counts.counted("hatnet_tiny")
    assert model.parts == [1, 2, 3, 4, 5, 6]
    shapes = [str(figure.size_after(model, part)) for part in model.parts]
    assert shapes == ["56 × 56 × 48", "56 × 56 × 48", "28 × 28 × 96", "14 × 14 × 240", "7 × 7 × 384", "1 × 1 × 1000"]
    assert str(figure.size_before(model, 1)) == "224 × 224 × 3" and str(figure.size_before(model, 3)) == "56 × 56 × 48"


def test_parts_add_up_to_the_model():
    """12,650,152 parameters, and 1.9697 G and 0.1584 G, as docs/counting.md has them; the stem by hand."""
    model = counts.counted("hatnet_tiny")
    assert sum(model.parameters.values()) == 12_650_152
    linear, products = (sum(part) for part in zip(*map(model.macs_of, model.parts), strict=True))
    assert (round(linear / 1e9, 4), round(products / 1e9, 4)) == (1.9697, 0.1584)
    # 3 x 3 convolutions with biases, 3 -> 16 and 16 -> 48, and a norm of 16 between them.
    assert model.parameters[1] == 27 * 16 + 16 + 2 * 16 + 9 * 16 * 48 + 48
    assert model.macs_of(1) == (27 * 16 * 112**2 + 9 * 16 * 48 * 56**2, 0)
    assert model.parameters[6] == 384 * 1000 + 1000 and model.macs_of(6) == (384_000, 0)


def test_a_shipped_model_has_the_parts_that_it_has():
    model = counts.counted("cards")
    assert model.parts == [1, 2, 6] and figure.nearest(model, 5) == 6 and figure.nearest(model, 3) == 2
    assert str(figure.size_after(model, 6)) == "4 × 4 × 4"
    assert "its own patch of pixels" in plain(figure.chosen(model, 1, "cards"))


@pytest.mark.parametrize(
    ("part", "said", "thing"), [(2, "cells of 8 × 8", "HMHSA"), (5, "plain MHSA", "MHSA"), (1, "no attention", "Stem")]
)
def test_a_part_says_what_it_does_and_where(part, said, thing):
    model = counts.counted("hatnet_tiny")
    shown = plain(figure.chosen(model, part, "HAT-Net-Tiny"))
    assert said in shown and re.search(rf"hatnet/\w+\.py {thing}, lines \d+ to \d+", shown)
    assert f"class {thing}(" in plain(figure.code(model, part))


def test_a_model_with_another_mechanism_names_it():
    shown = plain(figure.chosen(counts.counted("cifar10-window"), 2, "cifar10-window"))
    assert "another mechanism than the paper’s" in shown and "cells of" not in shown


def test_bars_are_told_in_words():
    model = counts.counted("hatnet_tiny")
    (said,) = re.findall(r'aria-label="([^"]+)"', figure.part_bars(model, 4))
    assert "Stage 4: 1.02 billion multiply-adds" in said and said.count("parameters") == 6
