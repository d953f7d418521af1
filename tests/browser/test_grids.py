"""Grids in Chromium: the keyboard alone, maps that follow and point together, files."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from app.core.samples import FOLDER
from hatnet.preprocessing import centre_crop
from tests.browser.looking import changed, sticks_out, values
from tools.running_app import settle


def test_grids_move_by_keyboard_and_the_parameters_stand_still(open_page):
    page = open_page(path="/grids")
    before = values(page, "local_B")
    parameters = page.get_by_role("row", name=re.compile("^Parameters"))
    said = parameters.inner_text()
    sides = page.locator(".st-key-grids_g1_2")
    sides.get_by_role("radio", checked=True).focus()
    page.keyboard.press("ArrowRight")
    expect(sides.get_by_role("radio", name="14", exact=True)).to_be_focused()  # B opens as an example, with G1 = 8
    page.keyboard.press("Enter")
    changed(page, "local_B", before)
    expect(page).to_have_url(re.compile(r"/grids\?.*g1=14%2C4"))
    expect(page.locator(".method").get_by_text("G₁ = 14")).to_be_visible()
    expect(page.locator(".lead")).to_contain_text("B is your setting: windows of 14 × 14 tokens")
    assert parameters.inner_text() == said and "unchanged" in said


def test_a_pinned_setting_stays_while_the_other_moves(open_page):
    page = open_page(path="/grids?g1=8,4")
    page.get_by_role("button", name="Pin B as A").click()
    pinned = values(page, "local_B")
    expect(page.locator(".st-key-local_A .frame")).to_have_attribute("data-shown", pinned)
    page.locator(".st-key-grids_g1_2").get_by_role("radio", name="2", exact=True).click()
    changed(page, "local_B", pinned)
    assert values(page, "local_A") == pinned


def cell(page, g1, g2):
    return page.locator(f".st-key-accuracy [data-setting='{g1}-{g2}']")


def test_a_cell_of_the_accuracy_map_becomes_b_and_a_second_click_swaps(open_page):
    page = open_page(path="/grids")
    before = values(page, "global_B")
    cell(page, 4, 4).click()
    expect(page).to_have_url(re.compile(r"g2=4%2C2"))
    changed(page, "global_B", before)
    expect(cell(page, 4, 4)).to_have_attribute("aria-label", re.compile("now B"))
    expect(cell(page, 4, 2)).to_have_attribute("aria-label", re.compile("as trained, now A"))
    cell(page, 4, 4).click()
    expect(cell(page, 4, 4)).to_have_attribute("aria-label", re.compile("now A"))
    expect(page).to_have_url(re.compile(r"g2=2%2C2"))
    page.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(re.compile(r"g2=4%2C2"))


def test_the_accuracy_map_is_walked_by_keyboard(open_page):
    page = open_page(path="/grids")
    cell(page, 4, 2).focus()
    page.keyboard.press("ArrowRight")
    expect(cell(page, 4, 4)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"g2=4%2C2"))
    expect(cell(page, 4, 4)).to_be_focused()


def test_pointing_at_a_square_of_one_map_reads_all_six(open_page):
    page = open_page(path="/grids")
    page.locator(".st-key-local_A .frame").hover(position={"x": 100, "y": 60})
    tips = page.locator(".frame .tip:not(:empty)")
    expect(tips).to_have_count(6)
    places = {text.split(":")[0] for text in tips.all_inner_texts()}
    assert len(places) == 1 and places.pop().startswith("row ")
    assert [("points" in text, "%" in text) for text in tips.all_inner_texts()] == [(False, True), (False, True), (True, False)] * 2
    page.mouse.move(5, 5)
    expect(tips).to_have_count(0)


def test_a_map_of_grids_chooses_the_query_by_click_and_by_key(open_page):
    page = open_page(path="/grids")
    before = values(page, "local_B")
    page.locator(".st-key-global_B .frame").click(position={"x": 20, "y": 20})
    expect(page).to_have_url(re.compile(r"token=0\.0"))
    changed(page, "local_B", before)
    settle(page)  # until then the maps may be drawn once more, and the keys would be lost
    page.locator(".st-key-local_B .frame").focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page).not_to_have_url(re.compile(r"token=0\.0\d*%2C"))


def test_maps_are_saved_as_png_and_csv(open_page, tmp_path):
    page = open_page(path="/grids?image=bird_owl")
    page.get_by_role("button", name="Save", exact=True).click()
    files = {}
    for kind in ("PNG", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind).first.click()
        files[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[kind])
    assert files["PNG"].name == "bird_owl-cifar10-stage2-block2-local-a-g1-4.png"
    saved = Image.open(files["PNG"])
    assert saved.size == (720, 720)

    def likeness(name):
        photo = centre_crop(Image.open(FOLDER / f"{name}.jpg"), 720)
        return np.corrcoef(*(np.asarray(image.convert("L"), float).ravel() for image in (saved, photo)))[0, 1]

    assert likeness("bird_owl") > 0.7 > 0.5 > likeness("cat_chelsea"), "the visitor's photograph lies under the map"
    lines = files["CSV"].read_text().splitlines()
    assert len(lines) == 1 + 256 and sum(float(line.split(",")[-1]) for line in lines[1:]) == pytest.approx(1, abs=1e-3)


def test_the_whole_page_is_worked_by_keyboard_alone(open_page):
    page = open_page(path="/grids")
    expect(page.locator(".lead")).to_contain_text("A is the model as trained")

    def tab_to(target):
        for _ in range(60):
            page.keyboard.press("Tab")
            if target.evaluate("element => element.matches(':focus') || element.getRootNode().activeElement === element"):
                return
        raise AssertionError(f"Tab does not reach {target}")

    main = page.get_by_test_id("stMain")
    tab_to(main.get_by_role("button", name="Pin B as A"))
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_contain_text("A is the setting that you pinned: windows of 8 × 8")
    settle(page)
    tab_to(main.get_by_role("button", name="Undo"))
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_contain_text("A is the model as trained")
    settle(page)
    before = values(page, "local_B")
    tab_to(main.locator(".st-key-grids_picker .frame"))
    page.keyboard.press("ArrowDown")
    changed(page, "local_B", before)
    settle(page)
    chart = main.locator(".st-key-choice .frame")
    tab_to(chart)
    reading = main.locator(".st-key-choice .reading")
    page.keyboard.press("ArrowRight")
    expect(reading).to_have_text(re.compile(r"^Stage \d, .* right, .* multiply-adds, on the edge$"))  # the cheapest
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(main.locator(".st-key-choice circle.at")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(reading).to_contain_text("use the arrow keys")
    tab_to(main.locator("summary").filter(has_text="How to read this page"))
    page.keyboard.press("Enter")
    expect(main.get_by_text("hold no learned numbers")).to_be_visible()


def test_a_dot_lies_where_its_words_say_and_is_read_by_the_mouse(open_page):
    page = open_page(path="/grids?g1=8,4")
    chart, reading = page.locator(".st-key-choice .frame"), page.locator(".st-key-choice .reading")
    expect(chart).to_have_attribute("aria-label", re.compile("B is stage 2, G₁ = 8 and G₂ = 2: 93.2 %"))
    ring = page.locator(".st-key-choice .frame circle.query").last
    ring.scroll_into_view_if_needed()
    box = ring.bounding_box()
    up = {right: page.locator(".st-key-choice .frame").get_by_text(right, exact=True).bounding_box()["y"] for right in ("91", "92", "93")}
    assert box["y"] + box["height"] < up["93"] + 20 < up["92"] < up["91"]  # 93.2 % is a little above 93
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(reading).to_have_text(re.compile(r"^Stage 2, G₁ = 8 and G₂ = 2: 93\.2 % right"))
    page.mouse.move(5, 5)
    expect(reading).to_contain_text("use the arrow keys")
    cell(page, 2, 8).click()
    expect(chart).to_have_attribute("aria-label", re.compile("B is stage 2, G₁ = 2 and G₂ = 8: 92.6 %"))


def test_the_sentence_follows_the_token_where_the_answer_does(open_page):
    """Cards: each token has its answer."""
    page = open_page(path="/grids?checkpoint=cards")
    sentence = page.get_by_text(re.compile("^From A to B, "))
    prediction = page.get_by_role("row", name=re.compile("^Prediction"))
    answers = set()
    for x, y in ((0.1, 0.1), (0.9, 0.4), (0.6, 0.1)):
        before = sentence.inner_text(), prediction.inner_text()
        box = page.locator(".st-key-grids_picker .frame").bounding_box()
        page.locator(".st-key-grids_picker .frame").click(position={"x": x * box["width"], "y": y * box["height"]})
        page.wait_for_timeout(300)
        settle(page)
        answer = prediction.get_by_role("cell").first.inner_text().split()[0]
        expect(sentence).to_contain_text(f"“{answer}”")
        answers.add((answer, before != (sentence.inner_text(), prediction.inner_text())))
    assert len({answer for answer, _ in answers}) > 1


@pytest.mark.parametrize("path", ["/grids?checkpoint=objects224&stage=5", "/grids?checkpoint=cards"])
def test_everything_has_room_on_a_phone(open_page, phone, path):
    """A plain stage's page and that of the cards, of which tests/browser/test_shell.py sees nothing."""
    page = open_page(path=path, width=390, height=844, within=phone)
    assert sticks_out(page) == []
