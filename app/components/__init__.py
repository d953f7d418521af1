"""Inline Streamlit components (version 2): Python puts data in, the browser draws and answers."""

from pathlib import Path

import streamlit as st

from app.figures import colours

FOLDER = Path(__file__).parent


def component(name: str, html: str):
    """The component of `name`.js and `name`.css, with the app's colours. Streamlit wants text of several lines, not a path."""
    css = colours.css() + "\n" + (FOLDER / f"{name}.css").read_text(encoding="utf-8")
    return st.components.v2.component(f"hatnet_{name}", html=html, css=css, js=(FOLDER / f"{name}.js").read_text(encoding="utf-8"))
