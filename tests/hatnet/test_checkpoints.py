"""Checkpoints on disk."""

import dataclasses
import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

import hatnet
from tests.hatnet.naive import picture

INFO = {"classes": ["cat", "dog"], "mean": [0.5] * 3, "std": [0.25] * 3, "image_size": 32, "data": "pets", "accuracy": 0.75}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return hatnet.create_model("hatnet_compact", 2, depths=(1, 1, 1)).train()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_round_trip(model, tmp_path, dtype):
    hatnet.save_checkpoint(model, tmp_path / "a.safetensors", INFO | {"epochs": 3}, dtype)
    info = hatnet.checkpoint_info(tmp_path / "a.safetensors")
    assert (info.classes, info.mean, info.std) == (("cat", "dog"), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    assert (info.image_size, info.data, info.accuracy) == (32, "pets", 0.75)
    assert info.config == model.config and info.extra == {"epochs": 3}
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
        (cut, "not a readable safetensors file"),
        (run, "not a readable safetensors file"),
        (foreign, "header lacks config"),
        (odd, "another version of hatnet"),
        (tmp_path / "none.safetensors", "there is no checkpoint"),
        ("cifra10", "shipped ones are"),
    ):
        with pytest.raises(ValueError, match=words):
            hatnet.load_checkpoint(path)
    with pytest.raises(ValueError, match="accuracy"):
        hatnet.save_checkpoint(model, tmp_path / "b.safetensors", {key: INFO[key] for key in INFO if key != "accuracy"})


@pytest.mark.parametrize(
    "field, words",
    [
        ({"accuracy": "high"}, "accuracy is 'high'; wanted a number from 0 to 1"),
        ({"mean": 0.5}, "mean is 0.5; wanted a list"),
        ({"std": [0, 1, 1]}, "std is .*above 0"),
        ({"classes": "cat"}, "classes is 'cat'; wanted a list"),
        ({"image_size": 0}, "image_size is 0; .*; the nearest is 1"),
        ({"data": None}, "data is None; wanted a text"),
        ({"val_fraction": "x"}, "val_fraction is 'x'; wanted a number"),
        ({"config": 3}, "another version of hatnet .config is 3"),
        ({"config": {}}, "another version of hatnet .dims is missing"),
    ],
)
def test_damaged_headers(field, words, model, tmp_path):
    """Read: named. Written: refused, so that whatever is saved loads again."""
    header = json.dumps(INFO | {"config": dataclasses.asdict(model.config)} | field)
    save_file({"x": torch.zeros(1)}, path := tmp_path / "a.safetensors", metadata={"hatnet": header})
    with pytest.raises(ValueError, match=words):
        hatnet.checkpoint_info(path)
    if "config" not in field:
        with pytest.raises(ValueError, match=words):
            hatnet.save_checkpoint(model, tmp_path / "b.safetensors", INFO | field)
        assert not (tmp_path / "b.safetensors").exists()


@pytest.mark.parametrize("name", hatnet.list_checkpoints())
def test_shipped_checkpoints(name):
    info = hatnet.checkpoint_info(name)
    model = hatnet.load_checkpoint(name)
    assert not model.training and all(p.dtype == torch.float32 for p in model.parameters())
    assert model.config.num_classes == len(info.classes)
    assert len(info.mean) == len(info.std) == 3 and 0 < info.accuracy <= 1
    assert model(picture(0, info.image_size)).shape[:2] == (1, len(info.classes))


def test_a_header_survives_a_second_saving(model, tmp_path):
    hatnet.save_checkpoint(model, tmp_path / "a.safetensors", INFO | {"split": "val", "recipe": {"epochs": 3}})
    info = hatnet.checkpoint_info(tmp_path / "a.safetensors")
    hatnet.save_checkpoint(model, tmp_path / "b.safetensors", info.header())
    assert hatnet.checkpoint_info(tmp_path / "b.safetensors") == info


def test_weights_that_do_not_fit_the_configuration(model, tmp_path):
    header = json.dumps(INFO | {"config": dataclasses.asdict(model.config)})
    save_file({"x": torch.zeros(1)}, odd := tmp_path / "odd.safetensors", metadata={"hatnet": header})
    with pytest.raises(ValueError, match="do not fit its configuration"):
        hatnet.load_checkpoint(odd)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"path": "no/such/a.safetensors"}, r"there is no folder .*such; make it first"),
        ({"info": hatnet.checkpoint_info("cards")}, r"info is a CheckpointInfo; wanted a dict, like checkpoint_info\(NAME\)\.header\(\)"),
        ({"info": None}, "info is a NoneType; wanted a dict"),
        ({"dtype": "half"}, "weights cannot be stored as half; give a floating-point type"),
    ],
)
def test_what_cannot_be_saved(change, words, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=words):
        hatnet.save_checkpoint(**({"model": model, "path": "a.safetensors", "info": INFO} | change))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name, nearest", [("cifar", "cifar10"), ("Cifar10", "cifar10"), ("objects", "objects224")])
def test_the_nearest_checkpoint_is_named(name, nearest):
    with pytest.raises(ValueError, match=f"unknown checkpoint {name!r} \\(did you mean {nearest!r}\\?\\); the shipped ones are"):
        hatnet.load_checkpoint(name)
