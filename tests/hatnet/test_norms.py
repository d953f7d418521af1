"""The norms, against the arithmetic written out, and each way of computing them against the other."""

import numpy as np
import pytest
import torch

from hatnet import create_model
from hatnet.norms import TokenNorm, group_norm, over_rows

SHAPES = [(2, 48, 7, 5), (1, 16, 1, 1), (3, 8, 12, 12)]


def random(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 3 + 1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("channels_last", [True, False])
def test_both_ways_of_normalising_an_image_are_the_formula(shape, channels_last):
    """`over_rows` is what a GPU runs; here it runs on the CPU, beside the group norm that a CPU runs."""
    x, norm = random(shape, 0), group_norm(shape[1])
    with torch.no_grad():
        norm.weight.copy_(random((shape[1],), 1))
        norm.bias.copy_(random((shape[1],), 2))
    values = x.double().numpy()
    mean, variance = values.mean((1, 2, 3), keepdims=True), values.var((1, 2, 3), keepdims=True)
    weight, bias = (p.detach().double().numpy()[:, None, None] for p in (norm.weight, norm.bias))
    wanted = (values - mean) / np.sqrt(variance + 1e-6) * weight + bias
    if channels_last:
        x = x.to(memory_format=torch.channels_last)
    for found in (norm(x), over_rows(x, norm.weight, norm.bias, norm.eps)):
        assert np.abs(found.detach().numpy() - wanted).max() < 1e-5
        assert found.shape == x.shape


def test_both_ways_have_the_same_gradients():
    norm, gradients = group_norm(8), []
    for run in (norm, lambda x: over_rows(x, norm.weight, norm.bias, norm.eps)):
        x = random((2, 8, 6, 5), 3).requires_grad_()
        norm.zero_grad()
        (run(x) * random((2, 8, 6, 5), 4)).sum().backward()
        gradients.append([x.grad, norm.weight.grad, norm.bias.grad])
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_what_a_gpu_computes_keeps_the_memory_of_a_map(monkeypatch):
    """With the norm and the whole hidden map of a GPU: the same logits, and every map of a stage in channels-last memory."""
    model, images = create_model("hatnet_compact", num_classes=5).eval(), random((2, 3, 40, 56), 5)
    wanted = model(images)
    monkeypatch.setattr("hatnet.norms.whole_image_norm", over_rows)
    monkeypatch.setattr("hatnet.blocks.MLP._in_strips", lambda mlp, *how: mlp._between_norms(*how))
    with torch.inference_mode():
        maps = model.forward_features(images)
        torch.testing.assert_close(model.forward_head(maps), wanted.detach(), atol=1e-5, rtol=1e-5)
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in maps)


def test_the_norm_of_tokens_lets_no_token_influence_another():
    norm, x = TokenNorm(8), random((1, 8, 4, 4), 6)
    other = x.clone()
    other[:, :, 3, 3] += 100
    assert torch.equal(norm(x)[:, :, :3], norm(other)[:, :, :3])
    assert not torch.equal(group_norm(8)(x)[:, :, :3], group_norm(8)(other)[:, :, :3])
