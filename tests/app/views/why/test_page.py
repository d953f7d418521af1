"""Why? through AppTest: six maps with scores, progress and cancel, and the shared model as it was."""

import re

import numpy as np
import pytest

from app.core import checkpoints, inference
from app.views.why import cache
from app.views.why.evidence import NAMES, Evidence
from tests.app.pages import chart, components, opened, text


def pictures(at):
    """Method -> the numbers under its veil."""
    found = {}
    for data in components(at):
        if name := re.match("Map of (.*?),", data.get("alt", "")):
            found[name[1]] = data["values"]
    return found


def scores(at):
    return dict(zip(NAMES, re.findall(r'<div class="meter[^>]*><b>([\d.]+)</b>', text(at)), strict=True))


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def test_the_page_lays_six_scored_maps_side_by_side():
    at = opened("why")
    assert at.title[0].value == "Why “cat”? Attention is not attribution"
    assert list(pictures(at)) == list(NAMES.values())
    assert len(scores(at)) == 6 and "random weights" in text(at) and "A weight says what a token reads" in text(at)
    for drawn in at.get("plotly_chart"):
        assert len(drawn.proto.alt) > 40
    # The best is what the page says it is, and its curve is drawn.
    best = re.search("<b>(.*?)</b> brings", text(at))[1]
    named = {NAMES[name]: value for name, value in scores(at).items()}
    assert named[best] == max(named.values())
    assert chart(at, 0)["data"][-1]["name"] == best


def test_every_map_and_all_curves_can_be_saved():
    files = [button.proto.label for button in opened("why").get("download_button")]
    assert files.count("PNG") == 6 and files.count("CSV") == 7


def test_a_click_on_a_map_draws_its_curves():
    at = opened("why")
    at.session_state["visit"].curves_of = "rollout"  # what the map's click leaves; AppTest cannot click a component
    at.run()
    assert chart(at, 0)["data"][-1]["name"] == "Rollout"


def test_a_score_is_the_mean_height_of_the_drawn_curve():
    at = opened("why")
    curves = chart(at, 0)
    raw = next(np.array(trace["y"]) for trace in curves["data"] if trace["name"] == "Raw attention") / 100
    assert float(scores(at)["raw"]) == pytest.approx(((raw[1:] + raw[:-1]) / 2).mean(), abs=0.005)


@pytest.mark.parametrize(
    ("change", "maps"),
    [
        ({"token": "0.1,0.1"}, {"Raw attention", "Two hops"}),
        ({"block": "1"}, {"Raw attention", "Two hops"}),
        ({"g1": "2,4"}, set(NAMES.values())),
        ({"g2": "4,2"}, set(NAMES.values())),
    ],
)
def test_token_block_and_grids_change_maps_and_scores(change, maps):
    before, after = opened("why"), opened("why", **change)
    assert changed(pictures(before), pictures(after)) == maps
    assert scores(before) != scores(after)


def test_a_wrong_answer_is_said_to_be_wrong():
    at = opened("why", image="koala")
    assert "The photograph shows a koala: what made the model say" in text(at)
    assert "The photograph shows" not in text(opened("why"))


def test_the_plain_stage_says_why_there_are_no_two_hops():
    at = opened("why", stage="4")
    assert "Two hops" not in pictures(at) and "Stage 4 has no local step" in text(at)
    assert "features of stage 4" in text(at)


def test_too_many_weights_leave_the_other_four(monkeypatch):
    monkeypatch.setattr(inference, "ALL_ROWS", 0)
    at = opened("why")
    assert set(pictures(at)) == set(NAMES.values()) - {"Two hops", "Rollout"}
    assert "too many weights with this G₁ and G₂" in text(at)


def test_after_a_cancel_the_page_keeps_what_it_has_and_goes_on(monkeypatch):
    cache._results.clear()
    work = Evidence.work

    def cancelled(self, said):
        for name in work(self, said):
            yield name
            if name == "gradients":
                return  # as if the script had ended here

    monkeypatch.setattr(Evidence, "work", cancelled)
    at = opened("why")
    monkeypatch.setattr(Evidence, "work", work)
    at.button(key="why_cancel").click().run()
    assert set(pictures(at)) == set(NAMES.values()) - {"Occlusion"}
    assert "Stopped." in text(at) and '"nothing small"><span>Stopped</span>' in text(at) and not re.search("class=.meter", text(at))
    at.button(key="why_go_on").click().run()
    assert list(pictures(at)) == list(NAMES.values()) and len(scores(at)) == 6


def test_the_shared_model_is_as_it_was():
    model = checkpoints.model("cifar10")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    cache._results.clear()
    opened("why")
    assert all(value.equal(before[key]) for key, value in model.state_dict().items())
    assert not any(module._forward_hooks or module._backward_hooks or module._forward_pre_hooks for module in model.modules())
