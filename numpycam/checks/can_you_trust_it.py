"""The checks of notebook 09: erasing, deletion, rank correlation, integrated gradients."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    check_keys,
)
from numpycam.checks.maps import generator, halves, quotient, thirds
from numpycam.checks.results import Result
from numpycam.core.arrays import Array, relu
from numpycam.exact import as_fractions
from numpycam.interventions import erase
from numpycam.metrics import area_under
from numpycam.network import Network
from numpycam.worked_example import HEADS, IMAGE
from numpycam.worked_example import network as worked_network


def check_drop(answer: Callable[[Network, Array, Array, int], Any], *, variant: int = 0) -> Result:
    """Check a function that erases a part of a picture and says by how much the score drops.

    Parameters
    ----------
    answer : callable
        ``answer(network, image, where, c)`` takes a network, an image of Fractions (C, H, W), a mask of bool (H, W) and
        the number of a class. It returns y(image) - y(image with zeros in the mask), one number.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a drop is not exactly right.
    """
    result = check(DROP, answer, variant)
    return result.told(f"The drop is exactly right, for {result.cases} pictures and three networks.")


def deletion_by_hand(variant: int = 0) -> tuple[Array, Array]:
    """Return four patches: by how much the score drops without each, and what a map says of them; both (2, 2).

    Parameters
    ----------
    variant : int, default 0
        Which numbers are drawn.

    Returns
    -------
    drops, heat : array, shape (2, 2)
        Whole numbers.

    Raises
    ------
    TypeError, ValueError
        If the variant is not a whole number from 0.
    """
    rng = generator(variant)
    while True:
        drops = as_fractions(rng.integers(-6, 10, (2, 2)))
        heat = as_fractions(rng.permutation(np.arange(1, 5)).reshape(2, 2))
        if len({*drops.flat}) == 4 and drops.sum() > 0 and _tells_deletions(drops, heat):
            return drops, heat


def _tells_deletions(drops: Array, heat: Array) -> bool:
    """Whether each mistake gives other numbers than the right answer, and than any other mistake."""
    curves = [_curve(drops, heat), *(wrong(drops, heat) for wrong, _ in _CURVE)]
    areas = [_area(drops, heat), *(wrong(drops, heat) for wrong, _ in _AREA)]
    return all(len({str(np.asarray(one).tolist()) for one in some}) == len(some) for some in (curves, areas))


def check_deletion(answer: Mapping[str, Any], *, variant: int = 0) -> Result:
    """Check a deletion curve that was computed by hand from :func:`deletion_by_hand`.

    Parameters
    ----------
    answer : mapping
        "curve", five numbers, and "area", one.
    variant : int, default 0
        That of the patches.

    Returns
    -------
    Result
        A point for each of the two.

    Raises
    ------
    CheckFailed
        If a number is not right.
    """
    names = list(DELETION.stages)
    check_keys(answer, names)
    result = check(DELETION, lambda drops, heat: tuple(answer[name] for name in names), variant)
    return result.told("Curve and area are right: you have taken a picture apart by hand.")


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


# --- The drop of the score ------------------------------------------------------------------------------


def _drop_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield the worked example without the moon, then drawn pictures and masks."""
    top_right = np.zeros((4, 4), bool)
    top_right[:2, 2:] = True
    yield {"network": worked_network(), "image": IMAGE, "where": top_right, "c": 0}
    rng = generator(variant)
    for head, c in zip(HEADS, (1, 0, 1), strict=True):
        network = worked_network(head)
        while True:
            image, where = halves(rng, (1, 4, 4)), rng.random((4, 4)) < 0.4
            drop, others = _drop(network, image, where, c), _drop(network, image, ~where, c)
            if 1 < where.sum() < 8 and drop not in (0, others, _drop(network, image, where, 1 - c)):
                break
        yield {"network": network, "image": image, "where": where, "c": c}


def _score(network: Network, image: Array, c: int) -> Any:
    return network(image[None])[0, c]


def _drop(network: Network, image: Array, where: Array, c: int) -> Array:
    return np.asarray(_score(network, image, c) - _score(network, erase(image, where), c))


def _of_both(network: Network, image: Array, where: Array) -> Array:
    return (network(image[None]) - network(erase(image, where)[None]))[0]


_FIRST = worked_network(), IMAGE, np.array([[False, False, True, True]] * 2 + [[False] * 4] * 2), 0

_DROP: Mistakes = [
    (lambda f, x, m, c: -_drop(f, x, m, c), "The sign is turned: y before minus y after, positive if the score drops."),
    (lambda f, x, m, c: _score(f, erase(x, m), c),
     "That is the score without the patch: subtract it from the score with it."),
    (lambda f, x, m, c: _score(f, x, c), "That is the score of the picture: subtract the score without the patch."),
    (lambda f, x, m, c: _drop(f, x, ~m, c), "You erase all but the patch: put zeros where the mask is True."),
    (lambda f, x, m, c: _score(f, erase(x, ~m), c),
     "That is the score of the patch alone: erase the patch, and keep the rest."),
    (lambda f, x, m, c: _drop(f, x, m, 1 - c), "That is the drop of the other class: take score c."),
    (lambda f, x, m, c: _of_both(f, x, m).sum(), "You add up the drops of all classes: take class c."),
    (lambda f, x, m, c: _score(f, x, c) - _score(f, erase(x, m, 1), c),
     "You paint the patch with 1: the baseline here is 0."),
    (lambda f, x, m, c: _score(f, x, c) - _score(f, erase(x, m, x.sum() / x.size), c),
     "You paint the patch with the mean of the picture: the baseline here is 0."),
    (lambda f, x, m, c: _drop(f, x, m, c) / m.sum(),
     "You divide by the number of pixels: return the drop of the whole patch."),
    (lambda f, x, m, c: quotient(_drop(f, x, m, c), _score(f, x, c)),
     "You divide by the score: return the drop in units of the score."),
    (lambda f, x, m, c: _of_both(f, x, m)[c] - _of_both(f, x, m)[1 - c],
     "You subtract what the other class loses: take class c alone."),
    (lambda f, x, m, c: _drop(f, x, m.T, c), "Rows and columns of the mask are exchanged."),
    (lambda f, x, m, c: np.asarray(0 * _score(f, x, c)),
     "That is 0: were both pictures erased? Take the first score before, and erase in a copy."),
    (lambda f, x, m, c: relu(_drop(f, x, m, c)), "There is a ReLU on it: a score that rises is a negative drop."),
    (lambda f, x, m, c: np.abs(_drop(f, x, m, c)),
     "You take the size: keep the sign. Without the patch, the score may rise."),
    (lambda f, x, m, c: _of_both(f, x, m), "These are the drops of both classes: return that of class c."),
    (lambda f, x, m, c: _drop(*_FIRST), hints.ONLY_THE_EXAMPLE),
]  # fmt: skip


def _drop_advice(error: Exception) -> str:
    if isinstance(error, IndexError) and "boolean" in str(error):
        return "(The mask has the shape (H, W), the image (C, H, W): write image[:, where].)"
    return "(A network takes a batch: network(image[None])[0, c].)" if "shape" in str(error) else ""


DROP = Exercise(
    {"drop": Stage("drop, y before - y after:", _drop, _DROP)},
    _drop_cases,
    _drop_advice,
    may_call=("network", "core.network", "core.base", "interventions"),
)


# --- A deletion curve by hand -----------------------------------------------------------------------------


def _in_order(drops: Array, heat: Array) -> Array:
    """Return the drops in the order of the map, the hottest first."""
    return drops.ravel()[np.argsort(-heat.ravel(), kind="stable")]


def _falling(drops: Any) -> Array:
    """Return the score after each deletion, in the order given. The head is linear, and without the four it is 0."""
    return sum(drops) - np.cumsum([0 * drops[0], *drops])


def _curve(drops: Array, heat: Array) -> Array:
    return _falling(_in_order(drops, heat))


def _area(drops: Array, heat: Array) -> Array:
    return np.asarray(area_under(_curve(drops, heat)))


_CURVE: Mistakes = [
    (lambda d, h: _falling(_in_order(d, -h)),
     "You delete the coldest patch first: begin with the largest number of the map."),
    (lambda d, h: _falling(d.ravel()), "You go from left to right: go in the order of the map, the hottest first."),
    (lambda d, h: _falling(np.sort(d.ravel())[::-1]),
     "You take the largest drop first: the order is that of the map, which may be wrong."),
    (lambda d, h: _curve(d, h)[1:], "The first number is missing: before anything is deleted, the score is there."),
    (lambda d, h: _curve(d, h)[:-1], "The last number is missing: without all four, the score is 0."),
    (lambda d, h: d.sum() - _curve(d, h), "That is what has been lost so far: return what is left of the score."),
    (lambda d, h: _curve(d, h)[::-1], "That is the curve from right to left: it begins with the whole picture."),
    (lambda d, h: np.array([d.sum(), *(d.sum() - _in_order(d, h))]),
     "You put each patch back before you delete the next: what is gone stays gone."),
    (lambda d, h: _in_order(d, h),
     "These are the drops in the right order: subtract one after the other from the score."),
    (lambda d, h: np.array([d.sum(), *_in_order(d, h)]),
     "These are the drops in the right order: subtract one after the other."),
    (lambda d, h: _falling(_in_order(h, h)),
     "You subtract the map's numbers: the map gives the order only. Subtract the drops."),
    (lambda d, h: _falling(np.abs(_in_order(d, h))), "You subtract |drop|: a negative drop raises the score."),
    (lambda d, h: _falling(relu(_in_order(d, h))), "A negative drop is left out: without that patch the score rises."),
    (lambda d, h: relu(_curve(d, h)), "There is a ReLU on the scores: leave them as they are."),
    (lambda d, h: quotient(_curve(d, h), d.sum()), "You divide by the first score: keep the units of the score."),
]  # fmt: skip

_AREA: Mistakes = [
    (lambda d, h: _curve(d, h).sum() / 5, "That is the mean of the five: the first and the last count half."),
    (lambda d, h: _curve(d, h).sum() / 4,
     "The first and the last count half: each step is the mean of its two sides, and not the left one."),
    (lambda d, h: _curve(d, h).sum(), "That is the sum of the five: the four trapezoids are a quarter wide."),
    (lambda d, h: 4 * _area(d, h), "You forget the width of a step: the axis goes from 0 to 1, so each step is 1/4."),
    (lambda d, h: _area(d, h) * 4 / 5, "There are five numbers, but four steps: divide by 4."),
    (lambda d, h: _curve(d, h)[1:].sum() / 4, "You take the right side of each step: take the mean of both sides."),
    (lambda d, h: (_curve(d, h)[0] + _curve(d, h)[-1]) / 2,
     "That is the mean of the two ends: the curve bends between them."),
    (lambda d, h: d.sum() - _area(d, h),
     "That is the area above the curve, or the one under the curve of the coldest first: under yours is asked for."),
    (lambda d, h: 2 * _area(d, h), "Twice too much: a trapezoid is the *mean* of its two sides, times its width."),
    (lambda d, h: area_under(_falling(d.ravel())), "That is the area if one deletes from left to right."),
    (lambda d, h: quotient(_area(d, h), d.sum()), "You divide by the first score: keep the units of the score."),
]  # fmt: skip


def _deletion_case(variant: int = 0) -> Iterable[Inputs]:
    drops, heat = deletion_by_hand(variant)
    return [{"drops": drops, "map": heat}]


DELETION = Exercise(
    {
        "curve": Stage("curve, the score after 0, 1, 2, 3 and 4 deletions:", _curve, _CURVE),
        "area": Stage("area, under the curve from 0 to 1:", _area, _AREA),
    },
    _deletion_case,
)


# --- Rank correlation -------------------------------------------------------------------------------------


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


# --- Bends -----------------------------------------------------------------------------------------------


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
