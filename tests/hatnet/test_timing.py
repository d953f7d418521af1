"""The measurement runs every mechanism, stops when told, and its memory is what was held at once."""

import pytest
import torch

from hatnet import timing
from hatnet.attention import HMHSA, MHSA
from hatnet.norms import TokenNorm
from tests.hatnet.naive import picture


def test_measure_runs_every_mechanism_and_stops_when_told():
    seen = []
    measured = timing.measure(8, 8, 16, 4, 2, 8, repeats=3, progress=lambda done: seen.append(done) or True)
    assert tuple(m.mechanism for m in measured) == timing.MECHANISMS
    assert seen == sorted(seen) and seen[-1] == 1 and len(seen) == 4 * len(timing.MECHANISMS)
    assert all(m.milliseconds > 0 and m.spread >= 0 for m in measured)
    assert timing.measure(8, 8, 16, 4, 2, 8, progress=lambda done: False) == []
    with pytest.raises(ValueError, match="unknown mechanism 'swin'"):
        timing.measure(8, 8, 16, 4, 2, 8, mechanisms=("swin",))


def test_peak_memory_sees_what_is_held_at_once():
    megabyte = 2**18  # float32 numbers

    def two_then_one():
        a = torch.empty(megabyte)
        b = torch.empty(megabyte)
        del a, b
        torch.empty(megabyte)

    assert 2 * 2**20 <= timing.peak_memory(two_then_one) < 2.1 * 2**20


@pytest.mark.parametrize("mechanism", timing.MECHANISMS)
def test_the_measured_layers_compute_attention(mechanism):
    """Each measured layer changes when a token it may see changes."""
    x = picture(0, 32)[:, :, ::4, ::4].repeat(1, 8, 1, 1)[:, :16].contiguous()
    layers = {
        "H-MHSA": lambda x: HMHSA(16, 8, TokenNorm).eval()(x, 4, 2),
        "MHSA": MHSA(16, 8, TokenNorm).eval(),
        "windows": timing.Windows(16, 8, 4).eval(),
        "spatial reduction": timing.SpatialReduction(16, 8, 2).eval(),
    }
    assert layers[mechanism](x).shape == x.shape


@pytest.mark.parametrize(
    "change, words",
    [
        ({"h": 0}, "h is 0; wanted a whole number from 1 to .*; the nearest is 1"),
        ({"g2": 1.5}, "g2 is 1.5"),
        ({"c": 20}, "c is 20, which does not divide into heads of head_dim=8; the nearest that does is 16"),
        ({"mechanisms": ("window",)}, "unknown mechanism 'window' .did you mean 'windows'"),
    ],
)
def test_wrong_sizes(change, words):
    with pytest.raises(ValueError, match=words):
        timing.measure(**({"h": 8, "w": 8, "c": 16, "g1": 4, "g2": 2, "head_dim": 8} | change))
