"""Notes on the page about what went wrong. A traceback goes to the server's log only."""

import html
import logging
from contextlib import contextmanager

import streamlit as st

from app.shell import session

log = logging.getLogger("hatnet.app")


def note(bold: str, rest: str = "") -> None:
    """Draw a grey box: what happened, in bold, and what helps. Both are plain text."""
    st.html(f'<div class="note" role="status"><b>{html.escape(bold)}</b> {html.escape(rest)}</div>')


@contextmanager
def guarded():
    """Turn an exception in a page or fragment into a note: with its message if it is a ValueError, otherwise as a bug of the app."""
    try:
        yield
    except ValueError as error:  # its message is written for people, in the app and in hatnet
        log.exception("shown as a note")
        note("This cannot be shown.", f"{error}")
    except Exception:
        log.exception("a page failed")
        note(
            "Something went wrong here.", "This is a bug in the app. The server log has the details. Reload, or choose another photograph."
        )


def notices() -> None:
    """Draw what the link asked for but did not get, until the visitor closes it or changes something."""
    if not (texts := session.visit().notices):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="notices"):
        for text in texts[:3]:
            first, _, rest = text.partition(". ")
            note(f"{first}.", rest)
        st.button("Close", icon=":material/close:", type="tertiary", key="close_notices", on_click=texts.clear)
