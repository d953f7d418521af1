"""What the checks of all notebooks share."""

import pytest

from tutorials.checks import local_attention
from tutorials.checks.grading import Wrong


def test_an_answer_s_own_error_says_what_it_was_called_with(capsys):
    def partition(x, g):
        return x[None, 99:100].reshape(-7)

    with pytest.raises(RuntimeError):
        local_attention.partition(partition)
    assert "partition stopped with the error below. It was called with (2, 5, 6, 14), 2" in capsys.readouterr().out


def test_a_check_wants_the_function_not_its_result():
    with pytest.raises(Wrong, match="without calling it; this is a list of 2"):
        local_attention.partition([1, 2])
