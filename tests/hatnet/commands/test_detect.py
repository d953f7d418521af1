"""`train_small.py --task detect` through its command line: it learns, resumes exactly, `eval` says the same, and mistakes are named."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import train_small
from hatnet import training
from hatnet.commands.arguments import parsed
from hatnet.commands.tasks import COMMANDS
from hatnet.commands.train import trainer_of
from hatnet.dense import dense_info
from hatnet.dense.objects import Objects
from hatnet.machine import CPU
from hatnet.shapes import Shapes
from tests.hatnet.commands.test_segment import TINY
from tests.hatnet.dense.coco import make
from tests.test_train_small import assert_same_run, lines

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return make(tmp_path_factory.mktemp("pictures") / "set")


def command(pictures, run, *more):
    wanted = ["--task", "detect", "--data", f"coco:{pictures}", "--image-size", "64", "--batch-size", "12", "--channels", "8"]
    return [*wanted, *TINY, "--epochs", "2", "--learning-rate", "0.01", "--amp", "off", "--out", str(run), *more]


@pytest.fixture(scope="module")
def whole(pictures, tmp_path_factory):
    """A training that nothing interrupted: two epochs of two steps."""
    run = tmp_path_factory.mktemp("whole") / "run"
    train_small.main(command(pictures, run))
    return run


def test_what_a_run_leaves(whole):
    info, rows = dense_info(whole / "best.safetensors", "detect"), lines(whole)
    assert [row["step"] for row in rows] == [2, 4] and info.extra["ap50"] == max(row["ap50"] for row in rows)
    assert info.head == "retinanet" and info.classes == ("red", "blue") and info.settings["side"] == 64
    assert info.settings["anchors"] == [16, 32, 64, 128, 256] and info.config.g2 == (8, 4, 2)
    assert info.extra["recipe"]["schedule"] == "step" and info.data == "set"


def test_kill_and_resume(pictures, whole, tmp_path, monkeypatch):
    """kill -9 in the third step of four, with a state saved after every step."""
    run = tmp_path / "run"
    code = f"""
import os, signal, train_small
from hatnet import training
from hatnet.dense.objects import Objects
batch, training.SAVE_EVERY = Objects.batch, 0
def killing(images, number, *rest):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return batch(images, number, *rest)
Objects.batch = killing
train_small.main({command(pictures, run)!r})"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL and torch.load(run / "state.pt", weights_only=True)["step"] == 3
    monkeypatch.setattr(training, "SAVE_EVERY", 0)
    train_small.main(["--resume", str(run)])
    assert_same_run(run, whole)


def test_pictures_read_at_each_use_are_the_same(pictures, whole, tmp_path, monkeypatch):
    """Ctrl-C in the second step, then on with nothing held in memory."""
    run, batch = tmp_path / "run", Objects.batch

    def interrupting(images, number, *rest):
        if number == 1:
            signal.raise_signal(signal.SIGINT)
        return batch(images, number, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "batch", interrupting)
        train_small.main(command(pictures, run))
    config = json.loads((run / "config.json").read_text())
    config["arguments"]["in_memory"] = 0
    (run / "config.json").write_text(json.dumps(config))
    train_small.main(["--resume", str(run)])
    assert_same_run(run, whole)


def test_eval_says_what_the_header_says(whole, pictures, tmp_path, capsys):
    info, written = dense_info(whole / "best.safetensors"), tmp_path / "half.safetensors"
    train_small.main(["eval", str(whole / "best.safetensors"), "--data", f"coco:{pictures}", "--split", "val"])
    said = capsys.readouterr().out
    assert f"box AP50 {info.extra['ap50']:.2%} on 4 images of coco:{pictures}, val" in said
    header, boxes = (line.split() for line in said.splitlines()[:2])
    assert header == ["AP", "AP50", "AP75", "small", "medium", "large"] and boxes[:2] == ["boxes", f"{info.extra['ap']:.2%}"]
    assert boxes[-1] == "-" and "red " in said and "blue " in said
    train_small.main(["eval", str(whole / "best.safetensors"), "--data", f"coco:{pictures}", "--write", str(written)])
    assert f"box AP50 {dense_info(written).extra['ap50']:.2%} on 4 images" in capsys.readouterr().out


def test_a_run_begins_with_the_weights_of_another(whole, pictures, tmp_path, capsys):
    start, out = str(whole / "last.safetensors"), str(tmp_path / "batch.png")
    train_small.main(["--task", "detect", "--data", f"coco:{pictures}", "--init", start, "--show-batch", out])
    said = capsys.readouterr()
    assert "100% of the weights come from" in said.err and "batch.png shows all 8 images of the first batch" in said.out


def drawn(*more):
    """A trainer of the drawn task, from a command line that says nothing else but `more`."""
    args, _ = parsed(["--task", "detect", *more])
    COMMANDS["detect"].fill_in(args)
    return args, trainer_of(args, None, Shapes(), CPU)


def test_nothing_else_means_mask_rcnn_on_shapes():
    args, trainer = drawn()
    assert (args.data, args.head, args.channels, args.image_size, args.recipe) == ("shapes", "mask_rcnn", 64, [128, 128], "shapes")
    assert trainer.state.model.config.g1 == (8, 8, 8) and trainer.state.model.config.g2 == (8, 4, 2)


def test_sixty_steps_on_shapes():
    """The loss falls: of a narrow model, on two images a step, by 11 % (the last fifteen steps beside the first)."""
    _, trainer = drawn(*TINY, "--channels", "16", "--batch-size", "2", "--epochs", "1", "--learning-rate", "0.002", "--regions", "32")
    losses = list(trainer.optimise(60))
    assert sum(losses[-15:]) < 0.95 * sum(losses[:15])


@pytest.mark.slow
def test_shapes_are_learned(tmp_path, capsys):
    """Ten minutes on two idle cores."""
    run = tmp_path / "run"
    train_small.main(["--task", "detect", "--out", str(run)])
    train_small.main(["eval", str(run / "best.safetensors"), "--data", "shapes"])
    assert dense_info(run / "best.safetensors").extra["ap50"] >= 0.9


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--task", "detect", "--data", "folder:{pictures}"], r"--task detect wants shapes, or coco:PATH with"),
        (["--task", "detect", "--data", "coco:{pictures}", "--augment", "resized"], r"augment is 'resized'; boxes want scaled"),
        (["--task", "detect", "--data", "coco:{pictures}", "--regions", "9"], r"--regions 9: retinanet looks at every place"),
        (["--task", "detect", "--data", "coco:{pictures}", "--image-size", "64", "96"], r"wanted one number, for the short side"),
        (["--task", "detect", "--image-size", "96"], r"shapes are drawn at 128 pixels; leave it out"),
        (["--task", "detect", "--compile"], r"--compile: .*leave it out"),
        (["--task", "segment", "--data", "folder:x", "--head", "retinanet"], r"--head retinanet: it is for --task detect"),
        (["--head", "retinanet"], r"--head retinanet: classifiers have no such part"),
        (["eval", "{whole}/best.safetensors", "--data", "cards"], r"is for the task detect; wanted shapes or coco:PATH"),
        (["eval", "{whole}/best.safetensors", "--data", "shapes"], r"has the classes disc, square, triangle; .* knows red, blue"),
        (["--task", "segment", "--data", "folder:x", "--init", "{whole}/best.safetensors"], r"is a checkpoint for the task detect"),
    ],
)
def test_mistakes(arguments, said, pictures, whole):
    with pytest.raises(SystemExit, match=said):
        train_small.main([word.format(pictures=pictures, whole=whole) for word in arguments])
