"""Write files that are never half written, and say why one cannot be read."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_HEADER = 10_000_000  # bytes: ours have 20 thousand at most; the format's own library would read ten times as many


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path to write to; on success it replaces `path`, so `path` is never seen half-written.

    If the block raises, `path` stays as it was.
    """
    partial = Path(f"{os.fspath(path)}.partial")
    yield partial
    os.replace(partial, path)


def check_safetensors(path: str | os.PathLike[str]) -> None:
    """Raise ValueError for a safetensors file whose first 8 bytes claim a header longer than the file or MOST_HEADER: before it is read."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > (most := min(MOST_HEADER, os.path.getsize(path) - 8)):
        raise ValueError(f"it claims a header of {size:,} bytes; wanted at most {max(most, 0):,}")


def parse_json(text: bytes, path: str | os.PathLike[str], line: int = 1) -> object:
    """The JSON in a file, or in a part of it that starts in `line`. Raises ValueError that names path, line and column."""
    try:
        return json.loads(text.decode())
    except UnicodeDecodeError as error:
        line += text.count(b"\n", 0, error.start)
        raise ValueError(f"{path}, line {line}: byte {text[error.start]:#04x} is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {line + error.lineno - 1}, column {error.colno}: not JSON ({error.msg})") from None
    except (RecursionError, ValueError) as error:  # brackets in thousands of brackets, or a number of thousands of digits
        raise ValueError(f"{path}, line {line}: not what JSON is for ({brief(error)})") from None


def brief(error: Exception) -> str:
    """An error in one line of at most 300 characters, without terminal codes; its type, if it says nothing."""
    text = " ".join(re.sub(r"\x1b\[[\d;]*m", "", str(error)).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]} ..."
