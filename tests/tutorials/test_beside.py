"""Figures that only the notebooks show."""

import numpy as np

from tutorials.figures import maps
from tutorials.figures.beside import beside

PHOTO = np.full((160, 160, 3), 200, np.uint8)


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
    (heat,) = maps.marked_map(values, "global", (0, 0), PHOTO, "change").data
    assert heat.zmin == 0 and heat.zmax > heat.z[1][2] > 0
    assert heat.customdata[1][2] == 3 and "change: <b>%{customdata" in heat.hovertemplate


def test_nothing_marked_is_drawn_too():
    (heat,) = maps.marked_map(np.zeros((4, 4)), "local", (0, 0), PHOTO, "change").data
    assert not np.any(heat.z)
