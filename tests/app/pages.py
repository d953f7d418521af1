"""What the tests of views share: a view through AppTest, and its text. A failure that the page hides fails the test."""

import base64
import json
import logging
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

MAIN = Path(__file__).parents[2] / "app" / "main.py"


@contextmanager
def watched(caplog):
    """Errors that the app logs (it shows a note instead of a traceback) are raised in the end."""
    with caplog.at_level(logging.ERROR, logger="hatnet.app"):
        yield
    assert [record.message for record in caplog.records if record.name == "hatnet.app"] == []


def opened(view: str, **params) -> AppTest:
    """The page app/views/`view` after its first run at this address."""
    at = AppTest.from_file(str(MAIN), default_timeout=120)
    for key, value in params.items():
        at.query_params[key] = value
    # `switch_page` names a page after its file until the app has run once, and all of ours are called page.py.
    at._page_hash = calc_hash(view)
    return at.run()


def spec(at: AppTest, index: int) -> dict:
    """What a chart of the page draws."""
    return json.loads(at.get("plotly_chart")[index].proto.spec)


def text(at: AppTest) -> str:
    """All text on the page."""
    assert not at.exception
    html = [block.proto.body for block in at.get("html")]
    return " ".join([*html, *(block.value for block in at.markdown), *(caption.value for caption in at.caption)])


def unpacked(sheet: dict) -> np.ndarray:
    """The rows that the browser has: [tokens, keys], off by at most 1/510 of the largest weight of the row."""
    levels = np.frombuffer(base64.b64decode(sheet["levels"]), np.uint8).reshape(-1, sheet["keys"])
    largest = np.frombuffer(base64.b64decode(sheet["told"]), "<f4").reshape(-1, 4)[:, 2:3]
    return levels / 255 * largest
