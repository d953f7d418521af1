"""Grids and Why? in Chromium: the keyboard alone, maps that follow, a cancel that is heard, nothing that sticks out on a phone."""

import re

from playwright.sync_api import expect

# Undefined while Streamlit mounts a chart anew.
VALUES = "name => JSON.stringify(document.querySelector(`.st-key-map_${name} .js-plotly-plot`)?.data?.[0].z)"


def values(page, name):
    expect(page.locator(f".st-key-map_{name} .heatmaplayer image").first).to_be_visible()
    return page.evaluate(VALUES, name)


def changed(page, name, before):
    page.wait_for_function(f"([name, before]) => ![undefined, before].includes(({VALUES})(name))", arg=[name, before])


def open_why(open_page, query="", **look):
    """Why? without waiting for the end of its script: its first run works for a while."""
    page = open_page(path="/grids", **look)
    page.goto(page.url.split("/grids")[0] + f"/why{query}")
    return page


def fits(page, width):
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width


def test_grids_move_by_keyboard_and_the_parameters_stand_still(open_page):
    page = open_page(path="/grids")
    before = values(page, "local_B")
    parameters = page.get_by_role("row", name=re.compile("^Parameters"))
    said = parameters.inner_text()
    chosen = page.locator(".st-key-grids_g1_2").get_by_role("radio", checked=True)
    chosen.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    changed(page, "local_B", before)
    expect(page).to_have_url(re.compile(r"/grids\?.*g1=7%2C4"))
    expect(page.get_by_text("G₁ = 7")).to_be_visible()
    assert parameters.inner_text() == said and "unchanged" in said


def test_a_pinned_setting_stays_while_the_other_moves(open_page):
    page = open_page(path="/grids?g1=8,4")
    page.get_by_role("button", name="Pin B as A").click()
    pinned = values(page, "local_B")
    page.wait_for_function(f"pinned => ({VALUES})('local_A') === pinned", arg=pinned)
    page.locator(".st-key-grids_g1_2").get_by_role("radio", name="2", exact=True).click()
    changed(page, "local_B", pinned)
    assert values(page, "local_A") == pinned


def test_grids_do_not_stick_out_on_a_phone(open_page):
    page = open_page(path="/grids", width=390, height=844)
    expect(page.get_by_text("How to read this page")).to_be_visible()
    fits(page, 390)


def test_why_does_not_stick_out_on_a_phone(open_page):
    page = open_why(open_page, width=390, height=844)
    expect(page.locator(".meter")).to_have_count(6, timeout=90_000)
    fits(page, 390)


def test_a_cancel_is_heard_and_the_work_goes_on(open_page):
    page = open_why(open_page, "?image=bird_duck&g1=3,3")  # a setting that no other test has worked on
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(page.locator(".meter")).to_have_count(0)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".meter")).to_have_count(6, timeout=90_000)
    expect(page.locator(".lead")).to_contain_text("raw attention scores")


def test_another_token_changes_raw_attention_and_its_score(open_page):
    page = open_why(open_page)
    frame = page.locator(".st-key-why_picker .frame")
    expect(page.locator(".meter")).to_have_count(6, timeout=60_000)
    raw, occlusion = values(page, "why_raw"), values(page, "why_occlusion")
    score = page.locator(".meter.raw b").inner_text()
    frame.focus()
    page.keyboard.press("Shift+ArrowUp")
    changed(page, "why_raw", raw)
    expect(page.locator(".meter.raw b")).not_to_have_text(score, timeout=60_000)
    assert values(page, "why_occlusion") == occlusion
    expect(frame).to_be_focused()


def test_the_chosen_method_s_curve_is_drawn(open_page):
    page = open_why(open_page)
    choice = page.get_by_role("radio", name="Rollout")
    expect(choice).to_be_visible(timeout=60_000)
    choice.click()
    last = "() => document.querySelector('.st-key-why_0 .js-plotly-plot')?.data?.at(-1)?.name"
    page.wait_for_function(f"({last})() === 'Rollout'")
