"""The tour: its stops, the way out and back, and the numbers in its texts."""

import dataclasses
import json
import re

import pytest

import hatnet
from app.core import checkpoints, content, extremes, pictures
from app.core.places import home
from app.core.tour_breaks import Break
from app.core.view import default
from app.shell import tour, tour_stops, tour_text
from tests.app.default_view import KNOWN, VIEW
from tests.app.pages import opened, plain, text, words
from tests.app.unexplained import unexplained_in


def test_every_stop_has_a_text():
    assert len(content.sections("content/tour.md")) == len(tour.STOPS) == 12


def token(image, stage=2, right=0):
    """The token with which a picture of cifar10 opens, or one some tokens to its right, as an address names it."""
    y, x = home(image, KNOWN, stage)
    return f"{y:.4f},{x + right / KNOWN.grid(stage):.4f}"


ACROSS = 2  # from column 11 of 16, the nearest token of another window of 4 is in column 13

# What the address says at the stops, and how the page's title begins, for the owl of cifar10.
EVERYWHERE = dict(image="bird_owl", checkpoint="cifar10", stage="2", block="2", head="mean", g1="4,4", g2="2,2", token=token("bird_owl"))
WALK = [
    ("Read your neighbours", dict(step="2", equation="2")),
    ("Read your neighbours", dict(step="4", equation="2")),
    ("Read your neighbours", dict(step="6", equation="2")),
    ("Read your neighbours", dict(step="7", equation="2")),
    ("Every token", dict(step="7", equation="2")),
    ("Every token", dict(step="7", equation="2", panel="seam", token=token("bird_owl", right=ACROSS))),
    ("Ten small", dict(step="7", equation="8")),
    ("Ten small", dict(step="7", equation="10")),
    # The owl's answer is wrong, and so nothing to break: the shepherd dog's is right.
    ("Change windows and cells", dict(step="7", equation="10", g1="8,4", g2="4,2", image="dog_shepherd", token=token("dog_shepherd"))),
    ("", dict(step="7", equation="10")),
    ("In this stage every token", dict(step="7", equation="10", stage="4", token=token("bird_owl", 4))),
    ("Why", dict(step="7", equation="10")),
]


def test_the_tour_walks_through_every_stop_and_sets_what_belongs_to_it():
    at = opened("start", image="bird_owl", stage="4")
    at.button(key="tour_take").click().run()
    headings = list(content.sections("content/tour.md"))
    for number, (title, changes) in enumerate(WALK, 1):
        assert "Something went wrong" not in words(at) and "{" not in bar_of(at)
        assert unexplained_in(html_of_bar(at)) == []
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
    for token in ((3, 0), (3, 6), (3, 5), (3, 9), (3, 15)):
        crossed = tour_stops.across_edge(token, 16, 4)
        assert crossed[0] == 3 and hatnet.window_of(crossed, (16, 16), 4) != hatnet.window_of(token, (16, 16), 4)
        assert abs(crossed[1] - token[1]) <= 4
    assert tour_stops.across_edge((3, 5), 16, 16) == (3, 5), "one window has no seam inside"


@pytest.mark.parametrize("image", ["bird_owl", "cat_chelsea", "koala"])
def test_between_stops_5_and_6_the_token_moves_into_another_window(image):
    windows = []
    for number in (5, 6):
        view = tour_stops.view_at(number, dataclasses.replace(VIEW, image=image, place=home(image, KNOWN, 2)), KNOWN)
        windows.append(hatnet.window_of(hatnet.token_at(view.place, (16, 16)), (16, 16), 4))
    assert windows[0] != windows[1]


def html_of_bar(at) -> str:
    return next(block.proto.body for block in at.get("html") if '<p class="say' in block.proto.body)


def bar_of(at) -> str:
    """The words of the bar, with no meanings of its terms."""
    return plain(html_of_bar(at))


def test_it_breaks_where_the_tour_asks_and_the_next_stop_says_why():
    at = opened("grids", image="cat_chelsea", tour="9")
    assert at.query_params["image"] == "dog_shepherd" and "still “dog”" in bar_of(at)
    assert "G₁ is 8 and G₂ 4" in bar_of(at) and "Now make the windows one token wide (G₁ = 1): what is left of the answer?" in bar_of(at)
    at.button_group(key="grids_g1_2").set_value(1).run()
    assert "G₁ is 1 and G₂ 4; in training they were 4 and 2" in bar_of(at), "the text follows the controls"
    assert "The answer was “dog”" in bar_of(at) and "now it is “deer”" in bar_of(at) and "Why?" in bar_of(at)
    at.button(key="tour_next").click().run()
    assert at.query_params["image"] == "cat_chelsea", "the visitor's photograph is back"
    assert "With windows of one token in stage 2, “Shepherd dog” is no longer “dog”, but “deer” with" in bar_of(at)
    assert "only averages of 4 × 4: detail is lost" in bar_of(at) and "Back to “Cat, close”." in bar_of(at)
    measured = json.loads((hatnet.checkpoints.SHIPPED / "objects224.grids.json").read_text())
    (ones,) = [row["accuracy"] for row in measured["rows"] if set(row["g1"]) == {1} and row["g2"] == measured["trained"]["g2"]]
    assert f"of {measured['images']:,}, objects224 gets" in bar_of(at) and f"{100 * ones:.0f} % with the same in all stages" in bar_of(at)
    at.button(key="tour_back").click().run()
    at.selectbox(key="choose_image").set_value("koala").run()
    assert "does the answer change?" in bar_of(at) or "which of them changed it?" in bar_of(at)
    at.button(key="tour_next").click().run()
    assert at.query_params["image"] == "koala", "what the visitor chose at the stop stays"


def test_without_a_kept_break_the_tour_asks_what_it_does_not_know(monkeypatch):
    monkeypatch.setattr(tour_stops.tour_breaks, "kept", lambda checkpoint: None)
    at = opened("grids", image="cat_chelsea", tour="9")
    assert at.query_params["image"] == "cat_chelsea" and "does the answer change?" in bar_of(at) and "break" not in bar_of(at)
    at.button(key="tour_next").click().run()
    assert "break" not in bar_of(at)


def test_a_kept_break_that_does_not_break_counts_as_none(monkeypatch):
    """Other weights of the same name."""
    monkeypatch.setattr(tour_stops.tour_breaks, "kept", lambda checkpoint: Break(image="cat_chelsea", stage=2, g1=1, g2=4))
    assert tour_stops.broken(KNOWN) is None


def test_where_one_window_covers_the_map_no_text_speaks_of_a_line():
    whole = dataclasses.replace(KNOWN, config=dataclasses.replace(KNOWN.config, g1=(16, 8)))
    found = tour_text.numbers(dataclasses.replace(VIEW, g1=(16, 8)), whole, pictures.sample(VIEW.image))
    assert found["near"] == found["tokens"].replace("tokens", "window-tokens", 1)
    for name in ("outside", "crossing", "crossed"):
        assert "white line" not in found[name] and "exactly 0" not in found[name]


def test_the_first_two_stops_hide_the_number_that_they_ask_for():
    """The page's first sentence gives both: style.css leaves it out where the bar says so."""
    for tour_stop, hidden in (("1", True), ("2", True), ("3", False)):
        assert ('<p class="say without-lead">' in text(opened("start", tour=tour_stop))) is hidden


def test_it_ends_with_what_was_seen_and_two_things_to_try():
    at = opened("start", tour="12")
    at.button(key="tour_next").click().run()
    assert "You have seen" in words(at) and "Two things to try" in words(at)
    measured = json.loads((hatnet.checkpoints.SHIPPED / "objects224.grids.json").read_text())
    trained = next(row["accuracy"] for row in measured["rows"] if row["stage"] is None)
    assert f"objects224 gets {100 * trained:.0f} % of {measured['images']:,} photographs right" in words(at)
    at.button(key="tour_try_grids").click().run()
    assert at.title[0].value.startswith("Change windows and cells") and "You have seen" not in words(at)


def test_names_in_the_texts_are_never_markup(monkeypatch):
    at = VIEW, dataclasses.replace(KNOWN, classes=("<i>*a*</i>",) * 10), pictures.sample(VIEW.image)
    assert "&lt;i&gt;*a*&lt;/i&gt;" in tour_text.outcome(*at)["outcome"] and "<i>" not in tour_text.numbers(*at)["answers"]


@pytest.mark.parametrize("name", [name for name in checkpoints.names() if not checkpoints.describe(name).other_mechanisms])
def test_the_texts_hold_for_every_checkpoint_and_name_no_number_themselves(name):
    checkpoint = checkpoints.describe(name)
    view = default(checkpoint)
    for body in content.sections("content/tour.md").values():
        assert not re.search(r"\d", re.sub(r"\{\w+\}|Eq\. \d+", "", body).replace("exactly 0", "").replace("sum to 1", ""))
        said = re.sub("<span popover.*?</span>", "", tour_text.filled(body, view, checkpoint, pictures.sample(view.image)))
        assert "{" not in said and said.count("**") // 2 + said.count("<b>") <= 1, "one question at most"


@pytest.mark.parametrize(
    ("g1", "g2", "name", "accuracy"),
    [
        (1, 4, "windows of one token", "windows"),
        (8, 16, "one cell for the whole map", "cell"),
        (1, 16, "windows of one token and one cell for the whole map", "both"),
    ],
)
def test_a_break_is_named_after_the_side_at_its_extreme(monkeypatch, g1, g2, name, accuracy):
    at = Break(image="dog_shepherd", stage=2, g1=g1, g2=g2)
    monkeypatch.setattr(tour_stops, "broken", lambda checkpoint: tour_stops.Broken(at=at, before="dog", after="deer", sure=0.5))
    broke = tour_text.broke(KNOWN, pictures.sample(at.image))
    assert broke.startswith(f"With {name} in stage 2, “")
    assert f"{100 * getattr(extremes.measured(), accuracy):.0f} % with the same in all stages" in broke
    asked = tour_text.outcome(dataclasses.replace(VIEW, image=at.image), KNOWN, pictures.sample(at.image))["outcome"]
    assert ("(G₁ = 1" in asked) == (g1 == 1) and ("as wide as the map" in asked) == (g2 == 16)


def test_larger_pictures_save_more_and_the_last_stage_nothing():
    """By Eqs. 5 and 15 with C = 48: 16 x 16 tokens, then 32 x 32, G1 = 4 and G2 = 2; cifar10's last stage has 4 x 4 tokens."""
    found = tour_text.numbers(VIEW, KNOWN, pictures.sample(VIEW.image))

    def ratio(n, c=48):
        return (3 * n * c**2 + 2 * n**2 * c) / (n * c * (4 * c + 2 * 16) + 2 * n / 4 * c * (c + n))

    assert f"takes {ratio(1024):.1f} times" in found["larger"] and f"instead of {ratio(256):.1f} times" in found["larger"]
    assert "cost more than they save" in found["last_reads"]
