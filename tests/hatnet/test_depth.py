"""Where a parameter lies."""

import pytest

import hatnet
from hatnet.depth import depth_of, stage_of


@pytest.mark.parametrize(
    "name, stage, depth",
    [
        ("stem.0.weight", 1, 0),
        ("stem.3.bias", 1, 0),
        ("stages.0.blocks.0.attn.qkv.weight", 2, 1),
        ("stages.0.blocks.1.mlp.norm.weight", 2, 2),
        ("stages.1.downsample.0.weight", 3, 3),
        ("stages.1.blocks.0.attn.q.bias", 3, 3),
        ("stages.1.blocks.3.mlp.expand.weight", 3, 6),
        ("stages.2.blocks.1.attn.proj.weight", 4, 8),
        ("head_norm.weight", 5, 9),
        ("classifier.bias", 5, 9),
    ],
)
def test_where_a_weight_lies(name, stage, depth):
    """hatnet_compact: 2, 4 and 2 blocks in stages 2, 3 and 4; counted by hand."""
    config = hatnet.VARIANTS["hatnet_compact"]
    assert (stage_of(name, config.stages), depth_of(name, config.depths)) == (stage, depth)
