"""`make class`: the address of this machine, a QR code that says it, and a server that answers the room."""

import re

import pytest

from app import classroom


def test_the_qr_code_says_the_address():
    """Read back from its half blocks of white on black, module by module."""
    import segno

    url = "http://192.168.1.20:8501/"
    said = classroom.invitation(url)
    assert f"room: {url}" in said
    lines = [re.sub(r"\033\[[\d;]*m", "", line) for line in said.split("\n\n")[0].splitlines()]
    light = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}
    rows = [[light[cell][half] for cell in line] for line in lines for half in (0, 1)]
    wanted = [[int(not module) for module in row] for row in segno.make(url, error="m").matrix_iter(border=4)]
    assert rows[: len(wanted)] == wanted
    assert all(line.startswith("\033[97;40m") for line in said.split("\n\n")[0].splitlines())


def test_only_this_opens_the_app_to_the_room():
    command = classroom.command("lab.local", 8600, ["--server.baseUrlPath=hatnet"])
    assert command[1:4] == ["-m", "streamlit", "run"] and command[4].endswith("main.py")
    assert command[5:] == [
        "--server.address=0.0.0.0",
        "--server.port=8600",
        "--browser.serverAddress=lab.local",
        "--server.baseUrlPath=hatnet",
    ]


@pytest.mark.parametrize("found", ["127.0.0.1", None])
def test_without_a_network_it_says_what_helps(found, monkeypatch, capsys):
    class Probe:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def connect(self, _):
            if found is None:
                raise OSError("Network is unreachable")

        def getsockname(self):
            return found, 0

    monkeypatch.setattr(classroom.socket, "socket", lambda *_: Probe())
    monkeypatch.setattr(classroom.subprocess, "call", lambda command: pytest.fail("started"))
    with pytest.raises(SystemExit):
        classroom.main([])
    assert "make class HOST=192.168.1.20" in capsys.readouterr().err
    monkeypatch.setattr(classroom.subprocess, "call", lambda command: len(command))
    assert classroom.main(["--host", "lab.local", "--port", "8600"]) == 8
    assert "http://lab.local:8600/" in capsys.readouterr().out
