"""Laws of good conduct, which every function should keep: no writing, no memory, no hidden NaN, no fixed scale."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from numpycam.core.arrays import Array
from numpycam.laws.book import Book, Told
from numpycam.laws.cases import Case
from numpycam.laws.engine import Trial
from numpycam.laws.subject import Subject


def add_conduct(book: Book, scales: Sequence[tuple[str, str]] = ()) -> None:
    """Write the laws of conduct into a book.

    ``scales`` has pairs (input, output): twice the input makes twice the output.
    """
    once: dict[str, Any] = {"about": "", "kinds": ("integers",)}
    left = "the caller's arrays stay as they are"
    book.law("pure", "the arguments after the call = the arguments before it", where=left, **once)(_pure)
    book.law(
        "again",
        "the same call a second time = the first time",
        where="nothing is kept from one call to the next",
        **once,
    )(_again)
    view = "the result is no view of an argument"
    book.law("own", "the result after its arguments were overwritten = the result", where=view, **once)(_own)
    alone = "each call returns an array of its own"
    book.law("kept", "the result after another call = the result", where=alone, **once)(_kept)
    if book.right_everywhere:
        lost = "one NaN in one argument: it may not be lost"
        book.law("nan", "where NaN must come out ≤ where it comes out", where=lost, **once)(_nan)
    if scales:

        def scale(trial: Trial) -> Iterator[tuple[Any, Any]]:
            for given, output in scales:
                if book.function_for(output) in trial.subject.functions:
                    yield from _scaled(trial, given, output)

        book.law("scale", "f(2^k a) / 2^k = f(a)", where="for k = 40 and k = -40: no epsilon, no limit", **once)(scale)


def _pure(trial: Trial) -> Iterator[tuple[Any, Any]]:
    for function in trial.subject.functions:
        arguments = trial.subject.arguments(function, trial.case)
        trial.subject.run(function, arguments, trial.case)
        unchanged = trial.subject.arguments(function, trial.case)
        for name, after, before in zip(trial.subject.takes(function), arguments, unchanged, strict=False):
            if isinstance(before, np.ndarray):
                yield Told(after, before, function=function, argument=name)


def _again(trial: Trial) -> Iterator[tuple[Any, Any]]:
    other = _other(trial.case)
    for function in trial.subject.functions:
        for before in trial.subject.functions:
            trial.subject.call(before, trial.case)
        first = _copies(trial.subject, function, trial.case)
        for between in trial.subject.functions:
            trial.subject.call(between, other)
        for name, again in _copies(trial.subject, function, trial.case).items():
            yield Told(again, first[name], function=function, output=name, other=other)


def _own(trial: Trial) -> Iterator[tuple[Any, Any]]:
    for function in trial.subject.functions:
        arguments = trial.subject.arguments(function, trial.case)
        parts = _parts(trial.subject, function, arguments, trial.case)
        before = {name: _copy(trial.subject, name, value) for name, value in parts.items()}
        for name, argument in zip(trial.subject.takes(function), arguments, strict=False):
            if _holds_numbers(argument):
                argument[...] = 77
                for output, value in parts.items():
                    after = _copy(trial.subject, output, value)
                    yield Told(after, before[output], function=function, output=output, argument=name)


def _kept(trial: Trial) -> Iterator[tuple[Any, Any]]:
    other = _other(trial.case)
    for function in trial.subject.functions:
        arguments = trial.subject.arguments(function, trial.case)
        parts = _parts(trial.subject, function, arguments, trial.case)
        before = {name: _copy(trial.subject, name, value) for name, value in parts.items()}
        trial.subject.call(function, other)
        for name, value in parts.items():
            after = _copy(trial.subject, name, value)
            yield Told(after, before[name], function=function, output=name, other=other)


def _nan(trial: Trial) -> Iterator[tuple[Any, Any]]:
    for function in trial.subject.functions:
        for name in trial.subject.depends_on(function):
            value: Any = trial.case.arrays.get(name)
            if not _holds_numbers(value):
                continue
            case = trial.case.having(**{name: _with_first(value, np.nan)})
            right = trial.reference.call(function, case)
            try:
                came = trial.subject.call(function, case)
            except (ValueError, TypeError):  # to refuse NaN hides nothing
                continue
            for output, value_came in came.items():
                must, is_there = _is_nan(right[output]), _is_nan(value_came)
                if must.shape == is_there.shape and (must & ~is_there).any():
                    must &= _depends(trial, function, output, name)  # 0 · NaN may be 0 with some BLAS
                told = {"function": function, "output": output, "argument": name, "case": case}
                yield Told(must, is_there, **told, right=right[output], came=value_came)


def _depends(trial: Trial, function: str, output: str, name: str) -> Array:
    """Return where an output depends on the first number of an array."""
    value: Any = trial.case.arrays[name]
    cases = (trial.case.having(**{name: _with_first(value, first)}) for first in (-1e3, 0, 1e3))
    made = [trial.reference.call(function, case)[output] for case in cases]
    return np.asarray(np.ptp(made, axis=0) != 0)


def _scaled(trial: Trial, given: str, output: str) -> Iterator[tuple[Any, Any]]:
    output_of, value = trial.named(f"{output}_of"), trial.named(given)
    if output == "y" and trial.case.arrays.get("bias") is not None:
        return
    for k in (40, -40):
        scaled, plain = {given: value * 2.0**k}, trial.named(output)
        came = output_of(**scaled)
        told: dict[str, Any] = {"function": trial.subject.book.function_for(output), "output": output}
        told |= {"case": trial.case.having(**scaled), "right": plain * 2.0**k, "came": came}
        yield Told(came / 2.0**k, plain, **told)


def _other(case: Case) -> Case:
    """Return a case of the same sizes with other numbers. None is below 0, so every method is defined on them."""
    return case.having(**{name: value.max() - value for name, value in case.arrays.items() if _holds_numbers(value)})


def _copies(subject: Subject, function: str, case: Case) -> dict[str, Any]:
    return {name: np.array(value) for name, value in subject.call(function, case).items()}


def _parts(subject: Subject, function: str, arguments: Sequence[Any], case: Case) -> dict[str, Any]:
    """Return what a function returns, as it is: in our form it may be a copy, which nothing can be written into."""
    return subject.parts(function, subject.run(function, arguments, case))


def _copy(subject: Subject, name: str, value: Any) -> Any:
    return np.array(subject.ours(name, value))


def _with_first(value: Any, first: float) -> Any:
    changed = value.copy()
    changed.flat[0] = first
    return changed


def _is_nan(value: Any) -> Any:
    return np.isnan(np.asarray(value, float))


def _holds_numbers(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
