"""Inline Streamlit components (version 2): Python sends data, the browser draws it and sends back what the visitor chose."""

from pathlib import Path

import streamlit as st

from app.core import colours

SHARED = Path(__file__).parent / "js"


def component(script_path: Path, html: str, uses: tuple[str, ...] = ()):
    """The component of a script and the style sheet of the same name beside it, with the app's colours."""
    # Streamlit wants text of several lines, not a path.
    return st.components.v2.component(f"hatnet_{script_path.stem}", html=html, css=style(script_path), js=script(script_path, uses))


def style(script_path: Path) -> str:
    return colours.css() + "\n" + script_path.with_suffix(".css").read_text(encoding="utf-8")


def script(script_path: Path, uses: tuple[str, ...] = ()) -> str:
    """A script after the plain functions of the shared files that it uses: there is no build step."""
    paths = [*(SHARED / f"{name}.js" for name in uses), script_path]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)
