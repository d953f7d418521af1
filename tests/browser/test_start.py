"""Start and the tour in Chromium: by mouse, by keyboard alone, and by link."""

import itertools
import json
import re

import pytest
from playwright.sync_api import expect

from app.shell.tour import STOPS
from tests.browser.looking import FOCUS_SHOWS, finished, tab_to
from tools.running_app import drawn, opened

LINK = "/?image=bird_owl&stage=2&block=2&token=0.34,0.60"


def story(page):
    return page.locator(".st-key-story .story")


def sentence(page):
    return page.locator(".st-key-story .sentence")


def card(page, number):
    return page.locator(f".st-key-story [data-card='{number}']")


def put_back(page):
    page.locator(".st-key-story .steps button").first.click()
    expect(sentence(page)).to_contain_text("1. Image.", timeout=5_000)
    page.evaluate("document.activeElement.blur()")


@pytest.fixture
def page(open_page):
    page = open_page(path=LINK, put_back=put_back)
    drawn(page, "start")
    return page


def test_next_and_back_step_through_all_seven_cards(page):
    for number, name in enumerate(("Image", "Tokens", "Windows", "Local", "Pool", "Global", "Sum"), 1):
        expect(sentence(page)).to_contain_text(f"{number}. {name}.")
        expect(card(page, number)).to_have_class(re.compile("active"))
        page.locator(".st-key-story .next").click()
    expect(sentence(page)).to_contain_text("1. Image.")  # "Start again"
    expect(page.locator(".st-key-story .back")).to_be_disabled()
    page.locator(".st-key-story .next").click()
    page.locator(".st-key-story .back").click()
    expect(sentence(page)).to_contain_text("1. Image.")


def test_the_card_of_the_image_shows_the_pixels_that_it_speaks_of(page):
    expect(sentence(page)).to_contain_text("32 × 32 pixels")
    row = """canvas => {
      const pixels = canvas.getContext("2d").getImageData(0, 2, canvas.width, 1).data;
      return Array.from({ length: canvas.width }, (_, i) => pixels.slice(4 * i, 4 * i + 3).join());
    }"""
    colours = card(page, 1).locator("canvas").evaluate(row)
    changes = sum(one != other for one, other in itertools.pairwise(colours))
    assert 16 < changes < 64  # at the edges of the pixels alone: the photograph changes everywhere


def test_every_step_has_its_words_beside_the_picture(page):
    words = page.locator(".st-key-story .unseen li")
    expect(words).to_have_count(7)
    expect(words.nth(5)).to_contain_text(re.compile(r"The largest weight, [\d.]+\s% .*, goes to cell row"))


def test_a_card_and_the_stepper_can_be_clicked_and_the_link_keeps_the_step(page, open_page, elsewhere, app_url):
    page.locator(".st-key-story .steps button").nth(3).click()
    expect(sentence(page)).to_contain_text("4. Local.")
    card(page, 5).click()
    expect(sentence(page)).to_contain_text("5. Pool.")
    expect(page).to_have_url(re.compile("step=5"))
    other = open_page(path=page.url.removeprefix(app_url), within=elsewhere)
    drawn(other, "start")
    expect(sentence(other)).to_have_text(sentence(page).inner_text(), use_inner_text=True)


def test_after_a_click_beside_the_cards_the_arrow_keys_turn_them_and_the_page_has_no_frame(page):
    page.locator(".stMain").click(position={"x": 30, "y": 500})
    page.keyboard.press("ArrowRight")
    expect(sentence(page)).to_contain_text("2. Tokens.")
    assert page.locator(".stMain").evaluate("e => getComputedStyle(e).outlineStyle") == "none"


def test_a_click_on_the_active_card_chooses_another_token(page):
    card(page, 6).click()
    expect(page).to_have_url(re.compile("step=6"))
    before = sentence(page).inner_text()
    card(page, 6).evaluate("card => Promise.all(card.getAnimations().map(turning => turning.finished))")
    box = card(page, 6).bounding_box()
    page.mouse.click(box["x"] + 0.1 * box["width"], box["y"] + 0.9 * box["height"])
    expect(story(page)).to_have_attribute("data-painted", "14,1")
    expect(sentence(page)).not_to_have_text(before, use_inner_text=True)
    expect(page).to_have_url(re.compile("token=0.9062%2C0.0938"))


def click_card(page, number, y, x):
    """Click on a card in front, at fractions of it."""
    card(page, number).evaluate("card => Promise.all(card.getAnimations().map(turning => turning.finished))")
    box = card(page, number).bounding_box()
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_the_last_card_has_four_pictures_of_two_hops_and_each_can_be_clicked(page):
    page.locator(".st-key-story .steps button").nth(6).click()
    caption = page.locator(".st-key-story .caption")
    expect(caption).to_contain_text("tells its window")
    before = caption.inner_text()
    click_card(page, 7, 0.5 + 0.5 * 14.5 / 16, 0.5 * 1.5 / 16)  # the third: the whole map
    expect(story(page)).to_have_attribute("data-painted", "14,1")
    expect(caption).not_to_have_text(before, use_inner_text=True)
    source = re.search(r"the token in row (\d+), column (\d+)", caption.inner_text())
    row, column = (int(n) - 1 for n in source.groups())
    click_card(page, 7, 0.25, 0.25)  # the middle of the first: the source's window, enlarged, and perhaps its cell
    expect(story(page)).not_to_have_attribute("data-painted", "14,1")
    y, x = map(int, story(page).get_attribute("data-painted").split(","))
    assert abs(y - row) <= 4 and abs(x - column) <= 4


def reads(wanted):
    """For `tab_to`: the element's own text."""
    return f"element => new RegExp({json.dumps(wanted)}).test(element.textContent.trim())"


def test_a_first_visit_opens_on_the_paper_s_token_grid_and_a_photograph_that_the_model_knows(open_page):
    page = open_page(path="/", checkpoint=None)
    drawn(page, "start")
    expect(page.locator(".lead")).to_contain_text("comparisons instead of 3,136", use_inner_text=True)
    expect(page).to_have_url(re.compile("checkpoint=objects224"))
    page = open_page(path="/explorer", checkpoint=None)
    drawn(page, "explorer")
    expect(page.locator(".explorer").get_by_text("sure, and right")).to_be_visible()


def test_the_keyboard_alone_steps_moves_the_token_and_takes_the_tour(open_page):
    page = open_page(path=LINK)
    drawn(page, "start")
    tab_to(page, reads("^1Image$"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(sentence(page)).to_contain_text("4. Local.")
    page.keyboard.press("ArrowLeft")
    expect(sentence(page)).to_contain_text("3. Windows.")
    page.keyboard.press("Shift+Tab")  # the card in front
    assert page.evaluate(FOCUS_SHOWS)
    page.keyboard.press("ArrowDown")
    expect(story(page)).to_have_attribute("data-painted", "6,9")
    page.keyboard.press("Shift+ArrowLeft")  # one window
    expect(story(page)).to_have_attribute("data-painted", "6,5")
    expect(sentence(page)).to_contain_text("3. Windows.")
    before = card(page, 3).get_attribute("aria-label")
    page.keyboard.press("ArrowRight")
    expect(card(page, 3)).not_to_have_attribute("aria-label", before)  # its words follow the token
    tab_to(page, reads("Next →$"))
    for _ in range(4):
        page.keyboard.press("Enter")
    expect(sentence(page)).to_contain_text("7. Sum.")
    expect(page.locator(".st-key-story .caption")).to_contain_text("tells its window")
    tab_to(page, reads("How to read this page$"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Why local comes first.")).to_be_visible()
    tab_to(page, reads("Take the tour$"), back=True)
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-tour")).to_contain_text("stop 1 of 13")
    tab_to(page, reads("Next stop$"))
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-tour")).to_contain_text("stop 2 of 13")


def test_nothing_moves_where_motion_is_not_wanted(browser, app_url):
    with opened(browser, app_url, path=LINK, reduced_motion="reduce") as page:
        drawn(page, "start")
        assert card(page, 2).evaluate("e => getComputedStyle(e).transitionDuration") == "0s"


@pytest.mark.parametrize("path", [LINK + "&step=6", "/?tour=3", "/?tour=5"])
def test_a_phone_shows_one_card_and_nothing_sticks_out(browser, app_url, path):
    with opened(browser, app_url, width=390, height=844, has_touch=True, is_mobile=True, path=path) as page:
        if "tour=5" not in path:
            drawn(page, "start")
            finished(page)
            assert [card(page, n).evaluate("e => getComputedStyle(e).opacity") for n in (5, 6, 7)] == ["0", "1", "0"]
            page.locator(".st-key-story .back").tap()
            expect(sentence(page)).to_contain_text("5. Pool.")
        else:
            expect(page.locator(".st-key-tour")).to_contain_text("stop 5 of 13")
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def test_the_tour_from_its_first_stop_to_its_end(page):
    page.get_by_role("button", name="Take the tour").click()
    for number, stop in enumerate(STOPS, 1):
        expect(page.locator(".st-key-tour")).to_contain_text(f"stop {number} of {len(STOPS)}")
        expect(page).to_have_url(re.compile(rf"://[^/]+/{stop.page}\?.*tour={number}\b"))
        if number == 6:  # out and back
            page.get_by_role("button", name="Explore from here").click()
            expect(page.locator(".st-key-tour")).to_have_count(0)
            page.get_by_role("link", name="Cost").click()
            expect(page).to_have_url(re.compile("/cost"))
            page.get_by_role("button", name="Return to the tour").click()
            expect(page.locator(".st-key-tour")).to_contain_text("stop 6 of 13")
            expect(page).to_have_url(re.compile("/explorer"))
        if number < len(STOPS):
            page.get_by_role("button", name="Next stop").click()
    page.get_by_role("button", name="Finish").click()
    expect(page.locator(".st-key-tour")).to_have_count(0)
    expect(page.get_by_role("button", name="Tour", exact=True)).to_be_visible()
