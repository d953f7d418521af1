"""The blocks around the attention: the MLP in strips, and what the switches of a configuration change."""

import pytest
import torch
from torch import nn

import hatnet
from tests.hatnet.models import random_weights, short
from tests.hatnet.naive import picture


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
