"""What every page has, in Chromium: ways to it by link, mouse and keyboard, pictures that stay with their visitor, room on a phone."""

import io
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

from app.core import checkpoints
from app.shell.sidebar import OWN_SIDES
from app.shell.tour_stops import STOPS as TOUR
from tests.browser.looking import FOCUSED, finished, sticks_out
from tests.browser.test_every_page import barriers
from tools.running_app import drawn, path_of, settle

ASKED = "?image=koala&stage=3&block=2&head=2&g1=4,3&g2=2,4&equation=12&pixels=64&channels=64&token=0.6875,0.3125"
WHERE = re.compile(r"^Koala · .+ · stage 3 · block 2$")
ROW = re.compile(r"^Row \d+, column \d+ of \d+ × \d+")
# Page: its name in the navigation, and what on it depends on most of ASKED.
PAGES = {
    "start": ("Start", ".st-key-story .sentence"),
    "explorer": ("Explorer", ".st-key-explorer .words"),
    "equations": ("Equations", ".st-key-board .line"),
    "grids": ("Grids", ".st-key-compared table"),
    "compare": ("Compare", ".st-key-five dl"),
    "cost": ("Cost", "[data-testid=stMain] .lead"),
    "why": ("Why?", ".st-key-why_row"),
    "paper": ("Paper", "[data-testid=stMain] .trained"),
}
# What the Tab key must reach: a part of what is focused, in words. Start and the Explorer are walked in their own tests.
STOPS = {
    "equations": ["Plain attention", "Next", "Glossary", "the weights", "numbers", "The code that ran", "token grid"],
    "grids": ["4 ★", "Pin B as A", "Swap", "Save", "Glossary", "as trained", "map", "token grid"],
    "compare": ["token that reads", "Arrow keys move the ring", "Without the local step", "Glossary"],
    "cost": ["Resolution", "Channels", "Window", "Cell", "Measure", "Save", "Glossary", "What is counted"],
    "why": ["Map of Raw attention", "Map of Two hops", "Map of Rollout", "token grid"],
    "paper": [
        "Table 2",
        "Save",
        "Glossary",
        "HAT-Net-Tiny, #Param",
        "in words",
        "chart",
        "Stage 2",
        "lines that compute",
        "Equations, step 0",
    ],
}
# The words of what is focused: its name, its text, its role.
SAID = f"""() => {{
  const at = {FOCUSED};
  if (!at || at === document.body) return "";
  const label = at.closest("label")?.innerText ?? document.querySelector(`label[for="${{at.id}}"]`)?.innerText ?? "";
  const said = at.getAttribute("aria-label") ?? "";
  return [said, at.getAttribute("aria-roledescription") ?? "", label, at.innerText ?? "", at.title ?? ""].join(" ");
}}"""


def fine(page):
    expect(page.get_by_test_id("stException")).to_have_count(0)
    for text in ("Something went wrong", "This cannot be shown"):
        expect(page.get_by_text(text)).to_have_count(0)


def stands(page, view):
    """The page shows what ASKED says: above the title, in the sidebar, and on the photograph where there is one to choose on."""
    drawn(page, view)
    fine(page)
    expect(page.locator("p.where")).to_have_text(WHERE)
    sidebar = page.get_by_test_id("stSidebarUserContent")
    expect(sidebar.get_by_role("combobox").first).to_have_value("Koala · not known")
    for name, value in (("stage", "3"), ("block", "2")):
        expect(sidebar.locator(f".st-key-choose_{name}").get_by_role("radio", name=value, exact=True)).to_be_checked()
    for name, value in (("g1", "3"), ("g2", "4")) if view not in OWN_SIDES else ():
        expect(sidebar.locator(f".st-key-choose_{name}_3").get_by_test_id("stSliderThumbValue")).to_have_text(value)
    if view not in ("start", "cost", "paper"):  # Start names places in its sentences only
        expect(page.get_by_text(ROW).first).to_contain_text("Row 6, column 3 of 8 × 8")


@pytest.mark.parametrize("view", PAGES)
def test_a_link_shows_the_same_on_somebody_else_s_phone_which_says_what_is_looked_at_and_has_room_for_it(open_page, phone, app_url, view):
    page = open_page(path=path_of(view) + ASKED, settled=False)
    stands(page, view)
    expect(page).to_have_url(re.compile("token=0.6875%2C0.3125"))
    said = page.locator(PAGES[view][1]).first.inner_text()
    assert said.strip()
    other = open_page(path=page.url.removeprefix(app_url), settled=False, width=390, height=844, within=phone)
    drawn(other, view)
    fine(other)
    expect(other.locator("p.where")).to_be_visible()
    expect(other.locator("p.where")).to_have_text(page.locator("p.where").inner_text())
    expect(other.locator(PAGES[view][1]).first).to_have_text(said, use_inner_text=True)
    assert other.url == page.url
    expect(other.locator(".st-key-notices")).to_have_count(0)
    expect(other.locator(".st-key-copylink button")).to_be_visible()
    assert not sticks_out(other)


def test_the_view_goes_along_from_page_to_page(open_page):
    page = open_page(path="/cost" + ASKED)
    asked = page.url.partition("?")[2]
    for view, (name, _) in PAGES.items():
        page.get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_url(re.compile(rf"://[^/]+{path_of(view)}\?"))
        drawn(page, view)
        assert page.url.partition("?")[2] == asked
        expect(page.locator("p.where")).to_be_hidden()  # the sidebar is open and says all that
        fine(page)


@pytest.mark.parametrize("view", STOPS)
def test_a_page_is_reached_and_walked_by_keyboard_alone(open_page, view):
    page = open_page(path="/grids" if view != "grids" else "/cost")
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "A" and PAGES[view][0] in page.evaluate(SAID):
            break
    assert PAGES[view][0] in page.evaluate(SAID)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(path_of(view)))
    drawn(page, view)
    missing = list(STOPS[view])
    for _ in range(160):
        page.keyboard.press("Tab")
        focused = page.evaluate(SAID)
        missing = [stop for stop in missing if stop not in focused]
        if not missing:
            break
    assert not missing
    fine(page)


def test_many_heads_find_room_on_a_phone(open_page, phone):
    described = map(checkpoints.describe, checkpoints.names())
    most = max(described, key=lambda checkpoint: checkpoint.heads(checkpoint.config.stages[-1])).name
    page = open_page(path=f"/explorer?checkpoint={most}", settled=False, width=390, height=844, within=phone)
    drawn(page, "explorer")
    assert page.locator(".strip .thumb").count() > 20 and not sticks_out(page)
    page.get_by_role("radio", name="Heads & blocks").click()
    page.locator(".all-heads canvas").first.wait_for()
    assert not sticks_out(page)


def test_the_drawer_of_a_phone_closes_when_a_page_is_chosen_and_nothing_lies_over_it(open_page):
    page = open_page(path="/explorer", width=390, height=844)
    page.get_by_test_id("stExpandSidebarButton").click()
    drawer = page.get_by_test_id("stSidebar")
    expect(drawer).to_have_attribute("data-collapsed", "false")
    for button in (page.locator(".st-key-copylink button"), page.locator(".st-key-tour_button")):
        expect(button).to_be_hidden()
    drawer.get_by_role("link", name="Cost", exact=True).click()
    expect(drawer).to_have_attribute("data-collapsed", "true")
    expect(page).to_have_url(re.compile("/cost"))
    expect(page.locator(".st-key-copylink button")).to_be_visible()


def test_the_sign_of_a_running_page_lies_over_no_button(open_page):
    page = open_page(path="/why?image=bird_duck&g1=6,3", settled=False)  # a setting that no other test has worked on
    page.get_by_test_id("stStatusWidget").wait_for()
    for width in (1440, 1024):
        page.set_viewport_size({"width": width, "height": 900})
        finished(page)  # it slides in
        sign = page.get_by_test_id("stStatusWidget").bounding_box()
        for name in (".st-key-copylink button", ".st-key-tour_button button", "[data-testid=stMainMenu] button"):
            button = page.locator(name).bounding_box()
            apart = sign["y"] >= button["y"] + button["height"] or sign["x"] >= button["x"] + button["width"]
            assert apart or sign["x"] + sign["width"] <= button["x"], (width, name)


def test_nothing_that_one_does_is_seen_by_another(open_page):
    one, other = open_page(path="/grids?g1=8,4"), open_page(path="/grids")
    said = other.locator(".st-key-compared table").inner_text()
    one.get_by_role("button", name="Pin B as A").click()
    one.locator(".st-key-grids_g1_2").get_by_role("radio", name="2", exact=True).click()
    expect(one).to_have_url(re.compile("g1=2%2C4"))
    other.get_by_role("link", name="Cost", exact=True).click()
    expect(other.locator(".bars").first).to_be_visible()
    other.get_by_role("link", name="Grids", exact=True).click()
    expect(other.locator(".st-key-compared table")).to_have_text(said, use_inner_text=True)


def test_wrong_parameters_are_clamped_and_said(open_page):
    page = open_page(path="/grids?block=99&stage=nan&block=7&unknown=1&token=5,5")
    notices = page.locator(".st-key-notices")
    expect(notices).to_contain_text("The link asked for stage “nan”, which is not a whole number.")
    expect(notices).to_contain_text("The link asked for block 7; this stage has two. Block 2 is shown.")
    expect(notices).to_contain_text("The link asked for a token outside the picture.")
    assert "unknown" not in page.url and "block=2" in page.url
    page.get_by_role("button", name="Close").click()
    expect(notices).to_have_count(0)
    fine(page)


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


def test_a_link_to_one_s_own_photograph_says_that_it_leads_to_another(open_page, button):
    page = open_page(path="/explorer", permissions=["clipboard-read", "clipboard-write"])
    button(page).click()
    expect(page.locator(".st-key-copylink").get_by_text("Copied")).to_be_visible()
    warning = page.locator(".st-key-copylink p")
    expect(warning).to_be_hidden()
    upload = page.get_by_test_id("stFileUploader").locator("input[type=file]")
    upload.set_input_files({"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": photo()})
    expect(page).to_have_url(re.compile("image=upload"))
    settle(page)
    button(page).click()
    expect(warning).to_contain_text("whoever opens this link sees another one")


def photo(mode="RGB", size=(60, 40), kind="JPEG"):
    file = io.BytesIO()
    Image.new(mode, size, (200, 30, 60, 0)[: len(mode)]).save(file, kind)
    return file.getvalue()


def test_a_photograph_of_one_s_own_stays_in_one_s_own_browser(open_page, elsewhere, app_url):
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
        ("photo.mov", b"\0\0\0\x14ftypqt  ", "photo.mov is a QuickTime video."),
    ):
        upload.set_input_files({"name": name, "mimeType": "image/png", "buffer": data})
        expect(page.locator(".note").filter(has_text=said)).to_contain_text("“secret-holiday.jpg” is still shown.")
    expect(picture).to_have_value("Yours: secret-holiday.jpg")
    # Somebody else, with the very link of the first: no trace of it.
    other = open_page(path=page.url.removeprefix(app_url), within=elsewhere)
    expect(other.locator(".st-key-notices")).to_contain_text("a photograph that somebody uploaded; uploads are not kept.")
    assert "secret-holiday" not in other.content()
    other.get_by_test_id("stSidebar").get_by_role("combobox").first.click()
    expect(other.get_by_role("option", name="Koala")).to_be_visible()
    expect(other.get_by_role("option", name="Yours")).to_have_count(0)


def test_the_asker_of_the_cards_looks_at_the_marked_card(open_page):
    page = open_page(path="/equations?checkpoint=cards&equation=13")
    expect(page.get_by_text(re.compile("Row [123], column [123] of 12 × 12"))).to_be_visible()
    expect(page.get_by_test_id("stFileUploader")).to_have_count(0)
    page.get_by_test_id("stSidebar").get_by_role("combobox").nth(1).click()
    page.get_by_role("option", name="cifar10 · 10 classes").click()
    expect(page.get_by_test_id("stSidebar").get_by_role("combobox").first).to_have_value("Cat, close")
    expect(page.get_by_test_id("stFileUploader")).to_be_visible()


# Which buttons are filled like a primary one: on the page, and inside its components.
FILLED = """() => {
  const roots = [document, ...[...document.querySelectorAll("*")].map((node) => node.shadowRoot).filter(Boolean)];
  const buttons = roots.flatMap((root) => [...root.querySelectorAll("button")]);
  const page = getComputedStyle(document.querySelector(".stApp")).backgroundColor;
  const plain = ["rgba(0, 0, 0, 0)", page];
  const filled = buttons.filter((button) => button.matches("[data-testid=stBaseButton-primary], .next"))
    .filter((button) => !plain.includes(getComputedStyle(button).backgroundColor));
  return filled.map((button) => button.innerText.split("\\n").at(-1));
}"""


def test_on_a_phone_every_stop_of_the_tour_fits_the_screen_and_one_button_leads_on(open_page):
    page = open_page(path="/?tour=1", settled=False, width=390, height=844, has_touch=True, is_mobile=True)
    for number, view in enumerate([stop.page or "start" for stop in TOUR], 1):
        expect(page.get_by_text(f"stop {number} of {len(TOUR)}")).to_be_visible()
        following = page.locator(".st-key-tour_next button")
        expect(following).to_be_enabled()
        if view != "why":  # it works on its scores for long
            drawn(page, view)
        bar = page.locator(".st-key-tour").bounding_box()
        assert bar["y"] + bar["height"] < 2 / 3 * 844, (number, bar)
        assert page.evaluate(FILLED) == [following.inner_text().split("\n")[-1]], number
        said = page.locator(".st-key-tour").inner_text()
        assert "Point at" not in said and "click" not in said and ("Tap" in said or "tap" in said) is (number in (5, 7, len(TOUR)))
        following.click()
    end = page.locator(".st-key-tour_end")
    expect(end).to_contain_text("You have seen")
    assert end.bounding_box()["y"] + end.bounding_box()["height"] < 844
    end.get_by_role("button", name="Open Grids").click()
    expect(page).to_have_url(re.compile("/grids"))
    expect(end).to_have_count(0)


def test_the_first_stops_hide_the_numbers_that_they_ask_for(open_page):
    page = open_page(path="/?tour=1")
    lead = page.locator("[data-testid=stMain] .lead")
    expect(lead).to_be_hidden()
    for number in (2, 3):
        page.locator(".st-key-tour_next button").click()
        expect(page.get_by_text(f"stop {number} of")).to_be_visible()
    expect(lead).to_be_visible()


def test_a_word_of_the_glossary_opens_by_keyboard_and_by_touch(open_page):
    page = open_page(path="/?tour=2", width=390, height=844, has_touch=True, is_mobile=True)
    word = page.locator(".st-key-tour").get_by_role("button", name="window", exact=True)
    meaning = page.locator("#term-tour-window")
    expect(meaning).to_be_hidden()
    word.focus()
    assert word.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(meaning).to_be_visible()
    expect(meaning).to_contain_text("G₁ × G₁ tokens")
    page.keyboard.press("Escape")
    expect(meaning).to_be_hidden()
    word.tap()
    expect(meaning).to_be_visible()
    box, at = meaning.bounding_box(), word.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert 0 <= box["y"] - at["y"] - at["height"] < 20, "just below the word"
    assert barriers(page, Axe()) == []
    page.touchscreen.tap(20, 600)
    expect(meaning).to_be_hidden()
