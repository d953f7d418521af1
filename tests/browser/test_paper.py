"""Paper in Chromium, as a student uses it: figures read by mouse, keyboard and touch, tables that scroll in their own box, links."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.looking import sticks_out
from tools.running_app import drawn, settle

PARTS = ".st-key-parts"


@pytest.fixture
def page(open_page):
    page = open_page(path="/paper", settled=False)
    drawn(page, "paper")
    return page


def box(page, name="paper_table"):
    return page.locator(f".st-key-{name} .paper")


def figure(page, row, column):
    return box(page).get_by_role("row", name=re.compile(f"^{row}")).locator("td").nth(column)


def test_a_figure_says_where_it_comes_from_by_mouse_and_by_keyboard(page):
    reading = box(page).locator(".reading")
    expect(reading).to_have_text(re.compile("^Point at a figure"))
    figure(page, "HAT-Net-Tiny", 4).hover()
    expect(reading).to_have_text(re.compile("ours 2.128 G, which differs from the paper’s 2.* leaves the products .* python -m hatnet$"))
    page.mouse.move(5, 5)
    expect(reading).to_have_text(re.compile("^Point at a figure"))
    figure(page, "HAT-Net-Tiny", 0).focus()
    expect(reading).to_have_text(re.compile(r"HAT-Net-Tiny, #Param: 12.7 M. Printed in the paper’s Table 2"))
    page.keyboard.press("ArrowRight")
    expect(reading).to_contain_text("Exactly 12,650,152")
    expect(figure(page, "HAT-Net-Tiny", 1)).to_be_focused()
    expect(figure(page, "HAT-Net-Tiny", 1)).to_have_attribute("aria-label", re.compile("which rounds to the paper’s 12.7"))
    for _ in range(8):  # not out of the table
        page.keyboard.press("ArrowRight")
    expect(figure(page, "HAT-Net-Tiny", 6)).to_be_focused()
    page.keyboard.press("ArrowDown")  # on to the next row with such a figure: HAT-Net-Small's
    expect(reading).to_contain_text("HAT-Net-Small, top-1: not measured by this project")
    assert box(page).locator("[tabindex='0']").count() == 1, "one stop of the Tab key"


def test_a_wide_table_scrolls_in_its_own_box_with_its_headings_in_view(open_page, phone):
    page = open_page(path="/paper", settled=False, width=390, height=844, within=phone)
    drawn(page, "paper")
    assert sticks_out(page) == []
    scroll = box(page).locator(".scroll")
    scroll.scroll_into_view_if_needed()
    scroll.evaluate("box => box.scrollTo(box.scrollWidth, box.scrollHeight)")
    outer, head = scroll.bounding_box(), box(page).locator("thead th").last.bounding_box()
    title = box(page).locator("tbody th").last.bounding_box()
    assert outer["x"] <= title["x"] < outer["x"] + 2 and outer["y"] < head["y"] < outer["y"] + 60
    assert head["x"] + head["width"] <= outer["x"] + outer["width"] + 1
    figure(page, "HAT-Net-Large", 1).click()
    expect(box(page).locator(".reading")).to_contain_text("Exactly 63,108,936")


def test_part_of_fig_1_and_table_are_chosen_by_keyboard_and_stand_in_the_address(page):
    page.get_by_role("radio", name="Table 5").click()
    expect(page).to_have_url(re.compile("table=5"))
    expect(box(page).locator("tbody tr").first).to_contain_text("Design 1")
    page.locator(f"{PARTS} input:checked").focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("part=3"))
    expect(page.locator("[data-testid=stMain]")).to_contain_text("HAT-Net-Tiny, Stage 3")
    expect(page.locator("table.part")).to_contain_text("56 × 56 × 48 → 28 × 28 × 96")
    settle(page)
    page.reload()
    drawn(page, "paper")
    expect(box(page).locator("tbody tr").first).to_contain_text("Design 1")
    expect(page.locator(f"{PARTS} input:checked")).to_have_value("2")  # the third


def test_an_equation_leads_to_its_page_with_the_visitor_s_picture(open_page):
    page = open_page(path="/paper?image=koala", settled=False)
    drawn(page, "paper")
    index = box(page, "equation_index")
    link = index.get_by_role("link", name="Equations, Eq. 10")
    assert re.match(r"equations\?.*image=koala.*equation=10", link.get_attribute("href"))
    index.get_by_text("hatnet/attention.py:").nth(3).hover()  # Eqs. 1, 2, 3, 6
    expect(index.locator(".reading")).to_contain_text("partition(")
    link.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/equations\?.*image=koala.*equation=10"))
    expect(page.locator(".title.step")).to_contain_text("Eq. 10 ")


def test_the_charts_are_read_point_by_point(page):
    chart = page.locator(".st-key-macs")
    chart.locator(".frame").focus()
    page.keyboard.press("ArrowRight")
    expect(chart.locator(".reading")).to_have_text(re.compile(r"^DeiT-Ti/16: 72.2 % top-1 \(paper\), 1.25 G multiply-adds, counted here"))
    expect(page.locator(".st-key-time circle.dots.ours").first).to_be_visible()
