"""Every view in Chromium: reached and walked by mouse and by keyboard alone, opened again from its address by somebody else."""

import re

import pytest
from playwright.sync_api import expect

from tools import running_app as serve

# View: its name in the navigation, what shows that it is there, and what the Tab key must reach (a part of what is focused, in words).
VIEWS = {
    "equations": ("Equations", ".st-key-board .plot", ["Cut into windows", "Next", "The letters", "the windows", "numbers", "token grid"]),
    "grids": ("Grids", ".st-key-local_B canvas", ["4 ★", "Pin B as A", "Swap", "Save", "The letters", "as trained", "map", "token grid"]),
    "cost": ("Cost", ".looks", ["Resolution", "Channels", "Window", "Cell", "Measure", "Save", "The letters", "What is counted"]),
    "why": ("Why?", ".st-key-why_raw canvas", ["Map of Raw attention", "Map of Two hops", "Map of Rollout", "token grid"]),
}
# What is focused, through shadow roots: its name, its text, its role.
FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  if (!at || at === document.body) return "";
  const label = at.closest("label")?.innerText ?? document.querySelector(`label[for="${at.id}"]`)?.innerText ?? "";
  const said = at.getAttribute("aria-label") ?? "";
  return [said, at.getAttribute("aria-roledescription") ?? "", label, at.innerText ?? "", at.title ?? ""].join(" ");
}"""


def arrive(open_page, path, **look):
    """A page at an address, without waiting for the end of its script: that of Why? works for a while."""
    page = open_page(path="/grids", **look)
    page.goto(page.url.split("/grids")[0] + path)
    return page


def fine(page):
    expect(page.get_by_test_id("stException")).to_have_count(0)
    for text in ("Something went wrong", "This cannot be shown"):
        expect(page.get_by_text(text)).to_have_count(0)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_reached_by_mouse(open_page, view):
    name, shown, _ = VIEWS[view]
    page = open_page(path="/grids" if view != "grids" else "/cost")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator(shown).first).to_be_visible()
    expect(page).to_have_url(re.compile(f"/{view}"))
    fine(page)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_reached_and_walked_by_keyboard_alone(open_page, view):
    name, shown, stops = VIEWS[view]
    page = open_page(path="/grids" if view != "grids" else "/cost")
    focused = ""
    for _ in range(120):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if page.evaluate("document.activeElement.tagName") == "A" and name in focused:
            break
    assert name in focused
    page.keyboard.press("Enter")
    expect(page.locator(shown).first).to_be_visible()
    missing = list(stops)
    for _ in range(160):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        missing = [stop for stop in missing if stop not in focused]
        if not missing:
            break
    assert not missing
    fine(page)


@pytest.mark.parametrize(
    ("view", "query", "shown"),
    [
        ("equations", "image=koala&stage=3&block=1&token=0.3,0.7&g1=4,2&g2=2,4&equation=13", ".st-key-board .line"),
        ("grids", "image=koala&stage=2&block=1&token=0.3,0.7&g1=7,4&g2=4,2", ".st-key-compared table"),
        ("cost", "stage=3&token=0.3,0.7&g1=4,2&g2=2,4&pixels=224&channels=64", "[data-testid=stMain] .lead"),
        ("why", "image=koala&stage=3&block=1&token=0.3,0.7&g1=4,2", ".st-key-why_row"),
    ],
)
def test_an_address_shows_somebody_else_the_same(open_page, view, query, shown):
    first = arrive(open_page, f"/{view}?{query}")
    if view == "why":
        expect(first.locator(".meter")).to_have_count(6, timeout=90_000)
    expect(first.locator(shown).first).not_to_be_empty()
    serve.settle(first)
    text = first.locator(shown).first.inner_text()
    assert text.strip()
    address = first.evaluate("location.pathname + location.search")
    for part in ("token=0.3", "stage="):
        assert part in address
    second = arrive(open_page, address)  # a context of its own: nothing is shared but the server
    expect(second.locator(shown).first).to_have_text(text, use_inner_text=True)
    assert second.evaluate("location.pathname + location.search") == address
    fine(second)


def test_wrong_values_in_an_address_are_named_and_the_view_stands(open_page):
    page = open_page(path="/grids?stage=9&g1=99,4&token=0.5,0.5")
    expect(page.get_by_text("The link asked for stage 9")).to_be_visible()
    expect(page.locator(".st-key-notices")).to_be_visible()
    fine(page)


def test_nothing_that_one_does_is_seen_by_another(open_page):
    one, other = open_page(path="/grids?g1=8,4"), open_page(path="/grids")
    said = other.locator(".st-key-compared table").inner_text()
    one.get_by_role("button", name="Pin B as A").click()
    one.locator(".st-key-grids_g1_2").get_by_role("radio", name="2", exact=True).click()
    expect(one).to_have_url(re.compile("g1=2%2C4"))
    other.get_by_role("link", name="Cost", exact=True).click()
    expect(other.locator(".looks")).to_be_visible()
    other.get_by_role("link", name="Grids", exact=True).click()
    expect(other.locator(".st-key-compared table")).to_have_text(said, use_inner_text=True)


def test_a_term_says_what_it_means(open_page):
    page = open_page(path="/equations?equation=8")
    line = page.locator(".st-key-board .line")
    expect(line).to_contain_text("Token")
    page.locator(".st-key-board .equation button[data-panel=v]").hover()
    expect(line).to_contain_text("what each hands over")
    page.mouse.move(5, 5)
    expect(line).to_contain_text("Token")


@pytest.mark.parametrize("view", VIEWS)
def test_large_type_leaves_everything_on_the_page(open_page, view):
    """A browser's zoom of 150 % on a projector of 1440 pixels: 960 of its own."""
    page = arrive(open_page, f"/{view}", width=960, height=600, device_scale_factor=1.5)
    expect(page.locator(VIEWS[view][1]).first).to_be_visible()
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 960
