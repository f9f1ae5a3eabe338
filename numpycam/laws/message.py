"""Turns a broken law into a lesson: the law, the smallest case, both sides, what is wrong and where.

One lesson at a time: the first law of the book that is broken. The message comes in the order in which a reader needs
it: what must hold, on which numbers it does not, what came and what should have come, which mistake makes just this,
where it happens, and the call that shows it again.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from numpycam.laws.book import Mistake
from numpycam.laws.cases import Case
from numpycam.laws.code import Call, as_code, both, write
from numpycam.laws.engine import Entry, Report, Trial, Violation, examine
from numpycam.laws.hints import LETTERS, equal, hints, line_of_theirs, output_of, same, telling_trait
from numpycam.laws.known import known_mistake
from numpycam.laws.smallest import arrays_used, clearest, smallest
from numpycam.laws.subject import NotAskedError, ReturnedError, Subject


class LawViolation(AssertionError):  # noqa: N818 - people read it: a law is violated
    """A law that does not hold. Its text is the lesson. A notebook shows it alone, without a traceback.

    Attributes
    ----------
    law : str
        The id of the law.
    report : Report
        What was found about all laws.
    mistake : str or None
        The id of the known mistake that explains all cases.
    call : str
        Python that shows it again: its last expression has the wrong value. It needs NumPy as ``np``, and the function.
    """

    def __init__(self, report: Report, only: Entry | None = None) -> None:
        entry = only or first_to_mend(report)
        traits, seen = report.book.traits, _in_the_sweep(report, entry)
        violation = smallest(clearest(entry, traits.get(telling_trait(entry, traits))))
        known = known_mistake(report, entry.law.about, entry.law)
        self.law, self.report, self.mistake = entry.law.id, report, known and known.id
        shown = _shown(violation)
        self.call = _call(violation, shown)
        super().__init__("\n".join(_lesson(report, seen, violation, known, shown, self.call)))

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the lesson, and not the way through this package."""
        return [str(self)]


def first_to_mend(report: Report) -> Entry:
    """Return the broken law to begin with: one about what calls leave behind, or else the first of the book."""
    for entry in report.broken:
        if entry.law.id in ("again", "kept") and any(violation.told for violation in entry.violations):
            return entry
    return min(report.broken, key=_how_late)


def _how_late(entry: Entry) -> int:
    """Rank a broken law: whole numbers teach more than many digits, and what comes out more than how it is made."""
    if entry.law.id in CONDUCT:
        return 2
    return 0 if any(one.trial.case.kind == "integers" for one in entry.violations) else 1


CONDUCT = ("pure", "again", "own", "kept", "nan", "scale")
"""The laws of conduct, which every book has."""


def _in_the_sweep(report: Report, entry: Entry) -> Entry:
    """Return what the sweep finds about a law, if Hypothesis found one case only: hints need several."""
    if report.how != "hypothesis":
        return entry
    seen = examine(report.subject, [entry.law.id])[entry.law.id]
    return seen if seen.violations else entry


class _Shown(NamedTuple):
    """The call that a lesson shows: where an output is not what it should be."""

    function: str
    output: str
    case: Case
    right: Any = None
    came: Any = None


def _shown(violation: Violation) -> _Shown:
    """Return the case itself if the output is wrong there, else another one that the law asked for."""
    trial, told, law = violation.trial, violation.told, violation.law
    functions = trial.subject.functions
    output = told.get("output", law.about)
    function = told.get("function") or (trial.subject.book.function_for(output) if output else next(iter(functions)))
    if told or not output or function not in functions:
        return _Shown(function, output, told.get("case", trial.case), told.get("right"), told.get("came"))
    for case in [trial.case, *_asked(violation, output)]:
        right, came = output_of(trial.reference, output, case), output_of(trial.subject, output, case)
        if right is None or came is None or same(right, came, case):
            continue
        if _decided_by_convention(trial, output) and right.shape == came.shape:
            continue
        return _Shown(function, output, case, right, came)
    return _Shown(function, output, trial.case)


def _decided_by_convention(trial: Trial, output: str) -> bool:
    """Whether good implementations differ in an output, so that nobody can say what it should be."""
    book = trial.subject.book
    by_convention = not book.is_decided and any(convention.about == output for convention in book.conventions)
    return by_convention or not book.right_everywhere


def _asked(violation: Violation, output: str) -> list[Case]:
    """Return the other cases that the law asked for an output."""
    asked: list[Case] = []

    class Watched(Trial):
        def _output(self, subject: Subject, name: str, case: Case) -> Any:
            if name == output and case is not self.case:
                asked.append(case)
            return super()._output(subject, name, case)

    trial = violation.trial
    try:
        with np.errstate(all="ignore"):
            Watched(trial.subject, trial.reference, trial.case).sides(violation.law)
    except Exception:  # the lesson tells of it
        return asked
    return asked


def _call(violation: Violation, shown: _Shown) -> str:
    subject, told = violation.trial.subject, violation.told
    if shown.function not in subject.functions:
        return ""
    call = Call(subject, shown.function, shown.output, shown.case)
    try:
        if violation.law.id == "pure" and told:
            return call.writes(told["argument"])
        if violation.law.id == "own" and told:
            return call.shares(told["argument"])
        if violation.law.id == "kept" and told:
            return call.kept(told["other"])
        return call.twice(told["other"]) if "other" in told else call.plain()
    except NotAskedError:
        return ""


def _lesson(
    report: Report, entry: Entry, violation: Violation, known: Mistake | None, shown: _Shown, call: str
) -> Iterator[str]:
    law = entry.law
    yield f"{report.book.name} breaks {law.id}:   {law.text}"
    if law.where:
        yield f"  {law.where}"
    yield f"  The simplest case found{_options(violation.trial, shown)}:"
    yield from _arrays(violation, shown)
    yield from _sides(violation, shown)
    yield from (f"  → {hint}" for hint in hints(report, entry, violation, known, shown.came))
    if call:
        yield f"  To see it: {call}"
    yield from _others(report, entry, violation)


def _options(trial: Trial, shown: _Shown) -> str:
    """Name the options, but not those that the function does not have."""
    subject, options = trial.subject, shown.case.options
    has = subject.has_option if shown.function in subject.functions else lambda function, name: True
    named = [f"{name} {_short(value)}" for name, value in options.items() if has(shown.function, name)]
    return f" has {', '.join(named)}" if named else ""


def _short(value: Any) -> str:
    return str(value[0] if isinstance(value, tuple) and value == value[:1] * 2 else value)


def _arrays(violation: Violation, shown: _Shown) -> Iterator[str]:
    subject = violation.trial.subject
    functions = [shown.function, *subject.functions]
    for name in arrays_used(violation):
        value, letter = shown.case.arrays[name], LETTERS.get(name, name)
        word = subject.word_for(name, functions)
        same = word.lower() in ("", name.lower(), letter.lower())
        yield f"    {letter}{'' if same else f' ({word})'} = {_in_their_axes(subject, name, value)}"


def _in_their_axes(subject: Subject, name: str, value: Any) -> str:
    value = subject.theirs(name, value)
    return write(value) if isinstance(value, np.ndarray) else as_code(value)


def _sides(violation: Violation, shown: _Shown) -> Iterator[str]:
    if violation.error is not None:
        yield from _error(violation, violation.error)
        return
    if violation.told and (told := _tell(violation)):
        yield told
        return
    right, came = shown.right, shown.came
    sides = violation.lhs, violation.rhs
    if right is not None and (violation.told or np.shape(right) != np.shape(came)):
        yield f"    {_should_be(violation.trial.subject, shown)}"
        return
    if right is None or (shown.case is violation.trial.case and not (equal(sides[0], came) and equal(sides[1], right))):
        for label, side in zip(violation.law.labels, sides, strict=True):
            yield f"    {label} = {write(side)}"
    if right is not None:
        yield f"    {_should_be(violation.trial.subject, shown)}"


def _should_be(subject: Subject, shown: _Shown) -> str:
    name = LETTERS.get(shown.output, shown.output)
    right, came = subject.theirs(shown.output, shown.right), shown.came
    if shown.right.ndim == came.ndim:
        came = subject.theirs(shown.output, came)
    if right.shape != came.shape:
        return f"{name} should have the shape {right.shape}, yours has {came.shape}"
    texts = both(right, came)
    return f"{name} should be {texts[0]}, yours is {texts[1]}"


def _error(violation: Violation, error: Exception) -> Iterator[str]:
    if isinstance(error, ReturnedError):
        yield f"    {error}"
    elif line_of_theirs(error) or type(error) is not ValueError:
        yield f"    raised {type(error).__name__}{f': {error}' if str(error) else ''}"
    else:
        yield f"    What came cannot be put into the law: {error}"


def _tell(violation: Violation) -> str:
    """Return the sentence for a law of conduct."""
    told, subject = violation.told, violation.trial.subject
    function = subject.name_of(told["function"])
    argument, output = (LETTERS.get(told.get(name, ""), told.get(name, "")) for name in ("argument", "output"))
    was, now = write(violation.rhs), write(violation.lhs)
    return {
        "pure": f"    {function} writes into {argument}: it was {was}, and is {now} after the call",
        "again": f"    {output} is {was} the first time, and {now} when {function} is called again",
        "own": f"    {output} is {was}; after {argument} was overwritten with 77, it is {now}",
        "kept": f"    {output} is {was}; after another call of {function}, the same array is {now}",
    }.get(violation.law.id, "")


def _others(report: Report, entry: Entry, violation: Violation) -> Iterator[str]:
    """Name the other broken laws, but for those that are broken by errors alone, and say what is due to this one."""
    others = [other for other in report.broken if any(one.error is None for one in other.violations)]
    others = [other for other in others if other.law is not entry.law]
    if entry.law.id not in CONDUCT:  # a wrong function is bound to break these
        others = [other for other in others if other.law.id not in ("nan", "scale")]
    first = first_to_mend(report)
    if first.law is not entry.law:
        yield f"  {first.law.id} is broken, too. Mend that first."
    elif others:
        yield f"  Also broken: {', '.join(other.law.id for other in others)}. Mend this first, then ask again."
    if violation.error is None and entry.law.about and report.book.function_for(entry.law.about) == "forward":
        yield from _about_backward(report)


def _about_backward(report: Report) -> Iterator[str]:
    """Say whether the backward pass is right, or fits the wrong forward pass, where the forward pass is wrong."""
    if "backward" not in report.subject.functions:
        return
    outputs = report.subject.returns("backward")
    trials = [trial for trial in report.trials if trial.case.kind == "integers"]
    pairs = [[output_of(one, name, trial.case) for one in (trial.reference, trial.subject)]
             for trial in trials for name in outputs]  # fmt: skip
    pairs = [pair for pair in pairs if pair[1] is not None]
    about = [entry for entry in report.entries if entry.law.about in outputs and entry.cases]
    if pairs and all(equal(*pair) for pair in pairs):
        yield "  Your backward pass is right. It will fit when the forward pass is mended."
    elif about and not any(entry.violations for entry in about):
        yield "  Your backward pass fits this forward pass: what is mended here must be mended there, too."


__all__ = ["LawViolation", "first_to_mend", "known_mistake", "smallest", "write"]
