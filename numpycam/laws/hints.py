"""What helps to find a mistake: its name if it is known, what the wrong numbers are instead, where they are wrong."""

import linecache
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from numpycam.core.arrays import Array
from numpycam.laws.book import Mistake
from numpycam.laws.cases import Case
from numpycam.laws.engine import Entry, Report, Trial, Violation, agree
from numpycam.laws.subject import ReturnedError, Subject, is_within

_SAMPLE = 80  # wrong cases that a sentence must be true of


class Wrong(NamedTuple):
    """A case in which an output is wrong."""

    trial: Trial
    right: Array
    came: Array


def hints(report: Report, entry: Entry, violation: Violation, known: Mistake | None, came: Any) -> Iterator[str]:
    """Yield the sentences that help, the most telling first; ``came`` is the wrong output that the lesson shows."""
    if known:
        yield known.hint + _in_our_order(violation.trial.subject, known.hint)
    elif violation.error is not None:
        yield from _about_an_error(violation, violation.error)
        yield from _about_places(violation)
    elif not violation.told:
        sentence = _about_scale(entry) or _right_for_itself(violation) or resemblance(entry, entry.law.about)
        sentence = sentence or _not_finite(entry.law.about, came)
        yield from [sentence] if sentence else _about_places(violation)
    if violation.told or isinstance(violation.error, ReturnedError):
        return
    if "pure" in {broken.law.id for broken in report.broken if broken.violations[0].told} and not known:
        yield "It writes into its arguments, too: the law pure is broken. That may be the cause."
    where = where_it_breaks(report, entry)
    if where:
        yield where
    if _only_unequal_sides(entry):
        yield 'If yours is for equal heights and widths only, say limits={"square": True}.'


def output_of(subject: Subject, output: str, case: Case) -> Any:
    """Return an output, or None if the function raises or has no such option."""
    try:
        with np.errstate(all="ignore"):
            return subject.call(subject.book.function_for(output), case)[output]
    except Exception:  # whatever the functions under test raise
        return None


def same(a: Any, b: Any, case: Case) -> bool:
    """Whether two outputs are equal, to the last digits if the numbers of the case have many digits."""
    return _is_close(np.asarray(a), np.asarray(b)) if case.kind == "floats" else equal(a, b)


def equal(a: Any, b: Any) -> bool:
    """Whether two outputs are equal; NaN equals NaN, and None equals None."""
    if a is None or b is None:
        return a is b
    return bool(agree("=", a, b).all())


# --- what the wrong numbers are instead


def resemblance(entry: Entry, output: str) -> str:
    """Say what an output is instead, if it is something simple in all cases where it is wrong."""
    cases = [*_wrong(entry, output)] if output else []
    if len(cases) < 2:  # a single case resembles many things
        return ""
    name = LETTERS.get(output, output)
    return next((sentence for look in _LOOKS if (sentence := look(name, output, cases))), "")


def _wrong(entry: Entry, output: str) -> Iterator[Wrong]:
    """Yield the cases in which the output is not what it should be."""
    for violation in entry.violations[:_SAMPLE]:
        trial = violation.trial
        right, came = output_of(trial.reference, output, trial.case), output_of(trial.subject, output, trial.case)
        if right is None or came is None or trial.case.kind == "fractions":
            continue
        right, came = np.asarray(right), np.asarray(came)
        if not same(came, right, trial.case):
            yield Wrong(trial, right, came)


def _its_type(name: str, output: str, cases: Sequence[Wrong]) -> str:
    came = cases[0].came
    if all(one.came.dtype.kind in "iub" for one in cases):
        return f"Your {name} has the dtype {came.dtype}: it holds whole numbers only, and cuts off the rest."
    if all(one.came.dtype.kind == "c" for one in cases):
        return f"Your {name} is complex."
    if all(
        one.came.shape == one.right.shape and np.allclose(one.came, one.right, rtol=1e-3, atol=1e-3) for one in cases
    ):
        if came.dtype.itemsize < 8:
            return f"Your {name} has the dtype {came.dtype}, the arguments have float64: digits are lost."
        return (
            f"Your {name} differs in its last digits alone. Is there an epsilon, or was something float32 on the way?"
        )
    return ""


def _is_close(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-13, atol=1e-13))


def _in_our_order(subject: Subject, hint: str) -> str:
    """Say in which order of axes a hint is written, if the functions under test have another one."""
    orders = subject.orders()
    if not orders or not re.search(r"axis=|axes|\[:, None|\(outputs", hint):
        return ""
    return f" (That is for axes in the order {', '.join(orders)}; yours is {', '.join(orders.values())}.)"


def _scaled(name: str, output: str, cases: Sequence[Wrong]) -> str:
    """Say that the output is the right one, scaled to go from 0 to 1, or to 1, where the right one is not constant."""
    uneven = [one for one in cases if one.came.shape == one.right.shape and np.ptp(one.right) > 0]
    if len(uneven) < 3 or output not in ("cam", "weighted_sum"):
        return ""
    if all(equal(one.came, (one.right - one.right.min()) / np.ptp(one.right)) for one in uneven):
        return f"Your {name} is the right one, scaled from its minimum to its maximum. Verify it as it is before that."
    if all(equal(one.came, one.right / abs(one.right).max()) for one in uneven):
        return f"Your {name} is the right one, divided by its maximum. Verify it as it is before that."
    return ""


def _its_shape(name: str, output: str, cases: Sequence[Wrong]) -> str:
    if 2 * sum(one.right.shape == one.came.shape for one in cases) >= len(cases):
        return ""
    for axes in _orders(cases[0].right.ndim):
        if all(one.came.ndim == len(axes) and equal(one.came.transpose(axes), one.right) for one in cases):
            return f"Your {name} is the right one{_turned(axes)}."
    for axis in range(cases[0].came.ndim):
        if all(axis < one.came.ndim and equal(one.came.sum(axis=axis), one.right) for one in cases):
            return f"Your {name}, summed over its axis {axis}, is the right one."
    if all(one.came.size == one.right.size and equal(one.came.ravel(), one.right.ravel()) for one in cases):
        return f"The numbers of your {name} are right, in another shape."
    of = {"dx": "x", "dw": "W", "db": "b"}
    return f"{name} should have the shape of {of[output]}." if output in of else ""


def _its_order(name: str, output: str, cases: Sequence[Wrong]) -> str:
    for axes in _orders(cases[0].right.ndim):
        if all(one.came.ndim == len(axes) and equal(one.came.transpose(axes), one.right) for one in cases):
            return f"Your {name} is the right one{_turned(axes)}."
    for axis in range(cases[0].right.ndim):
        if all(one.came.shape == one.right.shape and equal(np.flip(one.came, axis), one.right) for one in cases):
            return f"Your {name} is the right one, mirrored along its axis {axis}."
    return ""


def _turned(axes: tuple[int, ...]) -> str:
    return ", transposed" if axes == (1, 0) else f" with its axes in another order, {axes}"


def _orders(ndim: int) -> list[tuple[int, ...]]:
    return [order for order in permutations(range(ndim)) if order != tuple(range(ndim))] if ndim < 5 else []


def _nothing(name: str, output: str, cases: Sequence[Wrong]) -> str:
    if all(not one.came.size for one in cases):
        return f"Your {name} has no numbers. A slice such as [p:-p] is empty where p is 0."
    if all(one.came.dtype.kind == "f" and one.came.size and np.isnan(one.came).all() for one in cases):
        return f"Your {name} is NaN everywhere: 0/0?"
    if all(not one.came.any() for one in cases):
        return f"Your {name} is 0 everywhere."
    return ""


def _about_scale(entry: Entry) -> str:
    if entry.law.id not in ("scale", "any-scale"):
        return ""
    return "Is there an epsilon below a line, or a limit? They count where numbers are small, or large."


def _right_for_itself(violation: Violation) -> str:
    """Say that the backward pass is right, and does not fit the forward pass, if so."""
    law, trial = violation.law, violation.trial
    book = trial.subject.book
    if not law.about or book.function_for(law.about) != "backward" or "forward" not in trial.subject.functions:
        return ""
    for output, should_be_right in ((law.about, True), (book.signatures["forward"].returns[0], False)):
        right, came = (output_of(one, output, trial.case) for one in (trial.reference, trial.subject))
        if right is None or came is None or equal(right, came) is not should_be_right:
            return ""
    name = LETTERS.get(law.about, law.about)
    return f"Your {name} is right. It does not fit your forward pass, which is wrong: mend that first."


def _not_finite(output: str, came: Any) -> str:
    if came is None or np.isfinite(came).all():
        return ""
    return f"Your {LETTERS.get(output, output)} is not finite: 0/0, log 0, or an exponential that is too large?"


def _something_else(name: str, output: str, cases: Sequence[Wrong]) -> str:
    book, trial = cases[0].trial.subject.book, cases[0].trial
    function = book.function_for(output)
    returned = [other for other in trial.subject.returns(function) if other != output]
    for other in returned:
        if all(equal(one.came, output_of(one.trial.reference, other, one.trial.case)) for one in cases):
            order = " ".join(trial.subject.returns(function))
            its_name = LETTERS.get(other, other)
            return f'What you return as {name} is {its_name}. Say returns=… if "{order}" is not the order.'
    for given in trial.subject.depends_on(function):
        if all(given in one.trial.case and equal(one.came, one.trial.case[given]) for one in cases):
            return f"Your {name} is {LETTERS.get(given, given)} itself."
    return ""


def _a_factor(name: str, output: str, cases: Sequence[Wrong]) -> str:
    """Say by which factor the output is wrong: a number, or one of the sizes."""
    found = [_factor(one.right, one.came) for one in cases if one.came.shape == one.right.shape]
    if len(found) < len(cases) or None in found:
        return ""
    factors = [factor for factor in found if factor is not None]
    if len({*factors}) == 1 and factors[0] != 1:
        return f"Your {name} is {'minus' if factors[0] == -1 else f'{factors[0]} times'} the right one."
    for what, measure in cases[0].trial.subject.book.measures.items():
        sizes = [Fraction(measure(one.trial.case)) for one in cases]
        if factors == sizes:
            return f"Your {name} is the right one times {what}: a sum where the mean should be?"
        if factors == [1 / size for size in sizes]:
            return f"Your {name} is the right one divided by {what}: a mean where the sum should be?"
    return ""


def _factor(right: Array, came: Array) -> Fraction | None:
    """Return the one number f with came = f · right, if there is one."""
    counts = abs(right) > 1e-9 * np.max(abs(right), initial=0)  # what is smaller is 0, but for its rounding
    if not counts.any() or not equal(came * ~counts, right * 0):
        return None
    quotients = {Fraction(float(q)).limit_denominator(1000) for q in np.ravel(came[counts] / right[counts])}
    return quotients.pop() if len(quotients) == 1 else None


def _its_signs(name: str, output: str, cases: Sequence[Wrong]) -> str:
    if any(one.came.shape != one.right.shape for one in cases):
        return ""
    if all(equal(one.came.clip(0), one.right) for one in cases):
        return f"Your {name} is right where it is not negative. Is the ReLU at its end missing?"
    if all(equal(one.came, one.right.clip(0)) for one in cases):
        return f"Your {name} is 0 where the right one is negative. Is there a ReLU that should not be there?"
    if all(equal(one.came, abs(one.right)) for one in cases):
        return f"Your {name} is the absolute value of the right one."
    return ""


def _some_cells(name: str, output: str, cases: Sequence[Wrong]) -> str:
    """Say that some cells are right and the others 0, if so."""
    if any(one.came.shape != one.right.shape for one in cases):
        return ""
    right = [agree("=", one.came, one.right) for one in cases]
    if all((ok | (one.came == 0)).all() for ok, one in zip(right, cases, strict=True)) and any(map(np.any, right)):
        return f"Your {name} is right in some cells and 0 in all others: does a loop end too early, or start too late?"
    return ""


_LOOKS: list[Callable[[str, str, Sequence[Wrong]], str]] = [
    *(_nothing, _scaled, _its_type, _something_else, _its_shape, _a_factor, _its_signs, _its_order, _some_cells)
]

LETTERS = {
    "weight": "W", "grad_output": "u", "bias": "b", "dw": "dW", "cam": "map", "weighted_sum": "L", "alphas": "α",
    "normalised": "normalised map", "resized": "resized map", "picture": "overlay",
}  # fmt: skip
"""What the texts of the laws call an array."""


# --- where it is wrong


def telling_trait(entry: Entry, traits: Mapping[str, Callable[..., bool]]) -> str:
    """Return the phrase for the trait that divides the cases where a law is broken from the others, or ""."""
    wrong, right = [violation.trial.case for violation in entry.violations], entry.held
    scores: dict[str, float] = {}
    for phrase, trait in traits.items() if wrong and right else ():
        wrong_with, right_with = sum(map(trait, wrong)), sum(map(trait, right))
        without, right_without = len(wrong) + len(right) - wrong_with - right_with, len(right) - right_with
        # what nearly all cases have divides nothing, and neither does what those that lack it do not profit from
        if 10 * without >= len(wrong) + len(right) and 2 * right_without >= without:
            scores[phrase] = wrong_with / len(wrong) - right_with / len(right)
    best = max(scores, key=lambda phrase: scores[phrase], default="")
    return best if best and scores[best] > 0.6 else ""


def where_it_breaks(report: Report, entry: Entry) -> str:
    """Say in which cases the law is broken."""
    wrong, right = [violation.trial.case for violation in entry.violations], entry.held
    if not right:
        return "Wrong in all cases." if len(wrong) > 3 else ""
    if len(wrong) == 1:
        return ""
    phrase = telling_trait(entry, report.book.traits)
    if not phrase:
        return f"Wrong in {len(wrong)} of {len(wrong) + len(right)} cases."
    trait = report.book.traits[phrase]
    wrong_with, right_with = sum(map(trait, wrong)), sum(map(trait, right))
    rest, others_wrong = len(right) - right_with, len(wrong) - wrong_with
    others = f"right in {rest} of {rest + others_wrong} others" if others_wrong else f"right in all {rest} others"
    return f"Wrong in {wrong_with} of {wrong_with + right_with} cases {phrase}, {others}."


def _only_unequal_sides(entry: Entry) -> bool:
    """Whether the law holds wherever heights and widths are equal, and is broken mostly where they differ."""
    wrong, right = ([is_within(case, {"square": True}) for case in cases]
                    for cases in ([violation.trial.case for violation in entry.violations], entry.held))  # fmt: skip
    return not any(wrong) and sum(right) > 3 and len(wrong) >= right.count(False)


# --- errors


def _about_an_error(violation: Violation, error: Exception) -> Iterator[str]:
    line = line_of_theirs(error)
    if line:
        yield f"It was raised by the line: {line}"
    text, case = str(error), violation.trial.case
    unequal = [
        f"{name}={value}" for name, value in case.options.items() if isinstance(value, tuple) and len({*value}) > 1
    ]
    if isinstance(error, TypeError) and "tuple" in text and unequal:
        yield f"It was given a pair (height, width): {', '.join(unequal)}."
    if re.search(r"not enough values to unpack \(expected 4, got 3\)|axis \d is out of bounds", text) and "A" in case:
        yield 'It was given the maps of one image, (K, H, W). If it takes a batch, say layout="NKHW".'
    if "NoneType" in text:
        yield "Something is None: does each function return its result?"


def _about_places(violation: Violation) -> Iterator[str]:
    """Say in which order the arguments were given, if their names did not tell."""
    subject, about = violation.trial.subject, violation.law.about
    function = subject.book.function_for(about) if about else ""
    if function in subject.functions and not subject.knows_names_of(function):
        order = ", ".join(LETTERS.get(name, name) for name in subject.takes(function))
        yield f"Its arguments were given by their places: {order}. If that is not their order, say takes=…"


def line_of_theirs(error: Exception) -> str:
    """Return the last line of the functions under test that was run before the error, or "" if there is none."""
    from numpycam.laws.subject import Subject

    trace: TracebackType | None = error.__traceback__
    inside, last = False, None
    while trace is not None:
        code = trace.tb_frame.f_code
        if inside and not _is_of_a_library(code.co_filename):
            last = code.co_filename, trace.tb_lineno
        inside = inside or code is Subject.run.__code__
        trace = trace.tb_next
    return linecache.getline(*last).strip() if last else ""


def _is_of_a_library(file: str) -> bool:
    return "site-packages" in file or "dist-packages" in file or Path(file).parent == Path(__file__).parent
