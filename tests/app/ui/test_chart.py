"""Charts and bars: their data, their text."""

from app.ui import chart
from app.ui.bars import Bar, Part, bars


def test_ticks_are_round_and_between_the_ends():
    assert chart.round_ticks(0, 10_000_000) == [0, 2e6, 4e6, 6e6, 8e6, 1e7]
    assert chart.round_ticks(90.6, 93.3) == [91, 92, 93]
    assert chart.round_ticks(494e6, 3069e6) == [1e9, 2e9, 3e9]
    assert chart.round_ticks(43, 91) == [50, 60, 70, 80, 90]


def test_numbers_for_the_browser_are_short_and_plain():
    made = chart.layer("area", "local", [1, 2], [0.123456, 123456], "name", low=[0, 1])
    assert made == dict(kind="area", look="local", name="name", x=[1, 2], y=[0.12346, 123460], low=[0, 1])
    assert chart.stops([1], None, ["one"])["y"] is None


def test_bars_lie_on_one_scale_and_say_what_they_show():
    said = bars([Bar("a", [Part(1, "local", "one"), Part(2, "global pale", 'two "2"')], "3")], 4, "a: 3 <b>")
    assert '<i class="local" style="width:25.00%" title="one">' in said and '<i class="global pale" style="width:50.00%"' in said
    assert 'aria-label="a: 3 &lt;b&gt;"' in said and "&quot;2&quot;" in said
