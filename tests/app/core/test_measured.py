"""The files that benchmarks wrote beside the checkpoints, as the pages read them."""

import os

import pytest

import hatnet
from app.core import measured


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(hatnet.checkpoints, "SHIPPED", tmp_path)
    return tmp_path


def test_a_file_is_read_once_and_again_where_it_was_written_again(folder):
    assert measured.read("a.json") is None
    (folder / "a.json").write_text('{"rows": 1}')
    first = measured.read("a.json", "rows")
    assert first == {"rows": 1} and measured.read("a.json", "rows") is first
    (folder / "a.json").write_text('{"rows": 2}')
    os.utime(folder / "a.json", ns=(1, 1))
    assert measured.read("a.json", "rows") == {"rows": 2}


@pytest.mark.parametrize("content", ["{", "[]", '{"rows": 1}', b"\xff"])
def test_a_damaged_file_is_named_and_stands_in_the_log(folder, content, log):
    (folder / "a.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"^a\.json is not what the program in benchmarks/ writes"):
        measured.read("a.json", "rows", "images")
    assert any("a.json" in record.getMessage() for record in log)
    log.clear()
