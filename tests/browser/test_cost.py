"""Cost in Chromium: a real measurement, charts that are read by mouse and keyboard."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.looking import sticks_out
from tools.running_app import settle


def put_back(page):
    page.emulate_media(media="screen")
    page.keyboard.press("Escape")
    page.mouse.move(5, 5)
    page.evaluate("document.activeElement.blur()")


@pytest.fixture
def page(open_page):
    return open_page(path="/cost", put_back=put_back)


def test_a_measurement_lies_over_the_curves_at_its_end(open_page):
    """On a quiet machine it takes two seconds, too few to cancel it surely from here: that is tested in tests/app."""
    page = open_page(path="/cost")
    page.get_by_role("button", name="Measure on this machine").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Measured at 56 × 56 tokens")).to_be_visible(timeout=120_000)
    said = page.get_by_text("Measured at 56 × 56 tokens").locator("..").inner_text()
    times = r"(equally fast|[\d.,]+ times (faster|slower))"
    assert len(re.findall(rf"hierarchical [\d.]+ ms, {times}; the formulas say {times}", said)) == 2  # here, and on the largest map
    chart = page.locator(".st-key-tokens")
    expect(chart.locator("path.bars").first).to_be_attached()
    expect(chart.locator(".up")).to_have_text("milliseconds")
    chart.locator(".frame").focus()
    page.keyboard.press("ArrowLeft")
    expect(chart.locator(".reading")).to_have_text(re.compile("^56 × 56 = 3,136 tokens: hierarchical .* milliseconds, measured$"))


def test_charts_are_read_by_keyboard_and_by_mouse(page):
    grid, reading = page.locator(".st-key-grids .frame"), page.locator(".st-key-grids .reading")
    grid.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    expect(reading).to_have_text(re.compile("^G₁ = 2, G₂ = 2: "))
    for _ in range(3):
        page.keyboard.press("ArrowDown")  # not out of the map
    expect(reading).to_have_text(re.compile("^G₁ = 1, G₂ = 2: "))
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(reading).to_have_text(re.compile("^G₁ = 1, G₂ = 1: "))
    page.keyboard.press("Escape")
    for key in ("ArrowLeft", "ArrowRight"):  # the last, which has nothing to its right
        page.keyboard.press(key)
    expect(reading).to_have_text(re.compile("^G₁ = 16, G₂ = 16: "))
    for key in ("ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(reading).to_have_text(re.compile("^G₁ = 15, G₂ = 16: "))  # not on to the next row
    page.mouse.move(5, 5)
    now = page.locator(".st-key-grids .frame circle.query")
    now.scroll_into_view_if_needed()
    box = now.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(reading).to_have_text("G₁ = 4, G₂ = 2: 4.62 million multiply-adds")
    terms = page.locator(".st-key-terms .frame")
    terms.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".st-key-terms .reading")).to_contain_text("G = 16:")
    expect(page.locator(".st-key-terms path.at")).to_have_count(1)


def test_no_script_of_a_charting_library_is_loaded(page):
    """It would be evaluated before the first picture."""
    settle(page)
    large = page.evaluate("performance.getEntriesByType('resource').filter(e => /plotly|vega/i.test(e.name)).map(e => e.name)")
    assert large == []


def test_charts_are_there_in_print(page):
    page.emulate_media(media="print")
    for name, mark in (("tokens", "polyline"), ("terms", "polygon"), ("grids", "rect")):
        expect(page.locator(f".st-key-{name} .frame {mark}").first).to_be_visible()
    assert sticks_out(page) == []


def test_sliders_by_key_change_bars_charts_and_their_words(page):
    bars, chart = page.locator(".bars").first, page.locator(".st-key-tokens .frame")
    before = bars.get_attribute("aria-label"), chart.get_attribute("aria-label")
    page.get_by_role("slider", name="Window side G₁").focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("g1=5%2C4"))
    expect(bars).not_to_have_attribute("aria-label", before[0])
    expect(chart).not_to_have_attribute("aria-label", before[1])
    expect(page.locator(".say").filter(has_text="of the comparisons cost")).to_contain_text("89 keys instead of 256", use_inner_text=True)


def test_everything_has_room_on_a_phone(open_page, phone):
    """A plain stage's page, of which tests/browser/test_shell.py sees nothing."""
    page = open_page(path="/cost?stage=4&pixels=512", width=390, height=844, within=phone)
    assert sticks_out(page) == []
