"""Inline Streamlit components (version 2): Python sends data, the browser draws it and sends back what the visitor chose."""

from pathlib import Path

import streamlit as st

from app.components.linker import link
from app.core import colours, content


def component(script_path: Path, html: str):
    """The component of a script and the style sheet of the same name beside it, with the app's colours."""
    # Streamlit wants text of several lines, not a path.
    return st.components.v2.component(f"hatnet_{script_path.stem}", html=html, css=style(script_path), js=script(script_path))


def style(script_path: Path) -> str:
    return colours.css() + "\n" + content.everywhere() + script_path.with_suffix(".css").read_text(encoding="utf-8")


def script(script_path: Path) -> str:
    """A script with all modules that it imports; `palette.js` is made here, from colours.py."""
    return link(script_path, {"palette.js": colours.javascript()})
