"""Numbers in words, and the text of a map for readers who cannot see it."""

import numpy as np

COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def percent(weight: float) -> str:
    """0.0834 -> "8.3 %"; from 10 % on without decimals."""
    return f"{100 * weight:.1f} %" if weight < 0.0995 else f"{100 * weight:.0f} %"


def count(number: int) -> str:
    """Small numbers as words."""
    return COUNTS[number] if 0 <= number < len(COUNTS) else str(number)


def alt(name: str, weights: np.ndarray, origin: tuple[int, int] = (0, 0)) -> str:
    """A map's text for readers who cannot see it. origin: row and column of its first key, from 0."""
    row, column = np.unravel_index(weights.argmax(), weights.shape)
    place = f"row {origin[0] + row + 1}, column {origin[1] + column + 1}"
    return f"{name} attention map, {weights.shape[0]} by {weights.shape[1]} keys. The strongest is {place}, with {percent(weights.max())}."
