"""Where something stands in hatnet's source: its file, its lines, and their text. Also the line of each of the paper's equations."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from hatnet import complexity
from hatnet.attention import HMHSA, MHSA
from hatnet.blocks import Block


@dataclass(frozen=True, kw_only=True, slots=True)
class Lines:
    """Some lines of a file."""

    path: str  # from the project's root, such as "hatnet/attention.py"
    first: int  # number of the first line, from 1
    text: str  # as it is written, without the indentation that all lines share

    @property
    def last(self) -> int:
        """The number of the last line."""
        return self.first + len(self.text.splitlines()) - 1


def lines_of(thing: type | Callable[..., Any]) -> Lines:
    """The lines of a class or function of hatnet.

    >>> lines_of(HMHSA).path
    'hatnet/attention.py'
    """
    lines, first = inspect.getsourcelines(thing)
    return Lines(path=f"{thing.__module__.replace('.', '/')}.py", first=first, text=inspect.cleandoc(f"\n{''.join(lines)}"))


_HOMES: dict[int, type | Callable[..., Any]] = {
    **dict.fromkeys((1, 2, 3), MHSA),
    4: Block,
    5: complexity.mhsa,
    **dict.fromkeys(range(6, 15), HMHSA),
    15: complexity.hmhsa,
}
EQUATIONS = tuple(_HOMES)  # 1 to 15


@cache
def equation(number: int) -> Lines:
    """The line that computes one of the paper's Eqs. 1 to 15.

    It ends with a comment "Eq. 4", or is the first line of code below a comment that begins with the number; for the costs, Eqs. 5 and 15,
    what a function returns. Eq. 2 appears in three places: this is plain attention's. Raises ValueError for another number.
    """
    if number not in _HOMES:
        raise ValueError(f"Eq. {number}: the paper has Eqs. 1 to 15")
    whole = lines_of(_HOMES[number])
    lines = whole.text.splitlines()
    code = [i for i, line in enumerate(lines) if line.strip() and not line.strip().startswith("#")]
    if _HOMES[number].__module__ == complexity.__name__:
        at = next(i for i in code if lines[i].strip().startswith("return"))
    else:
        named = next(i for i, line in enumerate(lines) if line.strip().startswith(f"# Eq. {number}") or line.endswith(f"  # Eq. {number}"))
        at = next(i for i in code if i >= named)
    return Lines(path=whole.path, first=whole.first + at, text=lines[at].strip())
