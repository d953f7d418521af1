"""Accuracy against cost: what is filled was counted or measured here, what is hollow is only printed."""

import statistics

import pytest

from app.views.paper import charts, counts
from hatnet import paper


def dots(drawn, look):
    return [
        point
        for layer in drawn["layers"]
        if layer["kind"] == "dots" and look in layer["look"].split()
        for point in zip(layer["x"], layer["y"], strict=True)
    ]


def test_hat_nets_lie_where_they_were_counted():
    drawn = charts.over_macs()
    assert dots(drawn, "ours") == [(2.1281, 79.8), (4.5483, 82.6), (8.7773, 84.0), (12.075, 84.2)]  # docs/counting.md
    assert (1.8, 68.5) in dots(drawn, "open") and (1.8, 69.8) not in dots(drawn, "open"), "ResNet18 once, trained as the others"
    assert len(drawn["stops"]["x"]) == len(drawn["stops"]["words"]) == 45 - 2 - 6  # without 384 pixels, and each model once
    assert all("384" not in said for said in drawn["stops"]["words"])
    assert drawn["stops"]["x"] == sorted(drawn["stops"]["x"])


def test_milliseconds_are_medians_of_what_was_measured():
    if counts.peers() is None:
        pytest.skip("nothing was measured in this checkout")
    drawn = charts.over_time()
    point = counts.points()["hatnet_tiny"]
    (x, y), *_ = dots(drawn, "ours")
    assert x == pytest.approx(1000 * statistics.median(point.seconds), rel=1e-4) and y == 79.8
    assert not dots(drawn, "open") and len(drawn["stops"]["x"]) == len(counts.points())
    assert "measured here" in drawn["stops"]["words"][0]


def test_nothing_measured_gives_no_chart_and_hollow_peers(monkeypatch, tmp_path):
    monkeypatch.setattr(counts, "ROOT", tmp_path)
    assert charts.over_time() is None
    drawn = charts.over_macs()
    assert not dots(drawn, "muted") or all(point in dots(drawn, "open") for point in dots(drawn, "muted"))
    assert len(dots(drawn, "ours")) == len(paper.NAMES)
