"""The notes by which notebooks learn where the app runs."""

import os
import socket
import tempfile

import pytest

from app.core import running


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def url_of(server: socket.socket) -> str:
    return f"http://localhost:{server.getsockname()[1]}/"


def test_servers_are_found_while_they_run_the_latest_first():
    assert running.addresses() == []
    with socket.create_server(("localhost", 0)) as one, socket.create_server(("localhost", 0)) as two, running.announced(url_of(one)):
        os.utime(running.notes() / str(one.getsockname()[1]), (1, 1))
        with running.announced(url_of(two)):
            assert running.addresses() == [url_of(two), url_of(one)]
        assert running.addresses() == [url_of(one)]
    assert running.addresses() == []


def test_a_note_is_removed_when_the_server_fails():
    with pytest.raises(RuntimeError), running.announced("http://localhost:8501/"):
        raise RuntimeError
    assert list(running.notes().iterdir()) == []


def test_a_note_that_a_crashed_server_left_is_passed_over():
    with socket.create_server(("localhost", 0)) as server:
        url = url_of(server)
    with running.announced(url):
        assert running.addresses() == []


def test_where_nothing_can_be_written_the_server_runs_all_the_same(tmp_path):
    running.notes().write_text("a file where the folder should be", encoding="utf-8")
    with running.announced("http://localhost:8501/"):
        assert running.addresses() == []
