"""What the server does once, while it starts."""

import gc
import socket
import weakref

import pytest
import streamlit as st
from PIL import Image

from app.core import checkpoints, inference, layer, pictures
from app.core.view import default
from app.shell import warm_up
from app.views.explorer import sheets
from app.views.explorer.payload import payload


def test_listening_sockets_send_at_once(tmp_path):
    # Opened without naming TCP, as Streamlit's; and one that has no such option.
    with socket.socket() as listening, socket.socket() as idle, socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "socket"))
        other.listen()
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        assert not listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        warm_up._send_at_once()
        assert not idle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.fixture
def frozen(monkeypatch):
    """The warm-up's last step, undone afterwards."""
    monkeypatch.setattr(warm_up, "_import_all", list)
    monkeypatch.setattr(warm_up, "_fill_caches", lambda modules: None)
    gc.collect()
    old = gc.get_freeze_count()
    warm_up._warm_up()
    assert gc.get_freeze_count() > old
    yield
    gc.unfreeze()


def test_what_is_made_later_is_freed(frozen):
    """Figures, tensors and models that know each other in a circle: only the collector can free them."""
    import plotly.graph_objects as go
    import torch

    class Kept:
        """Something that a visitor leaves behind."""

    kept = Kept()
    kept.figure = go.Figure([{"type": "heatmap", "z": [[0, 1]]}])
    kept.tensor = torch.zeros(8, requires_grad=True)
    kept.model = torch.nn.Linear(8, 8)
    kept.itself = kept
    gone = [weakref.ref(thing) for thing in (kept, kept.figure, kept.tensor, kept.model)]
    del kept
    assert all(ref() is not None for ref in gone)
    gc.collect()
    assert [ref() for ref in gone] == [None] * 4


def test_the_view_that_opens_first_is_ready_for_its_first_visitor(monkeypatch):
    """No forward pass, no layer, no sheet of all tokens and no picture is made for it any more."""
    st.cache_resource.clear()
    warm_up._fill_caches(warm_up._import_all())
    checkpoint = checkpoints.describe(checkpoints.names()[0])
    view = default(checkpoint)
    picture, made = pictures.sample(view.image), []
    monkeypatch.setattr(inference, "_run", lambda *_: pytest.fail("a forward pass"))
    monkeypatch.setattr(layer, "frames", lambda *_: pytest.fail("the frames of a layer"))
    monkeypatch.setattr(Image.Image, "save", lambda *_, **__: pytest.fail("an encoding"))
    pack = sheets._made
    monkeypatch.setattr(sheets, "_made", lambda sheet: made.append(sheet.kind) or pack(sheet))
    sent = payload(view, checkpoint, picture, held=[])
    pictures.data_uri(picture, pictures.sharp(picture))
    assert made == ["hops"] and sent["sheets"]["hops"]["body"]["only"] is not None, "two hops hold the selected token alone"
