"""Finds the known mistake that explains what functions under test return.

A mistake is its functions. It explains a subject if these return the same in all cases, wrong ones and right ones.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numpycam.laws.book import Law, Mistake
from numpycam.laws.cases import Case
from numpycam.laws.engine import Report, Trial, agree
from numpycam.laws.hints import equal
from numpycam.laws.subject import NotAskedError, Subject

MOST_CASES = 300
"""That a mistake must explain: Hypothesis draws more."""


def known_mistake(report: Report, output: str, law: Law | None = None) -> Mistake | None:
    """Return the first known mistake that makes what came in all cases, and not what is right in all.

    One that explains all outputs comes before one that explains this output alone. Where no output tells, as if an
    argument is written to, the sides of the law do.
    """
    if output:
        kinds = [kind for kind in ("integers", "floats") if _is_wrong(report, output, kind)]
        looks = [_Look(report, output, kind) for kind in kinds[:1]]
        for alone in (False, True):
            for mistake, look in ((mistake, look) for look in looks for mistake in report.book.mistakes):
                if look.is_explained_by(mistake, alone):
                    return mistake
    if law is None or not report.book.right_everywhere:
        return None
    silent = (mistake for mistake in report.book.mistakes if not mistake.about)
    return next((mistake for mistake in silent if _has_the_sides(mistake, report, law)), None)


def output_of(trial: Trial, output: str, right: bool = False) -> Any:
    """Return an output, or the right one; None if the function raises. Raise NotAskedError if it cannot be asked."""
    try:
        with np.errstate(all="ignore"):
            return trial.named(f"right_{output}" if right else output)
    except NotAskedError:
        raise
    except Exception:  # whatever the functions under test raise
        return None


def _trials(report: Report, kind: str) -> list[Trial]:
    return [trial for trial in report.trials if trial.case.kind == kind][:MOST_CASES]


def _is_wrong(report: Report, output: str, kind: str) -> bool:
    """Whether a law about what the function returns is broken in a case of this kind."""
    function = report.book.function_for(output)
    about = report.book.signatures[function].returns
    entries = (entry for entry in report.broken if entry.law.about in about)
    return any(violation.trial.case.kind == kind for entry in entries for violation in entry.violations)


class _Look:
    """What came, and what is right, in all cases of a kind."""

    def __init__(self, report: Report, output: str, kind: str) -> None:
        self._book, self._output, self._kind = report.book, output, kind
        self._functions = report.subject.functions.keys()
        self._trials = _trials(report, kind)
        self._most = max((_count(trial.case) for trial in self._trials), default=0)

    def is_explained_by(self, mistake: Mistake, alone: bool) -> bool:
        """Whether a mistake makes the output, and the others unless ``alone``, and makes the output wrong somewhere."""
        made = mistake.functions.keys()
        if self._book.function_for(self._output) not in made or not (alone or made <= self._functions):
            return False
        wrong = Subject.right(self._book, **mistake.functions)
        pairs = [(trial, Trial(wrong, trial.reference, trial.case)) for trial in self._trials]
        others = () if alone else (output for name in made for output in self._book.signatures[name].returns)
        return all(self._is_made(output, pairs) for output in (self._output, *others)) and self._is_wrong(pairs)

    def _is_wrong(self, pairs: Sequence[tuple[Trial, Trial]]) -> bool:
        """Whether the mistake makes the output wrong somewhere, and it did come wrong somewhere."""
        for came, made in pairs:
            try:
                given, right = output_of(came, self._output), output_of(came, self._output, right=True)
            except NotAskedError:
                continue
            wrong = output_of(made, self._output)
            if self._kind == "floats":  # nothing but rounding is wrong, or whole numbers would show it
                if not np.array_equal(right, wrong) and not np.array_equal(right, given):
                    return True
            elif wrong is not None and not equal(right, wrong):
                return True
        return False

    def _is_made(self, output: str, pairs: Sequence[tuple[Trial, Trial]]) -> bool:
        """Whether an output is what the mistake makes, in all cases that the functions can be asked."""
        for came, made in pairs:
            try:
                given = output_of(came, output)
            except NotAskedError:
                continue
            wrong = output_of(made, output)
            is_near = given is not None and wrong is not None and agree("=", given, wrong, self._bound(given)).all()
            if not (is_near or equal(given, wrong)):
                return False
        return True

    def _bound(self, given: Any) -> Any:
        """Return how far apart two results in float32 may be, which were added up in another order."""
        if self._kind != "floats" or given is None:
            return None
        return 4 * self._most * np.finfo(np.float32).eps * max(1.0, float(np.abs(given).max(initial=0.0)))


def _count(case: Case) -> int:
    return sum(value.size for value in case.arrays.values() if isinstance(value, np.ndarray))


def _has_the_sides(mistake: Mistake, report: Report, law: Law) -> bool:
    """Whether a mistake breaks a law, and its sides are the same in all cases."""
    names = report.subject.functions.keys()
    if not names & mistake.functions.keys():
        return False
    right = Subject.right(report.book, **mistake.functions)
    wrong = Subject(report.book, {name: right.functions[name] for name in names}, right.habits)
    is_broken = False
    for trial in _trials(report, "integers"):
        came, made = _sides(law, trial), _sides(law, Trial(wrong, trial.reference, trial.case))
        if len(came) != len(made) or not all(map(equal, came, made)):
            return False
        is_broken = is_broken or not all(
            agree(law.sign, *pair).all() for pair in zip(came[::2], came[1::2], strict=True)
        )
    return is_broken


def _sides(law: Law, trial: Trial) -> list[Any]:
    """Return both sides of each equation, one after the other; nothing if the functions raise."""
    try:
        with np.errstate(all="ignore"):
            pairs = trial.sides(law) or []
    except Exception:  # whatever the functions under test raise
        return []
    return [np.array(side) for pair in pairs for side in pair]
