"""Start and the tour through AppTest, and the pure data of both."""

import dataclasses
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import hatnet
from app.core import checkpoints, content, inference, pictures
from app.core.layer import layer_of
from app.core.view import address, default
from app.shell import tour
from app.views.start import text as story
from tests.app import views

NAME = checkpoints.names()[0]
KNOWN = checkpoints.describe(NAME)
VIEW = default(KNOWN)
SIDE = KNOWN.grid(VIEW.stage)


@pytest.fixture(autouse=True)
def watch(caplog):
    with views.watched(caplog):
        yield


def layer(**changes):
    view = dataclasses.replace(VIEW, **changes)
    return layer_of(view, KNOWN, pictures.sample(view.image))


def plain(html):
    return re.sub("<[^>]*>", "", html).replace("\u00a0", " ")


def test_the_story_s_numbers_are_the_model_s():
    """Against weights from hatnet called directly."""
    told = layer()
    images = inference.normalised(KNOWN, pictures.model_input(pictures.sample(VIEW.image), KNOWN.image_size))
    _, records = hatnet.attention_maps(hatnet.load_checkpoint(NAME), images)
    token = hatnet.token_at(VIEW.place, (SIDE, SIDE))
    near, far = (
        next(r for r in records if (r.stage, r.block + 1, r.kind) == (VIEW.stage, VIEW.block, kind)).row(*token).mean(0).numpy()
        for kind in ("local", "global")
    )
    np.testing.assert_allclose(told.near, near, atol=1e-6)
    np.testing.assert_allclose(told.far, far, atol=1e-6)
    said = [plain(text) for text in story.sentences(told)]
    assert f"{SIDE} × {SIDE} = {SIDE**2:,} tokens" in said[1]
    assert f"all {near.size:,} tokens" in said[3] and f"takes {story.percent(float(near.max()))}" in said[3]
    assert f"become {far.size:,} keys" in said[4]
    row, column = np.unravel_index(far.argmax(), far.shape)
    assert f"takes {story.percent(float(far.max()))} from the cell at row {row + 1}, column {column + 1}" in said[5]


def test_the_shares_of_the_sum_follow_from_both_maps():
    """Half of the answer is A_glob Pool 1/2 (I + A_loc), half 1/2 (I + A_loc); where windows of one token and no pooling leave no A_loc."""
    g1, g2 = (1, *VIEW.g1[1:]), (1, *VIEW.g2[1:])
    told = layer(g1=g1, g2=g2)
    expected = told.far / 2  # A_loc is the identity, and so is Pool
    expected[told.token] += 0.5
    np.testing.assert_allclose(told.hops, expected, atol=1e-6)
    own, inside, outside = told.shares
    assert own == pytest.approx(expected[told.token], abs=1e-6) and inside == pytest.approx(0, abs=1e-6)
    assert outside == pytest.approx(1 - own, abs=1e-6)


def test_cells_show_the_mean_colour_of_their_pixels_even_where_the_map_cuts_them_off():
    photo = np.random.default_rng(0).integers(0, 256, (10, 10, 3), dtype=np.uint8)
    found = story.cell_colours(photo, side=5, cell=2)  # two pixels a token, four a cell; the last cells are one token wide
    assert found.shape == (3, 3, 3)
    np.testing.assert_allclose(found[0, 1], photo[:4, 4:8].reshape(-1, 3).mean(0), atol=0.51)
    np.testing.assert_allclose(found[2, 2], photo[8:, 8:].reshape(-1, 3).mean(0), atol=0.51)


def test_rows_alone_are_laid_over_each_other_and_said_to_be(monkeypatch):
    whole = layer()
    monkeypatch.setattr(inference, "ALL_ROWS", 0)
    alone = layer()
    assert whole.exact and not alone.exact
    assert "laid over each other" in story.captions(alone)[6] and "two hops" in story.captions(whole)[6]
    assert alone.hops.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(alone.near, whole.near, atol=1e-5)


@pytest.mark.parametrize("change", [{"place": (0.9, 0.1)}, {"g1": (7, *VIEW.g1[1:])}, {"g2": (5, *VIEW.g2[1:])}])
def test_what_is_shown_follows_token_and_grids(change):
    before, after = story.drawn(layer(), PHOTO), story.drawn(layer(**change), PHOTO)
    assert before["sentences"][3:] != after["sentences"][3:]
    assert before["hops"] != after["hops"] and before["far"] != after["far"]


PHOTO = np.zeros((64, 64, 3), np.uint8)


def test_a_window_that_covers_the_map_and_cells_of_one_token_are_said_to_be_so():
    told = layer(g1=(SIDE, *VIEW.g1[1:]), g2=(1, *VIEW.g2[1:]))
    said = [plain(text) for text in story.sentences(told)]
    assert "1 window of" in said[2] and "Here the window is the whole map." in said[3] and "nothing is averaged" in said[4]
    assert "Outside the window" in plain(story.sentences(layer())[3])


def opened(**params):
    at = AppTest.from_file(str(views.MAIN), default_timeout=120)
    for key, value in params.items():
        at.query_params[key] = value
    return at.run()


def shown(at):
    return plain(views.text(at))


def test_start_opens_first_and_its_numbers_change_with_the_grids():
    at = opened()
    assert at.title[0].value.startswith("Look closely")
    near, far = min(VIEW.g1[0], SIDE) ** 2, (-(-SIDE // VIEW.g2[0])) ** 2
    assert f"{near:,} tokens closely and {far:,} averaged cells roughly" in shown(at)
    at.slider(key=f"choose_g1_{VIEW.stage}").set_value(1).run()
    at.slider(key=f"choose_g2_{VIEW.stage}").set_value(SIDE).run()
    assert "1 token closely and 1 averaged cell roughly" in shown(at)


def test_the_card_is_in_the_address():
    assert opened(step="6").query_params["step"] == "6"
    at = opened(step="9")
    assert "The link asked for step 9; the Start view has seven cards." in shown(at) and at.query_params["step"] == "7"


def test_a_plain_stage_leads_to_a_hierarchical_one():
    at = opened(stage=str(KNOWN.config.stages[-1]))
    assert "has no hierarchical attention" in shown(at)
    button = next(button for button in at.button if button.label.startswith("Show stage"))
    assert "closely and" in shown(button.click().run())


# The tour.


def test_every_stop_has_a_text():
    assert len(content.sections("content/tour.md")) == len(tour.STOPS) == 12


def test_the_tour_walks_through_every_stop_and_sets_what_its_table_says():
    at = opened(image="bird_owl", stage=str(KNOWN.config.stages[-1]))
    at.button(key="tour_take").click().run()
    seen = []
    for number, stop in enumerate(tour.STOPS, 1):
        text, params = shown(at), at.query_params
        heading = list(content.sections("content/tour.md"))[number - 1]
        bar = at.get("progress")[0].proto
        assert heading in bar.text and f"stop {number} of 12" in bar.text and bar.value == 100 * number // 12
        before = dataclasses.replace(VIEW, image="bird_owl", step=int(params["step"]), equation=int(params["equation"]))
        wanted = tour.set_by(number, before, KNOWN)
        assert dict(params) == address(wanted)
        for field in ("step", "equation"):
            if getattr(stop, field):
                assert params[field] == str(getattr(stop, field))
        assert params["stage"] == str(KNOWN.config.stages[stop.stage])
        assert int(params["g1"].split(",")[0]) == min(VIEW.g1[0] * (2 if stop.doubled else 1), SIDE)
        assert (params["token"] == "0.3400,0.6000") == (not stop.seam)
        seen.append(at.title[0].value)
        assert "{" not in at.markdown[0].value and "Something went wrong" not in text
        if number < 12:
            at.button(key="tour_next").click().run()
    openings = ["Look closely"] * 4 + ["Every token"] * 2 + ["Ten small"] * 2 + ["Change windows and cells", "", "Every token", "Why"]
    assert all(title.startswith(opening) for title, opening in zip(seen, openings, strict=True))
    at.button(key="tour_next").click().run()
    assert "tour" not in at.query_params and at.button(key="tour_begin").label == "Tour"


def test_one_leaves_the_tour_with_everything_as_it_is_and_returns_to_the_stop():
    at = opened(tour="9")
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
    at = opened(tour="3", stage=str(VIEW.stage), step="2", token="0.1,0.9")
    assert (at.query_params["tour"], at.query_params["step"], at.query_params["token"]) == ("3", "2", "0.1000,0.9000")


def test_a_view_opened_by_hand_offers_the_way_back_to_the_stop():
    at = opened(tour="5")
    at.switch_page("views/cost/page.py").run()
    assert at.query_params["tour"] == "5"
    at.button(key="tour_again").click().run()
    assert at.title[0].value.startswith("Every token")


def test_the_seam_is_crossed():
    for token in ((3, 0), (3, 6), (3, 15)):
        y, x = tour.seam(token, 16, 4)
        assert y == 3 and x % 4 == 0 and x > 0
        assert hatnet.window_of((y, x), (16, 16), 4) != hatnet.window_of((y, x - 1), (16, 16), 4)
    assert tour.seam((3, 5), 16, 16) == (3, 5), "one window has no seam inside"


def test_the_texts_hold_for_every_photograph_and_name_no_number_themselves():
    for name in ("horse_herd", "koala"):
        view = dataclasses.replace(VIEW, image=name)
        found = tour.numbers(view, KNOWN, pictures.sample(name))
        for body in content.sections("content/tour.md").values():
            assert not re.search(r"\d", re.sub(r"\{\w+\}|Eq\. \d+", "", body).replace("exactly 0", "").replace("sum to 1", ""))
            body.format(**found)
