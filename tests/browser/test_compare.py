"""Compare in Chromium: both tokens move by mouse and by keys, and the numbers between them follow."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.looking import sticks_out
from tools.running_app import settle


def board(page):
    found = page.locator(".st-key-five .maps[data-token]")
    found.wait_for()
    return found


def layers(page):
    """Mechanism -> the layers until the diamond is read."""
    figures = page.locator(".st-key-five figure")
    return {figure.locator("b").first.inner_text(): figure.locator(".until").inner_text() for figure in figures.all()}


def test_a_click_moves_the_token_that_reads_and_all_maps_follow(open_page):
    page = open_page(path="/compare?token=0.4000,0.3200")
    expect(board(page)).to_have_attribute("data-token", "6,5")
    maps = page.locator(".st-key-five .map")
    before = [one.get_attribute("aria-label") for one in maps.all()]
    box = maps.nth(8).bounding_box()
    page.mouse.click(box["x"] + 10.5 / 16 * box["width"], box["y"] + 3.5 / 16 * box["height"])
    expect(board(page)).to_have_attribute("data-token", "3,10")
    expect(page).to_have_url(re.compile(r"token=0\.2188%2C0\.6562"))
    assert all(one.get_attribute("aria-label") != old for one, old in zip(maps.all(), before, strict=True))
    assert len(before) == 10


def test_the_diamond_moves_by_keys_by_drag_and_by_link(open_page):
    page = open_page(path="/compare?token=0.4000,0.3200&pair=0.4062,0.4688")  # row 7, columns 6 and 8: of one window
    assert layers(page) == dict.fromkeys(("Plain MHSA", "Windows", "Swin", "PVT", "H‑MHSA"), "1 layer to ◇")
    page.get_by_role("radio", name="the token to be read").check()
    board(page).focus()
    page.keyboard.press("ArrowRight")  # over the edge of the window
    expect(board(page)).to_have_attribute("data-pair", "6,8")
    assert layers(page)["Windows"] == "never to ◇" and layers(page)["Swin"] == "3 layers to ◇" and layers(page)["H‑MHSA"] == "1 layer to ◇"
    expect(page).to_have_url(re.compile(r"pair=0\.4062%2C0\.5312"))
    settle(page)
    box = page.locator(".st-key-five .map").first.bounding_box()
    page.mouse.move(box["x"] + 8.5 / 16 * box["width"], box["y"] + 6.5 / 16 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 4.5 / 16 * box["width"], box["y"] + 4.5 / 16 * box["height"], steps=4)
    page.mouse.up()
    expect(board(page)).to_have_attribute("data-pair", "4,4")
    assert layers(page)["Windows"] == "1 layer to ◇"
    expect(page).to_have_url(re.compile(r"token=0\.4000%2C0\.3200.*pair=0\.2812%2C0\.2812"))


def test_weights_of_each_mechanism_and_a_step_knocked_out(open_page):
    page = open_page(path="/compare?checkpoint=cards")
    page.get_by_role("radio", name="trained for each mechanism").click()
    expect(page).to_have_url(re.compile("weights=own"))
    expect(page.locator(".st-key-five .nothing:visible")).to_have_count(2)
    settle(page)
    page.get_by_test_id("stMain").get_by_role("radio", name="Without the global step").click()
    expect(page.locator("p[role=status]", has_text="questions")).to_contain_text("without the global step")


@pytest.mark.parametrize("path", ["/compare?checkpoint=cards&weights=own", "/compare?checkpoint=objects224&stage=5"])
def test_everything_has_room_on_a_phone(open_page, phone, path):
    page = open_page(path=path, width=390, height=844, within=phone)
    assert sticks_out(page) == []
