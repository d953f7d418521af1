"""The model against the released model's golden values, against a naive loop, and against wrong use."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import hatnet
from hatnet.attention import Layout, merge, partition
from hatnet.checkpoints import official_key
from hatnet.config import REACHES
from tests.hatnet.naive import hatnet as naive_hatnet
from tests.hatnet.naive import picture, seeded

DATA = Path(__file__).parent / "data"
GOLDEN = np.load(DATA / "golden.npz")
OFFICIAL = json.loads((DATA / "official_state_dict.json").read_text())
PARAMETERS = {"tiny": 12_650_152, "small": 25_738_568, "medium": 42_925_960, "large": 63_108_936}  # without the dead proj_norm
UNUSED = {"tiny": 5_760, "small": 9_216, "medium": 16_512, "large": 23_552}


def filled(name, **overrides):
    """A model whose weights follow the reference's rule, and the same weights under the authors' names."""
    model = hatnet.create_model(name, **overrides).eval()
    weights = {}
    for key, value in model.state_dict().items():
        official = official_key(key)
        pointwise = value.ndim == 2 and not official.startswith("classifier")
        weights[official] = seeded(official, (*value.shape, 1, 1) if pointwise else value.shape)
    hatnet.load_official_state_dict(model, weights)
    return model, weights


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


@pytest.mark.parametrize(
    "height, width, g1, g2",
    [
        (32, 32, (8, 7, 7), (8, 4, 2)),  # every map is smaller than some grid
        (61, 47, (5, 3, 2), (3, 2, 3)),  # nothing divides anything
        (40, 100, (4, 99, 1), (4, 1, 99)),  # one window, one cell
    ],
)
def test_logits_and_maps_against_a_naive_loop(height, width, g1, g2):
    model, weights = filled("hatnet_tiny", num_classes=7, depths=(1, 1, 1, 1), dims=(12, 24, 36, 48), head_dim=12)
    model, weights = model.double(), {key: value.double() for key, value in weights.items()}
    images = picture(3, height, width, batch=2).double()
    with torch.inference_mode():
        logits, maps = hatnet.attention_maps(model, images, g1=g1, g2=g2)
        fused = model(images, g1=g1, g2=g2)
        for image in range(2):
            wanted, wanted_maps, _ = naive_hatnet(images[image], weights, (1, 1, 1, 1), 12, g1, g2)
            torch.testing.assert_close(logits[image], wanted, atol=1e-10, rtol=0)
            torch.testing.assert_close(fused[image], wanted, atol=1e-10, rtol=0)
            found = {}
            for m in maps:
                for y in range(m.query_grid[0]):
                    for x in range(m.query_grid[1]):
                        found[m.stage, m.block, m.kind, y, x] = m.row(y, x, image)
            assert found.keys() == wanted_maps.keys()
            for key, row in found.items():
                torch.testing.assert_close(row, wanted_maps[key], atol=1e-10, rtol=0, msg=str(key))


def test_compact_model_against_a_naive_loop():
    model, weights = filled("hatnet_compact", num_classes=10, depths=(1, 2, 1), dims=(12, 24, 24), head_dim=6)
    config, image = model.config, picture(5, 33, 41)
    wanted, _, _ = naive_hatnet(image[0], weights, config.depths, config.head_dim, config.g1, config.g2, config.stem_strides)
    torch.testing.assert_close(model(image)[0], wanted, atol=2e-4, rtol=0)


@pytest.mark.parametrize("word, words", REACHES.items())
def test_every_mechanism_against_a_naive_loop(word, words):
    shape = {"num_classes": 7, "depths": (1, 1, 1, 1), "dims": (12, 24, 36, 48), "head_dim": 12}
    model, weights = filled("hatnet_tiny", attention=word, **shape)
    other = hatnet.create_model("hatnet_tiny", **shape)
    assert {key: v.shape for key, v in model.state_dict().items()} == {key: v.shape for key, v in other.state_dict().items()}
    model, weights = model.double(), {key: value.double() for key, value in weights.items()}
    image, g1, g2 = picture(3, 61, 47).double(), (5, 3, 2), (3, 2, 3)
    with torch.inference_mode():
        logits, maps = hatnet.attention_maps(model, image, g1=g1, g2=g2)
        _, asked = hatnet.attention_maps(model, image, g1=g1, g2=g2, queries=[(0.99, 0.4)])
        wanted, wanted_maps, _ = naive_hatnet(image[0], weights, (1, 1, 1, 1), 12, g1, g2, words=words)
    torch.testing.assert_close(logits[0], wanted, atol=1e-10, rtol=0)
    for m, one in zip(maps, asked, strict=True):
        for y in range(m.query_grid[0]):
            for x in range(m.query_grid[1]):
                torch.testing.assert_close(m.row(y, x), wanted_maps[m.stage, m.block, m.kind, y, x], atol=1e-10, rtol=0)
        token = hatnet.token_at((0.99, 0.4), m.query_grid)
        torch.testing.assert_close(one.row(*token), m.row(*token), atol=1e-10, rtol=0)


def test_a_mechanism_for_each_stage():
    words = ("hierarchical", "shifted_window", "full")
    assert hatnet.create_model("hatnet_tiny", attention=words).config.attention == words
    with pytest.raises(ValueError, match=r"'windows' \(did you mean 'window'\?\).*hierarchical.*full"):
        hatnet.create_model("hatnet_tiny", attention="windows")
    with pytest.raises(ValueError, match="attention has 2 entries"):
        hatnet.create_model("hatnet_tiny", attention=("full", "full"))


def test_cards_network_lets_nothing_but_attention_move_anything():
    """With per-token norms, a patch stem and windows, a cell's logits depend on its own pixels alone: the others' change is exactly 0."""
    model = random_weights(hatnet.create_model("hatnet_cards", 4, attention="window"))
    image, other = picture(0, 48), picture(1, 48)
    other[..., 12:24, 24:36] = image[..., 12:24, 24:36]
    with torch.inference_mode():
        mine, changed = model(image), model(other)
    assert mine.shape == (1, 4, 4, 4)
    assert torch.equal(mine[0, :, 1, 2], changed[0, :, 1, 2])
    assert not torch.isclose(mine, changed).all(dim=1)[0].sum() > 1
    hierarchical = random_weights(hatnet.create_model("hatnet_cards", 4))
    with torch.inference_mode():
        assert (hierarchical(image)[0, :, 1, 2] - hierarchical(other)[0, :, 1, 2]).abs().max() > 1e-3


def random_weights(model):
    model.load_state_dict({key: seeded(key, value.shape) for key, value in model.state_dict().items()})
    return model.eval()


@pytest.mark.parametrize("change", [{}, {"depthwise": False}, {"activation": "gelu"}, {"norm": "layer"}, {"stem": "patch"}, {"readout": 2}])
def test_switches_change_the_result_and_the_parameters_as_they_should(change):
    plain = random_weights(hatnet.create_model("hatnet_compact", 10))
    changed = random_weights(hatnet.create_model("hatnet_compact", 10, **change))
    image = picture(0, 40)
    with torch.inference_mode():
        same = changed(image).shape == (1, 10) and torch.allclose(changed(image), plain(image), atol=1e-4)
    assert same == (not change)
    missing = plain.state_dict().keys() - changed.state_dict().keys()
    assert all("depthwise" in key for key in missing) or "stem" in change
    assert bool(missing) == bool({"depthwise", "stem"} & change.keys())


def test_backbone():
    for name, strides in (("hatnet_tiny", [4, 8, 16, 32]), ("hatnet_compact", [2, 4, 8])):
        model = random_weights(hatnet.create_model(name, num_classes=0))
        features = model.forward_features(picture(0, 75, 141))
        assert [info["reduction"] for info in model.feature_info] == strides
        for x, info in zip(features, model.feature_info, strict=True):
            assert x.shape == (1, info["num_chs"], -(-75 // info["reduction"]), -(-141 // info["reduction"]))
            assert hasattr(model.get_submodule(info["module"]), "blocks")
        torch.testing.assert_close(model(picture(0, 75, 141)), features[-1].mean((2, 3)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", hatnet.VARIANTS)
def test_every_variant_runs_on_odd_sizes_and_explicit_equals_fused(name):
    model = random_weights(hatnet.create_model(name, 11)).double()
    for height, width in ((32, 32), (97, 65)):
        image = picture(7, height, width).double()
        with torch.inference_mode():
            torch.testing.assert_close(model(image), model(image, explicit=True), atol=1e-10, rtol=0)


def test_both_paths_give_the_same_logits_and_gradients():
    model = filled("hatnet_tiny", num_classes=10)[0]
    image = picture(9, 70, 90)

    def run(path):
        model.zero_grad()
        logits = path()
        logits.square().sum().backward()
        return logits.detach(), {key: p.grad.clone() for key, p in model.named_parameters()}

    fused, wanted = run(lambda: model(image))
    for path in (
        lambda: hatnet.attention_maps(model, image)[0],
        lambda: hatnet.attention_maps(model, image, queries=[(0.3, 0.7)])[0],
        lambda: model(image, explicit=True),
    ):
        logits, gradients = run(path)
        torch.testing.assert_close(logits, fused, atol=1e-5, rtol=0)
        for key, gradient in gradients.items():
            torch.testing.assert_close(gradient, wanted[key], atol=2e-5 * max(1, wanted[key].abs().max().item()), rtol=0, msg=key)


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


def test_a_window_beyond_the_map_is_one_window():
    model = filled("hatnet_tiny", num_classes=10)[0]
    image = picture(2, 64, 96)
    with torch.inference_mode():
        torch.testing.assert_close(model(image, g1=(24, 12, 6)), model(image, g1=(1000, 12, 77)), atol=1e-5, rtol=0)


def test_one_token_disturbs_only_its_own_window():
    """Neighbours share a window: a dilated grid, (i gh) for (gh i), passes every check of shapes but not this one."""
    where = partition(torch.arange(48.0).reshape(1, 1, 6, 8), Layout(3, 4, 0, 0, 1))
    assert where[0, :, 0].tolist() == [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19]
    x = picture(1, 7, 9)
    for layout in (Layout(3, 4, 0, 0, 1), Layout(3, 4, 1, 2, 1), Layout(7, 9, 0, 0, 1)):
        torch.testing.assert_close(merge(partition(x, layout), layout, 7, 9), x, atol=0, rtol=0)


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


def test_unknown_names_and_overrides_name_the_valid_ones():
    with pytest.raises(ValueError, match=r"hatnet_tinny.*did you mean 'hatnet_tiny'.*hatnet_large"):
        hatnet.create_model("hatnet_tinny")
    with pytest.raises(ValueError, match=r"dropuot.*did you mean 'dropout'.*head_dim"):
        hatnet.create_model("hatnet_tiny", dropuot=0.1)


@pytest.mark.parametrize(
    "overrides, words",
    [
        ({"dims": ()}, "1 to 4"),
        ({"dims": (48,) * 5, "depths": (1,) * 5, "expansions": (4,) * 5, "kernels": (3,) * 5}, "1 to 4"),
        ({"depths": (1, 1)}, "depths has 2"),
        ({"g1": (8, 7)}, "g1 has 2 and g2 3"),
        ({"head_dim": 36}, "head_dim=36"),
        ({"kernels": (3, 4, 3, 3)}, "odd"),
        ({"g2": (0, 4, 2)}, "whole number"),
    ],
)
def test_contradicting_configurations(overrides, words):
    with pytest.raises(ValueError, match=words):
        hatnet.create_model("hatnet_tiny", **overrides)


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


@pytest.mark.parametrize("name", ["hatnet_tiny", "hatnet_medium", "hatnet_cards"])  # kernels of 3 and 5, and none
def test_strips_at_inference_give_what_the_whole_map_gives(name, monkeypatch):
    model, images = random_weights(hatnet.create_model(name, 10)).double(), picture(0, 107, 90, batch=2).double()
    whole = model(images).detach()  # with gradients, the hidden channels of the whole map are kept
    monkeypatch.setattr(hatnet.blocks, "STRIP", 1)
    with torch.inference_mode():
        torch.testing.assert_close(model(images), whole, atol=1e-10, rtol=0)
