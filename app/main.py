"""HAT-Net Lab: `streamlit run app/main.py`, from any folder.

Streamlit imports this file once, to build its server, and runs it for every visit and every click.
"""

import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent
# Streamlit puts this folder on the path, but `app` and `hatnet` are found from the project's.
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

from app.shell import warm_up  # noqa: E402


def main() -> None:
    # Before the pages: the icon of the first one would be fetched from another host.
    st.set_page_config(page_icon=HERE / "icon.svg", layout="wide", initial_sidebar_state=272)

    # One line for each page. The first one opens by default.
    pages = [
        st.Page("views/start/page.py", title="Start", icon=":material/play_circle:", default=True),
        st.Page("views/explorer/page.py", title="Explorer", icon=":material/search:", url_path="explorer"),
        st.Page("views/equations/page.py", title="Equations", icon=":material/function:", url_path="equations"),
        st.Page("views/grids/page.py", title="Grids", icon=":material/grid_on:", url_path="grids"),
        st.Page("views/compare/page.py", title="Compare", icon=":material/compare:", url_path="compare"),
        st.Page("views/cost/page.py", title="Cost", icon=":material/speed:", url_path="cost"),
        st.Page("views/why/page.py", title="Why?", icon=":material/help:", url_path="why"),
        st.Page("views/paper/page.py", title="Paper", icon=":material/article:", url_path="paper"),
    ]
    page = st.navigation(pages, position="top")
    st.set_page_config(f"{page.title} · HAT-Net Lab")

    from app.core import colours, content
    from app.shell import loading

    st.html(f"<style>{colours.css()}{content.style()}</style>")
    st.sidebar.html(loading.BRAND)
    if not warm_up.imported("torch"):
        waiting = st.empty()
        with waiting.container():
            loading.first_paint(page is pages[0])
        import torch  # noqa: F401

        waiting.empty()

    from app.core import checkpoints
    from app.shell import location, session, sidebar, tour
    from app.shell.notices import guarded, notices
    from app.ui import other_mechanism

    with guarded():
        if not checkpoints.names():
            st.title("No model yet", anchor=False)
            st.markdown(content.text("content/no_checkpoint.md"))
            st.stop()
        session.go_back()
        tour.arrive()
        tour.follow(page, pages)
        sidebar.draw(page)
        location.draw()
        notices()
        if not session.checkpoint().other_mechanisms:  # the tour explains H-MHSA
            tour.draw(page)
        if sidebar.shown(page, session.checkpoint()):
            page.run()
        else:
            other_mechanism.draw()
        session.publish()


if __name__ == "__main__":
    main()
else:
    from starlette.middleware import Middleware

    from app.shell import security

    app = st.App(__file__, lifespan=warm_up.lifespan, middleware=[Middleware(security.Headers)])
