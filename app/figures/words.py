"""A map in numbers and words, beside every picture: for readers who cannot see it, and for those who want it exactly."""

from dataclasses import dataclass

import numpy as np

COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What one query token gives to its keys."""

    spread: float  # bits: the entropy of the weights
    most: float  # bits: the spread of even weights
    reach: float  # tokens: the mean distance from the query to its keys, by weight
    strongest: float  # 0..1: the largest weight
    keys: int
    at: tuple[int, int]  # row and column of the strongest key, from 0


def summarise(weights: np.ndarray, box: tuple[int, int, int, int], token: tuple[int, int], cell: int = 1) -> Summary:
    """weights [rows, columns] sum to 1; keys are cells of `cell` x `cell` tokens that fill the box (top, left, height, width)."""
    top, left, height, width = box
    # A cell that the box's edge cuts off has its centre nearer.
    down, across = (np.minimum(np.arange(n + 1) * cell, side) for n, side in zip(weights.shape, (height, width), strict=True))
    y, x = top + (down[1:] + down[:-1]) / 2, left + (across[1:] + across[:-1]) / 2
    distance = np.hypot(y[:, None] - (token[0] + 0.5), x[None] - (token[1] + 0.5))
    present = weights[weights > 0]
    row, column = np.unravel_index(weights.argmax(), weights.shape)
    return Summary(
        spread=abs(float(-(present * np.log2(present)).sum())),
        most=float(np.log2(weights.size)),
        reach=float((weights * distance).sum()),
        strongest=float(weights.max()),
        keys=weights.size,
        at=(int(row), int(column)),
    )


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


def times(summary: Summary) -> str:
    """The largest weight against an even share, in words."""
    share = summary.strongest * summary.keys
    if summary.keys == 1:
        return "there is no other"
    if share < 1.15:
        return "hardly more than an even share"
    return f"{share:.1f} times an even share" if share < 9.95 else f"{share:.0f} times an even share"


def alt(name: str, weights: np.ndarray, origin: tuple[int, int] = (0, 0)) -> str:
    """A map's text for readers who cannot see it. origin: row and column of its first key, from 0."""
    row, column = np.unravel_index(weights.argmax(), weights.shape)
    place = f"row {origin[0] + row + 1}, column {origin[1] + column + 1}"
    return f"{name} attention map, {weights.shape[0]} by {weights.shape[1]} keys. The strongest is {place}, with {percent(weights.max())}."


def sentences(near: Summary | None, far: Summary, window: tuple[int, int, int, int], token: tuple[int, int], cell: int) -> str:
    """The two maps of one token in two or three sentences of HTML; near None: there is no local step."""
    row, column = far.at
    if near is None:
        strongest = step(token, far.at)
        return (
            f'Of all tokens, the <span class="global">strongest key</span> is {strongest}, with {percent(far.strongest)}: '
            f"{times(far)}. The average reach is {far.reach:.1f} tokens."
        )
    close = step(token, (window[0] + near.at[0], window[1] + near.at[1]))
    what = f"the cell at row {row + 1}, column {column + 1}" if cell > 1 else f"the token at row {row + 1}, column {column + 1}"
    return (
        f'<span class="local">Nearby</span>, the strongest key is {close}: {times(near)}. '
        f'<span class="global">Far away</span>, it is {what}: {times(far)}. '
        f"Their average reach: {near.reach:.1f} against {far.reach:.1f} tokens."
    )
