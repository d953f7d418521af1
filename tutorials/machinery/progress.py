"""One line below a long cell that says how far it is."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from IPython.display import display

Item = TypeVar("Item")
EVERY = 0.5  # seconds from one line to the next, at least


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Pass items on, one after the other, and say how many are done and about how long the others will take.

    what: the items in words ("photographs"). total: how many there are, if `len(items)` does not say so.
    """
    total = len(items) if total is None else total
    start = shown = time.perf_counter()
    line = display({"text/plain": f"0 of {total} {what}"}, raw=True, display_id=True)
    for done, item in enumerate(items, start=1):
        yield item
        now = time.perf_counter()
        if done == total:
            line.update({"text/plain": f"{done} of {total} {what}"}, raw=True)
        elif now - shown >= EVERY:
            left = (now - start) * (total / done - 1)
            line.update({"text/plain": f"{done} of {total} {what}, {now - start:.0f} s, about {left:.0f} s left"}, raw=True)
            shown = now
