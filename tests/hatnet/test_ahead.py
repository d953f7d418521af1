"""Batches made ahead of the step: the same ones, earlier."""

import threading
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from hatnet import ahead, data
from hatnet.ahead import Ahead

CPU = torch.device("cpu")


@pytest.fixture
def pictures(tmp_path):
    """Eight, decoded on demand."""
    for number in range(8):
        for name in ("cat", "dog"):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("RGB", (16, 16), (number, 100 * (name == "dog"), 0)).save(tmp_path / name / f"{number}.png")
    return data.load(f"folder:{tmp_path}", "train", 16, 0.4, unreadable=0, in_memory=0)


def test_the_same_batches_in_any_order_of_steps(pictures):
    made = Ahead(pictures, CPU)
    for step, seed in ((0, 1), (1, 1), (2, 1), (0, 1), (5, 1), (6, 2), (3, 2)):
        for ours, wanted in zip(made.batch(step, 9, 2, seed, slice(None)), pictures.batch(step, 9, 2, seed, slice(None)), strict=True):
            assert torch.equal(ours, wanted)


def test_the_next_batches_are_made_while_a_step_computes(pictures, monkeypatch):
    """And none beyond the last step."""
    batch, made, calls = data.Images.batch, Ahead(pictures, CPU), []

    def noted(images, step, *rest):
        calls.append((step, threading.current_thread() is threading.main_thread()))
        return batch(images, step, *rest)

    monkeypatch.setattr(data.Images, "batch", noted)
    made.batch(0, 4, 2, 0, slice(None))
    deadline = time.perf_counter() + 60
    while len(calls) < 1 + ahead.BATCHES and time.perf_counter() < deadline:
        time.sleep(0.01)
    assert calls == [(0, False), (1, False), (2, False)]
    for step in (1, 2, 3):
        made.batch(step, 4, 2, 0, slice(None))
    assert calls == [(step, False) for step in range(4)]


def test_a_picture_that_cannot_be_read_is_reported_at_its_step(pictures):
    number = torch.randperm(len(pictures), generator=data.generator(0, 0, 0))[4]
    Path(pictures.pixels.pictures[number]).write_bytes(b"not a picture")
    made = Ahead(pictures, CPU)
    with pytest.warns(UserWarning, match="is not used"):
        made.batch(0, 9, 2, 0, slice(None))
        made.batch(1, 9, 2, 0, slice(None))
        with pytest.raises(ValueError, match="more than 0 unreadable pictures"):
            made.batch(2, 9, 2, 0, slice(None))


def test_what_is_in_memory_is_taken_at_once(monkeypatch):
    given = data.Images(pixels=torch.arange(6 * 12).view(6, 3, 2, 2), labels=torch.arange(6), classes=())
    made = Ahead(given, CPU)
    monkeypatch.setattr(made.pool, "submit", lambda *_: pytest.fail("in a thread"))
    assert all(map(torch.equal, made.batch(1, 3, 2, 0, slice(None)), given.batch(1, 3, 2, 0, slice(None))))
