"""The comparison of mechanisms on photographs, at the smallest scale."""

import json
import sys
from statistics import mean

import pytest
from PIL import Image

import hatnet
from benchmarks import mechanisms


@pytest.mark.slow
def test_every_arm_is_trained_alike_and_resumed_where_it_stopped(tmp_path, monkeypatch):
    for part in ("train", "val", "test"):
        for name, colour in (("a", 60), ("b", 200)):
            (tmp_path / "pictures" / part / name).mkdir(parents=True)
            for number in range(70):
                Image.new("RGB", (32, 32), (colour + number % 9,) * 3).save(tmp_path / "pictures" / part / name / f"{number}.png")
    (tmp_path / "out").mkdir()
    places = ["--runs", str(tmp_path / "runs"), "--output", str(tmp_path / "out")]
    monkeypatch.setattr(
        sys, "argv", ["mechanisms.py", "--data", f"folder:{tmp_path / 'pictures'}", "--epochs", "2", "--seeds", "2", *places]
    )
    mechanisms.main()
    found = json.loads((tmp_path / "out" / "cifar10.reaches.json").read_text())
    assert [(run["arm"], run["seed"]) for run in found["runs"]] == [(arm, seed) for seed in (0, 1) for arm in mechanisms.ARMS]
    assert {run["steps"] for run in found["runs"]} == {2} and found["data"] == "pictures"
    for row in found["summary"]:
        values = [run["accuracy"] for run in found["runs"] if run["arm"] == row["arm"]]
        info = hatnet.checkpoint_info(tmp_path / "out" / f"cifar10-{row['arm']}.safetensors")
        assert row["mean"] == mean(values) and info.accuracy == values[0]
        assert info.config.attention == row["arm"] and info.extra["split"] == "test" and info.extra["recipe"]["seed"] == 0
    ended = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/2-epochs/*/*")}
    assert len(ended) > 8
    mechanisms.main()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/2-epochs/*/*")} == ended, "what is done is not done again"
