"""Which checkpoints the app offers: shipped, from run folders, the authors'; and that a file written anew is read anew."""

import logging
import os
import shutil

import torch

import hatnet
from app.core import checkpoints, default_checkpoint, inference, pictures
from app.core.view import default
from hatnet.ablations import AnyKeys
from hatnet.mechanisms import MECHANISMS
from tests.app.pages import opened, text, words
from tests.app.runs import finish
from tests.hatnet.models import OFFICIAL
from tests.hatnet.naive import seeded


def test_the_shipped_classifier_of_the_largest_pictures_opens_first_of_two_the_one_that_knows_more_photographs(here, monkeypatch):
    names = checkpoints.names()
    others = {name for name in names if checkpoints.describe(name).other_mechanisms}
    assert others == {"cards-window", "cards-pooled", "cifar10-window", "cifar10-pooled", "cifar10-full"} == set(names[-5:])
    assert names[-6] == "cards", "the paper's attention comes first"
    assert names[0] == "objects224", "of 224 pixels, as the paper's"
    shipped = here / "shipped"
    shipped.mkdir()
    for name in ("cards", "cifar10"):
        shutil.copy(hatnet.checkpoints.SHIPPED / f"{name}.safetensors", shipped / f"{name}.safetensors")
    info = hatnet.checkpoint_info("cifar10").header()
    more = ["cup", "koala", "cow", "giraffe", "rocket", "astronaut", "cat", "bird", "dog", "moose"]  # 12 photographs; CIFAR-10: 8
    for name, classes, size in (("more", more, 32), ("larger", more, 112), ("less", ["cup", *"bcdefghij"], 112)):
        header = info | {"image_size": size, "classes": classes}
        hatnet.checkpoints.save_checkpoint(hatnet.load_checkpoint("cifar10"), shipped / f"{name}.safetensors", header)
    monkeypatch.setattr(hatnet.checkpoints, "SHIPPED", shipped)
    assert checkpoints.names() == ["larger", "less", "more", "cifar10", "cards"]
    # What is shown before torch is there obeys the same rule.
    monkeypatch.setattr(default_checkpoint, "SHIPPED", shipped)
    assert default_checkpoint.picture({}).stem == "cat_chelsea" == default(checkpoints.describe("larger")).image
    assert default_checkpoint.picture({"checkpoint": "less"}).stem == "coffee_cup" == default(checkpoints.describe("less")).image
    assert default_checkpoint.picture({"image": "koala"}).stem == "koala"
    assert default_checkpoint.picture({"image": "unicorn", "checkpoint": "cifar10"}).stem == "cat_chelsea"
    assert default_checkpoint.picture({"checkpoint": "cards"}) is None and default_checkpoint.picture({"image": "upload"}) is None
    (shipped / "torn.safetensors").write_bytes(b"\xff" * 40)
    (shipped / "short.safetensors").write_bytes(b"")
    assert default_checkpoint.picture({}).stem == "cat_chelsea"


def test_a_run_written_anew_is_read_anew(here):
    path = finish(here / "runs", "mine")
    picture = pictures.sample("horse_herd")

    def first_class():
        known = checkpoints.describe("run:mine")
        return inference.attention(picture, known, default(known)).probabilities[0]

    before = first_class()
    finish(here / "runs", "mine", shift=20.0)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))
    assert before < 0.5 < first_class()


def test_a_torn_run_is_left_out_and_said_in_the_log_once(here, caplog):
    finish(here / "runs", "whole")
    torn = finish(here / "runs", "torn")
    torn.write_bytes(torn.read_bytes()[:5000])
    with caplog.at_level(logging.WARNING, logger="hatnet.app"):
        names = [checkpoints.names() for _ in range(3)][-1]
    assert "run:whole" in names and "run:torn" not in names and "cifar10" in names
    assert [record.message for record in caplog.records if str(torn) in record.message][1:] == []
    assert any(str(torn) in record.message for record in caplog.records)


def test_a_run_with_another_mechanism_is_offered_and_what_is_left_out_says_why(here):
    finish(here / "runs", "windows", source="cifar10-window")
    finish(here / "runs", "torn").write_bytes(b"torn")
    model = hatnet.create_model("hatnet_tiny", 10, dims=(48,), depths=(1,), expansions=(1,), kernels=(3,), g1=(), g2=())
    (here / "runs" / "plain").mkdir()
    hatnet.save_checkpoint(model, here / "runs" / "plain" / "best.safetensors", hatnet.checkpoint_info("cifar10").header())
    hatnet.register_mechanism("own", "window", "full")(type("Own", (AnyKeys,), {}))
    finish(here / "runs", "own", attention="own")
    del MECHANISMS["own"]
    names = checkpoints.names()
    assert "run:windows" in names and not {"run:torn", "run:plain", "run:own"} & set(names)
    assert checkpoints.describe("run:windows").title == "run: windows · 10 classes · windows alone"
    at = opened("explorer", checkpoint="run:windows")
    assert "stage 2: windows alone; stage 3: windows alone" in text(at)
    for name, reason in (
        ("torn", "its file cannot be read"),
        ("plain", "each of its stages is plain attention, in one step"),
        ("own", "it uses an attention mechanism that only your own code knows"),
    ):
        assert f"Not offered: run\\:{name}, because {reason}." in text(at)


def test_the_authors_weights_are_offered_when_their_file_is_there(here):
    hub = here / "hub" / "checkpoints"
    torch.save({key: seeded(key, shape) for key, shape in OFFICIAL["tiny"]}, hub / "HAT-Net_Tiny.pth")
    (hub / "HAT-Net_Small.pth").write_bytes(b"torn")
    names = checkpoints.names()
    assert "hatnet_tiny-imagenet1k" in names and "hatnet_small-imagenet1k" not in names and "cifar10" in names
    known = checkpoints.describe("hatnet_tiny-imagenet1k")
    assert known.title == "hatnet_tiny · ImageNet (authors)" and len(known.classes) == 1000 and known.image_size == 224
    assert names.index("hatnet_tiny-imagenet1k") > 0, "a shipped checkpoint opens"
    (hub / "HAT-Net_Tiny.pth").unlink()  # the copy serves from now on
    at = opened("explorer", checkpoint="hatnet_tiny-imagenet1k")
    assert "79.8 % right on ImageNet: top-1 from the paper’s Table 2, not measured here" in words(at)
    # The first photograph whose subject is among ImageNet's names.
    assert at.query_params["image"] == "cat_chelsea" and at.query_params["stage"] == "2"
