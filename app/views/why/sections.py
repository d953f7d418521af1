"""The sections of the Why? page: the six maps with their scores, the work that is missing, and the curves."""

import numpy as np
import streamlit as st

import hatnet
from app.components.tile import tile
from app.core import checkpoints, content, overlay
from app.core.checkpoints import Checkpoint
from app.core.glossary import linked
from app.core.words import literal
from app.shell import session
from app.shell.notices import note
from app.ui import blocks, save_menu, tiles
from app.ui.chart import chart
from app.ui.token_picker import token_picker
from app.views.why import text
from app.views.why.charts import drawn
from app.views.why.evidence import NAMES, Evidence
from app.views.why.scores import TESTS, chance, score
from app.views.why.text import Chance, Scores


def one_answer_per_cell(checkpoint: Checkpoint) -> None:
    """In place of the page: why a checkpoint of cards has none, and the way to another checkpoint."""
    cells = checkpoint.config.readout
    answers = f"Checkpoint {checkpoint.name} gives {cells} × {cells}, one for each cell. Choose a checkpoint trained on photographs."
    note("This page explains one answer to a whole picture.", answers)
    if other := next((name for name in checkpoints.names() if not checkpoints.describe(name).cards), None):
        st.button(
            f"Use {literal(other)}", icon=":material/arrow_back:", type="primary", on_click=session.update, kwargs=dict(checkpoint=other)
        )
    session.publish()


def methods(evidence: Evidence) -> tuple[dict, dict]:
    """A row of all methods with the maps that are there: method -> where its map is, and where its scores will be."""
    maps, scores = {}, {}
    st.html(f'<p class="say">{text.kinds(evidence.detail)}</p>')
    with st.container(key="why_row"):
        for column, method in zip(st.columns(len(NAMES), gap="small"), NAMES, strict=True):
            with column:
                st.html(f'<p class="method"><b class="{"global" if method == "raw" else ""}">{NAMES[method]}</b></p>')
                about = content.sections("views/why/methods.md")[method]
                st.caption(text.setting(method, evidence), help=about, unsafe_allow_html=True)
                maps[method], scores[method] = st.empty(), st.empty()
                draw_map(maps[method], evidence, method)
    return maps, scores


def draw_map(slot, evidence: Evidence, method: str) -> None:
    """A method's map on the photograph, or why it is not there (yet)."""
    with slot.container():
        if not evidence.exists(method):
            _no_map(text.no_map(evidence))
        elif (values := evidence.importance(method)) is None:
            _no_map("Stopped" if session.visit().stopped else "Waiting")
        else:
            tile(
                key=f"why_{method}",
                photo=blocks.photo_id(session.picture(), exact=False),
                drawn=tiles.uncovered(values, _ring(evidence, method)),
                alt=overlay.uncovered_alt(NAMES[method], values),
                group="why",
                enter="draws its curves",
                choose=lambda _: setattr(session.visit(), "curves_of", method),
            )


def _no_map(reason: str) -> None:
    st.html(f'<div class="nothing small"><span>{reason}</span></div>')


def _ring(evidence: Evidence, method: str) -> tuple[float, float] | None:
    """Where a map starts, as fractions (y, x), if it starts from one token."""
    return hatnet.place_of(evidence.token, evidence.far.query_grid) if method in ("raw", "hops") else None


def scale():
    """How dark the maps are, and the glossary. Returns where Save will be."""
    with st.container(key="why_scale", horizontal=True, vertical_alignment="center", gap="small"):
        bare = f"most important: shown fully where a square has {overlay.FULL} times an even share or more. All maps share this scale."
        st.html(f'<p class="veil">least <i></i> {bare}</p>', width="stretch")
        slot = st.container(width="content")
        blocks.letters()
    return slot


def token_choice(evidence: Evidence) -> None:
    far, question = evidence.far, evidence.question
    local = evidence.maps.get((question.stage, question.block, "local"))
    g1 = far.g1 if local and local.layout.kind == "window" else None
    strongest = int((far.row if far.layout.pooled else far.on_grid)(*evidence.token).mean(0).argmax())
    st.html('<p class="title">From which token?</p>')
    token_picker(key="why_picker", side=far.query_grid[0], g1=g1, cell=far.layout.pool, strongest=strongest)
    said = linked("Choose another: raw attention, [two hops](#two_hops) and their scores change, but the answer does not.", "token")
    st.caption(said, unsafe_allow_html=True)


def work(evidence: Evidence, maps: dict, job: tuple) -> None:
    """Work out what is missing, and show each map once it is there; or say that a visitor stopped this job."""
    if session.visit().stopped:
        waiting = len(evidence.missing())
        note("Stopped.", f"Results still missing: {waiting}, among them the maps marked “Stopped” and all scores. The others are kept.")
        st.button("Continue", key="why_go_on", type="primary", on_click=_stop, args=(None,))
        return
    with st.container(key="work"):
        bar = st.progress(0.0, "Getting ready")
        st.button("Cancel", key="why_cancel", on_click=_stop, args=(job,))
        for name in evidence.work(lambda done, label: bar.progress(done, f"{label} …")):
            if name in maps:
                draw_map(maps[name], evidence, name)


def _stop(job: tuple | None) -> None:
    session.visit().stopped = job


def scores_of(evidence: Evidence) -> Scores:
    """The scores of every method whose curves are there."""
    curves = {method: evidence.curves(method) for method in NAMES if evidence.exists(method)}
    return {method: _both(pair) for method, pair in curves.items() if pair is not None}


def _both(pair: np.ndarray) -> tuple[float, float]:
    """The scores in both TESTS of curves [2, points]."""
    return score(pair[0]), score(pair[1])


def chance_of(evidence: Evidence) -> Chance:
    random = evidence.curves("random")
    return chance(random[:, 0]), chance(random[:, 1])


def tests(evidence: Evidence, answer: str, random: Chance) -> None:
    """Both tests, the score and chance, in words."""
    empty, *_, whole = evidence.curves("raw")[0].tolist()
    st.html(text.tests(answer, random, empty, whole))


def charts(evidence: Evidence, found: Scores, answer: str) -> None:
    """The curves of both tests, for raw attention and one other method: the best, until another is chosen here or by a click on its map."""
    best = max(found, key=lambda method: found[method][0])
    key, clicked = f"why_curves_{best}", session.visit().curves_of
    session.visit().curves_of = None
    st.session_state.setdefault(key, best)
    if clicked in found:
        st.session_state[key] = clicked
    shown = st.segmented_control("Curves of", list(found), format_func=NAMES.get, key=key, required=True, wrap=True)
    for index, (column, test) in enumerate(zip(st.columns(2, gap="medium"), TESTS, strict=True)):
        with column:
            blocks.heading(f"{test.capitalize()}, highest first", text.DIRECTIONS[test].strip("←→ "))
            chosen, raw, untrained = (evidence.curves(name)[index] for name in (shown, "raw", "learned nothing"))
            random = evidence.curves("random")[:, index]
            chart(key=f"why_{index}", drawn=drawn(test, answer, (NAMES[shown], chosen), raw, random, untrained))


def control(evidence: Evidence, found: Scores) -> None:
    """Whether the tests can be trusted."""
    st.html(text.control(untrained(evidence), found["occlusion"]))


def untrained(evidence: Evidence) -> tuple[float, float]:
    """The scores of Occlusion with random weights."""
    return _both(evidence.curves("learned nothing"))


def save(evidence: Evidence, found: Scores) -> None:
    """The maps, 1 where a square has its even share, and the curves of all."""
    things = []
    for method in found:
        shares = overlay.times_even(evidence.importance(method))
        things.append(save_menu.Map(name=NAMES[method], values=shares, kind="uncovered", most=overlay.FULL, ring=_ring(evidence, method)))
    steps = evidence.curves("raw").shape[-1] - 1
    columns = {"squares, %": [round(100 * step / steps, 2) for step in range(steps + 1)]}
    for index, test in enumerate(TESTS):
        for method in found:
            columns[f"{NAMES[method]}, {test}"] = evidence.curves(method)[index].tolist()
        columns[f"Random maps, median, {test}"] = np.median(evidence.curves("random")[:, index], axis=0).tolist()
        columns[f"Occlusion, untrained model, {test}"] = evidence.curves("learned nothing")[index].tolist()
    save_menu.save(*things, save_menu.Table(name="Curves", columns=columns))
