"""Files that are never half written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path to write to; on success it replaces `path`, so `path` is never seen half-written.

    If the block raises, `path` stays as it was.
    """
    partial = Path(f"{os.fspath(path)}.partial")
    yield partial
    os.replace(partial, path)
