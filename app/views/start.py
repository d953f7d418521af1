"""Start: one attention layer, stepped through in seven cards, and the way into the tour."""

import streamlit as st

import hatnet
from app import pieces, services, state, telling, texts, tour
from app.components.story import story
from app.figures import story as tale
from app.loading import START
from app.messages import guarded


@st.fragment
def figure() -> None:
    with guarded():
        if st.session_state.pop("everywhere", False):
            st.rerun()  # another stage shows outside of this fragment too
        view, picture = state.current(), state.picture()
        known = services.checkpoint(view.checkpoint)
        if view.stage not in known.hierarchical:
            pieces.plain_stage(view.stage, known)
            return
        shown = telling.layer(view, known, picture)
        st.html(f'<p class="lead">{tale.lead(shown)}</p>')

        def choose(step: int, token: tuple[int, int] | None) -> None:
            moved = {"place": hatnet.place_of(token, (shown.side, shown.side))} if token else {}
            state.update(step=step, **moved)

        photo = services.sharp(picture, services.SMALL)
        story(key="story", photo=pieces.photo_id(picture, exact=False), step=view.step, drawn=tale.drawn(shown, photo), choose=choose)
        state.publish()


st.title(START, anchor=False)
pieces.photos()
figure()
tour.invitation()
for heading, body in texts.sections("start").items():
    with st.expander(heading):
        st.markdown(body)
