"""`train_small.py --task segment` through its command line: it resumes exactly, `eval` says the same, and mistakes are named."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import train_small
from hatnet import training
from hatnet.dense import dense_info
from hatnet.dense.scenes import Scenes
from tests.hatnet.dense.folders import COLOURS, make
from tests.test_train_small import assert_same_run, lines

ROOT = Path(__file__).parents[3]
TINY = [f"--set={field}" for field in ("dims=[16,16,32,32]", "depths=[1,1,1,1]", "expansions=[1,1,1,1]", "head_dim=16")]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return make(tmp_path_factory.mktemp("pictures") / "set", count=6)


def command(pictures, run, *more):
    wanted = ["--task", "segment", "--data", f"folder:{pictures}", "--image-size", "32", "48", "--batch-size", "3", "--channels", "8"]
    return [*wanted, *TINY, "--epochs", "2", "--learning-rate", "0.01", "--amp", "off", "--out", str(run), *more]


@pytest.fixture(scope="module")
def whole(pictures, tmp_path_factory):
    """A training that nothing interrupted: two epochs of two steps."""
    run = tmp_path_factory.mktemp("whole") / "run"
    train_small.main(command(pictures, run))
    return run


def test_what_a_run_leaves(whole, pictures):
    info, rows = dense_info(whole / "best.safetensors", "segment"), lines(whole)
    assert [row["step"] for row in rows] == [2, 4] and [len(row["iou"]) for row in rows] == [3, 3]
    assert info.extra["mean_iou"] == max(row["mean_iou"] for row in rows)
    assert info.colours == tuple(map(tuple, COLOURS)) and info.image_size == (32, 48) and info.channels == 8
    assert (info.config.g1, info.config.g2) == ((8, 8, 8), (16, 8, 4)), "of dense models"
    assert info.extra["recipe"]["schedule"] == "poly" and info.data == "set" and info.extra["split"] == "val"


def test_kill_and_resume(pictures, whole, tmp_path, monkeypatch):
    """kill -9 in the third step of four, with a state saved after every step; running means of the batch norms and all else come back."""
    run = tmp_path / "run"
    code = f"""
import os, signal, train_small
from hatnet import training
from hatnet.dense.scenes import Scenes
batch, training.SAVE_EVERY = Scenes.batch, 0
def killing(images, number, *rest):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return batch(images, number, *rest)
Scenes.batch = killing
train_small.main({command(pictures, run)!r})"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL
    assert torch.load(run / "state.pt", weights_only=True)["step"] == 3
    monkeypatch.setattr(training, "SAVE_EVERY", 0)
    train_small.main(["--resume", str(run)])
    assert_same_run(run, whole)


def test_interrupt_and_resume_with_pictures_read_at_each_use(pictures, whole, tmp_path, monkeypatch, capsys):
    run, batch = tmp_path / "run", Scenes.batch

    def interrupting(images, number, *rest):
        if number == 1:
            signal.raise_signal(signal.SIGINT)
        return batch(images, number, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Scenes, "batch", interrupting)
        train_small.main(command(pictures, run))
    assert f"at step 2 of 4; continue with: python train_small.py --resume {run}" in capsys.readouterr().out
    config = json.loads((run / "config.json").read_text())
    config["arguments"]["in_memory"] = 0
    (run / "config.json").write_text(json.dumps(config))
    train_small.main(["--resume", str(run)])
    assert_same_run(run, whole)


def test_eval_says_what_the_header_says(whole, pictures, tmp_path, capsys):
    info, written = dense_info(whole / "best.safetensors"), tmp_path / "half.safetensors"
    train_small.main(["eval", str(whole / "best.safetensors"), "--data", f"folder:{pictures}", "--split", "val"])
    said = capsys.readouterr().out
    assert f"mean IoU {info.extra['mean_iou']:.2%} on 6 images of folder:{pictures}, val" in said
    for name, value in zip(info.classes, info.extra["iou"], strict=True):
        assert f"{name:5}  {value:7.2%}" in said
    train_small.main(["eval", str(whole / "best.safetensors"), "--data", f"folder:{pictures}", "--write", str(written)])
    half = dense_info(written)
    assert f"mean IoU {half.extra['mean_iou']:.2%} on 6 images" in capsys.readouterr().out and half.extra["split"] == "test"
    assert written.stat().st_size < 0.7 * (whole / "best.safetensors").stat().st_size


def test_a_run_begins_with_the_weights_of_another(whole, pictures, tmp_path, capsys):
    start = str(whole / "last.safetensors")
    train_small.main(["--task", "segment", "--data", f"folder:{pictures}", "--init", start, "--show-batch", str(tmp_path / "batch.png")])
    said = capsys.readouterr()
    assert "100% of the weights come from" in said.err
    assert "batch.png shows all 6 images of the first batch, 64 x 48 pixels; nothing was trained" in said.out


def test_changed_masks_are_noticed(pictures, whole, tmp_path):
    root = make(tmp_path / "set", count=6)
    (root / "train" / "masks" / "0.png").write_bytes((root / "train" / "masks" / "2.png").read_bytes())
    with pytest.raises(SystemExit, match=r"is not what .* was begun on: 1 picture changed \(train/masks/0.png\)"):
        train_small.main(["--resume", str(whole), "--data", f"folder:{root}"])


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--task", "segment"], r"--data cards: --task segment learns from folder:PATH"),
        (
            ["--task", "segment", "--data", "folder:{pictures}", "--augment", "resized"],
            r"augment is 'resized'; masks are augmented by",
        ),
        (
            ["--task", "segment", "--data", "folder:{pictures}", "--model", "hatnet_compact"],
            r"hatnet_compact has 3 stages; wanted",
        ),
        (["--task", "segment", "--data", "folder:{pictures}", "--init", "cards"], r"cards has 1 stages; wanted the maps of 4"),
        (["--channels", "8"], r"--channels 8: classifiers have no such part"),
        (["--image-size", "8", "9"], r"--image-size 8 9: classifiers see squares"),
        (["eval", "{whole}/best.safetensors", "--data", "cards"], r"is for the task segment; wanted folder:PATH"),
        (["--init", "{whole}/best.safetensors"], r"is a checkpoint for the task segment"),
    ],
)
def test_mistakes(arguments, said, pictures, whole):
    with pytest.raises(SystemExit, match=said):
        train_small.main([word.format(pictures=pictures, whole=whole) for word in arguments])
