"""Cards: a drawn task with two questions. It is known what the answers are, and where attention must look for them.

An image has 48 x 48 pixels: 4 x 4 cells of 3 x 3 tokens of 4 x 4 pixels. The top-left cell is the asker, always solid cyan; its
three neighbours stay blank. Up to four other cells are cards of nine tokens in random order: 3 rings, 2 X's in one colour, and
up to 4 glyphs, each with its own pattern and colour. A card's answer is the pattern of the glyph that has the colour of its X's.
The rings of one card, the marked one, are magenta; those of the others are cyan.

*Local question:* each card's cell names its own answer. *Global question:* the asker's cell names the marked card's.
With G1 = G2 = 3 (`hatnet_cards`), a cell is one window and one pooled key.

Axes: b images; cells counted row by row, 0 to 15; slots of a cell, 0 to 8; p q the place inside a token, in pixels.
"""

from typing import NamedTuple

import torch
from einops import rearrange
from torch import Generator, Tensor

from hatnet.data import IGNORED, Images, generator

CLASSES = ("rows", "columns", "checker", "diagonal")  # the patterns, in the order of the labels
SIZE = 48  # pixels
ASKER = 0  # top left
FREE = (2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)  # where cards may lie: neither on the asker nor next to it
MEAN, STD = [0.35] * 3, [0.25] * 3  # of each channel, for pixels in 0..1

KINDS = (*CLASSES, "blank", "ring", "X", "solid")  # of tokens
_BLANK, _RING, _X, _SOLID = 4, 5, 6, 7
TOKENS = torch.tensor(  # the 4 x 4 pixels of each kind: 1 in its colour, 0 dark
    [
        [int(pixel) for pixel in rows.replace(" ", "")]
        for rows in (
            "1111 0000 1111 0000",
            "1010 1010 1010 1010",
            "1010 0101 1010 0101",
            "1100 0110 0011 1001",
            "0000 0000 0000 0000",
            "1111 1001 1001 1111",
            "1001 0110 0110 1001",
            "1111 1111 1111 1111",
        )
    ],
    dtype=torch.float32,
).view(8, 4, 4)
_COLOURS = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1]], dtype=torch.float32)
_CYAN, _MAGENTA = 4, 5  # colours 0 to 3 are for glyphs and X's


class Drawn(NamedTuple):
    """Images of cards, with their labels and where the cards lie."""

    pixels: Tensor  # uint8 [b, 3, 48, 48]
    labels: Tensor  # int64 [b, 4, 4]: each cell's answer; IGNORED where there is none
    weights: Tensor  # float32 [b, 4, 4]: of each label in the loss; half of the weight is the asker's, half the cards'
    marked: Tensor  # int64 [b]: the marked card's cell
    others: Tensor  # int64 [b, 3]: the other cards' cells; -1 for each one missing


def draw(count: int, random: Generator, most_glyphs: int = 4, full: float = 1.0) -> Drawn:
    """Draw `count` images: a fraction `full` with four cards of four glyphs, the others with 1 to 4 cards of 1 to `most_glyphs`."""

    def shuffled(*shape: int) -> Tensor:
        return torch.rand(shape, generator=random).argsort(-1)

    easy = torch.arange(count) >= round(full * count)
    cards = torch.where(easy, torch.randint(1, 5, (count,), generator=random), 4)
    glyphs = torch.where(easy, torch.randint(1, most_glyphs + 1, (count,), generator=random), 4)
    answers = shuffled(count, 4)  # of each card: no two are the same
    cells = torch.tensor(FREE)[shuffled(count, len(FREE))[:, :4]]  # of each card; the first card is the marked one
    there = torch.arange(4) < cards[:, None]

    # The nine tokens of each card: four glyphs, two X's, three rings. The glyph of its answer is always there.
    colours = shuffled(count, 4, 4)  # of the four patterns
    chance = torch.rand(count, 4, 4, generator=random).scatter(2, answers[..., None], -1.0)
    lies = chance.argsort(-1).argsort(-1) < glyphs[:, None, None]  # which patterns this card has
    kinds = torch.cat([torch.arange(4), torch.tensor([_X] * 2 + [_RING] * 3)]).repeat(count, 4, 1)
    kinds[..., :4].masked_fill_(~lies, _BLANK)
    kinds.masked_fill_(~there[..., None], _BLANK)
    cue = colours.gather(2, answers[..., None]).expand(-1, -1, 2)
    ring = torch.where(torch.arange(4) == 0, _MAGENTA, _CYAN)[None, :, None].expand(count, -1, 3)
    order = shuffled(count, 4, 9)
    kinds, colours = kinds.gather(2, order), torch.cat([colours, cue, ring], 2).gather(2, order)

    image = torch.arange(count)[:, None]
    kind = torch.full((count, 16, 9), _BLANK).index_put_((image, cells), kinds)
    colour = torch.full((count, 16, 9), _CYAN).index_put_((image, cells), colours)
    kind[:, ASKER] = _SOLID
    brightness = 0.75 + 0.25 * torch.rand(count, 16, 9, 1, generator=random)
    light = torch.einsum("bspq,bsk->bskpq", TOKENS[kind].flatten(1, 2), (_COLOURS[colour] * brightness).flatten(1, 2))
    light = rearrange(light, "b (y x i j) k p q -> b k (y i p) (x j q)", y=4, x=4, i=3, j=3)
    light = 0.2 + 0.8 * light + 0.05 * torch.randn(light.shape, generator=random)
    pixels = (light.clamp(0, 1) * 255).round().to(torch.uint8)

    labels = torch.full((count, 16), IGNORED).index_put_((image, cells), torch.where(there, answers, IGNORED))
    weights = (labels != IGNORED) * (0.5 / cards[:, None])
    labels[:, ASKER], weights[:, ASKER] = answers[:, 0], 0.5
    others = torch.where(there, cells, -1)[:, 1:]
    return Drawn(pixels, labels.view(count, 4, 4), weights.view(count, 4, 4), cells[:, 0], others)


def curriculum(progress: float) -> tuple[int, float]:
    """`most_glyphs` and `full` of `draw` at a point of the training, 0..1: easy cards first, or nothing is learned in time."""
    return (1 if progress < 0.12 else 2 if progress < 0.24 else 4), (0.5 if progress >= 0.45 else 0.0)


class Cards:
    """Fresh images for every step, in place of a training set."""

    classes, side, size = CLASSES, SIZE, (SIZE, SIZE)
    nbytes, lazy, device = 0, False, torch.device("cpu")  # drawn for each step, which is quick

    def __len__(self) -> int:
        """The length of an epoch, by definition: 100 steps of 64."""
        return 6400

    def statistics(self) -> tuple[list[float], list[float]]:
        return MEAN, STD

    def class_counts(self) -> Tensor:
        raise ValueError('class_weights is "balanced"; cards have as many of each class, and cannot be counted: leave it out')

    def on(self, device: torch.device) -> "Cards":
        return self

    def batch(self, step: int, steps: int, count: int, seed: int, shard: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Like `Images.batch`."""
        drawn = draw(count, generator(seed, 0, step), *curriculum(step / steps))
        return drawn.pixels[shard], drawn.labels[shard], drawn.weights[shard]


def images(count: int, seed: int) -> Images:
    """A fixed set at full difficulty, for evaluation."""
    drawn = draw(count, torch.Generator().manual_seed(seed))
    return Images(pixels=drawn.pixels, labels=drawn.labels, classes=CLASSES, weights=drawn.weights)


def questions(predicted: Tensor, labels: Tensor) -> tuple[float, float]:
    """The fractions of right answers to the global and to the local question: predicted, labels [b, 4, 4]."""
    right, labels = (predicted == labels).flatten(1), labels.flatten(1)
    cards = labels != IGNORED
    cards[:, ASKER] = False
    return right[:, ASKER].float().mean().item(), right[cards].float().mean().item()
