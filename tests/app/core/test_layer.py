"""One layer in numbers, against hatnet called directly and against identities."""

from dataclasses import replace

import numpy as np
import pytest

from app.core import pictures
from app.core.layer import layer_of
from tests.app.default_view import KNOWN, SIDE, VIEW, layer
from tests.app.explorer import model_maps


def test_both_maps_are_the_model_s():
    found, maps = layer(), model_maps(VIEW.image, KNOWN.config.g1, KNOWN.config.g2)
    token = int(VIEW.place[0] * SIDE), int(VIEW.place[1] * SIDE)
    near, far = (maps[VIEW.stage, VIEW.block, kind].row(*token).mean(0).numpy() for kind in ("local", "global"))
    np.testing.assert_allclose(found.near, near, atol=1e-6)
    np.testing.assert_allclose(found.far, far, atol=1e-6)


def test_the_shares_of_the_sum_follow_from_both_maps():
    """Half of the answer is A_glob Pool 1/2 (I + A_loc), half 1/2 (I + A_loc); where windows of one token and no pooling leave no A_loc."""
    g1, g2 = (1, *VIEW.g1[1:]), (1, *VIEW.g2[1:])
    found = layer(g1=g1, g2=g2)
    expected = found.far / 2  # A_loc is the identity, and so is Pool
    expected[found.token] += 0.5
    np.testing.assert_allclose(found.hops, expected, atol=1e-6)
    stays, inside, outside = found.shares
    assert stays == 0.25 and inside == pytest.approx(expected[found.token] - 0.25, abs=1e-6)
    assert outside == pytest.approx(0.75 - inside, abs=1e-6)
    np.testing.assert_allclose(found.one_hop, found.hops, atol=1e-6)  # tokens that read themselves alone bring nothing else to a cell


def test_it_is_worked_out_once_for_all_visitors_whatever_card_they_look_at():
    def asked(**changes):
        return layer_of(replace(VIEW, **changes), KNOWN, pictures.sample(VIEW.image))

    found = asked()
    assert asked(step=5, tour=2, panel="heads", equation=9) is found and found.frames is asked().frames
    others = {"place": (0.9, 0.1), "block": 1, "stage": 3, "head": 1, "g1": (2, 4), "g2": (4, 2)}
    assert all(asked(**{name: value}) is not found for name, value in others.items())
    assert layer_of(VIEW, KNOWN, pictures.sample("koala")) is not found
