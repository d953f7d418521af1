"""What the browser is told to refuse: headers of every answer, so that a page runs no script but the app's own, even if it held one.

Streamlit's page has one script of its own inside (its hash stands in the policy); components come as blobs; its styles are made by
scripts. A page may be shown in a frame of its own site alone: behind a proxy, that proxy may send another `frame-ancestors`.
"""

import base64
import hashlib
import re
from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import net_util

PAGE = Path(streamlit.__file__).parent / "static" / "index.html"


def policy() -> str:
    """The content security policy."""
    page = re.sub("<!--.*?-->", "", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    sources = {
        "default-src": "'self'",
        "script-src": " ".join(("'self' blob:", *(f"'sha256-{found}'" for found in hashes))),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",
    }
    return "; ".join(f"{name} {value}" for name, value in sources.items())


def ask_nobody() -> None:
    """Let Streamlit never ask a host on the internet for this machine's address: it would, whenever a page of another site knocks, and
    all visitors would wait for the answer. The address that is asked for serves as one more name that visitors may use: a proxy that
    passes the Host header on needs none."""
    net_util.get_external_ip = lambda: None


class Headers:
    """Adds the headers to every answer over HTTP."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.headers = {"Content-Security-Policy": policy(), "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        await self.app(scope, receive, send_with_headers)
