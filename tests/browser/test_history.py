"""The browser's own controls in Chromium: Back and Forward step through what the visitor looked at, and no key press is lost."""

import re

import pytest
from playwright.sync_api import expect

from tools.running_app import drawn, settle

REST = 1200  # milliseconds: a little more than the second that makes a state a step


def shown(page, **wanted):
    """Wait until the address has these values."""
    for name, value in wanted.items():
        expect(page).to_have_url(re.compile(rf"[?&]{name}={re.escape(value).replace(',', '%2C')}(&|$)"))
    settle(page)


def rest(page):
    settle(page)
    page.wait_for_timeout(REST)


def entries(page):
    return page.evaluate("history.length")


def stage(page, number):
    return page.locator(".st-key-choose_stage").get_by_role("radio", name=str(number), exact=True)


def slider(page, key):
    return page.locator(f".st-key-{key}").get_by_role("slider")


def test_back_and_forward_take_one_step_for_each_state_in_which_the_visitor_rested(open_page):
    page = open_page(path="/explorer")
    drawn(page, "explorer")
    home = page.locator(".explorer .where").inner_text()
    length = entries(page)
    rest(page)
    # A pinned token, by a run of arrow keys.
    page.locator(".explorer .frame").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(200)
    rest(page)
    pinned, token = page.locator(".explorer .where").inner_text(), page.evaluate("new URLSearchParams(location.search).get('token')")
    assert pinned != home
    # The stage; the window; and another page.
    stage(page, 3).click()
    shown(page, stage="3")
    rest(page)
    slider(page, "choose_g1_3").press("ArrowRight")
    shown(page, g1="4,5")
    rest(page)
    page.get_by_role("link", name="Cost", exact=True).click()
    drawn(page, "cost")
    shown(page, g1="4,5")
    assert entries(page) == length + 4

    page.go_back()
    drawn(page, "explorer")
    shown(page, stage="3", g1="4,5")
    page.go_back()
    shown(page, stage="3", g1="4,4")
    expect(slider(page, "choose_g1_3")).to_have_value("4")
    page.go_back()
    shown(page, stage="2", token=token)
    expect(stage(page, 2)).to_be_checked()
    expect(page.locator(".explorer .where")).to_have_text(pinned)
    page.go_back()
    expect(page.locator(".explorer .where")).to_have_text(home)
    for wanted in (pinned, None, None):
        page.go_forward()
        if wanted:
            expect(page.locator(".explorer .where")).to_have_text(wanted)
    shown(page, stage="3", g1="4,5")
    page.go_forward()
    drawn(page, "cost")
    # What one does after Back takes the place of what lay ahead.
    page.go_back()
    drawn(page, "explorer")
    stage(page, 4).click()
    shown(page, stage="4")
    assert page.evaluate("navigation.canGoForward") is False
    assert entries(page) == length + 4


@pytest.mark.parametrize("path", ["/", "/?tour=5"])
def test_the_first_back_after_a_link_leaves_the_app(open_page, path):
    page = open_page(path=path)
    expect(page).to_have_url(re.compile("token="))
    settle(page)
    page.go_back()
    expect(page).to_have_url("about:blank")


def test_two_tabs_do_not_mix(open_page):
    one, other = open_page(path="/grids"), open_page(path="/grids")
    for page in (one, other):
        rest(page)
        stage(page, 3).click()
        shown(page, stage="3")
    one.go_back()
    shown(one, stage="2")
    expect(stage(one, 2)).to_be_checked()
    expect(stage(other, 3)).to_be_checked()
    shown(other, stage="3")
    other.go_back()
    shown(other, stage="2")


@pytest.mark.parametrize(("path", "key", "name", "pause"), [("/explorer", "choose_g1_2", "g1", 130), ("/cost", "cost_g2_0", "g2", 250)])
def test_a_slider_keeps_every_key_press(open_page, path, key, name, pause):
    page = open_page(path=path)
    moved = slider(page, key)
    moved.focus()
    value = int(moved.input_value()) + 6
    for _ in range(6):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(pause)
    expect(page).to_have_url(re.compile(rf"[?&]{name}={value}%2C"))
    settle(page)
    assert int(moved.input_value()) == value
