"""Equations: Eqs. 6 to 15 one by one for the selected token, with its numbers and a check against the model."""

import streamlit as st

import hatnet
from app import lesson, pieces, services, state, texts
from app.components.board import board
from app.components.picker import picker
from app.figures import latex, steps
from app.messages import guarded


@st.fragment
def blackboard() -> None:
    with guarded():
        if st.session_state.pop("everywhere", False):
            st.rerun()  # another stage shows outside of this fragment too
        view, known, picture = state.current(), services.checkpoint(state.current().checkpoint), state.picture()
        if view.stage not in known.hierarchical:
            pieces.plain_stage(view.stage, known)
            return
        index, side = known.config.stages.index(view.stage), known.grid(view.stage)
        g1, g2, grid = min(view.g1[index], side), min(view.g2[index], side), (side, side)
        token, head = hatnet.token_at(view.place, grid), (view.head or 1) - 1
        with st.spinner("Running the block step by step …"):
            ran = services.equations(picture, known, view.stage, view.block, view.g1, view.g2)
        window = hatnet.window_of(token, grid, g1)
        look = steps.Look(tensors=ran.tensors, weights=ran.weights, token=token, window=window, g1=g1, g2=g2, head=head)
        step = ran.steps[view.equation]
        photo = services.data_uri(picture, services.sharp(picture))

        left, right = st.columns([3, 7], gap="medium")
        with left:
            names = {number: lesson.row(ran.steps[number], look.channels) for number in steps.NAMES}
            with st.container(key="steps"):
                options = dict(options=list(names), format_func=names.get, label_visibility="collapsed")
                state.bound(st.radio, "Equation", "equation", view.equation, **options)
            with st.container(key="pace", horizontal=True):
                st.button("Back", icon=":material/arrow_back:", disabled=step.number == 6, on_click=_go, args=(step.number - 1,))
                last = step.number == 15
                name, icon = ("Start again", ":material/replay:") if last else ("Next", ":material/arrow_forward:")
                st.button(name, icon=icon, type="primary", on_click=_go, args=(6 if last else step.number + 1,))
            where = st.container(key="where")
        with right, st.container(key="lesson"):
            short, kind, words = steps.NAMES[step.number]
            st.html(f'<p class="title step"><span class="{kind}">Eq. {step.number} · {short}</span><small>{words}</small></p>')
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                if step.number in steps.BY_HEAD and known.heads(view.stage) > 1:
                    heads = dict(options=range(1, known.heads(view.stage) + 1), required=True, label_visibility="collapsed")
                    state.bound(st.segmented_control, "Head", "head", head + 1, format_func="Head {}".format, **heads)
                else:
                    st.html('<p class="lead">All heads together</p>')
                pieces.letters()
            board(key="board", drawn=steps.board(step.number, look, step.terms), photo=photo, shapes=lesson.shapes(step))
            st.html(lesson.check(step, ran.differences[step.number]))
            st.markdown(texts.sections("equations")[str(step.number)])
            with st.container(key="paper"):
                shapes = {**step.before, **step.after}
                st.latex(latex.live(step.latex, shapes, grid, look.channels, g1, g2))
            st.html(lesson.code(step))
        with where:  # last: its answer says that all is drawn
            picker(
                key="eq_picker",
                photo=pieces.photo_id(picture, exact=False),
                title=picture.title,
                grid=grid,
                token=token,
                g1=g1,
                cell=g2,
                strongest=ran.tensors["p2"][head].argmax(-1).tolist(),
                choose=lambda chosen: state.update(place=hatnet.place_of(chosen, grid)),
            )
        state.publish()


def _go(number: int) -> None:
    state.update(equation=number)


st.title("Ten small steps, each one checked against the model", anchor=False)
st.html('<p class="lead">Point at a term and its numbers light up; point at a number and you see how it came about.</p>')
pieces.photos()
blackboard()
