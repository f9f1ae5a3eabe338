"""What the checks share: run an answer on several cases, compare it with what is right, and name its mistake.

An :class:`Exercise` says what is right, and which mistakes are common. :func:`check` does the rest.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from numpycam.core.arrays import Array, Shape, first_index

Inputs = Mapping[str, Any]
"""The arguments of an answer, in order, by the names that messages use."""

Mistakes = Sequence[tuple[Callable[..., Any], str]]
"""For each mistake, a function that returns the wrong result for the inputs, and the hint."""

_MANY = 24  # an array with more numbers is not printed


class CheckFailed(AssertionError):  # noqa: N818 - learners read it: a check failed
    """An answer that is not right yet. A notebook shows the message alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"✗ {self}"]


class Stage(NamedTuple):
    """One of the things that an answer returns."""

    heading: str  # the first line of every message about it
    right: Callable[..., Any]  # right(*inputs) is what it should be
    mistakes: Mistakes  # the first one that explains an answer gives its hint
    law: Callable[[Array, Inputs], str] | None = None  # law(given, inputs) is a sentence if a law is broken, else ""


class Exercise(NamedTuple):
    """What a check needs to know."""

    stages: dict[str, Stage]  # what an answer returns, in order
    cases: Callable[[], Iterable[Inputs]]  # what it is tried on, the simplest case first
    advice: Callable[[Exception], str] | None = None  # advice(error) is a sentence for an error, or ""
    outcome: Callable[..., Sequence[Array]] | None = None  # outcome(inputs, *given) is what to compare


class _Try(NamedTuple):
    """What the answer returned for one stage in one case, and what is compared."""

    inputs: Inputs
    given: Array
    outcome: Array
    expected: Array


def check(exercise: Exercise, answer: Callable[..., Any]) -> int:
    """Return the number of cases if the answer is right in all of them, else raise CheckFailed.

    The message is about the first stage that is wrong in any case. If the answer raises an error, an earlier case may
    say more: so the earlier cases are compared first.
    """
    if not callable(answer):
        raise CheckFailed(f"Pass your function itself, without calling it; this is {type(answer).__name__}.")
    names = list(exercise.stages)
    tries: dict[str, list[_Try]] = {name: [] for name in names}
    failure, count = None, 0
    for inputs in exercise.cases():
        try:
            given = _run(answer, inputs, names, exercise.advice)
            outcome = _outcome(exercise, inputs, given)
        except CheckFailed as failed:
            failure = failed
            break
        right = [np.asarray(stage.right(*inputs.values())) for stage in exercise.stages.values()]
        expected = _outcome(exercise, inputs, right)
        for n, name in enumerate(names):
            tries[name].append(_Try(inputs, given[n], outcome[n], expected[n]))
        count += 1
    for name, stage in exercise.stages.items():
        _compare(stage, tries[name])
    if failure:
        raise failure
    return count


def _run(
    answer: Callable[..., Any], inputs: Inputs, names: Sequence[str], advice: Callable[[Exception], str] | None
) -> list[Array]:
    """Return what the answer returns, as one array of numbers for each name, or say what is wrong with its form."""
    own = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in inputs.items()}
    try:
        given = answer(*own.values())
    except Exception as error:
        message = f"Your function raised {type(error).__name__} with {_sizes(inputs)}: {error}"
        if "ellipsis" in str(error):
            raise CheckFailed(_lines(message, "(Some dots are still there: replace them.)")) from error
        raise CheckFailed(_lines(message, advice(error) if advice else "")) from error
    arrays = [as_numbers(name, value) for name, value in zip(names, _things(given, names), strict=True)]
    if any(np.any(own[name] != value) for name, value in inputs.items()):
        raise CheckFailed("Your function writes into its arguments: leave the caller's arrays as they are.")
    return arrays


def as_numbers(name: str, value: Any) -> Array:
    """Return the value as an array of numbers, or say why it is none."""
    refuse_dots(name, value)
    try:
        array = np.asarray(value)
    except ValueError:
        raise CheckFailed(f"{name} should be an array of numbers; yours has rows of different lengths.") from None
    for index, element in np.ndenumerate(array.astype(object)):
        if not isinstance(element, Real):
            place = f" at index {index}" if index else ""
            message = f"{name} should hold numbers only; yours has {type(element).__name__}{place}."
            advice = "(np.empty_like of Fractions holds None: start from x * 0 or np.zeros_like(x).)"
            raise CheckFailed(_lines(message, advice if element is None else ""))
    return array


def refuse_dots(name: str, value: Any) -> None:
    """Raise CheckFailed if the dots of the exercise are still there."""
    if value is None or value is ...:
        raise CheckFailed(f"{name} is not there yet: replace the dots.")


def check_shape(name: str, value: Array, expected: Shape, in_letters: str) -> None:
    """Raise CheckFailed unless the value has the expected shape."""
    if value.shape != expected:
        raise CheckFailed(f"{name} should have the shape {in_letters} = {expected} here; yours has {value.shape}.")


def check_keys(findings: Any, keys: Collection[str]) -> None:
    """Raise CheckFailed unless the findings are a dictionary with these keys."""
    if not isinstance(findings, Mapping) or set(findings) != set(keys):
        raise CheckFailed(f"Your findings should be a dictionary with the keys {', '.join(map(repr, keys))}.")


def array_as_text(values: Array) -> str:
    """Return numbers as a table, with Fractions as one writes them by hand."""
    return str(values.astype(str)).replace("'", "")


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _things(given: Any, names: Sequence[str]) -> Sequence[Any]:
    """Return what the answer returned, as one thing for each name."""
    if len(names) == 1:
        return [given]
    if isinstance(given, tuple | list) and len(given) == len(names):
        return given
    if given is None:
        came = "None. Is there a return at its end?"
    elif isinstance(given, tuple | list):
        came = f"{len(given)} of them."
    else:
        came = f"{type(given).__name__}."
    number = {2: "two", 3: "three"}[len(names)]
    raise CheckFailed(f"Your function should return {number} things, ({', '.join(names)}); it returned {came}")


def _outcome(exercise: Exercise, inputs: Inputs, given: Sequence[Array]) -> Sequence[Array]:
    return exercise.outcome(inputs, *given) if exercise.outcome else given


def _compare(stage: Stage, tries: Sequence[_Try]) -> None:
    """Raise CheckFailed at the first case that is wrong. The hint comes from the mistake that explains all cases."""
    for number, one in enumerate(tries):
        difference = _difference(one)
        if difference:
            hint = _hint(stage.mistakes, tries) or _which_cases_are_right(number, one.inputs)
            law = stage.law(one.given, one.inputs) if stage.law else ""
            raise CheckFailed(_lines(stage.heading, hint, difference, law, f"The inputs were {_shown(one.inputs)}"))


def _difference(one: _Try) -> str:
    """Return how the outcome differs from what is expected, or an empty string if they are equal."""
    values, expected = one.outcome, one.expected
    if values.shape != expected.shape:
        return f"The shape should be {expected.shape}; yours is {values.shape}."
    if (values == expected).all():
        return ""
    if _holds_floats(one.given) and _is_near(values, expected):
        return (
            "Right up to rounding, but somewhere a float came in. Compute with the Fractions that you are given: "
            "Fraction / int stays exact."
        )
    if values.size > _MANY:
        where = first_index(values != expected)
        return f"At {where} the number should be {expected[where]}; yours is {values[where]}."
    return f"Expected:\n{array_as_text(expected)}\nYours:\n{array_as_text(values)}"


def _hint(mistakes: Mistakes, tries: Sequence[_Try]) -> str:
    """Return the hint of the first mistake that explains what was given in all cases."""
    for wrong, hint in mistakes:
        if _explains(wrong, tries):
            return hint
    return ""


def _explains(wrong: Callable[..., Any], tries: Sequence[_Try]) -> bool:
    try:
        return all(_is_same(one.given, np.asarray(wrong(*one.inputs.values()))) for one in tries)
    except ValueError:  # with these shapes, nobody can make this mistake
        return False


def _is_same(values: Array, expected: Array) -> bool:
    """Whether the values are equal. Floats may differ by rounding."""
    if values.shape != expected.shape:
        return False
    if _holds_floats(values):
        return _is_near(values, expected)
    return bool((values == expected).all())


def _is_near(values: Array, expected: Array) -> bool:
    """Whether the numbers are equal, roughly up to rounding. This chooses the sentence; only == lets an answer pass."""
    return np.allclose(values.astype(float), expected.astype(float))


def _holds_floats(values: Array) -> bool:
    return values.dtype.kind == "f" or (values.dtype == object and any(isinstance(v, float) for v in values.flat))


def _which_cases_are_right(number: int, inputs: Inputs) -> str:
    """Return a sentence that says in how many cases the answer is right, before the case with these inputs."""
    if number == 0:
        return ""
    cases = "case" if number == 1 else f"{number} cases"
    return f"It is right for the first {cases}, but not with {_sizes(inputs)}."


def _sizes(inputs: Inputs) -> str:
    """Return the inputs in one line: an array by its shape, anything else as it is."""
    return ", ".join(
        f"{name} of shape {value.shape}" if isinstance(value, np.ndarray) else f"{name} {value}"
        for name, value in inputs.items()
    )


def _shown(inputs: Inputs) -> str:
    """Return the inputs with all their numbers, or in one line if an array is large."""
    if any(isinstance(value, np.ndarray) and value.size > _MANY for value in inputs.values()):
        return f"{_sizes(inputs)}."
    return "\nand ".join(
        f"{name} =\n{array_as_text(value)}" if isinstance(value, np.ndarray) else f"{name} = {value}"
        for name, value in inputs.items()
    )
