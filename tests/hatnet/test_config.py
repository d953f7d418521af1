"""Configurations: what contradicts itself is refused, and the message names what is valid."""

import pytest

import hatnet


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
        ({"g2": (0, 4, 2)}, "whole number"),
    ],
)
def test_contradicting_configurations(overrides, words):
    with pytest.raises(ValueError, match=words):
        hatnet.create_model("hatnet_tiny", **overrides)
