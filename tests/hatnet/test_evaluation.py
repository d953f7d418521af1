"""Accuracies and confusions counted by hand."""

import pytest
import torch

import hatnet
from hatnet import data, evaluation


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
