"""The breaks that are kept: they break still, and the tour can lead to them."""

import dataclasses
import json

import pytest
import torch

from app.core import checkpoints, content, pictures, tour_breaks
from app.core.inference import normalised
from app.core.samples import SAMPLES, label_of
from app.views.grids.accuracy import sides_offered
from tests.app.default_view import KNOWN

KEPT = json.loads(content.text(tour_breaks.FILE))


def answer(checkpoint, image, g1, g2):
    model = checkpoints.model(checkpoint.name)  # outside of inference mode: it is kept, and other tests need its gradients
    with torch.inference_mode():
        images = normalised(checkpoint, pictures.model_input(pictures.sample(image), checkpoint.image_size))
        return checkpoint.classes[model(images, g1, g2).argmax()]


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_break_is_right_as_trained_survives_the_doubling_and_breaks_where_the_file_says(name):
    checkpoint = checkpoints.describe(name)
    found, config = tour_breaks.kept(checkpoint), checkpoint.config
    right, index = label_of(SAMPLES[found.image], checkpoint.classes), checkpoint.hierarchical.index(found.stage)
    g1, g2 = tour_breaks.doubled(checkpoint, found.stage)
    assert answer(checkpoint, found.image, config.g1, config.g2) == right == answer(checkpoint, found.image, g1, g2)
    assert answer(checkpoint, found.image, *tour_breaks.with_sides(checkpoint, found.stage, found.g1, found.g2)) != right
    # One of the sides, or both, at its extreme, the other as at the stop; and on the page that its question stands on.
    whole = checkpoint.grid(found.stage)
    assert (found.g1, found.g2) in {(1, g2[index]), (g1[index], whole), (1, whole)}
    for side, shown in ((found.g1, g1[index]), (found.g2, g2[index])):
        assert side in sides_offered(checkpoint.grid(found.stage), shown)


def test_the_checkpoint_that_opens_first_has_one_and_an_unknown_one_has_none():
    assert tour_breaks.kept(KNOWN) is not None
    assert tour_breaks.kept(dataclasses.replace(KNOWN, name="run:mine")) is None


def test_at_an_extreme_a_window_has_one_token_or_one_cell_the_whole_map():
    assert tour_breaks.extremes(KNOWN, 2) == [(1, 4), (8, 16), (1, 16)]


def test_sides_of_one_stage():
    """cifar10: G1 4, 4 and G2 2, 2 on 16 x 16 and 8 x 8 tokens."""
    assert tour_breaks.with_sides(KNOWN, 3, 7, 5) == ((4, 7), (2, 5))
    assert tour_breaks.doubled(KNOWN, 2) == ((8, 4), (4, 2))
    small = dataclasses.replace(KNOWN, config=dataclasses.replace(KNOWN.config, g1=(4, 5)))
    assert tour_breaks.doubled(small, 3) == ((4, 8), (2, 4)), "no larger than the map"
