"""`make class`: open the app to everyone in the room, with its address and a QR code of it in the terminal.

    python -m app.classroom --host 192.168.1.20 --port 8501

`make app` answers this machine alone. This answers every machine that can reach this one, without a password and without encryption: for a
class on a network that is trusted, and for as long as the class lasts.
"""

import argparse
import io
import ipaddress
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import segno

MAIN = Path(__file__).resolve().with_name("main.py")
# Nothing is sent there: it is a place for documentation (RFC 5737), and asking for the way tells which of our addresses leads out.
FAR = ("192.0.2.1", 9)


def own_address() -> str:
    """This machine's address in its network. Raises ValueError if it has none but 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(FAR)
            found = probe.getsockname()[0]
        except OSError:
            found = "127.0.0.1"
    if ipaddress.ip_address(found).is_loopback:
        raise ValueError("this machine is in no network. Join one, or name its address: make class HOST=192.168.1.20")
    return found


def command(host: str, port: int, others: Sequence[str] = ()) -> list[str]:
    """What starts the app for a room. host: what the visitors' browsers call it; others: more of Streamlit's options."""
    options = ("--server.address=0.0.0.0", f"--server.port={port}", f"--browser.serverAddress={host}", *others)
    return [sys.executable, "-m", "streamlit", "run", str(MAIN), *options]


def invitation(url: str) -> str:
    """The QR code of an address, and the address."""
    drawn = io.StringIO()
    segno.make(url, error="m").terminal(drawn, compact=True)
    picture = "\n".join(f"\033[97;40m{line}\033[0m" for line in drawn.getvalue().splitlines())  # white on black, in a light terminal too
    return f"{picture}\n\nOpen in a browser in this room: {url}\nEveryone in this network can. Ctrl-C closes it.\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m app.classroom", description="Open the app to everyone in the room.")
    parser.add_argument("--host", help="this machine's name or address, as the visitors' browsers call it (found by itself)")
    parser.add_argument("--port", type=int, default=8501, help="(8501)")
    args, others = parser.parse_known_args(arguments)
    try:
        host = args.host or own_address()
    except ValueError as error:
        parser.exit(1, f"{error}\n")
    print(invitation(f"http://{host}:{args.port}/"), flush=True)
    try:
        return subprocess.call(command(host, args.port, others))
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
