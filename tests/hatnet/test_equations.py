"""Eqs. 6 to 15 step by step, against the block's own output and against shapes worked out by hand."""

from pathlib import Path

import pytest
import torch

import hatnet
from hatnet import complexity
from tests.hatnet.naive import picture
from tests.hatnet.test_model import random_weights

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", hatnet.VARIANTS)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("grids", [(None, None), (5, 3)])
def test_equation_14_is_the_block_s_own_output(name, dtype, tolerance, grids):
    model = random_weights(hatnet.create_model(name, 10)).to(dtype)
    g1, g2 = (None if g is None else (g,) * len(model.config.g1) for g in grids)
    with torch.inference_mode():
        for index in range(len(model.config.g1)):
            arguments = hatnet.block_input(model, picture(0, 75, 90).to(dtype), stage=2 + index, block=0, g1=g1, g2=g2)
            block, x, *sides = arguments
            steps = hatnet.walk(*arguments)
            own = block.attn(x, *sides)
            (out,) = steps[8].tensors.values()
            scale = max(1.0, own.abs().max().item())
            torch.testing.assert_close(out, own, atol=tolerance * scale, rtol=0)


def test_shapes_terms_and_source_lines():
    model = random_weights(hatnet.create_model("hatnet_tiny"))
    steps = hatnet.walk(*hatnet.block_input(model, picture(0, 224), stage=3, block=1))
    assert [step.number for step in steps] == list(range(6, 16))
    shapes = {step.number: list(step.after.values()) for step in steps}
    assert shapes[6] == [(16, 49, 96)]  # 28 x 28 tokens in 4 x 4 windows of 7 x 7
    assert shapes[7] == [(16, 2, 49, 48)] * 3
    assert shapes[8] == [(1, 96, 28, 28), (16, 2, 49, 49)]
    assert shapes[9] == [(1, 96, 28, 28)] * 2
    assert shapes[10] == [(1, 96, 7, 7)]
    assert shapes[11] == [(1, 784, 96), (1, 49, 96)]
    assert shapes[12] == [(1, 2, 784, 48), (1, 2, 49, 48), (1, 2, 49, 48)]
    assert shapes[13] == [(1, 96, 28, 28), (1, 2, 784, 49)]
    assert shapes[14] == [(1, 96, 28, 28)]
    for step in steps[:9]:
        assert {symbol: tuple(tensor.shape) for symbol, tensor in step.tensors.items()} == step.after
    for step in steps:
        assert (ROOT / step.path).read_text().splitlines()[step.line - 1].strip() == step.source
    words = {6: "partition", 7: "_local_qkv", 8: "merge", 9: "+ x", 10: "pool", 11: "rows, keys", 12: "self.kv", 13: "merge", 14: "proj"}
    assert all(word in steps[number - 6].source for number, word in words.items())
    assert sum(steps[9].terms.values()) == complexity.hmhsa(28, 28, 96, 7, 4)
    assert sum(steps[9].macs.values()) == complexity.hmhsa(28, 28, 96, 7, 4) + 784 * 96**2


def test_steps_follow_from_one_another():
    """Eqs. 8, 9, 13 and 14 recomputed here from the tensors of the steps before."""
    model = random_weights(hatnet.create_model("hatnet_compact", 10)).double()
    block, x, g1, g2 = hatnet.block_input(model, picture(0, 32).double(), stage=2, block=1)
    by_number = {step.number: list(step.tensors.values()) for step in hatnet.walk(block, x, g1, g2)}
    q1, k1, v1 = by_number[7]
    local, p1 = by_number[8]
    weights = (q1 @ k1.transpose(-1, -2) / q1.shape[-1] ** 0.5).softmax(-1)
    torch.testing.assert_close(p1, weights)
    windows = (weights @ v1).transpose(1, 2).reshape(1, 4, 4, 4, 4, 48)  # gh gw i j c
    torch.testing.assert_close(local, windows.permute(0, 5, 1, 3, 2, 4).reshape(1, 48, 16, 16))
    torch.testing.assert_close(by_number[9][0], local + x)
    torch.testing.assert_close(by_number[10][0].shape, torch.Size((1, 48, 8, 8)))
    a1, a2 = by_number[9][1], by_number[13][0]
    out = (a1 + a2).permute(0, 2, 3, 1) @ block.attn.proj.weight.T + block.attn.proj.bias
    torch.testing.assert_close(by_number[14][0], out.permute(0, 3, 1, 2))


def test_blocks_without_h_mhsa():
    model = hatnet.create_model("hatnet_compact", 10)
    with pytest.raises(ValueError, match="stage 4 is no hierarchical stage of this model; those are 2, 3"):
        hatnet.block_input(model, picture(0, 32), stage=4, block=0)
    with pytest.raises(ValueError, match="stage 3 has 4 blocks"):
        hatnet.block_input(model, picture(0, 32), stage=3, block=4)
    for block in (model.stages[2].blocks[0], hatnet.create_model("hatnet_compact", attention="window").stages[0].blocks[0]):
        with pytest.raises(ValueError, match="H-MHSA"):
            hatnet.walk(block, torch.zeros(1, 48, 4, 4), 2, 2)
