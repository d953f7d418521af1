"""The state in the page's address: what it says is shown, and what cannot be shown is clamped and said."""

import dataclasses

import pytest

from app import services, state
from app.figures import colours
from app.samples import DEFAULT, FOLDER, SAMPLES, label_of

NAME = services.checkpoint_names()[0]
KNOWN = services.checkpoint(NAME)


def parse(**params):
    return state.parse(params, [NAME], services.checkpoint, has_upload=False)


def test_an_empty_address_gives_the_default_without_a_word():
    shown, notices = parse()
    assert notices == [] and shown == state.default(KNOWN)
    assert label_of(SAMPLES[shown.image], KNOWN.classes), "the default photograph must be one that the checkpoint can know"


def test_an_address_written_is_read_back_the_same():
    view = state.State(
        image="bird_owl", checkpoint=NAME, stage=3, block=2, head=3, place=(0.0625, 0.8125), g1=(3, 8), g2=(16, 1)
    )
    assert parse(**state.address(view)) == (view, [])
    view = dataclasses.replace(view, head=None, equation=13, step=6, tour=9, pixels=224, channels=64)
    assert parse(**state.address(view)) == (view, [])


@pytest.mark.parametrize(
    ("params", "field", "value", "notice"),
    [
        ({"block": "9"}, "block", 2, "The link asked for block 9; this stage has two. Block 2 is shown."),
        ({"block": "0"}, "block", 1, "The link asked for block 0; this stage has two. Block 1 is shown."),
        ({"stage": "1"}, "stage", 2, "The link asked for stage 1; this checkpoint has stages 2 to 4. Stage 2 is shown."),
        ({"stage": "3", "head": "7"}, "head", 4, "The link asked for head 7; this stage has four. Head 4 is shown."),
        ({"equation": "3"}, "equation", 6, "The link asked for equation 3; the view has Eqs. 6 to 15. Equation 6 is shown."),
        ({"step": "8"}, "step", 7, "The link asked for step 8; the Start view has seven cards. Step 7 is shown."),
        ({"tour": "13"}, "tour", 12, "The link asked for tour 13; the tour has twelve stops. Tour 12 is shown."),
        ({"pixels": "9999"}, "pixels", 1024, "The link asked for pixels 9999; the Cost view goes up to 1024. Pixels 1024 is shown."),
        ({"stage": "x"}, "stage", 2, "The link asked for stage “x”, which is no number. Stage 2 is shown."),
        ({"g1": "0,4"}, "g1", (1, 4), "The link asked for G1 0; that stage is 16 tokens wide. 1 is used."),
        ({"g2": "2,99"}, "g2", (2, 8), "The link asked for G2 99; that stage is 8 tokens wide. 8 is used."),
        ({"g1": "4"}, "g1", KNOWN.config.g1, "The link asked for G1 “4”; two whole numbers are wanted, like 4,4. Those are used."),
        ({"token": "2,0.5"}, "place", (1.0, 0.5), "The link asked for a token outside the picture. The nearest one is shown."),
        ({"token": "nan,0"}, "place", SAMPLES[DEFAULT].place, "The link asked for token “nan,0”; two fractions are wanted"),
        ({"image": "unicorn"}, "image", DEFAULT, "The link asked for photograph “unicorn”, which is not here. “Horses” is shown."),
        ({"image": "upload"}, "image", DEFAULT, "The link showed somebody's own photograph, which never left their visit."),
        ({"checkpoint": "gone"}, "checkpoint", NAME, f"The link asked for checkpoint “gone”, which is not here. {NAME} is shown."),
    ],
)
def test_what_cannot_be_shown_is_clamped_and_said(params, field, value, notice):
    shown, (said,) = parse(**params)
    assert getattr(shown, field) == value
    assert said.startswith(notice)
    # Everything else in the link is kept.
    assert parse(**params | {"image": "koala"})[0].image == "koala" or field == "image"


def test_another_stage_keeps_the_place_and_drops_what_it_does_not_have():
    view = dataclasses.replace(state.default(KNOWN), stage=4, block=2, head=8, place=(0.1, 0.9))
    there = dataclasses.replace(view, stage=2).fitted(KNOWN)
    assert (there.place, there.block, there.head) == ((0.1, 0.9), 2, None)


def test_every_sample_is_listed_licensed_and_inside():
    assert {path.stem for path in FOLDER.glob("*.jpg")} == set(SAMPLES)
    licences = (FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    for key, sample in SAMPLES.items():
        assert f"### {key}.jpg" in licences
        assert all(0 <= fraction < 1 for fraction in sample.place)


def test_labels_of_samples_in_a_class_list():
    cifar = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    found = {key: label_of(sample, cifar) for key, sample in SAMPLES.items()}
    outside = {key for key, label in found.items() if label is None}
    assert outside == {"cow", "giraffe", "koala", "astronaut", "coffee_cup", "rocket"}
    assert found["deer_moose"] == "deer" and found["bird_owl"] == "bird"


def test_the_theme_repeats_the_colours():
    config = (FOLDER.parent / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    light, dark = config.split("[theme.light]")[1].split("[theme.dark]")
    for text, palette in ((light, colours.LIGHT), (dark, colours.DARK)):
        for option, colour in (("textColor", palette.ink), ("backgroundColor", palette.page), ("borderColor", palette.line)):
            assert f'{option} = "{colour}"' in text
        assert f'secondaryBackgroundColor = "{palette.side}"' in text
