"""Checks of notebook 7, train one: drawn cards, and models so simple that their logits are known."""

import itertools
import math

import numpy as np
import torch
from torch import Tensor

from hatnet import cards
from hatnet.data import IGNORED
from tutorials.checks.grading import Wrong, call, check, compare, number, random, random_weights, scalar, several

__all__ = ["card_loss", "questions", "pointing", "far_change", "may_read", "cheapest"]


@check
def card_loss(student) -> str:
    """card_loss(logits, labels, weights)."""
    for count, seed in ((3, 0), (7, 1)):
        drawn = cards.draw(count, torch.Generator().manual_seed(seed), full=0.4)
        logits = random(count, 4, 4, 4, seed=seed)
        values = logits.numpy().astype(np.float64)
        single = np.zeros((count, 4, 4))
        for b, y, x in itertools.product(range(count), range(4), range(4)):
            if (label := drawn.labels[b, y, x].item()) != IGNORED:
                single[b, y, x] = np.log(np.exp(values[b, :, y, x]).sum()) - values[b, label, y, x]
        weighted = (single * drawn.weights.numpy()).sum()
        asked = (drawn.labels != IGNORED).numpy().sum()
        mistakes = {
            "every asked cell counts alike: use the weights, half of each image's for its asker.": single.sum() / asked,
            "divide by the number of images, not by the number of cells.": weighted / (16 * count),
            "that is the sum over all images; take the mean.": weighted,
            "the weights are missing.": single.sum() / count,
            "divide by the number of images, not by the number of asked cells.": weighted / asked,
        }
        number(call(student, logits, drawn.labels, drawn.weights), np.float32(weighted / count).item(), "the loss", mistakes)
    return "half for the asker, half for the cards"


@check
def questions(student) -> str:
    """questions(predicted, labels): the accuracy of the askers, and that of the cards."""
    for count, seed in ((40, 0), (90, 1)):
        labels = cards.draw(count, torch.Generator().manual_seed(seed), full=0.3).labels
        predicted = torch.randint(0, 4, labels.shape, generator=torch.Generator().manual_seed(seed))
        predicted[:, 0, 0] = torch.where(torch.arange(count) % 3 > 0, labels[:, 0, 0], predicted[:, 0, 0])
        right = asked = asker = 0
        for b, y, x in itertools.product(range(count), range(4), range(4)):
            hit = (predicted[b, y, x] == labels[b, y, x]).item()
            if (y, x) == (0, 0):
                asker += hit
            elif labels[b, y, x] != IGNORED:
                asked, right = asked + 1, right + hit
        far, near = several(call(student, predicted, labels), 2, "the global accuracy and the local one")
        swapped = "the two are swapped: first the asker's, the global question."
        places = labels.numel() - count
        number(far, asker / count, "the global accuracy", {swapped: right / asked})
        mistakes = {
            "cells without a card count as wrong: leave out labels that are IGNORED.": right / places,
            "the asker is among the cards: leave cell (0, 0) out.": (right + asker) / (asked + count),
            "the asker is among the cards, and cells without one count as wrong.": (right + asker) / labels.numel(),
        }
        number(near, right / asked, "the local accuracy", mistakes)
    return "each question by itself"


@check
def pointing(student) -> str:
    """pointing(mass, marked): for each head, how often its largest share lies on the marked card."""
    for count, heads, seed in ((50, 3, 0), (31, 2, 1)):
        mass, marked = (
            random_weights(count, heads, 16, seed=seed),
            torch.randint(0, 16, (count,), generator=torch.Generator().manual_seed(seed)),
        )
        for b in range(count):
            if b % 3:
                mass[b, 0, marked[b]] = 1.0
        hits = np.zeros(heads, np.float32)
        shares = np.zeros(heads, np.float32)
        for b, head in itertools.product(range(count), range(heads)):
            row = mass[b, head].tolist()
            hits[head] += row.index(max(row)) == marked[b].item()
            shares[head] += row[marked[b].item()]
        together = sum(mass[b].mean(0).argmax() == marked[b] for b in range(count)) / count
        mistakes = {
            "that is how much weight the marked card gets; wanted how often it gets the most.": shares / count,
            "wanted one score for each head, not one for their mean.": np.float32(together),
            "these are counts; wanted a fraction of the images.": hits,
        }
        compare(call(student, mass, marked, float64=False), hits / count, "the score", "one number for each head", mistakes)
    return "for each head, how often it points at the marked card"


class _Reader:
    """Logits [b, 4, 4, 4] that follow from known pixels: the asker's from one patch, all others from the whole image."""

    def __init__(self, top: int, left: int):
        self.top, self.left = top, left

    def __call__(self, images: Tensor) -> Tensor:
        patch = images[:, :, self.top : self.top + 12, self.left : self.left + 12].flatten(1)
        slopes = torch.tensor([1.0, -3.0, 0.5, 0.25])
        logits = images.flatten(1).sum(1)[:, None, None, None].repeat(1, 4, 4, 4)
        logits[:, :, 0, 0] = patch.sum(1, keepdim=True) * slopes
        return logits


@check
def far_change(student) -> str:
    """far_change(model, images, other): the largest change of the asker's logits when all pixels but its own are replaced."""
    images, other = (random(5, 3, 48, 48, seed=seed) for seed in (0, 1))
    near = scalar(call(student, _Reader(0, 0), images, other))
    if near != 0:
        mixed = other.clone()
        mixed[:, :, :12, :12] = images[:, :, :12, :12]
        everywhere = (_Reader(0, 0)(images) - _Reader(0, 0)(mixed)).abs().max()
        if math.isclose(near, everywhere.item(), rel_tol=1e-5):
            raise Wrong("you compare the logits of all cells: take the asker's alone, [:, :, 0, 0].")
        raise Wrong("a model that reads the asker's own pixels alone must not change: keep the top left 12 x 12 pixels as they are.")
    for top, left in ((0, 12), (12, 0), (36, 36)):
        model = _Reader(top, left)
        mixed = other.clone()
        mixed[:, :, :12, :12] = images[:, :, :12, :12]
        change = (model(images) - model(mixed))[:, :, 0, 0]
        got = scalar(call(student, model, images, other))
        if got == 0:
            raise Wrong("a model that reads pixels of another cell did not change: replace all pixels outside the asker's cell.")
        mistakes = {
            "wanted the largest change, not the mean.": change.abs().mean().item(),
            "a decrease is a change too: take the absolute value.": change.max().item(),
        }
        number(got, change.abs().max().item(), "the change", mistakes)
    return "0 if the asker's own pixels alone decide, and more if any other pixel does"


@check
def may_read(student) -> str:
    """may_read(cell_of_token, hidden): which token may read which cell, with one cell's key hidden from the asker."""
    place = torch.arange(144)
    of_token = place // 36 * 4 + place % 12 // 3
    for hidden in (torch.tensor([2, 15, 7]), torch.tensor([9])):
        right = np.ones((len(hidden), 144, 16), bool)
        for b, token in itertools.product(range(len(hidden)), range(144)):
            if of_token[token] == cards.ASKER:
                right[b, token, hidden[b]] = False
        everyone, turned, all_keys = (np.ones_like(right) for _ in range(3))
        for b in range(len(hidden)):
            everyone[b, :, hidden[b]] = False
            turned[b, of_token == hidden[b], cards.ASKER] = False
            all_keys[b, of_token == cards.ASKER] = False
        mistakes = {
            "the mask is the wrong way round: True is for what may be read.": ~right,
            "the card is hidden from all tokens; hide it from the asker's nine tokens only.": everyone,
            "the asker is hidden from the card; wanted the card hidden from the asker.": turned,
            "all cells are hidden from the asker; hide one.": all_keys,
        }
        compare(call(student, of_token, hidden), right, "the mask", "images, tokens that read, cells", mistakes, dtype=torch.bool)
    return "nine tokens lose one key, and no other token loses any"


@check
def cheapest(student) -> str:
    """cheapest(found): the row with the fewest MACs whose accuracy is not below the trained one's 95 % interval."""
    for accuracy, images in ((0.80, 1000), (0.60, 400)):
        error = 1.96 * math.sqrt(accuracy * (1 - accuracy) / images)
        steps = ((0.0, 100), (-0.9 * error, 60), (-1.1 * error, 40), (-0.6 * error, 70), (-3 * error, 20), (0.01, 130))
        rows = [{"accuracy": accuracy + step, "macs": macs, "g1": [index], "g2": [1]} for index, (step, macs) in enumerate(steps)]
        got = call(student, {"rows": rows, "images": images, "trained": {"g1": [0], "g2": [1]}})
        if got is rows[1] or got == rows[1]:
            continue
        messages = {
            4: "that is the cheapest of all; wanted the cheapest that is not clearly less accurate.",
            0: "that is the trained setting; a lower accuracy will do too, as long as it lies inside the interval.",
            5: "that is the most accurate; wanted the one with the fewest MACs.",
            2: "that accuracy lies below the interval: does the interval extend 1.96 standard errors to each side of the trained accuracy?",
            3: "that one is inside, but a cheaper one is too: is the interval wide enough?",
        }
        index = next((index for index, row in enumerate(rows) if got == row), None)
        raise Wrong(messages.get(index, "wanted one whole row of found['rows']."))
    return "cheaper, and not measurably worse"
