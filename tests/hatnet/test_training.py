"""The trainer by itself: it keeps the best, stops before harm, and its measurements change nothing."""

import copy
import math

import pytest
import torch

import hatnet
from hatnet import data
from hatnet.recipe import Recipe
from hatnet.run import Run, State
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


def test_measuring_how_many_steps_fit_changes_nothing(trainer):
    before, recipe = copy.deepcopy(weights(trainer.state.model)), trainer.recipe
    assert trainer.steps_within(0.5, images(12)) > 12
    assert trainer.steps_within(1e-9, images(12)) == 1
    assert trainer.state.step == 0 and not trainer.state.optimiser.state and trainer.recipe is recipe
    assert all(map(torch.equal, weights(trainer.state.model), before))


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
