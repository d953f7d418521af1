"""The one way in which tests open a page of the app: through AppTest, at an address; and what they find on it."""

import json
import re
from pathlib import Path

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block
from streamlit.util import calc_hash

from app.core import content, glossary

MAIN = Path(__file__).parents[2] / "app" / "main.py"
PAGES = sorted(path.parent.name for path in MAIN.parent.glob("views/*/page.py"))


def opened(page: str, checkpoint: str = "cifar10", **params: str) -> AppTest:
    """The page app/views/`page` after its first run at this address; by default with the checkpoint that runs fastest."""
    at = AppTest.from_file(str(MAIN), default_timeout=600)  # a busy machine may need minutes for what takes seconds
    for key, value in {"checkpoint": checkpoint, **params}.items():
        at.query_params[key] = value
    # `switch_page` names a page after its file until the app has run once, and all of ours are called page.py.
    at._page_hash = calc_hash(page)
    return at.run()


def text(at: AppTest | Block) -> str:
    """All text on the page, or in a part of it."""
    assert not at.get("exception")
    html = [block.proto.body for block in at.get("html")]
    return " ".join([*html, *(block.value for block in at.markdown), *(caption.value for caption in at.caption)])


def plain(html: str) -> str:
    """The words of some HTML, without the meanings that the glossary's words open."""
    return re.sub("<[^>]*>", "", re.sub("<span popover.*?</span>", "", html)).replace("\u00a0", " ")


def words(at: AppTest) -> str:
    """All words on the page."""
    return plain(text(at))


def prose(at: AppTest) -> str:
    """All text on the page but that of the sidebar and the glossary."""
    return text(at.main).replace(content.text(glossary.FILE).strip(), "")


def charts(at: AppTest) -> list[dict]:
    """What each chart of app/ui/chart.py on the page draws."""
    return [data for data in components(at) if "stops" in data]


def quantities(at: AppTest) -> dict[str, str]:
    """The marked numbers on the page: name -> text. One name that has two values fails."""
    found: dict[str, str] = {}
    for name, said in re.findall(r'data-quantity="([a-z-]+)">([^<]+)<', text(at).replace("\u00a0", " ")):
        assert found.setdefault(name, said) == said, name
    return found


def components(at: AppTest) -> list[dict]:
    """What each component of our own on the page is given; nothing, for Copy link."""
    assert not at.exception
    return [json.loads(block.proto.json or "{}") for block in at.get("bidi_component")]


def button(at: AppTest, label: str):
    """The button with this label."""
    return next(button for button in at.button if button.label == label)
