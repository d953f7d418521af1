"""Checks of notebook 7, train one: drawn cards, and models so simple that their logits are known."""

import copy
import itertools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hatnet import HATNet, cards, create_model
from hatnet.data import IGNORED
from tutorials.machinery.checks.grading import Wrong, call, check, compare, number, random, random_weights, scalar, several

__all__ = ["card_loss", "questions", "pointing", "far_change", "may_read", "without_head", "cheapest"]


@check
def card_loss(student) -> str:
    """card_loss(logits, labels, weights)."""
    for count, seed in ((3, 0), (7, 1), (1, 2)):
        drawn = cards.draw(count, torch.Generator().manual_seed(seed), full=0.4)
        logits = random(count, 4, 4, 4, seed=seed)
        values = logits.numpy().astype(np.float64)
        single, of_probabilities = np.zeros((2, count, 4, 4))
        for b, y, x in itertools.product(range(count), range(4), range(4)):
            if (label := drawn.labels[b, y, x].item()) != IGNORED:
                each = np.exp(values[b, :, y, x])
                single[b, y, x] = np.log(each.sum()) - values[b, label, y, x]
                each /= each.sum()
                of_probabilities[b, y, x] = np.log(np.exp(each).sum()) - each[label]
        weighted = (single * drawn.weights.numpy()).sum()
        asked = (drawn.labels != IGNORED).numpy().sum()
        mistakes = {
            "every asked cell counts alike: use the weights, half of each image's for its asker.": single.sum() / asked,
            "divide by the number of images, not by the number of cells.": weighted / (16 * count),
            "divide by the number of images: yours is a mean over cells of the sums over images.": weighted / 16,
            "that is the sum over all images; take the mean.": weighted,
            "F.cross_entropy takes logits: it makes probabilities of them itself.": (of_probabilities * drawn.weights.numpy()).sum()
            / count,
            "the sign is wrong: a cross-entropy is positive.": -weighted / count,
            "the weights are missing.": single.sum() / count,
            "divide by the number of images, not by the number of asked cells.": weighted / asked,
        }
        number(call(student, logits, drawn.labels, drawn.weights), weighted / count, "the loss", mistakes, tolerance=1e-5)
    return "half for the asker, half for the cards"


@check
def questions(student) -> str:
    """questions(predicted, labels): the accuracy of the askers, and that of the cards."""
    for count, seed in ((40, 0), (90, 1), (1, 3)):
        labels = cards.draw(count, torch.Generator().manual_seed(seed), full=0.3).labels
        predicted = torch.randint(0, 4, labels.shape, generator=torch.Generator().manual_seed(seed))
        predicted[:, 0, 0] = torch.where(torch.arange(count) % 3 > 0, labels[:, 0, 0], predicted[:, 0, 0])
        right = asked = asker = 0
        pictures = []
        for b in range(count):
            hits = []
            for y, x in itertools.product(range(4), range(4)):
                hit = (predicted[b, y, x] == labels[b, y, x]).item()
                if (y, x) == (0, 0):
                    asker += hit
                elif labels[b, y, x] != IGNORED:
                    hits.append(hit)
            asked, right = asked + len(hits), right + sum(hits)
            pictures.append(sum(hits) / len(hits))
        far, near = several(call(student, predicted, labels), 2, "the global accuracy and the local one")
        swapped = "the two are swapped: first the asker's, the global question."
        places = labels.numel() - count
        mistakes = {
            swapped: right / asked,
            "the global accuracy is a count; wanted a fraction of the askers.": asker,
            "the global accuracy is in per cent; wanted a fraction.": 100 * asker / count,
        }
        number(far, asker / count, "the global accuracy", mistakes)
        mistakes = {
            "cells without a card count as wrong: leave out labels that are IGNORED.": right / places,
            "the asker is among the cards: leave cell (0, 0) out.": (right + asker) / (asked + count),
            "the asker is among the cards, and cells without one count as wrong.": (right + asker) / labels.numel(),
            "the local accuracy is a mean over pictures, which have unequally many cards; every card counts alike.": float(
                np.mean(pictures)
            ),
            "the local accuracy is a count; wanted a fraction of the cards.": right,
            "the local accuracy is in per cent; wanted a fraction.": 100 * right / asked,
        }
        number(near, right / asked, "the local accuracy", mistakes)
    return "each question by itself"


@check
def pointing(student) -> str:
    """pointing(mass, marked): for each head, how often it gives the marked card its largest weight."""
    for count, heads, seed in ((50, 3, 0), (31, 2, 1), (1, 4, 2)):
        mass, marked = (
            random_weights(count, heads, 16, seed=seed),
            torch.randint(0, 16, (count,), generator=torch.Generator().manual_seed(seed)),
        )
        for b in range(count):
            if b % 3:
                mass[b, 0, marked[b]] = 1.0
        hits = np.zeros(heads, np.float32)
        held = np.zeros(heads, np.float32)
        for b, head in itertools.product(range(count), range(heads)):
            row = mass[b, head].tolist()
            hits[head] += row.index(max(row)) == marked[b].item()
            held[head] += row[marked[b].item()]
        together = sum(mass[b].mean(0).argmax() == marked[b] for b in range(count)) / count
        mistakes = {
            "that is how much weight the marked card gets; wanted how often it gets the most.": held / count,
            "wanted one score for each head, not one for their mean weight.": np.float32(together),
            "wanted one score for each head, not the mean of their scores.": np.float32(hits.mean() / count),
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
            "wanted the largest change, not the sum of all.": change.abs().sum().item(),
            "that is the largest change in the first picture; wanted that in all of them.": change[0].abs().max().item(),
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
        everyone, turned, all_keys, union, nine = (np.ones_like(right) for _ in range(5))
        for b in range(len(hidden)):
            everyone[b, :, hidden[b]] = False
            turned[b, of_token == hidden[b], cards.ASKER] = False
            all_keys[b, of_token == cards.ASKER] = False
            nine[b, :9, hidden[b]] = False
            for other in hidden:
                union[b, of_token == cards.ASKER, other] = False
        mistakes = {
            "the mask is the wrong way round: True is for what may be read.": ~right,
            "the card is hidden from all tokens; hide it from the asker's nine tokens only.": everyone,
            "the asker is hidden from the card; wanted the card hidden from the asker.": turned,
            "all cells are hidden from the asker; hide one.": all_keys,
            "each picture hides a cell of its own; you have hidden the cells of all pictures in every picture.": union,
            "the asker's tokens are not the first nine of the map: `is_asker` says which they are.": nine,
        }
        compare(call(student, of_token, hidden), right, "the mask", "images, tokens that read, cells", mistakes, dtype=torch.bool)
    return "nine tokens lose one key, and no other token loses any"


@check
def without_head(student) -> str:
    """without_head(model, block, head): a copy of the model in which one head of one global step hands on nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = create_model("hatnet_cards", 4).eval()
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear) and layer.bias is not None:  # no mistake may hide behind a bias of 0
            layer.bias.data = random(*layer.bias.shape, seed=layer.out_features)
    images = random(2, 3, 48, 48)
    whole = _logits(model, images)
    for block, head in ((0, 1), (1, 0), (1, 1), (0, 0)):
        attn = model.stages[0].blocks[block].attn
        d, c = attn.head_dim, attn.proj.in_features
        one, other = slice(head * d, head * d + d), slice((1 - head) * d, (1 - head) * d + d)
        values = slice(c + head * d, c + head * d + d)
        weight = _silenced(model, block, "kv", values, images, bias=attn.kv.bias[values])
        mistakes = {
            "nothing has changed: your model gives the logits of the old one.": whole,
            "you silenced the head's queries or keys: its weights become even, and it still hands on the mean of all values.": _silenced(
                model, block, "kv", one, images
            ),
            "that is the wrong step: qkv is the local step's. The global one has layers of its own.": _silenced(
                model, block, "qkv", slice(2 * c + head * d, 2 * c + head * d + d), images
            ),
            "the local step's head is gone, too: W^p gets A1 + A2, so its columns are too late a place.": _silenced(
                model, block, "proj", one, images, inputs=True
            ),
            "all heads are silent; wanted one.": _silenced(model, block, "kv", slice(c, 2 * c), images),
            "that is the other head: heads are counted from 0.": _silenced(
                model, block, "kv", slice(c + other.start, c + other.stop), images
            ),
            "that is the other block: blocks are counted from 0.": _silenced(model, 1 - block, "kv", values, images),
            "the weights of the head's values are 0, but not their bias: it still hands that on.": weight,
            "kv gives (k, v) x heads x head_dim: first the keys of all heads, then the values of all heads.": _silenced(
                model, block, "kv", slice(2 * head * d + d, 2 * head * d + 2 * d), images
            ),
        }
        got = call(student, model, block, head, float64=False)
        if not callable(got):
            raise Wrong("your function returned no model: wanted something that makes logits of images.")
        right = _silenced(model, block, "kv", values, images)
        named = {message: mistaken.numpy() for message, mistaken in mistakes.items()}
        compare(_logits(got, images), right.numpy(), "what your model gives", "images, answers, cells down, cells across", named)
    return "one head is silent, and the model that you were given is as it was"


@torch.no_grad()
def _logits(model: Callable, images: Tensor) -> Tensor:
    return model(images)


def _silenced(
    model: HATNet, block: int, layer: str, part: slice, images: Tensor, inputs: bool = False, bias: Tensor | None = None
) -> Tensor:
    """The logits of a copy whose `layer` in a block's attention gives 0, or `bias`, in some channels, or (inputs) reads 0 there."""
    changed = copy.deepcopy(model)
    layer = getattr(changed.stages[0].blocks[block].attn, layer)

    def spoil(numbers: Tensor) -> Tensor:
        numbers = numbers.clone()
        numbers[..., part] = 0 if bias is None else bias
        return numbers

    if inputs:
        layer.register_forward_pre_hook(lambda _, given: (spoil(given[0]),))
    else:
        layer.register_forward_hook(lambda _, given, made: spoil(made))
    return _logits(changed, images)


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
