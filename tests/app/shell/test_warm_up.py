"""What the server does once, while it starts."""

import gc
import socket
import weakref

import pytest

from app.shell import warm_up


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
    monkeypatch.setattr(warm_up, "_import_all", lambda: None)
    monkeypatch.setattr(warm_up, "_fill_caches", lambda: None)
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
