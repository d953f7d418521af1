"""Where pictures open: the file has a token for every checkpoint, picture and stage, and what it does not know has a place too."""

import dataclasses
import json

import pytest

import hatnet
from app.core import checkpoints, content, places
from app.core.samples import SAMPLES, offered
from app.core.view import UPLOAD, address, default, parse
from tests.app.default_view import KNOWN

KEPT = json.loads(content.text(places.FILE))


def test_every_shipped_checkpoint_has_a_token_of_its_grid_for_each_of_its_pictures_in_each_stage():
    assert KEPT.keys() == set(hatnet.list_checkpoints())
    for name, pictures in KEPT.items():
        checkpoint = checkpoints.describe(name)
        assert pictures.keys() == set(offered(checkpoint.cards)), name
        for image, tokens in pictures.items():
            assert tokens.keys() == set(map(str, checkpoint.config.stages)), (name, image)
            for stage, token in tokens.items():
                side = checkpoint.grid(int(stage))
                assert len(token) == 2 and all(0 <= at < side for at in token), (name, image, stage)
                # Only the asking cell, the top left of 4 x 4, is asked for a card elsewhere.
                assert not checkpoint.cards or max(token) < side / 4


def test_a_picture_opens_in_the_middle_of_its_token():
    row, column = KEPT["cifar10"]["koala"]["3"]
    assert places.home("koala", KNOWN, 3) == ((row + 0.5) / 8, (column + 0.5) / 8)


@pytest.mark.parametrize("stage", KNOWN.config.stages)
def test_without_an_entry_it_opens_on_its_subject_and_an_upload_in_its_middle(stage):
    run = dataclasses.replace(KNOWN, name="run:mine")
    assert places.home("koala", run, stage) == SAMPLES["koala"].place
    assert places.home(UPLOAD, KNOWN, stage) == (0.5, 0.5)


def test_home_is_recognised_as_an_address_writes_it_and_no_other_token_is():
    for name in ("objects224", "cifar10"):
        checkpoint = checkpoints.describe(name)
        for stage in checkpoint.config.stages:
            view = dataclasses.replace(default(checkpoint), stage=stage, block=1)
            y, x = places.home(view.image, checkpoint, stage)
            params = address(dataclasses.replace(view, place=(y, x)))
            back, _ = parse(params, [name], checkpoints.describe, has_upload=False, stops=12)
            assert places.is_home(back.place, view.image, checkpoint, stage)
            assert not places.is_home((y, x + 1 / checkpoint.grid(stage)), view.image, checkpoint, stage)


def test_an_address_without_a_token_opens_at_the_home_of_its_picture_and_stage_and_one_with_a_token_at_that():
    for params, place in (({}, places.home("koala", KNOWN, 4)), ({"token": "0.1,0.9"}, (0.1, 0.9))):
        asked = {"image": "koala", "stage": "4"} | params
        assert parse(asked, ["cifar10"], checkpoints.describe, has_upload=False, stops=12)[0].place == place
