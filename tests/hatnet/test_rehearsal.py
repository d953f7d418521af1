"""Measurements on a clock that the test moves: they come to the right choice, and change nothing in what is then trained."""

import copy
import time
import warnings
from types import SimpleNamespace

import pytest
import torch

import hatnet
from hatnet import data, rehearsal
from hatnet.machine import Machine
from hatnet.recipe import Recipe
from hatnet.training import Trainer


def images(count):
    pixels = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8)
    return data.Images(pixels=pixels, labels=torch.arange(count) % 3, classes=("a", "b", "c"))


@pytest.fixture
def trainer():
    """Twelve steps in four epochs, the first with small images."""
    shape = dict(dims=(24, 24), depths=(1, 1), expansions=(2, 2), kernels=(3, 3), g1=(4,), g2=(2,), drop_path=0.5)
    recipe = Recipe(epochs=4, batch_size=16, learning_rate=0.01, ema=0.9, mixup=0.8, first_side=0.5, patience=1)
    return Trainer(hatnet.create_model("hatnet_compact", 3, **shape), recipe, images(48))


@pytest.fixture
def steps(monkeypatch):
    """Real steps that seem to take `seconds[bfloat16]`, ten times as long in the first two. Holds what each step was: precision, side."""
    taken, clock, step = SimpleNamespace(seconds={}, seen=[]), [0.0], Trainer._step

    def timed(trainer, *rest):
        bfloat16 = trainer.machine.bfloat16
        clock[0] += taken.seconds[bfloat16] * (10 if len(taken.seen) < 2 else 1)
        taken.seen.append(("bf16" if bfloat16 else "off", trainer.image_size(rest[-1])[0]))
        return step(trainer, *rest)

    monkeypatch.setattr(Trainer, "_step", timed)
    monkeypatch.setattr(rehearsal, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    return taken


def everything(trainer):
    state = trainer.state
    tensors = [*state.model.state_dict().values(), *state.kept.state_dict().values(), torch.get_rng_state()]
    return [tensor.clone() for tensor in tensors], copy.deepcopy(state.optimiser.state_dict()), state.step, list(state.losses)


def assert_untouched(trainer, before):
    tensors, *others = everything(trainer)
    assert all(map(torch.equal, tensors, before[0])) and others == list(before[1:])
    assert all(p.grad is None for p in trainer.state.model.parameters())


@pytest.mark.parametrize("off, bf16, chosen", [(1.0, 2.0, "off"), (2.0, 1.0, "bf16"), (1.0, 1.0, "off")])
def test_auto_takes_the_faster(off, bf16, chosen, trainer, steps):
    steps.seconds, before, recipe = {False: off, True: bf16}, everything(trainer), trainer.recipe
    with warnings.catch_warnings(action="error"):
        assert rehearsal.settle_precision(trainer, "auto") == {"amp": chosen, "seconds_per_step": {"off": off, "bf16": bf16}}
    assert trainer.machine == Machine(bfloat16=chosen == "bf16") and trainer.recipe is recipe
    assert steps.seen == [("off", 32), ("bf16", 32)] * 4
    assert_untouched(trainer, before)


def test_a_clear_difference_is_not_measured_again(trainer, steps):
    """13 times slower, as bfloat16 on a processor without its instructions."""
    steps.seconds = {False: 1.3, True: 17.0}
    assert rehearsal.settle_precision(trainer, "auto") == {"amp": "off", "seconds_per_step": pytest.approx({"off": 1.3, "bf16": 17.0})}
    assert steps.seen == [("off", 32), ("bf16", 32)] * 2


def test_bfloat16_warns_once_where_it_is_slower(trainer, steps):
    steps.seconds, before = {False: 1.3, True: 2.6}, everything(trainer)
    with pytest.warns(UserWarning, match=r"slower.* a step takes 2\.6 s in bfloat16 and 1\.3 s in float32; --amp auto") as said:
        settled = rehearsal.settle_precision(trainer, "bf16")
    assert len(said) == 1 and settled["amp"] == "bf16" and trainer.machine.bfloat16
    assert_untouched(trainer, before)
    steps.seconds = {False: 1.3, True: 1.3}
    with warnings.catch_warnings(action="error"):
        rehearsal.settle_precision(trainer, "bf16")


def test_nothing_is_measured_for_float32(trainer, steps):
    assert rehearsal.settle_precision(trainer, "off") == {"amp": "off", "seconds_per_step": {}}
    assert not trainer.machine.bfloat16 and steps.seen == []


def test_a_device_without_bfloat16(trainer, steps, monkeypatch):
    monkeypatch.setattr(Machine, "bfloat16_error", lambda _: "no such numbers")
    assert rehearsal.settle_precision(trainer, "auto") == {"amp": "off", "seconds_per_step": {}}
    with pytest.raises(ValueError, match=r"cpu cannot compute in bfloat16 \(no such numbers\)"):
        rehearsal.settle_precision(trainer, "bf16")
    assert steps.seen == []


def test_a_loss_that_is_not_finite(trainer):
    before = everything(trainer)
    trainer.class_weights = torch.full((3,), torch.nan)
    for measure in (rehearsal.step_seconds, lambda trainer: rehearsal.steps_within(trainer, 1, images(12))):
        with pytest.raises(ValueError, match=r"at step 0, learning rate 0\.0\d+, the loss is nan .*; lower the learning rate"):
            measure(trainer)
    assert trainer.state.step == before[2] == 0


def test_processes_agree(trainer, steps, monkeypatch):
    """This process finds bfloat16 the faster one, the mean of all processes does not."""
    steps.seconds = {False: 2.0, True: 1.0}
    monkeypatch.setattr(Machine, "mean", lambda _, value: 2 * value if value == 2 else value + 4 if value == 1 else value)
    assert rehearsal.settle_precision(trainer, "auto") == {"amp": "off", "seconds_per_step": {"off": 4.0, "bf16": 5.0}}


def test_how_many_steps_fit(trainer, steps, monkeypatch):
    """A step takes 0.5 s and a validation none: 60 steps in half a minute, and at least one in no time."""
    held_out = images(12)
    steps.seconds, before = {False: 0.5, True: 9.0}, everything(trainer)
    assert rehearsal.steps_within(trainer, 0.5, held_out) == 60
    assert rehearsal.steps_within(trainer, 1e-9, held_out) == 1
    assert {side for _, side in steps.seen} == {16, 32}
    assert_untouched(trainer, before)


def test_the_real_clock_is_read_too(trainer):
    start = time.perf_counter()
    seconds = rehearsal.step_seconds(trainer)
    assert 0 < seconds["off"] < time.perf_counter() - start and set(seconds) == {"off", "bf16"}
