"""The sections of the Equations page: the list of steps, and the lesson on one of them."""

import streamlit as st

import hatnet
from app.core import content, pictures
from app.core.checkpoints import Checkpoint
from app.core.glossary import linked, term
from app.core.view import ViewState
from app.shell import session
from app.ui import blocks
from app.views.equations import boards, latex, text
from app.views.equations.board import board
from app.views.equations.boards.panels import Selection
from app.views.equations.numpy_check import CheckedEquations


def selection_of(view: ViewState, checkpoint: Checkpoint, checked: CheckedEquations) -> Selection:
    """The view's token and head, with the tensors of its block. The first head stands in for the mean of all."""
    index, side = checkpoint.config.stages.index(view.stage), checkpoint.grid(view.stage)
    g1, g2, grid = min(view.g1[index], side), min(view.g2[index], side), (side, side)
    token = hatnet.token_at(view.place, grid)
    window = hatnet.window_of(token, grid, g1)
    head = (view.head or 1) - 1
    return Selection(tensors=checked.tensors, weights=checked.weights, token=token, window=window, g1=g1, g2=g2, head=head)


def contents(equations: dict[int, hatnet.Equation], channels: int) -> None:
    """All steps to choose from, and the way to the one before and the next."""
    chosen = session.view().equation
    steps = list(boards.NAMES)
    at = steps.index(chosen)
    labels = {number: text.label(equations[number], channels) for number in steps}
    with st.container(key="steps"):
        options = dict(options=steps, format_func=labels.get, label_visibility="collapsed")
        session.bound(st.radio, "Equation", "equation", chosen, **options)
    with st.container(key="pace", horizontal=True):
        back = dict(disabled=at == 0, on_click=session.update, kwargs=dict(equation=steps[at - 1]))
        st.button("Back", key="step_back", icon=":material/arrow_back:", **back)
        last = at == len(steps) - 1
        name, icon = ("Start again", ":material/replay:") if last else ("Next", ":material/arrow_forward:")
        following = dict(equation=steps[0] if last else steps[at + 1])
        # One button for both, so that it keeps the keyboard's focus.
        st.button(name, key="step_next", icon=icon, type="primary", on_click=session.update, kwargs=following)


def heads(view: ViewState, checkpoint: Checkpoint, head: int) -> None:
    """The head to show, where the equation has heads; and the glossary."""
    count = checkpoint.heads(view.stage)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        if view.equation in boards.BY_HEAD and count > 1:
            options = dict(options=range(1, count + 1), required=True, label_visibility="collapsed")
            session.bound(st.segmented_control, "Head", "head", head + 1, format_func="Head {}".format, **options)
        else:
            st.html(f'<p class="lead">All {term("head", "together", "heads")} together</p>')
        blocks.letters()


def lesson(equation: hatnet.Equation, difference: float, selection: Selection) -> None:
    """One step: its board, its numbers and check, what it does, how the paper writes it; and the code, folded."""
    picture, number = session.picture(), equation.number
    drawn = boards.board(number, selection, equation.terms)
    board(key="board", drawn=drawn, photo=pictures.data_uri(picture, pictures.sharp(picture)), sizes=linked(text.SIZES[number], "sizes"))
    st.html(text.numbers(equation, selection) + text.check(equation, difference))
    blocks.prose(content.sections("views/equations/page.md")[str(number)], "about")
    with st.container(key="paper"):
        # It takes the keyboard's focus, so that the arrow keys can move an equation that is wider than the page.
        st.html(f'<p class="muted" tabindex="0">As the paper writes it, with the sizes of this {term("stage", "shapes")}</p>')
        shapes = {equation.symbols[name]: shape for name, shape in (equation.before | equation.after).items()}
        st.latex(latex.with_sizes(equation.latex, shapes, selection.grid, selection.channels, selection.g1, selection.g2))
    st.html(text.paper(equation))
    with st.expander("The code that ran", icon=":material/code:"):
        st.html(text.code(equation))
