"""The guided tour: the bar above every page, and the way out and back. Its stops: tour_stops.py. Its texts: content/tour.md."""

import re
from dataclasses import asdict, replace

import streamlit as st

from app.core import content, glossary
from app.core.view import address
from app.shell import session
from app.shell.tour_stops import STOPS, broken, view_at
from app.shell.tour_text import ending, filled


def go(number: int) -> None:
    """Go to a stop: set its view, and open its page with the next run."""
    visit, checkpoint = session.visit(), session.checkpoint()
    view = visit.view
    if visit.own_image:  # the stop that is left shows another photograph, unless the visitor has chosen since
        found = broken(checkpoint)
        view = replace(view, image=visit.own_image) if found and view.image == found.at.image else view
    new = view_at(number, view, checkpoint)
    visit.own_image = view.image if new.image != view.image else None
    session.update(**asdict(new))
    visit.left_at, visit.seen_all, visit.go_to = None, False, STOPS[number - 1].page


def leave(number: int | None) -> None:
    """Remove the bar and leave everything else as it is. number: the stop to return to; None after the last."""
    session.update(tour=0)
    session.visit().left_at, session.visit().seen_all = number, number is None


def end(page: str | None) -> None:
    """Remove the last words of the tour. page: the one to open, by its path in the address; None: stay."""
    session.visit().seen_all, session.visit().go_to = False, page


def arrive() -> None:
    """Once a visit: open the stop that the address names, unless the address is a full one, which is shown as it is."""
    visit = session.visit()
    if not visit.arrived and visit.view.tour and "stage" not in st.query_params:
        notices = visit.notices
        go(visit.view.tour)
        visit.notices = notices
    visit.arrived = True


def follow(page, pages: list) -> None:
    """Open the page of the stop or link chosen last, unless it is `page`."""
    visit = session.visit()
    wanted, visit.go_to = visit.go_to, None
    if wanted is not None and wanted != page.url_path:
        st.switch_page(next(other for other in pages if other.url_path == wanted), query_params=address(visit.view))


def draw(page) -> None:
    """Draw the bar above a page during the tour; otherwise the button that starts the tour or leads back to it."""
    view = session.view()
    if not view.tour:
        left = session.visit().left_at
        with st.container(key="tour_button"):
            label, help_ = ("Return to the tour", f"To stop {left} of {len(STOPS)}, with the tour’s settings") if left else ("Tour", None)
            st.button(label, key="tour_begin", help=help_, icon=":material/tour:", type="tertiary", on_click=go, args=(left or 1,))
        if session.visit().seen_all:
            _ending()
        return
    number, stop = view.tour, STOPS[view.tour - 1]
    heading, body = list(content.sections("content/tour.md").items())[number - 1]
    with st.container(key="tour"):
        text, pace = st.columns([2, 1], gap="medium", vertical_alignment="center")
        with text:
            st.progress(number / len(STOPS), f"**{heading}** · stop {number} of {len(STOPS)}")
            said = filled(_html(body), view, session.checkpoint(), session.picture())  # names are never read as Markdown
            lead = " without-lead" * (stop.hides_lead and page.url_path == stop.page)
            st.html(f'<p class="say{lead}">{said}</p>')
        with pace, st.container(horizontal=True, key="tour_pace", gap="small", vertical_alignment="center"):
            st.button("Back", key="tour_back", icon=":material/arrow_back:", disabled=number == 1, on_click=go, args=(number - 1,))
            # One button for both: two would leave the old one there, greyed out, until a slow page has run.
            label, icon, call, to = (
                ("Next stop", "arrow_forward", go, number + 1) if number < len(STOPS) else ("Finish", "check", leave, None)
            )
            st.button(label, key="tour_next", icon=f":material/{icon}:", type="primary", on_click=call, args=(to,))
            st.button("Explore from here", key="tour_leave", icon=":material/logout:", type="tertiary", on_click=leave, args=(number,))
            if page.url_path != stop.page:
                st.button("Show this stop", key="tour_again", icon=":material/undo:", type="tertiary", on_click=go, args=(number,))


def _html(text: str) -> str:
    """HTML of a text with bold words and words of the glossary."""
    return glossary.linked(re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text), "tour")


def _ending() -> None:
    with st.container(key="tour_end"):
        st.html(f'<p class="say">{_html(content.text("content/tour_end.md").strip()).format(last=ending())}</p>')
        with st.container(horizontal=True, gap="small"):
            for name, path in (("Open the Explorer", "explorer"), ("Open Grids", "grids")):
                st.button(name, key=f"tour_try_{path}", on_click=end, args=(path,))
            st.button("Close", key="tour_close", icon=":material/close:", type="tertiary", on_click=end, args=(None,))


def invitation() -> None:
    """Draw the button on Start that begins the tour."""
    if session.view().tour:
        return
    with st.container(horizontal=True, key="tour_invitation", vertical_alignment="center"):
        st.button("Take the tour", key="tour_take", icon=":material/tour:", on_click=go, args=(1,))
        st.caption(
            f"{len(STOPS)} stops, about 10 minutes. The tour opens and sets up the pages; you can leave at any stop and return to it later."
        )
