"""What the charts of the Cost page draw. H-MHSA is thick and ink-coloured; hue means local or global."""

import numpy as np

from app.core.words import amount, short_amount, significant
from app.ui.chart import axis, chart_of, label, layer, round_ticks, stops
from app.views.cost import costs
from app.views.cost.costs import SIDES, LayerCost
from hatnet import complexity, timing

LABELS = {
    "H-MHSA": "hierarchical, Eq. 15",
    "MHSA": "plain, Eq. 5",
    "windows": "Swin: windows only",
    "spatial reduction": "PVT: reduced keys only",
}
LOOKS = {"H-MHSA": "ink thick", "MHSA": "muted", "windows": "local dashed", "spatial reduction": "global dotted"}
# The four terms of Eq. 15: projections are pale.
TERMS = {
    "local projections": "local pale",
    "local products": "local",
    "global projections": "global pale",
    "global products": "global",
}
MACS = "multiply-adds (MACs)"
TICKS = (8, 14, 28, 56, 112, 224, 448)


def over_tokens(shown: str, at: LayerCost, measured: dict[int, list[timing.Measured]]) -> dict:
    """Cost over the number of tokens, both axes logarithmic.

    shown: "Multiply-adds", "Time" or "Memory". measured: tokens down -> one for each mechanism.
    """
    c, g1, g2, _ = at.setting
    if shown == "Multiply-adds":
        sides = np.append(SIDES, at.n) if at.n > SIDES[-1] else SIDES
        curves = complexity.by_mechanism(sides.astype(float), c, g1, g2)
        at_n = at.n**2
        ratio = f"÷ {significant(at.mhsa / at.hmhsa, 2)}" if at.mhsa >= at.hmhsa else f"× {significant(at.hmhsa / at.mhsa, 2)}"
        side = dict(dx=-10, anchor="end") if at.n > 10 else dict(dx=8, anchor="start")
        extra = [
            layer("line", "muted thin", [at_n, at_n], [at.mhsa, at.hmhsa]),
            layer("dots", "muted large", [at_n], [at.mhsa]),
            layer("dots", "ink large", [at_n], [at.hmhsa]),
        ]
        labels = [label(at_n, max(at.mhsa, at.hmhsa), ratio, dy=-8, **side)]
        if at.crossover and SIDES[0] ** 2 <= at.crossover <= SIDES[-1] ** 2:
            height = float(np.exp(np.interp(np.log(at.crossover), np.log(sides**2), np.log(curves["H-MHSA"]))))
            extra.append(layer("dots", "ink open", [at.crossover], [height]))
            labels.append(label(at.crossover, height, f"cheaper from {at.crossover:,.0f} tokens on", dx=14, dy=22, anchor="start"))
        said = f"At {at.n} × {at.n}: plain {amount(at.mhsa)}, hierarchical {amount(at.hmhsa)} multiply-adds."
        lines = [layer("line", LOOKS[name], sides**2, curves[name], LABELS[name]) for name in LABELS]
        words = _along(sides, curves, amount, "multiply-adds")
        return _tokens(sides, MACS, curves, [*lines, *extra], words, f"Four curves over the number of tokens. {said}", labels)
    sides = np.array(sorted(measured))
    unit = "milliseconds" if shown == "Time" else "MB"
    found: dict[str, list[timing.Measured]] = {name: [] for name in LABELS}
    for side in sides:
        for one in measured[side]:
            found[one.mechanism].append(one)
    values = {name: np.array([one.milliseconds if shown == "Time" else one.peak_bytes / 1e6 for one in of]) for name, of in found.items()}
    # The formulas, thin, in the measured unit: scaled to what plain attention took on the largest map.
    dense = SIDES[sides[-1] >= SIDES]
    rate = values["MHSA"][-1] / complexity.mhsa(sides[-1], sides[-1], c)
    formulas = {name: rate * macs for name, macs in complexity.by_mechanism(dense.astype(float), c, g1, g2).items()}
    lines = []
    for name in LABELS:
        lines.append(layer("line", LOOKS[name].split()[0] + " thin", dense**2, formulas[name]))
        if shown == "Time":  # between the quartiles, around the median
            half = np.minimum([one.spread / 2 for one in found[name]], 0.6 * values[name])  # above 0 on a logarithmic axis
            lines.append(layer("bars", LOOKS[name].split()[0], sides**2, values[name] + half, low=values[name] - half))
        lines.append(layer("line", LOOKS[name], sides**2, values[name], LABELS[name].split(",")[0]))
        lines.append(layer("dots", LOOKS[name].split()[0], sides**2, values[name]))
    words = _along(sides, values, significant, f"{unit}, measured")
    last = ", ".join(f"{LABELS[name]} {significant(of[-1])}" for name, of in values.items())
    alt = f"{shown} of one attention layer, measured here. At {sides[-1]} × {sides[-1]} tokens, in {unit}: {last}."
    return _tokens(dense, unit, values | {f"{name}, formula": of for name, of in formulas.items()}, lines, words, alt)


def _along(sides: np.ndarray, values: dict[str, np.ndarray], say, unit: str) -> dict:
    """All curves in words at each number of tokens."""
    words = []
    for i, side in enumerate(sides):
        each = ", ".join(f"{name.split(':')[0].split(',')[0]} {say(values[mechanism][i])}" for mechanism, name in LABELS.items())
        words.append(f"{side} × {side} = {side**2:,} tokens: {each} {unit}")
    return stops(sides**2, None, words)


def _tokens(
    sides: np.ndarray, unit: str, curves: dict[str, np.ndarray], layers: list[dict], read: dict, alt: str, labels: list[dict] = ()
) -> dict:
    low, high = (pick([pick(values) for values in curves.values()]) for pick in (min, max))
    decades = {10.0**power: short_amount(10.0**power) for power in range(-4, 13) if low / 3 <= 10.0**power <= high * 2}
    x = axis(
        "tokens, down × across", sides[0] ** 2 * 0.8, sides[-1] ** 2 * 1.25, {t * t: f"{t}²" for t in TICKS if t <= sides[-1]}, log=True
    )
    return chart_of(x=x, y=axis(unit, low / 3, high * 2, decades, log=True), layers=layers, stops=read, alt=alt, labels=labels)


def along_diagonal(at: LayerCost) -> dict:
    """The four terms of Eq. 15 stacked, with G1 = G2 = G."""
    g, terms = costs.diagonal(at.n, at.c)
    tops = np.cumsum(list(terms.values()), axis=0)
    floors = np.vstack([np.zeros_like(g), tops[:-1]])
    most = 3.2 * complexity.hmhsa(at.n, at.n, at.c, at.best, at.best)
    areas = [
        layer("area", look, g, np.minimum(top, most), name, low=np.minimum(floor, most))
        for (name, look), top, floor in zip(TERMS.items(), tops, floors, strict=True)
    ]
    low = complexity.hmhsa(at.n, at.n, at.c, at.best, at.best)
    marks, labels = [], []
    if at.best <= g[-1]:
        marks.append(layer("dots", "ink large", [at.best], [low]))
        labels.append(label(at.best, low, f"cheapest: about {at.best:.1f}", dy=-16, anchor="start" if at.best < g[-1] / 3 else "middle"))
    if at.trained[0] == at.trained[1] <= g[-1]:
        marks.append(layer("line", "ink thin dotted", at.trained, [0, most]))
        labels.append(label(at.trained[0], 0.94 * most, f"trained: {at.trained[0]}", dx=6, anchor="start"))
    words = []
    for i, side in enumerate(g):
        each = ", ".join(f"{name} {amount(term[i])}" for name, term in terms.items())
        words.append(f"G = {side:g}: {amount(tops[-1][i])} multiply-adds. {each}")
    ends = ", ".join(f"at G = {g[i]:g} {amount(tops[-1][i])}" for i in (0, -1))
    alt = f"Stacked areas of the four terms of Eq. 15 over G. The cheapest G is about {at.best:.1f} with {amount(low)}; {ends}."
    x = axis("G", g[0], g[-1], {side: f"{side:g}" for side in round_ticks(g[0], g[-1], 8)})
    y = axis(MACS, 0, most, {value: short_amount(value) for value in round_ticks(0, most)})
    return chart_of(x=x, y=y, layers=[*areas, *marks], stops=stops(g, None, words), alt=alt, labels=labels)


def over_settings(at: LayerCost) -> dict:
    """Eq. 15 for every (G1, G2): a stronger grey costs more."""
    macs = costs.every_setting(at.n, at.c)
    side = len(macs)
    across, down = (values.ravel() for values in np.meshgrid(np.arange(1, side + 1), np.arange(1, side + 1)))
    logs = np.log(macs.ravel())
    level = 0.08 + 0.92 * (logs - logs.min()) / max(float(np.ptp(logs)), 1e-9)
    low = np.unravel_index(macs.argmin(), macs.shape)
    ends = [0.5, side + 0.5]
    marks = [
        ("Eq. 15 alone" if side == at.n else "cheapest shown", "ink open", (int(low[0]) + 1, int(low[1]) + 1)),
        ("cheapest G₁ = G₂", "ink large", (at.best, at.best)),
        ("trained", "muted large", at.trained),
        ("now", "query open", (at.g1, at.g2)),
    ]
    layers = [layer("squares", "muted", across, down, level=level), layer("line", "ink thin dotted", ends, ends)]
    layers += [layer("dots", look, [min(g2, side + 0.4)], [min(g1, side + 0.4)], name) for name, look, (g1, g2) in marks]
    words = [f"G₁ = {g1}, G₂ = {g2}: {amount(value)} multiply-adds" for g1, g2, value in zip(down, across, macs.ravel(), strict=True)]
    now = f"Now G₁ = {at.g1}, G₂ = {at.g2}: {amount(at.hmhsa)}."
    alt = (
        f"Eq. 15 for every G₁ and G₂. It falls towards G₁ = 1 and the largest G₂; with G₁ = G₂ it is smallest at about {at.best:.1f}. {now}"
    )
    ticks = {n: str(n) for n in range(1, side + 1, max(1, side // 8))}
    x, y = axis("G₂, side of a cell", *ends, ticks), axis("G₁, side of a window", *ends, ticks)
    return chart_of(x=x, y=y, layers=layers, stops=stops(across, down, words, across=side), alt=alt)
