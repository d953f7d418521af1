"""Why? in Chromium: maps that are there early, a cancel that is heard, curves that are chosen."""

from playwright.sync_api import expect

from tests.browser.looking import changed, values
from tools.running_app import drawn


def test_a_cancel_is_heard_and_the_work_goes_on(open_page):
    page = open_page(path="/why?image=bird_duck&g1=3,3", settled=False)  # a setting that no other test has worked on
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(page.locator(".meter")).to_have_count(0)
    page.get_by_role("button", name="Continue").click()
    drawn(page, "why")
    expect(page.locator(".lead")).to_contain_text("raw attention scores")


def test_another_token_changes_raw_attention_and_its_score(open_page):
    page = open_page(path="/why", settled=False)
    frame = page.locator(".st-key-why_picker .frame")
    drawn(page, "why")  # to the end of the run: until then the picker may be drawn once more, and a key would be lost
    raw, occlusion = values(page, "why_raw"), values(page, "why_occlusion")
    score = page.locator(".meter.raw b").inner_text()
    frame.focus()
    page.keyboard.press("Shift+ArrowUp")
    changed(page, "why_raw", raw)
    expect(page.locator(".meter.raw b")).not_to_have_text(score, timeout=60_000)
    assert values(page, "why_occlusion") == occlusion
    expect(frame).to_be_focused()


def test_the_chosen_method_s_curve_is_drawn(open_page):
    page = open_page(path="/why", settled=False)
    drawn(page, "why")
    page.get_by_role("radio", name="Rollout").click()
    curves_drawn(page, "Rollout")


def curves_drawn(page, name):
    """Wait until the curves of a method are drawn."""
    last = "() => document.querySelector('.st-key-why_0 .js-plotly-plot')?.data?.at(-1)?.name"
    page.wait_for_function(f"({last})() === '{name}'")


def test_a_click_on_a_map_draws_its_curves(open_page):
    page = open_page(path="/why", settled=False)
    drawn(page, "why")
    page.locator(".st-key-why_gradients .frame").click()
    curves_drawn(page, "Integrated Gradients")
    page.locator(".st-key-why_cam .frame").focus()
    page.keyboard.press("Enter")
    curves_drawn(page, "Grad-CAM")


def test_attention_is_there_before_the_rest_is_worked_out(open_page):
    page = open_page(path="/why?image=cow&g1=5,3", settled=False)  # a setting that no other test has worked on
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    for name in ("raw", "hops", "rollout"):
        assert values(page, f"why_{name}")
