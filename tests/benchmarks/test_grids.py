"""Every pair of G1 and G2 that fits is tried, and measured as it says."""

import json
import sys

import pytest
import torch
from PIL import Image

import hatnet
from benchmarks import grids
from tests.hatnet.models import short


def test_grids_that_are_tried():
    """Every pair in one stage, the other stage as trained, then both stages at once: counted by hand."""
    model = hatnet.create_model("hatnet_compact")  # 16 and 8 tokens; G1 4, 4; G2 2, 2
    found = grids.variants(model, 32)
    assert found[0] == (None, (4, 4), (2, 2))
    first = {(g1[0], g2[0]) for stage, g1, g2 in found if stage == 2}
    second = {(g1[1], g2[1]) for stage, g1, g2 in found if stage == 3}
    assert first == {(one, two) for one in (2, 4, 7, 8, 16) for two in (1, 2, 4, 8)} - {(4, 2)}
    assert second == {(one, two) for one in (2, 4, 7, 8) for two in (1, 2, 4, 8)} - {(4, 2)}
    assert all(g1[1] == 4 and g2[1] == 2 for stage, g1, g2 in found if stage == 2)
    assert len({(g1, g2) for _, g1, g2 in found}) == len(found) == 1 + 19 + 15 + 7
    whole = (16, 8)
    assert [(g1, g2) for stage, g1, g2 in found if stage == "all"] == [
        *(((1, 1), (2, 2)), ((2, 2), (2, 2)), ((14, 8), (2, 2))),
        *(((4, 4), (1, 1)), ((4, 4), (8, 4)), ((4, 4), whole)),
        ((1, 1), whole),
    ]


def test_grids_of_a_checkpoint(tmp_path, monkeypatch):
    """Each row has the accuracy of the model with its G1 and G2, however the batches fall; MACs go down with G2."""
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
    monkeypatch.setattr(grids, "images_at_once", lambda side: 3)
    grids.main()
    result = json.loads((tmp_path / "m.json").read_text())
    held = hatnet.data.load(f"folder:{tmp_path / 'pictures'}", "val", 32, 0.5)
    images = (held.pixels.float() / 255 - 0.5) / 0.25
    with torch.inference_mode():
        wanted = [(model(images, row["g1"], row["g2"]).argmax(1) == held.labels).float().mean().item() for row in result["rows"]]
    assert [row["accuracy"] for row in result["rows"]] == pytest.approx(wanted) and result["images"] == 10
    macs = {row["g2"][0]: row["macs"] for row in result["rows"] if row["stage"] == 2 and row["g1"] == [4, 4] and row["g2"][1] == 2}
    assert macs[1] > result["rows"][0]["macs"] > macs[4] > macs[8]


def test_some_of_many_images_are_of_every_class(monkeypatch):
    """A list is in the order of the classes: the first few would be of one class. What is written before the end is of what was seen."""
    assert sorted(grids.spread(10, 20).tolist()) == list(range(10))
    assert sorted(grids.spread(100, 5).tolist()) == [0, 25, 50, 74, 99]
    model = short("hatnet_compact")
    pixels = torch.randint(0, 256, (60, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    settings = [(None, (4, 4), (2, 2)), (3, (4, 8), (2, 8)), ("all", (1, 1), (16, 8))]
    with torch.inference_mode():
        inputs = hatnet.preprocessing.normalise(pixels, [0.5] * 3, [0.25] * 3)
        answers = [model(inputs, g1, g2).argmax(1) for _, g1, g2 in settings]
    hits = torch.stack([answer == answers[0] for answer in answers])  # the trained setting is right by definition
    assert 60 > hits[1].sum() != hits[2].sum() < 60, "settings that answer alike would show nothing"
    images = hatnet.data.Images(pixels=pixels, labels=answers[0], classes=tuple("abcdefghij"))
    monkeypatch.setattr(grids, "images_at_once", lambda side: 40)
    seen = [(count, right.tolist()) for count, right in grids.measure(model, images, [0.5] * 3, [0.25] * 3, settings)]
    assert seen == [(count, hits[:, :count].sum(1).tolist()) for count in (40, 60)]
