"""What is done once for all visitors while the server starts: the imports, the model and the maps that open first.

PyTorch and what comes with it make a million objects that live as long as the process. Streamlit collects garbage after every run of a
page, and each collection would walk through all of them with the interpreter's lock held, 0.6 s long. So, when everything has been
imported, they are frozen: the collector no longer looks at them, and still frees whatever is made later.
"""

import asyncio
import gc
import importlib
import logging
import socket
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import streamlit as st

from app.core import running
from app.shell import security

log = logging.getLogger("hatnet.app")
VIEWS = Path(__file__).resolve().parents[1] / "views"


@asynccontextmanager
async def lifespan(app: "st.App") -> AsyncIterator[None]:
    """Around the server's life: warm up, and open the browser, as soon as the server answers; and say where that is."""
    _send_at_once()
    security.ask_nobody()
    loop = asyncio.get_running_loop()
    loop.call_later(0.5, threading.Thread(target=_warm_up, name="warm-up", daemon=True).start)
    address = st.get_option("server.address")
    address = "localhost" if address in ("127.0.0.1", "0.0.0.0") else address  # open to the room, it answers here too
    url = f"http://{address}:{st.get_option('server.port')}/{st.get_option('server.baseUrlPath').strip('/')}"
    if not st.get_option("server.headless"):  # Streamlit opens none for an app that brings its own server
        loop.call_later(0.3, webbrowser.open, url)
    with running.announced(url):
        yield


def _send_at_once() -> None:
    """Switch Nagle's algorithm off, which holds a message back until the browser has acknowledged the one before: up to 40 ms on Linux.

    asyncio does so by itself, but not for connections of a socket that was opened without naming TCP, as Streamlit opens its own.
    Connections inherit it from the socket that listens. Streamlit gives no access to that one, so it is found among all objects.
    """
    for thing in gc.get_objects():
        if not issubclass(type(thing), socket.socket) or thing.fileno() < 0 or thing.family not in (socket.AF_INET, socket.AF_INET6):
            continue
        if thing.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            thing.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def imported(name: str) -> bool:
    """Whether a module is there as a whole: while another thread imports it, it stands in `sys.modules` already."""
    module = sys.modules.get(name)
    return module is not None and not getattr(module.__spec__, "_initializing", False)


def _warm_up() -> None:
    """Without it everything works, and the first visitors wait longer."""
    try:
        _fill_caches(_import_all())
    except Exception:  # whatever is wrong will be shown to the visitor who asks for it
        log.exception("the warm-up failed")
    gc.collect()
    gc.freeze()


def _import_all() -> list[ModuleType]:
    """Every module of every page (not the pages, which draw)."""
    import torch  # noqa: F401 first: whoever comes meanwhile waits for it

    modules = []
    for path in sorted(VIEWS.glob("*/**/*.py")):
        if path.name != "page.py":
            parts = path.relative_to(VIEWS).with_suffix("").parts
            modules.append(importlib.import_module(".".join(("app.views", *(part for part in parts if part != "__init__")))))
    return modules


def _fill_caches(modules: list[ModuleType]) -> None:
    """What the first visitor's Start shows, and what pages prepare: modules may have a function `prepare(view, checkpoint, picture)`."""
    from app.core import checkpoints, pictures
    from app.core.layer import layer_of
    from app.core.view import default

    if names := checkpoints.names():
        checkpoint = checkpoints.describe(names[0])
        view = default(checkpoint)
        picture = pictures.sample(view.image)
        for pixels in (pictures.sharp(picture), pictures.model_input(picture, checkpoint.image_size), pictures.thumbnail(picture)):
            pictures.data_uri(picture, pixels)
        if not checkpoint.other_mechanisms:
            layer_of(view, checkpoint, picture)
            for module in modules:
                if prepare := getattr(module, "prepare", None):
                    prepare(view, checkpoint, picture)
