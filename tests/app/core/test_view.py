"""The state in the page's address: what it says is shown, and what cannot be shown is clamped and said."""

import dataclasses

import pytest

from app.core import checkpoints
from app.core.places import home
from app.core.samples import SAMPLES, label_of, offered
from app.core.view import UPLOAD, ViewState, address, default, images
from app.core.view import parse as parsed

NAME = "cifar10"
DEFAULT = "cat_chelsea"
KNOWN = checkpoints.describe(NAME)
CARDS = checkpoints.describe("cards")


def parse(**params):
    return parsed(params, [NAME], checkpoints.describe, has_upload=False, stops=12)


def test_an_empty_address_gives_the_default_without_a_word():
    shown, notices = parse()
    assert notices == [] and shown == default(KNOWN)
    assert label_of(SAMPLES[shown.image], KNOWN.classes), "the default photograph must be one that the checkpoint can know"


def test_an_address_written_is_read_back_the_same():
    view = ViewState(image="bird_owl", checkpoint=NAME, stage=3, block=2, head=3, place=(0.0625, 0.8125), g1=(3, 8), g2=(16, 1))
    assert parse(**address(view)) == (view, [])
    view = dataclasses.replace(view, head=None, equation=13, step=6, tour=9, pixels=224, channels=64)
    assert parse(**address(view)) == (view, [])


@pytest.mark.parametrize(
    ("params", "field", "value", "notice"),
    [
        ({"block": "9"}, "block", 2, "The link asked for block 9; this stage has two. Block 2 is shown."),
        ({"block": "0"}, "block", 1, "The link asked for block 0; this stage has two. Block 1 is shown."),
        ({"stage": "1"}, "stage", 2, "The link asked for stage 1; this checkpoint has stages 2 to 4. Stage 2 is shown."),
        ({"stage": "3", "head": "7"}, "head", 4, "The link asked for head 7; this stage has four. Head 4 is shown."),
        (
            {"equation": "3"},
            "equation",
            2,
            "The link asked for equation 3; the page has Eqs. 1 to 3 as equation 2, and Eqs. 6 to 15. Equation 2 is shown.",
        ),
        ({"equation": "5"}, "equation", 6, "The link asked for equation 5; the page has Eqs. 1 to 3 as equation 2, and Eqs. 6 to 15."),
        ({"step": "8"}, "step", 7, "The link asked for card 8; the Start page has seven cards. Card 7 is shown."),
        ({"tour": "13"}, "tour", 12, "The link asked for tour 13; the tour has twelve stops. Tour 12 is shown."),
        (
            {"pixels": "9999"},
            "pixels",
            1024,
            "The link asked for pixels 9999; 0 stands for the model’s own, and 1024 is the maximum. Pixels 1024 is shown.",
        ),
        ({"stage": "x"}, "stage", 2, "The link asked for stage “x”, which is not a whole number. Stage 2 is shown."),
        ({"g1": "0,4"}, "g1", (1, 4), "The link asked for G1 0; stage 2 is 16 tokens wide. 1 is used."),
        ({"g2": "2,99"}, "g2", (2, 8), "The link asked for G2 99; stage 3 is 8 tokens wide. 8 is used."),
        (
            {"g1": "4"},
            "g1",
            KNOWN.config.g1,
            "The link asked for G1 “4”; expected two whole numbers, such as 4,4. The trained ones are used.",
        ),
        ({"token": "2,0.5"}, "place", (1.0, 0.5), "The link asked for a token outside the picture. The nearest one is shown."),
        ({"token": "nan,0"}, "place", home(DEFAULT, KNOWN, 2), "The link asked for token “nan,0”; expected two fractions"),
        ({"image": "unicorn"}, "image", DEFAULT, "The link asked for picture “unicorn”, which is not here. “Cat, close” is shown."),
        ({"image": "upload"}, "image", DEFAULT, "The link asked for a photograph that somebody uploaded; uploads are not kept."),
        ({"image": "cards_1"}, "image", DEFAULT, "The link asked for “Cards 1”, which does not go with checkpoint cifar10."),
        ({"image": ""}, "image", DEFAULT, "The link asked for picture “”, which is not here. “Cat, close” is shown."),
        ({"stage": ""}, "stage", 2, "The link asked for stage “”, which is not a whole number. Stage 2 is shown."),
        ({"block": "nan"}, "block", 2, "The link asked for block “nan”, which is not a whole number. Block 2 is shown."),
        ({"block": "1.5"}, "block", 2, "The link asked for block “1.5”, which is not a whole number. Block 2 is shown."),
        ({"head": "-3"}, "head", 1, "The link asked for head -3; this stage has two. Head 1 is shown."),
        ({"head": ""}, "head", 1, "The link asked for head “”, which is not a whole number. Head 1 is shown."),
        ({"stage": "9" * 4000}, "stage", 4, f"The link asked for stage {'9' * 40}…; this checkpoint has stages 2 to 4."),
        ({"stage": "9" * 9000}, "stage", 2, f"The link asked for stage “{'9' * 40}…”, which is not a whole number."),
        (
            {"channels": "-1"},
            "channels",
            0,
            "The link asked for channels -1; 0 stands for the stage’s own, and 1024 is the maximum. Channels 0 is shown.",
        ),
        (
            {"g1": ""},
            "g1",
            KNOWN.config.g1,
            "The link asked for G1 “”; expected two whole numbers, such as 4,4. The trained ones are used.",
        ),
        ({"g2": "nan,2"}, "g2", KNOWN.config.g2, "The link asked for G2 “nan,2”; expected two whole numbers, such as 2,2."),
        ({"g1": "-4,4"}, "g1", (1, 4), "The link asked for G1 -4; stage 2 is 16 tokens wide. 1 is used."),
        ({"token": "-inf,1e999"}, "place", (0.0, 1.0), "The link asked for a token outside the picture. The nearest one is shown."),
        ({"token": ""}, "place", home(DEFAULT, KNOWN, 2), "The link asked for token “”; expected two fractions"),
        ({"token": "0.5"}, "place", home(DEFAULT, KNOWN, 2), "The link asked for token “0.5”; expected two fractions"),
        ({"checkpoint": ""}, "checkpoint", NAME, f"The link asked for checkpoint “”, which is not here. {NAME} is shown."),
        ({"checkpoint": "gone"}, "checkpoint", NAME, f"The link asked for checkpoint “gone”, which is not here. {NAME} is shown."),
    ],
)
def test_what_cannot_be_shown_is_clamped_and_said(params, field, value, notice):
    shown, (said,) = parse(**params)
    assert getattr(shown, field) == value
    assert said.startswith(notice)
    # Everything else in the link is kept.
    assert parse(**params | {"image": "koala"})[0].image == "koala" or field == "image"


def test_unknown_parameters_are_ignored():
    assert parse(utm_source="mail", Stage="4", g3="7") == (default(KNOWN), [])


def test_pictures_go_with_their_checkpoints():
    view = dataclasses.replace(default(KNOWN), image="koala", place=(0.9, 0.9), stage=4, equation=9)
    there = view.fitted(CARDS)
    assert (there.image, there.place, there.stage, there.block) == ("cards_1", home("cards_1", CARDS, 2), 2, 1)
    assert (there.g1, there.equation) == ((3,), 9)
    assert there.fitted(KNOWN) == dataclasses.replace(default(KNOWN), equation=9)
    other = dataclasses.replace(KNOWN, name="other", classes=("koala",))
    assert view.fitted(other).image == "koala", "a photograph goes with every checkpoint of photographs"
    assert images(CARDS, has_upload=True) == [f"cards_{n}" for n in range(1, 7)] == offered(True)
    assert UPLOAD in images(KNOWN, has_upload=True)
    params = {"checkpoint": "cards", "image": "koala", "token": "0.9,0.9"}
    shown, (said,) = parsed(params, [NAME, "cards"], checkpoints.describe, has_upload=True, stops=12)
    assert said == "The link asked for “Koala”, which does not go with checkpoint cards. “Cards 1” is shown."
    assert (shown.image, shown.place) == ("cards_1", (0.9, 0.9))


def test_a_file_written_anew_with_another_shape_still_fits_the_state():
    view = dataclasses.replace(default(KNOWN), g1=(16, 8), g2=(2, 8), stage=4, block=2)
    smaller = dataclasses.replace(KNOWN, image_size=16)
    assert view.fitted(smaller).g1 == (8, 4) and view.fitted(smaller).g2 == (2, 4)
    fewer = dataclasses.replace(KNOWN, config=CARDS.config, image_size=48)
    assert view.fitted(fewer).g1 == (3,) and view.fitted(fewer).stage == 2


def test_another_stage_keeps_the_place_and_drops_what_it_does_not_have():
    view = dataclasses.replace(default(KNOWN), stage=4, block=2, head=8, place=(0.1, 0.9))
    there = dataclasses.replace(view, stage=2).fitted(KNOWN)
    assert (there.place, there.block, there.head) == ((0.1, 0.9), 2, None)
