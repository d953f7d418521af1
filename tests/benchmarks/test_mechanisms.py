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
    places = ["--runs", str(tmp_path / "runs"), "--output", str(tmp_path / "out"), "--name", "grey", "--weights", "--stages"]
    what = ["--data", f"folder:{tmp_path / 'pictures'}", "--epochs", "2", "--seeds", "2", "--set", "depths=[1,1,1]"]
    monkeypatch.setattr(sys, "argv", ["mechanisms.py", *what, *places])
    mechanisms.main()
    found = json.loads((tmp_path / "out" / "grey.reaches.json").read_text())
    arms = [*mechanisms.MECHANISMS, "hierarchical, window"]
    assert [(run["arm"], run["seed"]) for run in found["runs"]] == [(arm, seed) for seed in (0, 1) for arm in arms]
    assert {run["steps"] for run in found["runs"]} == {2} and found["data"] == "pictures"
    for row in found["summary"]:
        values = [run["accuracy"] for run in found["runs"] if run["arm"] == row["arm"]]
        assert row["mean"] == mean(values)
        if row["arm"] in mechanisms.MECHANISMS:
            info = hatnet.checkpoint_info(tmp_path / "out" / f"grey-{row['arm']}.safetensors")
            assert info.config.mechanisms == (row["arm"],) * 2 and info.accuracy == values[0]
            assert info.extra["split"] == "test" and info.extra["recipe"]["seed"] == 0
    mixed = hatnet.checkpoint_info(tmp_path / "runs" / "2-epochs" / "hierarchical-window-1" / "tested.safetensors")
    assert mixed.config.mechanisms == ("hierarchical", "window") and mixed.config.depths == (1, 1, 1) and mixed.extra["recipe"]["seed"] == 1
    ended = {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/2-epochs/*/*")}
    assert len(ended) > 8
    mechanisms.main()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("runs/2-epochs/*/*")} == ended, "what is done is not done again"


def test_the_arms_of_table_5():
    """Designs 1 to 4 of the paper's table, for a model of three hierarchical stages, and the two mechanisms that it does not have."""
    found = set(mechanisms.arms(3, step_by_step=True).values())
    h, w = "hierarchical", "window"
    assert found == {(w, w, w), (h, w, w), (h, h, w), (h, h, h), ("pooled",) * 3, ("full",) * 3}
