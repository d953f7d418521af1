"""Equations in Chromium: terms and numbers that light each other, and the keyboard."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.looking import FOCUSED


@pytest.fixture
def equations(open_page):
    page = open_page(path="/equations?image=cat_kitten&stage=2&block=2&token=0.28,0.31&equation=13")
    expect(line(page)).to_contain_text("Cell")
    return page


def line(page):
    return page.locator(".st-key-board .line")


def plot(page, name):
    return page.locator(f".st-key-board .plot[data-name={name}]")


def test_a_term_lights_its_numbers_and_a_number_its_term(equations):
    term = equations.locator(".st-key-board .equation button[data-panel=v]")
    figure = equations.locator(".st-key-board figure[data-panel=v]")
    term.hover()
    expect(figure).to_have_class(re.compile("lit"))
    expect(equations.locator(".st-key-board figure[data-panel=k]")).not_to_have_class(re.compile("lit"))
    box = plot(equations, "p").bounding_box()
    for part, said in ((0.05, "Cell (1, 1)"), (0.95, "Cell (8, 8)")):
        plot(equations, "p").hover(position={"x": part * box["width"], "y": part * box["height"]})
        expect(line(equations)).to_contain_text(said)
    expect(equations.locator(".st-key-board .equation button[data-panel=p]")).to_have_class(re.compile("lit"))
    expect(term).not_to_have_class(re.compile("lit"))


def test_the_keyboard_alone_walks_steps_terms_and_numbers(equations):
    page = equations
    page.get_by_role("radio", name="Global attention").focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_text("Eq. 12 · Global q, k, v")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("Eq. 13 · Global attention")).to_be_visible()
    expect(line(page)).to_contain_text("Cell")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(f"{FOCUSED}.dataset.panel === 'q'"):
            break
    expect(page.locator(".st-key-board figure[data-panel=q]")).to_have_class(re.compile("lit"))
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(f"{FOCUSED}.dataset.name === 'p'"):
            break
    expect(plot(page, "p")).to_be_focused()
    before = line(page).inner_text()
    page.keyboard.press("ArrowLeft")
    expect(line(page)).not_to_have_text(before)


def test_another_token_has_other_numbers(equations):
    before = line(equations).inner_text()
    frame = equations.locator(".st-key-eq_picker .frame")
    box = frame.bounding_box()
    frame.click(position={"x": 0.9 * box["width"], "y": 0.9 * box["width"]})
    expect(line(equations)).not_to_have_text(before)
    expect(equations).to_have_url(re.compile(r"token=0\.9062"))


def test_a_plain_stage_leads_to_a_hierarchical_one(open_page):
    page = open_page(path="/equations?stage=4")
    page.get_by_role("button", name="Show stage 3").click()
    expect(page.get_by_text("Eq. 6 · Cut into windows")).to_be_visible()
    expect(page.locator(".st-key-choose_stage").get_by_role("radio", name="3")).to_be_checked()


def test_a_term_says_what_it_means(open_page):
    page = open_page(path="/equations?equation=8")
    expect(line(page)).to_contain_text("Token")
    page.locator(".st-key-board .equation button[data-panel=v]").hover()
    expect(line(page)).to_contain_text("what each hands over")
    page.mouse.move(5, 5)
    expect(line(page)).to_contain_text("Token")
