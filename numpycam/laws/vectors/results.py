"""The results of a case: the right ones, those of other conventions, and the known mistakes that have none of these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np

from numpycam.core.arrays import Array
from numpycam.exact import as_floats, as_fractions
from numpycam.laws.book import Book
from numpycam.laws.cases import Case
from numpycam.laws.subject import NotAskedError, Subject
from numpycam.laws.vectors.alternatives import ALTERNATIVES
from numpycam.laws.vectors.candidates import Candidate

TOLERANCE = "0.000000000001"
"""How far a result in floats may be from the right one, as a part of the largest number of the right one.

Rounding in float64 stays a hundred times below it. What known mistakes do in a vector that tells them is a hundred
times above it.
"""


@dataclass(frozen=True, eq=False)
class Result:
    """A case that can be a vector, and its results."""

    candidate: Candidate
    outputs: dict[str, Any]
    alternatives: dict[str, dict[str, Any]]
    tells: tuple[str, ...]

    @property
    def cost(self) -> int:
        """About how many bytes it has in the file."""
        results = self.outputs, *self.alternatives.values()
        return 400 + 5 * sum(np.size(array) for one in (self.candidate.case.arrays, *results) for array in one.values())


class Results:
    """Computes the results of cases of a book."""

    def __init__(self, book: Book) -> None:
        self._book, self._right = book, Subject.right(book)
        self._others = {
            name: Subject(book, {function: theirs}, self._right.habits)
            for name, (function, theirs) in ALTERNATIVES.get(book.name, {}).items()
        }
        self._wrong = {one.id: (one.about, Subject.right(book, **one.functions)) for one in book.mistakes if one.about}

    def of(self, candidate: Candidate) -> Result:
        """Return the right results of a case, those of other conventions, and the mistakes that have neither."""
        case = candidate.case
        outputs = self._outputs(case)
        alternatives = {name: _all_outputs(other, case) for name, other in self._others.items()}
        alternatives = {name: one for name, one in alternatives.items() if _differs(one, outputs)}
        accepted = [_in_floats(one) for one in (outputs, *alternatives.values())]
        in_floats = Case("integers", case.setting, _in_floats(case.arrays), _in_floats(case.options))
        tells = tuple(id for id in self._wrong if self._is_told(id, in_floats, accepted))
        return Result(candidate, outputs, alternatives, tells)

    def _outputs(self, case: Case) -> dict[str, Any]:
        if self._book.name == "softmax_cross_entropy":
            return _loss_and_gradient(case["scores"], case["labels"])
        return _all_outputs(self._right, case)

    def _is_told(self, id: str, case: Case, accepted: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a mistake has a result that is none of those that are accepted."""
        output, wrong = self._wrong[id]
        try:
            with np.errstate(all="ignore"):
                came = wrong.call(self._book.function_for(output), case)[output]
        except NotAskedError:
            return False
        except Exception:  # to raise is wrong, too
            return True
        right = [np.asarray(one[output]) for one in accepted if output in one]
        return not any(is_near(np.asarray(came, float), one, float(TOLERANCE)) for one in right)


def _all_outputs(subject: Subject, case: Case) -> dict[str, Any]:
    return {name: value for function in subject.functions for name, value in subject.call(function, case).items()}


def _differs(some: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    return any(not np.array_equal(value, others[name]) for name, value in some.items())


def _loss_and_gradient(scores: Array, labels: Array) -> dict[str, Any]:
    """Return the loss and its gradient, computed with 60 digits and rounded to 17 behind the point."""
    count, loss, rows = len(scores), Decimal(0), []
    with localcontext(prec=60):
        for row, label in zip(scores, labels, strict=True):
            powers = [(Decimal(y.numerator) / y.denominator).exp() for y in row]
            loss += (sum(powers) / powers[label]).ln() / count
            rows.append([(power / sum(powers) - (c == label)) / count for c, power in enumerate(powers)])
    return {"loss": _rounded(loss), "dscores": _rounded(rows)}


def _rounded(values: Any) -> Any:
    return np.asarray(as_fractions(np.vectorize(lambda value: f"{value:.17f}", otypes=[object])(values)), dtype=object)


def _in_floats(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(as_floats(value)) if _is_exact(value) else value for name, value in arrays.items()}


def _is_exact(value: Any) -> bool:
    return isinstance(value, Fraction) or (isinstance(value, np.ndarray) and value.dtype == object)


def is_near(came: Array, right: Array, tolerance: float) -> bool:
    """Whether no number is further away than tolerance · (the largest of the right numbers, or 1 if all are 0)."""
    if came.shape != right.shape:
        return False
    return bool((np.abs(came - right) <= tolerance * (np.abs(right).max(initial=0) or 1)).all())
