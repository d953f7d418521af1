"""The sample photographs: licensed, found among class names, and which of them opens."""

from app.core import checkpoints
from app.core.samples import FOLDER, SAMPLES, label_of, offered

KNOWN = checkpoints.describe("cifar10")
CARDS = checkpoints.describe("cards")
OBJECTS = checkpoints.describe("objects224")


def test_the_first_photograph_is_one_that_the_checkpoint_knows():
    assert offered(False, KNOWN.classes)[0] == "cat_chelsea"
    assert offered(False, ("accordion", "cup", "Faces", "Faces_easy", "wild_cat"))[0] == "astronaut"
    assert offered(False, ("accordion", "cup"))[0] == "coffee_cup"
    assert offered(False, ("tench",))[0] == "cat_chelsea" and offered(True, CARDS.classes)[0] == "cards_1"


def test_a_checkpoint_lists_the_photographs_of_its_classes_first():
    photographs = offered(False, OBJECTS.classes)
    known = {"church_1", "church_2", "church_3", "parachute_1", "parachute_2", "fish_1", "coffee_cup", "astronaut"}
    assert set(photographs[:8]) == known and sorted(photographs) == sorted(offered(False, KNOWN.classes))
    assert not known & set(offered(False, KNOWN.classes)[:8]), "CIFAR-10 has animals"


def test_a_licence_that_wants_a_name_has_it_beside_the_photograph():
    """Where a licence is CC BY, the sample has the credit that LICENSES.md gives."""
    licences = (FOLDER / "LICENSES.md").read_text(encoding="utf-8").split("### ")[1:]
    wanting = {entry.split(".jpg")[0]: entry for entry in licences if "licence: CC BY" in entry}
    assert wanting.keys() == {key for key, sample in SAMPLES.items() if sample.credit} == {"church_3"}
    for key, entry in wanting.items():
        assert entry.split("- author: ")[1].splitlines()[0] in SAMPLES[key].credit and "CC BY 2.0" in SAMPLES[key].credit


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
    objects = {"church_1", "church_2", "church_3", "parachute_1", "parachute_2", "fish_1"}
    assert outside == {"cow", "giraffe", "koala", "astronaut", "coffee_cup", "rocket"} | objects
    assert found["deer_moose"] == "deer" and found["bird_owl"] == "bird"
