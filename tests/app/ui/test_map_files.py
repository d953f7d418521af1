"""Exported maps against independent answers: pixels of known colour, lines that add up."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from app.ui import map_files

PHOTO = np.full((160, 160, 3), 200, np.uint8)


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_the_largest_weight_is_pale_orange_and_the_rest_nearly_the_dark_photograph():
    weights = np.zeros((4, 4))
    weights[1, 2] = 0.7
    shown = pixels(map_files.map_png(weights, PHOTO, "global", grid=(16, 16), cell=4))
    assert shown.shape == (720, 720, 3)
    # 12 % of the ground (200 * 0.48 = 96) under 88 % of the hue (255, 164, 71) moved 62 % of the way to (255, 248, 240).
    hue = np.array([255, 164, 71]) + 0.62 * (np.array([255, 248, 240]) - [255, 164, 71])
    np.testing.assert_allclose(shown[270, 450], 0.12 * 96 + 0.88 * hue, atol=3)
    np.testing.assert_allclose(shown[90, 90], 0.96 * 96 + 0.04 * np.array([255, 164, 71]), atol=3)


def test_a_window_is_coloured_in_its_place_alone():
    shown = pixels(map_files.map_png(np.full((2, 3), 1 / 6), PHOTO, "local", grid=(8, 8), box=(6, 1, 2, 3)))
    inside = np.zeros((720, 720), bool)
    inside[540:720, 90:360] = True
    assert (np.ptp(shown[inside], axis=1) > 5).all() and (np.ptp(shown[~inside], axis=1) <= 1).mean() > 0.999


def test_a_difference_is_grey_where_negative_and_coloured_where_positive():
    weights = np.array([[0.2, 0], [0, -0.1]])
    shown = pixels(map_files.map_png(weights, PHOTO, "global difference", most=0.2))
    np.testing.assert_allclose(shown[100, 100], 0.1 * 96 + 0.9 * np.array([255, 164, 71]), atol=3)
    np.testing.assert_allclose(shown[100, 600], 96, atol=3)
    # Half of the largest, lifted to 0.62 of its opacity of 0.9: 44.6 % of 96 under 55.4 % of (238, 243, 248).
    np.testing.assert_allclose(shown[600, 600], [175, 177, 180], atol=3)


def test_a_lifted_veil_shows_the_photograph_itself():
    weights = np.zeros((10, 10))
    weights[:2] = 0.05
    shown = pixels(map_files.map_png(weights, PHOTO, "uncovered", ring=(0.5, 0.5)))
    np.testing.assert_allclose(shown[30, 30], 200, atol=2)
    np.testing.assert_allclose(shown[700, 30], 0.07 * 200 + 0.93 * np.array([9, 12, 16]), atol=2)
    assert tuple(shown[360, 360 + 17]) != tuple(shown[700, 30])  # the ring


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="'lokal' is not a kind"):
        map_files.map_png(np.ones((2, 2)), PHOTO, "lokal")


def test_the_csv_is_the_map_with_partial_cells():
    weights = np.random.default_rng(0).dirichlet(np.ones(16)).reshape(4, 4)
    lines = list(csv.DictReader(io.StringIO(map_files.map_csv(weights, box=(0, 0, 16, 16), cell=5).decode())))
    again = np.zeros((4, 4))
    for line in lines:
        again[(int(line["row"]) - 1) // 5, (int(line["column"]) - 1) // 5] = float(line["weight"])
    np.testing.assert_array_equal(again, weights)
    assert sum(int(line["tokens down"]) * int(line["tokens across"]) for line in lines) == 256
    first = next(csv.DictReader(io.StringIO(map_files.map_csv(np.ones((2, 2)) / 4, box=(4, 12, 2, 2)).decode())))
    assert (first["row"], first["column"], first["weight"]) == ("5", "13", "0.25")
