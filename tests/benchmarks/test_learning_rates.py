"""The comparison of learning rates, at its smallest."""

import json
import sys

import pytest
from PIL import Image

from benchmarks import learning_rates


def test_every_arm_is_trained_once(tmp_path, monkeypatch, capsys):
    for part in ("train", "val"):
        for name, colour in (("a", 60), ("b", 200)):
            (tmp_path / "pictures" / part / name).mkdir(parents=True)
            Image.effect_noise((32, 32), colour).convert("RGB").save(tmp_path / "pictures" / part / name / "0.png")
    monkeypatch.setattr(learning_rates, "THIN", {"dims": (8, 8, 8, 8), "depths": (1, 2, 1, 1), "head_dim": 8, "dropout": 0.0})
    least = ["--steps", "2", "--batch", "2", "--seeds", "3", "--rates", "0.001", "--arms", "as released", "layer_scale=0.1"]
    output = tmp_path / "rates.json"
    monkeypatch.setattr(sys, "argv", ["learning_rates.py", "--data", f"folder:{tmp_path / 'pictures'}", *least, "--output", str(output)])
    learning_rates.main()
    said, runs = capsys.readouterr().out, json.loads(output.read_text())["runs"]
    assert [run["arm"] for run in runs] == ["as released", "layer_scale=0.1"]
    for run in runs:
        assert run["guessing"] == pytest.approx(0.693, abs=1e-3) and f"| {run['arm']} | {run['loss']:.2f} |" in said
        for blocks in run["blocks"].values():
            assert [(row["stage"], row["block"]) for row in blocks] == [(2, 1), (3, 1), (3, 2), (4, 1), (5, 1)]
            assert all(row[name] > 0 for row in blocks for name in ("input", "mlp", "gradient"))
    learning_rates.main()
    assert json.loads(output.read_text())["runs"] == runs, "what is done is not done again"
