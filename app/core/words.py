"""Numbers and places in words, and the text of a map for readers who cannot see it."""

import re

import numpy as np

COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

_SHORT = {"thousand": "k", "million": "M", "billion": "G"}

MECHANISMS = {  # `hatnet.Config.attention`
    "hierarchical": "H-MHSA",
    "window": "windows alone",
    "shifted_window": "shifted windows",
    "pooled": "pooled cells alone",
    "full": "plain attention, twice",
}


def offset(token: tuple[int, int], key: tuple[int, int]) -> str:
    """Where a key lies relative to a token: "the token 2 up, 1 left", or "the token itself"."""
    down, right = key[0] - token[0], key[1] - token[1]
    parts = [f"{abs(down)} {'down' if down > 0 else 'up'}"] if down else []
    parts += [f"{abs(right)} {'right' if right > 0 else 'left'}"] if right else []
    return f"the token {', '.join(parts) or 'itself'}"


def percent(weight: float) -> str:
    """A weight as a percentage: 0.4149 -> "41 %", 0.0834 -> "8.3 %", 0.0004 -> "0.04 %"; "< 0.01 %" below that, and "0 %" for 0 alone."""
    if weight == 0:
        return "0 %"
    if weight < 0.0001:
        return "< 0.01 %"
    digits = ".1g" if weight < 0.000995 else ".1f" if weight < 0.0995 else ".0f"
    return f"{100 * weight:{digits}} %"


def significant(number: float, digits: int = 3) -> str:
    """A number rounded to some significant digits, and never with an exponent: 1234.5 -> "1,230", 0.05678 -> "0.0568"."""
    plain = np.format_float_positional(number, digits, unique=False, fractional=False, trim="-")
    whole, point, decimals = plain.partition(".")
    return f"{float(whole):,.0f}{point}{decimals}"  # of "-0" too


def amount(number: float) -> str:
    """A large number in words: 4,620,288 -> "4.62 million"."""
    for size, name in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if number >= 0.9995 * size:  # 999,600 is rounded to 1 million, not to 1,000 thousand
            value = number / size
            return f"{value:,.0f} {name}" if value >= 100 else f"{value:.3g} {name}"
    return f"{number:.0f}"


def short_amount(number: float) -> str:
    """The same where room is scarce, as on an axis: 4,620,288 -> "4.62 M"; k, M and G for thousand, million and billion."""
    value, _, name = amount(number).partition(" ")
    return f"{value} {_SHORT[name]}" if name else significant(number)


def literal(text: str) -> str:
    """Markdown that shows a text as it is. For names that others chose: of classes, checkpoints and files."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def count(number: int) -> str:
    """A number, as a word if it is small."""
    return COUNTS[number] if 0 <= number < len(COUNTS) else str(number)


def alt(name: str, weights: np.ndarray) -> str:
    """The text of a map for readers who cannot see it."""
    row, column = np.unravel_index(weights.argmax(), weights.shape)
    strongest = f"row {row + 1}, column {column + 1}, with {percent(weights.max())}"
    return f"{name} attention map, {weights.shape[0]} by {weights.shape[1]} keys. The strongest is {strongest}."
