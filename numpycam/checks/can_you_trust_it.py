"""The checks of notebook 09: erasing, and deletion."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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
from numpycam.checks.maps import generator, halves, quotient
from numpycam.checks.results import Result
from numpycam.core.arrays import Array, relu
from numpycam.core.layers import Flatten, Linear
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
    return result.told(f"The drop is exactly right, for {result.cases} pictures and four networks.")


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


# --- The drop of the score ------------------------------------------------------------------------------


def _drop_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield the worked example without the moon, then drawn pictures and masks, at the end in two colours."""
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
    where = np.zeros((3, 3), bool)
    where[0, 1:] = True
    weight = 1 + np.abs(halves(rng, (2, 18)))  # so that no two mistakes agree
    image = 1 + np.abs(halves(rng, (2, 3, 3)))
    network = Network([("flatten", Flatten()), ("linear", Linear(weight))])
    yield {"network": network, "image": image, "where": where, "c": 1}


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
    (lambda f, x, m, c: _score(f, x, c) - _score(f, np.concatenate([erase(x[:1], m), x[1:]]), c),
     "You erase the first colour only: a patch goes through all channels, image[:, where]."),
    (lambda f, x, m, c: _drop(f, x, m, 0), "You always take score 0: take score c."),
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
    is_by_hand=True,
)
