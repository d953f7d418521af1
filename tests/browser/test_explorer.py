"""The Explorer in Chromium: choosing a token by mouse, keyboard and link, and both maps following."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import serve

# What a map shows: the numbers in its cells, as Plotly holds them.
WEIGHTS = "name => JSON.stringify(document.querySelector(`.st-key-map_${name} .js-plotly-plot`).data[0].z)"


def weights(page, name):
    return page.evaluate(WEIGHTS, name)


def changed(page, name, before):
    page.wait_for_function(f"([name, before]) => ({WEIGHTS})(name) !== before", arg=[name, before])


def frame(page):
    return page.locator(".st-key-picker .frame")


def where(page):
    return page.locator(".st-key-picker .where")


def click_token(page, y, x, side=16):
    box = frame(page).bounding_box()
    frame(page).click(position={"x": (x + 0.5) / side * box["width"], "y": (y + 0.5) / side * box["width"]})


@pytest.fixture
def page(open_page):
    page = open_page(path="/explorer?image=cat_kitten&stage=2&block=2&token=0.28,0.31")
    serve.explorer_drawn(page)
    return page


def test_a_click_on_a_token_changes_both_maps(page):
    before = {name: weights(page, name) for name in ("local", "global")}
    click_token(page, 10, 12)
    for name, value in before.items():
        changed(page, name, value)
    expect(where(page)).to_have_text("Row 11, column 13 of 16 × 16")


def test_arrow_keys_move_the_token_and_keep_the_focus(page):
    frame(page).focus()
    before = weights(page, "global")
    page.keyboard.press("ArrowRight")
    changed(page, "global", before)
    expect(where(page)).to_have_text("Row 5, column 6 of 16 × 16")
    page.keyboard.press("Shift+ArrowDown")  # one window
    expect(where(page)).to_have_text("Row 9, column 6 of 16 × 16")
    # Many presses, faster than the server answers: none is lost and none undone.
    where(page).evaluate(
        """span => { window.columns = [];
        new MutationObserver(() => columns.push(+span.textContent.match(/column (\\d+)/)[1])).observe(span, { childList: true }); }"""
    )
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    expect(where(page)).to_have_text("Row 9, column 1 of 16 × 16")
    expect(page).to_have_url(re.compile(r"token=0\.5312%2C0\.0312"))
    expect(where(page)).to_have_text("Row 9, column 1 of 16 × 16")
    columns = page.evaluate("columns")
    assert columns == sorted(columns, reverse=True), "a late answer moved the token back"
    expect(frame(page)).to_be_focused()


def test_the_keyboard_alone_reaches_token_and_head(page):
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.shadowRoot?.activeElement?.className === 'frame'"):
            break
    expect(frame(page)).to_be_focused()
    before = weights(page, "global")
    page.keyboard.press("ArrowUp")
    changed(page, "global", before)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.shadowRoot?.activeElement?.tagName === 'BUTTON'"):
            break
    before = weights(page, "global")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    changed(page, "global", before)
    expect(page).to_have_url(re.compile(r"head=2"))


def test_a_copied_link_shows_the_same_in_another_browser(page, browser, app_url):
    click_token(page, 9, 3)
    expect(page).to_have_url(re.compile(r"token=0\.5938%2C0\.2188"))
    link = page.url.removeprefix(app_url)
    expect(where(page)).to_have_text("Row 10, column 4 of 16 × 16")
    with serve.opened(browser, app_url, path=link) as other:
        serve.explorer_drawn(other)
        expect(where(other)).to_have_text("Row 10, column 4 of 16 × 16")
        assert [weights(other, name) for name in ("local", "global")] == [weights(page, name) for name in ("local", "global")]


def test_quick_clicks_end_at_the_last_one(page, browser, app_url):
    for step in range(12):
        click_token(page, step, (5 * step) % 16)
    expect(page).to_have_url(re.compile(r"token=0\.7188%2C0\.4688"))
    expect(where(page)).to_have_text("Row 12, column 8 of 16 × 16")
    with serve.opened(browser, app_url, path=page.url.removeprefix(app_url)) as other:
        serve.explorer_drawn(other)
        for name in ("local", "global"):
            page.wait_for_function(f"([name, last]) => ({WEIGHTS})(name) === last", arg=[name, weights(other, name)])


def test_a_tap_chooses_a_token_on_a_phone(browser, app_url):
    with serve.opened(browser, app_url, width=390, height=844, has_touch=True, is_mobile=True, path="/explorer") as page:
        serve.explorer_drawn(page)
        box = frame(page).bounding_box()
        before = weights(page, "global")
        page.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + 0.9 * box["height"])
        changed(page, "global", before)
        expect(where(page)).to_have_text("Row 15, column 15 of 16 × 16")
        # Nothing sticks out to the side.
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def test_a_thumbnail_chooses_stage_block_and_head_everywhere(page):
    before = weights(page, "global")
    page.get_by_role("button", name="Stage 3, block 1, head 2").click()
    changed(page, "global", before)
    expect(where(page)).to_have_text("Row 3, column 3 of 8 × 8")
    stage = page.locator(".st-key-choose_stage").get_by_role("radio", name="3")
    expect(stage).to_be_checked()


def test_another_photograph_moves_the_token_to_its_subject(page):
    click_token(page, 12, 2)
    expect(where(page)).to_have_text("Row 13, column 3 of 16 × 16")
    page.locator(".st-key-choose_image").get_by_role("combobox").click()
    page.get_by_role("option", name="Koala").click()
    expect(where(page)).to_have_text("Row 5, column 9 of 16 × 16")


def test_hovering_previews_without_moving(page):
    before = weights(page, "global")
    box = frame(page).bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    expect(where(page)).to_have_text("Row 1, column 1 of 16 × 16")
    page.mouse.move(0, 0)
    expect(where(page)).to_have_text("Row 5, column 5 of 16 × 16")
    assert weights(page, "global") == before


def test_the_page_is_dark_where_the_system_is(open_page):
    page = open_page(dark=True, path="/explorer")
    ground = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert ground == "rgb(16, 22, 29)"
    assert page.locator(".lead .local").evaluate("e => getComputedStyle(e).color") == "rgb(86, 177, 247)"
