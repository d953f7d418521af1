"""The trainer by itself: it keeps the best, stops before harm, and its measurements change nothing."""

import json
import math

import pytest
import torch

import hatnet
from hatnet import data
from hatnet.machine import Machine
from hatnet.recipe import Recipe
from hatnet.run import Run, State
from hatnet.timing import peak_memory
from hatnet.training import Trainer


def images(count):
    return data.Images(
        pixels=torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8), labels=torch.arange(count) % 3, classes=("a", "b", "c")
    )


@pytest.fixture
def trainer():
    """Twelve steps in four epochs."""
    shape = dict(dims=(24, 24), depths=(1, 1), expansions=(2, 2), kernels=(3, 3), g1=(4,), g2=(2,))
    recipe = Recipe(epochs=4, batch_size=16, learning_rate=0.01, ema=0.9)
    return Trainer(hatnet.create_model("hatnet_compact", 3, **shape), recipe, images(48))


def run(trainer, folder):
    header = {"classes": ["a", "b", "c"], "mean": trainer.mean, "std": trainer.std, "image_size": 32, "data": "noise"}
    return trainer.train(12, images(12), Run(folder, header))


def weights(model):
    return [value.clone() for value in model.state_dict().values()]


def test_best_and_last(trainer, tmp_path, monkeypatch):
    scores = iter([0.9, 0.9, 0.2, 0.6])
    monkeypatch.setattr(Trainer, "validate", lambda *_: next(scores))
    assert run(trainer, tmp_path)
    best, last = (hatnet.checkpoint_info(tmp_path / f"{name}.safetensors") for name in ("best", "last"))
    assert (best.accuracy, best.extra["step"], last.accuracy, last.extra["step"]) == (0.9, 6, 0.6, 12)


def test_a_disk_that_fills_up(trainer, tmp_path, monkeypatch):
    def full(state, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(State, "save", full)
    with pytest.raises(ValueError, match=r"No space left.*--resume"):
        run(trainer, tmp_path)


def test_a_loss_that_is_not_finite_stops(trainer, tmp_path, monkeypatch):
    batch, before = data.Images.batch, []

    def broken(images, step, *rest):
        pixels, labels, factors = batch(images, step, *rest)
        if step == 4:
            before.extend(weights(trainer.state.model))
        return pixels, labels, factors * (math.nan if step == 4 else 1)

    monkeypatch.setattr(data.Images, "batch", broken)
    with pytest.raises(ValueError, match=r"at step 4, learning rate 0\.0\d+, the loss is nan.*last.safetensors"):
        run(trainer, tmp_path)
    assert all(map(torch.equal, weights(trainer.state.model), before))
    assert all(p.isfinite().all() for p in hatnet.load_checkpoint(tmp_path / "last.safetensors").parameters())


def test_images_grow_in_training_alone(trainer, tmp_path, monkeypatch):
    seen, forward = [], hatnet.HATNet.forward

    def noted(model, images, *args, **kwargs):
        seen.append((model.training, images.shape[-1]))
        return forward(model, images, *args, **kwargs)

    monkeypatch.setattr(hatnet.HATNet, "forward", noted)
    trainer.recipe = Recipe(epochs=4, batch_size=16, learning_rate=0.01, first_side=0.5)
    assert run(trainer, tmp_path)
    assert [side for training, side in seen if training] == [16] * 3 + [24] * 4 + [32] * 5
    assert {side for training, side in seen if not training} == {32}


def test_accuracy_takes_less_memory_than_a_training_step(trainer):
    """On 100 images, in batches as in training; the last one is smaller."""
    sizes, held_out = [], images(100)
    hook = trainer.state.kept.register_forward_pre_hook(lambda _, arguments: sizes.append(len(arguments[0])))
    trainer.validate(held_out)
    hook.remove()
    assert sizes == [16] * 6 + [4]
    assert peak_memory(lambda: trainer.validate(held_out)) < peak_memory(lambda: next(trainer.optimise(12)))


def compiled_graphs(monkeypatch):
    """Let torch.compile stop after its first half, the tracing, which makes the graphs. Returns the sides of each graph's images."""
    sides, compile_ = [], torch.compile

    def backend(graph, inputs):
        sides.append({side for tensor in inputs if tensor.ndim == 4 and not tensor.requires_grad for side in tensor.shape[2:]})
        return graph.forward

    monkeypatch.setattr(torch, "compile", lambda network, **how: compile_(network, backend=backend, **how))
    torch.compiler.reset()
    return sides


def test_a_compiled_run_has_four_sizes_at_most(tmp_path, monkeypatch, capsys):
    """From 16 to 64 pixels there would be seven. Each is compiled once, for that size alone, and reported."""
    graphs, seen = compiled_graphs(monkeypatch), []
    shape = dict(dims=(24,), depths=(1,), expansions=(2,), kernels=(3,), g1=(4,), g2=(2,))
    recipe = Recipe(epochs=1, batch_size=1, learning_rate=0.01, first_side=0.25, augment="none")
    pixels = torch.randint(0, 256, (24, 3, 64, 64), dtype=torch.uint8)
    few = data.Images(pixels=pixels, labels=torch.arange(24) % 3, classes=("a", "b", "c"))
    trainer = Trainer(hatnet.create_model("hatnet_compact", 3, **shape), recipe, few, Machine(compiled=True))
    batch = Trainer._batch

    def noted(trainer, steps):
        made = batch(trainer, steps)
        seen.append(made[0].shape[-1])
        return made

    monkeypatch.setattr(Trainer, "_batch", noted)
    header = {"classes": ["a", "b", "c"], "mean": trainer.mean, "std": trainer.std, "image_size": 64, "data": "noise"}
    assert trainer.train(24, few, Run(tmp_path, header))
    assert seen == sorted(seen) and sorted(set(seen)) == [16, 32, 48, 64]
    assert graphs == [{16}, {32}, {48}, {64}]
    said = capsys.readouterr().err.splitlines()
    for side in (16, 32, 48, 64):
        lines = [line for line in said if f"images of {side} x {side} pixels in float32" in line]
        assert len(lines) == 2 and lines[0].startswith("compiling") and lines[1].startswith("compiled") and lines[1].endswith(" s")


def test_without_a_terminal_there_is_a_line_for_each_epoch(trainer, tmp_path, monkeypatch, capsys):
    scores = iter([0.25, 0.5, 0.125, 1.0])
    monkeypatch.setattr(Trainer, "validate", lambda *_: next(scores))
    run(trainer, tmp_path)
    said = capsys.readouterr().err.splitlines()
    losses = [json.loads(line)["loss"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    for number, (line, loss, accuracy) in enumerate(zip(said, losses, ("25.0%", "50.0%", "12.5%", "100.0%"), strict=True), start=1):
        assert line.startswith(f"epoch {number} of 4: loss {loss:.3f}, accuracy {accuracy}, ") and line.endswith(" images/s")
