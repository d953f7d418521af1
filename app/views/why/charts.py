"""What the charts of both tests draw."""

import numpy as np

from app.core.words import percent
from app.ui.chart import axis, chart_of, layer, stops
from app.views.why.scores import Test, alt

TICKS = (0, 0.25, 0.5, 0.75, 1)  # on both axes


def drawn(test: Test, answer: str, shown: tuple[str, np.ndarray], raw: np.ndarray, random: np.ndarray, untrained: np.ndarray) -> dict:
    """The chart of a test: the lines from back to front, and the band of the random maps behind them.

    answer: the class whose probability is drawn; shown: the chosen method's name and curve; raw: raw attention's curve; random: those of
    random maps [maps, points]; untrained: that of a map from random weights.
    """
    low, median, high = np.percentile(random, (10, 50, 90), axis=0)
    steps = len(raw) - 1
    share = np.arange(steps + 1) / steps
    lines = {"Occlusion, untrained model": ("muted dashed", untrained), "Raw attention": ("global", raw)}
    if shown[0] not in lines:
        lines[shown[0]] = "ink thick", shown[1]
    words = []
    for step in range(steps + 1):
        each = ", ".join(f"{name} {percent(float(curve[step]))}" for name, (_, curve) in reversed(lines.items()))
        between = f"{percent(float(low[step]))} to {percent(float(high[step]))}"
        words.append(f"{(100 * step + steps // 2) // steps} % {test}: {each}; random maps {between}")
    return chart_of(
        x=axis(f"squares {test}, %", 0, 1, {tick: f"{100 * tick:.0f}" for tick in TICKS}),
        y=axis(f"probability of “{answer}”", 0, 1, {tick: f"{100 * tick:.0f} %" for tick in TICKS}),
        layers=[
            layer("area", "muted pale", share, high, "Random maps, 10 to 90 %", low=low),
            layer("line", "muted dotted", share, median, "Random maps, median"),
            *(layer("line", look, share, curve, name) for name, (look, curve) in lines.items()),
        ],
        stops=stops(share, None, words),
        alt=alt(test, shown, raw, random),
    )
