"""What every page owes everyone, in Chromium, the pages to come included: no barrier that axe-core knows, a title of its own, a visible
focus, every picture in words, and no motion for those who want none."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.app.pages import PAGES
from tests.browser.looking import FOCUSED, finished, sticks_out, words_without_meaning
from tools.running_app import drawn, path_of, settle

# Defines everything(): all elements of the page, through shadow roots.
EVERYTHING = """const everything = function* (root = document) {
  for (const element of root.querySelectorAll("*")) {
    yield element;
    if (element.shadowRoot) yield* everything(element.shadowRoot);
  }
};"""

# What each picture shows, and its words: canvases and charts.
PICTURES = f"""() => {{
  {EVERYTHING}
  const found = [];
  for (const element of everything()) {{
    if (!element.matches("canvas, [role=application] svg") || !element.checkVisibility({{ visibilityProperty: true }})) continue;
    const named = element.closest("[aria-label]");
    const shown = element.matches("svg") ? element.innerHTML : element.toDataURL();
    found.push({{ shown, words: named?.getAttribute("aria-label") ?? "", where: element.parentElement.outerHTML.slice(0, 120) }});
  }}
  return found;
}}"""

# Remembers what is focused and how it looks, with its surroundings and contents; false if it has been here before, or nothing is focused.
IS_NEW = f"""async () => {{
  const at = {FOCUSED};
  window.stops ??= new Map();
  if (!at || at === document.body || stops.has(at)) return false;
  const around = [at];
  for (let i = 0; i < 4 && around[i].parentElement; i++) around.push(around[i].parentElement);
  around.push(...at.querySelectorAll("*"));
  window.look = (elements) => elements.map((element) => {{
    const {{ outline, boxShadow, borderColor, backgroundColor, textDecoration, color }} = getComputedStyle(element);
    return [outline, boxShadow, borderColor, backgroundColor, textDecoration, color].join();
  }}).join(";");
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  stops.set(at, {{ around, focused: look(around) }});
  return true;
}}"""
# The names of those that look the same without the focus.
UNSEEN = """async () => {
  document.activeElement.blur();
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const same = ([at, { around, focused }]) => at.isConnected && look(around) === focused;
  return [...stops].filter(same).map(([at]) => at.outerHTML.slice(0, 200));
}"""


# The words of the glossary whose meaning does not open inside the window, or is cut off.
UNREADABLE = f"""() => {{
  {EVERYTHING}
  return [...everything()].filter((word) => word.matches("[popovertarget].term") && word.checkVisibility()).filter((word) => {{
    const meaning = word.nextElementSibling;
    word.scrollIntoView({{ block: "nearest" }});
    word.click();
    const {{ left, top, right, bottom }} = meaning.getBoundingClientRect();
    const opens = meaning.matches(":popover-open") && left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
    const whole = meaning.scrollWidth <= meaning.clientWidth;
    meaning.hidePopover();
    return !opens || !whole;
  }}).map((word) => word.textContent);
}}"""


@pytest.fixture(scope="module")
def axe():
    return Axe()


def barriers(page, axe):
    """What axe-core calls serious or critical, with the elements."""
    finished(page)
    return [
        f"{found['id']}: {node['html'][:160]} {node['failureSummary']}"
        for found in axe.run(page).response["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


MOVING = f"""() => {{
  {EVERYTHING}
  const lasts = (times) => times.split(", ").some((time) => parseFloat(time) > 0);
  const moves = (style) => style.animationName !== "none" || lasts(style.transitionDuration);
  return [...everything()].filter((element) => moves(getComputedStyle(element))).map((element) => element.outerHTML.slice(0, 120));
}}"""


def pictures(page, view):
    drawn(page, view)
    settle(page)
    finished(page)
    return page.evaluate(PICTURES)


def untold(before, after):
    """The pictures without words, and the words that stay the same where the picture does not. It is an error if there are no pictures."""
    assert before and len(before) == len(after)
    pairs = zip(before, after, strict=True)
    stuck = [one["words"] for one, other in pairs if one["shown"] != other["shown"] and one["words"] == other["words"]]
    return [picture["where"] for picture in before if not picture["words"]] + stuck


TOKENS = "token=0.40,0.32", "token=0.70,0.80"


@pytest.mark.parametrize("view", PAGES)
def test_a_page_has_its_title_its_words_and_room_no_barrier_no_unwanted_motion_and_a_visible_focus(open_page, axe, view):
    page = open_page(path=f"{path_of(view)}?{TOKENS[0]}", settled=False)
    page.emulate_media(reduced_motion="reduce")
    expect(page).to_have_title(f"{page.get_by_test_id('stTopNav').locator('[aria-current=page] p').inner_text()} · HAT-Net Lab")
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", theme)
        drawn(page, view)
        assert barriers(page, axe) == [], theme
    assert words_without_meaning(page) == ([], [])
    before = pictures(page, view)
    # No chart of Cost or Paper depends on the token.
    after = before if view in ("cost", "paper") else pictures(open_page(path=f"{path_of(view)}?{TOKENS[1]}", settled=False), view)
    assert untold(before, after) == []
    page.bring_to_front()
    # A browser's zoom of 150 % on a projector of 1440 pixels: 960 of its own.
    page.set_viewport_size({"width": 960, "height": 600})
    drawn(page, view)
    finished(page)
    assert sticks_out(page) == [] and page.evaluate(UNREADABLE) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    assert page.evaluate(MOVING) == []
    stops = 0
    page.keyboard.press("Tab")
    while page.evaluate(IS_NEW):
        stops += 1
        page.keyboard.press("Tab")
    assert stops > 15 and page.evaluate(UNSEEN) == []


@pytest.mark.parametrize("path", ["/?stage=4", "/?tour=9", "/why?checkpoint=cards"])  # without the picture, with the tour, with a note
def test_a_page_in_another_state_has_no_barrier(open_page, axe, path):
    page = open_page(path=path)
    assert barriers(page, axe) == []
    assert words_without_meaning(page) == ([], [])


# What else a page can show: the choices of a switch, by their names; or none, and the address says it.
@pytest.mark.parametrize(
    ("view", "more", "panels"),
    [("explorer", "panel=heads", ["Heads & blocks", "Pooling", "Seam"]), ("equations", "equation=13", [None])],
    ids=["explorer", "equations"],
)
def test_every_picture_of_a_panel_is_told_in_words_that_follow_the_token(open_page, axe, view, more, panels):
    one, other = (open_page(path=f"{path_of(view)}?{token}&{more}", settled=False) for token in TOKENS)
    for panel in panels:
        for page in (one, other) if panel else ():
            drawn(page, view)
            page.get_by_role("radio", name=panel).click()
            expect(page).to_have_url(re.compile(f"panel={panel.split()[0].lower()}"))
        assert untold(pictures(one, view), pictures(other, view)) == [], panel
        assert barriers(other, axe) == [], panel
        assert words_without_meaning(other) == ([], []), panel
