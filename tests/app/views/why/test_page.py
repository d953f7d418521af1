"""Why? through AppTest: six maps with scores, progress and cancel, and the shared model as it was."""

import re

import numpy as np
import pytest

from app.core import checkpoints, inference
from app.views.why import cache
from app.views.why.evidence import NAMES, Evidence
from tests.app.pages import charts, components, opened, plain, quantities, text, words


def pictures(at):
    """Method -> the numbers under its veil."""
    found = {}
    for data in components(at):
        if name := re.match("Map of (.*?),", data.get("alt", "")):
            found[name[1]] = data["values"]
    return found


def scores(at):
    """Method -> its scores put back and removed."""
    found = re.findall(r'<div class="bar"><b>([\d.]+)</b>', text(at))
    return dict(zip(NAMES, zip(found[::2], found[1::2], strict=True), strict=True))


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def test_the_page_lays_six_scored_maps_side_by_side():
    at = opened("why")
    assert at.title[0].value == "Why “cat”? Does attention tell us?"
    assert list(pictures(at)) == list(NAMES.values())
    assert len(scores(at)) == 6 and "random weights" in words(at)
    # The lead names the maps that are better than chance in both tests, and the curve of the one that is best put back is drawn.
    lead = plain(re.search('<p class="lead">(.*?)</p>', text(at))[1]).partition("Does attention tell why?")[2]
    outcomes = re.findall(r'<p class="outcome (\w+)">', text(at))
    both = {title for title, *pair in zip(NAMES.values(), outcomes[::2], outcomes[1::2], strict=True) if pair == ["better"] * 2}
    assert {title for title in NAMES.values() if title in lead} == both - {"Raw attention"}
    best = NAMES[max(scores(at), key=lambda method: scores(at)[method][0])]
    assert [drawn["layers"][-1]["name"] for drawn in charts(at)] == [best] * 2


@pytest.mark.parametrize("image", ["cat_chelsea", "koala"])
def test_the_lead_agrees_with_the_bars(image):
    at = opened("why", image=image)
    put_back, removed = re.findall(r'<p class="outcome (\w+)">', text(at))[:2]  # of raw attention
    first = {"better": "back faster than", "within": "back no faster than", "worse": "back more slowly than"}
    then = {"better": "hurts more than", "within": "hurts no more than", "worse": "hurts less than"}
    lead = re.search('<p class="lead">(.*?)</p>', text(at))[1]
    assert first[put_back] in lead and then[removed] in lead
    low, high = map(float, re.search(r"random maps score, ([\d.]+) to ([\d.]+) put back", text(at)).groups())
    value = float(scores(at)["raw"][0])
    assert put_back == ("within" if low <= value <= high else "better" if value > high else "worse")


def test_its_numbers_are_those_of_the_other_pages():
    """Here, as it has no others in the browser, where tests/browser/test_quantities.py compares all other pages."""
    own, grids = quantities(opened("why")), quantities(opened("grids"))
    assert set(own) == {"probability", "accuracy-test"} and own.items() <= grids.items()


def test_every_map_and_all_curves_can_be_saved():
    files = [button.proto.label for button in opened("why").get("download_button")]
    assert files.count("PNG") == 6 and files.count("CSV") == 7


def test_a_click_on_a_map_draws_its_curves():
    at = opened("why")
    at.session_state["visit"].curves_of = "rollout"  # what the map's click leaves; AppTest cannot click a component
    at.run()
    assert [drawn["layers"][-1]["name"] for drawn in charts(at)] == ["Rollout", "Rollout"]


def test_a_score_is_the_mean_height_of_the_drawn_curve():
    at = opened("why")
    for drawn, shown in zip(charts(at), scores(at)["raw"], strict=True):
        raw = next(np.array(layer["y"]) for layer in drawn["layers"] if layer["name"] == "Raw attention")
        assert float(shown) == pytest.approx(((raw[1:] + raw[:-1]) / 2).mean(), abs=0.005)


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
    assert "The answer itself is wrong: the photograph shows a koala." in text(at)
    assert "The answer itself" not in text(opened("why"))


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
