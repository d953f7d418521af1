"""Fixtures for tests that drive the running app in a real browser: one server, one browser; see tools/running_app.py."""

import os
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Error, expect

from tools import chromium
from tools.running_app import TIMEOUT_MS, arrive, opened, running_app, settle, well_behaved


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
    path = chromium.find_chromium() or chromium.playwright_chromium()
    if path is None:
        give_up = pytest.fail if os.environ.get("CI", "").lower() in ("1", "true") else pytest.skip
        give_up(chromium.NO_CHROMIUM)
    return path


@pytest.fixture(scope="session")
def browser(chromium_path):
    expect.set_options(timeout=TIMEOUT_MS)
    with chromium.chromium(chromium_path) as browser:
        yield browser


@pytest.fixture(scope="session")
def app_url():
    with running_app() as url:
        yield url


def kept_open(browser):
    context = browser.new_context(color_scheme="light")
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    context.close()


@pytest.fixture(scope="session")
def laptop(browser):
    """The browser of all tests that need none of their own: it loads Streamlit once. To the server, each page is another visitor."""
    yield from kept_open(browser)


@pytest.fixture(scope="session")
def elsewhere(browser):
    """Somebody else's laptop: it shares nothing with the first."""
    yield from kept_open(browser)


@pytest.fixture(scope="session")
def phone(browser):
    """For pages that are opened with a phone's width, and whose sidebar stays closed: Streamlit remembers an open one."""
    yield from kept_open(browser)


@pytest.fixture(scope="session")
def kept():
    """The pages that stay open from test to test: path -> page and the address that it had when it was opened."""
    return {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:  # in what state its pages are, nobody knows
        item.funcargs.get("kept", {}).clear()
    return report


def beyond(address):
    """What an address says that no `put_back` need put back."""
    place = urlsplit(address)
    return place.path, {name: value for name, value in parse_qsl(place.query) if name not in ("token", "panel", "step", "equation")}


def still_open(kept, path, put_back):
    """The page that another test has left at this path, put back; None if there is none or it cannot be put back."""
    if path not in kept:
        return None
    page, address = kept.pop(path)
    page.set_default_timeout(5_000)
    try:
        assert beyond(page.url) == beyond(address)
        page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
        put_back(page)
        expect(page).to_have_url(address, timeout=3_000)
        settle(page)
    except (AssertionError, Error):
        page.close()
        return None
    page.set_default_timeout(TIMEOUT_MS)
    kept[path] = page, address
    return page


@pytest.fixture
def open_page(browser, laptop, app_url, kept):
    """open_page(path="/", settled=True, width=1440, height=900, within=laptop, checkpoint="cifar10", put_back=None) -> Page.

    within: laptop, elsewhere or phone. checkpoint: the one that runs fastest, where the path names none; None: as a first visit.

    put_back(page): what undoes the things that the tests of a file do to a page. The page stays open, and the next test that asks for this
    path gets it, put back. It gets a new one if that fails, if the address is then another one, or if a test has failed meanwhile.

    Any other option of tools.running_app.opened, and a phone's width in the laptop, give it a browser of its own. Errors in a page and
    calls to other hosts fail the test.
    """
    watched = set()

    def start(path="/", settled=True, width=1440, height=900, within=laptop, checkpoint="cifar10", put_back=None, **options):
        if checkpoint and "checkpoint=" not in path:
            path += f"{'&' if '?' in path else '?'}checkpoint={checkpoint}"
        if options or (width < 768 and within is laptop):
            return pages.enter_context(opened(browser, app_url, path=path, settled=settled, width=width, height=height, **options))
        if within not in watched:
            watched.add(within)
            pages.enter_context(well_behaved(within, app_url))
        if put_back and (page := still_open(kept, path, put_back)):
            return page
        page = within.new_page()
        page.set_viewport_size({"width": width, "height": height})
        if put_back:
            page.set_default_timeout(300_000)  # Why? takes its time before it has settled
            arrive(page, app_url + path)
            page.set_default_timeout(TIMEOUT_MS)
            kept[path] = page, page.url
        else:
            pages.callback(page.close)
            arrive(page, app_url + path, settled)
        return page

    with ExitStack() as pages:
        yield start
