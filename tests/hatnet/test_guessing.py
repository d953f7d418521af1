"""Guessing by the classes' frequencies, against answers found by search and by hand; and what a run says of itself."""

import json
import math

import pytest
import torch
import torch.nn.functional as F

import hatnet
from hatnet import cards, data, guessing, training
from hatnet.machine import CPU
from hatnet.recipe import Recipe, auto_learning_rate
from hatnet.run import Run
from hatnet.tasks import Classify
from hatnet.training import Trainer, class_weights


def images(labels, classes="abc", **more):
    labels = torch.as_tensor(labels)
    return data.Images(pixels=torch.zeros(len(labels), 3, 32, 32, dtype=torch.uint8), labels=labels, classes=tuple(classes), **more)


def recipe(**fields):
    return Recipe(**{"epochs": 1, "batch_size": 2, "learning_rate": 0.0, "label_smoothing": 0.0} | fields)


def guess(how, given):
    return guessing.guessing_loss(how, given, class_weights(how, given, CPU.device))


def test_the_entropy_of_the_frequencies():
    assert guess(recipe(), images([0, 0, 0, 1])) == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert guess(recipe(), images([0, 1, 2, 2, 1, 0])) == pytest.approx(math.log(3))
    assert guess(recipe(class_weights="balanced"), images([0] * 8 + [1])) == pytest.approx(math.log(2)), "both classes weigh as much"


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("balanced", ["none", "balanced"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_no_constant_answer_costs_less(smoothing, balanced, mixed):
    """Searched for with the trainer's own cross entropy, over all images; mixed: each with each other one, in some proportion."""
    labels, how = torch.tensor([0] * 6 + [1] * 3 + [2]), recipe(label_smoothing=smoothing, class_weights=balanced)
    given = images(labels)
    weights, targets = class_weights(how, given, CPU.device), labels
    if mixed:
        one, other = torch.cartesian_prod(labels, labels).T
        targets = 0.3 * F.one_hot(one, 3).double() + 0.7 * F.one_hot(other, 3).double()
    answer = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([answer], max_iter=200, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe")

    def cost():
        search.zero_grad()
        factors = None if weights is None else weights.double()
        logits = answer.expand(len(targets), 3)
        loss = F.cross_entropy(logits, targets, factors, reduction="none", label_smoothing=smoothing).mean()
        loss.backward()
        return loss

    search.step(cost)
    assert guess(how, given) == pytest.approx(cost().item(), rel=1e-6)


def test_cards_and_images_of_cards():
    """Whoever answers a quarter for each pattern pays log 4, asker and cards together. A fixed set is nearly as even."""
    drawn = cards.images(300, seed=0)
    even = F.cross_entropy(torch.zeros(300, 4, 4, 4), drawn.labels, reduction="none", ignore_index=data.IGNORED)
    wanted = (even * drawn.weights).sum().item() / 300
    assert guess(recipe(), cards.Cards()) == pytest.approx(wanted, rel=1e-4) == pytest.approx(math.log(4), rel=1e-4)
    assert guess(recipe(), drawn) == pytest.approx(wanted, abs=0.02)
    few = images([[[0, 0], [1, data.IGNORED]]], weights=torch.tensor([[[0.25, 0.25], [0.5, 0.0]]]))
    assert guess(recipe(), few) == pytest.approx(math.log(2)), "labels count as they do in the loss"
    assert guess(recipe(label_smoothing=0.1), images([0, 1, 2, data.IGNORED])) == pytest.approx(0.75 * math.log(3)), (
        "no label costs nothing"
    )


@pytest.mark.parametrize(
    "warm_up, steps, wanted",
    [(0.05, 100_000, 5050), (0.0, 100_000, 5000), (0.05, 1000, 200), (0.3, 1000, 350), (1 / 7, 700, 200), (0.05, 60, 200)],
)
def test_when_a_run_is_looked_at(warm_up, steps, wanted):
    assert guessing.first_look(recipe(warm_up=warm_up), steps) == wanted


def test_two_standard_errors_and_a_thousandth():
    """Of 50 losses, 25 on either side of 2 by 0.1: twice 0.1 sqrt(50 / 49) / sqrt(50) are 0.02857, and 2.02857 / 0.999 is 2.0306."""
    losses = [1.9, 2.1] * 25
    assert guessing.is_guessing(losses, 2.0) and guessing.is_guessing(losses, 1.0)
    assert guessing.is_guessing(losses, 2.0305) and not guessing.is_guessing(losses, 2.0307)


@pytest.mark.parametrize(
    "fields, shape, wanted",
    [
        ({"learning_rate": 1.5e-3}, {}, ["--learning-rate 0.0005 (it is 0.0015)", "--warm-up 0.15 (it is 0.05)", "layer_scale", "--init"]),
        ({"learning_rate": 1e-6, "warm_up": 0.3}, {"layer_scale": 0.1}, ["--learning-rate 0.0005 (it is 1e-06)", "--init"]),
    ],
)
def test_advice(fields, shape, wanted):
    """A lower rate; a higher one for a run that hardly moves. What the run has already is not advised."""
    said = guessing.advice(recipe(**fields), hatnet.config.configuration("hatnet_tiny", **shape), 256)
    assert all(words in said for words in wanted)
    assert ("--warm-up" in said, "layer_scale" in said) == ("--warm-up" in " ".join(wanted), "layer_scale" in wanted)


SHAPE = dict(dims=(24, 24), depths=(1, 1), expansions=(2, 2), kernels=(3, 3), g1=(4,), g2=(2,))


def trainer_of(rate, monkeypatch):
    """Twelve steps in four epochs, each with a line, and looked at from the ninth step on. The class is the picture's brightness."""
    for module in (guessing, training):
        monkeypatch.setattr(module, "WINDOW", 3)
    monkeypatch.setattr(guessing, "EARLIEST", 9)
    torch.manual_seed(0)
    labels = torch.arange(24) % 3
    pixels = ((100 * labels)[:, None, None, None] + torch.randint(0, 50, (24, 3, 8, 8))).to(torch.uint8)
    given = data.Images(pixels=pixels, labels=labels, classes=("a", "b", "c"))
    how = Recipe(epochs=4, batch_size=8, learning_rate=rate, label_smoothing=0.0, augment="none")
    trainer = Trainer(hatnet.create_model("hatnet_compact", 3, **SHAPE), how, given)
    if not rate:
        torch.nn.init.zeros_(trainer.state.model.classifier.weight)  # the same answer to all
    return trainer


def run(trainer, folder):
    """Train. Returns the lines of metrics.jsonl."""
    header = {"classes": ["a", "b", "c"], "mean": trainer.mean, "std": trainer.std, "image_size": 8, "data": "shades"}
    trainer.train(12, trainer.data, Run(folder, header))
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_that_learns_nothing_says_so_once(tmp_path, monkeypatch, capsys):
    """All logits are 0, so every loss is log 3, which guessing gives too. Its lines are at the steps 3, 6, 9, 12."""
    lines = run(trainer_of(0.0, monkeypatch), tmp_path)
    assert [line["step"] for line in lines if "warning" in line] == [9] and lines[2]["guessing"] == pytest.approx(math.log(3))
    said = [line for line in capsys.readouterr().err.splitlines() if "guessing" in line]
    assert said == [lines[2]["warning"]]
    assert said[0].startswith("step 9 of 12: nothing is learned yet; the mean loss of the last 3 steps is 1.099, and guessing")
    assert (
        f"gives 1.099. Some runs are slow at first; if this goes on, begin again with --learning-rate {auto_learning_rate(8):.1g}"
        in said[0]
    )


def test_a_run_that_learns_says_nothing(tmp_path, monkeypatch, capsys):
    lines = run(trainer_of(0.01, monkeypatch), tmp_path)
    assert lines[2]["loss"] < 0.9 and not any("warning" in line for line in lines)
    assert "guessing" not in capsys.readouterr().err


def test_a_run_that_forgets_all_says_so_later(tmp_path, monkeypatch):
    """It has learned something by its first look, and sees nothing after that."""
    trainer = trainer_of(0.01, monkeypatch)
    loss = Classify.loss

    def blind(self, forward, part, *rest):
        found = loss(self, forward, part, *rest)
        return found if trainer.state.step < 9 else found * 0 + len(part[0]) * math.log(3)

    monkeypatch.setattr(Classify, "loss", blind)
    assert [line["step"] for line in run(trainer, tmp_path) if "warning" in line] == [12]


@pytest.mark.parametrize("stopped", [7, 10])
def test_an_interrupted_run_says_it_as_often(stopped, tmp_path, monkeypatch, capsys):
    """Killed before its warning or after it, and resumed from its last saved state, of step 6 or 9."""
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    wanted = run(trainer_of(0.0, monkeypatch), tmp_path / "whole")
    batch = data.Images.batch

    def killing(images, step, *rest):
        if step == stopped:
            raise KeyboardInterrupt
        return batch(images, step, *rest)

    monkeypatch.setattr(data.Images, "batch", killing)
    with pytest.raises(KeyboardInterrupt):
        run(trainer_of(0.0, monkeypatch), tmp_path / "killed")
    monkeypatch.setattr(data.Images, "batch", batch)
    again = trainer_of(0.0, monkeypatch)
    again.state.load(tmp_path / "killed" / "state.pt")
    assert again.state.step == stopped // 3 * 3
    lines = run(again, tmp_path / "killed")
    assert [(line["step"], line.get("warning")) for line in lines] == [(line["step"], line.get("warning")) for line in wanted]
    assert capsys.readouterr().err.count("nothing is learned yet") == 2


def test_a_run_of_an_earlier_version_is_looked_at_once_it_has_enough_losses(monkeypatch):
    """Its state kept no losses but those since the last line."""
    trainer = trainer_of(0.0, monkeypatch)
    trainer.state.step, trainer.state.losses = 10, [2.0]
    assert trainer._warning(12) == {}
    trainer.state.step, trainer.state.losses = 12, [2.0, 2.0]
    assert "is 2.000, and guessing" in trainer._warning(12)["warning"]
