"""Start through AppTest."""

from tests.app.default_view import KNOWN, SIDE, VIEW
from tests.app.pages import opened, words


def test_start_opens_first_and_its_numbers_change_with_the_grids():
    at = opened("start")
    assert at.title[0].value.startswith("Read your neighbours")
    assert "16 tokens one by one and 64 averaged cells:" in words(at)  # 4 x 4, and (16 / 2)^2
    at.slider(key=f"choose_g1_{VIEW.stage}").set_value(1).run()
    at.slider(key=f"choose_g2_{VIEW.stage}").set_value(SIDE).run()
    assert "1 token one by one and 1 averaged cell:" in words(at)
    assert "neighbours" not in at.title[0].value  # a window of one token has none
    at.slider(key=f"choose_g2_{VIEW.stage}").set_value(1).run()
    assert "average" not in at.title[0].value + words(at).split("comparisons")[0]


def test_the_card_is_in_the_address():
    assert opened("start", step="6").query_params["step"] == "6"
    at = opened("start", step="9")
    assert "The link asked for card 9; the Start page has seven cards." in words(at) and at.query_params["step"] == "7"


def test_a_plain_stage_leads_to_a_hierarchical_one():
    at = opened("start", stage=str(KNOWN.config.stages[-1]))
    side = KNOWN.grid(KNOWN.config.stages[-1])
    assert "uses plain attention" in words(at) and f"reads all {side**2} tokens one by one" in words(at)
    button = next(button for button in at.button if button.label.startswith("Show stage"))
    assert "one by one and" in words(button.click().run())
