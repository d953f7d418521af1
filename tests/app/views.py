"""What the tests of views share: a view through AppTest, and its text. A failure that the page hides fails the test."""

import json
import logging
from contextlib import contextmanager
from pathlib import Path

from streamlit.testing.v1 import AppTest

MAIN = Path(__file__).parents[2] / "app" / "main.py"


@contextmanager
def watched(caplog):
    """Errors that the app logs (it shows a note instead of a traceback) are raised in the end."""
    with caplog.at_level(logging.ERROR, logger="hatnet.app"):
        yield
    assert [record.message for record in caplog.records if record.name == "hatnet.app"] == []


def opened(view: str, **params) -> AppTest:
    """The view app/views/`view`.py after its run at this address."""
    at = AppTest.from_file(str(MAIN), default_timeout=120)
    for key, value in params.items():
        at.query_params[key] = value
    return at.switch_page(f"views/{view}.py").run()


def spec(at: AppTest, index: int) -> dict:
    """What a chart of the page draws."""
    return json.loads(at.get("plotly_chart")[index].proto.spec)


def text(at: AppTest) -> str:
    """All text on the page."""
    assert not at.exception
    html = [block.proto.body for block in at.get("html")]
    return " ".join([*html, *(block.value for block in at.markdown), *(caption.value for caption in at.caption)])
