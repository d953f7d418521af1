"""Where the app runs: each server leaves a note while it lives, so that the notebooks can say which port their links mean."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

USUAL = "http://localhost:8501/"  # Streamlit's own choice; it takes the next port where this one is taken


def notes() -> Path:
    """The folder of the notes, one for each user of this machine."""
    user = f"-{os.getuid()}" if hasattr(os, "getuid") else ""  # on Windows, each user has a temporary folder
    return Path(tempfile.gettempdir()) / f"hatnet-app{user}"


@contextmanager
def announced(url: str) -> Iterator[None]:
    """Leave a note with the app's address while the block runs. Where no note can be written, there is none."""
    note = notes() / str(urlsplit(url).port)
    with suppress(OSError):
        note.parent.mkdir(mode=0o700, exist_ok=True)
        note.write_text(url, encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            note.unlink()


def addresses() -> list[str]:
    """The addresses at which an app answers, the one that started last first. A note that a crashed server left is passed over."""
    found = []
    with suppress(OSError):
        for note in sorted(notes().iterdir(), key=lambda note: note.stat().st_mtime, reverse=True):
            url = note.read_text(encoding="utf-8")
            with suppress(OSError), socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=0.3):
                found.append(url)
    return found
