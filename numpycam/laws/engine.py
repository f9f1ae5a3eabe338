"""Asks the laws of a book about functions under test, and reports what was found.

>>> import numpy as np
>>> from numpycam import laws
>>> def relu_backward(grad_output, x):
...     return np.where(x > 0, grad_output, 0)
>>> report = laws.relu.verify(backward=relu_backward)
>>> report.is_right
True
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from numpycam.core.arrays import Array
from numpycam.laws.book import Book, Kind, Law
from numpycam.laws.cases import Case, sweep
from numpycam.laws.rounding import largest_size, sized
from numpycam.laws.subject import NotAskedError, Subject, is_within

_SHORT = 40  # of how many cases a run of another kind of numbers consists


class Trial:
    """Functions under test on one case: what a law may name."""

    def __init__(self, subject: Subject, reference: Subject, case: Case) -> None:
        self.subject, self.reference, self.case = subject, reference, case
        self._outputs: dict[str, dict[str, Any]] = {}

    def named(self, name: str) -> Any:
        """Return an array, an option, an output ("dx"), or what makes an output of other arguments ("dx_of").

        What the functions under test do not return is taken from the reference. "right_dx" always is.
        """
        if name == "trial":
            return self
        if name in self.case:
            return self.case[name]
        if name.startswith("right_"):
            return self._output(self.reference, name.removeprefix("right_"), self.case)
        subject = self._subject_for(name.removesuffix("_of"))
        if name.endswith("_of"):
            return lambda **changed: self._output(subject, name.removesuffix("_of"), self.case.having(**changed))
        return self._output(subject, name, self.case)

    def sides(self, law: Law) -> list[tuple[Any, Any]] | None:
        """Return the two sides of a law, or of each of its equations; None outside of its hypotheses."""
        returned = law.sides(**{name: self.named(name) for name in law.needs})
        if returned is None:
            return None
        return [returned] if isinstance(returned, tuple) else [*returned]

    @cached_property
    def sizes(self) -> list["Trial"]:
        """The right functions of the same names, on numbers that know their sizes, and on |numbers|."""
        floats = {name: value for name, value in self.case.arrays.items() if _is_float(value)}
        right = self.subject.right_ones
        return [
            Trial(right, self.reference, self.case.having(**{name: size(value) for name, value in floats.items()}))
            for size in (sized, np.abs)
        ]

    def _subject_for(self, output: str) -> Subject:
        return self.subject if self.subject.book.function_for(output) in self.subject.functions else self.reference

    def _output(self, subject: Subject, output: str, case: Case) -> Any:
        function = subject.book.function_for(output)
        if case is not self.case:
            outputs = subject.call(function, case)
        else:
            key = f"{function} of {id(subject)}"
            if key not in self._outputs:
                self._outputs[key] = subject.call(function, case)
            outputs = self._outputs[key]
        if output not in outputs:
            raise NotAskedError(f"{function} returns no {output}")
        return outputs[output]


@dataclass(frozen=True)
class Violation:
    """A case in which a law is broken."""

    law: Law
    trial: Trial
    lhs: Any = None
    rhs: Any = None
    error: Exception | None = None
    told: Mapping[str, Any] = field(default_factory=dict)  # what the law knows beside its sides


@dataclass
class Entry:
    """What was found about one law."""

    law: Law
    cases: int = 0
    violations: list[Violation] = field(default_factory=list)
    held: list[Case] = field(default_factory=list)
    reason: str = ""  # why it was not asked
    undecided: int = 0  # cases for which a proof was refused
    stopped: int = 0  # those of them in which the right functions compare nothing

    @property
    def state(self) -> str:
        """Whether the law is broken, not proved, held, or not asked."""
        if self.violations or self.stopped:
            return "broken" if self.violations else "not proved"
        return "held" if self.cases else "not asked"


@dataclass
class Report:
    """What was found about functions under test."""

    book: Book
    subject: Subject
    entries: list[Entry]
    conventions: dict[str, str] = field(default_factory=dict)
    numbers: dict[Kind, str] = field(default_factory=dict)
    trials: list[Trial] = field(default_factory=list)
    seconds: float = 0.0
    how: str = "sweep"

    @property
    def broken(self) -> list[Entry]:
        """The laws that are broken, in the book's order."""
        return [entry for entry in self.entries if entry.violations]

    @property
    def is_right(self) -> bool:
        """Whether some laws were asked, all of these hold, and no proof was stopped by the functions."""
        return not (self.broken or self.stopped) and any(entry.cases for entry in self.entries)

    @property
    def stopped(self) -> list[Entry]:
        """The laws that are not proved, since the functions compare symbols where the operation compares nothing."""
        return [entry for entry in self.entries if entry.state == "not proved"]

    def __getitem__(self, id: str) -> Entry:
        return next(entry for entry in self.entries if entry.law.id == id)

    def __str__(self) -> str:
        """Return the whole report as text, a line for each law. It is the same in every run."""
        functions = ", ".join(self.subject.functions)
        lines = [f"laws.{self.book.name}: {functions}; {self.count} cases"]
        width = max(len(entry.law.id) for entry in self.entries)
        for entry in self.entries:
            mark = {"broken": "✗", "held": "✓"}.get(entry.state, "·")
            seen = f"{entry.state}: {entry.reason}" if mark == "·" else f"{entry.cases} cases"
            if entry.undecided and mark == "✓":
                seen += f", {entry.undecided} undecided"
            if entry.violations:
                seen = f"wrong in {len(entry.violations)} of {entry.cases} cases"
            lines.append(f"  {mark} {entry.law.id:{width}}  {entry.law.text}  ({seen})")
        lines += [f"  → {question}: {answer}" for question, answer in self.conventions.items()]
        lines += [f"  numbers: {kind}: {seen}" for kind, seen in self.numbers.items()]
        lines += [f"  {note}" for note in self.subject.notes]
        return "\n".join(lines)

    @property
    def count(self) -> int:
        """How many cases there were."""
        return len(self.trials)

    def as_json(self) -> dict[str, Any]:
        """Return the report as what JSON can hold."""
        return {
            "operation": self.book.name,
            "how": self.how,
            "cases": self.count,
            "laws": [
                {
                    "id": entry.law.id,
                    "law": entry.law.text,
                    "state": entry.state,
                    "cases": entry.cases,
                    "wrong": len(entry.violations),
                    **({"reason": entry.reason} if entry.reason else {}),
                }
                for entry in self.entries
            ],
            "conventions": self.conventions,
        }


def examine(subject: Subject, ids: Sequence[str] | None = None, seed: str = "") -> Report:
    """Ask all laws, or those of these ids, on the sweep's cases; another seed gives these other numbers."""
    start, book = time.perf_counter(), subject.book
    laws = [law for law in book.laws if ids is None or law.id in ids]
    report = Report(book, subject, [Entry(law) for law in laws])
    reference = Subject.right(book)
    for kind in ("integers", "fractions", "floats"):
        cases = (case for case in sweep(book, kind, seed) if is_within(case, subject.habits.limits))
        count = None if kind == "integers" else _SHORT
        trials = [Trial(subject, reference, case) for case in islice(cases, count)]
        if kind == "fractions" and trials and (why := _refuses(trials[0])):
            report.numbers[kind] = f"not asked: {why}"
            continue
        for trial in trials:
            ask(report, trial)
        report.numbers[kind] = f"{len(trials)} cases"
    for entry in report.entries:
        if not entry.cases and not entry.reason:
            entry.reason = "no case fits its hypotheses" if report.trials else "limits leave no case"
    report.conventions = conventions(report)
    report.seconds = time.perf_counter() - start
    return report


def ask(report: Report, trial: Trial) -> None:
    """Ask each law of the report on one case."""
    report.trials.append(trial)
    for entry in report.entries:
        if trial.case.kind not in entry.law.kinds:
            continue
        try:
            violation = violated(entry.law, trial)
        except NotAskedError as error:
            entry.reason = entry.reason or str(error)
            continue
        if violation is None:
            continue
        entry.cases += 1
        if isinstance(violation, Violation):
            entry.violations.append(violation)
        else:
            entry.held.append(trial.case)


def violated(law: Law, trial: Trial) -> Violation | bool | None:
    """Return the violation, False if the law holds, or None if it says nothing about the case."""
    if law.about and trial.subject.book.function_for(law.about) not in trial.subject.functions:
        raise NotAskedError(f"there is no {trial.subject.book.function_for(law.about)}")
    try:
        with np.errstate(all="ignore"):
            pairs = trial.sides(law)
    except NotAskedError:
        raise
    except Exception as error:  # whatever the functions under test raise is a finding
        return Violation(law, trial, error=error)
    if pairs is None:
        return None
    bounds = _bounds(law, trial, len(pairs)) if _rounds(law, trial) else [None] * len(pairs)
    if bounds is None:
        return None
    for pair, bound in zip(pairs, bounds, strict=True):
        if not agree(law.sign, *pair, bound, trial.subject.habits.dtype).all():
            return Violation(law, trial, *pair, told=getattr(pair, "more", {}))
    return False


def _rounds(law: Law, trial: Trial) -> bool:
    """Whether rounding decides how near the sides must be: floats went in, or the functions compute in float32."""
    if not trial.subject.book.right_everywhere:
        return False  # no right function says by how much: √eps must do
    return trial.case.kind == "floats" or (trial.subject.habits.dtype == "float32" and "floats" in law.kinds)


@np.errstate(invalid="ignore")  # some processors warn of a NaN in a comparison
def agree(sign: str, lhs: Any, rhs: Any, bound: Any = None, dtype: str = "float64") -> Array:
    """Return where lhs = rhs, or lhs ≤ rhs, holds.

    Fractions are compared exactly. Of floats, whole numbers went in, so both sides are fractions with small
    denominators: what is nearer than √eps is equal. A bound takes the place of this where other floats went in.
    A Fraction that has met a float is a float.
    """
    left, right = np.asarray(lhs), np.asarray(rhs)
    if object in (left.dtype, right.dtype) and any(isinstance(one, float) for one in (*left.flat, *right.flat)):
        left, right = left.astype(np.float64), right.astype(np.float64)
    if left.shape != right.shape:
        return np.array(False)
    if left.dtype == object or right.dtype == object or left.dtype.kind in "biuUS":
        return np.asarray(left == right if sign == "=" else left <= right, dtype=bool)
    if bound is None:
        bound = np.sqrt(np.finfo(dtype).eps) * np.maximum(1, np.maximum(abs(left), abs(right)))
    with np.errstate(invalid="ignore"):
        away = np.abs(left - right)
    close = (away <= bound) & np.isfinite(away)  # what is infinite is near to nothing else
    both_nan = (left != left) & (right != right)
    return np.asarray(close | both_nan | (left == right) | (left < right if sign == "≤" else False))


def _bounds(law: Law, trial: Trial, count: int) -> list[Any] | None:
    """Return n eps · (the size of the sides) for each equation: see :mod:`numpycam.laws.rounding`.

    A law has two sides, and some put twice as many numbers into them as the case has; hence the 4. Sides below 1 count
    as 1, since the numbers that went in are up to 1.
    """
    n = sum(value.size for value in trial.case.arrays.values() if _is_float(value)) + 8  # and a few operations on each
    # Directions take floats alone, which are about as large at |numbers|.
    sizes = next((found for one in trial.sizes if (found := _sizes(law, one)) is not None), None)
    if sizes is None or len(sizes) != count:
        return None
    return [4 * n * np.finfo(trial.subject.habits.dtype).eps * max(1.0, size) for size in sizes]


def _sizes(law: Law, trial: Trial) -> list[float] | None:
    """Return the size of each equation's sides; None if the functions or the law do not take these numbers."""
    try:
        pairs = trial.sides(law)
        return None if pairs is None else [max(map(largest_size, pair)) for pair in pairs]
    except (NotAskedError, TypeError, ArithmeticError):  # objects refused, or a pole
        return None


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _refuses(trial: Trial) -> str:
    """Return why the functions under test take no Fractions, or "" if they do."""
    if trial.subject.habits.dtype == "float32":
        return "the functions compute in float32"
    for name in trial.subject.functions:
        try:
            returned = trial.subject.call(name, trial.case)
        except NotAskedError:
            continue
        except Exception as error:  # they need not take them
            return f"{name} raised {type(error).__name__}"
        for value in returned.values():
            if value.dtype != object:
                return f"{name} returned {value.dtype}"
    return ""


def conventions(report: Report) -> dict[str, str]:
    """Return which of the known answers the functions under test give to each question of convention."""
    found: dict[str, str] = {}
    for one in report.book.conventions:
        function = report.book.function_for(one.about)
        if function not in report.subject.functions:
            continue
        try:
            answer = np.asarray(one.ask(_asking(report.subject, function)), dtype=float)
        except Exception:  # what it cannot be asked has no answer
            continue
        near = np.sqrt(np.finfo(report.subject.habits.dtype).eps)
        matches = [name for name, known in one.answers.items() if _same(answer, np.asarray(known, dtype=float), near)]
        found[one.question] = matches[0] if matches else f"none that is known: {answer.tolist()}"
    return found


def _asking(subject: Subject, function: str) -> Callable[..., dict[str, Any]]:
    """Return the function under test as one that takes everything by our names, and returns its outputs by name."""

    def run(**given: Any) -> dict[str, Any]:
        options = {name: value for name, value in given.items() if name in subject.book.options}
        arrays = {name: value for name, value in given.items() if name not in options}
        return subject.call(function, Case("integers", {}, arrays, options))

    return run


def _same(a: Array, b: Array, near: float) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=near, atol=near, equal_nan=True)
