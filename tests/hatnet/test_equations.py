"""Eqs. 6 to 15 one by one, against the block's own output and against shapes worked out by hand."""

from pathlib import Path

import pytest
import torch

import hatnet
from hatnet import complexity
from tests.hatnet.models import random_weights, short
from tests.hatnet.naive import picture

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", hatnet.VARIANTS)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_equation_14_is_the_block_s_own_output(name, dtype, tolerance):
    model = short(name).to(dtype)
    stages = len(model.config.g1)
    for g1, g2 in ((None, None), ((5,) * stages, (3,) * stages)):
        for index in range(stages):
            with torch.inference_mode():
                block, x, *sides = hatnet.block_input(model, picture(0, 75, 90).to(dtype), stage=2 + index, block=0, g1=g1, g2=g2)
                out = hatnet.trace_equations(block, x, *sides)[8].tensors["out"]
                own = block.attn(x, *sides)
            torch.testing.assert_close(out, own, atol=tolerance * max(1.0, own.abs().max().item()), rtol=0)


def test_symbols_are_the_paper_s():
    model = short("hatnet_compact")
    equations = {equation.number: equation for equation in hatnet.trace_equations(*hatnet.block_input(model, picture(0, 32), 2, 0))}
    assert equations[7].symbols == {"x1": r"\mathbf{X}_1", "q1": r"\mathbf{Q}_1", "k1": r"\mathbf{K}_1", "v1": r"\mathbf{V}_1"}
    assert equations[9].symbols["joined"] == equations[10].symbols["a1"] == r"\mathbf{A}_1"
    assert equations[9].symbols["a1"] == r"\mathrm{norm}(\mathbf{A}_1)"
    for equation in equations.values():
        assert equation.symbols.keys() == equation.before.keys() | equation.after.keys()


def test_shapes_terms_and_source_lines():
    model = random_weights(hatnet.create_model("hatnet_tiny"))
    equations = hatnet.trace_equations(*hatnet.block_input(model, picture(0, 224), stage=3, block=1))
    assert [equation.number for equation in equations] == list(range(6, 16))
    shapes = {equation.number: list(equation.after.values()) for equation in equations}
    assert shapes[6] == [(16, 49, 96)]  # 28 x 28 tokens in 4 x 4 windows of 7 x 7
    assert shapes[7] == [(16, 2, 49, 48)] * 3
    assert shapes[8] == [(1, 96, 28, 28), (16, 2, 49, 49)]
    assert shapes[9] == [(1, 96, 28, 28)] * 2
    assert shapes[10] == [(1, 96, 7, 7)]
    assert shapes[11] == [(1, 784, 96), (1, 49, 96)]
    assert shapes[12] == [(1, 2, 784, 48), (1, 2, 49, 48), (1, 2, 49, 48)]
    assert shapes[13] == [(1, 96, 28, 28), (1, 2, 784, 49)]
    assert shapes[14] == [(1, 96, 28, 28)]
    for equation in equations[:9]:
        assert {name: tuple(tensor.shape) for name, tensor in equation.tensors.items()} == equation.after
    for equation in equations:
        assert (ROOT / equation.path).read_text().splitlines()[equation.line - 1].strip() == equation.source
    words = {6: "partition", 7: "self.qkv", 8: "merge", 9: "+ x", 10: "pool", 11: "rows, keys", 12: "self.kv", 13: "join_heads", 14: "proj"}
    assert all(word in equations[number - 6].source for number, word in words.items())
    assert sum(equations[9].terms.values()) == complexity.hmhsa(28, 28, 96, 7, 4)
    assert sum(equations[9].macs.values()) == complexity.hmhsa(28, 28, 96, 7, 4) + 784 * 96**2


def test_steps_follow_from_one_another():
    """Eqs. 8, 9, 13 and 14 recomputed here from the tensors of the equations before."""
    model = random_weights(hatnet.create_model("hatnet_compact", 10)).double()
    block, x, g1, g2 = hatnet.block_input(model, picture(0, 32).double(), stage=2, block=1)
    found = {name: tensor for equation in hatnet.trace_equations(block, x, g1, g2) for name, tensor in equation.tensors.items()}
    q1, k1, v1, p1 = (found[name] for name in ("q1", "k1", "v1", "p1"))
    weights = (q1 @ k1.transpose(-1, -2) / q1.shape[-1] ** 0.5).softmax(-1)
    torch.testing.assert_close(p1, weights)
    windows = (weights @ v1).transpose(1, 2).reshape(1, 4, 4, 4, 4, 48)  # gh gw i j c
    torch.testing.assert_close(found["local"], windows.permute(0, 5, 1, 3, 2, 4).reshape(1, 48, 16, 16))
    torch.testing.assert_close(found["joined"], found["local"] + x)
    assert found["pooled"].shape == (1, 48, 8, 8)
    out = (found["a1"] + found["a2"]).permute(0, 2, 3, 1) @ block.attn.proj.weight.T + block.attn.proj.bias
    torch.testing.assert_close(found["out"], out.permute(0, 3, 1, 2))


def test_blocks_without_h_mhsa():
    model = hatnet.create_model("hatnet_compact", 10)
    with pytest.raises(ValueError, match="stage 4 is not a hierarchical stage of this model; those are 2, 3"):
        hatnet.block_input(model, picture(0, 32), stage=4, block=0)
    with pytest.raises(ValueError, match="stage 3 has 4 blocks"):
        hatnet.block_input(model, picture(0, 32), stage=3, block=4)
    for block in (model.stages[2].blocks[0], hatnet.create_model("hatnet_compact", attention="window").stages[0].blocks[0]):
        with pytest.raises(ValueError, match="H-MHSA"):
            hatnet.trace_equations(block, torch.zeros(1, 48, 4, 4), 2, 2)
