"""The figures that only the notebooks show, from weights made by hand: the right cells in the right places, row 0 at the top."""

import numpy as np
import pytest
import torch

from app.core import overlay
from app.core.colours import rgb
from app.views.grids import accuracy
from hatnet.timing import Measured
from tutorials.machinery.figures import accuracy as accuracy_charts
from tutorials.machinery.figures import cards as drawn_cards
from tutorials.machinery.figures import cost, faithfulness, maps
from tutorials.machinery.figures.beside import beside

PHOTO = np.full((160, 160, 3), 200, np.uint8)
GRID = (16, 16)
TERMS = ("local projections", "local products", "global projections", "global products")


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


def test_only_weights_above_4_percent_are_printed():
    weights = np.zeros((4, 4))
    weights[0, 1], weights[2, 3], weights[3, 3] = 0.6, 0.37, 0.03
    figure = maps.local_map(weights, (0, 0, 4, 4), (0, 0), PHOTO, GRID)
    (numbers,) = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "text"]
    assert list(numbers.text) == ["60", "37"]
    assert numbers.y[0] < numbers.y[1] and numbers.x[0] < numbers.x[1]


def test_every_part_of_a_figure_moves_to_its_own_place():
    left = maps.global_map(np.full((2, 2), 0.25), 2, (1, 1), PHOTO, (4, 4))
    right = maps.local_map(np.full((3, 3), 1 / 9), (0, 0, 3, 3), (1, 1), PHOTO, (12, 12))
    both = beside({"left": left, "right": right})
    count = len(left.data)
    assert [trace.xaxis for trace in both.data] == ["x"] * count + ["x2"] * (len(both.data) - count)
    assert [trace.yaxis for trace in both.data] == ["y"] * count + ["y2"] * (len(both.data) - count)
    for name in ("shapes", "images"):
        parts, first = both.layout[name], len(left.layout[name])
        assert len(parts) == first + len(right.layout[name])
        assert {(part.xref, part.yref) for part in parts[:first]} == {("x", "y")}
        assert {(part.xref, part.yref) for part in parts[first:]} == {("x2", "y2")}
    # Row 0 stays at the top, and a token stays square.
    assert both.layout.yaxis2.range == (12, 0) and both.layout.yaxis2.scaleanchor == "x2"
    assert both.layout.xaxis.domain[1] < both.layout.xaxis2.domain[0]
    titles = both.layout.annotations
    assert [title.text for title in titles] == ["<b>left</b>", "<b>right</b>"]
    assert [title.x for title in titles] == [sum(axis.domain) / 2 for axis in (both.layout.xaxis, both.layout.xaxis2)]
    assert left.layout.images[0].xref == "x" and len(left.data) == count  # what was given is unchanged


def test_a_marked_map_says_what_its_numbers_are():
    values = np.zeros((4, 4))
    values[1, 2] = 3
    figure = maps.marked_map(values, "global", (0, 0), PHOTO, "change")
    (heat,) = heatmaps(figure)
    assert (heat.zmin, heat.zmax, heat.z[1][2]) == (0, 3, 3) and "change: <b>%{z" in heat.hovertemplate
    assert scale_of(figure) == ("change", (0, 1.5, 3), ("0", "1.5", "3"))
    assert scale_of(maps.marked_map(values > 0, "local", (0, 0), PHOTO, "changed")) == ("changed", (0.25, 0.75), ("no", "yes"))
    # The photograph shows through the largest, too.
    assert max(float(colour.rsplit(",")[-1].strip(")")) for _, colour in heat.colorscale) < 0.65


def scale_of(figure):
    (bar,) = [trace.marker.colorbar for trace in figure.data if trace.name == "scale"]
    return bar.title.text, bar.tickvals, bar.ticktext


def test_every_map_has_a_scale_and_maps_to_compare_have_the_same():
    weights = uneven(4, 4, (1, 2))
    whole, window = np.full((16, 16), 1 / 256), (4, 12, 4, 4)
    assert scale_of(maps.local_map(weights, window, (7, 13), PHOTO, GRID)) == ("weight, %", (0, 25, 50), ("0", "25", "50"))
    one, other = (maps.global_map(each, 4, (7, 13), PHOTO, GRID, most=0.5) for each in (weights, np.full((4, 4), 1 / 16)))
    assert scale_of(one) == scale_of(other) and heatmaps(one)[0].zmax == heatmaps(other)[0].zmax == 50
    assert heatmaps(maps.local_map(weights, window, (7, 13), PHOTO, GRID, most=0.8))[1].zmax == 80
    assert scale_of(maps.compared_map(whole, "local", 0.02, (0, 0), PHOTO, ())) == ("weight, %", (0, 1, 2), ("0", "1", "2"))
    signed = maps.compared_map(whole, "global", 0.02, (0, 0), PHOTO, (), signed=True)
    assert scale_of(signed) == ("difference, points", (-2, 0, 2), ("−2", "0", "+2"))
    assert scale_of(maps.uncovered(weights, PHOTO)) == ("times an even share", (0, 1.5, 3), ("0", "1.5", "3"))
    both = beside({"one": one, "other": other})
    first, second = [trace.marker.colorbar for trace in both.data if trace.name == "scale"]
    assert both.layout.xaxis.domain[0] < first.x < both.layout.xaxis.domain[1] < both.layout.xaxis2.domain[0] < second.x
    assert first.len == second.len < 0.5 and both.layout.margin.b == maps.BAR


@pytest.mark.parametrize("side", [4, 16, 56])
def test_the_ring_leaves_the_token_s_own_colour_visible(side):
    figure = maps.global_map(uneven(side, side, (1, 2)), 1, (1, 2), PHOTO, (side, side))
    circles = [shape for shape in figure.layout.shapes if shape.type == "circle"]
    assert not any(circle.fillcolor for circle in circles)
    token = maps.SIDE / side  # pixels
    inner = min((circle.x1 - circle.x0) / 2 * token - circle.line.width / 2 for circle in circles)
    assert inner > min(0.4 * token, 11)  # either the ring is around the token, or most of the token is inside it


def test_a_map_is_described_by_its_own_numbers():
    said = maps.describe(uneven(4, 4, (1, 2)), "token", top=4, left=12)
    assert said == "Of 4 by 4 tokens, the one in row 6, column 15 gets the largest weight, 50%."


def test_nothing_marked_is_drawn_too():
    (heat,) = heatmaps(maps.marked_map(np.zeros((4, 4)), "local", (0, 0), PHOTO, "change"))
    assert not np.any(heat.z)


def test_a_veil_is_lifted_by_shares_of_what_is_positive():
    values = np.array([[3.0, 1.0], [-5.0, 0.0]])
    figure = maps.uncovered(values, PHOTO, ring=(0.5, 0.5))
    assert figure.data[0].z == ([3, 1], [0, 0]) and (figure.data[0].zmin, figure.data[0].zmax) == (0, overlay.FULL)
    assert figure.layout.yaxis.range == (2, 0)
    veil = figure.data[0].colorscale
    assert veil[0][1].endswith("0.93)") and veil[-1][1].endswith(",0)")


def test_the_accuracy_maps_star_the_trained_setting_and_share_one_scale():
    found = accuracy.AccuracyMap({(4, 2): 0.8, (8, 2): 0.7, (4, 4): 0.75, (16, 2): 0.66}, (4, 2), 1000, "pictures")
    other = accuracy.AccuracyMap({(7, 2): 0.9}, (7, 2), 1000, "pictures")
    figure, second = accuracy_charts.accuracy_maps({"one": found, "two": other}).values()
    (heat,) = figure.data
    assert [list(row) for row in heat.z] == [[80, 75], [70, None], [66, None]]
    labels = [(note.x, note.y, note.text) for note in figure.layout.annotations]
    assert sorted(labels) == [(0, 0, "★ 80.0"), (0, 1, "70.0"), (0, 2, "66.0"), (1, 0, "75.0")]
    assert (heat.zmin, heat.zmax) == (second.data[0].zmin, second.data[0].zmax) == (66, 90)
    assert figure.layout.yaxis.title.text and not second.layout.yaxis.title.text
    assert "G1 4, G2 4: 75.0%" in accuracy_charts.accuracy_alt(found)


def test_the_curves_of_time_are_in_milliseconds_over_tokens_with_half_the_spread_to_each_side():
    measured = {8: {"MHSA": Measured("MHSA", 2.0, 0.5, 10)}, 16: {"MHSA": Measured("MHSA", 9.0, 30.0, 20)}}
    computed, timed = cost.over_tokens(measured, {"MHSA": np.array([1.0, 16.0])}).data
    assert list(computed.x) == list(timed.x) == [64, 256] and list(computed.y) == [1, 16] and list(timed.y) == [2, 9]
    assert list(timed.error_y.array) == [0.25, 15]
    assert list(timed.error_y.arrayminus) == pytest.approx([0.25, 5.4])  # above 0: the axis is logarithmic


def test_the_cheapest_and_the_authors_sides_are_marked_where_they_are():
    macs = np.array([[4e6, 2e6], [9e6, 3e6]])  # G1 down, G2 across, from 1
    heat, diagonal, *marks = cost.over_settings(macs, 1.5, (2, 1)).data
    marked = {trace.name: (trace.y[0], trace.x[0]) for trace in marks}
    assert marked == {"cheapest of all": (1, 2), "cheapest G₁ = G₂": (1.5, 1.5), "the authors'": (2, 1)}
    assert diagonal.name == "G₁ = G₂" and list(diagonal.x) == list(diagonal.y)
    # The scale is logarithmic, says so, and has MACs at its ticks.
    assert heat.z == pytest.approx(np.log10(macs)) and "MACs (logarithmic)" in heat.colorbar.title.text
    assert dict(zip(heat.colorbar.ticktext, heat.colorbar.tickvals, strict=True)) == pytest.approx(
        {"2 M": np.log10(2e6), "5 M": np.log10(5e6)}
    )


def test_the_terms_are_stacked_under_the_cheapest_side_and_the_authors():
    g = np.array([1.0, 2.0, 3.0, 4.0])
    figure = cost.along_diagonal(g, dict.fromkeys(TERMS, g), 2.5, 3)
    *stacked, line, star = figure.data
    assert [trace.name for trace in stacked] == list(TERMS) and (star.x[0], star.y[0]) == (2.5, 10)
    assert list(line.x) == [3, 3] and line.y[1] == figure.layout.yaxis.range[1]
    assert "cut off" not in figure.layout.yaxis.title.text
    steep = cost.along_diagonal(g, dict.fromkeys(TERMS, 100 / g), 2.5, 3)
    assert steep.layout.yaxis.title.text == "multiply-adds (MACs), cut off above"


def test_every_line_of_the_charts_of_cost_is_in_the_legend_and_told_apart_without_its_grey():
    measured = {8: {name: Measured(name, 2.0, 0.5, 10) for name in ("MHSA", "H-MHSA")}}
    formulas = {name: np.array([1.0]) for name in ("MHSA", "H-MHSA")}
    g = np.arange(1.0, 9)
    figures = (
        cost.over_tokens(measured, formulas),
        cost.along_diagonal(g, dict.fromkeys(TERMS, g), 2.5, 3),
        cost.over_settings(1e6 * np.arange(1.0, 10).reshape(3, 3), 1.5, (2, 1)),
    )
    for figure in figures:
        shown = [trace for trace in figure.data if trace.type == "scatter"]
        assert all(trace.name and trace.showlegend is not False for trace in shown)
        assert figure.layout.xaxis.title.text and figure.layout.yaxis.title.text
    for axis in (figures[0].layout.xaxis, figures[0].layout.yaxis):
        assert axis.type == "log" and axis.title.text.endswith("(logarithmic)")
    looks = {(trace.line.dash, trace.marker.symbol, trace.line.color) for trace in figures[0].data}
    assert len(looks) == 4
    assert len({(dash, symbol) for dash, symbol, _ in looks}) >= 3
    greys = {sum(rgb(colour)) / 3 for _, _, colour in looks}
    assert max(greys) - min(greys) > 90


def test_both_tests_are_drawn_in_percent_on_full_axes_and_every_line_has_its_name():
    flat = np.full(5, 0.5)
    random = np.stack([[flat, 0.8 * flat], [0 * flat, flat], [flat, flat]])
    tested = {"Raw attention": np.stack([0.2 * flat, 0.4 * flat]), "Mine": np.stack([flat, 0.6 * flat])}
    figure = faithfulness.both_tests("cat", tested, random, 0 * random[0])
    left, right = ({trace.name: list(trace.y) for trace in figure.data if (trace.xaxis == "x2") == second} for second in (False, True))
    assert left["Mine"] == [50] * 5 and left["Raw attention"] == [10] * 5 and left["Random maps, median"] == [50] * 5
    assert right["Mine"] == [30] * 5 and right["Raw attention"] == [20] * 5 and right["Random maps, median"] == [50] * 5
    assert list(figure.data[-1].x) == [0, 25, 50, 75, 100]
    named = [trace.name for trace in figure.data if trace.showlegend]
    assert named == ["Random maps, 8 of 10", "Random maps, median", "Occlusion, random weights", "Raw attention", "Mine"]
    assert figure.layout.yaxis.range[0] == figure.layout.yaxis2.range[0] == 0 and figure.layout.yaxis.range[1] >= 100
    assert figure.layout.yaxis.title.text == "probability of “cat”, %" and figure.layout.xaxis2.title.text == "squares removed, %"
    text = faithfulness.both_alt("cat", tested, random, 0 * random[0])
    assert "Insertion: " in text and "Mine 0.50, Raw attention 0.10" in text and "Deletion: " in text and "Mine 0.30" in text


def test_the_kinds_of_tokens_stand_over_their_names():
    figure = drawn_cards.kinds()
    pixels, axis = np.array(figure.data[0].z), figure.layout.xaxis
    for name, rows in (("rows", "1111 0000 1111 0000"), ("diagonal", "1100 0110 0011 1001"), ("ring", "1111 1001 1001 1111")):
        left = round(axis.tickvals[axis.ticktext.index(name)] - 1.5)
        assert [[int(value < 128) for value in row] for row in pixels[:, left : left + 4, 0]] == [
            [int(pixel) for pixel in row] for row in rows.split()
        ]
        assert f"{name}: {rows}" in drawn_cards.kinds_alt()


def test_a_drawn_picture_counts_its_cells_from_1():
    pixels = torch.arange(3 * 48 * 48).view(3, 48, 48).to(torch.uint8)
    figure = drawn_cards.picture(pixels)
    assert np.array_equal(np.array(figure.data[0].z), pixels.permute(1, 2, 0).numpy())
    assert list(figure.layout.xaxis.ticktext) == ["1", "2", "3", "4"] and list(figure.layout.yaxis.tickvals) == [5.5, 17.5, 29.5, 41.5]
    assert sorted({shape.x0 for shape in figure.layout.shapes if shape.x0 == shape.x1}) == [11.5, 23.5, 35.5]
