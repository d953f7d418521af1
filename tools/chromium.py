"""A Chromium for tests and benchmarks: the installed one, or Playwright's own.

Run as a script, it prints the installed Chromium that would be used and fails if there is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported late below: run as a script, this file needs the standard library only
    from playwright.sync_api import Browser

NO_CHROMIUM = "no Chromium: install one (Debian: apt-get install chromium) or set HATNET_CHROMIUM to its path"
NAMES = ["chromium-headless-shell", "chrome-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _starts(path: str) -> bool:
    # Ubuntu's chromium-browser is a script that only asks for a snap: being on PATH is not enough.
    try:
        return subprocess.run([path, "--version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def find_chromium() -> str | None:
    """The installed Chromium or Chrome that starts: HATNET_CHROMIUM if set (and then no other), else the first on PATH.

    The headless shell comes first: the same pages without a window around them take half the processor's time.
    """
    if named := os.environ.get("HATNET_CHROMIUM"):
        if not _starts(named):
            raise RuntimeError(f"HATNET_CHROMIUM is {named!r}, which does not start")
        return named
    found = filter(None, map(shutil.which, NAMES))
    return next(filter(_starts, found), None)


def playwright_chromium() -> str | None:
    """Playwright's own Chromium, downloaded if it is not there yet; None where that fails (no network, say)."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if not Path(path).exists():
        try:
            subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], stdin=subprocess.DEVNULL, timeout=300)
        except subprocess.TimeoutExpired:
            return None
    return path if _starts(path) else None


@contextmanager
def chromium(path: str | None = None) -> Iterator[Browser]:
    """A headless Chromium: the one at `path`, else the installed one, else Playwright's."""
    from playwright.sync_api import sync_playwright

    path = path or find_chromium() or playwright_chromium()
    if path is None:
        raise RuntimeError(NO_CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    chromium_here = find_chromium()
    print(chromium_here or NO_CHROMIUM)
    sys.exit(chromium_here is None)
