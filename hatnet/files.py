"""Files that are never half written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """A file to write instead of `path`, which it replaces at the end: whoever finds `path` finds it whole.

    If the block raises, `path` stays as it was.
    """
    partial = Path(f"{os.fspath(path)}.partial")
    yield partial
    os.replace(partial, path)
