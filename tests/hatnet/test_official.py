"""The authors' released files: made here of random weights under the authors' names, since no real one may be kept."""

import argparse
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import hatnet
from hatnet import official
from tests.hatnet.models import OFFICIAL, random_weights
from tests.hatnet.naive import picture, seeded


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    """An empty torch hub cache of this test's own, and no network."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))

    def offline(url, dst, *args, **kwargs):
        raise OSError("no network here")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def released():
    return {key: seeded(key, shape) for key, shape in OFFICIAL["tiny"]}


def wrapped(prefix, weights):
    return {f"{prefix}{key}": value for key, value in weights.items()}


def worse(weights):
    return {key: value + 1 for key, value in weights.items()}


def same(model, weights):
    """Whether a model is the one with these weights of the authors' names."""
    assert not model.training and all(p.dtype == torch.float32 for p in model.parameters())
    wanted = hatnet.create_model("hatnet_tiny").eval()
    hatnet.load_official_state_dict(wanted, weights)
    with torch.inference_mode():
        return torch.equal(model(picture(0, 64)), wanted(picture(0, 64)))


def ours(weights):
    """The same under our names, as somebody who trains our model saves them."""
    model = hatnet.create_model("hatnet_tiny")
    hatnet.load_official_state_dict(model, weights)
    return model.state_dict()


FILES = {
    "bare": lambda s: s,
    "model": lambda s: {"model": s, "epoch": 299, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}},
    "state_dict": lambda s: {"state_dict": s},
    "nested": lambda s: {"state_dict": {"model": s}},
    "DistributedDataParallel": lambda s: {"state_dict": wrapped("module.", s)},
    "compiled": lambda s: wrapped("_orig_mod.", s),
    "both": lambda s: {"model": wrapped("module._orig_mod.", s)},
    "AveragedModel": lambda s: {"n_averaged": torch.tensor(3)} | wrapped("module.", s),
    "running mean of DeiT": lambda s: {"model": worse(s), "model_ema": s},
    "running mean of timm": lambda s: {"state_dict": worse(s), "state_dict_ema": wrapped("module.", s), "arch": "x", "version": 2},
    "no running mean": lambda s: {"model": s, "model_ema": None},
    "arguments": lambda s: {"model": s, "args": argparse.Namespace(lr=1e-3, out=Path("runs"), sizes=[1, 2]), "epoch": 3},
    "NumPy's numbers": lambda s: {"state_dict": s, "best": np.float64(0.8), "step": np.int64(3), "at": np.float32(1)},
    "our names": ours,
    "our names, compiled": lambda s: {"model": wrapped("_orig_mod.", ours(s))},
}


@pytest.mark.parametrize("nest", FILES.values(), ids=FILES)
def test_files_of_other_trainers(released, nest, tmp_path, hub):
    torch.save(nest(released), tmp_path / "any.pth")
    assert same(hatnet.load_pretrained("hatnet_tiny", file=tmp_path / "any.pth"), released)
    # Nobody's file stands as the authors' in the cache.
    assert not hub.exists() and not hatnet.list_pretrained()
    with pytest.raises(ValueError, match="could not download"):
        hatnet.load_pretrained("hatnet_tiny")


def test_safetensors_of_other_trainers(released, tmp_path):
    save_file({key: value.contiguous() for key, value in wrapped("module.", released).items()}, tmp_path / "any.safetensors")
    assert same(hatnet.load_pretrained("hatnet_tiny", file=tmp_path / "any.safetensors"), released)


def test_the_copy_in_the_cache_serves_without_the_file_and_the_network(released, hub):
    hub.mkdir(parents=True)
    torch.save(released, hub / "HAT-Net_Tiny.pth")
    assert same(hatnet.load_pretrained("hatnet_tiny"), released)
    (hub / "HAT-Net_Tiny.pth").unlink()
    assert official.pretrained_path("hatnet_tiny").parent == hub
    assert same(hatnet.load_pretrained("hatnet_tiny"), released)
    info = hatnet.checkpoint_info(official.pretrained_path("hatnet_tiny"))
    assert len(info.classes) == 1000 and info.classes[0] == "tench" and official.RELEASE in info.extra["source"]


def test_another_number_of_classes(released, tmp_path):
    torch.save(released, tmp_path / "any.pth")
    whole = hatnet.load_pretrained("hatnet_tiny", file=tmp_path / "any.pth")
    for classes in (0, 10):
        model = hatnet.load_pretrained("hatnet_tiny", file=tmp_path / "any.pth", num_classes=classes)
        assert model.config.num_classes == classes and not model.training
        assert model(picture(0, 64)).shape == (1, classes or 384)
        with torch.inference_mode():
            for found, wanted in zip(model.forward_features(picture(0, 64)), whole.forward_features(picture(0, 64)), strict=True):
                assert torch.equal(found, wanted)
    # A file that somebody fine-tuned to ten classes keeps its classifier; in the cache it would not pass for the authors'.
    tuned = released | {"classifier.1.weight": torch.ones(10, 384), "classifier.1.bias": torch.ones(10)}
    torch.save(tuned, tmp_path / "tuned.pth")
    for asked in ({}, {"num_classes": 10}):
        model = hatnet.load_pretrained("hatnet_tiny", file=tmp_path / "tuned.pth", **asked)
        assert torch.equal(model.classifier.weight, torch.ones(10, 384))
    torch.save({key: value for key, value in released.items() if "classifier" not in key}, tmp_path / "backbone.pth")
    assert hatnet.load_pretrained("hatnet_tiny", file=tmp_path / "backbone.pth").config.num_classes == 0
    path = Path(torch.hub.get_dir()) / "checkpoints" / "HAT-Net_Tiny.pth"
    path.parent.mkdir(parents=True)
    torch.save(tuned, path)
    with pytest.raises(ValueError, match=r"classifier.1.bias has shape \[10\], wanted \[1000\]"):
        hatnet.load_pretrained("hatnet_tiny")
    assert not official.pretrained_path("hatnet_tiny").exists()


def test_a_download_happens_once(released, tmp_path, hub, monkeypatch):
    asked = []

    def download(url, dst, *args, **kwargs):
        asked.append(url)
        torch.save(released, dst)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    hatnet.load_pretrained("hatnet_tiny")
    hatnet.load_pretrained("hatnet_tiny")
    assert asked == [official.RELEASE + "HAT-Net_Tiny.pth"]


def test_offline_says_where_to_put_the_file(released, hub):
    with pytest.raises(ValueError, match=r"no network here.*put it at .*HAT-Net_Tiny\.pth, or pass its path as file=") as error:
        hatnet.load_pretrained("hatnet_tiny")
    torch.save(released, hub / "HAT-Net_Tiny.pth")
    assert str(hub / "HAT-Net_Tiny.pth") in str(error.value)
    assert hatnet.load_pretrained("hatnet_tiny").config.num_classes == 1000


def test_files_that_do_not_fit(released, tmp_path, hub):
    path = tmp_path / "any.pth"

    def refused(content, words):
        if content is not None:
            torch.save(content, path)
        with pytest.raises(ValueError, match=words) as error:
            hatnet.load_pretrained("hatnet_tiny", file=path)
        assert len(str(error.value)) < 800 and "\n" not in str(error.value) and "\x1b" not in str(error.value)
        assert not hub.exists() or not any(hub.iterdir())

    refused({key: value for key, value in released.items() if key != "ds3.norm.bias"}, "missing ds3.norm.bias")
    refused(released | {"classifier.1.bias": torch.zeros(10)}, r"classifier.1.bias has shape \[10\], wanted \[1000\]")
    refused({"model": {"epoch": 3}}, "holds no state dict")
    refused({"model": {}}, "holds no state dict")
    refused({1: torch.zeros(1)}, "holds no state dict")
    refused([1, 2], "holds no state dict")
    refused({f"backbone.{key}": value for key, value in released.items()}, "unexpected|missing")
    refused({"model": released, "net": torch.nn.Linear(1, 1)}, "asks for torch.nn.modules.linear.Linear.*save its state dict alone")
    torch.save(released, path)
    path.write_bytes(path.read_bytes()[: 2**20])
    refused(None, "delete it and try again")
    for garbage in (b"", b"torn", b"<html>not found</html>"):
        path.write_bytes(garbage)
        refused(None, "was not loaded")
    (garbled := tmp_path / "any.safetensors").write_bytes(b"torn")
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        hatnet.load_pretrained("hatnet_tiny", file=garbled)
    path.unlink()
    refused(None, "there is no file")
    with pytest.raises(ValueError, match=r"'resnet50'; they released hatnet_tiny"):
        hatnet.load_pretrained("resnet50")


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_a_pickle_that_would_run_code_is_refused_and_nothing_runs(released, tmp_path):
    mark, path = tmp_path / "ran", tmp_path / "evil.pth"
    for write in (lambda: torch.save(released | {"x": Evil(mark)}, path), lambda: path.write_bytes(pickle.dumps({"model": Evil(mark)}))):
        write()
        with pytest.raises(ValueError, match="was not loaded"):
            hatnet.load_pretrained("hatnet_tiny", file=path)
        assert not mark.exists()


def test_a_compressed_archive_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    torch.save({"a": torch.zeros(1000)}, whole := tmp_path / "whole.pth")
    with zipfile.ZipFile(whole) as plain, zipfile.ZipFile(packed := tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in plain.infolist():
            archive.writestr(entry.filename, plain.read(entry))
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(ValueError, match=r"packed\.pth was not loaded: it is a compressed archive that would unpack to [\d,]+ bytes"):
        hatnet.load_pretrained("hatnet_tiny", file=packed)


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
    with pytest.raises(ValueError, match=r"wanted \[48.*and \d+ more") as error:
        hatnet.load_official_state_dict(model, {key: seeded(key, shape) for key, shape in OFFICIAL["small"]})
    assert len(str(error.value)) < 800
    hatnet.load_official_state_dict(model, weights)
    loaded = model.state_dict()["stages.0.blocks.0.attn.qkv.weight"]
    torch.testing.assert_close(loaded, weights["blocks.0.0.attn.qkv.weight"][:, :, 0, 0])


def test_one_s_own_weights_of_a_model_that_was_never_released(tmp_path):
    """As DistributedDataParallel saves them."""
    model = hatnet.create_model("hatnet_compact", 5, depths=(1, 1, 1))
    full = random_weights(hatnet.create_model("hatnet_compact", 5))
    torch.save(wrapped("module.", full.state_dict()), tmp_path / "own.pth")
    assert torch.equal(hatnet.load_pretrained("hatnet_compact", file=tmp_path / "own.pth")(picture(0, 32)), full(picture(0, 32)))
    torch.save(model.state_dict(), tmp_path / "shallow.pth")
    with pytest.raises(ValueError, match=r"does not fit the model: missing .*"):
        hatnet.load_pretrained("hatnet_compact", file=tmp_path / "shallow.pth")
    with pytest.raises(ValueError, match=r"unknown model 'hatnet_compcat' \(did you mean 'hatnet_compact'"):
        hatnet.load_pretrained("hatnet_compcat", file=tmp_path / "own.pth")
