"""The running app, for tests/browser and for the scripts in benchmarks/: served as a user would serve it, and opened in a browser.

with running_app() as url, chromium() as browser, opened(browser, url, dark=True, path="/cost") as page:
    page.screenshot(path="cost.png")
"""

from __future__ import annotations

import os
import re
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
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, expect

REPO = Path(__file__).resolve().parents[1]
TIMEOUT_MS = 60_000


def path_of(view: str) -> str:
    """A view's path in the address ("explorer" -> "/explorer"): the one that opens first has none."""
    pages = re.findall(r'st\.Page\("views/(\w+)/page\.py"([^\n]*)', (REPO / "app" / "main.py").read_text(encoding="utf-8"))
    return "/" if "default=True" in dict(pages)[view] else f"/{view}"


@contextmanager
def running_app(main: Path = REPO / "app" / "main.py", folder: Path | None = None, under: str = "") -> Iterator[str]:
    """The app's address, served as a user would: by the console script, from a folder that is not the project's.

    folder: the one to start it in, with runs/*/best.safetensors for it to offer; by default an empty one.
    under: the path at which it is served, such as "/lab".
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}{under}"
    command = [
        str(Path(sys.executable).parent / "streamlit"),
        "run",
        str(main),
        f"--server.port={port}",
        "--server.address=127.0.0.1",
        "--server.headless=true",
        "--server.fileWatcherType=none",
        *([f"--server.baseUrlPath={under}"] if under else []),
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
    browser: Browser,
    url: str,
    *,
    width: int = 1440,
    height: int = 900,
    dark: bool = False,
    path: str = "/",
    settled: bool = True,
    timeout_ms: int = TIMEOUT_MS,
    **context_options,
) -> Iterator[Page]:
    """A page of the app in a browser of its own, after its first run; settled=False does not wait for that run's end.

    timeout_ms: the most that anything on the page may take.
    On leaving, raises AssertionError if the page logged an error or asked another host.
    """
    look = {"viewport": {"width": width, "height": height}, "color_scheme": "dark" if dark else "light"}
    context = browser.new_context(**look, **context_options)
    expect.set_options(timeout=timeout_ms)
    try:
        context.set_default_timeout(timeout_ms)
        with well_behaved(context, url):
            page = context.new_page()
            arrive(page, url + path, settled)
            yield page
    finally:
        context.close()


@contextmanager
def well_behaved(context: BrowserContext, url: str) -> Iterator[None]:
    """Raise AssertionError on leaving if a page of this context logged an error or asked another host than the app's meanwhile."""
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

    checks = {
        "console": check_console,
        "weberror": lambda error: problems.append(f"page: {error.error}"),
        "request": lambda request: check_host(request.url),
        "page": lambda page: page.on("websocket", lambda socket: check_host(socket.url)),
    }
    for event, check in checks.items():
        context.on(event, check)
    try:
        yield
    finally:
        for event, check in checks.items():
            context.remove_listener(event, check)
    assert not problems, "the page misbehaved:\n  " + "\n  ".join(problems)


def arrive(page: Page, address: str, settled: bool = True) -> None:
    """Open an address; wait until its first run has begun, or has ended (`settled`)."""
    page.goto(address)
    page.locator("p.where").wait_for(state="attached")  # before that, a fresh page looks as if a run had ended
    if settled:
        settle(page)


def settle(page: Page) -> None:
    """Wait for the end of the script's run and of loading. Right after a click the old run still looks ended."""
    page.locator("[data-testid=stApp][data-test-connection-state=CONNECTED][data-test-script-state=notRunning]").wait_for()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def drawn(page: Page, view: str) -> None:
    """Wait until all of a view is painted: Why? works for a while before."""
    if view == "start":
        page.locator(".st-key-story .story[data-painted]").wait_for()
    elif view == "explorer":
        expect(page.locator(".st-key-explorer .where")).to_have_text(re.compile("^Row"))
        page.locator(".st-key-explorer .explorer[data-token]").wait_for()
        page.wait_for_function("document.querySelector('[id^=photo-]')?.complete")
    else:
        if view == "why":
            expect(page.locator(".meter")).to_have_count(6, timeout=300_000)
        settle(page)
        shown = ".chart polyline" if view in ("cost", "why", "paper") else "canvas"
        expect(page.get_by_test_id("stMain").locator(shown).first).to_be_visible()
        page.wait_for_load_state("networkidle")
