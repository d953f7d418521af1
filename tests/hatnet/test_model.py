"""The model against the released model's golden values and against a naive loop, and its answer to wrong use."""

import numpy as np
import pytest
import torch

import hatnet
from tests.hatnet.models import GOLDEN, OFFICIAL, filled, random_weights
from tests.hatnet.naive import hatnet as naive_hatnet
from tests.hatnet.naive import picture, seeded

PARAMETERS = {"tiny": 12_650_152, "small": 25_738_568, "medium": 42_925_960, "large": 63_108_936}  # without the dead proj_norm
UNUSED = {"tiny": 5_760, "small": 9_216, "medium": 16_512, "large": 23_552}


@pytest.mark.parametrize("size", OFFICIAL)
def test_golden_values_of_the_released_model(size):
    model = hatnet.create_model(f"hatnet_{size}").eval()
    released = {key: seeded(key, shape) for key, shape in OFFICIAL[size]}
    hatnet.load_official_state_dict(model, released)
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS[size]
    assert sum(value.numel() for value in released.values()) == PARAMETERS[size] + UNUSED[size]
    cases = {"imagenet224": (picture(0, 224), None, None), "dense512": (picture(1, 512), (8, 8, 8), (16, 8, 4))}
    for case, (image, g1, g2) in cases.items():
        if f"{size}/{case}/logits" not in GOLDEN:
            continue
        with torch.inference_mode():
            stages = [x for x, _ in model.run(image, g1, g2)]
            torch.testing.assert_close(model(image, g1, g2)[0], torch.from_numpy(GOLDEN[f"{size}/{case}/logits"]), atol=1e-4, rtol=0)
        for stage, x in enumerate(stages, 2):
            centre = x[0, :, x.shape[2] // 2, x.shape[3] // 2]
            torch.testing.assert_close(centre, torch.from_numpy(GOLDEN[f"{size}/{case}/stage{stage}_center"]), atol=1e-4, rtol=0)


def test_compact_model_against_a_naive_loop():
    model, weights = filled("hatnet_compact", num_classes=10, depths=(1, 2, 1), dims=(12, 24, 24), head_dim=6)
    config, image = model.config, picture(5, 33, 41)
    wanted, _, _ = naive_hatnet(image[0], weights, config.depths, config.head_dim, config.g1, config.g2, config.stem_strides)
    torch.testing.assert_close(model(image)[0], wanted, atol=2e-4, rtol=0)


def test_backbone():
    for name, strides in (("hatnet_tiny", [4, 8, 16, 32]), ("hatnet_compact", [2, 4, 8])):
        model = random_weights(hatnet.create_model(name, num_classes=0))
        features = model.forward_features(picture(0, 75, 141))
        assert [info["reduction"] for info in model.feature_info] == strides
        for x, info in zip(features, model.feature_info, strict=True):
            assert x.shape == (1, info["num_chs"], -(-75 // info["reduction"]), -(-141 // info["reduction"]))
            assert hasattr(model.get_submodule(info["module"]), "blocks")
        torch.testing.assert_close(model(picture(0, 75, 141)), features[-1].mean((2, 3)), atol=1e-4, rtol=0)


def test_grids_are_arguments_of_one_call():
    model = filled("hatnet_tiny", num_classes=10)[0]
    image = picture(2, 224)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with torch.inference_mode():
        trained = model(image)
        other = model(image, g1=(4, 4, 4), g2=(4, 2, 1))
        torch.testing.assert_close(model(image, g1=[8, 7, 7], g2=[8, 4, 2]), trained, atol=0, rtol=0)
        torch.testing.assert_close(model(image), trained, atol=0, rtol=0)
    assert (trained - other).abs().max() > 1e-3
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    "images, words",
    [
        (torch.zeros(3, 64, 64), r"\[3, 64, 64\].*images\[None\]"),
        (torch.zeros(1, 1, 64, 64), "1 channels.*wanted 3"),
        (torch.zeros(1, 64, 64, 3), "64 channels.*wanted 3"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "uint8.*divide"),
        (torch.zeros(1, 3, 7, 64), "7 x 64.*at least 8"),
        (np.zeros((1, 3, 64, 64), np.float32), "ndarray"),
    ],
)
def test_wrong_images_say_what_to_do(images, words):
    model = hatnet.create_model("hatnet_compact", 10).eval()
    for call in (model, lambda x: hatnet.attention_maps(model, x)):
        with pytest.raises(ValueError, match=words):
            call(images)
    with pytest.raises(ValueError, match=r"31 x 64.*at least 32"):
        hatnet.create_model("hatnet_tiny")(torch.zeros(1, 3, 31, 64))


@pytest.mark.parametrize(
    "grids, words",
    [
        ({"g1": (8, 8)}, "3 hierarchical stages"),
        ({"g1": (8, None, 7)}, r"g1=\(8, None, 7\): each side is a whole number of tokens"),
        ({"g1": ((8, 8), 7, 7)}, "each side is a whole number"),
        ({"g2": (8, float("nan"), 2)}, "each side is a whole number"),
        ({"g2": (8, float("inf"), 2)}, "each side is a whole number"),
        ({"g2": 4}, "3 hierarchical stages"),
        ({"g1": (8, 0, 7)}, "at least 1"),
        ({"g2": (8, 2.5, 2)}, "whole number"),
    ],
)
def test_wrong_grids_say_what_to_do(grids, words):
    model = hatnet.create_model("hatnet_tiny", 10).eval()
    for call in (model, lambda x, **grids: hatnet.attention_maps(model, x, **grids)):
        with pytest.raises(ValueError, match=words):
            call(picture(0, 64), **grids)


@pytest.mark.parametrize("stages", [1, 2, 3, 4])
@pytest.mark.parametrize("plain", [0, 1])
def test_one_to_four_stages(stages, plain):
    hierarchical = stages - plain
    model = hatnet.create_model(
        "hatnet_tiny",
        num_classes=5,
        dims=(48, 96, 144, 192)[:stages],
        depths=(1,) * stages,
        expansions=(2,) * stages,
        kernels=(3,) * stages,
        g1=(4,) * hierarchical,
        g2=(2,) * hierarchical,
    ).eval()
    logits, maps = hatnet.attention_maps(model, picture(0, 48, 64))
    assert logits.shape == (1, 5)
    assert [m.stage for m in maps] == sorted([*range(2, 2 + hierarchical)] * 2 + [*range(2 + hierarchical, 2 + stages)])
