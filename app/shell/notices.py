"""What the page says when something is not as expected. Never a traceback: that goes to the server's log."""

import html
import logging
from contextlib import contextmanager

import streamlit as st

from app.shell import session

log = logging.getLogger("hatnet.app")


def note(bold: str, rest: str = "") -> None:
    """A grey box: what came, in bold, and what helps. Both are plain text."""
    st.html(f'<div class="note" role="status"><b>{html.escape(bold)}</b> {html.escape(rest)}</div>')


@contextmanager
def guarded():
    """Around a view, or a fragment of one: a mistake in a file or in a request becomes a note, a mistake of ours a short one."""
    try:
        yield
    except ValueError as error:  # written for people, wherever it is raised: here and in hatnet
        log.exception("shown as a note")
        note("This cannot be shown.", f"{error}")
    except Exception:
        log.exception("a view failed")
        note("Something went wrong here.", "The mistake is ours and stands in the server's log. Reload, or choose another photograph.")


def notices() -> None:
    """What the link asked for and did not get, until the visitor closes it or changes something."""
    if not (texts := session.visit().notices):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="notices"):
        for text in texts[:3]:
            first, _, rest = text.partition(". ")
            note(f"{first}.", rest)
        st.button("Close", icon=":material/close:", type="tertiary", key="close_notices", on_click=texts.clear)
