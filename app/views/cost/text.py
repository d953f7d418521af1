"""The Cost page in words: headlines and HTML from plain numbers."""

import numpy as np

from app.core.glossary import linked, term
from app.core.quantities import quantity
from app.core.words import amount, percent, significant
from app.ui.bars import Bar, Part, bars
from app.views.cost import costs
from app.views.cost.charts import TERMS
from app.views.cost.costs import Choice, LayerCost
from app.views.cost.measure_job import REPEATS, Setting
from hatnet import complexity
from hatnet.timing import Measured


def headline(mhsa: float, hmhsa: float) -> str:
    """MHSA against H-MHSA, in a sentence."""
    ratio = mhsa / hmhsa
    if ratio >= 1.95:
        return f"Hierarchical attention costs 1/{ratio:.0f} of plain attention here"
    if ratio >= 1.02:
        return f"Hierarchical attention costs {100 / ratio:.0f} % of plain attention here"
    return "Here, hierarchical attention costs as much as plain attention, or more"


def _of_the_checkpoint(at: LayerCost, name: str, text: str) -> str:
    """A number that other pages show too, as long as the sizes are the checkpoint's own."""
    return quantity(name, text) if at.own else text


def lead(at: LayerCost) -> str:
    """HTML: the numbers behind the headline, and the crossover."""
    n, crossover = at.n, at.crossover
    when = f"cheaper from {crossover:,.0f} tokens on" if crossover else "never cheaper: without pooling, the global step is plain attention"
    ours, plain = _of_the_checkpoint(at, "macs-equation", amount(at.hmhsa)), _of_the_checkpoint(at, "macs-plain-equation", amount(at.mhsa))
    said = (
        f'<p class="lead">On a map of {n} × {n} = {n * n:,} [tokens](#token) (small squares of the picture), one attention [layer](#layer) '
        f"takes <b>{ours}</b> [multiply-adds](#MAC) (one multiplication and one addition) by Eq. 15, instead of <b>{plain}</b> by "
        f"Eq. 5. With [windows](#window) of {at.g1} × {at.g1} tokens and [cells](#cell) of {at.g2} × {at.g2}, its two steps (first within "
        f"the window, then over the averaged cells) are {when}.</p>"
    )
    return linked(said, "lead")


def layer_bars(at: LayerCost) -> str:
    """HTML: plain attention beside hierarchical attention, part by part, on one scale. The first picture: it needs no chart."""
    projections, products = plain_parts(at)
    names = {"projections": projections, "products": products}
    plain = [Part(value, f"muted{' pale' * (name == 'projections')}", f"{name}: {amount(value)}") for name, value in names.items()]
    ours = [Part(at.terms[name], look, f"{name}: {amount(at.terms[name])}") for name, look in TERMS.items()]
    listed = ", ".join(part.name for part in ours)
    alt = (
        f"Plain attention: {amount(at.mhsa)} multiply-adds: {', '.join(part.name for part in plain)}. "
        f"Hierarchical attention: {amount(at.hmhsa)}: {listed}."
    )
    rows = [
        Bar("Plain <small>Eq. 5</small>", plain, amount(at.mhsa)),
        Bar("Hierarchical <small>Eq. 15</small>", ours, amount(at.hmhsa)),
    ]
    return bars(rows, max(at.mhsa, at.hmhsa), alt)


def plain_parts(at: LayerCost) -> tuple[float, float]:
    """MACs of plain attention: its projections and its products (the two terms of Eq. 5)."""
    projections = 3 * at.n**2 * at.c**2
    return projections, at.mhsa - projections


def why(at: LayerCost) -> str:
    """HTML: why the cost falls less than the comparisons, and what Eq. 15 leaves out."""
    before, after = plain_parts(at)[0], at.terms["local projections"] + at.terms["global projections"]
    share, cost = at.comparisons / at.n**2, at.hmhsa / at.mhsa
    key = term("key", "why", "keys")
    keys = f"{at.comparisons:,} {key} instead of {at.n**2:,} (a key is a token or a cell that it reads)"
    paid, queries = f"{amount(after)} instead of {amount(before)}", term("query", "why", "queries")
    if cost > 1.05 * share:
        title = f"Why {percent(share)} of the comparisons cost {percent(cost)}"
        said = (
            f"Only the products (full colour) change with them. For each of the two steps, {queries}, keys and values are made, so these "
            f"projections (pale) are paid twice: {paid}"
        )
    else:
        title = f"{percent(share)} of the comparisons cost {percent(cost)}"
        said = (
            f"The products (full colour) change with them. The projections (pale), {queries}, keys and values of both steps, are paid "
            f"twice, {paid}, which makes little difference here"
        )
    return f'<p class="say"><b>{title}:</b> a token is compared with {keys}. {said}.</p>'


def counted(at: LayerCost, macs: int) -> str:
    """HTML: one layer as it is computed, against Eq. 15. macs: counted module by module."""
    edges = "" if at.n % at.g1 == at.n % at.g2 == 0 else ", and windows at the edge of the map are computed whole"
    plain = quantity("macs-plain", amount(at.mhsa + at.n**2 * at.c**2))
    return (
        f'<p class="say">As computed, this layer takes <b>{quantity("macs", amount(macs))}</b> multiply-adds, and plain attention {plain}: '
        f"both equations leave out the output projection Wᵖ, which either pays once{edges}. Grids and Equations show this count too.</p>"
    )


def one_token(near: np.ndarray | None, far: np.ndarray, tokens: int, token: tuple[int, int]) -> str:
    """HTML: what the selected token alone pays for. near, far: its weights [rows, columns], each summing to 1; near None: plain MHSA."""
    parts = [part.ravel() for part in (near, far) if part is not None]
    weights = np.sort(np.concatenate(parts))[::-1] / len(parts)
    enough = int(np.searchsorted(weights.cumsum(), 0.9) + 1)
    side = round(tokens**0.5)
    where = (
        f"On the photograph's own {side} × {side} tokens, the "
        f'<span class="query">selected token</span> (row {token[0] + 1}, column {token[1] + 1})'
    )
    if near is None:
        reads = f'reads <span class="global">all {quantity("tokens", f"{far.size:,}")} tokens</span>: the map is small enough.'
    else:
        total = near.size + far.size
        tokens_read = f"the {quantity('window-tokens', f'{near.size:,}')} token{'s' * (near.size > 1)} of its window"
        cells = f"{quantity('cells', f'{far.size:,}')} cell{'s' * (far.size > 1)}"
        more = "" if total < tokens else ": not fewer, because it reads both its window and the cells"
        reads = (
            f'reads <span class="local">{tokens_read}</span> and <span class="global">{cells}</span>: '
            f"{quantity('comparisons', f'{total:,}')} comparisons instead of {quantity('comparisons-plain', f'{tokens:,}')}{more}."
        )
    return f'<p class="say">{where} {reads} Nine tenths of its attention goes to <b>{min(enough, len(weights)):,}</b> of them.</p>'


def cheapest(most: int) -> str:
    """HTML: what Eq. 15 would choose, above the table of choices. most: the largest G2."""
    alone = (
        f"Eq. 15 alone would take G₁ = 1 and G₂ = {most}: it counts what attention costs, not what it is worth (Grids shows the accuracy)."
    )
    return f'<p class="say">{alone} If both are one G, the cheapest is about (HW + C)<sup>¼</sup>.</p>'


def choices(rows: list[Choice]) -> str:
    """HTML table: the trained G₁ and G₂ beside the cheapest common G."""
    body = "".join(
        f"<tr{' class=here' if row.selected else ''}><th scope=row>{row.name}</th><td>{row.n} × {row.n}, C {row.c}</td>"
        f"<td>{complexity.best_common_grid(row.n, row.n, row.c):.1f}</td><td>{row.g1} and {row.g2}</td></tr>"
        for row in rows
    )
    head = "<tr><th></th><th scope=col>Map</th><th scope=col>Cheapest G</th><th scope=col>Trained with</th></tr>"
    return f'<table class="words choices"><thead>{head}</thead><tbody>{body}</tbody></table>'


def conventions(count: complexity.Count, as_trained: bool) -> str:
    """HTML: both ways of counting the whole model. as_trained: with the windows and cells of the training in all stages."""
    share = 100 * count.attention / count.conv_linear
    chosen = "" if as_trained else ", with the sides that you chose,"
    return (
        f'<p class="say">One photograph through the whole model{chosen} takes <b>{amount(count.conv_linear)}</b> multiply-adds in '
        f"convolutions and linear layers (the paper’s “#FLOPs”, but for the {term('norm', 'whole', 'norms')}), "
        f"and <b>{amount(count.total)}</b>, {share:.0f} % more, with the products of attention (hatched).</p>"
    )


STAGE_LOOKS = dict(zip(costs.GROUPS, ("local", "global", "ink", "muted", "line"), strict=True))


def stage_bars(count: complexity.Count) -> str:
    """HTML: the model's MACs, stage by stage and part by part; products are hatched."""
    macs = costs.by_stage(count)
    rows, said = [], []
    for stage in sorted({stage for stage, _ in macs}, key=lambda stage: stage or 99):  # the classifier, 0, comes last
        name = "classifier" if stage == 0 else "stage 1, stem" if stage == 1 else f"stage {stage}"
        parts = []
        for group, look in STAGE_LOOKS.items():
            for value, more, word in zip(macs.get((stage, group), (0, 0)), ("", " hatched"), ("", ", products"), strict=True):
                if value:
                    parts.append(Part(value, look + more, f"{group}{word}: {amount(value)}"))
        total = amount(sum(part.value for part in parts))
        rows.append(Bar(name, parts, total))
        said.append(f"{name}: {total} ({', '.join(part.name for part in parts)})")
    most = max(sum(part.value for part in row.parts) for row in rows)
    names = {"MLP": term("MLP", "stages")}
    legend = "".join(f'<span><i class="{look}"></i>{names.get(group, group)}</span>' for group, look in STAGE_LOOKS.items())
    key = f'<div class="groups">{legend}<span><i class="muted hatched"></i>products</span></div>'
    return key + bars(rows, most, f"Multiply-adds by stage. {'; '.join(said)}.")


def timing(measured: dict[int, list[Measured]], setting: Setting, n: int) -> str:
    """HTML: the measured times beside the formulas, where the visitor is and on the largest map.

    measured: tokens down -> one for each mechanism. n: tokens down of the visitor's layer.
    """
    c, g1, g2, _ = setting
    times = {side: {one.mechanism: one.milliseconds for one in mechanisms} for side, mechanisms in measured.items()}
    near, largest = min(times, key=lambda side: (abs(side - n), side)), max(times)
    told = []
    for side in dict.fromkeys((near, largest)):
        plain, ours = times[side]["MHSA"], times[side]["H-MHSA"]
        predicted = complexity.mhsa(side, side, c) / complexity.hmhsa(side, side, c, min(g1, side), min(g2, side))
        told.append(
            f"<b>Measured at {side} × {side} tokens</b>: plain attention {significant(plain)} ms, hierarchical {significant(ours)} ms, "
            f"<b>{_times(plain / ours)}</b>; the formulas say {_times(predicted)}."
        )
    behind = [side for side, taken in times.items() if taken["H-MHSA"] >= taken["MHSA"]]
    since = min((side for side in times if side > max(behind, default=0)), default=None)  # from here on it stays ahead
    faster = f"On this machine it is faster from {since} × {since} tokens on." if since else "On none of these maps is it faster."
    overhead = "Small maps are ruled by overhead: starting two steps of many small operations takes longer than the multiply-adds."
    return f'<p class="say">{" ".join(told)} {faster} {overhead * bool(behind)} (Medians of {REPEATS} runs.)</p>'


def _times(ratio: float) -> str:
    """How much faster: 2.84 -> "2.8 times faster", 0.9 -> "1.1 times slower"."""
    factor = significant(max(ratio, 1 / ratio), 2)
    return "equally fast" if factor == "1" else f"{factor} times {'faster' if ratio > 1 else 'slower'}"
