"""The comparison of learning rates, at its smallest."""

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import learning_rates
from hatnet.recipe import RECIPES, auto_learning_rate

ROOT = Path(__file__).resolve().parent.parent.parent


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


def test_the_page_on_training_has_what_was_measured():
    page = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    runs = json.loads((ROOT / "benchmarks/learning_rates.json").read_text())["runs"]
    assert learning_rates.table(runs) in page
    for name, images in (("paper, eight processes", 1024), ("paper, one process", 128), ("compact", 128), ("cards", 64)):
        own = RECIPES[name.split(",")[0]]
        assert f"| {name} | {images:,} | {own.learning_rate:g} | {auto_learning_rate(images):.2g} |" in page
        assert images in (own.batch_size, 8 * own.batch_size)
    blocks = {run["arm"]: run["blocks"] for run in runs if (run["rate"], run["seed"]) == (0.0015, 0)}
    last = [
        [row["input"] for rows in blocks[arm].values() for row in rows if (row["stage"], row["block"]) == (4, 6)]
        for arm in ("as released", "init_std=null", "layer_scale=0.1")
    ]
    assert f"| {' | '.join(f'{before:.1f} → {after:.1f}' for before, after in last)} |" in page
    for name, digits in (("mlp", ".1g"), ("gradient", ".2g")):
        first = [f"{blocks[arm]['before'][0][name]:{digits}}" for arm in ("as released", "init_std=null", "layer_scale=0.1")]
        assert f"| {' | '.join(first)} |" in page
