"""Equations through AppTest."""

import json

import numpy as np
import pytest

from app.core.words import percent
from tests.app.explorer import model_maps
from tests.app.pages import button, components, opened, plain, prose, quantities, text
from tests.app.unexplained import unexplained_in

STEPS = (2, *range(6, 16))


def drawn(at):
    """What the board shows."""
    (board,) = [given for given in components(at) if "equations" in given]
    return board


def test_every_step_has_its_code_its_numbers_and_its_check():
    at = opened("equations")
    seen = set()
    for number in STEPS:
        at = at.radio(key="choose_equation").set_value(number).run()
        assert ("Step 0 ·" if number == 2 else f"Eq. {number} ·") in text(at) and at.query_params["equation"] == str(number)
        assert "only rounding" in text(at) or number == 15
        assert at.get("latex") or "$$" in text(at)
        (folded,) = at.expander
        assert "The line that ran" in folded.get("html")[0].proto.body and not folded.proto.expanded
        assert drawn(at)["sizes"]
        assert unexplained_in(prose(at) + drawn(at)["sizes"]) == []
        seen.add(json.dumps(drawn(at)["columns"]))
    assert len(seen) == 11


@pytest.fixture(scope="module")
def shown():
    """Setting -> step -> what its board shows. Each setting is opened once and stepped through."""
    at_token = {"token": "0.3,0.3"}
    settings = {"before": at_token, "token": {"token": "0.8,0.8"}, "g1": at_token | {"g1": "8,4"}, "g2": at_token | {"g2": "4,2"}}
    found = {}
    for name, params in settings.items():
        at = opened("equations", image="cat_kitten", block="1", **params)
        runs = ((number, at.radio(key="choose_equation").set_value(number).run()) for number in STEPS)
        found[name] = {number: json.dumps(drawn(run)["columns"]) for number, run in runs}
    return found


@pytest.mark.parametrize("number", STEPS)
def test_token_and_grids_change_what_a_step_shows(number, shown):
    changes = {name: steps[number] != shown["before"][number] for name, steps in shown.items()}
    assert changes["token"] == (number != 15)  # cost is the same for all tokens
    # The first block's input does not depend on grids. G2 comes in with Eq. 10.
    assert changes["g1"] == (number != 2)
    assert changes["g2"] == (number >= 10)


def test_next_and_back_stop_at_the_ends():
    at = opened("equations")
    assert button(at, "Back").disabled
    at = button(at, "Next").click().run()
    assert at.query_params["equation"] == "6"
    at = opened("equations", equation="15")
    assert button(at, "Start again").click().run().query_params["equation"] == "2"


def test_a_plain_stage_says_so_and_leads_to_one_that_is_not():
    at = opened("equations", stage="4")
    assert "Stage 4 uses plain attention" in text(at) and not at.radio
    button(at, "Show stage 3").click()
    with pytest.MonkeyPatch.context() as patch:
        import streamlit

        patch.setattr(streamlit, "rerun", lambda **_: None)  # under AppTest a fragment has no page around it to run again
        at = at.run()
    assert at.query_params["stage"] == "3" and "Step 0 ·" in text(at)


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


@pytest.mark.parametrize(("number", "kind", "name"), [(8, "local", "local-most"), (13, "global", "cell-most")])
def test_the_largest_weight_is_said_of_the_head_and_of_the_mean(number, kind, name):
    at = opened("equations", equation=str(number), image="cat_kitten", block="2", head="2", token="0.3,0.3")
    heads = model_maps("cat_kitten", (4, 4), (2, 2))[2, 2, kind].row(4, 4)
    shown = quantities(at)
    assert shown[f"{name}-head"] == percent(float(heads[1].max())) and shown[name] == percent(float(heads.mean(0).max()))
    own = shown[f"{name}-head"]
    assert own != shown[name] and f"{own} in head 2" in plain(text(at))
    if kind == "global":
        assert shown["cell-most-token"] == percent(float(heads.mean(0).max() / 4))


def test_counts_carry_the_names_of_their_quantities():
    at = opened("equations", equation="12", g1="5,3", g2="3,5", token="0.99,0.99")  # the last window is 1 x 1, the cells 6 x 6
    sidebar = {"accuracy-test": "92 %"}
    assert quantities(at) == sidebar | {"window-tokens": "1", "cells": "36", "comparisons": "37", "comparisons-plain": "256"}
    assert quantities(opened("equations"))["tokens"] == "256"
    shown = quantities(opened("equations", equation="15"))
    c, n = 48, 256
    by_formula = n * c * (4 * c + 2 * 16) + 2 * n / 4 * c * (c + n)
    assert shown == sidebar | {"macs-equation": f"{by_formula / 1e6:.3g} million", "macs": f"{(by_formula + n * c * c) / 1e6:.3g} million"}


def test_the_list_says_that_there_are_fewer_cells_than_tokens():
    lines = next(radio for radio in opened("equations").radio if radio.label == "Equation").options
    assert any(line.endswith("`256×48, 64×48`") and "Global q, k, v" in line for line in lines)
    assert sum("," in line.partition("`")[2] for line in lines) == 2, "Eqs. 11 and 12 alone"
