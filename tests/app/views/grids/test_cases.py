"""Measured cases, against the files that the benchmarks wrote."""

import json
import re

import pytest

import hatnet
from app.views.grids import cases
from tests.app.pages import plain


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """measured(**files) -> the cases, read from these files alone."""
    monkeypatch.setattr(hatnet.checkpoints, "SHIPPED", tmp_path)

    def read(**files):
        for name, content in files.items():
            (tmp_path / (name.replace("_", ".") + ".json")).write_text(json.dumps(content))
        return cases.all_cases()

    return read


def test_a_step_is_missed_as_the_file_says():
    """By hand from the runs themselves: the file's summary is their mean."""
    (case,) = [case for case in cases.all_cases() if "cards" in case.source]
    runs = json.loads((hatnet.checkpoints.SHIPPED / "cards.ablation.json").read_text())["runs"]

    def mean(arm, key):
        found = [run[key] for run in runs if (run["arm"], run["budget"]) == (arm, "equal steps")]
        assert len(found) == 3
        return sum(found) / 3

    arms = {"both steps": "hierarchical", "windows only": "window", "cells only": "pooled"}
    for name, _, value in case.rows[:-1]:
        question, _, kind = name.partition(": ")
        assert value == pytest.approx(mean(arms[kind], {"Near": "local", "Far": "global"}[question]))
    knocked = [run["knock_outs"] for run in runs if (run["arm"], run["budget"]) == ("hierarchical", "equal steps")]
    hidden = sum(one["marked card hidden from the asker"]["global"] for one in knocked) / 3
    assert case.rows[-1][2] == pytest.approx(hidden) and hidden < 0.3


def test_the_range_is_missed_as_the_file_says(measured):
    rows = [([8, 7], [8, 4], 0.88), ([1, 1], [8, 4], 0.76), ([8, 7], [28, 14], 0.83), ([8, 7], [56, 28], 0.77), ([1, 1], [56, 28], 0.47)]
    rows = [dict(stage="all", g1=g1, g2=g2, accuracy=value, macs=1) for g1, g2, value in rows]
    file = dict(images=496, data="imagenette", image_size=224, trained=dict(g1=[8, 7], g2=[8, 4]), rows=rows)
    (case,) = measured(objects224_grids=file)
    assert [value for _, _, value in case.rows] == [0.88, 0.76, 0.77, 0.47]
    said = case.html()
    assert re.findall(r"width:([\d.]+)%", said) == ["88.00", "76.00", "77.00", "47.00"]
    assert "on 496 photographs (imagenette, held out of training)" in plain(said)
    assert 'aria-label="Take away the range, in all stages. as trained: 88 %, windows of one token: 76 %' in said
    assert plain(said).endswith("Source: hatnet/shipped/objects224.grids.json, measured by benchmarks/grids.py")


def test_without_its_file_a_case_is_left_out(measured):
    assert measured() == []


def test_the_cards_are_shown():
    (case,) = [case for case in cases.all_cases() if "cards" in case.source]
    assert '<img src="data:image/png;base64,' in case.html() and "the card with magenta rings in row" in case.html()
