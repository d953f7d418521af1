"""Accuracy against cost, of the models of Table 2: every accuracy is the paper's; the cost is ours where it was counted or measured."""

from statistics import median

from app.core.words import significant
from app.ui.chart import axis, chart_of, label, layer, round_ticks, stops
from app.views.paper import counts
from hatnet import paper
from hatnet.speed import Point

LEFT_OUT = "†"  # models of 384 x 384 pixels, whose cost compares with no other's


def _rows() -> list[paper.Classifier]:
    """Table 2, each model once: with the training that all share where there are two."""
    twice = {row.model for row in paper.TABLE_2}
    return [row for row in paper.TABLE_2 if LEFT_OUT not in row.model and not (row.model.endswith("*") and row.plain in twice)]


def _point(row: paper.Classifier, points: dict[str, Point]) -> Point | None:
    return points.get(next((name for name, printed in paper.NAMES.items() if printed == row.model), paper.TIMM.get(row.plain, "")))


def over_macs() -> dict:
    """Top-1 against multiply-adds: filled where they were counted here with all products, hollow where the paper's figure stands alone."""
    points = counts.points()
    found = []
    for row in _rows():
        name = next((name for name, printed in paper.NAMES.items() if printed == row.model), None)
        point = _point(row, points)
        own = counts.counted(name).macs.total if name else point and point.conv_linear + point.attention
        found.append((row, own / 1e9 if own else row.flops, bool(own)))
    words = [
        f"{row.model}: {row.top1} % top-1 (paper), {significant(x)} G multiply-adds, "
        + (f"counted here with QKᵀ and AV; the paper prints {row.flops:g} G" if own else "as the paper prints; not counted here")
        for row, x, own in found
    ]
    ticks = {value: f"{value:g}" for value in (1, 2, 4, 8, 16)}
    x = axis("multiply-adds, G (10⁹), of one image of 224 × 224 pixels", 0.95, 20, ticks, log=True)
    return _drawn(found, x, words, "multiply-adds", "counted here, with QKᵀ and AV", "as printed alone")


def over_time() -> dict | None:
    """Top-1 against the measured milliseconds of one image; None where nothing was measured."""
    points = counts.points()
    timed = [(row, point) for row in _rows() if (point := _point(row, points)) and point.seconds]
    if not timed:
        return None
    found = [(row, 1000 * median(point.seconds), True) for row, point in timed]
    words = [f"{row.model}: {row.top1} % top-1 (paper), {x:.0f} ms an image, measured here" for row, x, _ in found]
    most = max(x for _, x, _ in found) * 1.15
    x = axis("milliseconds for one image, median", 0, most, {value: f"{value:g}" for value in round_ticks(0, most)})
    return _drawn(found, x, words, "milliseconds", "measured here", "")


def _drawn(found: list[tuple[paper.Classifier, float, bool]], x: dict, words: list[str], unit: str, ours: str, printed: str) -> dict:
    """A chart of models at (x, top-1). found: the row, where it lies on x, and whether that is a figure of ours."""
    mine = [entry for entry in found if entry[0].model in paper.NAMES.values()]
    others = [entry for entry in found if entry not in mine]
    layers = [layer("line", "ours thin", [x for _, x, _ in mine], [row.top1 for row, _, _ in mine])]
    for look, entries, name in (
        ("muted open small", [entry for entry in others if not entry[2]], f"cost {printed}"),
        ("muted", [entry for entry in others if entry[2]], f"cost {ours}"),
        ("ours large", mine, f"HAT-Net, {ours}"),
    ):
        if entries:
            layers.append(layer("dots", look, [x for _, x, _ in entries], [row.top1 for row, _, _ in entries], name))
    names = [row.model.removeprefix("HAT-Net-") for row, _, _ in mine]
    sides = ["end", "middle", "end", "start"] if len(mine) == 4 else ["middle"] * len(mine)  # the last two lie close together
    labels = [label(x, row.top1, name, dy=-12, anchor=side) for (row, x, _), name, side in zip(mine, names, sides, strict=True)]
    low, high = min(row.top1 for row, _, _ in found), max(row.top1 for row, _, _ in found)
    y = axis("top-1 on ImageNet, %, as the paper prints", low - 1, high + 1.5, {v: f"{v:g}" for v in round_ticks(low - 1, high + 1)})
    order = sorted(range(len(found)), key=lambda i: found[i][1])
    read = stops([found[i][1] for i in order], [found[i][0].top1 for i in order], [words[i] for i in order])
    alt = f"Accuracy of {len(found)} models against {unit}. " + " ".join(
        f"{row.model}: {row.top1} % at {significant(x)}." for row, x, _ in mine
    )
    return chart_of(x=x, y=y, layers=layers, stops=read, alt=alt, labels=labels)
