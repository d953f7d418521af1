"""Which checkpoints the app offers: shipped, from run folders, the authors'; and that a file written anew is read anew."""

import dataclasses
import logging
import os
import shutil

import numpy as np
import pytest
import torch

import hatnet
from app.core import checkpoints, default_checkpoint, inference, pictures
from app.core.samples import SAMPLES, offered
from app.core.view import default
from hatnet.cards import images
from hatnet.data import IGNORED
from tests.app.test_explorer import data
from tests.app.views import MAIN, opened, text, watched
from tests.naive import seeded
from tests.test_model import OFFICIAL

KNOWN = checkpoints.describe("cifar10")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A current folder of this test's own, an empty torch hub cache, and no runs in the project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    monkeypatch.setattr(checkpoints, "RUNS", tmp_path / "project" / "runs")
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def run(caplog):
    with watched(caplog):
        yield opened


def finish(folder, name, shift=0.0, source="cifar10"):
    """A run that has finished: the shipped weights, the classifier's bias of the first class shifted."""
    path = folder / name / "best.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    model = hatnet.load_checkpoint(source)
    model.classifier.bias.data[0] += shift
    hatnet.checkpoints.save_checkpoint(model, path, hatnet.checkpoint_info(source) | {"split": "val", "accuracy": 0.5})
    return path


def test_the_shipped_classifier_that_knows_most_of_the_photographs_opens_first(here, monkeypatch):
    names = checkpoints.names()
    assert names[-1] == "cards" and not {"cards-window", "cards-pooled"} & set(names), "only the paper's attention"
    assert names[0] == "cifar10", "it knows horse, cat, bird, dog and deer"
    shipped = here / "shipped"
    shipped.mkdir()
    for name in ("cards", "cifar10"):
        shutil.copy(hatnet.checkpoints.SHIPPED / f"{name}.safetensors", shipped / f"{name}.safetensors")
    info = hatnet.checkpoint_info("cifar10")
    more = ["cup", "koala", "cow", "giraffe", "rocket", "astronaut", "cat", "bird", "dog", "moose"]  # 12 photographs; CIFAR-10: 8
    for name, classes, size in (("more", more, 32), ("larger", more, 112), ("less", ["cup", *"bcdefghij"], 224)):
        header = info | {"image_size": size, "classes": classes}
        hatnet.checkpoints.save_checkpoint(hatnet.load_checkpoint("cifar10"), shipped / f"{name}.safetensors", header)
    monkeypatch.setattr(hatnet.checkpoints, "SHIPPED", shipped)
    assert checkpoints.names() == ["larger", "more", "cifar10", "less", "cards"]
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


def test_the_first_paint_needs_no_torch():
    import subprocess
    import sys

    code = "import sys, app.shell.loading, app.core.default_checkpoint as o; print(o.picture({}).name); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=MAIN.parents[1], capture_output=True, text=True, check=True)
    opens = default(checkpoints.describe(checkpoints.names()[0])).image
    assert done.stdout.split()[-1] == f"{opens}.jpg"


def test_a_run_appears_at_the_next_run_of_the_script(here, run):
    at = run("explorer")
    assert not any("run:" in title for title in at.selectbox(key="choose_checkpoint").options)
    finish(here / "runs", "first")
    finish(checkpoints.RUNS, "second")
    finish(checkpoints.RUNS, "first")
    at.run()
    titles = at.selectbox(key="choose_checkpoint").options
    assert {"run: first · 10 classes", "run: second · 10 classes", f"run: first@{here.name} · 10 classes"} <= set(titles)
    at.selectbox(key="choose_checkpoint").set_value("run:second").run()
    assert at.query_params["checkpoint"] == "run:second" and "50% right on images held out of training" in text(at)
    at.selectbox(key="choose_checkpoint").set_value("cifar10").run()
    # One that is looked at and gone at the next run: said, and the page goes on.
    at.session_state.visit.view = dataclasses.replace(at.session_state.visit.view, checkpoint="run:gone")
    first = checkpoints.names()[0]
    assert f"Checkpoint run:gone is gone. {first} is shown." in text(at.run()).replace("</b>", "").replace("<b>", "")
    assert at.query_params["checkpoint"] == first


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


def test_the_authors_weights_are_offered_when_their_file_is_there(here, run):
    hub = here / "hub" / "checkpoints"
    torch.save({key: seeded(key, shape) for key, shape in OFFICIAL["tiny"]}, hub / "HAT-Net_Tiny.pth")
    (hub / "HAT-Net_Small.pth").write_bytes(b"torn")
    names = checkpoints.names()
    assert "hatnet_tiny-imagenet1k" in names and "hatnet_small-imagenet1k" not in names and "cifar10" in names
    known = checkpoints.describe("hatnet_tiny-imagenet1k")
    assert known.title == "hatnet_tiny · ImageNet (authors)" and len(known.classes) == 1000 and known.image_size == 224
    assert names.index("hatnet_tiny-imagenet1k") > 0, "a shipped checkpoint opens"
    (hub / "HAT-Net_Tiny.pth").unlink()  # the copy serves from now on
    at = run("explorer", checkpoint="hatnet_tiny-imagenet1k")
    assert "79.8% right on ImageNet: top-1 from the paper’s Table 2, not measured here" in text(at)
    # The first photograph whose subject is among ImageNet's names.
    assert at.query_params["image"] == "cat_chelsea" and at.query_params["stage"] == "2"


def test_cards_are_asked_cell_by_cell():
    """Probabilities and what is right, against the model called directly on the drawn picture."""
    known = checkpoints.describe("cards")
    model = hatnet.load_checkpoint("cards")
    for key in offered(cards=True):
        drawn = images(1, SAMPLES[key].seed)
        picture = pictures.sample(key)
        pixels = pictures.model_input(picture, 48)
        np.testing.assert_array_equal(pixels, drawn.pixels[0].permute(1, 2, 0).numpy())  # not a pixel is resampled
        with torch.inference_mode():
            scaled = (drawn.pixels.float() / 255 - 0.35) / 0.25
            wanted = model(scaled)[0].softmax(0)
        for y in range(4):
            for x in range(4):
                place = (y + 0.5) / 4, (x + 0.5) / 4
                seen = inference.attention(picture, known, dataclasses.replace(default(known), place=place))
                np.testing.assert_allclose(seen.probabilities, wanted[:, y, x], atol=1e-5)
                asked, label = pictures.cell_question(picture, known, place), int(drawn.labels[0, y, x])
                assert asked.right == (None if label == IGNORED else known.classes[label]) and asked.about_marked == ((y, x) == (0, 0))
        # The asker's global attention peaks on the marked card.
        view = dataclasses.replace(default(known), image=key, place=SAMPLES[key].place)
        seen = inference.attention(picture, known, view)
        far = seen.weights(view, "global")
        assert np.unravel_index(far.argmax(), far.shape) == asked.marked


def test_the_cards_page_says_what_is_asked_and_what_is_right(run):
    at = run("explorer", checkpoint="cards")
    assert at.selectbox(key="choose_image").options == [f"Cards {n}" for n in range(1, 7)]
    assert not at.get("file_uploader") and "card with <b>magenta rings</b>" in text(at)
    assert "asks for the marked card’s pattern (row 3, column 4 of the cells): checker. Right." in data(at)["prediction"]
    assert "asks for its own card’s pattern" in data(run("explorer", checkpoint="cards", token="0.6,0.9"))["prediction"]
    assert "This cell is blank." in data(run("explorer", checkpoint="cards", token="0.4,0.4"))["prediction"]
    at.selectbox(key="choose_checkpoint").set_value("cifar10").run()
    assert at.selectbox(key="choose_image").value == "cat_chelsea" and at.query_params["image"] == "cat_chelsea"
    at.selectbox(key="choose_checkpoint").set_value("cards").run()
    assert at.query_params["image"] == "cards_1" and at.query_params["block"] == "1"


@pytest.mark.parametrize("view", ["start", "explorer", "equations", "grids", "cost", "why"])
def test_every_view_works_with_cards_or_says_why_not(run, view):
    at = run(view, checkpoint="cards")
    assert "Something went wrong" not in text(at) and "cannot be shown" not in text(at)
    assert ("gives 4 × 4, one for each cell" in text(at)) == (view == "why")
    if view == "why":
        first = checkpoints.names()[0]
        next(button for button in at.button if button.label == f"Use {first}").click().run()
        assert at.query_params["checkpoint"] == first and "faithful" not in at.title[0].value


@pytest.mark.parametrize("view", ["start", "explorer", "equations", "grids", "cost", "why"])
def test_every_view_names_what_is_looked_at(run, view):
    at = run(view, image="koala", stage="3", block="1")
    assert '<p class="where">Koala · ' in text(at) and " · stage 3 · block 1</p>" in text(at)
