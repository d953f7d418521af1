"""The blocks around the attention: the MLP in strips, and what the switches of a configuration change."""

import pytest
import torch
from torch import nn

import hatnet
from tests.hatnet.models import random_weights, short
from tests.hatnet.naive import picture


def scaled(**more):
    """A hierarchical stage and two plain ones, with weights that are not as they begin."""
    return random_weights(hatnet.create_model("hatnet_compact", 3, depths=(1, 1, 1), g1=(4,), g2=(2,), **more))


def test_layer_scale_multiplies_each_branch():
    """Against the sum written out channel by channel, in a hierarchical and in a plain block, fused and explicit."""
    model = scaled(layer_scale=0.1).double()
    for block, grids in ((model.stages[0].blocks[0], (4, 2)), (model.stages[1].blocks[0], ())):
        x = torch.randn(2, block.mlp.reduce.out_features, 8, 8, generator=torch.Generator().manual_seed(0)).double()
        attended, half = block.attn(x, *grids), x.clone()
        for channel, factor in enumerate(block.attn_scale.weight.tolist()):
            half[:, channel] += factor * attended[:, channel]
        branch, wanted = block.mlp(half), half.clone()
        for channel, factor in enumerate(block.mlp_scale.weight.tolist()):
            wanted[:, channel] += factor * branch[:, channel]
        for explicit in (False, True):
            torch.testing.assert_close(block(x, *grids, explicit=explicit), wanted, atol=1e-10, rtol=0)


def test_layer_scale_begins_with_its_value_and_leaves_nothing_behind_where_it_is_off():
    plain, with_ones, tenth = (hatnet.create_model("hatnet_compact", 3, layer_scale=start) for start in (0.0, 1.0, 0.1))
    factors = {key: value for key, value in tenth.state_dict().items() if key not in plain.state_dict()}
    assert len(factors) == 2 * 8 and set(factors) <= tenth.no_weight_decay()
    assert all(key.endswith("_scale.weight") and torch.equal(value, torch.full_like(value, 0.1)) for key, value in factors.items())
    assert sum(value.numel() for value in factors.values()) == 2 * (2 * 48 + 4 * 96 + 2 * 192)
    with_ones.load_state_dict(plain.state_dict(), strict=False)
    with torch.inference_mode():
        assert torch.equal(plain.eval()(picture(0, 32)), with_ones.eval()(picture(0, 32)))
    counts = [hatnet.complexity.count(model, (32, 32)) for model in (plain, tenth)]
    assert counts[0] == counts[1], "its products are not counted"


def test_what_reads_a_block_reads_one_with_layer_scale(tmp_path):
    """A checkpoint, the maps and the equations; the authors' weights have no factors, and the error says so."""
    model, image = scaled(layer_scale=0.1), picture(0, 32)
    info = {"classes": ["a", "b", "c"], "mean": [0.5] * 3, "std": [0.2] * 3, "image_size": 32, "data": "noise", "accuracy": 0.5}
    hatnet.save_checkpoint(model, tmp_path / "scaled.safetensors", info)
    again = hatnet.load_checkpoint(tmp_path / "scaled.safetensors")
    assert again.config.layer_scale == 0.1 and torch.equal(again(image), model(image))
    logits, _ = hatnet.attention_maps(model, image)
    torch.testing.assert_close(logits, model(image), atol=1e-5, rtol=0)
    block, x, *sides = hatnet.block_input(model, image, stage=2, block=0)
    out = next(equation for equation in hatnet.trace_equations(block, x, *sides) if equation.number == 14).tensors["out"]
    torch.testing.assert_close(out, block.attn(x, *sides), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match=r"missing stages\.0\.blocks\.0\.attn_scale\.weight"):
        hatnet.load_official_state_dict(model, scaled().state_dict())


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


@pytest.mark.parametrize("name", ["hatnet_tiny", "hatnet_medium", "hatnet_cards"])  # kernels of 3 and 5, and none
def test_strips_at_inference_give_what_the_whole_map_gives(name, monkeypatch):
    model, images = short(name).double(), picture(0, 107, 90, batch=2).double()
    whole = model(images).detach()  # with gradients, the hidden channels of the whole map are kept
    monkeypatch.setattr(hatnet.blocks, "STRIP", 1)
    with torch.inference_mode():
        torch.testing.assert_close(model(images), whole, atol=1e-10, rtol=0)


@pytest.mark.parametrize("h, w", [(1, 9), (2, 9), (7, 9), (8, 1), (9, 40), (16, 3), (17, 9)])
@pytest.mark.parametrize(
    "change", [{}, {"kernel_size": 5, "padding": 2}, {"dilation": 2, "padding": 2}, {"bias": True}, {"padding": "same"}]
)
@pytest.mark.parametrize("rows", [1, 3, 4, 8])
def test_strips_of_any_height_and_another_depthwise_convolution(h, w, change, rows, monkeypatch):
    mlp = hatnet.blocks.MLP(hatnet.VARIANTS["hatnet_compact"], 0).double()
    mlp.depthwise = nn.Conv2d(192, 192, **{"kernel_size": 3, "padding": 1, "bias": False} | change, groups=192).double()
    x = torch.randn(2, 48, h, w, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole = mlp(x).detach()
    monkeypatch.setattr(hatnet.blocks, "STRIP", 8 * 192 * w * rows)
    with torch.no_grad():
        torch.testing.assert_close(mlp(x), whole, atol=1e-12, rtol=0)


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
