"""The sections of the Grids page: the controls of A and B, their maps, and the accuracy map."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

import hatnet
from app.components.tile import tile
from app.core import inference, overlay, words
from app.shell import session
from app.shell.notices import note
from app.shell.session import Setting
from app.ui import blocks, save_menu, tiles
from app.ui.chart import chart
from app.views.grids import accuracy, cases, choice, comparison, text
from app.views.grids.accuracy import AccuracyMap
from app.views.grids.accuracy_grid import accuracy_grid
from app.views.grids.comparison import Comparison
from app.views.grids.outcome import KINDS, Outcome, sides_with

LETTERS = ("G₁", "G₂")  # in the order of KINDS


def controls(index: int, b: Setting) -> None:
    """Window and cell side of B: sides that fit, with those trained and chosen elsewhere."""
    view, checkpoint = session.view(), session.checkpoint()
    hints = {
        "g1": "G₁: side, in tokens, of the square window in which a token reads its neighbours one by one (Eq. 6).",
        "g2": "G₂: side, in tokens, of the square cells whose tokens are averaged into one before every token reads them (Eq. 10).",
    }
    labels = ("Window side G₁", "Cell side G₂")
    for axis, (column, name, label, now) in enumerate(zip(st.columns(2, gap="small"), hints, labels, b, strict=True)):
        trained = getattr(checkpoint.config, name)[index]

        def title(side: int, trained: int = trained) -> str:
            return f"{side} ★" if side == trained else str(side)

        offered = accuracy.sides_offered(checkpoint.grid(view.stage), trained, now)
        options = dict(options=offered, required=True, help=hints[name], wrap=True, format_func=title)
        with column:
            write = partial(comparison.set_side, index, axis)
            session.bound(st.segmented_control, label, name, now, write, key=f"grids_{name}_{view.stage}", **options)


def actions(index: int, now: Comparison) -> None:
    """Pin, swap, reset and undo, and what A and B are."""
    same, options = now.a == now.b, dict(type="tertiary", args=(index,))
    with st.container(key="pins", horizontal=True, vertical_alignment="center", gap="medium"):
        st.button("Pin B as A", key="pin", icon=":material/keep:", disabled=same, on_click=comparison.pin, **options)
        st.button("Swap A and B", key="swap", icon=":material/swap_horiz:", disabled=same, on_click=comparison.swap, **options)
        st.button("A as trained", key="unpin", icon=":material/star:", disabled=now.a == now.trained, on_click=comparison.unpin, **options)
        st.button("Undo", key="undo", icon=":material/undo:", disabled=not now.can_undo, on_click=comparison.undo, **options)
        blocks.letters()
    side = session.checkpoint().grid(session.view().stage)
    st.caption(f"These sides are B’s. ★ as trained. {accuracy.sides_left_out(side)}")


def maps(a: Outcome, b: Outcome, trained: Setting) -> None:
    """Two rows, local and global: A, B and their difference, each row on one scale per token. Small windows are shown close up."""
    photo, grid = blocks.photo_id(session.picture(), exact=False), a.shares["local"].shape
    token = hatnet.token_at(session.view().place, grid)
    windows = [hatnet.window_of(token, grid, outcome.setting[0]) for outcome in (a, b)]
    draw = partial(tile, photo=photo, group="grids", enter="makes it the query", choose=lambda place: session.update(place=place))
    for which, kind in enumerate(KINDS):
        difference = b.shares[kind] - a.shares[kind]
        most = float(max(a.shares[kind].max(), b.shares[kind].max()))
        gap = float(np.abs(difference).max())
        part = overlay.close_up(windows, grid) if kind == "local" else None
        st.html(text.row_title(kind, most, gap, close_up=part is not None))
        with st.container(key=f"three_{kind}"):
            columns = st.columns(3, gap="small")
        for column, name, outcome, window in zip(columns, ("A", "B"), (a, b), windows, strict=False):
            shares, side = outcome.shares[kind], outcome.setting[which]
            star = " ★" if side == trained[which] else ""
            boxes = [window] if kind == "local" else overlay.cells(side, grid)
            with column:
                st.html(f'<p class="method"><b>{name}</b> <small>{LETTERS[which]} = {side}{star}</small></p>')
                alt = words.alt(f"{name}, {kind}", shares)
                draw(key=f"{kind}_{name}", drawn=tiles.compared(shares, kind, most, token, boxes, part=part), alt=alt)
        with columns[2]:
            st.html('<p class="method"><b>B − A</b> <small>colour: more in B; white: less</small></p>')
            ends = f"from {text.points(difference.min())} to {text.points(difference.max())}"
            drawn = tiles.compared(difference, kind, max(gap, 1e-6), token, [], signed=True, part=part)
            draw(key=f"{kind}_difference", drawn=drawn, alt=f"Difference of the {kind} weights per token, B minus A: {ends}.")


def save(a: Outcome, b: Outcome, measured: AccuracyMap | None) -> None:
    """The six maps as weights per token, on the scales of their rows, and the accuracies."""
    grid, things = a.shares["local"].shape, []
    ring = hatnet.place_of(hatnet.token_at(session.view().place, grid), grid)
    for which, kind in enumerate(KINDS):
        most = max(a.shares[kind].max(), b.shares[kind].max())
        for name, outcome in (("A", a), ("B", b)):
            title = f"{kind.capitalize()}, {name}: G{which + 1} = {outcome.setting[which]}"
            things.append(save_menu.Map(name=title, values=outcome.shares[kind], kind=kind, most=most, ring=ring))
        gap = b.shares[kind] - a.shares[kind]
        things.append(save_menu.Map(name=f"{kind.capitalize()}, B − A", values=gap, kind=f"{kind} difference", ring=ring))
    if measured:
        columns = zip(*((g1, g2, value) for (g1, g2), value in sorted(measured.accuracies.items())), strict=True)
        things.append(save_menu.Table(name="Accuracy", columns=dict(zip(("G1", "G2", "accuracy"), map(list, columns), strict=True))))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("A MAC is one multiply-add, counted for one picture.", help=text.MACS, width="stretch")
        save_menu.save(*things)


def stored_accuracies() -> dict | None:
    """What was measured for the checkpoint; None, with a note if the file is broken, where there is nothing."""
    try:
        return accuracy.read(session.view().checkpoint)
    except ValueError as error:  # the rest of the page does without it
        note("The accuracy map cannot be read.", f"{error}")
        return None


def accuracy_map(measured: AccuracyMap | None, a: Setting, b: Setting, choose: Callable[[Setting], None]) -> None:
    """The stored accuracies, or how to get them."""
    blocks.heading("Accuracy, %", "parameters unchanged")
    name = session.view().checkpoint
    if measured:
        accuracy_grid(key="accuracy", drawn=accuracy.heat_map(measured, a, b), choose=choose)
        st.html(text.under_accuracy(measured, session.checkpoint()))
    elif accuracy.measurable(name):
        st.html(text.not_measured(name))
    else:
        note("Not measured.", "Only shipped checkpoints of photographs have this map; everything else on this page works without it.")


def quality(file: dict | None, measured: AccuracyMap | None, now: Comparison) -> None:
    """What other sides cost in accuracy: how one would choose, and cases in which they decide."""
    view, checkpoint = session.view(), session.checkpoint()
    st.subheader("What do other windows and cells cost in quality?", anchor=False)
    if file and measured:
        st.html(text.price(measured, view.stage, checkpoint.grid(view.stage)))
        settings = choice.settings_of(file)
        blocks.heading("How would one choose?", "accuracy against cost: up and to the left is better")
        left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
        with left:
            chart(key="choice", drawn=choice.drawn(settings, view.stage, sides_with(now.a), sides_with(now.b)))
        with right:
            trained = inference.macs(checkpoint, checkpoint.config.g1, checkpoint.config.g2)
            st.html(text.choosing(settings, measured.error, trained))
    found = cases.all_cases()
    for column, case in zip(st.columns(max(len(found), 1), gap="large"), found, strict=False):
        with column:
            st.html(case.html())
