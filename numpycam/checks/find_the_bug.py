"""The check of exercise 2 of notebook 03: a counterexample for each of four backward passes."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from numpycam.checks import suspects
from numpycam.checks.compare import array_as_text, check_each, refuse_dots
from numpycam.checks.results import CheckFailed, Result
from numpycam.checks.sides import are_equal, inner, unequal
from numpycam.core.arguments import as_pair
from numpycam.core.arrays import Array
from numpycam.core.base import Layer
from numpycam.core.layers import AvgPool2d, Conv2d, MaxPool2d, ReLU
from numpycam.exact import as_fractions


def check_find_the_bug(answer: Mapping[str, Any], *, variant: int = 0) -> Result:
    """Check counterexamples to the four backward passes of ``numpycam.checks.suspects``.

    Parameters
    ----------
    answer : mapping
        For the name of each function, a pair ``(law, inputs)``. The law is the one that the function breaks:
        "adjoint", "mass" or "purity". The inputs are the arguments with which it breaks the law, by name:
        ``{"u": ..., "x": ..., ...}``. The x must have as few cells as possible.
    variant : int, default 0
        Not used: there are no drawn numbers.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the function keeps the law there, if the right backward pass breaks it, too, or if a smaller x can show the
        bug.
    """
    result = check_each(answer, _SUSPECTS, lambda name, finding: f"{name} {_counterexample(name, finding)}")
    return result.told("All four bugs are found, each with a law and a smallest input.")


class _Suspect(NamedTuple):
    backward: Callable[..., Array]
    layer: Callable[..., Layer]
    arguments: tuple[str, ...]  # "u" and "x", then what the layer is made of
    fewest: int  # the number of cells of the smallest x that shows the bug
    question: str  # where the suspect keeps a law that it can break


_SUSPECTS = {
    "relu_backward": _Suspect(suspects.relu_backward, ReLU, ("u", "x"), 1, "When is its gate shut?"),
    "conv_backward": _Suspect(
        suspects.conv_backward, lambda weight: Conv2d(weight[None, None]), ("u", "x", "weight"), 2,
        "Which weight does the first cell of x meet on the way forward, and which on the way back?"),
    "max_pool_backward": _Suspect(
        suspects.max_pool_backward, lambda size: MaxPool2d(size, stride=1), ("u", "x", "size"), 3,
        "What happens if one cell is the winner of two windows?"),
    "avg_pool_backward": _Suspect(
        suspects.avg_pool_backward, lambda size: AvgPool2d(size, stride=1), ("u", "x", "size"), 2,
        "Look at what the function does, not only at what it returns."),
}  # fmt: skip


def _adjoint(u: Array, x: Array, y: Array, backward: Callable[..., Array]) -> dict[str, Any]:
    return {"<f(x), u>": inner(y, u), "<x, dx>": inner(x, backward(u.copy(), x))}


def _mass(u: Array, x: Array, y: Array, backward: Callable[..., Array]) -> dict[str, Any]:
    return {"Σ u": u.sum(), "Σ dx": backward(u.copy(), x).sum()}


def _purity(u: Array, x: Array, y: Array, backward: Callable[..., Array]) -> dict[str, Any]:
    own = u.copy()
    backward(own, x)
    return {"u before": array_as_text(u), "u after": array_as_text(own)}


_LAWS = {"adjoint": _adjoint, "mass": _mass, "purity": _purity}
"""Each law returns the two sides of its equation, by name."""


def _counterexample(name: str, finding: Any) -> str:
    """Return how the suspect breaks the law, or say why the finding is no counterexample."""
    suspect = _SUSPECTS[name]
    law, inputs = _parts(name, finding)
    try:
        u, x, *rest = _arguments(inputs, suspect.arguments)
        layer = suspect.layer(*rest)
        y = layer(x[None, None])[0, 0]
        if u.shape != y.shape:
            raise ValueError(f"u should have the shape of f(x), {y.shape} here, got {u.shape}.")
    except (TypeError, ValueError) as error:
        raise CheckFailed(f"{name}: {error}") from None
    right = _LAWS[law](u, x, y, lambda u, x: layer.backward(u[None, None], x[None, None])[0, 0])
    sides = _LAWS[law](u, x, y, lambda u, x: suspect.backward(u, x, *rest))
    if not are_equal(right):
        raise CheckFailed(
            f"{name}: {law!r} is no law of this layer. The right backward pass breaks it, too: {unequal(right)}."
        )
    if are_equal(sides):
        equal = f"{' = '.join(sides)} = {next(iter(sides.values()))}"
        is_wrong = (suspect.backward(u.copy(), x, *rest) != layer.backward(u[None, None], x[None, None])[0, 0]).any()
        unseen = "dx is wrong there, but this law does not see it: take other values of x, or another law."
        raise CheckFailed(f"{name}: {law!r} holds there, {equal}. {unseen if is_wrong else suspect.question}")
    if x.size > suspect.fewest:
        cells = "1 cell" if suspect.fewest == 1 else f"{suspect.fewest} cells"
        raise CheckFailed(
            f"{name}: yes, {law!r} fails there: {unequal(sides)}. Now make it small: an x of {cells} can show it; "
            f"yours has {x.size}."
        )
    return f"breaks {law!r}: {unequal(sides)}."


def _parts(name: str, finding: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the law and the inputs of a finding, or say what is wrong with its form."""
    refuse_dots(name, finding)
    if not isinstance(finding, tuple | list) or len(finding) != 2 or not isinstance(finding[1], Mapping):
        raise CheckFailed(f'{name}: write a finding as ("the law", {{"u": ..., "x": ...}}), got {finding!r}.')
    law, inputs = finding
    if not isinstance(law, str) or law not in _LAWS:
        raise CheckFailed(f"{name}: the law is one of {', '.join(map(repr, _LAWS))}, got {law!r}.")
    return law, inputs


def _arguments(inputs: Mapping[str, Any], names: tuple[str, ...]) -> list[Any]:
    """Return the arguments of a suspect: maps of Fractions, and a pair for the size."""
    if set(inputs) != set(names):
        raise ValueError(f"the inputs are {', '.join(map(repr, names))}, got {', '.join(map(repr, inputs))}.")
    return [as_pair("size", inputs["size"], 1) if name == "size" else _map(name, inputs[name]) for name in names]


def _map(name: str, value: Any) -> Array:
    try:
        array = np.asarray(as_fractions(value))
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(f"{name}: {error}") from None
    if array.ndim != 2:
        raise ValueError(f"{name} should be one map (H, W), a list of rows, got shape {array.shape}.")
    return array
