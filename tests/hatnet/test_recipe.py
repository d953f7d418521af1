"""Schedules worked out by hand, and recipes that cannot be."""

import dataclasses
import math

import pytest

from hatnet import VARIANTS
from hatnet.recipe import RANGES, Recipe, auto_learning_rate, image_side
from tests.hatnet.silly import SILLY


def test_learning_rate():
    recipe = Recipe(epochs=1, batch_size=1, learning_rate=2.0, warm_up=0.1, final=0.25)
    rates = [recipe.learning_rate_at(step, 110) for step in range(110)]
    assert rates[:11] == pytest.approx([2 * (i + 1) / 11 for i in range(11)])
    assert rates[11] == pytest.approx(2)
    assert recipe.learning_rate_at(11 + 99 // 3, 110) == pytest.approx(0.5 + 1.5 * 0.75)  # the cosine of 60 degrees is a half
    assert recipe.learning_rate_at(110, 110) == pytest.approx(0.5)


def test_the_rate_by_rule_goes_with_the_square_root():
    """At the paper's 1,024 images, a quarter of them, and four times as many; four times as many images are twice the rate."""
    assert [auto_learning_rate(images) for images in (1024, 256, 4096)] == pytest.approx([1e-3, 5e-4, 2e-3])
    assert auto_learning_rate(4 * 30) == pytest.approx(2 * auto_learning_rate(30))


def test_images_grow():
    """From half the side, in steps of a window, which is 4 tokens of 2 pixels."""
    recipe = Recipe(epochs=1, batch_size=1, learning_rate=1, first_side=0.5, grown=0.8)
    config = VARIANTS["hatnet_compact"]
    sides = [image_side(recipe.side_at(step, 80), 32, config) for step in range(80)]
    assert sides == [16] * 17 + [24] * 31 + [32] * 32
    exact = [min(1, 0.5 + 0.5 * step / (0.8 * 100_000)) ** 2 for step in range(100_000)]
    assert recipe.mean_area == pytest.approx(sum(exact) / len(exact), abs=1e-4)


@pytest.mark.parametrize("first", [0.25, 0.3, 0.5, 0.99])
def test_images_grow_in_a_few_sizes(first):
    """Four, evenly spaced, the nearest at each step, so that the mean area stays."""
    recipe = Recipe(epochs=1, batch_size=1, learning_rate=1, first_side=first)
    sides = [recipe.side_at(step, 10_000, 4) for step in range(10_000)]
    assert sorted(set(sides)) == pytest.approx([first, first + (1 - first) / 3, first + 2 * (1 - first) / 3, 1.0]) and sides[-1] == 1.0
    assert sides == sorted(sides)
    assert all(abs(side - recipe.side_at(step, 10_000)) <= (1 - first) / 6 + 1e-9 for step, side in enumerate(sides))
    assert sum(side**2 for side in sides) / 10_000 == pytest.approx(recipe.mean_area, rel=0.02)


def test_images_that_do_not_grow_have_one_size():
    recipe = Recipe(epochs=1, batch_size=1, learning_rate=1)
    assert {recipe.side_at(step, 100, 4) for step in range(100)} == {1.0}


@pytest.mark.parametrize(
    "field, words",
    [
        ({"epochs": 0}, "epochs is 0; wanted a whole number from 1 to 1,000,000; the nearest is 1"),
        ({"ema": 1.0}, "ema is 1.0; wanted a number from 0 to below 1; the nearest is 0.999"),
        ({"augment": "crop"}, "augment is 'crop'; wanted one of shift, resized, scaled, none"),
        ({"grown": 0}, "grown is 0; wanted a number above 0"),
        ({"cut_out": 5.0}, "cut_out is 5.0; wanted a number from 0 to 1; the nearest is 1"),
        ({"seed": True}, "seed is True; wanted a whole number"),
        ({"learning_rate": math.nan}, "learning_rate is nan; wanted a number"),
        ({"betas": 0.9}, "betas is 0.9; wanted a list of 2"),
        ({"aspect": (2, 0.5)}, "aspect is 2 0.5; wanted the smaller number first: 0.5 2"),
        ({"aspect": (0, 1)}, "aspect"),
        ({"first_side": 0.1}, "first_side is 0.1; wanted a number from 0.25 to 1; the nearest is 0.25"),
    ],
)
def test_impossible_recipes(field, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**{"epochs": 1, "batch_size": 1, "learning_rate": 1} | field)


def test_every_field_has_its_range():
    assert RANGES.keys() == {field.name for field in dataclasses.fields(Recipe)}
    for name in RANGES:
        for value in SILLY:
            try:
                Recipe(**{"epochs": 1, "batch_size": 1, "learning_rate": 1} | {name: value})
            except ValueError as error:
                assert str(error).startswith(f"{name} is ")
