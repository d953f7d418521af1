"""Accuracies and confusions counted by hand."""

import pytest
import torch

import hatnet
from hatnet import data, evaluation, preprocessing


def test_confusion_and_accuracy():
    images = data.Images(pixels=torch.zeros(4, 3, 1, 1), labels=torch.tensor([0, 1, 1, 2]), classes=("a", "b", "c"))
    predicted = torch.tensor([0, 1, 0, 1])
    assert evaluation.confusion(predicted, images).tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert evaluation.accuracy(predicted, images) == 0.5
    weights = torch.tensor([[0.5, 0.5, 0], [0.5, 0.25, 0.25]])
    places = data.Images(pixels=torch.zeros(2), labels=torch.tensor([[0, 1, -100], [1, 1, 0]]), classes=("a", "b"), weights=weights)
    predicted = torch.tensor([[0, 0, 0], [0, 1, 0]])
    assert evaluation.confusion(predicted, places).tolist() == [[2, 0], [2, 1]]
    assert evaluation.accuracy(predicted, places) == pytest.approx((0.5 + 0.5) / 2)


def test_a_shard_predicts_its_own_images():
    model = hatnet.create_model("hatnet_cards", 4).train()
    images = data.Images(pixels=torch.randint(0, 256, (5, 3, 48, 48), dtype=torch.uint8), labels=torch.zeros(5, 4, 4).long(), classes=())
    whole = evaluation.predict(model, images, [0.5] * 3, [0.25] * 3)
    assert model.training and torch.equal(evaluation.predict(model, images, [0.5] * 3, [0.25] * 3, batch_size=2), whole)
    shard = evaluation.predict(model, images, [0.5] * 3, [0.25] * 3, shard=slice(1, None, 2))
    assert torch.equal(shard[1::2], whole[1::2]) and (shard[::2] == -1).all()


@pytest.mark.parametrize("side, batches", [(32, [256, 44]), (128, [16, 16, 8]), (600, [1, 1, 1])])
def test_a_batch_has_a_bounded_number_of_pixels(side, batches):
    """2^18: 256 images of 32 x 32, 16 of 128 x 128, one where even one has more."""
    seen, model = [], torch.nn.Conv2d(3, 4, 1)
    model.register_forward_pre_hook(lambda _, images: seen.append(len(images[0])))
    pixels = torch.zeros(1, 3, side, side, dtype=torch.uint8).expand(sum(batches), -1, -1, -1)
    images = data.Images(pixels=pixels, labels=torch.zeros(len(pixels), 1, 1).long(), classes=())
    evaluation.predict(torch.nn.Sequential(model, torch.nn.AdaptiveAvgPool2d(1)), images, [0.5] * 3, [0.25] * 3)
    assert seen == batches


def test_a_model_that_knows_more_classes():
    """Labels by name; predictions among all classes, and among the data's only: against the logits themselves."""
    known = ("ant", "bee", "cat", "dog", "eel")
    model = hatnet.create_model("hatnet_compact", 5, depths=(1, 1, 1)).eval()
    torch.nn.init.normal_(model.classifier.weight, std=5)
    pixels = torch.randint(0, 256, (9, 3, 1, 1), dtype=torch.uint8).expand(-1, -1, 32, 32)
    found = data.Images(pixels=pixels, labels=torch.arange(9) % 3, classes=("cat", "n1", "n2"))
    names = {"n1": "ant", "n2": "cat", "n9": "zebra"}
    assert evaluation.labels_of(found.classes, known, names) == [2, 0, 2]
    images = evaluation.relabelled(found, known, names)
    assert images.labels.tolist() == [2, 0, 2] * 3 and images.classes == known
    with torch.inference_mode():
        logits = model(preprocessing.normalise(images.pixels, [0.5] * 3, [0.25] * 3))
    assert torch.equal(evaluation.predict(model, images, [0.5] * 3, [0.25] * 3), logits.argmax(1))
    among = evaluation.predict(model, images, [0.5] * 3, [0.25] * 3, among=[0, 2])
    assert among.tolist() == [0 if row[0] > row[2] else 2 for row in logits.tolist()] and len(among.unique()) == 2
    places = data.Images(pixels=torch.zeros(1), labels=torch.tensor([[0, -100]]), classes=("bee",))
    assert evaluation.relabelled(places, known, {}).labels.tolist() == [[1, -100]]


def test_classes_that_a_model_does_not_know():
    known = ("tabby", "crane", "crane")
    with pytest.raises(ValueError, match=r"does not know Taby \(nearest: tabby\), n0144.*--names"):
        evaluation.labels_of(("Taby", "n0144"), known, {})
    with pytest.raises(ValueError, match="does not know x; it knows tabby, crane, crane"):
        evaluation.labels_of(("x",), known, {})
    with pytest.raises(ValueError, match="several classes called crane"):
        evaluation.labels_of(("crane",), known, {})
    assert evaluation.labels_of(known, known, {}) == [0, 1, 2]


@pytest.mark.parametrize("known", [("tench", "beagle"), ("n01440764", "n02088364"), ("n01440764", "beagle")])
@pytest.mark.parametrize("classes", [("beagle", "tench"), ("n02088364", "n01440764")])
def test_a_wordnet_id_and_its_word_are_one_name(classes, known):
    assert evaluation.labels_of(classes, known, {}) == [1, 0]


def test_what_a_file_of_names_says_goes_before_the_words():
    for classes in (("n02088364", "n01440764"), ("beagle", "tench")):
        assert evaluation.labels_of(classes, ("fish", "dog"), {"n02088364": "dog", "n01440764": "fish"}) == [1, 0]
