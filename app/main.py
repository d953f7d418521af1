"""HAT-Net Lab: `streamlit run app/main.py`, from any folder."""

import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent
# Streamlit puts this folder on the path, and not the project's: without this line neither `app` nor `hatnet` would be found.
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

st.set_page_config(page_title="HAT-Net Lab", page_icon=HERE / "icon.svg", layout="wide", initial_sidebar_state=272)

# One line a view. The first is what opens.
VIEWS = [
    st.Page("views/start.py", title="Start", icon=":material/play_circle:", default=True),
    st.Page("views/explorer.py", title="Explorer", icon=":material/search:", url_path="explorer"),
    st.Page("views/equations.py", title="Equations", icon=":material/function:", url_path="equations"),
    st.Page("views/grids.py", title="Grids", icon=":material/grid_on:", url_path="grids"),
    st.Page("views/cost.py", title="Cost", icon=":material/speed:", url_path="cost"),
    st.Page("views/why.py", title="Why?", icon=":material/help:", url_path="why"),
]
page = st.navigation(VIEWS, position="top" if len(VIEWS) > 1 else "hidden")

from app import loading  # noqa: E402
from app.figures import colours  # noqa: E402

st.html(f"<style>{colours.css()}{(HERE / 'style.css').read_text(encoding='utf-8')}</style>")
st.sidebar.html(loading.BRAND)
if "torch" not in sys.modules:
    waiting = st.empty()
    with waiting.container():
        loading.first_paint(page is VIEWS[0])
    import torch  # noqa: F401

    waiting.empty()

from app import pieces, services, sidebar, state, tour  # noqa: E402
from app.messages import guarded, notices  # noqa: E402

with guarded():
    if not services.checkpoint_names():
        st.title("No model yet", anchor=False)
        st.markdown((HERE / "content" / "no_checkpoint.md").read_text(encoding="utf-8"))
        st.stop()
    state.current()
    tour.arrive()
    tour.follow(page, VIEWS)
    sidebar.draw()
    pieces.where()
    notices()
    tour.draw(page)
    page.run()
    state.publish()
