"""Asks laws on cases that Hypothesis draws: other numbers in every run, and the counterexample is made small by it."""

import time
from fractions import Fraction
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample, UnsatisfiedAssumption

from numpycam.laws.book import Book
from numpycam.laws.cases import Case, Numbers
from numpycam.laws.engine import Entry, Report, Trial, Violation, conventions, violated
from numpycam.laws.subject import NotAskedError, Subject, is_within


class Drawn(Numbers):
    """Numbers that Hypothesis draws: the smallest first, so that it can make a case simpler."""

    def __init__(self, draw: Any, kind: str) -> None:
        super().__init__(kind, "")
        self._draw = draw

    def number(self, among: str = "all") -> Any:
        """Return one number."""
        if self.kind == "floats" and among != "few":
            low = 0.0 if among in ("not negative", "a share") else -1.0
            return self._draw(st.floats(low, 1.0, width=32))
        return self._draw(_VALUES[among if among in _VALUES else "all"])

    def shuffled(self, count: int) -> list[int]:
        """Return the numbers from 0 on in another order."""
        return list(self._draw(st.permutations(range(count))))

    def whole(self, low: int, high: int) -> int:
        """Return a whole number from low to high."""
        return int(self._draw(st.integers(low, high)))


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "all": st.integers(-9, 9),
    "few": st.integers(-1, 2),
    "not negative": st.integers(0, 9),
    "a share": st.integers(0, 8).map(lambda eighths: Fraction(eighths, 8)),
}


@st.composite
def cases(draw: Any, book: Book, kind: str = "integers") -> Case:
    """Draw a case for an operation: sizes, options and numbers.

    Parameters
    ----------
    book : Book
        One of ``numpycam.laws.BOOKS``.
    kind : {"integers", "fractions", "floats"}
        Whole numbers in float64, Fractions, or floats.
    """
    setting = {name: draw(st.sampled_from(list(values))) for name, values in book.choices.items()}
    made = book.make(setting, Drawn(draw, kind))
    if made is None:
        raise UnsatisfiedAssumption
    return Case(kind, setting, *made)


def examine_drawn(subject: Subject, random: Random | None = None) -> Report:
    """Let Hypothesis look for a case that breaks a law, for each law. How many it tries, its profile says."""
    start, book, reference = time.perf_counter(), subject.book, Subject.right(subject.book)
    report = Report(book, subject, [Entry(law) for law in book.laws], how="hypothesis")
    chosen = settings(database=None, deadline=None, phases=(Phase.generate, Phase.shrink),
                      suppress_health_check=list(HealthCheck))  # fmt: skip

    for entry in report.entries:

        def is_broken(case: Case, entry: Entry = entry) -> bool:
            if not is_within(case, subject.habits.limits):
                return False
            trial = Trial(subject, reference, case)
            try:
                found = violated(entry.law, trial)
            except NotAskedError as error:
                entry.reason = str(error)
                return False
            if found is not None:
                entry.cases += 1
                report.trials.append(trial)
            if found is False:
                entry.held.append(case)
            return isinstance(found, Violation)

        try:
            smallest = find(cases(book), is_broken, settings=chosen, random=random)
        except NoSuchExample:
            entry.reason = entry.reason or "no case fits its hypotheses"
            continue
        found = violated(entry.law, Trial(subject, reference, smallest))
        if isinstance(found, Violation):
            entry.violations.append(found)
    _ask_again(report)
    report.conventions = conventions(report)
    report.numbers["integers"] = f"{len(report.trials)} cases, drawn"
    report.seconds = time.perf_counter() - start
    return report


def _ask_again(report: Report) -> None:
    """Ask the laws that seem to hold in the cases that break others: what is found by chance is found once for all."""
    found = [violation.trial for entry in report.entries for violation in entry.violations]
    for entry in report.entries:
        for trial in found if not entry.violations else ():
            try:
                again = violated(entry.law, trial)
            except NotAskedError:
                continue
            if isinstance(again, Violation):
                entry.cases += 1
                entry.violations.append(again)
                break
