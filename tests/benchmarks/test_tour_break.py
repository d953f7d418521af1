"""The script finds what it keeps, and only where there is something to be found."""

import dataclasses

from app.core import tour_breaks
from benchmarks import tour_break
from tests.app.default_view import KNOWN


def test_what_is_kept_is_what_the_script_finds():
    assert tour_break.find(KNOWN) == tour_breaks.kept(KNOWN)


def test_without_a_photograph_of_its_classes_there_is_none():
    assert tour_break.find(dataclasses.replace(KNOWN, classes=("zebra",) * 10)) is None
