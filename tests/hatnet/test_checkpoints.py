"""Checkpoints on disk, and the authors' state dicts."""

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

import hatnet
from tests.hatnet.models import OFFICIAL
from tests.hatnet.naive import picture, seeded

INFO = {"classes": ["cat", "dog"], "mean": [0.5] * 3, "std": [0.25] * 3, "image_size": 32, "data": "pets", "accuracy": 0.75}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return hatnet.create_model("hatnet_compact", 2, depths=(1, 1, 1)).train()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_round_trip(model, tmp_path, dtype):
    hatnet.save_checkpoint(model, tmp_path / "a.safetensors", INFO | {"epochs": 3}, dtype)
    info = hatnet.checkpoint_info(tmp_path / "a.safetensors")
    assert info.items() >= INFO.items() and info["epochs"] == 3
    assert (info["g1"], info["g2"]) == (model.config.g1, model.config.g2)
    loaded = hatnet.load_checkpoint(str(tmp_path / "a.safetensors"))
    assert not loaded.training and loaded.config == model.config
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    image = picture(0, 32)
    tolerance = 0 if dtype == torch.float32 else 0.05
    torch.testing.assert_close(loaded(image), model.eval()(image), atol=tolerance, rtol=0)


def test_files_that_are_no_checkpoints(model, tmp_path):
    hatnet.save_checkpoint(model, whole := tmp_path / "whole.safetensors", INFO)
    (cut := tmp_path / "cut.safetensors").write_bytes(whole.read_bytes()[:1000])
    (run := tmp_path / "run.safetensors").write_bytes(pickle.dumps(INFO))
    save_file({"x": torch.zeros(1)}, foreign := tmp_path / "foreign.safetensors")
    header = json.dumps(INFO | {"config": {"g1": [], "g2": []}})
    save_file({"x": torch.zeros(1)}, odd := tmp_path / "odd.safetensors", metadata={"hatnet": header})
    for path, words in (
        (cut, "no safetensors file"),
        (run, "no safetensors file"),
        (foreign, "header does not say"),
        (odd, "do not fit"),
        (tmp_path / "none.safetensors", "there is no checkpoint"),
        ("cifra10", "shipped ones are"),
    ):
        with pytest.raises(ValueError, match=words):
            hatnet.load_checkpoint(path)
    with pytest.raises(ValueError, match="accuracy"):
        hatnet.save_checkpoint(model, tmp_path / "b.safetensors", {key: INFO[key] for key in INFO if key != "accuracy"})


@pytest.mark.parametrize("name", hatnet.list_checkpoints())
def test_shipped_checkpoints(name):
    info = hatnet.checkpoint_info(name)
    model = hatnet.load_checkpoint(name)
    assert not model.training and all(p.dtype == torch.float32 for p in model.parameters())
    assert model.config.num_classes == len(info["classes"])
    assert len(info["mean"]) == len(info["std"]) == 3 and 0 < info["accuracy"] <= 1
    assert model(picture(0, info["image_size"])).shape[:2] == (1, len(info["classes"]))


def test_official_state_dict_names_every_problem():
    model = hatnet.create_model("hatnet_tiny")
    weights = {key: seeded(key, shape) for key, shape in OFFICIAL["tiny"]}
    before = {key: value.clone() for key, value in model.state_dict().items()}
    broken = dict(weights) | {"blocks.9.0.attn.q.weight": torch.zeros(1), "classifier.1.weight": torch.zeros(5, 384)}
    del broken["ds2.norm.bias"], broken["blocks.0.0.attn.kv.weight"]
    broken["blocks.1.0.attn.qkv.weight"] = torch.zeros(288, 96)[..., None]
    with pytest.raises(ValueError) as error:
        hatnet.load_official_state_dict(model, broken)
    for words in (
        "missing ds2.norm.bias",
        "missing blocks.0.0.attn.kv.weight",
        "unexpected blocks.9.0.attn.q.weight",
        "classifier.1.weight has shape [5, 384]",
        "blocks.1.0.attn.qkv.weight has shape [288, 96, 1]",
    ):
        assert words in str(error.value)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    with pytest.raises(ValueError, match=r"has shape \[64, 16, 3, 3\]"):
        hatnet.load_official_state_dict(model, {key: seeded(key, shape) for key, shape in OFFICIAL["small"]})
    hatnet.load_official_state_dict(model, weights)
    loaded = model.state_dict()["stages.0.blocks.0.attn.qkv.weight"]
    torch.testing.assert_close(loaded, weights["blocks.0.0.attn.qkv.weight"][:, :, 0, 0])
