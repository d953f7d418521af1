"""The extremes, read from what benchmarks/grids.py wrote."""

import json

import hatnet
from app.core import extremes


def test_each_accuracy_is_of_its_own_setting_in_all_stages():
    rows = [([8, 7], [8, 4], 0.88), ([1, 1], [8, 4], 0.76), ([8, 7], [28, 14], 0.83), ([8, 7], [56, 28], 0.77), ([1, 1], [56, 28], 0.47)]
    rows = [dict(stage="all", g1=g1, g2=g2, accuracy=value, macs=1) for g1, g2, value in rows]
    found = extremes.of_file(dict(images=496, trained=dict(g1=[8, 7], g2=[8, 4]), rows=rows))
    assert (found.images, found.trained, found.windows, found.cell, found.both) == (496, 0.88, 0.76, 0.77, 0.47)


def test_what_was_measured_stands_beside_the_checkpoint(monkeypatch, tmp_path):
    file = json.loads((hatnet.checkpoints.SHIPPED / extremes.FILE).read_text())
    assert extremes.measured().trained == next(row["accuracy"] for row in file["rows"] if row["stage"] is None)
    monkeypatch.setattr(hatnet.checkpoints, "SHIPPED", tmp_path)
    assert extremes.measured() is None
