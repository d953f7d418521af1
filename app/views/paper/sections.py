"""The sections of the Paper page: its tables, its charts, Fig. 1, the equations, and what was trained here."""

import streamlit as st

import hatnet
from app.core import checkpoints, content
from app.core.glossary import linked
from app.core.view import TABLES, models
from app.shell import session
from app.shell.notices import guarded, note
from app.ui import blocks, save_menu
from app.ui.chart import chart
from app.views.paper import charts, counts, equation_index, figure, tables, text
from app.views.paper.paper_table import paper_table


@st.fragment
def table() -> None:
    """One of the tables; the choice of another runs this function alone."""
    with guarded():
        session.run_whole_page()
        number = session.view().table
        controls = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
        with controls:
            options = dict(options=TABLES, required=True, label_visibility="collapsed", format_func="Table {}".format)
            session.bound(st.segmented_control, "Table of the paper", "table", number, **options)
        with st.spinner("Counting the models of this table, once …"):
            shown = tables.table(number)
        with controls, st.container(horizontal=True, horizontal_alignment="right", gap="small", width="content"):
            save_menu.save(save_menu.Table(name=f"Table {number}", columns=shown.columns()))
            blocks.letters()
        st.html(f'<h2 class="title">{tables.TITLES[number]}</h2>')
        st.html(
            '<p class="say muted">Plain: printed in the paper. <span class="ours">Green: ours</span>, with = where it rounds to the '
            "paper’s figure and ≠ where it does not.</p>"
        )
        paper_table(key="paper_table", drawn=shown.drawn())
        blocks.prose(content.sections("views/paper/tables.md")[str(number)], "table")
        with st.expander("Our figures in words, with sources and commands"):
            st.html(text.in_words(shown.ours()))
        session.publish()


def accuracy() -> None:
    """Accuracy against multiply-adds and against milliseconds."""
    left, right = st.columns(2, gap="medium")
    with left:
        blocks.heading("Accuracy against multiply-adds", "Table 2; hollow: the cost is only printed")
        chart(key="macs", drawn=charts.over_macs())
    with right:
        blocks.heading("Accuracy against milliseconds", "those that were measured here")
        if drawn := charts.over_time():
            chart(key="time", drawn=drawn)
        st.html(text.measured_on())


@st.fragment
def fig_1() -> None:
    """Fig. 1: a model, and one of its parts."""
    with guarded():
        session.run_whole_page()
        view, names = session.view(), checkpoints.names()
        known = models(names)
        model_name = view.model if view.model in known else known[0]
        blocks.heading(
            "Figure 1, part by part", linked("choose a [stage](#stage) or another part to see what it computes, and where", "fig")
        )
        with st.container(width=420):
            session.bound(st.selectbox, "Model", "model", model_name, options=known, format_func=text.model_title)
        with st.spinner("Counting the model, once …"):
            model = counts.counted(model_name)
        part = figure.nearest(model, view.part)
        with st.container(key="parts"):
            titles = {each: figure.label(model, each) for each in model.parts}
            options = dict(options=model.parts, format_func=titles.get, horizontal=True, label_visibility="collapsed")
            session.bound(st.radio, "Part of Figure 1", "part", part, **options)
        left, right = st.columns(2, gap="medium")
        with left:
            st.html(figure.chosen(model, part, text.model_title(model_name)))
        with right:
            st.html(figure.part_bars(model, part))
        with st.expander("The lines that compute it", icon=":material/code:"):
            st.html(figure.code(model, part))
        session.publish()


def equations() -> None:
    """The index of equations; a link opens its page with the visitor's picture and token."""
    blocks.heading("Equations 1 to 15", "where each is shown, computed and derived; everything is on this machine")
    said = (
        "Eqs. 1 to 5 are plain attention, [MHSA](#MHSA); Eqs. 6 to 15 are [H‑MHSA](#H‑MHSA), first within [windows](#window) of "
        "[tokens](#token), then over [cells](#cell)."
    )
    st.html(linked(f'<p class="say">{said}</p>', "equations"))
    paper_table(key="equation_index", drawn=equation_index.drawn(session.view()), choose=_open)


def _open(number: int) -> None:
    page, step = equation_index.page_of(number)
    if step:
        session.update(equation=step)
    session.visit().go_to = page


def trained() -> None:
    """What this project has trained."""
    blocks.heading("Trained here, at small scale", "other data than the paper’s, so no row of its tables")
    shipped = [name for name in checkpoints.names() if name in hatnet.list_checkpoints()]
    with st.spinner("Counting the shipped models, once …"):
        st.html(text.trained([checkpoints.describe(name) for name in shipped], session.checkpoint()))
    if not shipped:
        note("No checkpoint is shipped with this copy.", "The commands in the README train some.")
    st.html(
        linked(
            '<p class="say muted">None of the paper’s own trainings (ImageNet, 300 epochs on eight GPUs) was repeated here. '
            "Some of these differ in the attention mechanism alone: Table 5 has them. Each accuracy is that of the test split; "
            "<code>python train_small.py eval NAME --data DATA</code> prints it again.</p>",
            "trained",
        )
    )
