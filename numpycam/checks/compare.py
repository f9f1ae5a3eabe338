"""What the checks share: run an answer on several cases, compare it with what is right, and name its mistake.

An :class:`Exercise` says what is right, and which mistakes are common. :func:`check` does the rest.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from numpycam.checks import hints
from numpycam.checks.detectors import GRADING, calls_of_this_package, is_finite, line_of_answer, sentence_about
from numpycam.checks.results import CheckFailed, Result
from numpycam.core.arrays import Array, Shape, first_index

Inputs = Mapping[str, Any]
"""The arguments of an answer, in order, by the names that messages use."""

Mistakes = Sequence[tuple[Callable[..., Any], str]]
"""For each mistake, a function that returns the wrong result for the inputs, and the hint."""

_MANY = 24  # an array with more numbers is not printed

_MOST_DIGITS = 300  # a longer number is none of an exercise's, and too large for a float

_PLAIN = (bool, int, float, Fraction)  # a class derived from one could say that it equals everything


class Stage(NamedTuple):
    """One of the things that an answer returns."""

    heading: str  # the first line of every message about it
    right: Callable[..., Any]  # right(*inputs) is what it should be
    mistakes: Mistakes  # the first one that explains an answer gives its hint
    law: Callable[[Array, Inputs], str] | None = None  # law(given, inputs) is a sentence if a law is broken, else ""


class Exercise(NamedTuple):
    """What a check needs to know."""

    stages: dict[str, Stage]  # what an answer returns, in order
    cases: Callable[[int], Iterable[Inputs]]  # cases(variant) is what it is tried on, the simplest case first
    advice: Callable[[Exception], str] | None = None  # advice(error) is a sentence for an error, or ""
    outcome: Callable[..., Sequence[Array]] | None = None  # outcome(inputs, *given) is what to compare
    may_call: Sequence[str] = ()  # the modules of this package that an answer needs
    if_none: str = ""  # a sentence for an answer that returns None in some cases
    is_by_hand: bool = False  # the answer is a few numbers: a message that told them would do the exercise


class _Try(NamedTuple):
    """What the answer returned for one stage in one case, and what is compared."""

    inputs: Inputs
    given: Array
    outcome: Array
    expected: Array
    right: Array  # what the answer should have returned


def check(exercise: Exercise, answer: Callable[..., Any], variant: int = 0) -> Result:
    """Return the points if the answer is right in all cases, else raise CheckFailed.

    The message is about the first stage that is wrong in any case. If the answer raises an error, an earlier case may
    say more: so the earlier cases are compared first.
    """
    if not callable(answer):
        raise CheckFailed(f"Pass your function itself, without calling it; this is {type(answer).__name__}.")
    names = list(exercise.stages)
    tries: dict[str, list[_Try]] = {name: [] for name in names}
    failure, count = None, 0
    for inputs in exercise.cases(variant):
        try:
            given = _run(answer, inputs, names, exercise, is_first=count == 0)
            outcome = _outcome(exercise, inputs, given)
        except CheckFailed as failed:
            failure = failed
            break
        right = [np.asarray(stage.right(*inputs.values())) for stage in exercise.stages.values()]
        expected = _outcome(exercise, inputs, right)
        for n, name in enumerate(names):
            tries[name].append(_Try(inputs, given[n], outcome[n], expected[n], right[n]))
        count += 1
    wrong = {name: message for name in names if (message := _message(name, exercise, tries))}
    if wrong:
        raise CheckFailed(next(iter(wrong.values())), 0 if failure else len(names) - len(wrong), len(names))
    if failure:
        raise CheckFailed(str(failure), 0, len(names)) from failure.__cause__
    return Result(len(names), len(names), count, "")


def _run(
    answer: Callable[..., Any], inputs: Inputs, names: Sequence[str], exercise: Exercise, is_first: bool
) -> list[Array]:
    """Return what the answer returns, as one array of numbers for each name, or say what is wrong with its form.

    Its calls are watched in the first case alone, since to watch them takes time; in all cases if there are points.
    """
    own = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in inputs.items()}
    try:
        with calls_of_this_package(exercise.may_call, watched=is_first or GRADING.get()) as called:
            given = answer(*own.values())
    except Exception as error:
        raise CheckFailed(_about_an_error(error, inputs, exercise.advice)) from error
    except SystemExit:  # one answer must not end the grading of a class
        raise CheckFailed(hints.ENDS_PYTHON) from None
    if given is None and not is_first:
        raise CheckFailed(
            _lines(
                f"Your function returned None with {_sizes(inputs)}. Is there a way through it without a return?",
                exercise.if_none,
            )
        )
    things = _things(given, names)
    if not is_first:
        _refuse_none(names, things, inputs, exercise.if_none)
    arrays = [as_numbers(name, value) for name, value in zip(names, things, strict=True)]
    if any(isinstance(value, np.ndarray) and not np.array_equal(own[name], value) for name, value in inputs.items()):
        raise CheckFailed("Your function writes into its arguments: leave the caller's arrays as they are.")
    if called:
        raise CheckFailed(hints.CALLS_OURS.format(called[0]))
    return arrays


def _refuse_none(names: Sequence[str], things: Sequence[Any], inputs: Inputs, advice: str) -> None:
    """Raise CheckFailed if one of the things is None, though it was a number in the first case."""
    for name, value in zip(names, things, strict=True):
        if value is None:
            raise CheckFailed(_lines(f"{name} is None with {_sizes(inputs)}: return a number in every case.", advice))


def _about_an_error(error: Exception, inputs: Inputs, advice: Callable[[Exception], str] | None) -> str:
    message = f"Your function raised {type(error).__name__} with {_sizes(inputs)}: {error}"
    line = line_of_answer(error)
    return _lines(
        message,
        f"It was raised by your line: {line}" if line else "",
        (advice(error) if advice and "ellipsis" not in str(error) else "") or hints.advise_on_any(error),
    )


def as_numbers(name: str, value: Any) -> Array:
    """Return the value as a new array of numbers, or say why it is none.

    It is a copy, since a function may return the same array in each case, and write other numbers into it.
    """
    refuse_dots(name, value)
    try:
        array = np.array(value)
    except ValueError:
        raise CheckFailed(f"{name} should be an array of numbers; yours has rows of different lengths.") from None
    for index, element in np.ndenumerate(array.astype(object)):
        if element is ...:
            refuse_dots(name, element)
        place = f" at index {index}" if index else ""
        if not _is_number(element):
            message = f"{name} should hold numbers only; yours has {type(element).__name__}{place}."
            advice = "(np.empty_like of Fractions holds None: start from x * 0 or np.zeros_like(x).)"
            raise CheckFailed(_lines(message, advice if element is None else ""))
        if _is_long(element):
            raise CheckFailed(f"{name} has a number of more than {_MOST_DIGITS} digits{place}.")
    return array


def _is_number(element: Any) -> bool:
    return isinstance(element, Real) and (isinstance(element, np.generic) or type(element) in _PLAIN)


def _is_long(number: Any) -> bool:
    if not isinstance(number, int | Fraction):
        return False
    return max(abs(number.numerator), number.denominator) >= 10**_MOST_DIGITS


def refuse_dots(name: str, value: Any) -> None:
    """Raise CheckFailed if the dots of the exercise are still there."""
    if value is None or value is ...:
        raise CheckFailed(f"{name} is not there yet: replace the dots.")


def refuse_unfinished(answer: Any, inputs: Sequence[Any], names: Sequence[str], may_be_none: bool = False) -> None:
    """Raise CheckFailed if the answer is no function, calls this package's, returns nothing, or has the dots still."""
    if not callable(answer):
        raise CheckFailed(f"Pass your function itself, without calling it; this is {type(answer).__name__}.")
    try:
        with calls_of_this_package() as called:
            given = answer(*(part.copy() if isinstance(part, np.ndarray) else part for part in inputs))
    except Exception as error:  # of other errors the laws tell more
        if "ellipsis" in str(error):
            refuse_dots(names[0], ...)
        return
    except SystemExit:
        raise CheckFailed(hints.ENDS_PYTHON) from None
    if called:
        raise CheckFailed(hints.CALLS_OURS.format(called[0]))
    if given is None and may_be_none:
        return
    if given is None:
        raise CheckFailed("Your function returned None. Is there a return at its end?")
    for name, value in zip(names, given if isinstance(given, tuple) else (given,), strict=False):
        refuse_dots(name, value)


def check_shape(name: str, value: Array, expected: Shape, in_letters: str) -> None:
    """Raise CheckFailed unless the value has the expected shape."""
    if value.shape != expected:
        raise CheckFailed(f"{name} should have the shape {in_letters} = {expected} here; yours has {value.shape}.")


def check_keys(findings: Any, keys: Collection[str]) -> None:
    """Raise CheckFailed unless the findings are a dictionary with these keys."""
    if not isinstance(findings, Mapping) or set(findings) != set(keys):
        raise CheckFailed(f"Your findings should be a dictionary with the keys {', '.join(map(repr, keys))}.")


def check_each(findings: Any, keys: Collection[str], judge: Callable[[str, Any], str]) -> Result:
    """Print what ``judge`` says of each finding. If it refuses some, raise the first CheckFailed, with the points."""
    check_keys(findings, keys)
    failures = []
    for name, finding in findings.items():
        try:
            print(f"✓ {judge(name, finding)}")
        except CheckFailed as failed:
            failures.append(failed)
    if failures:
        raise CheckFailed(str(failures[0]), len(keys) - len(failures), len(keys))
    return Result(len(keys), len(keys), len(keys), "")


def array_as_text(values: Array) -> str:
    """Return numbers as a table, with Fractions as one writes them by hand."""
    return str(values.astype(str)).replace("'", "")


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _things(given: Any, names: Sequence[str]) -> Sequence[Any]:
    """Return what the answer returned, as one thing for each name."""
    if given is None:
        raise CheckFailed("Your function returned None. Is there a return at its end?")
    if len(names) == 1:
        return [given]
    if isinstance(given, tuple | list) and len(given) == len(names):
        return given
    came = f"{len(given)} of them." if isinstance(given, tuple | list) else f"{type(given).__name__}."
    number = {2: "two", 3: "three", 4: "four"}[len(names)]
    raise CheckFailed(f"Your function should return {number} things, ({', '.join(names)}); it returned {came}")


def _outcome(exercise: Exercise, inputs: Inputs, given: Sequence[Array]) -> Sequence[Array]:
    return exercise.outcome(inputs, *given) if exercise.outcome else given


@np.errstate(invalid="ignore")  # on some processors and Pythons, a Fraction that meets a NaN warns
def _message(name: str, exercise: Exercise, tries: Mapping[str, Sequence[_Try]]) -> str:
    """Return what is said about the first case that is wrong; "" if none is. The hint explains all cases."""
    stage = exercise.stages[name]
    for number, one in enumerate(tries[name]):
        if not _is_right(one):
            hint = _exchanged(name, tries) or _hint(stage.mistakes, tries[name]) or _general_hint(name, tries)
            difference = _difference(one, may_be_rounding=not hint, is_told=not exercise.is_by_hand)
            hint = hint or _which_cases_are_right(number, one.inputs)
            law = stage.law(one.given, one.inputs) if stage.law and is_finite(one.given) else ""
            return _lines(stage.heading, hint, difference, law, f"The inputs were {_shown(one.inputs)}")
    return ""


def _general_hint(name: str, tries: Mapping[str, Sequence[_Try]]) -> str:
    """Return what can be wrong with any answer: see :mod:`numpycam.checks.detectors`."""
    others = {other: [one.right for one in some] for other, some in tries.items() if other != name}
    return sentence_about([(one.given, one.right) for one in tries[name]], others)


def _exchanged(name: str, tries: Mapping[str, Sequence[_Try]]) -> str:
    """Return a sentence if what is returned here is right for another place, and what is there is right for this."""
    for other, there in tries.items():
        pairs = [(one.given, two.right, two.given, one.right) for one, two in zip(tries[name], there, strict=True)]
        if other != name and all(_is_same(*pair[:2]) and _is_same(*pair[2:]) for pair in pairs):
            return f"That is {other}: look at the order of what you return."
    return ""


def _is_right(one: _Try) -> bool:
    return one.outcome.shape == one.expected.shape and bool((one.outcome == one.expected).all())


def _difference(one: _Try, may_be_rounding: bool, is_told: bool) -> str:
    """Return how the outcome differs from what is expected, and what that is unless it may not be told."""
    values, expected = one.outcome, one.expected
    if values.shape != expected.shape:
        return f"The shape should be {expected.shape}; yours is {values.shape}."
    if may_be_rounding and (_holds_floats(one.given) or _were_floats(one.given)) and _is_near(values, expected):
        return (
            "Right up to rounding, but somewhere a float came in. Compute with the Fractions that you are given: "
            "Fraction / int stays exact.\nAn array of np.zeros holds floats: collect the numbers in a list, or write "
            "dtype=object. 0.5 is a float, too: write Fraction(1, 2)."
        )
    if not is_told:
        count, where = (values != expected).sum(), first_index(values != expected)
        if not where:
            return f"Yours is {values}, which is not right."
        place = where if len(where) > 1 else where[0]
        return f"{count} of {values.size} numbers are not right. The first is {values[where]}, at index {place}."
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
    return np.allclose(values.astype(float), expected.astype(float), equal_nan=True)


def _holds_floats(values: Array) -> bool:
    return values.dtype.kind == "f" or (values.dtype == object and any(isinstance(v, float) for v in values.flat))


def _were_floats(values: Array) -> bool:
    """Whether there are Fractions that were made of floats: below the line they have a large power of two."""
    below = [value.denominator for value in values.flat if isinstance(value, Fraction)]
    return any(one > 2**30 and one & (one - 1) == 0 for one in below)


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
