"""The machine: its memory as the system's files say, and the signals that stop a run."""

import math
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hatnet.machine import Machine, available_memory, obeyed_signals, stop_signals


@pytest.mark.parametrize(
    "files, wanted",
    [
        ({"/proc/meminfo": "MemTotal: 9000 kB\nMemAvailable:   5000 kB\n"}, 5000 * 1024),
        ({"/proc/meminfo": "MemAvailable: 5000 kB\n", "/sys/fs/cgroup/memory.max": "max\n"}, 5000 * 1024),
        ({"/proc/meminfo": "MemAvailable: 5000 kB\n", "/sys/fs/cgroup/memory.max": "1000\n"}, 1000),
        ({"/proc/meminfo": "MemFree: 5000 kB\n"}, math.inf),
        ({}, math.inf),
    ],
)
def test_available_memory(files, wanted, monkeypatch):
    def read(path):
        if str(path) not in files:
            raise FileNotFoundError(path)
        return files[str(path)]

    monkeypatch.setattr(Path, "read_text", read)
    assert available_memory() == wanted


def test_bfloat16_where_autocast_refuses_it(monkeypatch):
    assert Machine().bfloat16_error() == ""

    def refuse(*_):
        raise RuntimeError("Current device does not support bfloat16.\nAnd more.")

    monkeypatch.setattr(torch, "autocast", refuse)
    assert Machine().bfloat16_error() == "Current device does not support bfloat16."


def test_signals_are_collected_and_handed_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_signals() as signals:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        with obeyed_signals():
            assert signal.getsignal(signal.SIGINT) == signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        signal.raise_signal(signal.SIGTERM)
    assert signals == [signal.SIGTERM, signal.SIGINT, signal.SIGTERM] and signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_obeyed_even_in_code_that_does_not_return_to_python(number):
    """The main thread waits inside C for another thread, as in the backward pass on a GPU, where that thread compiles."""
    code = (
        "import ctypes, hatnet.machine as m\nlibc = ctypes.PyDLL(None)\n"  # PyDLL keeps Python's lock: no handler can run
        "with m.stop_signals(), m.obeyed_signals():\n    print('ready', flush=True)\n    while True: libc.usleep(10**6)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    try:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(10) == -number
    finally:
        process.kill()


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_the_shares_of_all_processes_are_the_whole(world):
    """Each image goes to exactly one process, and no share is larger than another by more than one image."""
    images = list(range(7))
    shares = [images[Machine(rank=rank, world=world).shard] for rank in range(world)]
    assert sorted(image for share in shares for image in share) == images
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
