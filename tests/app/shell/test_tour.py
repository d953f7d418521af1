"""The tour: its stops, the way out and back, and the numbers in its texts."""

import dataclasses
import re

import hatnet
from app.core import content, pictures
from app.shell import tour
from tests.app.default_view import KNOWN, VIEW
from tests.app.pages import opened, words


def test_every_stop_has_a_text():
    assert len(content.sections("content/tour.md")) == len(tour.STOPS) == 12


# What the address says at the stops, and how the page's title begins, for the owl of cifar10.
EVERYWHERE = dict(image="bird_owl", checkpoint="cifar10", stage="2", block="2", head="mean", g1="4,4", g2="2,2", token="0.3400,0.6000")
WALK = [
    ("Read your neighbours", dict(step="2", equation="2")),
    ("Read your neighbours", dict(step="4", equation="2")),
    ("Read your neighbours", dict(step="6", equation="2")),
    ("Read your neighbours", dict(step="7", equation="2")),
    ("Every token", dict(step="7", equation="2")),
    # From row 5, column 9 of 16 x 16 the nearest edge of windows of 4 is before column 8.
    ("Every token", dict(step="7", equation="2", panel="seam", token="0.3438,0.5312")),
    ("Ten small", dict(step="7", equation="8")),
    ("Ten small", dict(step="7", equation="10")),
    ("Change windows and cells", dict(step="7", equation="10", g1="8,4", g2="4,2")),
    ("", dict(step="7", equation="10")),
    ("In this stage every token", dict(step="7", equation="10", stage="4")),
    ("Why", dict(step="7", equation="10")),
]


def test_the_tour_walks_through_every_stop_and_sets_what_belongs_to_it():
    at = opened("start", image="bird_owl", stage="4")
    at.button(key="tour_take").click().run()
    headings = list(content.sections("content/tour.md"))
    for number, (title, changes) in enumerate(WALK, 1):
        assert "Something went wrong" not in words(at) and "{" not in at.markdown[0].value
        bar = at.get("progress")[0].proto
        assert headings[number - 1] in bar.text and f"stop {number} of 12" in bar.text and bar.value == 100 * number // 12
        assert dict(at.query_params) == EVERYWHERE | changes | {"tour": str(number)}
        assert at.title[0].value.startswith(title)
        at.button(key="tour_next").click().run()
    assert "tour" not in at.query_params and at.button(key="tour_begin").label == "Tour"


def test_one_leaves_the_tour_with_everything_as_it_is_and_returns_to_the_stop():
    at = opened("start", tour="9")
    assert at.title[0].value.startswith("Change windows and cells")
    there = dict(at.query_params)
    at.button(key="tour_leave").click().run()
    assert dict(at.query_params) == {key: value for key, value in there.items() if key != "tour"}
    at.slider(key=f"choose_g1_{VIEW.stage}").set_value(3).run()
    at.switch_page("views/cost/page.py").run()
    assert at.button(key="tour_begin").label == "Return to the tour" and "9 of 12" in at.button(key="tour_begin").help
    at.button(key="tour_begin").click().run()
    assert dict(at.query_params) == there and at.title[0].value.startswith("Change windows and cells")


def test_a_full_link_keeps_what_was_changed_at_a_stop():
    at = opened("start", tour="3", stage=str(VIEW.stage), step="2", token="0.1,0.9")
    assert (at.query_params["tour"], at.query_params["step"], at.query_params["token"]) == ("3", "2", "0.1000,0.9000")


def test_a_view_opened_by_hand_offers_the_way_back_to_the_stop():
    at = opened("start", tour="5")
    at.switch_page("views/cost/page.py").run()
    assert at.query_params["tour"] == "5"
    at.button(key="tour_again").click().run()
    assert at.title[0].value.startswith("Every token")


def test_the_seam_is_crossed():
    for token in ((3, 0), (3, 6), (3, 15)):
        y, x = tour.right_of_edge(token, 16, 4)
        assert y == 3 and x % 4 == 0 and x > 0
        assert hatnet.window_of((y, x), (16, 16), 4) != hatnet.window_of((y, x - 1), (16, 16), 4)
    assert tour.right_of_edge((3, 5), 16, 16) == (3, 5), "one window has no seam inside"


def test_the_texts_hold_for_every_photograph_and_name_no_number_themselves():
    for name in ("horse_herd", "koala"):
        view = dataclasses.replace(VIEW, image=name)
        found = tour.numbers(view, KNOWN, pictures.sample(name))
        for body in content.sections("content/tour.md").values():
            assert not re.search(r"\d", re.sub(r"\{\w+\}|Eq\. \d+", "", body).replace("exactly 0", "").replace("sum to 1", ""))
            body.format(**found)
