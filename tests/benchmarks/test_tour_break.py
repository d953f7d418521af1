"""The script finds what it keeps, and only where there is something to be found."""

import dataclasses

import torch

from app.core import checkpoints, tour_breaks
from app.core.samples import SAMPLES, label_of, offered
from benchmarks import tour_break
from tests.app.default_view import KNOWN


def test_what_is_kept_is_what_the_script_finds():
    assert tour_break.find(KNOWN) == tour_breaks.kept(KNOWN)


def test_without_a_photograph_of_its_classes_there_is_none():
    assert tour_break.find(dataclasses.replace(KNOWN, classes=("zebra",) * 10)) is None


def scripted(wrong):
    """A model that knows every photograph, except with the sides of which `wrong` is true."""
    labels = [label_of(SAMPLES[name], KNOWN.classes) for name in offered(cards=False)]
    right = torch.tensor([KNOWN.classes.index(label) for label in labels if label])

    def model(images, g1, g2):
        return 9.0 * torch.nn.functional.one_hot((right + wrong(g1, g2)) % 10, 10)

    return model


def test_what_the_tour_says_of_it_is_true(monkeypatch):
    """Right as trained, still right with doubled sides, wrong at an extreme; not what is wrong already when doubled."""
    trained = KNOWN.config.g1
    monkeypatch.setattr(checkpoints, "model", lambda name: scripted(lambda g1, g2: g1[0] == 1))
    found = tour_break.find(KNOWN)
    assert found is not None and (found.stage, found.g1) == (KNOWN.hierarchical[0], 1)
    for never in (lambda g1, g2: g1 != trained, lambda g1, g2: True, lambda g1, g2: False):
        monkeypatch.setattr(checkpoints, "model", lambda name, never=never: scripted(never))
        assert tour_break.find(KNOWN) is None
