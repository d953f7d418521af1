"""Pieces of the Why? page: HTML, and the sentences that the scores decide."""

import html

import numpy as np
import streamlit as st

import hatnet
from app.components.tile import tile
from app.core import checkpoints, content, overlay
from app.core.checkpoints import Checkpoint
from app.core.samples import Sample, label_of
from app.shell import session
from app.shell.notices import note
from app.ui import blocks, save_menu, tiles
from app.views.why.evidence import NAMES, Evidence
from app.views.why.scores import Chance, against, alt, chance, chart, score

KINDS = ("put back", "removed")  # insertion, deletion: the order of the curves


def one_answer_a_cell(known: Checkpoint) -> None:
    """What a view of the one answer to a whole photograph says of a checkpoint of cards, and the way to another."""
    cells = known.config.readout
    text = f"Checkpoint {known.name} gives {cells} × {cells}, one for each cell. Choose a checkpoint of photographs."
    note("This page explains one answer to a whole picture.", text)
    others = [name for name in checkpoints.names() if not checkpoints.describe(name).cards]
    if others:
        label, change = f"Use {others[0]}", dict(checkpoint=others[0])
        st.button(label, icon=":material/arrow_back:", type="primary", on_click=session.update, kwargs=change)
    session.publish()


def heading(method: str, evidence: Evidence) -> None:
    q = evidence.question
    small = {
        "raw": f"one token, block {q.stage}.{q.block + 1}",
        "hops": f"one token, block {q.stage}.{q.block + 1}",
        "rollout": "all blocks",
        "gradients": "pixels",
        "cam": f"features of stage {q.stage}",
        "occlusion": "squares hidden",
    }[method]
    kind = "global" if method == "raw" else ""
    st.html(f'<p class="method"><b class="{kind}">{NAMES[method]}</b></p>')
    st.caption(small, help=content.sections("views/why/methods.md")[method])


def placeholder(text: str) -> None:
    st.html(f'<div class="nothing small"><span>{text}</span></div>')


def not_there(evidence: Evidence) -> str:
    if evidence.far.weights is None:
        return "Too many weights with these grids: a smaller window or larger cells bring it back."
    return f"Stage {evidence.question.stage} has no local step, so there is one hop: raw attention."


def ring(evidence: Evidence, method: str) -> tuple[float, float] | None:
    """Where a map starts from, as fractions (y, x), if it does start from one token."""
    return hatnet.place_of(evidence.token, evidence.far.query_grid) if method in ("raw", "hops") else None


def picture(slot, evidence: Evidence, method: str) -> None:
    """A method's map on the photograph, or why it is not there (yet)."""
    with slot.container():
        if not evidence.exists(method):
            placeholder(not_there(evidence))
        elif (values := evidence.importance(method)) is None:
            placeholder("Stopped" if session.visit().stopped else "Waiting")
        else:
            tile(
                key=f"why_{method}",
                photo=blocks.photo_id(session.picture(), exact=False),
                drawn=tiles.uncovered(values, ring(evidence, method)),
                alt=overlay.uncovered_alt(NAMES[method], values),
                group="why",
                enter="draws its curves",
                choose=lambda _: setattr(session.visit(), "curves_of", method),
            )


def curves(evidence: Evidence, found: dict[str, tuple[float, float]]) -> None:
    """The two charts, for raw attention and one other method: the best, until another is chosen here or by a click on its map."""
    random, names = evidence.curves("random"), list(found)
    best = max(found, key=lambda method: found[method][0])
    key, visit = f"why_curves_{best}", session.visit()
    wanted, visit.curves_of = visit.curves_of, None
    st.session_state.setdefault(key, best)
    if wanted in names:
        st.session_state[key] = wanted
    shown = st.segmented_control("Curves of", names, format_func=NAMES.get, key=key, required=True, wrap=True)
    legend(shown)
    most = top(evidence, names)
    for index, (column, kind) in enumerate(zip(st.columns(2, gap="medium"), KINDS, strict=True)):
        with column:
            blocks.heading(f"{kind.capitalize()}, best first", f"a good map {('rises', 'falls')[index]} early")
            mine, raw, nothing = (evidence.curves(which)[index] for which in (shown, "raw", "learned nothing"))
            pair = NAMES[shown], mine
            figure = chart(kind, pair, raw, random[:, index], nothing, blocks.palette(), most)
            blocks.plot(figure, alt(kind, pair, raw, random[:, index]), name=f"why_{index}")


def save(evidence: Evidence, found: dict[str, tuple[float, float]]) -> None:
    """The six maps in times an even share, and the curves of all."""
    things = []
    for method in found:
        shares = overlay.times_even(evidence.importance(method))
        things.append(save_menu.Map(name=NAMES[method], values=shares, kind="uncovered", most=overlay.FULL, ring=ring(evidence, method)))
    steps = evidence.curves("raw").shape[-1] - 1
    columns = {"squares, %": [round(100 * step / steps, 2) for step in range(steps + 1)]}
    for index, kind in enumerate(KINDS):
        for method in found:
            columns[f"{NAMES[method]}, {kind}"] = evidence.curves(method)[index].tolist()
        columns[f"Random maps, median, {kind}"] = np.median(evidence.curves("random")[:, index], axis=0).tolist()
        columns[f"Occlusion, random weights, {kind}"] = evidence.curves("learned nothing")[index].tolist()
    save_menu.save(*things, save_menu.Table(name="Curves", columns=columns))


def scores(evidence: Evidence) -> dict[str, tuple[float, float]]:
    """(put back, removed) of every method whose curves are there."""
    found = {name: evidence.curves(name) for name in NAMES if evidence.exists(name)}
    return {name: (score(pair[0]), score(pair[1])) for name, pair in found.items() if pair is not None}


def chances(evidence: Evidence) -> tuple[Chance, Chance]:
    random = evidence.curves("random")
    return chance(random[:, 0]), chance(random[:, 1])


def meter(method: str, pair: tuple[float, float], random: tuple[Chance, Chance], most: float) -> None:
    """A method's two scores; the bar is the first, its tick is chance."""
    kind = "raw" if method == "raw" else ""
    st.html(
        f'<div class="meter {kind}"><b>{pair[0]:.2f}</b><span class="track"><i style="width:{100 * pair[0] / most:.1f}%"></i>'
        f'<u style="left:{100 * random[0].middle / most:.1f}%"></u></span></div>'
        f'<p class="removed">{against(pair[0], random[0])}<br>removed: {pair[1]:.2f}</p>'
    )


def wrong(sample: Sample | None, known: Checkpoint, name: str) -> str:
    """A sentence where the answer to be explained is not what the photograph shows; nothing where it is, or nobody knows."""
    if sample is None or label_of(sample, known.classes) == name:
        return ""
    return f"The photograph shows {html.escape(sample.subject)}: what made the model say “{html.escape(name)}”? "


def lead(name: str, found: dict[str, tuple[float, float]], random: tuple[Chance, Chance]) -> str:
    """What the scores say, as HTML."""
    best, raw, quoted = max(found, key=lambda method: found[method][0]), found["raw"][0], f"“{html.escape(name)}”"
    begin = "A weight says where a token looks, not what decides. Put squares back on an empty picture, those that a map ranks high first: "
    mine = f'<span class="global">raw attention</span> scores {raw:.2f}, {against(raw, random[0])} ({random[0].middle:.2f})'
    if best == "raw":
        return begin + f"{mine}, and here best of all: the luck of this token, so choose others and see it fall."
    return begin + f"<b>{NAMES[best]}</b> brings {quoted} back best ({found[best][0]:.2f}); {mine}."


def how_to_read(evidence: Evidence, found: dict[str, tuple[float, float]], random: tuple[Chance, Chance]) -> None:
    nothing = score(evidence.curves("learned nothing")[0])
    tells = found["occlusion"][0] > nothing
    removed = against(found["raw"][1], random[1], higher_is_better=False)
    st.html(
        f'<div class="note"><b>How to read the scores.</b> A score is the mean probability along a curve: high is good while squares are '
        f"put back, low while they are removed. The tick marks chance: {random[0].middle:.2f}, the median of 12 random maps. "
        f"Occlusion of a model with <b>random weights</b> scores {nothing:.2f} against {found['occlusion'][0]:.2f}, so the meter "
        f"{'can tell a model that has learned from one that has not' if tells else 'cannot tell here that this model has learned'}. "
        f"While squares are <b>removed</b>, raw attention ({found['raw'][1]:.2f}) is {removed} ({random[1].middle:.2f}): read both.</div>"
    )


def legend(shown: str) -> None:
    first = "" if shown == "raw" else f'<span><i class="line"></i>{NAMES[shown]}</span>'
    st.html(
        f'<div class="lines">{first}<span><i class="line raw"></i>Raw attention</span><span><i class="line band"></i>Random maps, '
        '10 to 90 %</span><span><i class="line dash"></i>Occlusion, random weights</span></div>'
    )


def top(evidence: Evidence, names: list[str]) -> float:
    """The top of both axes: a little above the highest point."""
    curves = [evidence.curves(name) for name in (*names, "learned nothing")]
    return min(1.0, 1.05 * max(float(np.max(curve)) for curve in curves))
