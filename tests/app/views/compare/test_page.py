"""Compare through AppTest."""

import base64

import numpy as np
import pytest
import torch

import hatnet
from app.core import checkpoints, inference, pictures
from app.core.view import default
from hatnet.reach import mechanism_maps
from hatnet.rollout import through_layers
from tests.app.pages import components, opened, quantities, text, words


def five(at):
    """What the component gets."""
    (found,) = [data for data in components(at) if "mechanisms" in data]
    return found


def levels(one):
    return [np.frombuffer(base64.b64decode(packed), np.uint8) for packed in one["levels"]]


def test_the_maps_are_those_of_the_block_and_the_frames_hold_what_they_read():
    at = opened("compare")
    shown, view = five(at), default(checkpoints.describe("cifar10"))
    h, w = shown["grid"]
    checkpoint, picture = checkpoints.describe("cifar10"), pictures.sample(view.image)
    images = inference.normalised(checkpoint, pictures.model_input(picture, 32))
    with torch.inference_mode():
        layers = mechanism_maps(checkpoints.model("cifar10"), images, "shifted_window", 2, view.block_index)
        wanted = [through_layers(layers[:n], [tuple(shown["token"])])[0].numpy().ravel() for n in (1, 2)]
    swin = shown["mechanisms"][2]
    assert swin["name"] == "Swin"
    for packed, share in zip(levels(swin), wanted, strict=True):
        np.testing.assert_array_equal(packed, np.ceil(255 * np.clip(share * h * w / 3, 0, 1)))
    for one in shown["mechanisms"]:
        numbers = np.maximum.outer(one["rows"], one["columns"])
        numbers[np.array(one["rows"]) == 0] = numbers[:, np.array(one["columns"]) == 0] = 99
        for layer, packed in enumerate(levels(one), 1):
            assert ((packed > 0) == (numbers.ravel() <= layer)).all(), (one["name"], layer)


def test_the_lead_and_the_numbers_are_the_token_s():
    at = opened("compare")
    assert "all 256 tokens after one layer" in words(at) and "never sees more than the 16 tokens of its own" in words(at)
    facts = {one["name"]: dict(one["facts"]) for one in five(at)["mechanisms"]}
    assert [facts[name]["Layers to the whole map"] for name in ("Plain MHSA", "Windows", "PVT", "H‑MHSA")] == ["1", "never", "1", "1"]
    assert int(facts["Swin"]["Layers to the whole map"]) > 2
    macs = quantities(opened("cost"))["macs"]
    assert f">{macs}<" in facts["H‑MHSA"]["MACs of one layer"].replace("\u00a0", " ")


def test_weights_trained_for_each_where_they_are_shipped():
    shown = five(opened("compare", checkpoint="cards", weights="own"))["mechanisms"]
    missing = {one["name"] for one in shown if one["levels"] is None}
    assert missing == {"Plain MHSA", "Swin"} and all("train_small.py" in one["why"] for one in shown if one["levels"] is None)
    at = opened("compare", checkpoint="objects224", stage="4", weights="own")
    assert "none was trained with other mechanisms" in words(at) and "weights" not in at.query_params


def test_a_link_restores_the_second_token():
    at = opened("compare", pair="0.0313,0.9688")
    assert five(at)["pair"] == [0, 15] and at.query_params["pair"] == "0.0313,0.9688"
    assert five(opened("compare"))["pair"] != five(opened("compare"))["token"]


@pytest.mark.parametrize("step", ["local", "global"])
def test_a_step_is_knocked_out_of_this_picture(step):
    at = opened("compare", checkpoint="cards", token="0.1250,0.1250")
    at.button_group(key="knocked_out").set_value(step).run()
    found = text(at)
    assert f'without the <span class="{step}">{step} step</span>' in found
    picture = pictures.sample(default(checkpoints.describe("cards")).image)
    asked = int((picture.answers >= 0).sum())
    assert f"Of the picture’s {asked} questions, {asked} were right, and" in found
    assert f"and {asked} are now" not in found


def test_the_cards_experiment_is_what_was_measured():
    found = words(opened("compare"))
    assert "Five small models were trained alike, with 700 steps and 3 seeds" in found and "Points at the card" in found


def test_other_mechanisms_stages_and_a_plain_stage():
    assert [one["levels"] is None for one in five(opened("compare", checkpoint="cifar10-window"))["mechanisms"]] == [False] * 5
    assert "Stage 4 uses plain attention" in words(opened("compare", stage="4"))
    assert hatnet.reach.LAYERS.keys() == {"full", "window", "shifted_window", "pooled", "hierarchical"}
