"""One number for one thing: the numbers that carry the same name (app/core/quantities.py) agree within a page and on all pages."""

import re
from collections import defaultdict

import pytest
from playwright.sync_api import expect

from app.core.quantities import QUANTITIES
from app.views.equations.boards import NAMES
from tests.app.pages import PAGES
from tests.browser.looking import numbers
from tools.running_app import drawn, path_of, settle

UNITS = {"": 1, "%": 0.01, "thousand": 1e3, "k": 1e3, "million": 1e6, "M": 1e6, "billion": 1e9, "G": 1e9}


def interval(text):
    """The values that a displayed number may stand for: "5.0 %" -> (0.0495, 0.0505)."""
    less, number, decimals, unit = re.fullmatch(r"(<?) ?([\d,]+(?:\.(\d+))?) ?(%|[A-Za-z]*)", text).groups()
    scale, value = UNITS[unit], float(number.replace(",", ""))
    if less:
        return 0, value * scale
    half = 0.5 * 10 ** -len(decimals or "")
    return (value - half) * scale, (value + half) * scale


def contradictions(found):
    """What is said differently. found: (name, page) -> the texts there."""
    said = defaultdict(set)
    for (name, page), texts in found.items():
        said[name] |= {(page, text) for text in texts}
    wrong = []
    for name, places in said.items():
        lows, highs = zip(*(interval(text) for _, text in places), strict=True)
        if max(lows) >= min(highs) * (1 - 1e-9):  # touching intervals do not agree
            wrong.append((name, sorted(places)))
    return wrong


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("4.62 million", "4,620,288", True),
        ("4.62 M", "4.63 million", False),
        ("5.0 %", "5 %", True),
        ("5.0 %", "5.1 %", False),
        ("92 %", "92.4 %", True),
        ("93.3 %", "92 %", False),
        ("< 0.01 %", "0 %", True),
        ("80", "81", False),
    ],
)
def test_numbers_agree_to_the_precision_shown(one, other, agree):
    assert (contradictions({("macs", "a"): {one}, ("macs", "b"): {other}}) == []) == agree


def steps(page):
    """The numbers of Equations, from Eq. 8 on: those before say no others."""
    onward, found = page.locator(".st-key-step_next button"), defaultdict(set)
    for step in [*(number for number in NAMES if number > 8), None]:
        for name, texts in numbers(page).items():
            found[name] |= set(texts)
        if step:
            onward.click()
            expect(page.locator(".title.step")).to_contain_text(f"Eq. {step} ")
            settle(page)
    return found


# All but Why?, whose one number, the probability, comes from the server: tests/app/views/why/test_page.py compares it.
VIEWS = [page for page in PAGES if page != "why"]
# The tour's text stands on a page in the tour's own view: Start, Grids and Cost.
PLACES = [
    ("", VIEWS),
    ("stage=3&block=2&head=2&token=0.70,0.80&g1=4,2&g2=2,4", VIEWS),
    *((f"tour={number}", ["start"]) for number in (4, 9, 10)),
]


@pytest.mark.parametrize(("address", "views"), PLACES, ids=[address or "default" for address, _ in PLACES])
def test_numbers_of_equal_names_agree_on_all_pages(open_page, address, views):
    """The first page is opened, the others are reached from there."""
    found = {}
    first, *_ = views
    page = open_page(path=f"{path_of(first)}?{address}&equation=8", settled=False)
    for view in views:
        if view != first:
            page.get_by_role("link", name=view.capitalize(), exact=True).click()
            expect(page).to_have_title(f"{view.capitalize()} · HAT-Net Lab")  # the server's word that the page's run has begun
        if address.startswith("tour"):
            expect(page.locator(".st-key-tour [data-quantity]").first).to_be_visible()
        else:
            drawn(page, view)
        settle(page)
        if view == "explorer":
            expect(page.locator(".words [data-quantity=hops-self]")).to_be_visible()
        here = steps(page) if view == "equations" else numbers(page)
        assert here.keys() - {"accuracy-test"}, f"no number of {view} has a name"
        found |= {(name, view): set(texts) for name, texts in here.items()}
    assert {name for name, _ in found} <= set(QUANTITIES)
    assert contradictions(found) == []
