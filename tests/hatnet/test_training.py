"""The trainer by itself: it keeps the best, stops before harm, and its measurements change nothing."""

import json
import math

import pytest
import torch

import hatnet
from hatnet import cards, data, preprocessing
from hatnet.machine import Machine
from hatnet.recipe import Recipe
from hatnet.run import Run, State
from hatnet.timing import peak_memory
from hatnet.training import Trainer, class_weights


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
    monkeypatch.setattr(Trainer, "validate", lambda *_: {"accuracy": next(scores)})
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


def test_steps_after_one_that_is_not_finite_change_nothing(trainer, tmp_path, monkeypatch):
    """As on a GPU, where the trainer looks at the losses only at a line of metrics: here at the end of the epoch, two steps later."""
    batch, before, seen = data.Images.batch, [], []

    def broken(images, step, *rest):
        pixels, labels, factors = batch(images, step, *rest)
        seen.append(step)
        if step == 3:
            before.extend(weights(trainer.state.model))
        return pixels, labels, factors * (math.inf if step == 3 else 1)

    trainer.looks = False
    monkeypatch.setattr(data.Images, "batch", broken)
    with pytest.raises(ValueError, match=r"at step 3, learning rate 0\.0\d+, the loss is inf and the norm of its gradient (inf|nan);"):
        run(trainer, tmp_path)
    assert seen == [0, 1, 2, 3, 4, 5]
    assert all(map(torch.equal, weights(trainer.state.model), before))
    assert all(value.isfinite().all() for value in weights(trainer.state.kept))


def test_looking_later_changes_nothing(trainer, tmp_path, monkeypatch):
    """Losses, weights and what is saved are the same if the trainer looks at a line of metrics only."""
    found = []
    for looks in (True, False):
        torch.manual_seed(0)
        again = Trainer(hatnet.create_model("hatnet_compact", 3, **SHAPE), trainer.recipe, trainer.data)
        again.looks = looks
        assert run(again, tmp_path)
        lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
        found.append([{key: value for key, value in line.items() if key != "images_per_second"} for line in lines])
        found.append(weights(again.state.kept))
        (tmp_path / "metrics.jsonl").unlink()
    assert found[0] == found[2] and len(found[0]) == 4 and all(map(torch.equal, found[1], found[3]))


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
    batch = Trainer.batch

    def noted(trainer, steps):
        made = batch(trainer, steps)
        seen.append(made[0].shape[-1])
        return made

    monkeypatch.setattr(Trainer, "batch", noted)
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
    monkeypatch.setattr(Trainer, "validate", lambda *_: {"accuracy": next(scores)})
    run(trainer, tmp_path)
    said = capsys.readouterr().err.splitlines()
    losses = [json.loads(line)["loss"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    for number, (line, loss, accuracy) in enumerate(zip(said, losses, ("25.0%", "50.0%", "12.5%", "100.0%"), strict=True), start=1):
        assert line.startswith(f"epoch {number} of 4: loss {loss:.3f}, accuracy {accuracy}, ") and line.endswith(" images/s")


SHAPE = dict(dims=(24, 24), depths=(1, 1), expansions=(2, 2), kernels=(3, 3), g1=(4,), g2=(2,))


def trained(steps, recipe, count=48):
    """A trainer after a few steps, and the losses; the same first weights and images for every recipe."""
    torch.manual_seed(0)
    given = images(count)
    trainer = Trainer(hatnet.create_model("hatnet_compact", 3, **SHAPE), recipe, given)
    return trainer, list(trainer.optimise(steps))


@pytest.mark.parametrize(
    "more", [{}, {"mixup": 0.8, "class_weights": "balanced"}, {"augment": "resized", "first_side": 0.5}, {"augment": "none", "clip": 0.0}]
)
def test_batches_added_up_are_one_batch(more):
    """Four times 4 images are 16: in double precision, as Adam magnifies the last bits of the tiniest gradients."""
    torch.set_default_dtype(torch.float64)
    try:
        one, losses = trained(3, Recipe(epochs=1, batch_size=16, learning_rate=0.01, **more))
        four, others = trained(3, Recipe(epochs=1, batch_size=4, accumulate=4, learning_rate=0.01, **more))
    finally:
        torch.set_default_dtype(torch.float32)
    assert (four.images_per_step, four.steps_per_epoch) == (one.images_per_step, one.steps_per_epoch) == (16, 3)
    assert losses == pytest.approx(others, rel=1e-6)
    for a, b in zip(weights(one.state.model), weights(four.state.model), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0)


def test_gradients_of_batches_added_up():
    """In single precision, before Adam: to 1e-6 of the largest."""
    gradients = []
    for batch_size in (16, 4):
        trainer, _ = trained(0, Recipe(epochs=1, batch_size=batch_size, accumulate=16 // batch_size, learning_rate=0.01))
        trainer._add_gradient(trainer.state.model.train(), *trainer.batch(3))
        gradients.append(torch.cat([p.grad.flatten() for p in trainer.state.model.parameters()]))
    torch.testing.assert_close(*gradients, atol=1e-6 * gradients[0].abs().max().item(), rtol=1e-4)


def test_class_weights():
    """Six, three and one image of three classes, none of a fourth: 10 / (3 n), and so a mean over the images of 1."""
    labels = torch.tensor([0] * 6 + [1] * 3 + [2])
    given = data.Images(pixels=torch.zeros(10, 3, 8, 8, dtype=torch.uint8), labels=labels, classes=tuple("abcd"))
    recipe = Recipe(epochs=1, batch_size=1, learning_rate=1, class_weights="balanced")
    found = class_weights(recipe, given, torch.device("cpu"))
    assert found.tolist() == pytest.approx([10 / 18, 10 / 9, 10 / 3, 0])
    assert found[labels].mean().item() == pytest.approx(1)
    assert class_weights(Recipe(epochs=1, batch_size=1, learning_rate=1), given, torch.device("cpu")) is None
    with pytest.raises(ValueError, match="cards have as many of each class"):
        class_weights(recipe, cards.Cards(), torch.device("cpu"))


def test_class_weights_in_the_loss():
    """Against the sum written out: of the 16 images, each loss times its class's weight."""
    recipe = Recipe(epochs=1, batch_size=16, learning_rate=0.0, class_weights="balanced", label_smoothing=0.0, augment="none")
    torch.manual_seed(0)
    given = images(16)
    given.labels[:] = torch.tensor([0] * 10 + [1] * 4 + [2] * 2)
    trainer = Trainer(hatnet.create_model("hatnet_compact", 3, **SHAPE), recipe, given)
    logits = trainer.state.model(preprocessing.normalise(given.pixels, trainer.mean, trainer.std)).log_softmax(1)
    wanted = -sum(logits[i, label] * 16 / (3 * [10, 4, 2][label]) for i, label in enumerate(given.labels)) / 16
    assert next(trainer.optimise(1)) == pytest.approx(wanted.item(), rel=1e-5)


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_frozen_weights_stay_bit_for_bit(stages):
    """With weight decay and a running mean; all that trains changes."""
    recipe = Recipe(epochs=4, batch_size=16, learning_rate=0.01, weight_decay=0.5, ema=0.5, freeze=stages)
    before = trained(0, recipe)[0].state.model.state_dict()
    trainer, _ = trained(6, recipe)
    assert not any(p.grad is not None for p in trainer.state.model.parameters() if not p.requires_grad)
    frozen = ("stem.", "stages.0.", "stages.1.")[:stages]
    for state in (trainer.state.model, trainer.state.kept):
        for key, value in state.state_dict().items():
            assert torch.equal(value, before[key]) == key.startswith(frozen), key


def test_layer_decay_scales_the_steps():
    """Adam's first step moves each weight by its learning rate."""
    recipe = Recipe(epochs=4, batch_size=16, learning_rate=0.01, weight_decay=0.0, layer_decay=0.5)
    before, (after, _) = trained(0, recipe)[0].state.model.state_dict(), trained(1, recipe)
    rate = recipe.learning_rate_at(0, 1)
    for name, share in (("classifier.bias", 1), ("stages.1.blocks.0.mlp.reduce.weight", 0.5), ("stem.0.weight", 0.125)):
        moved = (after.state.model.state_dict()[name] - before[name]).abs().max().item()
        assert moved == pytest.approx(rate * share, rel=1e-3), name


def test_patience(trainer, tmp_path, monkeypatch):
    """An equal accuracy is not a better one. Epochs of three steps: best in the first, stopped after two more."""
    trainer.recipe = Recipe(epochs=4, batch_size=16, learning_rate=0.01, patience=2)
    scores = iter([0.6, 0.6, 0.2, 0.9])
    monkeypatch.setattr(Trainer, "validate", lambda *_: {"accuracy": next(scores)})
    assert run(trainer, tmp_path)
    assert (trainer.state.step, trainer.state.waited, trainer.state.best) == (9, 2, 0.6)
    assert run(trainer, tmp_path) and trainer.state.step == 9  # as a resumed run would


def test_patience_begins_anew_after_a_better_epoch(trainer, tmp_path, monkeypatch):
    trainer.recipe = Recipe(epochs=4, batch_size=16, learning_rate=0.01, patience=2)
    scores = iter([0.6, 0.2, 0.7, 0.3])
    monkeypatch.setattr(Trainer, "validate", lambda *_: {"accuracy": next(scores)})
    assert run(trainer, tmp_path) and (trainer.state.step, trainer.state.waited) == (12, 1)


@pytest.mark.parametrize("aspect", [(0.5, 0.5), (2.0, 2.0)])
def test_crops_have_the_aspect_of_the_recipe(aspect):
    """On a picture that is brighter from left to right and whose green grows downwards: what a crop spans of both."""
    ramp = (torch.arange(64) * 4).to(torch.uint8)
    picture = torch.stack([ramp.expand(64, 64), ramp[:, None].expand(64, 64), ramp.expand(64, 64)])
    given = data.Images(pixels=picture.expand(24, 3, 64, 64), labels=torch.arange(24) % 3, classes=("a", "b", "c"))
    recipe = Recipe(epochs=1, batch_size=24, learning_rate=0.0, augment="resized", least_area=0.1, aspect=aspect)
    trainer = Trainer(hatnet.create_model("hatnet_compact", 3, **SHAPE), recipe, given, statistics=([0.0] * 3, [1 / 255] * 3))
    cropped = trainer.batch(1)[0]
    width, height = ((cropped[:, axis].amax((1, 2)) - cropped[:, axis].amin((1, 2))) for axis in (0, 1))
    assert ((width / height).log() - math.log(aspect[0])).abs().median() < 0.15
