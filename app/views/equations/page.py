"""Equations: Eqs. 6 to 15 one by one for the selected token, with its numbers and a check against the model."""

import streamlit as st

import hatnet
from app.components.picker import picker
from app.core import content, pictures
from app.shell import session
from app.shell.notices import guarded
from app.ui import blocks
from app.views.equations import boards, latex, numpy_check, text
from app.views.equations.board import board


@st.fragment
def blackboard() -> None:
    with guarded():
        session.run_whole_page()
        view, known, picture = session.view(), session.checkpoint(), session.picture()
        if view.stage not in known.hierarchical:
            blocks.plain_stage(view.stage, known)
            return
        index, side = known.config.stages.index(view.stage), known.grid(view.stage)
        g1, g2, grid = min(view.g1[index], side), min(view.g2[index], side), (side, side)
        token, head = hatnet.token_at(view.place, grid), (view.head or 1) - 1
        with st.spinner("Running the block step by step …"):
            ran = numpy_check.checked(picture, known, view.stage, view.block, view.g1, view.g2)
        window = hatnet.window_of(token, grid, g1)
        look = boards.Look(tensors=ran.tensors, weights=ran.weights, token=token, window=window, g1=g1, g2=g2, head=head)
        step = ran.steps[view.equation]
        photo = pictures.data_uri(picture, pictures.sharp(picture))

        left, right = st.columns([3, 7], gap="medium")
        with left:
            names = {number: text.row(ran.steps[number], look.channels) for number in boards.NAMES}
            with st.container(key="steps"):
                options = dict(options=list(names), format_func=names.get, label_visibility="collapsed")
                session.bound(st.radio, "Equation", "equation", view.equation, **options)
            with st.container(key="pace", horizontal=True):
                st.button("Back", icon=":material/arrow_back:", disabled=step.number == 6, on_click=_go, args=(step.number - 1,))
                last = step.number == 15
                name, icon = ("Start again", ":material/replay:") if last else ("Next", ":material/arrow_forward:")
                st.button(name, icon=icon, type="primary", on_click=_go, args=(6 if last else step.number + 1,))
            where = st.container(key="where")
        with right, st.container(key="lesson"):
            short, kind, words = boards.NAMES[step.number]
            st.html(f'<p class="title step"><span class="{kind}">Eq. {step.number} · {short}</span><small>{words}</small></p>')
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                if step.number in boards.BY_HEAD and known.heads(view.stage) > 1:
                    heads = dict(options=range(1, known.heads(view.stage) + 1), required=True, label_visibility="collapsed")
                    session.bound(st.segmented_control, "Head", "head", head + 1, format_func="Head {}".format, **heads)
                else:
                    st.html('<p class="lead">All heads together</p>')
                blocks.letters()
            board(key="board", drawn=boards.board(step.number, look, step.terms), photo=photo, shapes=text.shapes(step))
            st.html(text.check(step, ran.differences[step.number]))
            st.markdown(content.sections("views/equations/page.md")[str(step.number)])
            with st.container(key="paper"):
                shapes = {step.symbols[name]: shape for name, shape in (step.before | step.after).items()}
                st.latex(latex.live(step.latex, shapes, grid, look.channels, g1, g2))
            st.html(text.code(step))
        with where:  # last: its answer says that all is drawn
            picker(
                key="eq_picker",
                photo=blocks.photo_id(picture, exact=False),
                title=picture.title,
                grid=grid,
                token=token,
                g1=g1,
                cell=g2,
                strongest=ran.tensors["p2"][head].argmax(-1).tolist(),
                choose=lambda chosen: session.update(place=hatnet.place_of(chosen, grid)),
            )
        session.publish()


def _go(number: int) -> None:
    session.update(equation=number)


st.title("Ten small steps, each one checked against the model", anchor=False)
st.html('<p class="lead">Point at a term and its numbers light up; point at a number and you see how it came about.</p>')
blocks.photos()
blackboard()
