"""Attention and answers of the cached models, against hatnet called directly."""

import contextlib
import os
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

import hatnet
import hatnet.preprocessing
from app.core import checkpoints, inference, pictures
from app.core.samples import SAMPLES, offered
from app.core.view import default
from app.views.explorer.seam import nearest_seam
from hatnet.cards import images
from hatnet.data import IGNORED


def test_cards_are_asked_cell_by_cell():
    """Probabilities and what is right, against the model called directly on the drawn picture."""
    known = checkpoints.describe("cards")
    model = hatnet.load_checkpoint("cards")
    for key in offered(cards=True):
        drawn = images(1, SAMPLES[key].seed)
        picture = pictures.sample(key)
        pixels = pictures.model_input(picture, 48)
        np.testing.assert_array_equal(pixels, drawn.pixels[0].permute(1, 2, 0).numpy())  # not a pixel is resampled
        with torch.inference_mode():
            scaled = (drawn.pixels.float() / 255 - 0.35) / 0.25
            wanted = model(scaled)[0].softmax(0)
        for y in range(4):
            for x in range(4):
                place = (y + 0.5) / 4, (x + 0.5) / 4
                seen = inference.attention(picture, known, replace(default(known), place=place))
                np.testing.assert_allclose(seen.probabilities, wanted[:, y, x], atol=1e-5)
                question, label = pictures.cell_question(picture, known, place), int(drawn.labels[0, y, x])
                assert question.right == (None if label == IGNORED else known.classes[label])
                assert question.about_marked == ((y, x) == (0, 0))
        # The asker's global attention peaks on the marked card.
        view = replace(default(known), image=key, place=SAMPLES[key].place)
        far = inference.attention(picture, known, view).weights(view, "global")
        assert np.unravel_index(far.argmax(), far.shape) == question.marked


def test_swin_s_shift_at_the_seam_is_the_library_s():
    """The same weights, run by hatnet with Swin's reach."""
    import torch

    known, picture = checkpoints.describe("cifar10"), pictures.sample("cow")
    view = default(known)
    pair = nearest_seam(hatnet.token_at(view.place, (16, 16)), (16, 16), (4, 4))
    place = hatnet.place_of(pair.here, (16, 16))
    here = replace(view, place=place)
    found = inference.other_mechanism(picture, known, "shifted_window", view.g1, view.g2, place)
    own = hatnet.load_checkpoint("cifar10")
    swin = hatnet.create_model(
        "hatnet_compact",
        num_classes=10,
        **{name: getattr(own.config, name) for name in ("stem_strides", "init_std", "dropout")},
        attention="shifted_window",
    )
    swin.load_state_dict(own.state_dict())
    pixels = pictures.model_input(picture, 32)
    images = hatnet.preprocessing.normalise(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None], list(known.mean), list(known.std))
    _, maps = hatnet.attention_maps(swin.eval(), images)
    record = next(m for m in maps if (m.stage, m.block + 1, m.kind) == (2, 2, "global"))
    top, left, _, _ = record.window(*pair.here)
    expected = record.row(*pair.here).mean(0)[pair.there[0] - top, pair.there[1] - left]
    assert found.token_weight(here, "global", pair.there) == pytest.approx(float(expected), abs=1e-6)
    assert found.token_weight(here, "local", pair.there) == 0


def test_the_model_is_given_what_transform_gives():
    known, preprocess = checkpoints.describe("objects224"), hatnet.transform(hatnet.checkpoint_info("objects224"))
    for key in offered(cards=False):
        images = inference.normalised(known, pictures.model_input(pictures.sample(key), known.image_size))
        assert torch.equal(images[0], preprocess(pictures.FOLDER / f"{key}.jpg"))


@pytest.mark.parametrize("all_hops", [inference.ALL_HOPS, 0])
def test_two_hops_are_the_library_s_whoever_asked_before(monkeypatch, all_hops):
    """Followed from all tokens at once or from those asked for, and kept: another token or block never gets the last one's map."""
    monkeypatch.setattr(inference, "ALL_HOPS", all_hops)
    known, picture = checkpoints.describe("cifar10"), pictures.sample("koala")
    view = replace(default(known), stage=3, g1=(5, 3), g2=(3, 3))
    attention = inference.attention(picture, known, view)
    for block, tokens in ((1, [(0, 0)]), (1, [(7, 2), (1, 1)]), (2, [(7, 2)]), (1, [(7, 2)]), (2, None)):
        at = replace(view, block=block)
        expected = hatnet.rollout.two_hop(attention.map(at, "local"), attention.map(at, "global"), tokens).numpy()
        np.testing.assert_allclose(attention.two_hops(at, tokens), expected, atol=1e-7)


@pytest.mark.parametrize(("environment", "threads"), [({}, [4]), ({"OMP_NUM_THREADS": "1"}, [])])
def test_torch_uses_four_cores_unless_the_environment_says_how_many(environment, threads, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "environ", environment)
    inference.use_cores()
    assert asked == threads


def test_a_pass_alone_has_all_threads_and_those_beside_others_share_them():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        slots, found = inference.ForwardSlots(), []

        def another():
            with slots:
                found.append(torch.get_num_threads())

        with slots:
            found.append(torch.get_num_threads())
            beside = threading.Thread(target=another)
            beside.start()
            beside.join()
            assert torch.get_num_threads() == 4, "a pass that has begun keeps its own"
        with slots:
            found.append(torch.get_num_threads())
        assert found == [4, 2, 4] and torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_two_passes_run_at_a_time_and_a_failed_one_leaves_its_slot():
    slots, inside, most = inference.ForwardSlots(), [], []

    def one(fails):
        with contextlib.suppress(ZeroDivisionError), slots:
            inside.append(None)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()
            1 / (not fails)

    threads = [threading.Thread(target=one, args=(number % 2,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(most) == 8 and max(most) == 2
