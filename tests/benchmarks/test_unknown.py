"""benchmarks/unknown.py: its figures by hand and by a naive loop, and that one half of the pictures chooses while the other measures."""

import json
import sys

import pytest
import torch
from PIL import Image

import hatnet
from app.core.unknown import SCORES
from benchmarks import unknown


def test_figures_by_hand():
    known, other = torch.tensor([1.0, 3.0, 5.0, 7.0]), torch.tensor([0.0, 2.0, 3.0])
    pairs = [(k > u) + 0.5 * (k == u) for k in known.tolist() for u in other.tolist()]
    value, (low, high) = unknown.auroc(known, other)
    assert value == pytest.approx(sum(pairs) / 12) == pytest.approx(9.5 / 12) and low < value < high
    assert unknown.mistakes(known, other, 3.0) == (0.25, pytest.approx(1 / 3))  # 1 is below; 3 is not
    assert unknown.balanced(known, other) == 2.5  # 1 of 4 below it, 1 of 3 above it: between 2 and 3 the two differ least
    assert unknown.wilson(0.5, 100) == (pytest.approx(0.4038, abs=1e-4), pytest.approx(0.5962, abs=1e-4))  # as tables of it have
    assert unknown.wilson(0, 10) == (pytest.approx(0, abs=1e-9), pytest.approx(0.2775, abs=1e-4))


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Scores from two normal distributions one standard deviation apart, whose AUROC is Φ(1 / √2) = 0.7602."""
    generator = torch.Generator().manual_seed(1)
    found = [unknown.auroc(1 + torch.randn(60, generator=generator), torch.randn(60, generator=generator))[1] for _ in range(100)]
    assert 88 <= sum(low < 0.7602 < high for low, high in found) <= 99


def test_one_half_chooses_and_the_other_measures():
    """On the choosing half the largest logit tells and the softmax does not; on the measuring half it is the other way round."""
    sure, unsure = torch.tensor([0.0, 4.0]), torch.tensor([0.0, 0.5])
    large, small = torch.tensor([9.0, 9.0]), torch.tensor([1.0, 1.0])
    known, other = [large.repeat(8, 1), sure.repeat(6, 1)], [small.repeat(4, 1), unsure.repeat(5, 1) + 9]
    result = unknown.analysed(known, other, [(((1,), (1,)), known[0][:6], other[0])], ((4,), (2,)))
    assert result["score"] in ("logit", "energy") and result["scores"]["softmax"] | {"interval": None} == {
        "auroc_choosing": 0.5,
        "auroc": 1.0,
        "interval": None,
    }
    assert result["scores"]["logit"]["auroc_choosing"] == 1 and result["scores"]["logit"]["auroc"] == 0
    trained, others = result["rows"]
    assert (trained["false_alarms"], trained["misses"]) == (1, 1) and (others["false_alarms"], others["misses"]) == (0, 0)
    assert 1 < result["threshold"] < 9.7 and result["chose_and_measured"] == {"known": [8, 6], "unknown": [4, 5]}


def test_a_checkpoint_is_measured(tmp_path, monkeypatch, capsys):
    """Its file gives the rates of the model called directly; a picture that is named in --leave-out is not used."""
    torch.manual_seed(0)
    model = hatnet.create_model("hatnet_compact", 2, depths=(1, 1, 1)).eval()
    for folder, colour in (("known/a", 60), ("known/b", 120), ("others", 200)):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(10):
            Image.effect_noise((32, 32), 5 * number).convert("RGB").point(lambda value, c=colour: (value + c) % 256).save(
                tmp_path / folder / f"{number}.png"
            )
    (tmp_path / "names.txt").write_text("# of people\n3\n")
    info = {"classes": ["a", "b"], "mean": [0.5] * 3, "std": [0.25] * 3, "image_size": 32, "data": "pictures", "accuracy": 0.5}
    hatnet.save_checkpoint(model, tmp_path / "m.safetensors", info | {"val_fraction": 0.5})
    where = ["--known", f"folder:{tmp_path / 'known'}", "--unknown", str(tmp_path / "others"), "--leave-out", str(tmp_path / "names.txt")]
    monkeypatch.setattr(sys, "argv", ["unknown.py", str(tmp_path / "m.safetensors"), *where, "--output", str(tmp_path / "m.json")])
    monkeypatch.setattr(unknown, "told_of_samples", lambda *_: None)
    unknown.main()
    result = json.loads((tmp_path / "m.json").read_text())
    assert result["chose_and_measured"] == {"known": [5, 5], "unknown": [4, 5]} and result["left_out"] == 1
    assert f"unknown below {result['threshold']:.3f}" in capsys.readouterr().out
    used = [path for path in sorted((tmp_path / "others").iterdir()) if path.stem != "3"]
    pixels = torch.stack([hatnet.preprocessing.decode(path, 32) for path in used])
    images = (pixels[unknown.spread(9, 300)][unknown.halves(9)[1]].float() / 255 - 0.5) / 0.25
    assert [(row["g1"], row["g2"]) for row in result["rows"]] == [
        ([4, 4], [2, 2]),
        *(([1, 1], [2, 2]), ([4, 4], [16, 8]), ([1, 1], [16, 8])),
    ]
    for row in result["rows"]:
        with torch.inference_mode():
            scores = SCORES[result["score"]](model(images, row["g1"], row["g2"]))
        assert row["misses"] == pytest.approx((scores >= result["threshold"]).float().mean().item())
    monkeypatch.setattr(sys, "argv", [*sys.argv[:-2]])
    (tmp_path / "names.txt").write_text("nobody\n")
    with pytest.raises(SystemExit, match="names nobody"):
        unknown.main()
