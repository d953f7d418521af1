"""Configurations: what contradicts itself is refused, and the message names what is valid."""

import dataclasses
import math
import random

import pytest

import hatnet
from hatnet.config import RANGES, from_fields
from tests.hatnet.silly import SILLY


def test_a_mechanism_for_each_stage():
    words = ("hierarchical", "shifted_window", "full")
    assert hatnet.create_model("hatnet_tiny", attention=words).config.attention == words
    with pytest.raises(ValueError, match=r"'windows' \(did you mean 'window'\?\).*hierarchical.*full"):
        hatnet.create_model("hatnet_tiny", attention="windows")
    with pytest.raises(ValueError, match="attention has 2 entries"):
        hatnet.create_model("hatnet_tiny", attention=("full", "full"))


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
        ({"g2": (0, 4, 2)}, r"g2 is \(0, 4, 2\); wanted .* whole number .*; the nearest is \[1, 4, 2\]"),
        ({"dims": 3}, r"dims is 3; wanted a list of 1 to 4, .*; the nearest is \[3\]"),
        ({"dims": [48, "a"]}, r"dims is \[48, 'a'\]; wanted a list"),
        ({"depthwise": "maybe"}, "depthwise is 'maybe'; wanted true or false"),
        ({"dropout": math.nan}, "dropout is nan; wanted a number from 0 to 1"),
        ({"num_classes": True}, "num_classes is True; wanted a whole number"),
        ({"norm": "batch"}, "norm is 'batch'; wanted one of group, layer"),
        ({"dims": (8160,) * 4}, r"\d+\.\d billion weights, more than 1: lower dims"),
    ],
)
def test_contradicting_configurations(overrides, words):
    with pytest.raises(ValueError, match=words):
        hatnet.create_model("hatnet_tiny", **overrides)


def test_every_field_has_its_range_and_no_combination_ends_otherwise():
    assert RANGES.keys() == {field.name for field in dataclasses.fields(hatnet.Config)}
    draw = random.Random(0)
    for _ in range(2000):
        fields = {name: draw.choice(SILLY) for name in draw.sample(list(RANGES), draw.choice((1, 1, 2, 3)))}
        try:
            hatnet.Config(**dataclasses.asdict(hatnet.VARIANTS["hatnet_tiny"]) | fields)
        except ValueError as error:
            assert 10 < len(str(error)) < 500


def test_the_shipped_model_of_photographs_is_a_variant():
    config, variant = hatnet.checkpoint_info("objects224").config, hatnet.VARIANTS["hatnet_compact224"]
    assert config == dataclasses.replace(variant, num_classes=120, drop_path=0.05)
    assert (variant.g1, variant.g2, variant.strides) == ((8, 7, 7), (8, 4, 2), (4, 8, 16, 32)), "the paper's grids"


@pytest.mark.parametrize("name", hatnet.VARIANTS)
def test_the_number_of_weights(name):
    config = hatnet.VARIANTS[name]
    for changes in ({}, {"depthwise": False, "stem": "patch"}, {"g1": config.g1[:1], "g2": config.g2[:1], "num_classes": 0}):
        model = hatnet.HATNet(dataclasses.replace(config, depths=(1,) * len(config.dims), **changes))
        assert model.config.weights == sum(p.numel() for p in model.parameters() if p.ndim > 1)


def test_fields_from_a_file():
    fields = dataclasses.asdict(hatnet.VARIANTS["hatnet_cards"])
    assert (
        from_fields({key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()})
        == hatnet.VARIANTS["hatnet_cards"]
    )
    with pytest.raises(ValueError, match=r"^dims is missing; wanted a list of 1 to 4"):
        from_fields({key: value for key, value in fields.items() if key != "dims"})
    with pytest.raises(ValueError, match="unknown field 'dimz'"):
        from_fields(fields | {"dimz": 1})


@pytest.mark.parametrize(
    "word, field", [("drop_rate", "dropout"), ("drop_path_rate", "drop_path"), ("init_values", "layer_scale"), ("Head_Dim", "head_dim")]
)
def test_timm_s_words_and_other_capitals_lead_to_the_field(word, field):
    with pytest.raises(ValueError, match=f"unknown field {word!r} \\(did you mean {field!r}"):
        hatnet.create_model("hatnet_tiny", **{word: 1})


def test_a_name_in_other_capitals_leads_to_the_model():
    with pytest.raises(ValueError, match="did you mean 'hatnet_tiny'"):
        hatnet.create_model("HATNet_Tiny")
