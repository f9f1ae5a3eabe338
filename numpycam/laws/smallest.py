"""Makes a case that breaks a law smaller: as many zeros and ones as can be, and nothing that takes no part in it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from numpycam.core.arrays import Array, zero_of
from numpycam.laws.cases import Case
from numpycam.laws.engine import Entry, Trial, Violation, violated
from numpycam.laws.subject import NotAskedError, is_within

_TRIES = 600
_ORDER = ("integers", "floats", "symbols", "fractions")  # kinds of numbers, the plainest first


def clearest(entry: Entry, trait: Callable[[Case], bool] | None = None) -> Violation:
    """Return the simplest violation, of those with the trait that most have.

    It is neither an error, nor NaN, nor nearly right, if these are rare.
    """
    typical = [violation for violation in entry.violations if trait is None or trait(violation.trial.case)]
    found = typical if 3 * len(typical) >= 2 * len(entry.violations) else entry.violations
    plain = [violation for violation in found if _manner(violation)[:2] == (None, True)]
    far = [violation for violation in plain if not _manner(violation)[3]]
    best = next((some for some in (far, plain) if 3 * len(some) >= len(found)), found)
    return min(best, key=_size)


def _size(violation: Violation) -> tuple[int, int, int]:
    """How far a case is from the simplest: its numbers, its unusual properties, and how many numbers there are."""
    trial = violation.trial
    case, choices = trial.case, trial.subject.book.choices
    unusual = sum(
        value != choices[name][0] for name, value in case.setting.items() if name in choices and name != "draw"
    )
    size = sum(value.size for value in case.arrays.values() if isinstance(value, np.ndarray))
    return _ORDER.index(case.kind), unusual, size


def smallest(violation: Violation) -> Violation:
    """Return the same violation with a smaller case."""
    search = _Search(violation)
    search.leave_out()
    for _ in range(2):
        before = search.found
        for name in arrays_used(violation):
            search.simplify(name)
        if search.found is before:
            break
    return search.found


def arrays_used(violation: Violation) -> list[str]:
    """Return the names of the arrays that take part: what the law names, and what the functions it asks take."""
    subject, needs = violation.trial.subject, violation.law.needs
    named = [need.removeprefix("right_").removesuffix("_of") for need in needs]
    told = violation.told.get("function")
    if told or "trial" in named:  # which asks all functions, if it does not say which
        functions = [told] if told else [*subject.functions]
    else:
        functions = [one for one, its in subject.book.signatures.items() if {*named} & {*its.returns}]
    taken = [name for function in functions for name in subject.book.signatures[function].takes]
    arrays = violation.trial.case.arrays
    return [name for name in arrays if name in (*named, *taken) and arrays[name] is not None]


class _Search:
    """The smallest violation found so far, and how often a smaller one was tried."""

    def __init__(self, violation: Violation) -> None:
        self.found, self._manner, self._tries = violation, _manner(violation), 0
        self._must_fit = violation.trial.subject.book.fits(**violation.trial.case.arrays)

    def leave_out(self) -> None:
        """Leave out the arrays that functions need not be given, such as a bias."""
        for signature in self.found.trial.subject.book.signatures.values():
            for name in signature.may_lack:
                if self.found.trial.case.arrays.get(name) is not None:
                    self._try(name, None)

    def simplify(self, name: str) -> None:
        """Make an array simpler: as a whole, then block by block, then number by number."""
        array = self.found.trial.case.arrays[name]
        if not isinstance(array, np.ndarray) or not array.size:
            return
        wholes = (0,) if array.dtype.kind == "i" else (1, 0)  # of labels, there may be one class only
        if any(self._try(name, array * 0 + simple) for simple in wholes) or array.dtype.kind == "i":
            return
        self._clear(name, 0, array.size)
        for index in np.ndindex(*array.shape):
            current = self.found.trial.case.arrays[name]
            for value in (0, 1, -1, 2) if self.found.trial.case.kind != "floats" else (0, 1, 0.1):
                simpler = current.copy()
                simpler[index] = value + current[index] * 0
                if self._try(name, simpler):
                    break
        ranks = _ranks(self.found.trial.case.arrays[name])
        any(self._try(name, ranks * factor) for factor in (1, 2))

    def _clear(self, name: str, first: int, end: int) -> None:
        """Set as many of these numbers to 0 as can be, large blocks first."""
        current = self.found.trial.case.arrays[name]
        if not current.ravel()[first:end].any():
            return
        simpler = current.copy()
        simpler.reshape(-1)[first:end] = zero_of(simpler)
        if not self._try(name, simpler) and end - first > 1:
            middle = (first + end) // 2
            self._clear(name, first, middle)
            self._clear(name, middle, end)

    def _try(self, name: str, value: Any) -> bool:
        """Keep the value if the law is broken with it in the same manner; return whether it is kept."""
        trial, current = self.found.trial, self.found.trial.case.arrays[name]
        case = trial.case.having(**{name: value})
        if value is not None and np.array_equal(current, value):
            return True
        if self._tries > _TRIES:
            return False
        if not is_within(case, trial.subject.habits.limits):
            return False
        if self._must_fit and not trial.subject.book.fits(**case.arrays):
            return False
        self._tries += 1
        try:
            found = violated(self.found.law, Trial(trial.subject, trial.reference, case))
        except NotAskedError:
            return False
        if not isinstance(found, Violation) or _manner(found) != self._manner:
            return False
        self.found = found
        return True


def _manner(violation: Violation) -> tuple[Any, ...]:
    """In which way a law is broken: by an error, NaN, a shape, or numbers that are near; and what the law knows."""
    told = {name: value for name, value in violation.told.items() if isinstance(value, str)}
    left, right = np.asarray(violation.lhs), np.asarray(violation.rhs)
    kind = None if violation.error is None else type(violation.error)
    same_shape = left.shape == right.shape
    return kind, _is_finite(left) and _is_finite(right), same_shape, same_shape and _are_near(left, right), told


def _are_near(left: Array, right: Array) -> bool:
    try:
        left, right = left.astype(float), right.astype(float)
    except (TypeError, ValueError):  # an error has no sides
        return False
    with np.errstate(invalid="ignore"):
        return bool(np.all(abs(left - right) <= 1e-2 * abs(right)))


def _is_finite(array: Array) -> bool:
    return array.dtype == object or bool(np.isfinite(array).all())


def _ranks(array: Array) -> Array:
    """Return whole numbers of the same signs, in the same order: 1 for the smallest positive number, and so on."""
    ranks = array * 0
    for sign in (1, -1):
        for rank, value in enumerate(sorted({abs(value) for value in array.flat if value * sign > 0})):
            ranks[array == sign * value] += sign * (rank + 1)
    return ranks
