"""The check of integrated gradients of a function with bends, in notebook 09."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
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
from numpycam.checks.maps import generator, thirds
from numpycam.checks.results import Result
from numpycam.core.arrays import Array
from numpycam.exact import as_fractions


def check_bends(answer: Callable[[Array, Array, Any], tuple[Any, Any]], *, variant: int = 0) -> Result:
    """Check a function that computes gradient × input and integrated gradients of a function of one number.

    Parameters
    ----------
    answer : callable
        ``answer(kinks, slopes, x)`` takes the places where the slope changes, (n,), all positive and in order; the
        slopes from 0 on, (n + 1,); and x > 0, which is at no kink: all Fractions. It returns
        ``(gradient_times_input, integrated_gradients)`` at x, with the baseline 0.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If one of the two is not exactly right.
    """
    result = check(BENDS, answer, variant)
    return result.told(f"Both are exactly right, for {result.cases} functions: the second is f(x) - f(0).")


def _bend_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield the function that saturates at 1, at x = 2; then drawn ones, also with kinks behind x."""
    yield _bend([1], [1, 0], 2)
    rng = generator(variant)
    for count, passed, of_the_middle in ((1, 1, 0), (2, 2, 1), (3, 2, 0), (3, 3, 1)):  # kinks: all, below x, below x/2
        while True:
            kinks = as_fractions(np.sort(rng.permutation(np.arange(1, 9))[:count])) / 2
            slopes, x = thirds(rng, -6, 6, (count + 1,)), as_fractions(int(rng.integers(3, 18))) / 4
            wrong = [np.asarray(w(kinks, slopes, x)) for table in (_TIMES, _INTEGRAL) for w, _ in table[:-1]]
            both = _times(kinks, slopes, x), _integral(kinks, slopes, x)
            below = [int((kinks < place).sum()) for place in (x, x / 2)]
            if (
                slopes.all()
                and x not in kinks
                and below == [passed, of_the_middle]
                and both[0] != both[1]
                and _all_differ(wrong, both)
            ):
                break
        yield {"kinks": kinks, "slopes": slopes, "x": x}


def _all_differ(wrong: Sequence[Array], both: tuple[Any, Any]) -> bool:
    """Whether each mistake shows, apart from mistakes that make no difference with these few kinks; floats, too."""
    return (
        all(one.denominator % 3 == 0 for one in map(Fraction, map(np.ndarray.item, both)))
        and sum(w in both for w in wrong if w.shape == ()) <= 6
    )


def _bend(kinks: list[Any], slopes: list[Any], x: Any) -> Inputs:
    return {"kinks": as_fractions(kinks), "slopes": as_fractions(slopes), "x": as_fractions(x)}


def _slope_at(kinks: Array, slopes: Array, x: Any) -> Any:
    return slopes[int((kinks < x).sum())]


def _lengths(kinks: Array, x: Any) -> Array:
    """Return how long the way from 0 to x is in each piece: 0 behind x."""
    ends = np.minimum(np.append(kinks, max(x, *kinks)), x)
    return np.diff(np.insert(ends, 0, x * 0))


def _times(kinks: Array, slopes: Array, x: Any) -> Array:
    return np.asarray(_slope_at(kinks, slopes, x) * x)


def _integral(kinks: Array, slopes: Array, x: Any) -> Array:
    return np.asarray((slopes * _lengths(kinks, x)).sum())


def _passed(kinks: Array, slopes: Array, x: Any) -> Array:
    """Return the slopes of the pieces up to x."""
    return slopes[: int((kinks < x).sum()) + 1]


_TIMES: Mistakes = [
    (lambda k, s, x: _slope_at(k, s, x), "That is the gradient: multiply it by the input, x."),
    (lambda k, s, x: s[0] * x, "You take the slope at 0: the gradient is the slope *at x*."),
    (lambda k, s, x: s[-1] * x, "You take the last slope: at x another piece may hold. How many kinks are below x?"),
    (lambda k, s, x: s[max(int((k < x).sum()) - 1, 0)] * x,
     "You take the slope of the piece before: behind the n-th kink, slope n holds, as Python counts."),
    (lambda k, s, x: s.sum() * x, "You add up the slopes: at x one of them holds."),
    (lambda k, s, x: s.sum() / len(s) * x, "You take the mean slope: a gradient knows one place only, x."),
    (lambda k, s, x: _passed(k, s, x).sum() * x, "You add up the slopes up to x: at x one of them holds."),
    (lambda k, s, x: _slope_at(k, s, x / 2) * x, "You take the slope in the middle of the way: take it at x."),
    (lambda k, s, x: s * x, "These are all slopes times x: return the one that holds at x."),
    (lambda k, s, x: _slope_at(k, s, x) * (x - k[0]), "You measure x from the first kink: the input is x itself."),
    (lambda k, s, x: np.asarray(2 * 0), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip

_INTEGRAL: Mistakes = [
    (_times, "That is gradient × input: on the way from 0 to x, other slopes held. Add up slope times length."),
    (lambda k, s, x: (_passed(k, s, x)).sum() / len(_passed(k, s, x)) * x,
     "You take the mean of the slopes: a long piece counts more than a short one. Slope times length, for each piece."),
    (lambda k, s, x: s.sum() / len(s) * x,
     "That is the mean of all slopes: weigh each by the length of its piece, up to x."),
    (lambda k, s, x: _integral(k, s, x) / x, "That is the mean slope on the way: times x - 0, the length of the way."),
    (lambda k, s, x: (s[:-1] * np.diff(np.insert(k, 0, x * 0))).sum(),
     "You go from 0 to the last kink: go to x, no further and no less."),
    (lambda k, s, x: (s * np.diff([0 * x, *k, x])).sum(),
     "You go on past x, and back: pieces that begin behind x do not count."),
    (lambda k, s, x: (s[:-1] * _lengths(k, x)[:-1]).sum(), "The last piece is missing: from the last kink on to x."),
    (lambda k, s, x: (s[1:] * _lengths(k, x)[1:]).sum(), "The first piece is missing: from 0 to the first kink."),
    (lambda k, s, x: _slope_at(k, s, x / 2) * x,
     "You take the slope in the middle for the whole way: that is one step of the midpoint rule. Here it can be "
     "exact."),
    (lambda k, s, x: (s[0] + _slope_at(k, s, x)) / 2 * x,
     "You take the mean of the two ends: that is one step of the trapezoidal rule. Here it can be exact."),
    (lambda k, s, x: (s * np.append(k, x)).sum(),
     "You multiply each slope by where its piece ends: multiply by how long it is."),
    (lambda k, s, x: s[0] * x, "You take the slope at 0 for the whole way: it changes at each kink."),
    (lambda k, s, x: s * _lengths(k, x), "These are the parts, piece by piece: add them up."),
    (lambda k, s, x: (np.abs(s) * _lengths(k, x)).sum(),
     "That is with |slope|: where the function falls, the part is negative."),
    (lambda k, s, x: -_integral(k, s, x), "The sign is turned: f(x) - f(0), and not the other way round."),
    (lambda k, s, x: np.asarray(1), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip

BENDS = Exercise(
    {
        "gradient_times_input": Stage("gradient_times_input, f'(x) · x:", _times, _TIMES),
        "integrated_gradients": Stage("integrated_gradients, from 0 to x:", _integral, _INTEGRAL),
    },
    _bend_cases,
)
