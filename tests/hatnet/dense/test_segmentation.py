"""Semantic FPN against its equation, written out, and its up-sampling against one pixel at a time."""

import math

import pytest
import torch
import torch.nn.functional as F

from hatnet.dense import semantic_fpn
from hatnet.dense.segmentation import enlarge
from tests.hatnet.dense.models import body, small


def naive_enlarge(x, factor, h, w):
    """Bilinear, one pixel at a time: the middle of pixel y lies at (y + 0.5) / factor - 0.5 tokens; beyond the outer tokens, these."""
    out = torch.zeros(*x.shape[:2], h, w)
    for y in range(h):
        for x_ in range(w):
            sy, sx = ((at + 0.5) / factor - 0.5 for at in (y, x_))
            for ty in (math.floor(sy), math.floor(sy) + 1):
                for tx in (math.floor(sx), math.floor(sx) + 1):
                    share = (1 - abs(sy - ty)) * (1 - abs(sx - tx))
                    row, column = min(max(ty, 0), x.shape[2] - 1), min(max(tx, 0), x.shape[3] - 1)
                    out[..., y, x_] += share * x[..., row, column]
    return out


@pytest.mark.parametrize("factor, h, w", [(2, 6, 10), (2, 5, 9), (4, 12, 20), (4, 9, 17), (4, 13, 22)])
def test_enlarging_against_one_pixel_at_a_time(factor, h, w):
    """Maps of 3 x 5: whole, cut because the last token hangs over the edge, and, last, too small."""
    x = torch.randn(2, 3, 3, 5)
    torch.testing.assert_close(enlarge(x, factor, (h, w)), naive_enlarge(x, factor, h, w))


def test_the_head_against_its_equation():
    model, images = small("semantic_fpn"), torch.randn(2, 3, 64, 128)
    c = model.head.branches

    def u(x, factor=2):
        return F.interpolate(x, (x.shape[2] * factor, x.shape[3] * factor), mode="bilinear", align_corners=False)

    with torch.no_grad():
        p2, p3, p4, p5 = model.backbone(images).values()
        total = c[0][0](p2) + u(c[1][0](p3)) + u(c[2][1](u(c[2][0](p4)))) + u(c[3][2](u(c[3][1](u(c[3][0](p5))))))
        wanted = u(model.head.classifier(total), 4)
        torch.testing.assert_close(model(images), wanted)
    assert [len(branch) for branch in c] == [1, 1, 2, 3]
    assert {type(layer[1]).__name__ for branch in c for layer in branch} == {"BatchNorm2d"} and c[0][0][0].bias is None


@pytest.mark.parametrize("size", [(32, 32), (33, 64), (75, 141), (180, 240)])
def test_logits_have_the_input_s_size(size):
    with torch.no_grad():
        logits = small("semantic_fpn", 7)(torch.randn(1, 3, *size))
    assert logits.shape == (1, 7, *size) and logits.isfinite().all()


def test_a_token_stays_over_its_pixels_whatever_the_size():
    """Of one map, the pixels of a smaller image are those of a larger one, cut: nothing is resized to fit."""
    x = torch.randn(1, 2, 5, 7)
    torch.testing.assert_close(enlarge(x, 4, (18, 25)), enlarge(x, 4, (20, 28))[..., :18, :25])


def test_the_patch_stem_too():
    model = semantic_fpn(body(stem="patch"), 3, channels=8).eval()
    with torch.no_grad():
        assert model(torch.randn(1, 3, 71, 67)).shape == (1, 3, 71, 67)


def test_every_parameter_learns_and_the_loss_falls():
    model = small("semantic_fpn", 3).train()
    images = torch.rand(2, 3, 64, 64)
    labels = (images[:, 0] > images[:, 1]).long()
    labels[:, :4] = 255
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(4):
        loss = F.cross_entropy(model(images), labels, ignore_index=255)
        optimiser.zero_grad()
        loss.backward()
        losses.append(loss.item())
        assert not [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
        optimiser.step()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    "images, message",
    [
        (torch.zeros(1, 3, 31, 64), "images are 31 x 64 pixels; each side must be at least 32"),
        (torch.zeros(3, 64, 64), r"images are \[3, 64, 64\]; wanted a tensor \[batch, 3, height, width\]"),
        (torch.zeros(1, 4, 64, 64), "images have 4 channels"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "wanted floating point"),
        ([torch.zeros(3, 64, 64)], "images are list"),
    ],
)
def test_images_that_do_not_fit(images, message):
    with pytest.raises(ValueError, match=message):
        small("semantic_fpn")(images)
