"""How one would choose G1 and G2: the accuracy of every measured setting against its MACs, and the edge that no setting beats."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.words import amount, short_amount
from app.ui.chart import axis, chart_of, label, layer, round_ticks, stops

Sides = tuple[int, ...]  # of all hierarchical stages


@dataclass(frozen=True)
class Measured:
    """A setting that benchmarks/grids.py tried."""

    stage: int | str | None  # the one that varies, by the paper's number; "all"; None as trained
    g1: Sides
    g2: Sides
    accuracy: float  # 0..1
    macs: int  # of the whole model

    @property
    def name(self) -> str:
        """Which stage has which sides."""
        if self.stage is None:
            return "as trained"
        if self.stage == "all":
            return f"all stages, G₁ = {', '.join(map(str, self.g1))} and G₂ = {', '.join(map(str, self.g2))}"
        index = int(self.stage) - 2  # stage 1 is the stem
        return f"stage {self.stage}, G₁ = {self.g1[index]} and G₂ = {self.g2[index]}"


def settings_of(file: dict) -> list[Measured]:
    """All rows of a `*.grids.json`, the cheapest first; of equal cost, the most accurate first."""
    found = [Measured(row["stage"], tuple(row["g1"]), tuple(row["g2"]), row["accuracy"], row["macs"]) for row in file["rows"]]
    return sorted(found, key=lambda one: (one.macs, -one.accuracy))


def edge(settings: Sequence[Measured]) -> list[Measured]:
    """The Pareto edge of settings in the order of `settings_of`: those more accurate than everything that costs as much or less."""
    found: list[Measured] = []
    for one in settings:
        if not found or one.accuracy > found[-1].accuracy:
            found.append(one)
    return found


def as_good(settings: Sequence[Measured], error: float) -> Measured:
    """The cheapest setting whose accuracy is at most `error` below the trained one's."""
    least = trained(settings).accuracy - error
    return next(one for one in settings if one.accuracy >= least)


def trained(settings: Sequence[Measured]) -> Measured:
    return next(one for one in settings if one.stage is None)


def drawn(settings: Sequence[Measured], stage: int, a: tuple[Sides, Sides], b: tuple[Sides, Sides]) -> dict:
    """Accuracy against MACs. stage: the one whose dots are dark; a, b: (G1, G2) of all stages for the two settings compared."""
    best, star = edge(settings), trained(settings)

    def dots(look: str, name: str, of: Sequence[Measured]) -> dict:
        return layer("dots", look, [one.macs for one in of], [_wrong(one) for one in of], name)

    steps = [point for one, after in zip(best, [*best[1:], None], strict=True) for point in _step(one, after, settings[-1].macs)]
    layers = [
        layer("line", "ink thin", *zip(*steps, strict=True), name="edge: nothing cheaper is as accurate"),
        dots("muted pale", "other stages", [one for one in settings if one.stage not in (stage, None)]),
        dots("ink", f"stage {stage}", [one for one in settings if one.stage == stage]),
        dots("ink large", "as trained", [star]),
    ]
    named = {one: name for one in settings if (name := "A" * ((one.g1, one.g2) == a) + "B" * ((one.g1, one.g2) == b))}
    labels = [label(one.macs, _wrong(one), name, dy=-10) for one, name in named.items()]
    layers += [dots("query open", "", list(named))] if named else []
    low, high = settings[0].macs, settings[-1].macs
    least, most = (pick(map(_wrong, settings)) for pick in (min, max))
    across = {value: short_amount(value) for value in round_ticks(low, high)}
    x = axis("multiply-adds of the whole model", low / 1.04, high * 1.04, across, log=True)
    # By what is wrong, so that 90 and 95 % lie as far apart as 80 and 90 %.
    up = {100 - right: f"{right:g}" for right in round_ticks(100 - 1.1 * most, 100 - least / 1.1) if right < 100}
    y = axis("right, %", 1.1 * most, least / 1.1, up, log=True)
    words = [f"{one.name[0].upper()}{one.name[1:]}: {100 * one.accuracy:.1f} % right, {amount(one.macs)} multiply-adds" for one in settings]
    words = [text + ", on the edge" * (one in best) for text, one in zip(words, settings, strict=True)]
    compared = "; ".join(f"{name} is {one.name}: {100 * one.accuracy:.1f} % for {amount(one.macs)}" for one, name in named.items())
    alt = (
        f"Accuracy of {len(settings)} settings against their multiply-adds, {len(best)} of them on the edge: from {best[0].accuracy:.1%} "
        f"for {amount(best[0].macs)} to {best[-1].accuracy:.1%} for {amount(best[-1].macs)}. {compared}."
    )
    points = [one.macs for one in settings], [_wrong(one) for one in settings]
    return chart_of(x=x, y=y, layers=layers, stops=stops(*points, words), alt=alt, labels=labels)


def _wrong(one: Measured) -> float:
    """What a setting gets wrong, in %; never 0, because the axis is logarithmic."""
    return max(100 * (1 - one.accuracy), 0.1)


def _step(one: Measured, after: Measured | None, most: int) -> list[tuple[float, float]]:
    """The edge from a setting to the next one: level, as long as nothing more accurate can be had."""
    return [(one.macs, _wrong(one)), (after.macs if after else most, _wrong(one))]
