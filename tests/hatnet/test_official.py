"""The authors' released files: made here of random weights under the authors' names, since no real one may be kept."""

import os
import pickle

import pytest
import torch

import hatnet
from hatnet import official
from tests.hatnet.models import OFFICIAL
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


@pytest.mark.parametrize("nest", [lambda s: s, lambda s: {"model": s, "epoch": 299}, lambda s: {"state_dict": s}])
def test_released_files_bare_and_nested(released, nest, tmp_path, hub):
    torch.save(nest(released), tmp_path / "any.pth")
    model = hatnet.load_pretrained("hatnet_tiny", file=tmp_path / "any.pth")
    assert not model.training and all(p.dtype == torch.float32 for p in model.parameters())
    wanted = hatnet.create_model("hatnet_tiny").eval()
    hatnet.load_official_state_dict(wanted, released)
    with torch.inference_mode():
        torch.testing.assert_close(model(picture(0, 64)), wanted(picture(0, 64)), atol=0, rtol=0)
    # The copy serves from now on, without the file and without the network.
    (tmp_path / "any.pth").unlink()
    assert official.pretrained_path("hatnet_tiny").parent == hub
    with torch.inference_mode():
        torch.testing.assert_close(hatnet.load_pretrained("hatnet_tiny")(picture(0, 64)), wanted(picture(0, 64)), atol=0, rtol=0)
    info = hatnet.checkpoint_info(official.pretrained_path("hatnet_tiny"))
    assert len(info.classes) == 1000 and info.classes[0] == "tench" and official.RELEASE in info.extra["source"]


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
        with pytest.raises(ValueError, match=words):
            hatnet.load_pretrained("hatnet_tiny", file=path)
        assert not hub.exists() or not any(hub.iterdir())

    refused({key: value for key, value in released.items() if key != "ds3.norm.bias"}, "missing ds3.norm.bias")
    refused(released | {"classifier.1.bias": torch.zeros(10)}, r"classifier.1.bias has shape \[10\], wanted \[1000\]")
    refused({"model": {"epoch": 3}}, "holds no state dict")
    refused([1, 2], "holds no state dict")
    torch.save(released, path)
    path.write_bytes(path.read_bytes()[: 2**20])
    refused(None, "delete it and try again")
    for garbage in (b"", b"torn", b"<html>not found</html>"):
        path.write_bytes(garbage)
        refused(None, "was not loaded")
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
