"""Proves laws: symbols go through the functions under test, and both sides of a law must be the same expression.

What is proved holds for all numbers, for each size and option on the list. Where a function has a comparison in it (a
ReLU, a maximum), the proof is of one linear piece: the signs and the order of the symbols are assumed, and each case
assumes others.

A function that takes no symbols is asked on all unit arrays instead: zeros with a single 1. If it is linear in each of
its arguments, that proves the law, too. The report says which of the two it was.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from numpycam.core.arrays import Array, Shape
from numpycam.laws.book import Book, Kind, Law
from numpycam.laws.cases import Case, Numbers, settings
from numpycam.laws.engine import Entry, Report, Trial, Violation, violated
from numpycam.laws.subject import NotAskedError, Subject, is_within
from numpycam.laws.symbols import Expression, UndecidedError, is_identity, positive_symbol, symbol

MOST_SYMBOLS = 24
"""A case with more numbers is left out: its expressions get long."""

_MOST_UNITS = 500  # combinations of unit arrays for one case


class _TooManyError(Exception):
    """A case needs more symbols than its expressions could be read with."""


class Symbols(Numbers):
    """Symbols in the place of numbers: ``x_1``, ``x_2``, and so on."""

    def __init__(self, seed: str) -> None:
        super().__init__("symbols", seed)
        self.count = 0

    def array(self, name: str, shape: Shape, among: str = "all") -> Array:
        """Return an array of symbols, with the assumptions that ``among`` asks for."""
        size = int(np.prod(shape, dtype=int))
        self.count += size
        if self.count > MOST_SYMBOLS:
            raise _TooManyError
        if among == "distinct":
            values = self._in_order(name, size)
        else:
            make = positive_symbol if among in ("not negative", "a share", "few") else symbol
            values = [make(f"{name}_{n + 1}") for n in range(size)]
            values = [-value for value in values] if among == "few" else values  # so that a sign is known, too
        array = np.empty(size, dtype=object)
        array[:] = values
        return array.reshape(shape)

    def _in_order(self, name: str, size: int) -> list[Expression]:
        """Return expressions whose signs and whose order are known: sums of positive symbols, some of them negative."""
        order, below = self.shuffled(size), self.whole(0, size)
        steps = [positive_symbol(f"{name}_{n + 1}") for n in range(size)]
        ranked = [-sum(steps[rank:below], Expression(0)) for rank in range(below)]
        ranked += [sum(steps[below : rank + 1], Expression(0)) for rank in range(below, size)]
        return [ranked[rank] for rank in order]


def prove(subject: Subject, cases: Iterable[Case] | None = None) -> Report:
    """Prove each law of a book that is an equation, for a list of sizes and options, or for these cases of symbols."""
    start, reference = time.perf_counter(), Subject.right(subject.book)
    laws = [law for law in subject.book.laws if "fractions" in law.kinds and law.sign == "="]
    report = Report(subject.book, subject, [Entry(law) for law in laws], how="prove")
    every = symbolic_cases(subject.book) if cases is None else cases
    cases = [case for case in every if is_within(case, subject.habits.limits)]
    for case in cases:
        trial = Trial(subject, reference, case)
        report.trials.append(trial)
        for entry in report.entries:
            _prove(entry, trial)
    if any("no symbols" in entry.reason for entry in report.entries):
        _prove_by_units(report, reference, [case.setting for case in cases])
    report.numbers.setdefault("symbols", f"{len(cases)} sizes and options, for all numbers")
    report.seconds = time.perf_counter() - start
    return report


def symbolic_cases(book: Book) -> Iterator[Case]:
    """Yield the sweep's settings that are small enough, with symbols for numbers."""
    for setting in settings(book, book.proof_reach):
        numbers = Symbols(f"{book.name} {sorted(setting.items())}")
        try:
            made = book.make(setting, numbers)
        except (_TooManyError, UndecidedError):  # the latter: whether it is defined depends on the numbers
            continue
        if made is not None:
            yield Case("symbols", setting, *made)


def _prove(entry: Entry, trial: Trial) -> None:
    law = entry.law
    if law.about and trial.subject.book.function_for(law.about) not in trial.subject.functions:
        entry.reason = f"there is no {trial.subject.book.function_for(law.about)}"
        return
    try:
        pairs = trial.sides(law)
    except NotAskedError as error:
        entry.reason = entry.reason or str(error)
        return
    except UndecidedError as error:
        entry.undecided += 1
        if error.sign != "=" and _is_decided(law, trial):  # to ask whether something is 0 is to be careful
            entry.reason = f"the functions compare what the operation does not: {error}"
            entry.stopped += 1
        entry.reason = entry.reason or str(error)
        return
    except Exception as error:  # whatever a function under test raises when symbols come
        entry.reason = f"takes no symbols: {type(error).__name__}"
        return
    if pairs is None:
        return
    entry.cases += 1
    for lhs, rhs in pairs:
        left, right = np.asarray(lhs), np.asarray(rhs)
        same = left.shape == right.shape
        if not (same and all(map(is_identity, left.ravel(), right.ravel()))):
            entry.violations.append(Violation(law, trial, lhs, rhs))
            return
    entry.held.append(trial.case)


def _is_decided(law: Law, trial: Trial) -> bool:
    """Whether the right functions come to an end with these symbols, where those under test did not."""
    try:
        Trial(trial.reference, trial.reference, trial.case).sides(law)
    except UndecidedError:
        return False
    return True


def _prove_by_units(report: Report, reference: Subject, settings: Sequence[Mapping[str, Any]]) -> None:
    """Ask the laws that are linear in each argument on all unit arrays, where symbols were refused.

    Then ask them on floats, too: a function that is not linear, as one that rounds to float32, is found out there.
    """
    report.numbers["symbols"] = "not taken"
    report.numbers["unit arrays"] = "a proof, if the functions are linear in each argument"
    for entry in (entry for entry in report.entries if entry.law.multilinear):
        for case in _with_numbers("integers", report.subject, settings):
            if not entry.violations:
                _ask_units(entry, report.subject, reference, case)
        for case in _with_numbers("floats", report.subject, settings if entry.cases else ()):
            found = violated(entry.law, Trial(report.subject, reference, case))
            if isinstance(found, Violation) and not entry.violations:
                entry.violations.append(found)


def _with_numbers(kind: Kind, subject: Subject, settings: Iterable[Mapping[str, Any]]) -> Iterator[Case]:
    for setting in settings:
        made = subject.book.make(setting, Numbers(kind, "units"))
        if made is not None and is_within(case := Case(kind, setting, *made), subject.habits.limits):
            yield case


def _ask_units(entry: Entry, subject: Subject, reference: Subject, case: Case) -> None:
    units = [*_unit_cases(case, entry.law)]
    if not units:
        return
    for one in units:
        try:
            found = violated(entry.law, Trial(subject, reference, one))
        except NotAskedError as error:
            entry.reason = str(error)
            return
        if isinstance(found, Violation):
            entry.violations.append(found)
            entry.cases += 1
            return
    entry.cases += 1
    entry.reason = ""


def _unit_cases(case: Case, law: Law) -> Iterator[Case]:
    arrays = {name: value for name, value in case.arrays.items() if isinstance(value, np.ndarray)}
    if np.prod([value.size for value in arrays.values()]) > _MOST_UNITS:
        return
    for indices in product(*(np.ndindex(value.shape) for value in arrays.values())):
        units: dict[str, Any] = {}
        for (name, value), index in zip(arrays.items(), indices, strict=True):
            units[name] = np.zeros(value.shape)
            units[name][index] = 1
        yield case.having(**units)
