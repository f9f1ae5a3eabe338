"""What the checks share: an answer is run, held against what it should be, and its mistake is named."""

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from numpycam.core.arrays import Array, zero_of

Mistakes = Sequence[tuple[Callable[..., Any], str]]  # what comes out of it for the same inputs, and what to say then
_MANY = 24  # more numbers than this are not printed
_EMPTY = "(np.empty_like of Fractions holds None: start from x * 0 or np.zeros_like(x).)"


class CheckFailed(AssertionError):  # noqa: N818 - it is said to learners: a check failed
    """An answer that is not right yet. A notebook shows its message alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"✗ {self}"]


class Result(NamedTuple):
    """What an answer gives for some inputs, what that leads to, and what it should lead to."""

    inputs: dict[str, Any]
    given: Array
    led_to: Array
    expected: Array
    law: str = ""


def run(
    answer: Callable[..., Any],
    inputs: dict[str, Any],
    names: Sequence[str],
    advice: str | Callable[[Exception], str] = "",
) -> list[Array]:
    """Return what the answer gives, an array of numbers for each name, or say what is wrong with its form."""
    own = {label: value.copy() if isinstance(value, np.ndarray) else value for label, value in inputs.items()}
    try:
        given = answer(*own.values())
    except Exception as error:
        message = f"Your function raised {type(error).__name__} with {_sizes(inputs)}: {error}"
        raise CheckFailed(
            "\n".join(filter(None, [message, advice if isinstance(advice, str) else advice(error)]))
        ) from error
    things = [given] if len(names) == 1 else given
    if not isinstance(things, tuple | list) or len(things) != len(names):
        came = f"{len(things)} of them" if isinstance(things, tuple | list) else type(things).__name__
        number = {2: "two", 3: "three"}[len(names)]
        raise CheckFailed(f"Your function should return {number} things, ({', '.join(names)}); it returned {came}.")
    arrays = [_numbers(name, value) for name, value in zip(names, things, strict=True)]
    if any(np.any(own[label] != value) for label, value in inputs.items()):
        raise CheckFailed("Your function writes into its arguments: the caller's arrays should stay as they are.")
    return arrays


def compare(heading: str, mistakes: Mistakes, results: Sequence[Result]) -> None:
    """Raise CheckFailed at the first result that is not as expected, with the hint of the mistake that explains it."""
    for number, result in enumerate(results):
        difference = _difference(result.led_to, result.expected)
        if difference:
            hint = _recognise(mistakes, results)
            if not hint and number:
                hint = f"It is right for the {number} cases before, not with {_sizes(result.inputs)}."
            raise CheckFailed("\n".join(filter(None, [heading, hint, difference, result.law, _inputs(result.inputs)])))


def relu(x: Array) -> Array:
    """Return max(x, 0), in x's own type."""
    return np.maximum(x, zero_of(x))


def text(values: Array) -> str:
    """Return numbers as a table, Fractions as they are written by hand."""
    return str(values.astype(str)).replace("'", "")


def _numbers(name: str, value: Any) -> Array:
    """Return the value as an array, or say why it is none of numbers."""
    if value is None or value is ...:
        raise CheckFailed(f"{name} is not there yet: replace the dots.")
    try:
        array = np.asarray(value)
    except ValueError:
        raise CheckFailed(f"{name} should be an array of numbers; yours has rows of different lengths.") from None
    for index, element in np.ndenumerate(array.astype(object)):
        if not isinstance(element, Real):
            place, hint = f" at index {index}" * bool(index), f"\n{_EMPTY}" * (element is None)
            raise CheckFailed(f"{name} should hold numbers only, yours has {type(element).__name__}{place}.{hint}")
    return array


def _difference(values: Array, expected: Array) -> str:
    """Return how the given values differ from the expected ones; nothing if they are equal."""
    if values.shape != expected.shape:
        return f"It should have the shape {expected.shape}, yours has {values.shape}."
    if (values == expected).all():
        return ""
    if _is_in_floats(values) and np.allclose(values.astype(float), expected.astype(float)):
        return (
            "It is right up to rounding: somewhere a float came in. Compute with the Fractions that you are given; "
            "Fraction / int stays exact."
        )
    if values.size > _MANY:
        where = tuple(map(int, np.argwhere(values != expected)[0]))
        return f"At {where} it should be {expected[where]}, yours is {values[where]}."
    return f"It should be\n{text(expected)}\nbut yours is\n{text(values)}"


def _recognise(mistakes: Mistakes, results: Sequence[Result]) -> str:
    """Return the hint of the first mistake that explains the given values of all cases."""
    for wrong, hint in mistakes:
        if all(_is_same(given, wrong(*inputs.values())) for inputs, given, *_ in results):
            return hint
    return ""


def _is_same(values: Array, wrong: Any) -> bool:
    """Whether the values are those of a mistake: equal, or if they are in floats, equal up to rounding."""
    expected = np.asarray(wrong)
    if values.shape != expected.shape:
        return False
    if _is_in_floats(values):
        return np.allclose(values.astype(float), expected.astype(float))
    return bool((values == expected).all())


def _is_in_floats(values: Array) -> bool:
    return values.dtype.kind == "f" or (values.dtype == object and any(isinstance(v, float) for v in values.flat))


def _sizes(inputs: dict[str, Any]) -> str:
    """Return the inputs' shapes; those that are no arrays as they are."""
    return ", ".join(f"{label} of shape {np.shape(value)}" if isinstance(value, np.ndarray) else f"{label} {value}"
                     for label, value in inputs.items())  # fmt: skip


def _inputs(inputs: dict[str, Any]) -> str:
    if any(isinstance(value, np.ndarray) and value.size > _MANY for value in inputs.values()):
        return f"The inputs were {_sizes(inputs)}."
    return "The inputs were " + "\nand ".join(
        f"{label} =\n{text(value)}" if isinstance(value, np.ndarray) else f"{label} = {value}"
        for label, value in inputs.items()
    )
