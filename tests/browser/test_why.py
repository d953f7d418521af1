"""Why? in Chromium: maps that are there early, a cancel that is heard, curves that are chosen."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.looking import changed, values
from tools.running_app import drawn


def put_back(page):
    page.keyboard.press("Escape")
    page.mouse.move(5, 5)
    page.evaluate("document.activeElement.blur()")


@pytest.fixture
def page(open_page):
    page = open_page(path="/why", put_back=put_back)
    drawn(page, "why")  # to the end of the run: until then the picker may be drawn once more, and a key would be lost
    return page


def test_attention_is_there_early_a_cancel_is_heard_and_the_work_goes_on(open_page):
    page = open_page(path="/why?image=bird_duck&g1=3,3", settled=False)  # a setting that no other test has worked on
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(page.locator(".meter")).to_have_count(0)
    for name in ("raw", "hops", "rollout"):
        assert values(page, f"why_{name}")
    page.get_by_role("button", name="Continue").click()
    drawn(page, "why")
    expect(page.locator(".lead")).to_contain_text("Does attention tell why?")


def test_the_chosen_method_s_curve_is_drawn(page):
    page.get_by_role("radio", name="Rollout").click()
    curves_drawn(page, "Rollout")


def curves_drawn(page, name):
    """Wait until the curves of a method are drawn, in both charts, and told."""
    for chart in (".st-key-why_0", ".st-key-why_1"):
        expect(page.locator(f"{chart} .frame")).to_have_attribute("aria-label", re.compile(f"removed: {name} |put back: {name} "))
        expect(page.locator(f"{chart} .frame polyline.ink")).to_be_visible()


def test_the_curves_are_read_by_keyboard_and_by_mouse(page):
    chart, reading = page.locator(".st-key-why_1 .frame"), page.locator(".st-key-why_1 .reading")
    expect(reading).to_contain_text("use the arrow keys")
    chart.focus()
    page.keyboard.press("ArrowRight")
    expect(reading).to_contain_text(re.compile("^0 % removed: .*Raw attention 94 %.*; random maps 94 % to 94 %$"))  # the whole photograph
    page.keyboard.press("ArrowRight")
    expect(reading).to_contain_text("6 % removed")  # one of 16 steps
    page.keyboard.press("Escape")
    expect(reading).to_contain_text("use the arrow keys")
    page.keyboard.press("ArrowLeft")
    expect(reading).to_contain_text(re.compile("^100 % removed"))
    box = chart.bounding_box()
    chart.hover(position={"x": 50 + (box["width"] - 64) / 2, "y": 100})  # the middle, between the margins
    expect(reading).to_contain_text(re.compile("^50 % removed"))
    expect(page.locator(".st-key-why_1 path.at")).to_have_count(1)
    expect(page.locator(".st-key-why_1 .legend span")).to_have_count(page.locator(".st-key-why_1 .frame :is(polyline, polygon)").count())


def test_score_bar_and_band_lie_where_their_numbers_say(page):
    numbers = re.search(r"score, (\S+) to (\S+) put back and (\S+) to (\S+) removed", page.locator(".tests").inner_text()).groups()
    bands = [tuple(map(float, numbers[:2])), tuple(map(float, numbers[2:]))]
    bars = page.locator(".meter .bar")
    expect(bars).to_have_count(12)
    for index in range(12):
        bar = bars.nth(index)
        track, score, band = (bar.locator(name).bounding_box() for name in (".track", "i", "u"))
        at = [(x - track["x"]) / track["width"] for x in (score["x"] + score["width"], band["x"], band["x"] + band["width"])]
        assert at == pytest.approx([float(bar.locator("b").inner_text()), *bands[index % 2]], abs=0.02)


def test_a_click_on_a_map_draws_its_curves(page):
    page.locator(".st-key-why_gradients .frame").click()
    curves_drawn(page, "Integrated Gradients")
    page.locator(".st-key-why_cam .frame").focus()
    page.keyboard.press("Enter")
    curves_drawn(page, "Grad-CAM")


def test_another_token_changes_raw_attention_and_its_score(page):
    frame = page.locator(".st-key-why_picker .frame")
    raw, occlusion = values(page, "why_raw"), values(page, "why_occlusion")
    scores, chart = page.locator(".meter.raw"), page.locator(".st-key-why_0 .frame")
    said, words = scores.inner_text(), chart.get_attribute("aria-label")
    frame.focus()
    page.keyboard.press("Shift+ArrowUp")
    changed(page, "why_raw", raw)
    expect(scores).not_to_have_text(said, use_inner_text=True, timeout=60_000)
    expect(chart).not_to_have_attribute("aria-label", words)
    assert values(page, "why_occlusion") == occlusion
    expect(frame).to_be_focused()
