"""What programs in benchmarks/ measured for the shipped checkpoints, beside whose weights they have written it as JSON."""

import json
import logging
from functools import lru_cache
from pathlib import Path

import hatnet

log = logging.getLogger("hatnet.app")


def read(name: str, *fields: str) -> dict | None:
    """The content of hatnet/shipped/NAME, which has at least these fields; None where there is no such file.

    It is shared by all visits: read it, and change nothing. Raises ValueError, for a page to show, where the file is damaged.
    """
    path = hatnet.checkpoints.SHIPPED / name
    return _read(path, path.stat().st_mtime_ns, fields) if path.is_file() else None


@lru_cache(maxsize=32)
def _read(path: Path, stamp: int, fields: tuple[str, ...]) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if missing := set(fields) - content.keys():
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    except (OSError, ValueError, AttributeError):
        log.exception("not read: %s", path)
        raise ValueError(f"{path.name} is not what the program in benchmarks/ writes. Measure it again.") from None
    return content
