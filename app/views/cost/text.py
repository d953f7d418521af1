"""The Cost view in words: HTML and headlines from plain numbers."""

import numpy as np

from app.views.cost.charts import amount
from app.views.cost.measure_job import REPEATS, Job
from hatnet import complexity


def headline(full: float, ours: float) -> str:
    """MHSA against H-MHSA, in a sentence."""
    ratio = full / ours
    if ratio >= 1.95:
        return f"Two small looks cost 1/{ratio:.0f} of one full look"
    if ratio >= 1.02:
        return f"Two small looks cost {100 / ratio:.0f} % of one full look"
    return "Here, two small looks cost as much as one full look, or more"


def lead(n: int, full: float, ours: float, crossing: float | None) -> str:
    """HTML: the numbers behind the headline, and the crossover."""
    when = f"cheaper from {crossing:,.0f} tokens" if crossing else "never cheaper: without pooling the second look is a full one"
    return (
        f'<p class="lead">At {n} × {n} = {n * n:,} tokens, one layer takes <b>{amount(ours)}</b> multiply-adds instead of '
        f"<b>{amount(full)}</b>. With this window and this cell, looking twice is {when}.</p>"
    )


def bars(full: float, terms: dict[str, float]) -> str:
    """HTML: one full look beside two small looks, part by part, on one scale. The first picture: it needs no chart library."""
    most, ours = max(full, sum(terms.values())), sum(terms.values())
    kinds = dict(zip(terms, ("local pale", "local", "global pale", "global"), strict=True))
    widths = {name: f"width:{100 * macs / most:.2f}%" for name, macs in terms.items()}
    parts = "".join(f'<i class="{kinds[name]}" style="{widths[name]}" title="{name}: {amount(terms[name])}"></i>' for name in terms)
    said = ", ".join(f"{name} {amount(macs)}" for name, macs in terms.items())
    return (
        f'<div class="looks" role="img" aria-label="One full look: {amount(full)} multiply-adds. Two small looks: {amount(ours)}: {said}.">'
        f'<span>One full look <small>Eq. 5</small></span><span class="track"><i style="width:{100 * full / most:.2f}%"></i></span>'
        f"<b>{amount(full)}</b><span>Two small looks <small>Eq. 15</small></span>"
        f'<span class="track">{parts}</span><b>{amount(ours)}</b></div>'
    )


def token(near: np.ndarray | None, far: np.ndarray, tokens: int, place: tuple[int, int]) -> str:
    """HTML: what the selected token alone pays for. near, far: its weights [rows, columns], each summing to 1; near None: plain MHSA."""
    parts = [part.ravel() for part in (near, far) if part is not None]
    weights = np.sort(np.concatenate(parts))[::-1] / len(parts)
    enough = int(np.searchsorted(weights.cumsum(), 0.9) + 1)
    where = f'The <span class="query">selected token</span> (row {place[0] + 1}, column {place[1] + 1})'
    if near is None:
        asks = f'asks <span class="global">all {far.size} tokens</span>: the map is small enough.'
    else:
        asks = (
            f'asks <span class="local">{near.size} neighbours</span> and <span class="global">{far.size} cells</span>: '
            f"{near.size + far.size} comparisons instead of {tokens:,}."
        )
    return f'<p class="say">{where} {asks} Nine tenths of its attention lie on <b>{min(enough, len(weights))}</b> of them.</p>'


def choices(rows: list[tuple[str, int, int, int, int, bool]]) -> str:
    """HTML table: what was chosen beside the cheapest common G. rows: of `app.layer.chosen`."""
    body = "".join(
        f"<tr{' class=here' if here else ''}><th scope=row>{name}</th><td>{n} × {n}, C {c}</td>"
        f"<td>{complexity.best_common_grid(n, n, c):.1f}</td><td>{g1} and {g2}</td></tr>"
        for name, n, c, g1, g2, here in rows
    )
    head = "<tr><th></th><th scope=col>Map</th><th scope=col>Cheapest G</th><th scope=col>G₁ and G₂ chosen</th></tr>"
    return f'<table class="words choices"><thead>{head}</thead><tbody>{body}</tbody></table>'


def conventions(counted: complexity.Count) -> str:
    """HTML: both ways of counting the whole model."""
    share = 100 * counted.attention / counted.conv_linear
    return (
        f'<p class="say">One photograph through the whole model: <b>{amount(counted.conv_linear)}</b> multiply-adds as the paper '
        f"counts its “#FLOPs” (convolutions and linear layers), <b>{amount(counted.total)}</b> with the products of attention "
        f"(hatched), {share:.0f} % more.</p>"
    )


def conventions_alt(counted: complexity.Count) -> str:
    """The bars of the whole model, for readers who cannot see them."""
    stages = sorted({row.stage for row in counted.rows if row.stage})
    each = ", ".join(f"stage {stage}: {amount(sum(row.macs for row in counted.rows if row.stage == stage))}" for stage in stages)
    return f"Bars of multiply-adds. {each}."


def measured(job: Job) -> str:
    """HTML: what the clock says beside the formulas."""
    times = {n: {one.mechanism: one.milliseconds for one in found} for n, found in job.found.items()}
    side = max(times)
    full, ours = times[side]["MHSA"], times[side]["H-MHSA"]
    slower = [n for n, taken in times.items() if taken["H-MHSA"] >= taken["MHSA"]]
    since = min((n for n in times if n > max(slower, default=0)), default=None)  # from here on it stays ahead
    overtakes = f"is ahead from {since} × {since} tokens on" if since else f"does not overtake up to {side} × {side} tokens"
    c, g1, g2, _ = job.setting
    counted = complexity.mhsa(side, side, c) / complexity.hmhsa(side, side, c, min(g1, side), min(g2, side))
    return (
        f'<p class="say">Measured at {side} × {side} tokens: plain attention <b>{full:.3g} ms</b>, H-MHSA <b>{ours:.3g} ms</b> (median of '
        f"{REPEATS}). The clock says ÷ {full / ours:.2g}, the formulas ÷ {counted:.2g}. Here H-MHSA {overtakes}.</p>"
    )
