"""Equations through AppTest."""

import json

import numpy as np
import pytest

from tests.app.explorer import model_maps
from tests.app.pages import button, components, opened, text


def drawn(at):
    """What the board shows."""
    (board,) = [given for given in components(at) if "equation" in given]
    return board


def test_every_step_has_its_code_its_numbers_and_its_check():
    at = opened("equations")
    seen = set()
    for number in range(6, 16):
        at = at.radio(key="choose_equation").set_value(number).run()
        assert f"Eq. {number} ·" in text(at) and at.query_params["equation"] == str(number)
        assert "The line that ran" in text(at) and ("only rounding" in text(at) or number == 15)
        assert at.get("latex") or "$$" in text(at)
        assert "→" in drawn(at)["shapes"] and drawn(at)["shapes"].count("<code") == 3  # before, after, pattern
        seen.add(json.dumps(drawn(at)["columns"]))
    assert len(seen) == 10


@pytest.mark.parametrize("number", range(6, 16))
def test_token_and_grids_change_what_a_step_shows(number):
    def shown(**params):
        return json.dumps(drawn(opened("equations", equation=str(number), image="cat_kitten", block="1", **params))["columns"])

    before = shown(token="0.3,0.3")
    assert (shown(token="0.8,0.8") != before) == (number != 15)  # cost is the same for all tokens
    grids = {"g1": shown(token="0.3,0.3", g1="8,4"), "g2": shown(token="0.3,0.3", g2="4,2")}
    # The first block's input does not depend on grids. G2 comes in with Eq. 10.
    assert grids["g1"] != before
    assert (grids["g2"] != before) == (number >= 10)


def test_next_and_back_stop_at_the_ends():
    at = opened("equations")
    assert button(at, "Back").disabled
    at = button(at, "Next").click().run()
    assert at.query_params["equation"] == "7"
    at = opened("equations", equation="15")
    assert button(at, "Start again").click().run().query_params["equation"] == "6"


def test_a_plain_stage_says_so_and_leads_to_one_that_is_not():
    at = opened("equations", stage="4")
    assert "Stage 4 uses plain attention" in text(at) and not at.radio
    button(at, "Show stage 3").click()
    with pytest.MonkeyPatch.context() as patch:
        import streamlit

        patch.setattr(streamlit, "rerun", lambda **_: None)  # under AppTest a fragment has no page around it to run again
        at = at.run()
    assert at.query_params["stage"] == "3" and "Eq. 6 ·" in text(at)


def test_each_equation_names_its_notebook():
    assert "02-local-attention.ipynb" in text(opened("equations", equation="8"))
    assert "04-joining.ipynb" in text(opened("equations", equation="14"))


@pytest.mark.parametrize(("number", "kind"), [(8, "local"), (13, "global")])
@pytest.mark.parametrize(("block", "head"), [(1, 2), (2, 1)])
def test_the_weights_are_those_of_the_selected_block_and_head(number, kind, block, head):
    """Against the weights of hatnet called directly."""
    at = opened("equations", equation=str(number), image="cat_kitten", block=str(block), head=str(head), token="0.3,0.3")
    (shown,) = [panel for column in drawn(at)["columns"] for panel in column if panel["id"] == "p"]
    expected = model_maps("cat_kitten", (4, 4), (2, 2))[2, block, kind].row(4, 4)[head - 1]
    np.testing.assert_allclose(shown["values"], expected, atol=1e-4)
