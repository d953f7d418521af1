"""The benchmark of the trainer, at its smallest."""

import json
import sys
from types import SimpleNamespace

import pytest

from benchmarks import trainer


def test_a_row_for_each_augmentation(tmp_path, monkeypatch, capsys):
    """A batch of one small image; one pair is raised to two, as quartiles need them."""
    monkeypatch.setattr(sys, "argv", ["trainer.py", "--sides", "32", "--batch", "1", "--pairs", "1", "--json", str(tmp_path / "rows.json")])
    ticks = iter(range(10**6))
    monkeypatch.setattr("hatnet.timing.time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))  # so every turn takes a second
    trainer.main()
    found = json.loads((tmp_path / "rows.json").read_text())
    assert [row["augment"] for row in found["rows"]] == ["shift", "resized"] and "torch" in found["machine"]
    for row in found["rows"]:
        assert row["batch"] == 1 and row["pairs"] == 2 and row["share"] == pytest.approx(row["trainer"] / row["bare"])
        assert row["quartiles"][0] <= row["share"] <= row["quartiles"][1]
    assert capsys.readouterr().out.count("| 32 | ") == 2
