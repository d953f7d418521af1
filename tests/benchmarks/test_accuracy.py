"""The peers that the trainer trains are as large as hatnet_compact, learn by the same recipe, and go on after an interruption."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from benchmarks import accuracy
from hatnet.depth import depth_of
from hatnet.recipe import RECIPES
from tests.hatnet.timm_here import timm  # noqa: F401 (skips the tests where it is not installed)


def test_the_peers_have_as_many_parameters_and_the_same_call():
    models = {name: make(10) for name, (_, make) in accuracy.MODELS.items()}
    sizes = {name: sum(weight.numel() for weight in model.parameters()) for name, model in models.items()}
    assert len(sizes) == 3 and max(sizes.values()) < 1.05 * min(sizes.values())
    for model in models.values():
        assert model.eval()(torch.zeros(2, 3, 32, 32), explicit=True).shape == (2, 10)
        names = dict(model.named_parameters())
        undecayed = model.no_weight_decay()
        assert undecayed <= names.keys() and {name for name, weight in names.items() if weight.ndim <= 1} <= undecayed
    vit = models["ViT, 9 blocks of 128 channels"]
    assert {"model.pos_embed", "model.cls_token"} <= vit.no_weight_decay()
    assert len({depth_of(name, vit.config.depths) for name, _ in vit.named_parameters()}) == 1  # one learning rate for all


def test_every_model_is_trained_for_the_time_and_goes_on(tmp_path, monkeypatch):
    for part in ("train", "val", "test"):
        for name, colour in (("a", 60), ("b", 200)):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(6):
                Image.new("RGB", (32, 32), (colour + number % 9,) * 3).save(tmp_path / part / name / f"{number}.png")
    source, runs = f"folder:{tmp_path}", tmp_path / "runs"
    monkeypatch.setitem(accuracy.RECIPES, "compact", replace(RECIPES["compact"], batch_size=4))
    monkeypatch.setattr(accuracy, "MODELS", {name: accuracy.MODELS[name] for name in list(accuracy.MODELS)[:2]})
    monkeypatch.setattr(accuracy, "steps_within", lambda trainer, minutes, held_out: 3)
    monkeypatch.setattr(accuracy, "SAVE_EVERY", 0)
    advance = accuracy.Trainer.advance

    def interrupted(self, steps):
        for number, _ in enumerate(advance(self, steps)):
            if number == 2:
                raise KeyboardInterrupt
            yield

    monkeypatch.setattr(accuracy.Trainer, "advance", interrupted)
    cpu = torch.device("cpu")
    with pytest.raises(KeyboardInterrupt):
        list(accuracy.compare(0.5, cpu, (), source, runs))
    monkeypatch.setattr(accuracy.Trainer, "advance", advance)
    taken = []
    monkeypatch.setattr(accuracy.Trainer, "advance", lambda self, steps: taken.append(self.state.step) or advance(self, steps))
    found = list(accuracy.compare(0.5, cpu, (), source, runs))
    assert taken == [2, 0], "the first goes on, the second begins"
    assert [one.model for one in found] == list(accuracy.MODELS) and [one.origin for one in found] == ["hatnet", "timm"]
    assert all(one.steps == 3 and one.batch == 4 and one.seconds > 0 and 0 <= one.accuracy <= 1 for one in found)
    assert list(accuracy.compare(0.5, cpu, found, source, runs)) == []
