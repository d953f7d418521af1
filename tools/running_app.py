"""The running app and a browser, for the tests here and for the scripts in benchmarks/.

    with running_app() as url, chromium() as browser, opened(browser, url, dark=True, path="/cost") as page:
        page.screenshot(path="cost.png")

Run as a script, it prints the installed Chromium that would be used and fails if there is none.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:  # imported late below: run as a script, this file needs the standard library only
    from playwright.sync_api import Browser, Page

REPO = Path(__file__).resolve().parents[1]
TIMEOUT_MS = 60_000
NO_CHROMIUM = "no Chromium: install one (Debian: apt-get install chromium) or set HATNET_CHROMIUM to its path"
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
    """The installed Chromium or Chrome that starts: HATNET_CHROMIUM if set (and then no other), else the first on PATH."""
    if named := os.environ.get("HATNET_CHROMIUM"):
        if not _starts(named):
            raise RuntimeError(f"HATNET_CHROMIUM is {named!r}, which does not start")
        return named
    found = filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]))
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
    from playwright.sync_api import expect, sync_playwright

    path = path or find_chromium() or playwright_chromium()
    if path is None:
        raise RuntimeError(NO_CHROMIUM)
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def path_of(view: str) -> str:
    """A view's path in the address ("explorer" -> "/explorer"): the one that opens first has none."""
    pages = re.findall(r'st\.Page\("views/(\w+)/page\.py"([^\n]*)', (REPO / "app" / "main.py").read_text(encoding="utf-8"))
    return "/" if "default=True" in dict(pages)[view] else f"/{view}"


@contextmanager
def running_app(main: Path = REPO / "app" / "main.py", folder: Path | None = None) -> Iterator[str]:
    """The app's address, served as a user would: by the console script, from a folder that is not the project's.

    folder: the one to start it in, with runs/*/best.safetensors for it to offer; by default an empty one.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [
        str(Path(sys.executable).parent / "streamlit"),
        "run",
        str(main),
        f"--server.port={port}",
        "--server.address=127.0.0.1",
        "--server.headless=true",
        "--server.fileWatcherType=none",
    ]
    # A PYTHONPATH that names the project would hide that the app cannot import it by itself.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as empty:
        log = Path(empty) / "server.log"
        with log.open("w") as out:
            server = subprocess.Popen(command, cwd=folder or empty, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            _wait_until_healthy(server, url, log)
            yield url
            if server.poll() is not None:
                raise RuntimeError(f"the app's server ended by itself with code {server.returncode}:\n{log.read_text()}")
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_until_healthy(server: subprocess.Popen, url: str, log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy knows nothing of this 127.0.0.1
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with direct.open(f"{url}/_stcore/health", timeout=5) as answer:
                if answer.read() == b"ok":
                    return
        except (urllib.error.URLError, OSError):
            pass
        try:
            server.wait(0.1)  # the pause between two questions, cut short by the server's end
        except subprocess.TimeoutExpired:
            continue
        raise RuntimeError(f"the app's server ended with code {server.returncode}:\n{log.read_text()}")
    raise RuntimeError(f"the app's server does not answer:\n{log.read_text()}")


@contextmanager
def opened(
    browser: Browser, url: str, *, width: int = 1440, height: int = 900, dark: bool = False, path: str = "/", **context_options
) -> Iterator[Page]:
    """A page of the app after its first run. On leaving, raises AssertionError if it logged an error or asked another host."""
    problems: list[str] = []
    host = urlsplit(url).hostname

    def check_host(address: str) -> None:
        if urlsplit(address).hostname not in (host, None):  # None: data:, blob:, about:
            problems.append(f"request to another host: {address}")

    def check_console(message) -> None:
        source = message.location.get("url", "")
        # On a deep link such as /cost, Streamlit first looks for its server at /cost/_stcore, then at /_stcore.
        searching = re.search(r"^/.+/_stcore/(health|host-config)$", urlsplit(source).path)
        if message.type == "error" and not searching:
            problems.append(f"console: {message.text} ({source})")

    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", **context_options)
    try:
        context.set_default_timeout(TIMEOUT_MS)
        context.on("console", check_console)
        context.on("weberror", lambda error: problems.append(f"page: {error.error}"))
        context.on("request", lambda request: check_host(request.url))
        context.on("page", lambda page: page.on("websocket", lambda socket: check_host(socket.url)))
        page = context.new_page()
        page.goto(url + path)
        settle(page)
        yield page
    finally:
        context.close()
    assert not problems, "the page misbehaved:\n  " + "\n  ".join(problems)


def settle(page: Page) -> None:
    """Wait for the end of the script's run and of loading. For a fresh page: right after a click the old run still looks ended."""
    from playwright.sync_api import expect

    page.locator("[data-testid=stApp][data-test-connection-state=CONNECTED][data-test-script-state=notRunning]").wait_for()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def explorer_drawn(page: Page) -> None:
    """Wait until the Explorer's photograph is painted and the maps beside it have their weights."""
    from playwright.sync_api import expect

    expect(page.locator(".st-key-explorer .where")).to_have_text(re.compile("^Row"))
    page.locator(".st-key-explorer .explorer[data-token]").wait_for()
    page.wait_for_function("document.querySelector('[id^=photo-]')?.complete")


def drawn(page: Page, view: str) -> None:
    """Wait until all of a view is painted: the Why? view works for a while before."""
    from playwright.sync_api import expect

    if view == "explorer":
        return explorer_drawn(page)
    if view == "start":
        return start_drawn(page)
    if view == "why":
        expect(page.locator(".meter")).to_have_count(6, timeout=300_000)
    settle(page)
    shown = {"cost": ".js-plotly-plot .main-svg", "why": ".js-plotly-plot .main-svg"}.get(view, "canvas")
    expect(page.get_by_test_id("stMain").locator(shown).first).to_be_visible()
    page.wait_for_load_state("networkidle")


def start_drawn(page: Page) -> None:
    """Wait until the cards of the Start view are painted."""
    page.locator(".st-key-story .story[data-painted]").wait_for()


if __name__ == "__main__":
    chromium_here = find_chromium()
    print(chromium_here or NO_CHROMIUM)
    sys.exit(chromium_here is None)
