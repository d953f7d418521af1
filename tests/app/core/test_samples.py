"""The sample photographs: licensed, found among class names, and which of them opens."""

from app.core import checkpoints
from app.core.samples import FOLDER, SAMPLES, first, label_of, offered

KNOWN = checkpoints.describe("cifar10")
CARDS = checkpoints.describe("cards")


def test_the_first_photograph_is_one_that_the_checkpoint_knows():
    assert first(False, KNOWN.classes) == "cat_chelsea"
    assert first(False, ("accordion", "cup", "Faces", "Faces_easy", "wild_cat")) == "astronaut"
    assert first(False, ("accordion", "cup")) == "coffee_cup"
    assert first(False, ("tench",)) == "cat_chelsea" and first(True, CARDS.classes) == "cards_1"


def test_every_sample_is_listed_licensed_and_inside():
    assert {path.stem for path in FOLDER.glob("*.jpg")} == set(offered(cards=False))
    licences = (FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    for key, sample in SAMPLES.items():
        assert f"### {key}.jpg" in licences or sample.seed is not None
        assert all(0 <= fraction < 1 for fraction in sample.place)


def test_labels_of_samples_in_a_class_list():
    cifar = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    found = {key: label_of(SAMPLES[key], cifar) for key in offered(cards=False)}
    outside = {key for key, label in found.items() if label is None}
    assert outside == {"cow", "giraffe", "koala", "astronaut", "coffee_cup", "rocket"}
    assert found["deer_moose"] == "deer" and found["bird_owl"] == "bird"
