"""Numbers in words, and the text of a map for readers who cannot see it."""

import numpy as np

COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def step(token: tuple[int, int], key: tuple[int, int]) -> str:
    """Where a key lies from a token's view: "2 up, 1 left"; "the token itself" at no distance."""
    down, right = key[0] - token[0], key[1] - token[1]
    parts = [f"{abs(down)} {'down' if down > 0 else 'up'}"] if down else []
    parts += [f"{abs(right)} {'right' if right > 0 else 'left'}"] if right else []
    return ", ".join(parts) or "the token itself"


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
