"""Every mechanism against a naive loop, with the same weights."""

import pytest
import torch

import hatnet
from hatnet.mechanisms import MECHANISMS
from tests.hatnet.models import filled
from tests.hatnet.naive import hatnet as naive_hatnet
from tests.hatnet.naive import picture


@pytest.mark.parametrize("word, words", [(word, layer.layout_kinds) for word, layer in MECHANISMS.items()])
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
