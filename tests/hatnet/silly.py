"""Values that make no sense almost everywhere."""

import math

import numpy as np

SILLY = [
    None,
    True,
    False,
    0,
    1,
    -1,
    3.5,
    2.0,
    10**400,
    -(10**400),
    math.nan,
    math.inf,
    -math.inf,
    1e308,
    "",
    "a",
    "tru",
    "hier",
    "\0",
    b"x",
    {},
]
SILLY += [[], (), [1], [0, 2], [math.nan], [["a"]], ["a", 1], [None], {1: 2}, {"a": 1}, {1, 2}, object(), np.int64(4), np.float32(0.5)]
