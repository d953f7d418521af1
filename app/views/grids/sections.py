"""Pieces of the Grids page: HTML, and the sentences that the numbers decide."""

import html
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

import hatnet
from app.components.tile import tile
from app.core import checkpoints, inference, overlay, words
from app.core.checkpoints import Checkpoint
from app.core.words import percent
from app.shell import session
from app.shell.notices import note
from app.ui import blocks, save_menu, tiles
from app.views.grids import comparison
from app.views.grids.accuracy import Measured, Setting, accuracy_cells, measurable, measured_grids, of_stage
from app.views.grids.accuracy_grid import accuracy_grid
from hatnet.complexity import Count

KINDS = ("local", "global")
MACS = "Convolutions, linear layers and the products of attention are counted module by module, not by Eq. 15, which leaves some out."


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two settings that are compared, and what the model does with it."""

    setting: Setting
    probabilities: np.ndarray  # [classes]
    shares: dict[str, np.ndarray]  # local and global: weights per token, [side, side]
    strongest: int  # index of the strongest cell, row by row
    cost: Count
    stage: int  # the paper's number
    accuracy: float | None  # 0..1; None: not measured

    def answer(self, known: Checkpoint) -> str:
        return known.classes[self.probabilities.argmax()]

    @property
    def attention(self) -> int:
        """MACs of the stage's attention, projections and products."""
        return sum(row.macs for row in self.cost.rows if row.stage == self.stage and ".attn." in row.name)

    def top(self) -> float:
        return float(self.probabilities.max())


def with_setting(setting: Setting, measured: Measured | None) -> Side:
    """The visitor's state with other grids in its stage; the other stages keep theirs."""
    view, known = session.view(), session.checkpoint()
    index, grid = known.config.stages.index(view.stage), (known.grid(view.stage),) * 2

    def put(grids: tuple[int, ...], value: int) -> tuple[int, ...]:
        return *grids[:index], value, *grids[index + 1 :]

    g1, g2 = put(view.g1, setting[0]), put(view.g2, setting[1])
    seen = inference.attention(session.picture(), known, replace(view, g1=g1, g2=g2))

    near, far = (seen.weights(view, kind) for kind in KINDS)
    window = hatnet.window_of(hatnet.token_at(view.place, grid), grid, setting[0])
    shares = {"local": overlay.in_window(near, window, grid), "global": overlay.over_tokens(far, setting[1], grid)}
    trained = put(view.g1, known.config.g1[index]), put(view.g2, known.config.g2[index])
    comparable = measured and trained == (known.config.g1, known.config.g2)  # the file varies one stage at a time
    accuracy = measured.cells.get(setting) if comparable else None
    return Side(setting, seen.probabilities, shares, int(far.argmax()), inference.macs(known, g1, g2), view.stage, accuracy)


def actions(index: int, now: comparison.Pair) -> None:
    """What can be done with A and B."""
    same, look = now.a == now.b, dict(type="tertiary", args=(index,))
    with st.container(key="pins", horizontal=True, vertical_alignment="center", gap="medium"):
        st.button("Pin B as A", key="pin", icon=":material/keep:", disabled=same, on_click=comparison.pin, **look)
        st.button("Swap A and B", key="swap", icon=":material/swap_horiz:", disabled=same, on_click=comparison.swap, **look)
        trained = now.a == now.trained or now.example
        st.button("A as trained", key="unpin", icon=":material/star:", disabled=trained, on_click=comparison.unpin, **look)
        st.button("Undo", key="undo", icon=":material/undo:", disabled=not now.can_undo, on_click=comparison.undo, **look)
        blocks.letters()


def side_by_side(a: Side, b: Side, trained: Setting) -> None:
    """Two rows, local and global: A, B and their difference, each row on one scale per token."""
    photo, grid = blocks.photo_id(session.picture(), exact=False), a.shares["local"].shape
    token = hatnet.token_at(session.view().place, grid)
    look = dict(photo=photo, group="grids", enter="makes it the query", choose=lambda place: session.update(place=place))
    for kind in KINDS:
        difference = b.shares[kind] - a.shares[kind]
        most = float(max(a.shares[kind].max(), b.shares[kind].max()))
        gap = float(np.abs(difference).max())
        row_title(kind, most, gap)
        with st.container(key=f"three_{kind}"):
            columns = st.columns(3, gap="small")
        for column, name, side in zip(columns, ("A", "B"), (a, b), strict=False):
            which = KINDS.index(kind)
            chosen, star = side.setting[which], " ★" if side.setting[which] == trained[which] else ""
            boxes = [hatnet.window_of(token, grid, chosen)] if kind == "local" else overlay.cells(chosen, grid)
            with column:
                st.html(f'<p class="method"><b>{name}</b> <small>{("G₁", "G₂")[which]} = {chosen}{star}</small></p>')
                alt = words.alt(f"{name}, {kind}: weights per token.", side.shares[kind])
                tile(key=f"{kind}_{name}", drawn=tiles.compared(side.shares[kind], kind, most, token, boxes), alt=alt, **look)
        with columns[2]:
            st.html('<p class="method"><b>B − A</b> <small>colour: more in B</small></p>')
            alt = f"Difference of the {kind} weights per token, B minus A: from {points(difference.min())} to {points(difference.max())}."
            drawn = tiles.compared(difference, kind, max(gap, 1e-6), token, [], signed=True)
            tile(key=f"{kind}_difference", drawn=drawn, alt=alt, **look)


def save(a: Side, b: Side, measured: Measured | None) -> None:
    """The six maps in shares of the attention per token, on their rows' scales, and the accuracies."""
    grid, things = a.shares["local"].shape, []
    ring = hatnet.place_of(hatnet.token_at(session.view().place, grid), grid)
    for kind in KINDS:
        most, gap = max(a.shares[kind].max(), b.shares[kind].max()), b.shares[kind] - a.shares[kind]
        for name, side in (("A", a), ("B", b)):
            which = f"{kind.capitalize()}, {name}: G{KINDS.index(kind) + 1} = {side.setting[KINDS.index(kind)]}"
            things.append(save_menu.Map(name=which, values=side.shares[kind], kind=kind, most=most, ring=ring))
        things.append(save_menu.Map(name=f"{kind.capitalize()}, B − A", values=gap, kind=f"{kind} difference", ring=ring))
    if measured:
        columns = zip(*((g1, g2, value) for (g1, g2), value in sorted(measured.cells.items())), strict=True)
        things.append(save_menu.Table(name="Accuracy", columns=dict(zip(("G1", "G2", "accuracy"), map(list, columns), strict=True))))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("A MAC is one multiplication with its addition, counted for one picture.", help=MACS, width="stretch")
        save_menu.save(*things)


def stored(index: int) -> Measured | None:
    """The accuracies measured of the stage `index` (from 0); None, and perhaps a note, where there are none."""
    try:
        found = measured_grids(session.view().checkpoint)
    except ValueError as error:  # the rest of the page does without it
        note("The accuracy map cannot be read.", f"{error}")
        return None
    return found and of_stage(found, index)


def accuracy(measured: Measured | None, a: Setting, b: Setting, choose: Callable[[Setting], None]) -> None:
    """The stored map, or how to get one."""
    blocks.heading("Accuracy, %", "weights unchanged")
    if measured is None and not measurable(session.view().checkpoint):
        note("Not measured.", "This map is there for shipped checkpoints of photographs; everything else on this page works.")
        return
    if measured is None:
        name = session.view().checkpoint
        st.html(
            f'<div class="nothing small flat"><span>Not measured yet for this stage. <code>python benchmarks/grids.py {html.escape(name)} '
            "--data DATA</code> writes the map; everything else on this page works without it.</span></div>"
        )
        return
    accuracy_grid(key="accuracy", drawn=accuracy_cells(measured, a, b), choose=choose)
    low, high = min(measured.cells.values()), max(measured.cells.values())
    empty = "" if measured.whole else " Empty: not measured."
    st.caption(
        f"Click a cell: it becomes B; once more, and A and B change places. Over the {len(measured.cells)} settings measured, accuracy "
        f"stays between **{100 * low:.1f} and {100 * high:.1f} %**, on {measured.images:,} pictures held out of training: "
        f"± {100 * measured.error:.1f} is sampling error.{empty}"
    )


def millions(number: float) -> str:
    return f"{number / 1e6:,.1f} M"


def points(change: float) -> str:
    """A difference of two fractions of 1, in points of a per cent."""
    return f"{round(100 * change, 1) + 0.0:+.1f} points".replace("-", "−")  # + 0.0: no minus before nothing


def factor(before: float, after: float) -> str:
    """How often as much, as a column of a table says it."""
    return "the same" if after == before else f"× {after / before:.2f}"


def lead(a: Side, b: Side, known: Checkpoint) -> str:
    """HTML: what stands still and what moves."""
    count = f"{checkpoints.parameters(known.name):,}"
    same = f"No weight depends on <b>G₁</b> or <b>G₂</b>: all {count} parameters stand still while you move them."
    if a.setting == b.setting:
        moved = "Choose another window or cell side: maps, prediction and cost will move."
    else:
        index, ratio = a.probabilities.argmax(), b.attention / a.attention
        again = "as much as before" if ratio == 1 else f"{ratio:.2f} times as much"
        moved = (
            f"From A to B, “{html.escape(known.classes[index])}” goes from {percent(a.top())} to {percent(float(b.probabilities[index]))} "
            f"and this stage's attention costs {again}."
        )
    return f'<p class="lead">{same} {moved}</p>'


def row_title(kind: str, most: float, gap: float) -> None:
    """Above a row of three maps: the ends of their scales, per token."""
    st.html(
        f'<p class="row-title"><span class="{kind}">{kind.capitalize()}</span> <small>0 <i class="ramp of-{kind}"></i> '
        f"{percent(most)} in one token · difference: up to {100 * gap:.1f} points</small></p>"
    )


def table(a: Side, b: Side, known: Checkpoint, stage: int) -> None:
    index = a.probabilities.argmax()
    change = points(float(b.probabilities[index]) - a.top())
    if a.answer(known) != b.answer(known):
        change = f"another answer; {html.escape(a.answer(known))} {change}"

    def measured(side: Side) -> str:
        return "not measured" if side.accuracy is None else f"{100 * side.accuracy:.1f} %"

    both = a.accuracy is not None and b.accuracy is not None
    count = f"{checkpoints.parameters(known.name):,}"
    rows = (
        ("Parameters", count, count, "unchanged"),
        ("Prediction", *(f'{html.escape(s.answer(known))} <span class="whole">{percent(s.top())}</span>' for s in (a, b)), change),
        (f"Attention of stage {stage}, MACs", *(millions(s.attention) for s in (a, b)), factor(a.attention, b.attention)),
        ("Whole model, MACs", millions(a.cost.total), millions(b.cost.total), factor(a.cost.total, b.cost.total)),
        ("Accuracy", measured(a), measured(b), points(b.accuracy - a.accuracy) if both else "–"),
    )
    body = "".join(f'<tr><th scope="row">{name}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" for name, *cells in rows)
    head = '<th></th><th scope="col">A</th><th scope="col">B</th><th scope="col">B against A</th>'
    st.html(f'<table class="words compared"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')
