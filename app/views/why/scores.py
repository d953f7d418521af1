"""Scores of a map in two tests, and what chance scores. No Streamlit.

A curve holds probabilities 0..1 at evenly spaced shares of the squares, from none to all; its score is its mean height. Wherever both
tests stand side by side, they are in the order of TESTS.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.core.words import percent

Test = Literal["put back", "removed"]  # insertion: a good map scores high; deletion: a good map scores low
TESTS: tuple[Test, Test] = ("put back", "removed")
Outcome = Literal["better", "within", "worse"]
IN_WORDS: dict[Outcome, str] = {"better": "better than chance", "within": "within chance", "worse": "worse than chance"}


@dataclass(frozen=True)
class ChanceBand:
    """Where the scores of random maps lie."""

    low: float  # 10th percentile
    high: float  # 90th percentile


def score(curve: np.ndarray) -> float:
    """The mean height of a curve: the area under it, by trapezoids, over its length."""
    return float((curve[1:] + curve[:-1]).mean() / 2)


def chance(curves: np.ndarray) -> ChanceBand:
    """The band of maps that know nothing: curves [maps, points]."""
    return ChanceBand(*np.percentile([score(curve) for curve in curves], (10, 90)).tolist())


def outcome(value: float, band: ChanceBand, test: Test) -> Outcome:
    """A score against chance, with the two decimals that the page shows: what looks equal is within."""
    value, low, high = (round(number, 2) for number in (value, band.low, band.high))
    if low <= value <= high:
        return "within"
    return "better" if (value > high) == (test == "put back") else "worse"


def alt(test: Test, shown: tuple[str, np.ndarray], raw: np.ndarray, random: np.ndarray) -> str:
    """The chart's text for readers who cannot see it."""
    named = {shown[0]: shown[1], "Raw attention": raw}
    half, band = len(raw) // 2, chance(random)
    middle = ", ".join(f"{name} {percent(float(curve[half]))}" for name, curve in named.items())
    scores = ", ".join(f"{name} {score(curve):.2f}" for name, curve in named.items())
    return (
        f"Curves: probability of the class while squares are {test}. With half of them {test}: {middle}, random maps "
        f"{percent(float(np.median(random[:, half])))}. Scores: {scores}, chance {band.low:.2f} to {band.high:.2f}."
    )
