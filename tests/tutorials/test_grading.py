"""What the checks of all notebooks share."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tutorials.machinery.checks import local_attention
from tutorials.machinery.checks.grading import Wrong, agree, call, check, compare, random


def test_an_answer_s_own_error_says_what_it_was_called_with(capsys):
    def partition(x, g):
        return x[None, 99:100].reshape(-7)

    with pytest.raises(RuntimeError):
        local_attention.partition(partition)
    assert "partition stopped with the error below. It was called with a tensor (2, 5, 6, 14), 2" in capsys.readouterr().out


def test_what_torch_does_not_implement_is_not_a_missing_answer():
    def partition(x, g):
        return (x > 0) @ (x > 0).mT

    with pytest.raises(NotImplementedError, match="not implemented for 'Bool'"):
        local_attention.partition(partition)


def test_a_check_wants_the_function_not_its_result():
    with pytest.raises(Wrong, match="without calling it; this is a list of 2"):
        local_attention.partition([1, 2])


def on_a_copy(function):
    """A check of a function of one map that wants twice its numbers."""

    @check
    def doubled(student) -> str:
        x = random(2, 3)
        compare(call(student, x), 2 * x.numpy(), "the map", "images, channels")
        return "twice"

    return doubled(function)


def test_an_answer_that_changes_its_input_is_told_so_by_the_input_s_own_name():
    def doubled(tokens):
        tokens *= 2
        return tokens

    with pytest.raises(Wrong, match=r"doubled changed what it was given, .*: tokens is not what it was"):
        on_a_copy(doubled)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda given: given["x"].mul_(2),
        lambda given: given["rows"].sort(),
        lambda given: given["rows"].pop(),
        lambda given: given.pop("x"),
        lambda given: given["array"].fill(0),
        lambda given: given["layer"].bias.data.zero_(),
        lambda given: setattr(given["parts"], "heads", 3),
        lambda given: given["x"].unsqueeze_(0),
        lambda given: setattr(given["measured"], "milliseconds", 3),
    ],
)
def test_a_change_is_seen_wherever_it_is(spoil):
    @dataclass
    class Measured:
        milliseconds: float

    given = {
        "x": random(2, 3),
        "rows": [3, 1, 2],
        "array": np.array([1.0, np.nan]),
        "layer": torch.nn.Linear(2, 2),
        "parts": SimpleNamespace(heads=2),
        "measured": Measured(2.0),
    }

    @check
    def anything(student) -> str:
        call(student, given)
        return "unchanged"

    anything(lambda given: 1)
    with pytest.raises(Wrong, match="changed what it was given"):
        anything(lambda given: (spoil(given), 1))


def test_a_gradient_that_is_left_switched_on_is_a_change():
    with pytest.raises(Wrong, match="x requires a gradient now"):
        on_a_copy(lambda x: 2 * x.requires_grad_().detach())


def test_a_buffer_of_float32_is_told_of_its_type_and_one_of_the_input_s_is_not(capsys):
    def buffer(x):
        out = torch.zeros(x.shape)
        out += 2 * x
        return out

    with pytest.raises(Wrong, match=r"is right in float32, but its result is float32 if x is float64\. Make new .* x\.new_zeros"):
        on_a_copy(buffer)
    with pytest.raises(Wrong, match=r"is right in float32, but stops if x is float64 \(expected.*\)\. Make new"):
        on_a_copy(lambda x: x @ (2 * torch.eye(3)))
    with pytest.raises(Wrong, match="gives other numbers if x is float64"):
        on_a_copy(lambda x: 2 * x if x.dtype == torch.float32 else x)
    on_a_copy(lambda x: x.new_zeros(x.shape) + 2 * x)
    assert capsys.readouterr().out == "✓ twice\n"


def test_one_wrong_number_is_counted_and_placed():
    def nearly(x):
        out = 2 * x
        out[1, 2] += 1
        return out

    with pytest.raises(
        Wrong,
        match=r"^the map has the right shape, but 1 of 6 numbers is wrong, the first at \[1, 2\] \(axes: images, channels; from 0\)\.$",
    ):
        on_a_copy(nearly)
    with pytest.raises(Wrong, match=r"but all the numbers are wrong\.$"):
        on_a_copy(lambda x: 2 * x + 1)
    with pytest.raises(Wrong, match=r"^the weights have shape \(4,\); wanted \(2, 2\): rows, columns\.$"):
        compare(torch.zeros(4), np.zeros((2, 2)), "the weights", "rows, columns")


def test_results_that_differ_from_the_model_s_say_where(capsys):
    x = random(2, 3)
    agree([x], [x + 1e-7], "Eq. 6")
    assert capsys.readouterr().out.startswith("Eq. 6: largest difference from hatnet ")
    with pytest.raises(Wrong, match=r"^Eq\. 7: your numbers differ from hatnet's by up to 1\.0e\+00\. Run this notebook's cells again"):
        agree([x, x], [x, x + 1], "Eq. 7")
    with pytest.raises(Wrong, match=r"^Eq\. 7: yours has shape \(2, 3\), hatnet's \(3, 2\)"):
        agree([x], [x.T], "Eq. 7")
