"""Schedules worked out by hand, and recipes that cannot be."""

import pytest

from hatnet import VARIANTS
from hatnet.recipe import Recipe, image_side


def test_learning_rate():
    recipe = Recipe(epochs=1, batch_size=1, learning_rate=2.0, warm_up=0.1, final=0.25)
    rates = [recipe.learning_rate_at(step, 110) for step in range(110)]
    assert rates[:11] == pytest.approx([2 * (i + 1) / 11 for i in range(11)])
    assert rates[11] == pytest.approx(2)
    assert recipe.learning_rate_at(11 + 99 // 3, 110) == pytest.approx(0.5 + 1.5 * 0.75)  # the cosine of 60 degrees is a half
    assert recipe.learning_rate_at(110, 110) == pytest.approx(0.5)


def test_images_grow():
    """From half the side, in steps of a window, which is 4 tokens of 2 pixels."""
    recipe = Recipe(epochs=1, batch_size=1, learning_rate=1, first_side=0.5, grown=0.8)
    config = VARIANTS["hatnet_compact"]
    sides = [image_side(recipe.side_at(step, 80), 32, config) for step in range(80)]
    assert sides == [16] * 17 + [24] * 31 + [32] * 32
    exact = [min(1, 0.5 + 0.5 * step / (0.8 * 100_000)) ** 2 for step in range(100_000)]
    assert recipe.mean_area == pytest.approx(sum(exact) / len(exact), abs=1e-4)


@pytest.mark.parametrize(
    "field, words",
    [
        ({"epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"ema": 1.0}, "ema is 1.0; it must be at least 0 and below 1"),
        ({"augment": "crop"}, "unknown augment 'crop'; the choices are shift, resized, none"),
        ({"grown": 0}, "above 0"),
        ({"first_side": 0.1}, "first_side is 0.1; it must be a fraction of the image, from 0.25 to 1"),
    ],
)
def test_impossible_recipes(field, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**{"epochs": 1, "batch_size": 1, "learning_rate": 1} | field)
