"""Every pair of G1 and G2 that fits is tried, and measured as it says."""

import json
import sys

import pytest
import torch
from PIL import Image

import hatnet
from benchmarks import grids


def test_grids_that_are_tried():
    """Every pair in one stage, the other stage as trained: counted by hand."""
    model = hatnet.create_model("hatnet_compact")  # 16 and 8 tokens; G1 4, 4; G2 2, 2
    found = grids.variants(model, 32)
    assert found[0] == (None, (4, 4), (2, 2))
    first = {(g1[0], g2[0]) for stage, g1, g2 in found if stage == 2}
    second = {(g1[1], g2[1]) for stage, g1, g2 in found if stage == 3}
    assert first == {(one, two) for one in (2, 4, 7, 8, 16) for two in (1, 2, 4, 8)} - {(4, 2)}
    assert second == {(one, two) for one in (2, 4, 7, 8) for two in (1, 2, 4, 8)} - {(4, 2)}
    assert all(g1[1] == 4 and g2[1] == 2 for stage, g1, g2 in found if stage == 2)
    assert len({(g1, g2) for _, g1, g2 in found}) == len(found) == 1 + 19 + 15


def test_grids_of_a_checkpoint(tmp_path, monkeypatch):
    """The row as trained has the checkpoint's own accuracy, and MACs go down with G2."""
    torch.manual_seed(0)
    model = hatnet.create_model("hatnet_compact", 2, depths=(1, 1, 1)).eval()
    for name, colour in (("a", 60), ("b", 200)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (32, 32), (colour + number,) * 3).save(tmp_path / "pictures" / name / f"{number}.png")
    info = {"classes": ["a", "b"], "mean": [0.5] * 3, "std": [0.25] * 3, "image_size": 32, "data": "pictures", "accuracy": 0.5}
    hatnet.save_checkpoint(model, tmp_path / "m.safetensors", info | {"val_fraction": 0.5})
    files = [str(tmp_path / "m.safetensors"), "--output", str(tmp_path / "m.json")]
    monkeypatch.setattr(sys, "argv", ["grids.py", *files, "--data", f"folder:{tmp_path / 'pictures'}"])
    grids.main()
    result = json.loads((tmp_path / "m.json").read_text())
    held = hatnet.data.load(f"folder:{tmp_path / 'pictures'}", "val", 32, 0.5)
    images = (held.pixels.float() / 255 - 0.5) / 0.25
    with torch.inference_mode():
        wanted = [(model(images, row["g1"], row["g2"]).argmax(1) == held.labels).float().mean().item() for row in result["rows"]]
    assert [row["accuracy"] for row in result["rows"]] == pytest.approx(wanted) and result["images"] == 10
    macs = {row["g2"][0]: row["macs"] for row in result["rows"] if row["stage"] == 2 and row["g1"] == [4, 4] and row["g2"][1] == 2}
    assert macs[1] > result["rows"][0]["macs"] > macs[4] > macs[8]
