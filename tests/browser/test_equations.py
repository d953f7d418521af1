"""Equations in Chromium: terms and numbers that light each other, and the keyboard."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.looking import FOCUSED, sticks_out
from tests.browser.test_every_page import barriers
from tools.running_app import settle


def put_back(page):
    page.mouse.move(5, 5)
    page.evaluate("document.activeElement.blur()")
    expect(page.get_by_text("Eq. 13 · Global attention")).to_be_visible(timeout=5_000)


@pytest.fixture
def equations(open_page):
    page = open_page(path="/equations?image=cat_kitten&stage=2&block=2&token=0.28,0.31&equation=13", put_back=put_back)
    expect(line(page)).to_contain_text("Cell")
    return page


def line(page):
    return page.locator(".st-key-board .line")


def plot(page, name):
    return page.locator(f".st-key-board .plot[data-name={name}]")


def test_a_term_lights_its_numbers_and_a_number_its_term(equations):
    term = equations.locator(".st-key-board .equations button[data-panel=v]")
    figure = equations.locator(".st-key-board figure[data-panel=v]")
    term.hover()
    expect(figure).to_have_class(re.compile("lit"))
    expect(equations.locator(".st-key-board figure[data-panel=k]")).not_to_have_class(re.compile("lit"))
    box = plot(equations, "p").bounding_box()
    for part, said in ((0.05, "Cell in row 1, column 1:"), (0.95, "Cell in row 8, column 8:")):
        plot(equations, "p").hover(position={"x": part * box["width"], "y": part * box["height"]})
        expect(line(equations)).to_contain_text(said)
    expect(equations.locator(".st-key-board .equations button[data-panel=p]")).to_have_class(re.compile("lit"))
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
    expect(page.get_by_text("Step 0 · Plain attention")).to_be_visible()
    expect(page.locator(".st-key-choose_stage").get_by_role("radio", name="3")).to_be_checked()


def test_a_term_says_what_it_means(open_page):
    page = open_page(path="/equations?equation=8")
    expect(line(page)).to_contain_text("Token")
    page.locator(".st-key-board .equations button[data-panel=v]").hover()
    expect(line(page)).to_contain_text("what each passes on")
    page.mouse.move(5, 5)
    expect(line(page)).to_contain_text("Token")


HEADINGS = ["Step 0 · Plain attention", *(f"Eq. {number} ·" for number in range(6, 16))]
# Whether the focused element looks focused: an outline, a shadow or a border that goes when the focus does.
SEEN = f"""() => {{
  const look = (at) => [at, at.parentElement, at.closest("label")].filter(Boolean).map((one) => {{
    const {{ outline, boxShadow, borderColor }} = getComputedStyle(one);
    return [outline, boxShadow, borderColor].join();
  }}).join();
  const at = {FOCUSED}, focused = look(at);
  at.blur();
  const seen = look(at) !== focused;
  at.focus({{ focusVisible: true }});
  return seen;
}}"""


def tab_to(page, matches):
    """Press Tab until the focused element, `at`, fits a JavaScript expression."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(f"(at => {matches})({FOCUSED})"):
            return
    raise AssertionError(f"the keyboard does not reach what fits {matches}")


def back_to(page, target):
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if target.evaluate("target => target === document.activeElement"):
            return
    raise AssertionError("the keyboard does not lead back")


def test_the_page_is_completed_with_the_keyboard_alone(open_page):
    """Through all steps with Next; in each, a term, a number and the code are reached, and from the first one's code, Next again."""
    page = open_page(path="/equations?image=cat_kitten&stage=2&block=2&token=0.28,0.31")
    page.bring_to_front()
    heading = page.locator("h2.title.step")
    for number, name in enumerate(HEADINGS):
        expect(heading).to_contain_text(name)
        expect(line(page)).not_to_be_empty()
        settle(page)
        if number:
            # Next keeps the focus, so that Enter alone turns the pages.
            expect(page.get_by_role("button", name="Start again" if number == 10 else "Next", exact=True)).to_be_focused()
        tab_to(page, 'at.matches(".equations button")')
        assert page.evaluate(SEEN), name
        before = line(page).inner_text()
        tab_to(page, 'at.matches(".plot")')
        assert page.evaluate(SEEN), name
        label = page.evaluate(f"{FOCUSED}.getAttribute('aria-label')")
        if number < 10:  # the bars of Eq. 15 are single numbers
            page.keyboard.press("ArrowRight")
            page.keyboard.press("ArrowDown")
            expect(line(page)).not_to_have_text(before)
            assert page.evaluate(f"{FOCUSED}.getAttribute('aria-label')") != label
        tab_to(page, 'at.matches("summary")')
        assert page.evaluate(SEEN), name
        if number == 0:
            page.keyboard.press("Enter")
        expect(page.get_by_text("The line that ran")).to_be_visible()
        if number < 10:
            following = page.get_by_role("button", name="Next", exact=True)
            if number == 0:  # the way back is the same on every step, and long
                back_to(page, following)
            following.focus()
            page.keyboard.press("Enter")


def test_every_step_fits_a_phone_and_has_no_barrier(open_page, phone):
    page, axe = open_page(path="/equations", width=390, height=844, within=phone), Axe()
    for number, name in enumerate(HEADINGS):
        expect(page.locator("h2.title.step")).to_contain_text(name)
        expect(line(page)).not_to_be_empty()
        settle(page)
        assert sticks_out(page) == [], name
        assert barriers(page, axe) == [], name
        # An equation's line and its number stay whole; only Eqs. 14 and 15 are longer than a phone is wide.
        heights = [one.bounding_box()["height"] for one in page.locator(".st-key-board .equation").all()]
        assert number > 8 or max(heights) < 80, (name, heights)
        if number < 10:
            page.get_by_role("button", name="Next", exact=True).click()
