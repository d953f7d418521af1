"""Figures and words from weights made by hand: the right cells in the right places, row 0 at the top."""

import subprocess
import sys

import numpy as np
import pytest

from app.core import colours, overlay, words
from tutorials.figures import maps

PHOTO = np.full((160, 160, 3), 200, np.uint8)
GRID = (16, 16)


def uneven(rows, columns, at):
    """Weights of which the key `at` has a half and the others the rest."""
    weights = np.full((rows, columns), 0.5 / (rows * columns - 1))
    weights[at] = 0.5
    return weights


def heatmaps(figure):
    return [trace for trace in figure.data if trace.type == "heatmap"]


def rectangles(figure):
    return [(s.y0, s.x0, s.y1, s.x1) for s in figure.layout.shapes if s.type == "rect"]


def centre_of_ring(figure):
    circle = next(s for s in figure.layout.shapes if s.type == "circle")
    return (circle.y0 + circle.y1) / 2, (circle.x0 + circle.x1) / 2


def test_global_cells_lie_on_their_tokens_with_row_0_at_the_top():
    figure = maps.global_map(uneven(8, 8, (1, 6)), 2, (5, 3), PHOTO, GRID)
    (heat,) = heatmaps(figure)
    assert list(heat.x) == list(heat.y) == list(range(0, 17, 2))
    assert heat.z[1][6] == pytest.approx(50)
    assert figure.layout.yaxis.range == (16, 0) and figure.layout.xaxis.range == (0, 16)
    assert rectangles(figure) == [(2, 12, 4, 14)]  # the strongest cell: top, left, bottom, right in tokens
    assert centre_of_ring(figure) == (5.5, 3.5)
    assert heat.text[1][6] == "cell: row 2, column 7"


def test_cells_that_do_not_divide_the_grid_end_at_its_edge():
    (heat,) = heatmaps(maps.global_map(uneven(4, 4, (0, 0)), 5, (0, 0), PHOTO, GRID))
    assert list(heat.x) == list(heat.y) == [0, 5, 10, 15, 16]
    assert overlay.cell_box((3, 2), 5, GRID) == (15, 10, 1, 5)


def test_the_window_is_drawn_in_place_and_once_more_enlarged():
    figure = maps.local_map(uneven(4, 4, (1, 2)), (4, 12, 4, 4), (7, 13), PHOTO, GRID)
    small, large = heatmaps(figure)
    assert (list(small.y), list(small.x)) == ([4, 5, 6, 7, 8], [12, 13, 14, 15, 16])
    assert small.text[1][2] == "token: row 6, column 15"
    # The window is at the right: its enlargement is on the left of it, inside the picture, and of its shape.
    top, left, height, width = overlay.enlarged_box((4, 12, 4, 4), GRID)
    assert (large.y[0], large.x[0], large.y[-1], large.x[-1]) == pytest.approx((top, left, top + height, left + width))
    assert left >= 0 and left + width <= 12 and top >= 0 and top + height <= 16 and width == height > 5.2
    # The ring is on the query inside the enlargement: row 3 and column 1 of the window.
    assert centre_of_ring(figure) == pytest.approx((top + 3.5 * height / 4, left + 1.5 * width / 4))


def test_a_window_that_fills_the_map_is_not_enlarged():
    figure = maps.local_map(uneven(8, 8, (0, 0)), (0, 0, 8, 8), (2, 3), PHOTO, (8, 8))
    assert len(heatmaps(figure)) == 1
    assert centre_of_ring(figure) == (2.5, 3.5)


@pytest.mark.parametrize("g1", range(1, 17))
def test_no_enlargement_covers_its_window_or_leaves_the_picture(g1):
    for top in range(0, 16, g1):
        for left in range(0, 16, g1):
            window = (top, left, min(g1, 16 - top), min(g1, 16 - left))
            box = overlay.enlarged_box(window, GRID)
            if box:
                apart = box[0] >= top + window[2] or box[0] + box[2] <= top or box[1] >= left + window[3] or box[1] + box[3] <= left
                assert apart and min(box[:2]) >= 0 and box[0] + box[2] <= 16 and box[1] + box[3] <= 16


def test_only_weights_above_4_percent_are_printed():
    weights = np.zeros((4, 4))
    weights[0, 1], weights[2, 3], weights[3, 3] = 0.6, 0.37, 0.03
    figure = maps.local_map(weights, (0, 0, 4, 4), (0, 0), PHOTO, GRID)
    (numbers,) = [trace for trace in figure.data if trace.type == "scatter"]
    assert list(numbers.text) == ["60", "37"]
    assert numbers.y[0] < numbers.y[1] and numbers.x[0] < numbers.x[1]


def test_opacity_grows_from_nearly_nothing_to_nearly_all():
    for stops in (colours.LOCAL_SCALE, colours.GLOBAL_SCALE):
        opacity = [float(colour.rsplit(",", 1)[1].rstrip(")")) for _, colour in stops]
        assert opacity[0] == 0.04 and opacity[-1] == 0.88 and opacity == sorted(opacity)
    # Small local weights are lifted more than global ones.
    assert colours.LOCAL_SCALE[6][1].rsplit(",")[-1] > colours.GLOBAL_SCALE[6][1].rsplit(",")[-1]


def test_weights_and_maps_in_words():
    assert words.percent(0.0834) == "8.3 %" and words.percent(0.4149) == "41 %"
    assert words.alt("Local", uneven(4, 4, (0, 1))).endswith("The strongest is row 1, column 2, with 50 %.")


@pytest.mark.parametrize(
    ("module", "banned"),
    [
        ("hatnet", ("streamlit", "plotly")),
        ("app.core.overlay", ("streamlit", "torch")),
        ("app.views.explorer.packing", ("streamlit", "torch")),
    ],
)
def test_imports_run_one_way(module, banned):
    code = f"import sys, {module}; print([name for name in {banned!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
