"""What the checks of all notebooks share: calling the student's function, comparing its result, and naming the mistake, not the answer.

Three things need no line of their own in a check. `call` hands the function copies, and says so if it changed one of them. When a check
has found everything right, it repeats its calls in float64: a loop that fills `torch.zeros(...)` is told of its type here, not
by an error in a later cell. And `compare` says which number is the first that is wrong. A batch of 1, on the other hand, belongs among
the shapes of each check.
"""

import copy
import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

MAP = "images, channels, tokens down, tokens across"  # the axes of a map, for `compare`
PLURAL = ("weights", "results")  # what `compare` calls by a word that wants "have" and "are"


class Wrong(AssertionError):
    """An answer that is not right yet. A notebook shows the text alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"Not yet: {self}"]


class Todo(NotImplementedError):
    """An answer that is not written yet."""

    def _render_traceback_(self) -> list[str]:
        return [f"Not written yet: {self}"]


@dataclasses.dataclass
class Student:
    """A student's function, and the calls that its check will repeat in float64: arguments and result of each."""

    function: Callable
    calls: list[tuple[tuple, object]] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        name = getattr(self.function, "__name__", "<lambda>")
        return "your function" if name == "<lambda>" else name

    def argument(self, index: int) -> str:
        """What the function itself calls the argument at that index."""
        try:
            names = list(inspect.signature(self.function).parameters)
        except (TypeError, ValueError):
            names = []
        return names[index] if index < len(names) else f"argument {index + 1}"


def check(function: Callable[..., str]) -> Callable[..., None]:
    """Make a check of a function that raises Wrong, or returns the line to print when everything is right.

    It is given a Student for each function that the notebook hands in, to be called with `call`.
    """

    @wraps(function)
    def checked(*answers) -> None:
        for answer in answers:
            if not callable(answer):
                raise Wrong(f"give the check your function itself, without calling it; this is {_kind(answer)}.")
        students = [Student(answer) for answer in answers]
        line = function(*students)
        for student in students:
            _repeat_in_float64(student)
        print(f"✓ {line}")

    return checked


def call(student: Student, *arguments, float64: bool = True, or_none: bool = False):
    """Call the student's function with copies of the arguments and return its result.

    float64: repeat the call in float64 when all the rest is right. Switch it off where the result has a type of its own. Calls whose
    result holds no float tensor are not repeated, nor are those with a function among the arguments: it may hold float32 weights.
    (Layers may: they are turned into float64.) or_none: None is an answer, too.

    Raises Todo if the function is not written, and Wrong if it returns None or changes an argument. Its other errors pass, after a line
    that says what it was called with.
    """
    given = copy.deepcopy(arguments)
    try:
        answer = student.function(*given)
    except Exception as error:
        # torch raises NotImplementedError, too, where it has no code for a type: "addmm_impl_cpu_" not implemented for 'Bool'.
        if isinstance(error, NotImplementedError) and (not str(error) or str(error).startswith("TODO")):
            raise Todo(str(error) or f"{student.name} raises NotImplementedError: write it first.") from None
        print(f"✗ {student.name} stopped with the error below. It was called with {', '.join(map(_short, arguments))}")
        raise
    for index, (now, before) in enumerate(zip(given, arguments, strict=True)):
        _unchanged(now, before, student, student.argument(index))
    if answer is None and not or_none:
        raise Wrong(f"{student.name} returned None. Did you forget `return`?")
    functions = any(callable(value) and not isinstance(value, nn.Module) for value in arguments)
    if float64 and not functions and any(tensor.is_floating_point() for tensor in _tensors(answer)):
        student.calls.append((arguments, answer))
    return answer


def _unchanged(now: object, before: object, student: Student, name: str) -> None:
    """Raise Wrong if the argument is no longer what it was."""
    if isinstance(now, torch.Tensor) and now.requires_grad != before.requires_grad:
        raise Wrong(
            f"{student.name} changed what it was given: {name} requires a gradient now. "
            f"Take the gradient at a copy, {name}.detach().clone()."
        )
    if not _same(now, before):
        raise Wrong(
            f"{student.name} changed what it was given, and later cells would go on with that: {name} is not what it was. "
            "`a += b`, `a[...] = b` and methods that end in _ write into a; `a = a + b` makes a new tensor, and a.clone() a copy."
        )


def _same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return a.shape == b.shape and torch.equal(torch.nan_to_num(a), torch.nan_to_num(b))
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, str | int | float):
        return a is b or a == b
    first, second = _parts(a), _parts(b)
    return first.keys() == second.keys() and all(_same(first[name], second[name]) for name in first)


def _parts(value: object) -> dict:
    """What a list, a dictionary, a namespace, a dataclass or a layer holds; of anything else, nothing."""
    if isinstance(value, nn.Module):
        return value.state_dict()
    if isinstance(value, tuple | list):
        return dict(enumerate(value))
    if isinstance(value, dict):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return vars(value) if isinstance(value, SimpleNamespace) else {}


def _tensors(value: object) -> list[torch.Tensor]:
    return [value] if isinstance(value, torch.Tensor) else [tensor for part in _parts(value).values() for tensor in _tensors(part)]


def _repeat_in_float64(student: Student) -> None:
    """Raise Wrong unless the calls give the same numbers in float64, and in this type."""
    for arguments, answer in student.calls:
        doubled = [_double(value) for value in copy.deepcopy(arguments)]
        first = next((i for i, value in enumerate(arguments) if isinstance(value, torch.Tensor) and value.is_floating_point()), None)
        if first is None:
            continue
        name = student.argument(first)
        makes = f"Make new tensors in the type of {name}: {name}.new_zeros(...), or torch.zeros(..., dtype={name}.dtype)."
        try:
            again = student.function(*doubled)
        except Exception as error:
            raise Wrong(
                f"{student.name} is right in float32, but stops if {name} is float64 ({str(error).splitlines()[0]}). {makes}"
            ) from None
        for precise, single in zip(_tensors(again), _tensors(answer), strict=True):
            if single.is_floating_point() and precise.dtype != torch.float64:
                raise Wrong(f"{student.name} is right in float32, but its result is {_name(precise.dtype)} if {name} is float64. {makes}")
            if not torch.allclose(precise.double(), single.double(), rtol=1e-3, atol=1e-3, equal_nan=True):
                raise Wrong(f"{student.name} is right in float32, but gives other numbers if {name} is float64.")


def _double(value):
    """Turn an argument's float32 numbers into float64, in place where it is not a tensor itself."""
    if isinstance(value, torch.Tensor):
        return value.double() if value.dtype == torch.float32 else value
    if isinstance(value, nn.Module):
        return value.double()
    if isinstance(value, tuple | list):
        return type(value)(_double(part) for part in value)
    if isinstance(value, SimpleNamespace):
        return SimpleNamespace(**{name: _double(part) for name, part in vars(value).items()})
    return value


def agree(mine: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor], what: str) -> None:
    """Print the largest difference between the student's tensors and hatnet's, or raise Wrong if it is more than rounding.

    what: which step they are the result of ("Eq. 7").
    """
    for ours, wanted in zip(mine, theirs, strict=True):
        if ours.shape != wanted.shape:
            raise Wrong(f"{what}: yours has shape {tuple(ours.shape)}, hatnet's {tuple(wanted.shape)}. {_RUN_AGAIN}")
    worst = max((ours - wanted).abs().max().item() for ours, wanted in zip(mine, theirs, strict=True))
    if not all(torch.allclose(ours, wanted, atol=1e-5, rtol=1e-5) for ours, wanted in zip(mine, theirs, strict=True)):
        raise Wrong(f"{what}: your numbers differ from hatnet's by up to {worst:.1e}. {_RUN_AGAIN}")
    print(f"{what}: largest difference from hatnet {worst:.1e}")


_RUN_AGAIN = "Run this notebook's cells again from the top, checks included: has a function or a tensor changed since its check?"


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
    has, is_, contains = ("have", "are", "contain") if what.split()[-1] in PLURAL else ("has", "is", "contains")
    if not isinstance(got, torch.Tensor):
        raise Wrong(f"{what} {is_} {_kind(got)}; wanted a torch tensor.")
    if got.dtype != dtype:
        why = " (compare with 0: that gives True and False)" if dtype == torch.bool else ", as in the input"
        raise Wrong(f"{what} {is_} {_name(got.dtype)}; wanted {_name(dtype)}{why}.")
    values = got.detach().numpy()
    if _close(values, right, tolerance):
        return
    for message, mistaken in (mistakes or {}).items():
        if _close(values, mistaken, tolerance):
            raise Wrong(message)
    if values.shape != right.shape:
        raise Wrong(f"{what} {has} shape {values.shape}; wanted {tuple(right.shape)}: {axes}.")
    if not np.isfinite(values).all():
        raise Wrong(f"{what} {has} the right shape, but {contains} nan or inf.")
    raise Wrong(f"{what} {has} the right shape, but {_which(~np.isclose(values, right, rtol=tolerance, atol=tolerance), axes)}.")


def _which(wrong: np.ndarray, axes: str) -> str:
    """Say how many numbers are wrong, and where the first of them stands."""
    count, first = int(wrong.sum()), np.argwhere(wrong)[0].tolist()
    if count == wrong.size:
        return "all the numbers are wrong" if count > 1 else "the number is wrong"
    return f"{count:,} of {wrong.size:,} numbers {'is' if count == 1 else 'are'} wrong, the first at {first} (axes: {axes}; from 0)"


def several(got: object, count: int, what: str, stacked: bool = False) -> tuple:
    """Return the student's result as a tuple of `count` things. stacked: one tensor that holds them along its first axis will do."""
    if stacked and isinstance(got, torch.Tensor) and len(got) == count:
        return tuple(got)
    if not isinstance(got, tuple | list) or len(got) != count:
        raise Wrong(f"wanted {count} results, {what}; got {_kind(got)}.")
    return tuple(got)


def number(got: object, right: float, what: str, mistakes: Mapping[str, float] | None = None, tolerance: float = 1e-6) -> None:
    """Raise Wrong unless `got` is the number `right`. tolerance: relative; what a numeric search cannot reach is not asked for."""
    got = scalar(got)
    if isinstance(got, bool) or not isinstance(got, int | float | np.number):
        raise Wrong(f"{what} is {_kind(got)}; wanted a number.")
    if np.isclose(got, right, rtol=tolerance):
        return
    for message, mistaken in (mistakes or {}).items():
        if np.isclose(got, mistaken, rtol=tolerance):
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
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _short(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor {tuple(value.shape)}"
    return str(value) if isinstance(value, tuple | int | float) else type(value).__name__
