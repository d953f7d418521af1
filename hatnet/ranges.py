"""What a value may be. A table of ranges stands beside everything that people write: fields, options, files.

A range answers three questions: whether it holds a value, what it wants (its text), and which valid value is the nearest.
"""

import difflib
import reprlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol, TypeGuard

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
_SHORT.maxlist = _SHORT.maxtuple = 8


class Range(Protocol):
    """Its text says what is wanted."""

    def holds(self, value: object) -> bool: ...

    def nearest(self, value: object) -> object:
        """The valid value nearest to an invalid one; None if none is near."""


@dataclass(frozen=True)
class Whole:
    """An int from `least` to `most`; True and False are none."""

    least: int
    most: int
    odd: bool = False

    def __str__(self) -> str:
        return f"{'an odd' if self.odd else 'a'} whole number from {self.least:,} to {self.most:,}"

    def holds(self, value: object) -> bool:
        return isinstance(value, Integral) and _is_number(value) and self.least <= value <= self.most and not (self.odd and value % 2 == 0)

    def nearest(self, value: object) -> int | None:
        if not _is_number(value):
            return None
        near = round(min(max(value, self.least), self.most))
        return near - 1 if self.odd and near % 2 == 0 else near


@dataclass(frozen=True)
class Number:
    """A finite number from `least` to `most`; with `above`, `below`: without these ends."""

    least: float
    most: float
    above: bool = False
    below: bool = False

    def __str__(self) -> str:
        least, most = (f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in (self.least, self.most))
        first, last = f"above {least}" if self.above else f"from {least}", f"below {most}" if self.below else most
        return f"a number {first} {'and' if self.above and self.below else 'up to' if self.above else 'to'} {last}"

    def holds(self, value: object) -> bool:
        inside = _is_number(value) and self.least <= value <= self.most
        return inside and not (self.above and value == self.least) and not (self.below and value == self.most)

    def nearest(self, value: object) -> float | None:
        """An end that is left out has no nearest value: a thousandth inside is near enough."""
        if not _is_number(value):
            return None
        least, most = self.least + 0.001 if self.above else self.least, self.most - 0.001 if self.below else self.most
        return min(max(value, least), most)


@dataclass(frozen=True)
class Flag:
    """True or False."""

    def __str__(self) -> str:
        return "true or false"

    def holds(self, value: object) -> bool:
        return isinstance(value, bool)

    def nearest(self, value: object) -> bool | None:
        words = difflib.get_close_matches(str(value).lower(), ("true", "false"), n=1)
        return words[0] == "true" if words else None


@dataclass(frozen=True)
class Word:
    """A text that is not empty; one of `choices`, if there are any."""

    choices: Collection[str] = ()

    def __str__(self) -> str:
        return f"one of {', '.join(self.choices)}" if self.choices else "a text"

    def holds(self, value: object) -> bool:
        return isinstance(value, str) and value != "" and _can_be_written(value) and (not self.choices or value in self.choices)

    def nearest(self, value: object) -> str | None:
        return nearest_word(value, self.choices)


@dataclass(frozen=True)
class Many:
    """A list or tuple of `least` to `most` values, each in the range `of`."""

    of: Range
    least: int
    most: int

    def __str__(self) -> str:
        count = self.least if self.least == self.most else f"{self.least} to {self.most}"
        return f"a list of {count}, each {self.of}"

    def holds(self, value: object) -> bool:
        return isinstance(value, list | tuple) and self.least <= len(value) <= self.most and all(map(self.of.holds, value))

    def nearest(self, value: object) -> list | None:
        """Each entry's nearest, of no more than fit; a value alone becomes a list."""
        entries = list(value)[: self.most] if isinstance(value, list | tuple) else [value]
        near = [entry if self.of.holds(entry) else self.of.nearest(entry) for entry in entries]
        return None if None in near or len(near) < self.least else near


@dataclass(frozen=True)
class Table:
    """A dict with texts for keys."""

    def __str__(self) -> str:
        return "a table of names and values"

    def holds(self, value: object) -> TypeGuard[dict[str, Any]]:
        return isinstance(value, dict) and all(isinstance(key, str) for key in value)

    def nearest(self, value: object) -> None:
        return None


@dataclass(frozen=True)
class Maybe:
    """None, or a value in the range `of`."""

    of: Range

    def __str__(self) -> str:
        return f"{self.of}, or null"

    def holds(self, value: object) -> bool:
        return value is None or self.of.holds(value)

    def nearest(self, value: object) -> object:
        return self.of.nearest(value)


@dataclass(frozen=True)
class Either:
    """A value in one range or the other."""

    one: Range
    other: Range

    def __str__(self) -> str:
        return f"{self.one}, or {self.other}"

    def holds(self, value: object) -> bool:
        return self.one.holds(value) or self.other.holds(value)

    def nearest(self, value: object) -> object:
        return self.other.nearest(value) if isinstance(value, list | tuple) else self.one.nearest(value)


def nearest_word(value: object, known: Iterable[str]) -> str | None:
    """The most similar of some words, whatever their capitals; None if none is near."""
    lower = {word.lower(): word for word in known}
    return next((lower[word] for word in difflib.get_close_matches(str(value).lower(), lower, n=1)), None)


def did_you_mean(value: object, known: Iterable[str]) -> str:
    """The nearest of some words as an addition to an error; empty if none is near."""
    near = nearest_word(value, known)
    return f" (did you mean {near!r}?)" if near else ""


def check(values: Mapping[str, object], ranges: Mapping[str, Range]) -> None:
    """Raise ValueError for the first value that is missing or not in its range: what came, what was wanted, the nearest valid value."""
    for name, wanted in ranges.items():
        if name not in values:
            raise ValueError(f"{name} is missing; wanted {wanted}")
        if not wanted.holds(value := values[name]):
            near = wanted.nearest(value)
            raise ValueError(f"{name} is {_SHORT.repr(value)}; wanted {wanted}" + ("" if near is None else f"; the nearest is {near}"))


def plain(value: object) -> object:
    """The same value in Python's own types, which JSON can hold: tuples for lists, int and float for NumPy's numbers."""
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    if isinstance(value, Real) and not isinstance(value, bool):
        return int(value) if isinstance(value, Integral) else float(value)
    return value


def _can_be_written(text: str) -> bool:
    """Whether a text has a form as UTF-8, in files and in a browser: JSON can also hold halves of characters ("\\ud800")."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, bool) and value == value  # NaN is not equal to itself
