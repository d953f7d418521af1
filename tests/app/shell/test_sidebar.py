"""The sidebar: it shows what the address says, its choices change the page and the address, pictures and checkpoints come and go."""

import numpy as np
import pytest
from PIL import Image

from app.core import checkpoints
from tests.app.explorer import cells, data
from tests.app.pages import opened, text, words
from tests.app.pictures import bomb, encoded
from tests.app.runs import finish


def test_the_address_sets_the_widgets():
    at = opened("explorer", image="horse_herd", stage="3", block="4", head="2", g1="4,6", g2="2,3")
    assert at.selectbox(key="choose_image").value == "horse_herd"
    assert at.button_group(key="choose_stage").value == 3
    assert at.button_group(key="choose_block").value == 4
    assert data(at)["chosen"] == [3, 4, 2]
    assert at.slider(key="choose_g1_3").value == 6 and at.slider(key="choose_g2_3").value == 3
    assert at.slider(key="choose_g1_3").max == 8


def test_a_photograph_s_credit_stands_below_it():
    assert "by NatalieMaynor, CC BY 2.0" in text(opened("cost", image="church_3"))
    assert "CC BY" not in text(opened("cost", image="church_2"))


@pytest.mark.parametrize(
    ("key", "value", "written"),
    [
        ("choose_stage", 3, ("stage", "3")),
        ("choose_block", 1, ("block", "1")),
        ("choose_g1_2", 8, ("g1", "8,4")),
        ("choose_g2_2", 5, ("g2", "5,2")),
        ("choose_image", "bird_owl", ("image", "bird_owl")),
    ],
)
def test_each_choice_changes_all_maps_and_the_address(key, value, written):
    at = opened("explorer", block="2")
    before = cells(at, "local"), cells(at, "global"), cells(at, "hops")
    widget = next(widget for kind in (at.button_group, at.slider, at.selectbox) for widget in kind if widget.key == key)
    widget.set_value(value).run()
    for kind, was in zip(("local", "global", "hops"), before, strict=True):
        assert not np.array_equal(cells(at, kind), was)
    assert at.query_params[written[0]] == written[1]


def upload(at, name, data):
    return at.file_uploader(key="file").set_value((name, data, "image/png")).run()


def test_an_upload_is_shown_and_outlives_a_bad_one():
    at = opened("explorer")
    before = cells(at, "global")
    red = np.zeros((40, 60, 3), np.uint8)
    red[:20, :, 0] = 255
    upload(at, "red.png", encoded(Image.fromarray(red)))
    assert at.query_params["image"] == "upload"
    assert "Yours: red.png" in at.selectbox(key="choose_image").options
    mine = cells(at, "global")
    assert not np.allclose(mine, before)
    assert "Whatever the photograph shows, the answer is one of the model’s 10 classes." in data(at)["prediction"]
    assert "knows</summary><p>airplane, automobile, bird, " in data(at)["prediction"]
    for name, content, said in (
        ("a.png", b"garbage", "a.png is not a picture we can read. Save it again as PNG or JPEG."),
        ("b.png", bomb(10_000, 10_000), "b.png has 100 megapixels."),
        ("<b>.png", b"", "&lt;b&gt;.png is not a picture"),
        ("photo.mov", b"\0\0\0\x14ftypqt  ", "photo.mov is a QuickTime video. Choose a picture: PNG, JPEG, HEIC,"),
    ):
        upload(at, name, content)
        assert said in text(at) and "“red.png” is still shown." in text(at)
        np.testing.assert_array_equal(cells(at, "global"), mine)
    # Numbers that do not fill their type: what the reader made of them is said beside the picture, and only there.
    upload(at, "grey.tif", encoded(Image.fromarray(np.full((40, 40), 200, np.int32)), "TIFF"))
    said = "Its values fit into 8 bits, so 0 to 255 is read as black to white."
    assert [caption.value for caption in at.caption].count(said) == 1 and "is still shown" not in text(at)
    # Another photograph is chosen: the message has done its work only when a good picture comes.
    upload(at, "red.jfif", encoded(Image.fromarray(red).convert("CMYK"), "JPEG"))
    assert "is still shown" not in text(at) and said not in [caption.value for caption in at.caption]


def test_a_run_appears_at_the_next_run_of_the_script(here):
    at = opened("explorer")
    assert not any("run:" in title for title in at.selectbox(key="choose_checkpoint").options)
    finish(here / "runs", "first")
    finish(checkpoints.RUNS, "second")
    finish(checkpoints.RUNS, "first")
    at.run()
    titles = at.selectbox(key="choose_checkpoint").options
    assert {"run: first · 10 classes", "run: second · 10 classes", f"run: first@{here.name} · 10 classes"} <= set(titles)
    at.selectbox(key="choose_checkpoint").set_value("run:second").run()
    assert at.query_params["checkpoint"] == "run:second" and "50 % right on images held out of training" in words(at)
    at.selectbox(key="choose_checkpoint").set_value("cifar10").run()


def test_photographs_that_the_checkpoint_does_not_know_come_last_and_say_so():
    """CIFAR-10’s classes have eight of the twenty subjects: no cow, giraffe, koala, church, parachute, astronaut, cup, rocket or perch."""
    options = opened("explorer").selectbox(key="choose_image").options
    assert options[:2] == ["Cat, close", "Horses"] and "Koala · not known" in options
    assert [option.endswith(" · not known") for option in options] == [False] * 8 + [True] * 12


def test_the_cards_page_says_what_is_asked_and_what_is_right():
    at = opened("explorer", checkpoint="cards")
    assert at.selectbox(key="choose_image").options == [f"Cards {n}" for n in range(1, 7)]
    assert not at.get("file_uploader") and "card with <b>magenta rings</b>" in text(at)
    right = "must name the marked card’s pattern (row 3, column 4 of the cells), which is checker. The answer is right."
    assert right in data(at)["prediction"]
    assert "must name its own card’s pattern" in data(opened("explorer", checkpoint="cards", token="0.6,0.9"))["prediction"]
    assert "This place is blank." in data(opened("explorer", checkpoint="cards", token="0.4,0.4"))["prediction"]
    at.selectbox(key="choose_checkpoint").set_value("cifar10").run()
    assert at.selectbox(key="choose_image").value == "cat_chelsea" and at.query_params["image"] == "cat_chelsea"
    at.selectbox(key="choose_checkpoint").set_value("cards").run()
    assert at.query_params["image"] == "cards_1" and at.query_params["block"] == "1"
