"""How many decoded pictures a process holds, and which crops suit them."""

import math

import pytest
from PIL import Image

from hatnet.commands import images
from hatnet.commands.arguments import parsed, recipe_of
from hatnet.machine import CPU


def test_processes_share_the_memory(tmp_path, monkeypatch):
    """48 training images of 3 KiB and 12 held-out ones; of two processes on this machine, each may hold half."""
    for name in ("red", "green", "blue"):
        (tmp_path / name).mkdir()
        for number in range(20):
            Image.new("RGB", (32, 32), (number, 0, len(name))).save(tmp_path / name / f"{number}.png")
    more = ["--val-fraction", "0.2", "--image-size", "32", "--in-memory", str(180 / 2**20)]
    arguments = parsed(["--data", f"folder:{tmp_path}", *more])[0]
    source, held = images.source_of(arguments, None), {}
    for processes in ("1", "2"):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
        held[processes] = [part.nbytes for part in images.images_of(arguments, source, CPU)]
    assert held == {"1": [48 * 3072, 12 * 3072], "2": [0, 12 * 3072]}


@pytest.mark.parametrize("available, gib", [(math.inf, 4.0), (16 * 2**30, 4.0), (2 * 2**30, 1.0)])
def test_memory_for_pictures(available, gib, monkeypatch):
    monkeypatch.setattr(images, "available_memory", lambda: available)
    assert images.memory_for_pictures(CPU) == gib


def test_crops_undo_the_squashing_of_pictures_that_are_all_square(tmp_path, capsys):
    def aspect(size, *more):
        for label in ("a", "b"):
            for number in range(4):
                path = tmp_path / "pictures" / label / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", size if number == 2 else (40, 40)).save(path)
        (tmp_path / "pictures" / "a" / "torn.png").write_bytes(b"torn")
        arguments = parsed(["--data", f"folder:{tmp_path / 'pictures'}", "--recipe", "paper", *more])[0]
        images.settle_crops(arguments, images.source_of(arguments, None), CPU)
        return recipe_of(arguments).aspect

    assert aspect((40, 40)) == (0.5, 4 / 3) and "all square" in capsys.readouterr().err
    assert aspect((40, 40), "--aspect", "0.9", "1.1") == (0.9, 1.1)
    assert aspect((60, 40)) == aspect((40, 40), "--augment", "none") == (3 / 4, 4 / 3) and not capsys.readouterr().err
