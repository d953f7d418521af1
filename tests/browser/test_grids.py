"""Grids and Why? in Chromium: the keyboard alone, maps that follow and point together, files, a cancel that is heard, phones."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from app.core.samples import FOLDER
from hatnet.data import centre_crop


def values(page, name):
    """What a map shows."""
    return page.locator(f".st-key-{name} .frame").get_attribute("data-shown")


def changed(page, name, before):
    expect(page.locator(f".st-key-{name} .frame")).not_to_have_attribute("data-shown", before)


def open_why(open_page, query="", **look):
    """Why? without waiting for the end of its script: its first run works for a while."""
    page = open_page(path="/grids", **look)
    page.goto(page.url.split("/grids")[0] + f"/why{query}")
    return page


def fits(page, width):
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width


def test_grids_move_by_keyboard_and_the_parameters_stand_still(open_page):
    page = open_page(path="/grids")
    before = values(page, "local_B")
    parameters = page.get_by_role("row", name=re.compile("^Parameters"))
    said = parameters.inner_text()
    chosen = page.locator(".st-key-grids_g1_2").get_by_role("radio", checked=True)
    chosen.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    changed(page, "local_B", before)
    expect(page).to_have_url(re.compile(r"/grids\?.*g1=7%2C4"))
    expect(page.get_by_text("G₁ = 7")).to_be_visible()
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
    assert files["PNG"].name == "bird_owl-cifar10-stage2-block2-local-a-g1-8.png"
    saved = Image.open(files["PNG"])
    assert saved.size == (720, 720)

    def likeness(name):
        photo = centre_crop(Image.open(FOLDER / f"{name}.jpg"), 720)
        return np.corrcoef(*(np.asarray(image.convert("L"), float).ravel() for image in (saved, photo)))[0, 1]

    assert likeness("bird_owl") > 0.7 > 0.5 > likeness("cat_chelsea"), "the visitor's photograph lies under the map"
    lines = files["CSV"].read_text().splitlines()
    assert len(lines) == 1 + 256 and sum(float(line.split(",")[-1]) for line in lines[1:]) == pytest.approx(1, abs=1e-3)


def test_grids_do_not_stick_out_on_a_phone(open_page):
    page = open_page(path="/grids", width=390, height=844)
    expect(page.get_by_text("How to read this page")).to_be_visible()
    fits(page, 390)


def test_why_does_not_stick_out_on_a_phone(open_page):
    page = open_why(open_page, width=390, height=844)
    expect(page.locator(".meter")).to_have_count(6, timeout=90_000)
    fits(page, 390)


def test_a_cancel_is_heard_and_the_work_goes_on(open_page):
    page = open_why(open_page, "?image=bird_duck&g1=3,3")  # a setting that no other test has worked on
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(page.locator(".meter")).to_have_count(0)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".meter")).to_have_count(6, timeout=90_000)
    expect(page.locator(".lead")).to_contain_text("raw attention scores")


def test_another_token_changes_raw_attention_and_its_score(open_page):
    page = open_why(open_page)
    frame = page.locator(".st-key-why_picker .frame")
    expect(page.locator(".meter")).to_have_count(6, timeout=60_000)
    raw, occlusion = values(page, "why_raw"), values(page, "why_occlusion")
    score = page.locator(".meter.raw b").inner_text()
    frame.focus()
    page.keyboard.press("Shift+ArrowUp")
    changed(page, "why_raw", raw)
    expect(page.locator(".meter.raw b")).not_to_have_text(score, timeout=60_000)
    assert values(page, "why_occlusion") == occlusion
    expect(frame).to_be_focused()


def test_the_chosen_method_s_curve_is_drawn(open_page):
    page = open_why(open_page)
    choice = page.get_by_role("radio", name="Rollout")
    expect(choice).to_be_visible(timeout=60_000)
    choice.click()
    drawn(page, "Rollout")


def drawn(page, name):
    """Wait until the curves of a method are drawn."""
    last = "() => document.querySelector('.st-key-why_0 .js-plotly-plot')?.data?.at(-1)?.name"
    page.wait_for_function(f"({last})() === '{name}'")


def test_a_click_on_a_map_draws_its_curves(open_page):
    page = open_why(open_page)
    expect(page.get_by_role("radio", name="Rollout")).to_be_visible(timeout=60_000)
    page.locator(".st-key-why_gradients .frame").click()
    drawn(page, "Integrated Gradients")
    page.locator(".st-key-why_cam .frame").focus()
    page.keyboard.press("Enter")
    drawn(page, "Grad-CAM")


def test_attention_is_there_before_the_rest_is_worked_out(open_page):
    page = open_why(open_page, "?image=cow&g1=5,3")  # a setting that no other test has worked on
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    for name in ("raw", "hops", "rollout"):
        assert values(page, f"why_{name}")
