"""Inline Streamlit components (version 2): Python puts data in, the browser draws and answers."""

from pathlib import Path

import streamlit as st

from app.figures import colours

FOLDER = Path(__file__).parent


def component(name: str, html: str, uses: tuple[str, ...] = ()):
    """The component of `name`.js and `name`.css, with the app's colours. Streamlit wants text of several lines, not a path."""
    return st.components.v2.component(f"hatnet_{name}", html=html, css=style(name), js=script(name, uses))


def style(name: str) -> str:
    return colours.css() + "\n" + (FOLDER / f"{name}.css").read_text(encoding="utf-8")


def script(name: str, uses: tuple[str, ...] = ()) -> str:
    """`name`.js after the plain functions of the files that it uses: there is no build step."""
    return "\n".join((FOLDER / f"{part}.js").read_text(encoding="utf-8") for part in (*uses, name))
