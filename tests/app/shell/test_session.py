"""One visitor's state between two runs of a page."""

import dataclasses

from app.core import checkpoints
from tests.app.pages import opened, words


def test_a_checkpoint_that_has_gone_is_said_and_the_page_goes_on():
    at, first = opened("explorer"), checkpoints.names()[0]
    visit = at.session_state.visit
    visit.view = dataclasses.replace(visit.view, checkpoint="run:gone")
    assert f"Checkpoint run:gone is gone. {first} is shown." in words(at.run())
    assert at.query_params["checkpoint"] == first


def test_a_page_that_is_run_again_keeps_what_its_visitor_looks_at_and_a_second_visitor_begins_afresh():
    mine = opened("explorer", image="koala", stage="3")
    assert mine.run().session_state.visit.view.image == "koala" and mine.query_params["stage"] == "3"
    other = opened("explorer")
    assert other.session_state.visit is not mine.session_state.visit and other.query_params["stage"] == "2"
