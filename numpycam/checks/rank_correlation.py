"""The check of the rank correlation of two maps, in notebook 09."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from numpycam.checks import hints
from numpycam.checks.compare import (
    Exercise,
    Inputs,
    Mistakes,
    Stage,
    check,
)
from numpycam.checks.maps import generator
from numpycam.checks.results import Result
from numpycam.core.arrays import Array
from numpycam.exact import as_fractions


def check_rank_correlation(answer: Callable[[Array, Array], Any], *, variant: int = 0) -> Result:
    """Check a function that computes the rank correlation of two maps without ties.

    Parameters
    ----------
    answer : callable
        ``answer(one, other)`` takes two arrays of Fractions of one shape (H, W), in each of which no two cells are
        equal. It returns 1 - 6 Σ d² / (n (n² - 1)), where d are the differences of the ranks and n = H·W: a Fraction.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If it is not exactly right.
    """
    result = check(RANK_CORRELATION, answer, variant)
    return result.told(f"The rank correlation is exactly right, for {result.cases} pairs of maps.")


def _pair_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield two maps of 2 × 2 cells, then drawn ones. In each map all cells differ."""
    yield {"one": as_fractions([[3, 1], [8, "5/2"]]), "other": as_fractions([[2, 4], [7, 6]])}
    rng = generator(variant)
    for shape in ((2, 3), (3, 2), (3, 4)):
        while True:
            one, other = (_without_ties(rng, shape) for _ in range(2))
            right = _correlation(one, other)
            wrong = [np.asarray(w(one, other)) for w, _ in _RANKS_WRONG[:-1]]
            if right not in (0, 1, -1) and all(w.shape != () or float(w) != float(right) for w in wrong):
                break
        yield {"one": one, "other": other}


def _without_ties(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return as_fractions(rng.permutation(4 * shape[0] * shape[1])[: shape[0] * shape[1]].reshape(shape)) / 2 - 5


def _ranks(values: Array, axis: int | None = None) -> Array:
    return as_fractions(np.argsort(np.argsort(values, axis), -1 if axis is None else axis))


def _by_formula(d: Array, n: Any = None, factor: int = 6) -> Any:
    n = Fraction(d.size if n is None else n)
    return 1 - factor * (d**2).sum() / (n * (n**2 - 1))


def _correlation(one: Array, other: Array) -> Any:
    return _by_formula(_ranks(one) - _ranks(other))


def _order(values: Array) -> Array:
    return as_fractions(np.argsort(values, None))


def _pearson(one: Array, other: Array) -> Any:
    return np.corrcoef(one.astype(float).ravel(), other.astype(float).ravel())[0, 1]


def _kendall(one: Array, other: Array) -> Any:
    """Return the share of pairs of cells in the same order, minus the share of those in the other."""
    pairs = list(combinations(zip(one.flat, other.flat, strict=True), 2))
    return Fraction(int(sum(np.sign((p[0] - q[0]) * (p[1] - q[1])) for p, q in pairs)), len(pairs))


_RANKS_WRONG: Mistakes = [
    (lambda a, b: _by_formula(_order(a) - _order(b)),
     "argsort once says which cell is the smallest, which the next. The rank of each cell is argsort of argsort."),
    (lambda a, b: _by_formula((_ranks(a, 1) - _ranks(b, 1)).ravel()),
     "You rank each row for itself: argsort goes along the last axis. Take all cells, map.ravel()."),
    (lambda a, b: _by_formula((_ranks(a, 0) - _ranks(b, 0)).ravel()),
     "You rank each column for itself: take all cells, map.ravel()."),
    (lambda a, b: _by_formula((a - b).ravel()), "You subtract the values: replace each by its rank first."),
    (_pearson, "That is the correlation of the values: replace each by its rank first, 0 for the smallest."),
    (_kendall, "You count pairs in the same order (that is Kendall's τ): here, the differences of the ranks count."),
    (lambda a, b: 1 - _correlation(a, b), "The 1 - is missing: equal ranks should give 1, and not 0."),
    (lambda a, b: _correlation(a, b) - 1, "That is without the 1: equal ranks should give 1, and not 0."),
    (lambda a, b: -_correlation(a, b), "The sign is turned, or one map is ranked from the largest down."),
    (lambda a, b: _by_formula(_ranks(a) - _ranks(b), factor=1), "The 6 is missing: it is 1 - 6 Σ d² / (n (n² - 1))."),
    (lambda a, b: _by_formula(_ranks(a) - _ranks(b), factor=2), "The factor is 6: it is 1 - 6 Σ d² / (n (n² - 1))."),
    (lambda a, b: _by_formula(_ranks(a) - _ranks(b), n=len(a)) if len(a) > 1 else 0,
     "n is the number of rows in yours: it is the number of cells, H·W."),
    (lambda a, b: 1 - 6 * ((_ranks(a) - _ranks(b)) ** 2).sum() / Fraction(a.size**2 - 1),
     "An n is missing below the line: n (n² - 1)."),
    (lambda a, b: 1 - 6 * ((_ranks(a) - _ranks(b)) ** 2).sum() / Fraction(a.size**3),
     "Below the line there is n³: it should be n (n² - 1)."),
    (lambda a, b: 1 - 6 * ((_ranks(a) - _ranks(b)) ** 2).sum() / Fraction(a.size * (a.size - 1)),
     "Below the line there is n (n - 1): it should be n (n² - 1)."),
    (lambda a, b: 1 - 6 * ((_ranks(a) - _ranks(b)) ** 2).sum() / Fraction(a.size) * (a.size**2 - 1),
     "a / b * c is (a / b) * c: put n (n² - 1) into brackets."),
    (lambda a, b: 1 - 6 * np.abs(_ranks(a) - _ranks(b)).sum() / Fraction(a.size * (a.size**2 - 1)),
     "Those are |d|: take the squares, d²."),
    (lambda a, b: 1 - 6 * (_ranks(a) - _ranks(b)).sum() ** 2 / Fraction(a.size),
     "You add up d before you take the square. The d add up to 0: square first, then add up."),
    (lambda a, b: ((_ranks(a) - _ranks(b)) ** 2).sum(), "That is Σ d²: put it into 1 - 6 Σ d² / (n (n² - 1))."),
    (lambda a, b: _ranks(a) - _ranks(b), "These are the d: square them, add them up, and put them into the formula."),
    (lambda a, b: _correlation(*next(_pair_cases()).values()), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip

RANK_CORRELATION = Exercise(
    {"rank_correlation": Stage("rank_correlation, 1 - 6 Σ d² / (n (n² - 1)):", _correlation, _RANKS_WRONG)},
    _pair_cases,
)
