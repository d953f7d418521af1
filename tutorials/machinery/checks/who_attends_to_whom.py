"""Checks of notebook 8, who may attend to whom: masks of steps, and what several steps reach."""

import itertools
import math

import numpy as np
import torch

from tutorials.machinery.checks.grading import Wrong, call, check, compare, number

__all__ = ["windows", "touching", "reached", "steps_needed"]

MASK = "tokens that read, tokens that are read"


def _mask(h: int, w: int, reads) -> np.ndarray:
    """The mask of a rule reads((y, x), (other y, other x)), pair by pair."""
    tokens = list(itertools.product(range(h), range(w)))
    return np.array([[bool(reads(one, other)) for other in tokens] for one in tokens])


def _in_windows(h: int, w: int, g: int, shift: int) -> np.ndarray:
    """The mask of windows that are cut at shift, shift + g, ..."""
    cuts = range(shift or g, max(h, w), g)
    return _mask(h, w, lambda one, other: all(sum(cut <= a for cut in cuts) == sum(cut <= b for cut in cuts) for a, b in _axes(one, other)))


def _axes(one: tuple, other: tuple) -> list[tuple[int, int]]:
    """Two tokens' rows, and their columns."""
    return list(zip(one, other, strict=True))


@check
def windows(student) -> str:
    """windows(h, w, g, shift): which tokens share a window."""
    for h, w, g, shift in ((10, 7, 5, 0), (10, 7, 5, 2), (11, 9, 4, 3), (5, 6, 3, 1)):

        def together(a: int, b: int, g=g, shift=shift) -> bool:
            return (a - shift) // g == (b - shift) // g

        def cyclic(one: tuple, other: tuple, g=g, shift=shift, sizes=(-(-h // g) * g, -(-w // g) * g)) -> bool:
            return all((a - shift) % size // g == (b - shift) % size // g for (a, b), size in zip(_axes(one, other), sizes, strict=True))

        mistakes = {
            "the shift is missing.": _in_windows(h, w, g, 0),
            "that is the wrong way round: the first whole window begins at row `shift`.": _in_windows(h, w, g, -shift % g),
            "the windows at the two ends of the map are one: the tokens before the first whole window have one of their own.": _mask(
                h, w, cyclic
            ),
            "rows alone are compared: two tokens must share the window across, too.": _mask(
                h, w, lambda one, other, together=together: together(one[0], other[0])
            ),
            "columns alone are compared: two tokens must share the window down, too.": _mask(
                h, w, lambda one, other, together=together: together(one[1], other[1])
            ),
            "one of the two is enough for you: same window down *and* across.": _mask(
                h, w, lambda one, other, together=together: any(together(a, b) for a, b in _axes(one, other))
            ),
            "your windows are dilated: they hold every g-th token. Neighbours share a quotient, not a remainder.": _mask(
                h, w, lambda one, other, g=g: all((a - b) % g == 0 for a, b in _axes(one, other))
            ),
            "you take tokens less than g apart; a window has fixed borders, and a token at one does not read beyond it.": _mask(
                h, w, lambda one, other, g=g: all(abs(a - b) < g for a, b in _axes(one, other))
            ),
        }
        compare(call(student, h, w, g, shift), _in_windows(h, w, g, shift), "the mask", MASK, mistakes, dtype=torch.bool)
    return "windows, wherever they begin"


@check
def touching(student) -> str:
    """touching(h, w): the mask of a 3 x 3 convolution."""
    for h, w in ((4, 7), (5, 3), (6, 1)):

        def apart(one, other):
            return abs(one[0] - other[0]), abs(one[1] - other[1])

        right = _mask(h, w, lambda one, other: max(apart(one, other)) <= 1)
        mistakes = {
            "a token is among the 3 x 3 around itself.": right & ~np.eye(h * w, dtype=bool),
            "the four diagonal neighbours belong to the 3 x 3, too.": _mask(h, w, lambda one, other: sum(apart(one, other)) <= 1),
            "one direction is enough for you: at most 1 apart in rows *and* in columns.": _mask(
                h, w, lambda one, other: min(apart(one, other)) <= 1
            ),
            "the numbers in the list do not tell: compare rows and columns.": np.array(
                [[abs(i - j) <= 1 for j in range(h * w)] for i in range(h * w)]
            ),
            "that is 5 x 5: the centre is one of the three.": _mask(h, w, lambda one, other: max(apart(one, other)) <= 2),
        }
        compare(call(student, h, w), right, "the mask", MASK, mistakes, dtype=torch.bool)
    return "nine tokens, fewer at the edge"


def _random_masks(n: int, count: int, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(n, n, generator=generator) < 0.2 for _ in range(count)]


def _follow(steps: list[torch.Tensor]) -> np.ndarray:
    """From each token backwards, set by set."""
    n = len(steps[0])
    found = np.zeros((n, n), dtype=bool)
    for token in range(n):
        held = {token}
        for step in reversed(steps):
            held = {other for one in held for other in range(n) if step[one, other]}
        found[token, list(held)] = True
    return found


@check
def reached(student) -> str:
    """reached(steps): the masks of several steps joined."""
    for n, count, seed in ((7, 1, 0), (11, 2, 1), (13, 3, 2)):
        steps = _random_masks(n, count, seed)
        stacked = torch.stack(steps).numpy()
        mistakes = {
            "the order is reversed: the first step belongs on the right, as a row starts after the last one.": _follow(steps[::-1]),
            "you keep what is in all masks; wanted the tokens that a chain of steps leads to.": stacked.all(0),
            "you keep what is in any mask; wanted the tokens that a chain of steps leads to: i reads k, which has read j.": stacked.any(0),
            "that is the last step alone.": stacked[-1],
            "that is the first step alone.": stacked[0],
            "rows and columns are swapped: a row is a token that reads.": _follow(steps).T,
        }
        got = call(student, steps)
        if isinstance(got, torch.Tensor) and got.dtype != torch.bool and np.array_equal(got.numpy() > 0, _follow(steps)):
            raise Wrong("the places are right; wanted True and False: see whether each number is more than 0.")
        compare(got, _follow(steps), "the result", MASK, mistakes, dtype=torch.bool)
    return "what a chain of steps leads to"


@check
def steps_needed(student) -> str:
    """steps_needed(steps, most): how many steps until all tokens have met."""

    def tensor(mask: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(mask)

    everything = torch.ones(6, 6, dtype=torch.bool)
    pair = [tensor(_in_windows(12, 1, 4, 0)), tensor(_in_windows(12, 1, 4, 2))]
    line = [tensor(_mask(9, 1, lambda one, other: abs(one[0] - other[0]) <= 1))]
    alone = [tensor(_in_windows(8, 1, 4, 0))]
    one_way = [torch.eye(5, dtype=torch.bool).roll(1, 1) | torch.eye(5, dtype=torch.bool)]
    cases = [([everything], 3), (line, 20), (pair, 20), (one_way, 20), (pair[::-1], 20), (alone, 20), (line, 8), (line, 7)]
    for steps, most in cases:
        right = next((count for count in range(1, most + 1) if _follow((steps * most)[:count]).all()), math.inf)
        got = call(student, steps, most)
        mistakes = {
            "one too few: how many steps are done when all have met? Counting from 0 gives one less.": right - 1,
            "one too many: stop as soon as all have met.": right + 1,
        }
        if right == math.inf and got != math.inf:
            raise Wrong("with these steps not all tokens have met after `most` steps: return math.inf.")
        if right != math.inf and got == math.inf:
            near = right == most
            raise Wrong("the last of the `most` steps counts, too." if near else "all have met by then: wanted the number of steps.")
        if len(steps) > 1 and got == next((k for k in range(1, most + 1) if _follow((steps * most)[: 2 * k]).all()), None) != right:
            raise Wrong("that counts rounds of all masks; wanted single steps.")
        number(got, right, "the number of steps", mistakes)
    return "the number of steps, or never"
