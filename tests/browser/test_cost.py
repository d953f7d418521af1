"""Cost in Chromium: a real measurement."""

from playwright.sync_api import expect


def test_a_measurement_lies_over_the_curves_at_its_end(open_page):
    """On a quiet machine it takes two seconds, too few to cancel it surely from here: that is tested in tests/app."""
    page = open_page(path="/cost")
    page.get_by_role("button", name="Measure on this machine").click()
    expect(page.get_by_text("Measured at 56 × 56 tokens")).to_be_visible(timeout=120_000)
    assert page.evaluate("document.querySelector('.st-key-tokens .js-plotly-plot').data.some(t => t.mode === 'markers+lines')")
