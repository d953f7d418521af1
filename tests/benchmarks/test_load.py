"""The load script: it counts what is not a visitor's own, and runs at its smallest."""

import sys

import pytest
from streamlit.proto.Element_pb2 import Element

from benchmarks import load


def test_load_counts_what_is_not_the_visitors_own():
    record = load.Record()
    visitor, other = (load.Visitor(number, 3, 0, record) for number in (0, 1))
    assert visitor.image != other.image
    assert not {next(visitor.places) for _ in range(100)} & {next(other.places) for _ in range(100)}
    title, grid = load.SAMPLES[visitor.image].title, [16, 16]
    token = [int(part * 16) for part in visitor.place]
    visitor.script, visitor.pages, visitor.sliders = "a", {"explorer": "a"}, {"g1": None}
    visitor.where, visitor.explorer = title, ("id", "fragment", {"title": title, "grid": grid, "token": token})
    visitor._check(load.CLICK)
    assert not record.errors
    visitor.where = "Somebody else's"
    visitor.explorer[2]["token"] = token[::-1] if token[0] != token[1] else [0, 15]
    visitor.address = other.address
    visitor._check(load.CLICK)
    visitor._draw(load.CLICK, Element(html={"body": "<b>Something went wrong here.</b>"}), "")
    visitor._draw(load.CLICK, Element(exception={"type": "KeyError"}), "")
    assert set(record.errors[load.CLICK].values()) == {1} and len(record.errors[load.CLICK]) == 5


@pytest.mark.browser  # no browser, but the running app
def test_load_at_its_smallest(monkeypatch, capsys):
    times = ["--arrive", "1", "--minutes", "0.05", "--think", "0.2", "--after", "0"]
    monkeypatch.setattr(sys, "argv", ["load.py", "--visitors", "3", *times])
    with pytest.raises(SystemExit) as end:
        load.main()
    printed = capsys.readouterr().out
    assert not end.value.code and "0 errors" in printed, printed
    assert f"| {load.FIRST} |" in printed and "of clicks within" in printed
