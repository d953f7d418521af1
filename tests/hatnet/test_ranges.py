"""Ranges: what each holds, and that the nearest value that a message names is valid."""

import itertools
import math

import numpy as np
import pytest

from hatnet.ranges import Either, Flag, Many, Maybe, Number, Table, Whole, Word, check, plain
from tests.hatnet.silly import SILLY

RANGES = [
    Whole(1, 9),
    Whole(1, 9, odd=True),
    Number(0, 1),
    Number(0, 1, above=True, below=True),
    Flag(),
    Word(),
    Word(("hierarchical", "full")),
    Many(Whole(1, 9), 1, 4),
    Many(Number(0, 1, below=True), 2, 2),
    Many(Many(Word(), 0, 2), 1, 1),
    Maybe(Number(0, 1)),
    Either(Word(("a", "b")), Many(Word(("a", "b")), 1, 2)),
    Table(),
]


@pytest.mark.parametrize("wanted", RANGES, ids=str)
def test_the_nearest_value_is_valid(wanted):
    for value in SILLY:
        if wanted.holds(value):
            check({"x": value}, {"x": wanted})
            continue
        near = wanted.nearest(value)
        assert near is None or wanted.holds(near), (value, near)
        with pytest.raises(ValueError, match=r"^x is ") as error:
            check({"x": value}, {"x": wanted})
        assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    "wanted, held",
    [
        (Whole(1, 9), [1, 9, np.int64(4)]),
        (Whole(1, 9, odd=True), [1, 3, 9]),
        (Number(0, 1), [0, 1, 0.5, np.float32(0.5)]),
        (Number(0, 1, above=True), [1, 0.5]),
        (Number(0, 1, below=True), [0, 0.5]),
        (Flag(), [True, False]),
        (Word(), ["a"]),
        (Many(Whole(1, 9), 1, 2), [[1], (1, 2)]),
        (Maybe(Flag()), [None, True]),
        (Table(), [{}, {"a": 1}]),
    ],
    ids=str,
)
def test_what_a_range_holds(wanted, held):
    never = [math.nan, math.inf, 10**400, "", b"x", [math.nan], {1: 2}, 1 + 2j]
    assert all(map(wanted.holds, held)) and not any(map(wanted.holds, never))
    if isinstance(wanted, Whole | Number):
        assert not any(map(wanted.holds, (True, False, "1", [1])))


@pytest.mark.parametrize(
    "wanted, value, words",
    [
        (Whole(1, 9), 0, "x is 0; wanted a whole number from 1 to 9; the nearest is 1"),
        (Whole(1, 8_000), math.inf, "x is inf; wanted a whole number from 1 to 8,000; the nearest is 8000"),
        (Whole(1, 9, odd=True), 10**400, "; wanted an odd whole number from 1 to 9; the nearest is 9"),
        (Number(0, 1, below=True), 5, "x is 5; wanted a number from 0 to below 1; the nearest is 0.999"),
        (Number(0, 1, above=True), -1, "x is -1; wanted a number above 0 up to 1; the nearest is 0.001"),
        (Flag(), "False", "x is 'False'; wanted true or false; the nearest is False"),
        (Word(("group", "layer")), "laier", "x is 'laier'; wanted one of group, layer; the nearest is layer"),
        (Many(Whole(1, 9), 1, 4), 3, "x is 3; wanted a list of 1 to 4, each a whole number from 1 to 9; the nearest is [3]"),
        (Many(Whole(1, 9), 2, 2), (0, 50), "x is (0, 50); wanted a list of 2, each a whole number from 1 to 9; the nearest is [1, 9]"),
        (Many(Whole(1, 9), 1, 4), (1, "a"), "x is (1, 'a'); wanted a list of 1 to 4, each a whole number from 1 to 9"),
        (Number(0, 1), math.nan, "x is nan; wanted a number from 0 to 1"),
    ],
)
def test_sentences(wanted, value, words):
    with pytest.raises(ValueError) as error:
        check({"x": value}, {"x": wanted})
    assert str(error.value).endswith(words)


def test_a_missing_value_is_named():
    with pytest.raises(ValueError, match=r"^b is missing; wanted true or false$"):
        check({"a": True}, {"a": Flag(), "b": Flag()})


def test_values_become_pythons_own():
    found = plain([np.int64(3), (np.float32(0.5), True), "a", None])
    assert found == (3, (0.5, True), "a", None)
    flat = itertools.chain(found[:1], found[1])
    assert [type(value) for value in flat] == [int, float, bool]
