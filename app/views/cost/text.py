"""The Cost page in words: headlines and HTML from plain numbers."""

import numpy as np

from app.core.words import significant
from app.views.cost.charts import amount
from app.views.cost.costs import Choice
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


def lead(n: int, mhsa: float, hmhsa: float, crossover: float | None) -> str:
    """HTML: the numbers behind the headline, and the crossover."""
    when = f"cheaper from {crossover:,.0f} tokens on" if crossover else "never cheaper: without pooling, the global step is plain attention"
    return (
        f'<p class="lead">At {n} × {n} = {n * n:,} tokens, one layer takes <b>{amount(hmhsa)}</b> multiply-adds instead of '
        f"<b>{amount(mhsa)}</b>. With this window and this cell, hierarchical attention (two small steps) is {when}.</p>"
    )


def bars(mhsa: float, terms: dict[str, float]) -> str:
    """HTML: plain attention beside hierarchical attention, part by part, on one scale. The first picture: it needs no chart library."""
    hmhsa = sum(terms.values())
    most = max(mhsa, hmhsa)
    kinds = ("local pale", "local", "global pale", "global")
    parts = "".join(
        f'<i class="{kind}" style="width:{100 * macs / most:.2f}%" title="{name}: {amount(macs)}"></i>'
        for kind, (name, macs) in zip(kinds, terms.items(), strict=True)
    )
    listed = ", ".join(f"{name} {amount(macs)}" for name, macs in terms.items())
    alt = f"Plain attention: {amount(mhsa)} multiply-adds. Hierarchical attention: {amount(hmhsa)}: {listed}."
    return (
        f'<div class="looks" role="img" aria-label="{alt}">'
        f'<span>Plain <small>Eq. 5</small></span><span class="track"><i style="width:{100 * mhsa / most:.2f}%"></i></span>'
        f"<b>{amount(mhsa)}</b><span>Hierarchical <small>Eq. 15</small></span>"
        f'<span class="track">{parts}</span><b>{amount(hmhsa)}</b></div>'
    )


def one_token(near: np.ndarray | None, far: np.ndarray, tokens: int, token: tuple[int, int]) -> str:
    """HTML: what the selected token alone pays for. near, far: its weights [rows, columns], each summing to 1; near None: plain MHSA."""
    parts = [part.ravel() for part in (near, far) if part is not None]
    weights = np.sort(np.concatenate(parts))[::-1] / len(parts)
    enough = int(np.searchsorted(weights.cumsum(), 0.9) + 1)
    where = f'The <span class="query">selected token</span> (row {token[0] + 1}, column {token[1] + 1})'
    if near is None:
        reads = f'reads <span class="global">all {far.size} tokens</span>: the map is small enough.'
    else:
        tokens_read = f"the {near.size} token{'s' * (near.size > 1)} of its window"
        reads = (
            f'reads <span class="local">{tokens_read}</span> and <span class="global">{far.size} cells</span>: '
            f"{near.size + far.size} comparisons instead of {tokens:,}."
        )
    return f'<p class="say">{where} {reads} Nine tenths of its attention goes to <b>{min(enough, len(weights))}</b> of them.</p>'


def cheapest(most: int) -> str:
    """HTML: what Eq. 15 would choose, above the table of choices. most: the largest G2."""
    alone = f"Eq. 15 alone would take G₁ = 1 and G₂ = {most}: it counts what attention costs, not what it is worth."
    return f'<p class="say">{alone} Below: the cheapest common G, about (HW + C)<sup>¼</sup>, beside the G₁ and G₂ used in training.</p>'


def choices(rows: list[Choice]) -> str:
    """HTML table: the trained G₁ and G₂ beside the cheapest common G."""
    body = "".join(
        f"<tr{' class=here' if row.selected else ''}><th scope=row>{row.name}</th><td>{row.n} × {row.n}, C {row.c}</td>"
        f"<td>{complexity.best_common_grid(row.n, row.n, row.c):.1f}</td><td>{row.g1} and {row.g2}</td></tr>"
        for row in rows
    )
    head = "<tr><th></th><th scope=col>Map</th><th scope=col>Cheapest G</th><th scope=col>Trained with</th></tr>"
    return f'<table class="words choices"><thead>{head}</thead><tbody>{body}</tbody></table>'


def conventions(count: complexity.Count) -> str:
    """HTML: both ways of counting the whole model."""
    share = 100 * count.attention / count.conv_linear
    return (
        f'<p class="say">One photograph through the whole model takes <b>{amount(count.conv_linear)}</b> multiply-adds in '
        f"convolutions and linear layers (the paper’s “#FLOPs”, but for the norms), and <b>{amount(count.total)}</b>, "
        f"{share:.0f} % more, with the products of attention (hatched).</p>"
    )


def conventions_alt(count: complexity.Count) -> str:
    """The bars of the whole model, for readers who cannot see them."""
    stages = sorted({row.stage for row in count.rows if row.stage})
    each = ", ".join(f"stage {stage}: {amount(sum(row.macs for row in count.rows if row.stage == stage))}" for stage in stages)
    return f"Bars of multiply-adds. {each}."


def timing(measured: dict[int, list[Measured]], setting: Setting) -> str:
    """HTML: the measured times beside the formulas. measured: tokens down -> one for each mechanism."""
    times = {side: {one.mechanism: one.milliseconds for one in mechanisms} for side, mechanisms in measured.items()}
    side = max(times)
    mhsa, hmhsa = times[side]["MHSA"], times[side]["H-MHSA"]
    slower = [n for n, taken in times.items() if taken["H-MHSA"] >= taken["MHSA"]]
    since = min((n for n in times if n > max(slower, default=0)), default=None)  # from here on it stays ahead
    faster = f"is faster from {since} × {since} tokens on" if since else f"is not yet faster at {side} × {side} tokens"
    c, g1, g2, _ = setting
    counted = complexity.mhsa(side, side, c) / complexity.hmhsa(side, side, c, min(g1, side), min(g2, side))
    plain, ours = significant(mhsa), significant(hmhsa)
    clock, formulas = significant(mhsa / hmhsa, 2), significant(counted, 2)
    return (
        f'<p class="say">Measured at {side} × {side} tokens: plain attention <b>{plain} ms</b>, H-MHSA <b>{ours} ms</b> (median of '
        f"{REPEATS}). By the clock plain attention costs {clock} times as much, by the formulas {formulas} times. "
        f"Here H-MHSA {faster}.</p>"
    )
