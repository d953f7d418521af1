"""Attribution methods against answers found in another way."""

import numpy as np
import pytest
import torch

import hatnet
from app.core import checkpoints, pictures
from app.views.why import attribution
from hatnet.preprocessing import normalise

TARGET = 3


def test_integrated_gradients_are_complete(monkeypatch):
    """All pixels together: what the logit gains from the mean colour to the picture. On trained weights: with random ones
    GroupNorm makes the logit jump just beside the mean colour, where no number of steps is enough."""
    monkeypatch.undo()  # as many steps as on the page
    known, picture = checkpoints.describe("cifar10"), pictures.sample("cat_chelsea")
    trained = hatnet.load_checkpoint("cifar10")
    pixels = torch.tensor(pictures.model_input(picture, known.image_size)).permute(2, 0, 1)
    image, target = normalise(pixels, known.mean, known.std)[None], known.classes.index("cat")
    parts = attribution.integrated_gradients(trained, image, target)
    with torch.no_grad():
        gain = (trained(image) - trained(torch.zeros_like(image)))[0, target].item()
    assert parts.shape == (32, 32) and gain > 1
    assert parts.sum() == pytest.approx(gain, rel=0.05)


def test_integrated_gradients_of_a_linear_model_are_weight_times_pixel(image):
    weights = torch.randn(3, 32, 32)
    parts = attribution.integrated_gradients(lambda x: (x * weights).sum((1, 2, 3))[:, None] * torch.ones(5), image, TARGET)
    np.testing.assert_allclose(parts, (weights * image[0]).sum(0), rtol=1e-4, atol=1e-4)


def test_occlusion_is_the_naive_loop(model, image):
    """Squares of 4 x 4 pixels, 2 apart, hidden one after the other."""
    corners = [(top, left) for top in range(0, 29, 2) for left in range(0, 29, 2)]
    hidden = image.repeat(len(corners), 1, 1, 1)
    for picture, (top, left) in zip(hidden, corners, strict=True):
        picture[:, top : top + 4, left : left + 4] = 0
    with torch.no_grad():
        falls = (model(image) - model(hidden))[:, TARGET].tolist()
    fallen, covered = np.zeros((32, 32)), np.zeros((32, 32))
    for fall, (top, left) in zip(falls, corners, strict=True):
        fallen[top : top + 4, left : left + 4] += fall
        covered[top : top + 4, left : left + 4] += 1
    np.testing.assert_allclose(attribution.occlusion(model, image, TARGET), fallen / covered, atol=1e-5)


@pytest.mark.parametrize("stage", [2, 3, 4])
def test_grad_cam_by_hand(model, image, stage):
    """Gradients taken through the whole model, with other grids than its own."""
    g1, g2 = (3, 5), (4, 1)
    features = model.forward_features(image, g1, g2)
    x = features[stage - 2]
    slopes = torch.autograd.grad(model.forward_head(features)[0, TARGET], x)[0]
    expected = (slopes.mean((2, 3), keepdim=True) * x).sum(1)[0].detach()
    np.testing.assert_allclose(attribution.grad_cam(model, image, TARGET, stage, g1, g2), expected, atol=1e-6)


def one_bright_square(images):
    """Two classes; the logit of class 0 counts the light in the square of rows 4..7 and columns 8..11."""
    logit = images[:, :, 4:8, 8:12].sum((1, 2, 3))
    return torch.stack([logit, torch.zeros_like(logit)], 1)


def test_curves_end_where_picture_and_empty_picture_do(image):
    inserted, deleted = attribution.curves(one_bright_square, image, 0, np.random.default_rng(0).random((16, 16)))
    full, empty = (one_bright_square(x).softmax(-1)[0, 0].item() for x in (image, torch.zeros_like(image)))
    assert (inserted[0], inserted[-1]) == pytest.approx((empty, full))
    assert (deleted[0], deleted[-1]) == pytest.approx((full, empty))
    assert len(inserted) == len(deleted) == attribution.STEPS + 1


def test_the_best_squares_come_first():
    light = torch.ones(1, 3, 32, 32)
    values = np.zeros((8, 8))
    values[1, 2] = 1  # the 4 x 4 pixels that count, as one of 64 squares: the first sixteenth has it
    inserted, deleted = attribution.curves(one_bright_square, light, 0, values)
    assert inserted[0] == deleted[-1] == 0.5
    assert inserted[1:] == pytest.approx(1) and deleted[1:] == pytest.approx(0.5)
    # The other way round, it comes last.
    inserted, deleted = attribution.curves(one_bright_square, light, 0, -values)
    assert inserted[:-1] == pytest.approx(0.5) and deleted[:-1] == pytest.approx(1)


def test_equal_squares_have_an_order_that_is_neither_reading_order_nor_chance():
    order = attribution.ranking(np.zeros((4, 4)))
    assert sorted(order) == list(range(16)) and order.tolist() != list(range(16))
    assert order.tolist() == attribution.ranking(np.zeros((4, 4))).tolist()
    assert attribution.ranking(np.array([[0.1, 0.9], [-2, 0.5]])).tolist() == [1, 3, 0, 2]


def test_maps_are_averaged_onto_coarser_cells_and_repeated_on_finer_ones():
    values = np.arange(16.0).reshape(4, 4)
    np.testing.assert_allclose(attribution.on_grid(values, (2, 2)), [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_allclose(attribution.on_grid(values, (8, 8)), values.repeat(2, 0).repeat(2, 1))


def test_random_weights_are_another_model_and_leave_the_dice_alone(model):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    private = attribution.random_weights(model)
    assert torch.equal(torch.rand(1), expected)
    ours = {parameter.data_ptr() for parameter in model.parameters()}
    assert not ours & {parameter.data_ptr() for parameter in private.parameters()} and not private.training
    assert not torch.equal(private.classifier.weight, model.classifier.weight)
