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


def safetensors(header, tensors=b"", claims=None):
    """A safetensors file written by hand; claims: the length of the header that its first 8 bytes give."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if claims is None else claims).to_bytes(8, "little") + text + tensors


def entry(shape, start, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x07",
        safetensors({}, claims=10**11),  # a header of 100 GB
        safetensors({}, claims=2**64 - 1),
        safetensors(b" " * 20_000_000),  # one of 20 MB that is there
        safetensors(b"[" * 100_000),
        safetensors(b"\xff\xfe{}"),
        safetensors({"x": entry([5 * 10**10], 0, 2 * 10**11)}),  # weights of 200 GB
        safetensors({"x": entry([2**32, 2**32], 0, 4)}, bytes(4)),  # a product that overflows
        safetensors({"x": entry([1], 0, 4), "y": entry([1], 0, 4)}, bytes(4)),  # two at the same place
        safetensors({"x": entry([2], 0, 8), "y": entry([2], 4, 12)}, bytes(12)),  # overlapping
        safetensors({"x": entry([1], 4, 8)}, bytes(8)),  # a gap
        safetensors({"x": entry([1], 4, 0)}, bytes(4)),  # backwards
        safetensors({"x": entry([-1], 0, 4)}, bytes(4)),
        safetensors({"x": entry([1], 0, 4, "F33")}, bytes(4)),
        safetensors({"x": entry([1], 0, 4)}, bytes(400)),  # more behind the last one
        safetensors(
            b'{"x": ' + json.dumps(entry([1], 0, 4)).encode() + b', "x": ' + json.dumps(entry([1], 4, 8)).encode() + b"}", bytes(8)
        ),
        safetensors({"__metadata__": {"hatnet": "[" * 100_000}}),
        safetensors({"__metadata__": {"hatnet": "9" * 5000}}),
        safetensors({"__metadata__": {"hatnet": 3}}),
    ],
    ids=range(20),
)
def test_headers_that_lie(content, tmp_path):
    """Each is refused by its name, before anything that it claims is asked of the memory."""
    (path := tmp_path / "a.safetensors").write_bytes(content)
    for read in (hatnet.checkpoint_info, hatnet.load_checkpoint, lambda path: hatnet.load_pretrained("hatnet_tiny", file=path)):
        with pytest.raises(ValueError, match=r"a\.safetensors (is not a readable safetensors file|holds no state dict)"):
            read(path)


def test_a_file_takes_no_more_memory_than_its_own_weights(model, tmp_path, monkeypatch):
    """A header that asks for a model of 1.4 GB, or of another shape, in a file of a few bytes: told before a weight is read."""
    big = dataclasses.replace(model.config, dims=(2400, 2400, 2400))
    assert big.weights > 3e8
    header = json.dumps(INFO | {"config": dataclasses.asdict(big)})
    save_file({"x": torch.zeros(1)}, path := tmp_path / "a.safetensors", metadata={"hatnet": header})
    monkeypatch.setattr(hatnet.checkpoints, "HATNet", None)
    with pytest.raises(ValueError, match=r"do not fit its configuration \(the model has [\d,]+ weights, the file [\d,]+ bytes\)"):
        hatnet.load_checkpoint(path)
    monkeypatch.undo()
    weights = {key: value.contiguous() for key, value in model.state_dict().items()} | {"classifier.weight": torch.zeros(2, 191)}
    save_file(weights, path, metadata={"hatnet": json.dumps(INFO | {"config": dataclasses.asdict(model.config)})})
    with pytest.raises(ValueError, match=r"classifier.weight has shape \[2, 191\]; wanted \[2, 192\]"):
        hatnet.load_checkpoint(path)


def test_half_a_character_is_no_class_name(model, tmp_path):
    with pytest.raises(ValueError, match="classes is"):
        hatnet.save_checkpoint(model, tmp_path / "a.safetensors", INFO | {"classes": ["cat", "\ud800"]})


def test_what_is_saved_has_a_header_that_is_read(model, tmp_path):
    with pytest.raises(ValueError, match=r"the header has [\d,]+ bytes; wanted at most 5,000,000"):
        hatnet.save_checkpoint(model, tmp_path / "a.safetensors", INFO | {"notes": "x" * 5_000_000})
    hatnet.save_checkpoint(model, tmp_path / "a.safetensors", INFO | {"notes": '"' * 2_000_000})
    assert len(hatnet.checkpoint_info(tmp_path / "a.safetensors").extra["notes"]) == 2_000_000
