"""Writes numbers and calls as text: numbers to be read, calls to be pasted."""

import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from numpycam.core.arrays import Array
from numpycam.laws.cases import Case
from numpycam.laws.classes import LayerPass
from numpycam.laws.subject import Subject

MANY = 40
"""An array with more numbers is written by what is not zero in it, if that is little."""


def write(value: Any) -> str:
    """Return an array as nested lists, whole numbers without a point, fractions as 1/3."""
    if not isinstance(value, np.ndarray | np.generic | float | Fraction):
        return type(value).__name__ if hasattr(value, "forward") else repr(value)
    array = np.asarray(value)
    if short := _in_words(array):
        return short
    return _nested(array.tolist(), number)


def _in_words(array: Array) -> str:
    """Describe an array that is larger than it is interesting, or return ""."""
    if not array.size:
        return f"an array of shape {array.shape}"
    if array.size > 4:
        for value, name in ((0, "zeros"), (1, "ones")):
            if (array == value).all():
                return f"{name} of shape {array.shape}"
    if array.size <= MANY:
        return ""
    cells = _others(array)
    if cells is None:
        return f"an array of shape {array.shape}"
    named = ", ".join(f"{number(array[index])} at {index}" for index in cells)
    return f"zeros of shape {array.shape}, but {named}"


def _others(array: Array) -> list[tuple[int, ...]] | None:
    """Return where an array is not zero, if that is in a few cells."""
    cells = [tuple(map(int, index)) for index in np.argwhere(array != 0)]
    return cells if len(cells) <= 4 else None


def _nested(part: Any, one: Callable[[Any], str]) -> str:
    return f"[{', '.join(_nested(inner, one) for inner in part)}]" if isinstance(part, list) else one(part)


def number(value: Any) -> str:
    """Return a number as text: 3, 1/3, or six digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return str(value)
    if value != value or value in (float("inf"), -float("inf")):
        return str(value)
    if power := _power_of_two(value):
        return f"{'-' * (value < 0)}2^{power}"
    simple, size = Fraction(value).limit_denominator(5000), abs(float(value))
    is_simple = size < 1e-14 or abs(float(value - simple)) <= 1e-9 * size
    return str(simple) if is_simple else f"{float(value):.6g}"


def _power_of_two(value: Any) -> int:
    """Return the power if the number, but for its sign, is a large or small power of two, else 0."""
    half, power = math.frexp(abs(value))
    return power - 1 if half == 0.5 and abs(power - 1) >= 20 else 0


def both(right: Any, came: Any) -> tuple[str, str]:
    """Return two values as texts that differ, with as many digits as they need."""
    texts = [write(right), write(came)]
    if _nearly(right, came):
        for digits in range(6, 18):
            texts = [_nested(np.asarray(value, float).tolist(), f"{{:.{digits}g}}".format) for value in (right, came)]
            if texts[0] != texts[1]:
                break
    return texts[0], texts[1]


def _nearly(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return {a.dtype.kind, b.dtype.kind} <= {*"fO"} and np.allclose(a.astype(float), b.astype(float), 1e-4, 0)


# --- calls


class Call:
    """The call that shows a violation again, as Python: statements, and an expression that has the wrong value."""

    def __init__(self, subject: Subject, function: str, output: str, case: Case) -> None:
        self._subject, self._function, self._output, self._case = subject, function, output, case
        self._statements: list[str] = []

    def plain(self) -> str:
        """Return the call alone."""
        call = self._text(self._case)
        return "; ".join([*self._statements, call])

    def twice(self, other: Case) -> str:
        """Return the same call two times, with calls of all functions in between: the last result is another one."""
        subject = self._subject
        if isinstance(subject.functions[self._function], LayerPass):
            return self.plain()  # each call makes a layer of its own
        before = [subject.spell(name, self._case, _code) for name in subject.functions if name != self._function]
        between = [subject.spell(name, other, _code) for name in subject.functions]
        return f"[{', '.join([*before, self._text(self._case), *between, self._text(self._case)])}]"

    def kept(self, other: Case) -> str:
        """Return the call, another one, and then the result of the first."""
        call, between = self._text(self._case), self._text(other)
        return "; ".join([*self._statements, f"result = {call}", between, "result"])

    def writes(self, argument: str) -> str:
        """Return the call, and then the argument that was written to."""
        call = self._text(self._case, argument)
        return "; ".join([*self._statements, call, self._word(argument)])

    def shares(self, argument: str) -> str:
        """Return the call, and then its result after the argument was overwritten."""
        call = self._text(self._case, argument)
        *before, call = call.split("; ")
        return "; ".join(
            [*self._statements, *before, f"result = {call}", f"{self._word(argument)}[...] = 77", "result"]
        )

    def _text(self, case: Case, named: str = "") -> str:
        """Return the call; the named argument, and those that are large, are set before it."""

        def code(name: str, value: Any) -> str:
            cells = _others(value) if isinstance(value, np.ndarray) and value.size > MANY else None
            if cells is None and name != named:
                return as_code(value)
            word = self._word(name)
            self._statements.append(f"{word} = {as_code(value) if cells is None else f'np.zeros({value.shape})'}")
            for index in cells or ():
                self._statements.append(f"{word}[{', '.join(map(str, index))}] = {_digits(value[index])}")
            return word

        return self._subject.spell(self._function, case, code, self._output) + self._place()

    def _word(self, name: str) -> str:
        return self._subject.word_for(name, [self._function, "forward"]) or name

    def _place(self) -> str:
        """Return how to take the output out of what the function returns."""
        subject = self._subject
        if isinstance(subject.functions[self._function], LayerPass):
            return ""
        if place := getattr(subject.functions[self._function], "place", ""):
            return str(place)
        try:
            returned = subject.run(self._function, subject.arguments(self._function, self._case), self._case)
            subject.parts(self._function, returned)
        except Exception:  # it is what the call is to show
            return ""
        if not isinstance(returned, tuple) or self._output not in subject.returns(self._function):
            return ""
        return f"[{subject.returns(self._function).index(self._output)}]"


def _code(name: str, value: Any) -> str:
    return as_code(value)


def as_code(value: Any) -> str:
    """Return an argument as Python."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {as_code(one)}' for key, one in value.items())}}}"
    if isinstance(value, np.generic):
        return repr(value.item())
    if hasattr(value, "layers"):
        return f"Network([{', '.join(f'({name!r}, {_layer(layer)})' for name, layer in value.layers)}])"
    if not isinstance(value, np.ndarray):
        return repr(value)
    if value.dtype == object:
        return f"as_fractions({_nested(value.tolist(), lambda one: repr(str(one)))})"
    for constant, made in ((0, "zeros"), (1, "ones")):
        if value.dtype == np.float64 and value.size > 4 and (value == constant).all():
            return f"np.{made}({value.shape})"
    dtype = ", np.float32" if value.dtype == np.float32 else ""
    return f"np.array({_nested(value.tolist(), _digits)}{dtype})"


def _layer(layer: Any) -> str:
    values = [getattr(layer, one.name) for one in fields(layer)] if is_dataclass(layer) else []
    return f"{type(layer).__name__}({', '.join(as_code(value) for value in values if isinstance(value, np.ndarray))})"


def _digits(value: Any) -> str:
    """Return a number as Python, 1.0 as 1., and 2^40 as it is."""
    if isinstance(value, float) and np.isfinite(value) and (power := _power_of_two(value)):
        return f"{'-' * (value < 0)}2.0**{power}"
    text = repr(value)
    if text in ("nan", "inf", "-inf"):
        return text.replace("nan", "np.nan").replace("inf", "np.inf")
    return text.removesuffix("0") if text.endswith(".0") else text
