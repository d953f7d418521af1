"""What every page has, in Chromium: links that show the same elsewhere, pictures that stay with their visitor, the line on a phone."""

import io
import re
from contextlib import contextmanager

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser import serve

ASKED = "?image=koala&stage=3&block=2&head=2&g1=4,3&g2=2,4&equation=12&pixels=64&token=0.6875,0.3125"
ROW = re.compile(r"^Row \d+, column \d+ of \d+ × \d+")


@contextmanager
def visit(browser, address, **look):
    """A page in a browser of its own, without waiting for the end of a long script."""
    context = browser.new_context(viewport={"width": look.pop("width", 1440), "height": 900}, **look)
    try:
        page = context.new_page()
        page.goto(address)
        expect(page.locator("p.where")).to_be_attached(timeout=60_000)
        yield page
    finally:
        context.close()


def stands(page, path):
    """The page shows what ASKED says: above the title, in the sidebar, and on the photograph where there is one to choose on."""
    slow = dict(timeout=60_000)  # a fresh browser loads every widget's code anew
    expect(page.locator("p.where")).to_have_text(re.compile(r"^Koala · .+ · stage 3 · block 2$"))
    sidebar = page.get_by_test_id("stSidebarUserContent")
    expect(sidebar.get_by_role("combobox").first).to_have_value("Koala", **slow)
    for name, value in (("stage", "3"), ("block", "2")):
        expect(sidebar.locator(f".st-key-choose_{name}").get_by_role("radio", name=value, exact=True)).to_be_checked(**slow)
    for name, value in (("g1", "3"), ("g2", "4")):
        expect(sidebar.locator(f".st-key-choose_{name}_3").get_by_test_id("stSliderThumbValue")).to_have_text(value, **slow)
    if path.strip("/") not in ("", "cost"):  # Start names places in its sentences only
        expect(page.get_by_text(ROW).first).to_contain_text("Row 6, column 3 of 8 × 8", **slow)


def pages(browser, app_url):
    with visit(browser, app_url) as page:
        links = page.get_by_test_id("stTopNavLink")
        expect(links.first).to_be_visible()
        return [link.get_attribute("href").removeprefix(app_url) for link in links.all()]


def test_a_link_copied_from_any_page_shows_the_same_in_another_browser(browser, app_url):
    addresses = pages(browser, app_url)
    assert len(addresses) >= 5
    for path in addresses:
        with visit(browser, app_url + path + ASKED) as one:
            stands(one, path)
            expect(one).to_have_url(re.compile("token=0.6875%2C0.3125"))
            with visit(browser, one.url) as other:
                stands(other, path)
                assert other.url == one.url, path
                expect(other.locator(".st-key-notices")).to_have_count(0)


def test_the_state_goes_along_from_page_to_page(open_page):
    page = open_page(path="/equations" + ASKED)
    before = page.url.partition("?")[2]
    page.get_by_test_id("stTopNavLink").filter(has_text="Grids").click()
    expect(page.get_by_role("heading", name="Change windows and cells")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/grids\?"))
    assert page.url.partition("?")[2] == before


def test_wrong_parameters_are_clamped_and_said(open_page):
    page = open_page(path="/grids?block=99&stage=nan&block=7&unknown=1&token=5,5")
    notices = page.locator(".st-key-notices")
    expect(notices).to_contain_text("The link asked for stage “nan”, which is no whole number.")
    expect(notices).to_contain_text("The link asked for block 7; this stage has two. Block 2 is shown.")
    expect(notices).to_contain_text("The link asked for a token outside the picture.")
    assert "unknown" not in page.url and "block=2" in page.url
    page.get_by_role("button", name="Close").click()
    expect(notices).to_have_count(0)


@pytest.fixture
def button():
    return lambda page: page.locator(".st-key-copylink").get_by_role("button", name="Copy a link to this view")


def test_the_link_is_copied(open_page, button):
    page = open_page(path="/grids" + ASKED, permissions=["clipboard-read", "clipboard-write"])
    button(page).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-copylink").get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_without_a_clipboard_the_link_is_shown_and_marked(open_page, button):
    page = open_page(path="/grids" + ASKED)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    button(page).click()
    expect(page.locator(".st-key-copylink").get_by_text("Press Ctrl+C")).to_be_visible()
    link = page.get_by_role("textbox", name="Link to this view")
    expect(link).to_be_focused()
    assert link.input_value() == page.url
    assert link.evaluate("input => input.selectionEnd - input.selectionStart") == len(page.url)


def photo(mode="RGB", size=(60, 40), kind="JPEG"):
    file = io.BytesIO()
    Image.new(mode, size, (200, 30, 60, 0)[: len(mode)]).save(file, kind)
    return file.getvalue()


def test_a_photograph_of_one_s_own_stays_in_one_s_own_browser(open_page, browser, app_url):
    page = open_page(path="/equations")
    upload = page.get_by_test_id("stFileUploader").locator("input[type=file]")
    upload.set_input_files({"name": "secret-holiday.jpg", "mimeType": "image/jpeg", "buffer": photo("CMYK")})
    picture = page.get_by_test_id("stSidebar").get_by_role("combobox").first
    expect(picture).to_have_value("Yours: secret-holiday.jpg")
    expect(page).to_have_url(re.compile("image=upload"))
    expect(page.get_by_alt_text("secret-holiday.jpg, whole")).to_be_visible()
    expect(page.get_by_alt_text("secret-holiday.jpg, as the model sees it")).to_be_visible()
    # A bad one after it: said, and the good one stays.
    for name, data, said in (
        ("notes.png", b"no picture", "notes.png is not a picture we can read."),
        ("line.png", photo(size=(400, 3), kind="PNG"), "line.png is 400 × 3 pixels."),
    ):
        upload.set_input_files({"name": name, "mimeType": "image/png", "buffer": data})
        expect(page.locator(".note").filter(has_text=said)).to_contain_text("The last picture stays: Yours: secret-holiday.jpg.")
    expect(picture).to_have_value("Yours: secret-holiday.jpg")
    # Somebody else, with the very link of the first: no trace of it.
    with serve.opened(browser, app_url, path=page.url.removeprefix(app_url)) as other:
        expect(other.locator(".st-key-notices")).to_contain_text("somebody's own photograph, which never left their visit.")
        assert "secret-holiday" not in other.content()
        other.get_by_test_id("stSidebar").get_by_role("combobox").first.click()
        expect(other.get_by_role("option", name="Koala")).to_be_visible()
        expect(other.get_by_role("option", name="Yours")).to_have_count(0)


def test_a_phone_says_what_is_looked_at_on_every_page(browser, app_url):
    for path in pages(browser, app_url):
        with visit(browser, app_url + path + ASKED, width=390) as page:
            line = page.locator("p.where")
            expect(line).to_be_visible()
            expect(line).to_have_text(re.compile(r"^Koala · .+ · stage 3 · block 2$"))
            expect(page.locator(".st-key-copylink button")).to_be_visible()
    with visit(browser, app_url) as page:  # where the sidebar is open, it says all that
        expect(page.locator("p.where")).to_be_hidden()


def test_the_asker_of_the_cards_looks_at_the_marked_card(open_page):
    page = open_page(path="/equations?checkpoint=cards&equation=13")
    expect(page.get_by_text("Row 2, column 2 of 12 × 12")).to_be_visible()
    expect(page.get_by_test_id("stFileUploader")).to_have_count(0)
    page.get_by_test_id("stSidebar").get_by_role("combobox").nth(1).click()
    page.get_by_role("option", name="cifar10 · 10 classes").click()
    expect(page.get_by_test_id("stSidebar").get_by_role("combobox").first).to_have_value("Cat, close")
    expect(page.get_by_test_id("stFileUploader")).to_be_visible()
