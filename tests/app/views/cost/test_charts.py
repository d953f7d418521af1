"""Charts of Cost from hand-made numbers."""

import numpy as np

from app.core import colours
from app.views.cost import charts


def test_charts_of_hand_made_numbers():
    sides = np.array([8, 16])
    curves = {"MHSA": np.array([1.0, 8]), "H-MHSA": np.array([2.0, 4])}
    figure = charts.against_tokens(sides, curves, 16, (8, 4), 128, "MACs", {}, colours.LIGHT)
    assert [list(trace.x) for trace in figure.data[:2]] == [[64, 256]] * 2 and figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert any("÷ 2" in note.text for note in figure.layout.annotations)
    assert any("128 tokens" in note.text for note in figure.layout.annotations)
    points = {"MHSA": ([8, 16], [3.0, 9.0], [0.1, 0.2])}
    timed = charts.against_tokens(sides, curves, 16, (8, 4), None, "ms", points, colours.DARK)
    (dots,) = [trace for trace in timed.data if trace.mode == "markers+lines"]
    assert list(dots.y) == [3, 9] and list(dots.error_y.array) == [0.1, 0.2]
    grid = charts.over_settings(np.array([[4.0, 1], [9, 2]]), 1.5, (2, 2), (1, 2), colours.LIGHT)
    marks = {trace.name: (trace.y[0], trace.x[0]) for trace in grid.data[2:]}
    assert marks == {"Eq. 15 alone": (1, 2), "cheapest G₁ = G₂": (1.5, 1.5), "trained": (2, 2), "now": (1, 2)}
