"""The trainer through its command line: it learns, loses no work, and says what is wrong."""

import io
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import hatnet
import train_small
from hatnet import data, folders, preprocessing, rehearsal, training
from hatnet.run import State

ROOT = Path(__file__).parents[1]
TINY = ["--set", "dims=[24,24]", "--set", "depths=[1,1]", "--set", "expansions=[2,2]", "--set", "kernels=[3,3]", "--g1", "4", "--g2", "2"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Three classes that differ in colour, 20 noisy pictures each."""
    root, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for channel, name in enumerate(("red", "green", "blue")):
        (root / name).mkdir()
        for number in range(20):
            pixels = random.integers(0, 200, (32, 32, 3))
            pixels[..., channel] += 55
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number}.png")
    return root


def command(pictures, run, *more, epochs=4):
    least = ["--data", f"folder:{pictures}", "--val-fraction", "0.2", "--batch-size", "16", "--epochs", str(epochs), "--out", str(run)]
    return [*least, *TINY, "--amp", "off", *more]


def lines(run):
    """metrics.jsonl without what depends on the clock."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "images_per_second"} for row in rows]


def tensors(thing, path=""):
    """Every tensor and number of a saved state, by its path."""
    if isinstance(thing, dict | list | tuple):
        pairs = thing.items() if isinstance(thing, dict) else enumerate(thing)
        return {key: value for name, part in pairs for key, value in tensors(part, f"{path}/{name}").items()}
    return {path: thing if isinstance(thing, torch.Tensor) else torch.tensor(thing, dtype=torch.float64) if thing is not None else thing}


def assert_same_run(a, b):
    """Bit for bit: state, checkpoints, figures."""
    assert lines(a) == lines(b)
    first, second = (tensors(torch.load(run / "state.pt", weights_only=True)) for run in (a, b))
    assert first.keys() == second.keys() and len(first) > 50
    assert all(first[key] is second[key] or torch.equal(first[key], second[key]) for key in first)
    for name in ("last", "best"):
        assert (a / f"{name}.safetensors").read_bytes() == (b / f"{name}.safetensors").read_bytes()


@pytest.fixture(scope="module")
def whole(pictures, tmp_path_factory):
    """A training that nothing interrupted."""
    run = tmp_path_factory.mktemp("whole") / "run"
    train_small.main(command(pictures, run))
    return run


def test_same_seed_same_numbers_other_seed_others(pictures, whole, tmp_path):
    train_small.main(command(pictures, tmp_path / "again"))
    assert_same_run(tmp_path / "again", whole)
    train_small.main(command(pictures, tmp_path / "other", "--seed", "1"))
    assert lines(tmp_path / "other")[0]["loss"] != lines(whole)[0]["loss"]


def test_kill_and_resume(pictures, whole, tmp_path, monkeypatch):
    """kill -9 in the midst of the third epoch, with a state saved after every step. The process ends itself there, on any machine."""
    run = tmp_path / "run"
    code = f"""
import os, signal, train_small
from hatnet import data, training
batch, training.SAVE_EVERY = data.Images.batch, 0
def killing(images, number, *rest):
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return batch(images, number, *rest)
data.Images.batch = killing
train_small.main({command(pictures, run)!r})"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL
    assert torch.load(run / "state.pt", weights_only=True)["step"] == 7 and len(lines(run)) < len(lines(whole))
    monkeypatch.setattr(training, "SAVE_EVERY", 0)
    train_small.main(["--resume", str(run)])
    assert_same_run(run, whole)


def test_kill_and_resume_while_pictures_are_decoded_ahead(pictures, whole, tmp_path, monkeypatch):
    """kill -9 by the thread that makes the batch of step 7, while an earlier step computes: the run is that with all pictures in memory."""
    run, batch = tmp_path / "run", data.Images.batch
    code = f"""
import os, signal, threading, train_small
from hatnet import data, training
batch, training.SAVE_EVERY = data.Images.batch, 0
def killing(images, number, *rest):
    if number == 7:
        assert threading.current_thread() is not threading.main_thread()
        os.kill(os.getpid(), signal.SIGKILL)
    return batch(images, number, *rest)
data.Images.batch = killing
train_small.main({command(pictures, run, "--in-memory", "0")!r})"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL
    reached, made = torch.load(run / "state.pt", weights_only=True)["step"], []
    assert 4 <= reached <= 7
    monkeypatch.setattr(data.Images, "batch", lambda images, number, *rest: made.append(number) or batch(images, number, *rest))
    train_small.main(["--resume", str(run)])
    assert made == list(range(reached, 12)), "each batch once, and none beyond the end"
    assert_same_run(run, whole)


def test_show_batch(pictures, tmp_path, monkeypatch, capsys):
    """Unchanged images are the pictures, in the order of the first step. Nothing is trained."""
    monkeypatch.chdir(tmp_path)
    arguments = command(pictures, tmp_path / "run", "--augment", "none", "--show-batch", "batch.png")
    train_small.main(arguments)
    assert "batch.png shows all 16 images of the first batch, 32 x 32 pixels; nothing was trained" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["batch.png"]
    shown = np.asarray(Image.open("batch.png"))
    images = data.load(f"folder:{pictures}", "train", 32, 0.2)
    first = torch.randperm(48, generator=data.generator(0, 0, 0))[:16]
    zoom, across = 5, 5 * 32 + 6  # four columns of images of 160 pixels, with one line of text below
    for number, image in enumerate(images.pixels[first]):
        left, top = 6 + number % 4 * across, 6 + number // 4 * (across + 16)
        tile = shown[top : top + 160 : zoom, left : left + 160 : zoom]
        np.testing.assert_allclose(tile, image.permute(1, 2, 0), atol=1)
        assert (shown[top + 160 : top + 176, left : left + 160] < 128).any(), "its class"


@pytest.mark.parametrize(
    "name, words",
    [
        ("batch.jpg", r"--show-batch batch.jpg: wanted a name that ends in .png, like batch.png"),
        ("none/batch.png", "wanted a file in a folder that exists, like batch.png"),
        ("folder.png", "wanted a file in a folder that exists"),
        ("full.png", r"cannot write full.png \(.*No space left"),
    ],
)
def test_places_where_no_batch_can_be_shown(name, words, pictures, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    if name == "full.png":
        monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(SystemExit, match=words):
        train_small.main(command(pictures, tmp_path / "run", "--show-batch", name))
    assert not (tmp_path / "run").exists()


def interrupted_at(step, arguments, monkeypatch):
    """Train, with Ctrl-C in the midst of a step."""
    batch = data.Images.batch

    def interrupting(images, number, *rest):
        if number == step and signal.getsignal(signal.SIGINT) != signal.default_int_handler:  # no rehearsal
            signal.raise_signal(signal.SIGINT)
        return batch(images, number, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(data.Images, "batch", interrupting)
        train_small.main(arguments)


@pytest.mark.parametrize("step", [1, 5, 11])
def test_interrupt_and_resume(step, pictures, whole, tmp_path, monkeypatch, capsys):
    """Ctrl-C before the first epoch ends, at the end of one, and in the last step, which is then all done."""
    run = tmp_path / "run"
    interrupted_at(step, command(pictures, run), monkeypatch)
    if step < 11:
        assert f"at step {step + 1} of 12; continue with: python train_small.py --resume {run}" in capsys.readouterr().out
        train_small.main(["--resume", str(run)])
    assert_same_run(run, whole)


def test_resume_after_a_crash_between_the_files(pictures, whole, tmp_path, monkeypatch):
    """metrics.jsonl and the checkpoints are newer than the state, and a line is cut: what is too much is dropped."""
    run, save = tmp_path / "run", State.save

    def crash(state, path):
        if state.step == 6:
            raise RuntimeError("power cut")
        save(state, path)

    monkeypatch.setattr(State, "save", crash)
    with pytest.raises(RuntimeError, match="power cut"):
        train_small.main(command(pictures, run))
    monkeypatch.undo()
    with open(run / "metrics.jsonl", "a") as file:
        file.write('{"step": 7, "lo')
    train_small.main(["--resume", str(run)])
    assert_same_run(run, whole)


def test_two_processes_are_one(pictures, tmp_path):
    """Half the batch each, in two parts: the same losses and accuracies, to float tolerance, on the same 48 images in the same order."""
    one, two = tmp_path / "one", tmp_path / "two"
    train_small.main(command(pictures, one, "--ema", "0.9"))
    arguments = command(pictures, two, "--ema", "0.9", "--batch-size", "4", "--accumulate", "2")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "train_small.py"]
    subprocess.run([*torchrun, *arguments], cwd=ROOT, check=True, capture_output=True, timeout=240)
    first, second = lines(one), lines(two)
    assert [row["step"] for row in first] == [row["step"] for row in second] == [3, 6, 9, 12]
    for a, b in zip(first, second, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-5)
        assert a["accuracy"] == pytest.approx(b["accuracy"])
    with pytest.raises(SystemExit, match="as it was started with: 2, not 1"):
        train_small.main(["--resume", str(two)])


def test_it_learns_and_eval_says_the_same(pictures, tmp_path, capsys):
    run = tmp_path / "run"
    train_small.main(command(pictures, run, "--learning-rate", "0.01", "--ema", "0", epochs=20))
    info = hatnet.checkpoint_info(run / "best.safetensors")
    assert info.accuracy > 0.8 and info.classes == ("blue", "green", "red") and info.extra["split"] == "val"
    assert hatnet.list_checkpoints(tmp_path)[-1] == str(run / "best.safetensors")
    assert hatnet.list_checkpoints(tmp_path)[:-1] == hatnet.list_checkpoints()
    capsys.readouterr()
    written = tmp_path / "small.safetensors"
    train_small.main(["eval", str(run / "best.safetensors"), "--data", f"folder:{pictures}", "--split", "val", "--write", str(written)])
    said = capsys.readouterr().out
    assert f"accuracy {info.accuracy:.2%}" in said
    counts = np.array([[int(n) for n in line.split()[1:]] for line in said.splitlines()[1:4]])
    assert counts.sum() == 12 and counts.trace() / 12 == pytest.approx(info.accuracy)
    assert written.stat().st_size < 0.6 * (run / "best.safetensors").stat().st_size
    assert hatnet.checkpoint_info(written).accuracy == pytest.approx(info.accuracy)


def test_a_moved_folder_goes_on_and_another_does_not(pictures, tmp_path, monkeypatch, capsys):
    """Begun with a relative path; resumed from elsewhere; moved; a picture gone; a class renamed."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pictures, "set")
    interrupted_at(2, command("set", "run"), monkeypatch)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    run = str(tmp_path / "run")
    interrupted_at(4, ["--resume", run], monkeypatch)
    os.rename("../set", "../moved")
    with pytest.raises(SystemExit, match=r"there is no folder .*/set; .*--resume .*run --data folder:PATH"):
        train_small.main(["--resume", run])
    with pytest.raises(SystemExit, match="leave --data out"):
        train_small.main(["--resume", run, "--data", "cifar10"])
    os.rename("../moved/red", "../moved/pink")
    with pytest.raises(SystemExit, match=r"no class red any more; a new class pink; 20 pictures added \(train/pink/0.png"):
        train_small.main(["--resume", run, "--data", "folder:../moved"])
    os.rename("../moved/pink", "../moved/red")
    os.rename("../moved/red/3.png", "3.png")
    with pytest.raises(SystemExit, match=r"1 picture removed \(train/red/3.png\)"):
        train_small.main(["--resume", run, "--data", "folder:../moved"])
    os.rename("3.png", "../moved/red/3.png")
    interrupted_at(6, ["--resume", run, "--data", "folder:../moved"], monkeypatch)
    train_small.main(["--resume", run])
    assert len(lines(tmp_path / "run")) == 4 and json.loads((tmp_path / "run" / "config.json").read_text())["data"]["source"].endswith(
        "moved"
    )


def test_a_run_on_joined_folders_goes_on_and_is_evaluated(pictures, tmp_path, monkeypatch, capsys):
    """Two folders, one of them with a class of its own; interrupted, and resumed from elsewhere."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, names in ((first, ("red", "green")), (second, ("red", "blue"))):
        for name in names:
            shutil.copytree(pictures / name, folder / name)
    monkeypatch.chdir(tmp_path)
    arguments = ["--data", "folder:first+second", *command(pictures, "run", epochs=2)[2:]]
    interrupted_at(2, arguments, monkeypatch)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    train_small.main(["--resume", "../run"])
    assert len(lines(tmp_path / "run")) == 2
    best, joined = tmp_path / "run" / "best.safetensors", f"folder:{first}+{second}"
    info = hatnet.checkpoint_info(best)
    assert info.classes == ("blue", "green", "red") and info.data == "first+second"
    capsys.readouterr()
    train_small.main(["eval", str(best), "--data", joined, "--split", "val"])
    assert f"on 16 images of {joined}, val, held out as in training" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"second \+ .*/first is not what .* 40 pictures added"):
        train_small.main(["eval", str(best), "--data", f"folder:{second}+{first}", "--split", "val"])


def test_a_run_without_a_fingerprint_goes_on_with_its_own_division(pictures, tmp_path, monkeypatch, capsys):
    run, source = tmp_path / "run", shutil.copytree(pictures, tmp_path / "set")
    interrupted_at(4, command(source, run), monkeypatch)
    config = json.loads((run / "config.json").read_text())
    del config["data"]
    (run / "config.json").write_text(json.dumps(config))
    divided = []
    monkeypatch.setattr(data, "by_place", lambda *rest: divided.append(rest))  # of torchvision's sets alone
    train_small.main(["--resume", str(run)])
    assert "kept no fingerprint" in capsys.readouterr().err and not divided
    assert "pictures" not in hatnet.checkpoint_info(run / "last.safetensors").extra
    held = folders.by_place(folders.scan(source).parts["train"], 0.2)[1]
    train_small.main(["eval", str(run / "last.safetensors"), "--data", f"folder:{source}", "--split", "val"])
    said = capsys.readouterr()
    assert "kept no fingerprint" in said.err
    rows = [sum(map(int, line.split()[1:])) for line in said.out.splitlines()[1:4]]
    assert rows == [sum(file.label == name for file in held) for name in ("blue", "green", "red")] != [4, 4, 4]
    (source / "red").rename(source / "pink")
    with pytest.raises(SystemExit, match="no class red any more; a new class pink"):
        train_small.main(["--resume", str(run)])


def test_a_folder_is_said_back(pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pictures, "deep/set")
    with pytest.raises(SystemExit, match=r"did you mean folder:.*deep/set\?; .*--trust-layout"):
        train_small.main(command("deep", "run", epochs=1))
    assert not Path("run").exists()
    train_small.main(command("deep", "run", "--trust-layout", epochs=1))
    assert hatnet.checkpoint_info("run/best.safetensors").classes == ("set",)
    for number in range(3):
        Path(f"deep/set/red/{number}.png").write_text("not a picture")
    os.makedirs("deep/set/.thumbnails")
    capsys.readouterr()
    with pytest.warns(UserWarning, match="red/0.png is not used: 0.png is not a picture"):
        train_small.main(command("deep/set", "run2", epochs=1))
    said = capsys.readouterr().err
    assert "3 classes; pictures: 48 train, 12 val" in said and "left out, hidden: 1 (.thumbnails/)" in said and "unreadable: " in said
    for path in Path("deep/set/red").iterdir():
        path.write_text("not a picture")
    with pytest.warns(UserWarning), pytest.raises(SystemExit, match="no training picture of red can be read"):
        train_small.main(command("deep/set", "run3", "--max-unreadable", "99", epochs=1))


def test_eval_names_what_it_measured_on(pictures, whole, tmp_path, capsys):
    best = str(whole / "best.safetensors")

    def said(source, *more):
        capsys.readouterr()
        train_small.main(["eval", best, "--data", f"folder:{source}", *more])
        return capsys.readouterr()

    assert "val, held out as in training, because there is no test/, on which the best weights were chosen" in said(pictures).out
    written = tmp_path / "w.safetensors"
    said(pictures, "--write", str(written))
    assert hatnet.checkpoint_info(written).extra["split"] == "val"
    other = shutil.copytree(pictures, tmp_path / "other")
    (other / "red" / "0.png").rename(other / "red" / "x.png")
    assert "may have been trained on some of these" in said(other).err and "were chosen" not in said(other).out
    with pytest.raises(SystemExit, match=r"held out pictures from: 1 picture added \(train/red/x.png\); 1 picture removed"):
        said(other, "--split", "val")
    shutil.copytree(pictures, tmp_path / "parts" / "Test")
    assert said(tmp_path / "parts").out.strip().endswith(f"on 60 images of folder:{tmp_path / 'parts'}, test")
    with pytest.raises(SystemExit, match=r"was trained on pictures.*take --split test"):
        train_small.main(["eval", best, "--data", "cifar10", "--split", "val"])


def test_eval_on_fewer_classes(pictures, whole, tmp_path, capsys):
    """Two figures, against the logits; half of the pictures are taken for the third class. Folders are renamed by a file."""
    checkpoint, source, names = tmp_path / "green.safetensors", tmp_path / "two", tmp_path / "names.json"
    for name in ("red", "blue"):
        shutil.copytree(pictures / name, source / "test" / f"n-{name}")
    model, info = (read(whole / "best.safetensors") for read in (hatnet.load_checkpoint, hatnet.checkpoint_info))
    images = data.load(f"folder:{source}", "test", 32)
    pixels, truth = preprocessing.normalise(images.pixels, info.mean, info.std), torch.tensor([0, 2])[images.labels]  # blue, green, red
    with torch.no_grad():
        logits = model(pixels)
        model.classifier.bias[1] += (logits[:, [0, 2]].max(1).values - logits[:, 1]).median()
        logits = model(pixels)
    hatnet.save_checkpoint(model, checkpoint, info.header())
    among_all, among_two = (logits.argmax(1) == truth).float().mean(), ((logits[:, 2] > logits[:, 0]) * 2 == truth).float().mean()
    assert among_all < among_two

    def evaluate(*more):
        capsys.readouterr()
        train_small.main(["eval", str(checkpoint), "--data", f"folder:{source}", *more])
        return capsys.readouterr().out.splitlines()

    with pytest.raises(SystemExit, match=r"does not know n-blue \(nearest: blue\), n-red"):
        evaluate()
    names.write_text('["blue"]')
    with pytest.raises(SystemExit, match="wanted one object"):
        evaluate("--names", str(names))
    names.write_text(json.dumps({"n-red": "red", "n-blue": "blue", "n-more": "purple"}), encoding="utf-8-sig")
    said = evaluate("--names", str(names))
    assert [line.split()[0] for line in said[1:3]] == ["blue", "red"] and [sum(map(int, line.split()[1:])) for line in said[1:3]] == [
        20,
        20,
    ]
    assert f"accuracy {among_all:.2%}" in said[3] and "among all 3 classes" in said[3]
    assert f"accuracy {among_two:.2%}" in said[4] and "among the 2 classes of the data" in said[4]


def test_a_name_that_the_output_cannot_show(pictures, tmp_path, monkeypatch):
    """Output into a file on Windows: cp1252."""
    for name, old in (("\u00c4", "red"), ("\u732b", "blue")):
        shutil.copytree(pictures / old, tmp_path / "set" / name)
    train_small.main(command(tmp_path / "set", tmp_path / "run", epochs=1))
    out = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", out)
    train_small.main(["eval", str(tmp_path / "run" / "best.safetensors"), "--data", f"folder:{tmp_path / 'set'}"])
    out.flush()
    said = out.buffer.getvalue()
    assert b"\xc4 " in said and rb"\u732b" in said and b"accuracy" in said


def test_init_takes_what_fits(pictures, whole, tmp_path, capsys):
    """One stage more than the checkpoint has: its stages are taken, the new one is not."""
    shape = ["dims=[24,24,48]", "depths=[1,1,1]", "expansions=[2,2,2]", "kernels=[3,3,3]"]
    more = [part for text in shape for part in ("--set", text)]
    more += ["--init", str(whole / "best.safetensors"), "--learning-rate", "0"]
    train_small.main(command(pictures, tmp_path / "run", *more, epochs=1))
    said = capsys.readouterr().err
    assert "of the weights come from" in said and "stages.2.blocks.0" in said and "stages.1" not in said
    before = hatnet.load_checkpoint(whole / "best.safetensors").state_dict()
    after = hatnet.load_checkpoint(tmp_path / "run" / "last.safetensors").state_dict()
    same = [key for key, value in before.items() if after[key].shape == value.shape]
    assert len(same) >= len(before) - 2 and all(torch.allclose(after[key], before[key]) for key in same)
    with pytest.raises(SystemExit, match="almost none of its weights fit"):
        odd = ["--set", "dims=[48]", "--set", "depths=[1]", "--set", "expansions=[2]", "--set", "kernels=[5]", "--set", "stem_dim=8"]
        train_small.main(command(pictures, tmp_path / "odd", *odd, "--set", "head_dim=24", "--init", str(whole / "best.safetensors")))


def test_cards_keep_their_labels_in_place(tmp_path):
    for more in (
        ["--recipe", "compact"],
        ["--augment", "shift"],
        ["--first-side", "0.5"],
        ["--cutmix", "1"],
        ["--erase", "1"],
        ["--colour", "1"],
    ):
        with pytest.raises(SystemExit, match="a label in each cell"):
            train_small.main(["--out", str(tmp_path / "run"), *more])


def test_init_keeps_all_but_the_classifier(pictures, whole, tmp_path):
    """From a checkpoint of three classes to one of two, with another G1."""
    source = whole / "best.safetensors"
    for name in ("red", "blue"):
        (tmp_path / "two" / name).mkdir(parents=True)
        for number in range(20):
            os.link(pictures / name / f"{number}.png", tmp_path / "two" / name / f"{number}.png")
    more = ["--init", str(source), "--learning-rate", "1e-12", "--weight-decay", "0", "--g1", "2"]
    train_small.main(command(tmp_path / "two", tmp_path / "run", *more, epochs=1))
    before, after = hatnet.load_checkpoint(source), hatnet.load_checkpoint(tmp_path / "run" / "last.safetensors")
    assert after.config.g1 == (2,) and after.classifier.out_features == 2
    for key, value in before.state_dict().items():
        if not key.startswith("classifier."):
            torch.testing.assert_close(after.state_dict()[key], value)
    assert hatnet.checkpoint_info(tmp_path / "run" / "last.safetensors").mean == hatnet.checkpoint_info(source).mean


@pytest.mark.parametrize(
    "more, words",
    [
        (["--recipe", "papre"], "compact, paper, segment, detect, shapes, cards"),
        (["--model", "hatnet_tin"], "hatnet_tiny"),
        (["--attention", "windows"], "window"),
        (["--set", "depthwise"], "FIELD=VALUE"),
        (["--set", "depthwize=false"], "depthwise"),
        (["--set", "dims=5"], r"dims is 5; wanted a list .*; the nearest is \[5\]"),
        (["--model", "hatnet_cards", "--set", "head_dim=24"], "readout=4"),
        (["--accumulate", "49"], "48 training images are fewer than the 49 batches of a step: lower --accumulate"),
        (["--epochs", "0"], "epochs is 0"),
        (["--augment", "crop"], "shift, resized, scaled, none"),
        (["--first-side", "0.1"], "first_side is 0.1"),
        (["--colour", "2"], "colour is 2.0; wanted a number from 0 to 1; the nearest is 1"),
        (["--erase", "1.5"], "erase is 1.5; wanted a number from 0 to 1; the nearest is 1"),
        (["--cutmix", "-1"], "cutmix is -1.0; wanted a number from 0 to 1,000; the nearest is 0"),
        (["--label-smoothing", "1"], "label_smoothing is 1"),
        (["--val-fraction", "1"], "val_fraction is 1.0; wanted a number above 0 and below 1"),
        (["--init", "nothing.safetensors"], "there is no checkpoint"),
        (["--resume", "runs/none"], "leave --val-fraction out"),
    ],
)
def test_what_is_wrong_is_said_before_training(more, words, pictures, tmp_path):
    with pytest.raises(SystemExit, match=words):
        train_small.main(command(pictures, tmp_path / "run", *more))
    assert not (tmp_path / "run" / "state.pt").exists()


def test_places_that_cannot_be_written(pictures, whole, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match=r"cannot write to .*choose another place"):
        train_small.main(command(pictures, tmp_path / "file" / "run"))
    with pytest.raises(SystemExit, match="already holds a run"):
        train_small.main(command(pictures, whole))
    with pytest.raises(SystemExit, match="is not a run"):
        train_small.main(["--resume", str(tmp_path)])
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(SystemExit, match="0 MB left"):
        train_small.main(command(pictures, tmp_path / "run"))


def test_a_run_killed_while_it_is_begun_can_be_begun_again(pictures, tmp_path, monkeypatch):
    whole = Path.write_text

    def half(path, text):
        whole(path, text[: len(text) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="interrupted"):
        patch.setattr(Path, "write_text", half)
        train_small.main(command(pictures, tmp_path / "run", epochs=1))
    train_small.main(command(pictures, tmp_path / "run", epochs=1))
    assert json.loads((tmp_path / "run" / "config.json").read_text())["steps"] > 0


def test_paper_recipe_with_every_random_layer(pictures, tmp_path, monkeypatch):
    """Mixing, crops, colours, erasing, stochastic depth: interrupted and resumed, they draw what they would have drawn."""
    more = [
        "--recipe",
        "paper",
        "--cutmix",
        "1",
        "--erase",
        "0.5",
        "--colour",
        "0.4",
        "--attention",
        "shifted_window",
        "--drop-path",
        "0.5",
        "--ema",
        "0.5",
    ]
    train_small.main(command(pictures, tmp_path / "run", *more, epochs=2))
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["model"]["attention"] == "shifted_window" and config["model"]["drop_path"] == 0.5
    assert config["recipe"]["mixup"] == 0.8 and config["recipe"]["epochs"] == 2
    assert config["recipe"]["aspect"] == [0.5, 4 / 3], "the pictures are square"
    interrupted_at(3, command(pictures, tmp_path / "again", *more, epochs=2), monkeypatch)
    train_small.main(["--resume", str(tmp_path / "again")])
    assert_same_run(tmp_path / "run", tmp_path / "again")


@pytest.fixture(scope="module")
def in_bfloat16(pictures, tmp_path_factory):
    """A training that nothing interrupted, in bfloat16."""
    run = tmp_path_factory.mktemp("bfloat16") / "run"
    train_small.main(command(pictures, run, "--amp", "bf16"))
    return run


def test_the_choice_of_precision_is_kept(pictures, whole, in_bfloat16, tmp_path, monkeypatch):
    """What was timed beforehand leaves no trace: the run is the same, bit for bit, as if the choice had been named. It is made once."""
    real = rehearsal.step_seconds
    for name, seconds, same in (("off", {"off": 1.0, "bf16": 2.0}, whole), ("bf16", {"off": 2.0, "bf16": 1.0}, in_bfloat16)):
        with monkeypatch.context() as patch:
            patch.setattr(rehearsal, "step_seconds", lambda trainer, seconds=seconds: real(trainer) and seconds)
            interrupted_at(5, command(pictures, tmp_path / name, "--amp", "auto"), monkeypatch)
        config = json.loads((tmp_path / name / "config.json").read_text())
        assert config["amp"] == name and config["seconds_per_step"] == seconds and config["arguments"]["amp"] == "auto"
        with monkeypatch.context() as patch:
            patch.setattr(rehearsal, "step_seconds", lambda _: pytest.fail("measured again"))
            train_small.main(["--resume", str(tmp_path / name)])
        assert_same_run(tmp_path / name, same)
    assert lines(in_bfloat16) != lines(whole)


@pytest.mark.parametrize("number, later", [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_a_signal_ends_a_compilation(number, later, pictures, tmp_path, monkeypatch):
    """In the midst of the first one, and of that of the second size; both sleep for an hour here. Nothing is lost."""
    run, more = tmp_path / "run", ("--compile", "--first-side", "0.5")
    code = f"""
import sys, time, torch, train_small
seen = []
def compiling(network, **_):
    def call(images, **rest):
        if images.shape[-1] not in seen:
            seen.append(images.shape[-1])
            if len(seen) > {int(later)}:
                print("compiling", flush=True)
                time.sleep(3600)
        return network(images, **rest)
    return call
torch.compile = compiling
train_small.main({command(pictures, run, *more)!r})"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout.readline() == b"compiling\n"
        process.send_signal(number)
        assert process.wait(300) == -number  # at once, but for what else the machine is doing
    finally:
        process.kill()
    step = torch.load(run / "state.pt", weights_only=True)["step"]
    assert (step > 0) == later
    monkeypatch.setattr(torch, "compile", lambda network, **_: network)
    train_small.main(["--resume", str(run)])
    train_small.main(command(pictures, tmp_path / "whole", *more))
    assert_same_run(run, tmp_path / "whole")


def test_what_is_held_in_memory(pictures, whole, tmp_path, capsys):
    """48 training images of 3 KiB and 12 held-out ones share the room; where they are changes nothing in the run."""
    said = {}
    for name, kib in (("both", 180), ("train", 179), ("none", 0)):
        train_small.main(command(pictures, tmp_path / name, "--in-memory", str(kib / 2**20)))
        said[name] = capsys.readouterr().err
        assert_same_run(tmp_path / name, whole)
    assert "training images in memory (0.14 MiB), held-out images in memory (0.04 MiB)" in said["both"]
    assert "training images in memory (0.14 MiB), held-out images decoded at each use (0.04 MiB; --in-memory is 0.000171)" in said["train"]
    assert "training images decoded at each use (0.14 MiB; --in-memory is 0), held-out" in said["none"]


def test_a_run_says_what_it_is_about_to_do(pictures, tmp_path, capsys):
    train_small.main(command(pictures, tmp_path / "run", "--learning-rate", "0.003"))
    first, *epochs = capsys.readouterr().err.splitlines()[-5:]
    parameters = json.loads((tmp_path / "run" / "config.json").read_text())["parameters"]
    assert first.startswith("training on 48 images of 3 classes, 12 more held out; ")
    assert f"; 12 steps of 16 images; {parameters / 1e6:.3g} million parameters; learning rate 0.003; cpu, " in first
    assert first.endswith(", float32") and [line.split(":")[0] for line in epochs] == [f"epoch {n} of 4" for n in range(1, 5)]


def test_a_learning_rate_by_rule_is_kept(pictures, tmp_path, monkeypatch, capsys):
    """Steps of 2 x 8 images, a sixty-fourth of the paper's 1,024: an eighth of its rate. A later version's rule changes nothing."""
    run = tmp_path / "run"
    more = ["--learning-rate", "auto", "--warm-up", "0.5", "--batch-size", "8", "--accumulate", "2"]
    interrupted_at(4, command(pictures, run, *more), monkeypatch)
    opening = "; learning rate 0.000125 (auto: 0.001 x sqrt(16 / 1,024)); cpu, "
    assert opening in capsys.readouterr().err
    config = json.loads((run / "config.json").read_text())
    assert config["recipe"]["learning_rate"] == 1.25e-4 and config["arguments"]["learning_rate"] == "auto"
    monkeypatch.setattr("hatnet.commands.train.auto_learning_rate", lambda _: 1.0)
    train_small.main(["--resume", str(run)])
    assert "; learning rate 0.000125 (auto" in capsys.readouterr().err
    assert [row["learning_rate"] for row in lines(run)[:2]] == pytest.approx([1.25e-4 / 2, 1.25e-4]), "a warm-up of 6 of the 12 steps"
    config["recipe"]["learning_rate"] = "auto"
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(SystemExit, match=r"config.json: learning_rate is 'auto'; wanted a number from 0"):
        train_small.main(["--resume", str(run)])
    with pytest.raises(SystemExit):
        train_small.main(command(pictures, tmp_path / "other", "--learning-rate", "fast"))
    assert "'fast' is not a rate; wanted a number like 0.001, or auto" in capsys.readouterr().err


def test_minutes_become_steps(pictures, tmp_path, monkeypatch):
    """The measurement changes nothing in what is then trained."""
    trained = {}
    monkeypatch.setattr(training.Trainer, "train", lambda trainer, steps, *_: trained.update(trainer=trainer, steps=steps))
    arguments = command(pictures, tmp_path / "run")
    arguments[arguments.index("--epochs") : arguments.index("--epochs") + 2] = ["--minutes", "0.5"]
    train_small.main(arguments)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["steps"] == trained["steps"] > 12
    assert config["recipe"]["epochs"] == math.ceil(config["steps"] / config["steps_per_epoch"])
    assert trained["trainer"].state.step == 0 and not trained["trainer"].state.optimiser.state
    torch.manual_seed(0)
    fresh = hatnet.create_model("hatnet_compact", 3, **{key: value for key, value in config["model"].items() if key != "num_classes"})
    assert all(
        torch.equal(a, b) for a, b in zip(fresh.state_dict().values(), trained["trainer"].state.model.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize(
    "more",
    [
        ["--freeze", "2", "--weight-decay", "0.5", "--ema", "0.5"],
        ["--layer-decay", "0.8", "--class-weights", "balanced", "--mixup", "0.4", "--patience", "5"],
        ["--accumulate", "2", "--batch-size", "8", "--drop-path", "0.5", "--set", "dropout=0.5"],
    ],
    ids=lambda more: more[0],
)
def test_every_option_resumes_bit_for_bit(more, pictures, tmp_path, monkeypatch):
    train_small.main(command(pictures, tmp_path / "whole", *more, epochs=2))
    interrupted_at(2, command(pictures, tmp_path / "again", *more, epochs=2), monkeypatch)
    assert torch.load(tmp_path / "again" / "state.pt", weights_only=True)["step"] == 3
    train_small.main(["--resume", str(tmp_path / "again")])
    assert_same_run(tmp_path / "whole", tmp_path / "again")


def test_stopping_early_survives_an_interruption(pictures, tmp_path, monkeypatch, capsys):
    """Weights that do not learn: the second epoch is no better than the first. Interrupted in it, it is still counted."""
    more = ["--patience", "1", "--learning-rate", "0"]
    train_small.main(command(pictures, tmp_path / "whole", *more))
    assert "stopped early at step 6 of 12, 1 epochs after the best; best accuracy" in capsys.readouterr().out
    interrupted_at(4, command(pictures, tmp_path / "again", *more), monkeypatch)
    for _ in range(2):  # once more changes nothing
        train_small.main(["--resume", str(tmp_path / "again")])
        assert_same_run(tmp_path / "whole", tmp_path / "again")
    with monkeypatch.context() as patch:  # lengthened, and killed before the first step
        patch.setattr(training.Trainer, "train", lambda *_: False)
        train_small.main(["--resume", str(tmp_path / "again"), "--epochs", "5"])
    train_small.main(["--resume", str(tmp_path / "again")])
    assert len(lines(tmp_path / "again")) == 3, "patience starts anew"


def test_a_longer_run(pictures, whole, tmp_path, monkeypatch):
    """Four epochs become six: the rate of the next step is that of the longer cosine, and an interruption changes nothing."""
    one, two = tmp_path / "one", tmp_path / "two"
    for run in (one, two):
        shutil.copytree(whole, run)
    with pytest.raises(SystemExit, match="already has 12 steps; to lengthen it, give at least 5 epochs"):
        train_small.main(["--resume", str(one), "--epochs", "4"])
    train_small.main(["--resume", str(one), "--epochs", "6"])
    interrupted_at(14, ["--resume", str(two), "--epochs", "6"], monkeypatch)
    train_small.main(["--resume", str(two)])
    assert_same_run(one, two)
    assert lines(one)[:4] == lines(whole)
    recipe = json.loads((one / "config.json").read_text())["recipe"]
    assert recipe["epochs"] == 6 and [row["step"] for row in lines(one)] == [3, 6, 9, 12, 15, 18]
    assert [row["learning_rate"] for row in lines(one)[4:]] == pytest.approx([rate_of(step) for step in (14, 17)])


def rate_of(step):
    """compact's rate in a step of 18, from 0: a warm-up of one step, then half a cosine over 17."""
    return 2e-3 * (1 + math.cos(math.pi * (step - 1) / 17)) / 2


def test_a_run_on_another_device(pictures, whole, tmp_path, monkeypatch):
    """From auto to cpu, which is the same here: the same numbers, and the run's configuration keeps the device."""
    run = tmp_path / "run"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    interrupted_at(4, command(pictures, run), monkeypatch)
    with pytest.raises(SystemExit, match=r"--device cuda: torch .* finds none here"):
        train_small.main(["--resume", str(run), "--device", "cuda"])
    train_small.main(["--resume", str(run), "--device", "cpu"])
    assert_same_run(run, whole)
    config = json.loads((run / "config.json").read_text())
    assert config["arguments"]["device"] == "cpu" and config["machine"].startswith("cpu")


def test_only_some_options_go_beside_resume(whole):
    for more in (["--seed", "0"], ["--compile"], ["--minutes", "1"], ["--set", "dropout=0"], ["--batch-size", "3"]):
        with pytest.raises(SystemExit, match=rf"leave {more[0]} out \(only --epochs, --device, --data can be changed\)"):
            train_small.main(["--resume", str(whole), *more])


def test_runs_of_earlier_versions_resume(pictures, in_bfloat16, tmp_path, monkeypatch):
    """Their config.json lacks the options that came later and has the precision as an argument only; their state lacks the scale of each
    group, the epochs waited and what `guessing` needs."""
    run = tmp_path / "run"
    interrupted_at(4, command(pictures, run, "--amp", "bf16"), monkeypatch)
    config = json.loads((run / "config.json").read_text())
    for name in ("freeze", "layer_decay", "class_weights", "patience", "accumulate"):
        del config["arguments"][name], config["recipe"][name]
    del config["amp"], config["seconds_per_step"], config["arguments"]["in_memory"], config["arguments"]["warm_up"]
    del config["model"]["layer_scale"]
    (run / "config.json").write_text(json.dumps(config))
    state = torch.load(run / "state.pt", weights_only=True)
    del state["waited"], state["recent"], state["warned"]
    for group in state["optimiser"]["param_groups"]:
        del group["lr_scale"]
    torch.save(state, run / "state.pt")
    train_small.main(["--resume", str(run)])
    assert lines(run) == lines(in_bfloat16)
    for name in ("last", "best"):
        one, other = (hatnet.load_checkpoint(folder / f"{name}.safetensors").state_dict() for folder in (run, in_bfloat16))
        assert all(torch.equal(weight, other[key]) for key, weight in one.items())


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("config.json", "", r"config.json, line 1, column 1: not JSON"),
        ("config.json", "{}", "config.json: arguments is missing"),
        ("config.json", {"steps": 1}, r"state.pt is at step 12, but config.json has only 1 steps"),
        ("config.json", {"arguments": {}}, "config.json: arguments lack data"),
        ("config.json", {"model": {}}, "config.json: dims is missing"),
        ("config.json", {"model": {"dimz": 1}}, "config.json: unknown field 'dimz'"),
        ("config.json", ("seed", "x"), "config.json: seed is 'x'; wanted a whole number"),
        ("config.json", ("val_fraction", None), "config.json: val_fraction is None"),
        ("config.json", ("set", 5), "config.json: set is 5; wanted a list"),
        ("config.json", ("image_size", [32]), r"config.json: image_size is \[32\]"),
        ("config.json", ("recipe", "papre"), "config.json: unknown recipe 'papre'"),
        ("metrics.jsonl", "[]\n", "metrics.jsonl, line 1: step is missing"),
        ("state.pt", "", "state.pt is not a saved state"),
    ],
)
def test_damaged_run_files(name, text, words, whole, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    if not isinstance(text, str):
        config = json.loads((run / name).read_text())
        text = json.dumps(config | ({"arguments": config["arguments"] | dict([text])} if isinstance(text, tuple) else text))
    (run / name).write_text(text)
    with pytest.raises(SystemExit, match=words) as error:
        train_small.main(["--resume", str(run)])
    assert "\n" not in str(error.value)


def test_a_batch_larger_than_the_set_is_lowered(pictures, tmp_path, capsys):
    run = tmp_path / "run"
    train_small.main(command(pictures, run, "--batch-size", "1000", epochs=1))
    assert "batch size lowered from 1000 to 48: that is all the training images there are\n" in capsys.readouterr().err
    config = json.loads((run / "config.json").read_text())
    assert (config["recipe"]["batch_size"], config["steps_per_epoch"]) == (48, 1)
    train_small.main(command(pictures, tmp_path / "parts", "--accumulate", "5", epochs=1))
    assert "lowered from 16 to 9: that is all the training images there are, divided by the 5 batches" in capsys.readouterr().err


def test_help_prints_the_recipes(capsys):
    with pytest.raises(SystemExit):
        train_small.main(["--help"])
    said = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in said[said.index("the recipes' values:") :].splitlines()[2:]}
    assert rows["epochs"] == ["18", "300", "60", "36", "5", "7"] and rows["mixup"] == ["0", "0.8", *["0"] * 4]
    assert rows["augment"] == ["shift", "resized", "scaled", "scaled", "none", "none"]
    for name in ("--freeze", "--layer-decay", "--class-weights", "--patience", "--accumulate"):
        assert name in said and name[2:].replace("-", "_") in rows


@pytest.mark.parametrize("write", ["nowhere/x.safetensors", ".", "\0", ""])
def test_places_where_eval_cannot_write(write, whole, pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as error:
        train_small.main(["eval", str(whole / "best.safetensors"), "--data", f"folder:{pictures}", "--write", write])
    assert "--write" in (capsys.readouterr().err if error.value.code == 2 else str(error.value))
