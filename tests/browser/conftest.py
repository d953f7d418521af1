"""Fixtures for tests that drive the running app in a real browser; see tools/running_app.py."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from tools import running_app as serve


def pytest_collection_modifyitems(items):
    # Last, because Playwright keeps an asyncio loop running in the main thread until the session ends.
    here = Path(__file__).parent
    items.sort(key=lambda item: here in item.path.parents)
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # A shared machine may stall a browser past any timeout. What fails twice more in fresh pages is broken.
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture(scope="session")
def chromium_path():
    path = serve.find_chromium() or serve.playwright_chromium()
    if path is None:
        give_up = pytest.fail if os.environ.get("CI", "").lower() in ("1", "true") else pytest.skip
        give_up(serve.NO_CHROMIUM)
    return path


@pytest.fixture(scope="session")
def browser(chromium_path):
    with serve.chromium(chromium_path) as browser:
        yield browser


@pytest.fixture(scope="session")
def app_url():
    with serve.running_app() as url:
        yield url


@pytest.fixture
def open_page(browser, app_url):
    """open_page(width=1440, height=900, dark=False, path="/") -> Page; errors in the page and calls to other hosts fail the test."""
    with ExitStack() as pages:
        yield lambda **options: pages.enter_context(serve.opened(browser, app_url, **options))
