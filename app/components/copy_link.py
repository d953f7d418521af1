"""The button that copies the page's address, which opens the same view for anyone."""

from pathlib import Path

from app.components import component

_HTML = """
<div class="copylink">
  <button type="button" aria-label="Copy a link to this view" title="Copy a link to this view">
    <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path fill="currentColor" d="M3.9 12a3.1 3.1 0 0 1
      3.1-3.1h4V7H7a5 5 0 0 0 0 10h4v-1.9H7A3.1 3.1 0 0 1 3.9 12zM8 13h8v-2H8v2zm9-6h-4v1.9h4a3.1 3.1 0 0 1 0 6.2h-4V17h4a5 5 0 0 0
      0-10z"/></svg>
    <span role="status">Copy link</span>
  </button>
  <input type="text" readonly hidden aria-label="Link to this view">
  <p role="status"></p>
</div>
"""
_mount = component(Path(__file__).with_name("copy_link.js"), _HTML)


def copy_link(warning: str) -> None:
    """Draw the button. The browser reads the address when it is pressed. warning: what the link leaves out, if it leaves out anything."""
    _mount(key="copylink", data={"warning": warning})
