"""The formulas against numbers worked out by hand, and the counted MACs against torch's own counter on a real run."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import hatnet
from hatnet import complexity
from hatnet.config import MECHANISMS
from tests.hatnet.naive import picture

# reference values of the released model at 224 x 224: G of convolutions and linear layers, and with the attention products
REFERENCE = {
    "hatnet_tiny": (1.9697, 2.1281),
    "hatnet_small": (4.2929, 4.5483),
    "hatnet_medium": (8.2946, 8.7773),
    "hatnet_large": (11.4403, 12.0749),
}


@pytest.mark.parametrize("name", REFERENCE)
def test_reference_counts(name):
    counted = complexity.count(hatnet.create_model(name), (224, 224))
    assert (round(counted.conv_linear / 1e9, 4), round(counted.total / 1e9, 4)) == REFERENCE[name]
    assert counted.total == counted.conv_linear + counted.attention == sum(row.macs for row in counted.rows)


@pytest.mark.parametrize("size", [(32, 32), (75, 141)])
@pytest.mark.parametrize(
    "name, overrides", [(name, {}) for name in hatnet.VARIANTS] + [("hatnet_tiny", {"attention": w}) for w in MECHANISMS]
)
def test_witness_torch_counts_the_same_macs(name, overrides, size):
    """FlopCounterMode sees only the explicit path: it counts 0 for fused attention on a CPU."""
    model = hatnet.create_model(name, 10, **overrides).eval()
    grids = {"g1": (5,) * len(model.config.g1), "g2": (3,) * len(model.config.g1)}
    for grid in ({}, grids):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(picture(0, *size), explicit=True, **grid)
        assert 2 * complexity.count(model, size, **grid).total == counter.get_total_flops()


def test_formulas_by_hand():
    # h = 3, w = 5, c = 7: 15 tokens.
    assert complexity.mhsa(3, 5, 7) == 3 * 15 * 49 + 2 * 225 * 7
    # g1 = 2, g2 = 3, as Eq. 15 is printed.
    assert complexity.hmhsa(3, 5, 7, 2, 3) == pytest.approx(15 * 7 * (4 * 7 + 2 * 4) + 2 * (15 / 9) * 7 * (7 + 15), rel=1e-12)
    assert complexity.windows(3, 5, 7, 2) == 4 * 15 * 49 + 2 * 4 * 15 * 7
    assert complexity.spatial_reduction(3, 5, 7, 2) == 2 * 225 * 7 / 4 + 15 * 49 * 4
    # One window as large as the map and no pooling: two plain attentions, of which the second has its own projections.
    assert complexity.hmhsa(4, 4, 8, 4, 1) == 2 * complexity.mhsa(4, 4, 8)


@pytest.mark.parametrize("name", REFERENCE)
def test_equation_15_against_the_counted_attention(name):
    """What Eq. 15 leaves out of a real H-MHSA is W^p, HW C^2, and nothing else that is a MAC."""
    model = hatnet.create_model(name)
    rows = complexity.count(model, (224, 224)).rows
    for index, (c, g1, g2) in enumerate(zip(model.config.dims, model.config.g1, model.config.g2, strict=False)):
        side = 56 // 2**index
        counted = sum(row.macs for row in rows if row.name.startswith(f"stages.{index}.blocks.0.attn"))
        assert counted == complexity.hmhsa(side, side, c, g1, g2) + side * side * c**2


def test_the_optimum_is_taught_rightly():
    grids = range(1, 29)
    cost = {(g1, g2): complexity.hmhsa(28, 28, 96, g1, g2) for g1 in grids for g2 in grids}
    assert min(cost, key=cost.get) == (1, 28)
    common = min((step / 100 for step in range(100, 2800)), key=lambda g: complexity.hmhsa(28, 28, 96, g, g))
    assert common == pytest.approx(complexity.best_common_grid(28, 28, 96), abs=0.01)
    assert [round(complexity.best_common_grid(n, n, c), 1) for n, c in ((56, 48), (28, 96), (14, 240))] == [7.5, 5.4, 4.6]


def test_wrong_sizes():
    with pytest.raises(ValueError, match="at least 32"):
        complexity.count(hatnet.create_model("hatnet_tiny"), (16, 224))
