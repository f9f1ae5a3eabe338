"""The check of exercise 5 of notebook 10: the bugs of three CAMs, and the evidence for each."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from numpycam.checks import suspects
from numpycam.checks.compare import check_each, refuse_dots
from numpycam.checks.maps import means, spread
from numpycam.checks.results import CheckFailed, Result
from numpycam.core.arrays import Array, relu
from numpycam.exact import as_fractions


def check_three_cams(answer: Mapping[str, Any], *, variant: int = 0) -> Result:
    """Check what is said about the three CAMs of ``numpycam.checks.suspects``, and the evidence for it.

    Parameters
    ----------
    answer : mapping
        For "first", "second" and "third", a triple ``(bug, A, g)``: one of the names in BUGS, and feature maps and
        gradients of shape (K, H, W) that prove it. There, the CAM's map must be wrong, and no other of the bugs may
        make the same map.
    variant : int, default 0
        Not used: there are no drawn numbers.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the evidence does not prove it.
    """
    result = check_each(answer, _CAMS, lambda name, evidence: f"{name}: {_proved(name, evidence)}")
    return result.told("All three bugs are named, each with maps that no other bug explains.")


class _Bug(NamedTuple):
    cam: Callable[[Array, Array], Array]
    sentence: str


def _weighted(alphas: Array, a: Array) -> Array:
    return (spread(alphas) * a).sum(axis=0)


_BUGS = {
    "sum": _Bug(suspects.first_cam, "α_k is the sum of g^k, not its mean"),
    "mean of maps": _Bug(lambda a, g: relu(_weighted(means(g), a)) / len(a), "the mean of the α_k A^k, not their sum"),
    "early ReLU": _Bug(suspects.second_cam, "a ReLU on each α_k A^k, before they are added up"),
    "ReLU on gradients": _Bug(lambda a, g: relu(_weighted(means(relu(g)), a)), "only positive gradients count"),
    "no ReLU": _Bug(lambda a, g: _weighted(means(g), a), "no ReLU at the end"),
    "absolute value": _Bug(lambda a, g: np.abs(_weighted(means(g), a)), "|L| for ReLU(L)"),
    "softmax": _Bug(suspects.third_cam, "the gradient of the probability p, which is p (1 - p) times g"),
}

BUGS = {name: bug.sentence for name, bug in _BUGS.items()}
"""The bugs that a CAM can have, by name, in a sentence each."""

_CAMS = {"first": suspects.first_cam, "second": suspects.second_cam, "third": suspects.third_cam}


def _proved(name: str, evidence: Any) -> str:
    """Return the sentence of the bug that the evidence proves, or say why it does not."""
    bug, a, g = _parts(name, evidence)
    came, right = _CAMS[name](a, g), relu(_weighted(means(g), a))
    if _same(came, right):
        raise CheckFailed(f"{name}: with these A and g its map is right. Take others, with which it is wrong.")
    made = {one: known.cam(a, g) for one, known in _BUGS.items()}
    if not _same(made[bug], came):
        raise CheckFailed(
            f"{name}: it is not {bug!r}. With these A and g the map should be {_text(right)}, "
            f"{bug!r} makes {_text(made[bug])} of it, and the CAM says {_text(came)}."
        )
    others = [one for one, other in made.items() if one != bug and _same(other, came)]
    if others:
        raise CheckFailed(
            f"{name}: that can be. But with these A and g {others[0]!r} makes the same map, {_text(came)}. "
            "Take others, which tell the two apart."
        )
    return BUGS[bug] + "."


def _parts(name: str, evidence: Any) -> tuple[str, Array, Array]:
    refuse_dots(name, evidence)
    if not (isinstance(evidence, tuple | list) and len(evidence) == 3):
        raise CheckFailed(f'{name}: write the evidence as ("the bug", A, g), got {evidence!r}.')
    bug, *maps = evidence
    refuse_dots(f"the bug of the {name}", bug)
    if not isinstance(bug, str) or bug not in _BUGS:
        raise CheckFailed(f"{name}: the bug is one of {', '.join(map(repr, _BUGS))}, got {bug!r}.")
    a, g = (_maps(f"{name}: {letter}", value) for letter, value in zip("Ag", maps, strict=True))
    if a.shape != g.shape:
        raise CheckFailed(f"{name}: A and g should have the same shape, got {a.shape} and {g.shape}.")
    return bug, a, g


def _maps(name: str, value: Any) -> Array:
    refuse_dots(name, value)
    try:
        array = np.asarray(as_fractions(value))
    except (TypeError, ValueError, ArithmeticError) as error:
        raise CheckFailed(f"{name}: {error}") from None
    if array.ndim != 3 or 0 in array.shape:
        raise CheckFailed(f"{name} should be maps (K, H, W), three lists inside each other, got shape {array.shape}.")
    return array


def _same(one: Array, other: Array) -> bool:
    """Whether two maps are the same, up to rounding if there is a softmax in them."""
    pairs = zip(one.ravel(), other.ravel(), strict=True)
    return all(math.isclose(a, b, rel_tol=1e-9) for a, b in pairs)


def _text(values: Array) -> str:
    """Return a map in one line, with its fractions, or six digits of its floats."""
    numbers = [[f"{v:.6g}" if isinstance(v, float) else str(v) for v in row] for row in values.tolist()]
    return f"[{', '.join('[' + ', '.join(row) + ']' for row in numbers)}]"
