"""What the checks of all notebooks share: calling the student's function, comparing its result, and naming the mistake, not the answer."""

from collections.abc import Callable, Mapping
from functools import wraps

import numpy as np
import torch

MAP = "images, channels, tokens down, tokens across"  # the axes of a map, for `compare`


class Wrong(AssertionError):
    """An answer that is not right yet. A notebook shows the text alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"Not yet: {self}"]


class Todo(NotImplementedError):
    """An answer that is not written yet."""

    def _render_traceback_(self) -> list[str]:
        return [f"Not written yet: {self}"]


def check(function: Callable[..., str]) -> Callable[..., None]:
    """Make a check of a function that raises Wrong, or returns the line to print when everything is right."""

    @wraps(function)
    def checked(*answers) -> None:
        for answer in answers:
            if not callable(answer):
                raise Wrong(f"give the check your function itself, without calling it; this is {_kind(answer)}.")
        print(f"✓ {function(*answers)}")

    return checked


def call(function: Callable, *arguments, **named):
    """Call the student's function and return its result.

    Raises Todo if it is not written and Wrong if it returns None. Its other errors pass, after a line that says what it was called with.
    """
    try:
        answer = function(*arguments, **named)
    except NotImplementedError as error:
        raise Todo(str(error) or f"{function.__name__} raises NotImplementedError: write it first.") from None
    except Exception:
        tried = [tuple(value.shape) if isinstance(value, torch.Tensor) else value for value in (*arguments, *named.values())]
        print(f"✗ {function.__name__} stopped with the error below. It was called with {', '.join(map(_short, tried))}")
        raise
    if answer is None:
        raise Wrong(f"{function.__name__} returned None. Did you forget `return`?")
    return answer


def compare(
    got: object,
    right: np.ndarray,
    what: str,
    axes: str,
    mistakes: Mapping[str, np.ndarray] | None = None,
    dtype: torch.dtype = torch.float32,
    tolerance: float = 1e-4,
) -> None:
    """Raise Wrong unless `got` is the tensor `right`.

    what: its name in the message ("Q1"). axes: its shape in words ("windows, tokens, channels"). mistakes: message -> the result of that
    mistake. A mistake that happens to give the right result here does no harm.
    """
    if not isinstance(got, torch.Tensor):
        raise Wrong(f"{what} is {_kind(got)}; wanted a torch tensor.")
    if got.dtype != dtype:
        why = " (compare with 0: that gives True and False)" if dtype == torch.bool else ", as in the input"
        raise Wrong(f"{what} is {_name(got.dtype)}; wanted {_name(dtype)}{why}.")
    values = got.detach().numpy()
    if _close(values, right, tolerance):
        return
    for message, mistaken in (mistakes or {}).items():
        if _close(values, mistaken, tolerance):
            raise Wrong(message)
    if values.shape != right.shape:
        raise Wrong(f"{what} has shape {values.shape}; wanted {tuple(right.shape)}: {axes}.")
    if not np.isfinite(values).all():
        raise Wrong(f"{what} has the right shape, but contains nan or inf.")
    part = np.mean(~np.isclose(values, right, rtol=tolerance, atol=tolerance))
    raise Wrong(f"{what} has the right shape, but {part:.0%} of its numbers are wrong.")


def several(got: object, count: int, what: str, stacked: bool = False) -> tuple:
    """Return the student's result as a tuple of `count` things. stacked: one tensor that holds them along its first axis will do."""
    if stacked and isinstance(got, torch.Tensor) and len(got) == count:
        return tuple(got)
    if not isinstance(got, tuple | list) or len(got) != count:
        raise Wrong(f"wanted {count} results, {what}; got {_kind(got)}.")
    return tuple(got)


def number(got: object, right: float, what: str, mistakes: Mapping[str, float] | None = None) -> None:
    """Raise Wrong unless `got` is the number `right`, to six digits."""
    got = scalar(got)
    if isinstance(got, bool) or not isinstance(got, int | float | np.number):
        raise Wrong(f"{what} is {_kind(got)}; wanted a number.")
    if np.isclose(got, right, rtol=1e-6):
        return
    for message, mistaken in (mistakes or {}).items():
        if np.isclose(got, mistaken, rtol=1e-6):
            raise Wrong(message)
    raise Wrong(f"{what} is too {'large' if got > right else 'small'}.")


def scalar(value: object) -> object:
    """Turn a tensor of one number into that number, and leave everything else as it is."""
    return value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    """Draw normal numbers: the same in every run, whatever the notebook has drawn before."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def random_weights(*shape: int, seed: int = 0) -> torch.Tensor:
    """Draw attention weights: positive numbers whose last axis sums to 1."""
    return (2 * random(*shape, seed=seed)).softmax(-1)


def _close(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _kind(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f"one tensor of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def _short(value: object) -> str:
    return str(value) if isinstance(value, tuple | int | float) else type(value).__name__
