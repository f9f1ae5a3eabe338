"""The checks of notebook 10: a law by hand, and backward passes held against the laws."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from numpycam.checks import suspects
from numpycam.checks.compare import Exercise, Mistakes, Stage, as_numbers, check, check_keys, refuse_unfinished
from numpycam.checks.maps import generator
from numpycam.checks.results import RIGHT, CheckFailed, Result
from numpycam.core.arrays import Array, Pair, relu
from numpycam.exact import as_fractions
from numpycam.laws import LawViolation
from numpycam.laws.convolution import conv2d
from numpycam.laws.engine import Report


class LinearByHand(NamedTuple):
    """A linear layer y = W x, an input, and what comes back from behind."""

    weight: Array  # (2, 3)
    x: Array  # (3,)
    u: Array  # (2,)


def linear_by_hand(variant: int = 0) -> LinearByHand:
    """Return the numbers of the first exercise: whole ones, and small.

    Parameters
    ----------
    variant : int, default 0
        Which numbers are drawn.

    Returns
    -------
    LinearByHand
        Its fields are the arrays of the exercise.

    Raises
    ------
    TypeError, ValueError
        If the variant is not a whole number from 0.
    """
    rng = generator(variant)
    while True:
        weight, x, u = (as_fractions(rng.integers(-3, 4, shape)) for shape in ((2, 3), 3, 2))
        is_small = abs(_side(weight, x, u)) < 20
        if is_small and all(weight.flat) and all(x) and all(u) and all(u @ weight) and _tells(weight, x, u):
            return LinearByHand(weight, x, u)


def check_both_sides(answer: Mapping[str, Any], *, variant: int = 0) -> Result:
    """Check both sides of the adjoint law, computed by hand from :func:`linear_by_hand`.

    Parameters
    ----------
    answer : mapping
        "y", two numbers; "left", which is <y, u>; "dx", three numbers; "right", which is <x, dx>.
    variant : int, default 0
        That of the numbers.

    Returns
    -------
    Result
        A point for each of the four.

    Raises
    ------
    CheckFailed
        If a number is not right.
    """
    check_keys(answer, BOTH_SIDES.stages)
    result = check(BOTH_SIDES, lambda *inputs: tuple(answer[name] for name in BOTH_SIDES.stages), variant)
    return result.told("y, dx and both sides are right. The sides are equal, as they are for every x, W and u.")


def check_counterexample(answer: Mapping[str, Any], *, variant: int = 0) -> Result:
    """Check a counterexample to ``numpycam.checks.suspects.relu_backward``.

    Parameters
    ----------
    answer : mapping
        "u" and "x", two lists of numbers, or two numbers. With them the suspect breaks the adjoint law.
    variant : int, default 0
        Not used: there are no drawn numbers.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the law holds with these numbers.
    """
    check_keys(answer, ("u", "x"))
    u, x = (_numbers(name, answer[name]) for name in ("u", "x"))
    if u.shape != x.shape:
        raise CheckFailed(f"u and x should have the same shape; yours have {u.shape} and {x.shape}.")
    dx = suspects.relu_backward(u, x)
    left, right = (relu(x) * u).sum(), (x * dx).sum()
    sides = f"<ReLU(x), u> = {left}"
    if left == right:
        raise CheckFailed(f"The law holds there: {sides} = <x, dx>. {_why_it_holds(u, x)}")
    told = "It is as small as can be." if x.size == 1 else f"One number is enough; yours has {x.size}."
    return RIGHT.told(f"A counterexample: {sides}, but <x, dx> = {right}. {told}")


def check_stamping_backward(answer: Callable[[Array, Array, Array], tuple[Any, Any]], *, variant: int = 0) -> Result:
    """Hold the backward pass of a convolution without options against the laws.

    Parameters
    ----------
    answer : callable
        ``answer(u, x, weight)`` takes arrays of shapes (N, O, H', W'), (N, C, H, W) and (O, C, KH, KW). The stride is
        1, and there is no padding. It returns ``(dx, dw)``.
    variant : int, default 0
        Not used: there are no drawn numbers.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a law is broken. The message is the law's own lesson.
    """
    u, x, weight = as_fractions([[[[1, 10]]]]), as_fractions([[[[2, 0, -1]]]]), as_fractions([[[[1, 3]]]])
    refuse_unfinished(answer, (u, x, weight), ("dx", "dw"))
    report = _verified(answer, {"stride": 1, "padding": 0, "dilation": 1}, _stamping_advice)
    for law in ("adjoint-x", "adjoint-w"):
        if not report[law].cases:
            raise CheckFailed(f"{report[law].reason}, so {law} was not asked: return (dx, dw).")
    return RIGHT._replace(cases=report.count).told(
        f"{_held(report)} dx and dw are what the forward pass says that they are."
    )


def check_sliding_backward(answer: Callable[[Array, Array, Array, Pair], Any], *, variant: int = 0) -> Result:
    """Hold the backward pass of a convolution with padding against the laws.

    Parameters
    ----------
    answer : callable
        ``answer(u, x, weight, padding)`` takes arrays of shapes (N, O, H', W'), (N, C, H, W) and (O, C, KH, KW), and a
        pair (top, left). The stride is 1. It returns dx.
    variant : int, default 0
        Not used: there are no drawn numbers.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If a law is broken. The message is the law's own lesson.
    """
    u, x, weight = as_fractions([[[[1, 10, 100, 1000]]]]), as_fractions([[[[2, 0, -1]]]]), as_fractions([[[[1, 3]]]])
    refuse_unfinished(answer, (u, x, weight, (0, 1)), ("dx",))
    report = _verified(answer, {"stride": 1, "dilation": 1}, _sliding_advice)
    return RIGHT._replace(cases=report.count).told(
        f"{_held(report)} Every kernel meets every border: dx is right for all of them."
    )


# --- By hand ----------------------------------------------------------------------------------------------


def _y(weight: Array, x: Array, u: Array) -> Array:
    return np.asarray(weight @ x)


def _dx(weight: Array, x: Array, u: Array) -> Array:
    return np.asarray(u @ weight)


def _side(weight: Array, x: Array, u: Array) -> Array:
    return np.asarray((weight @ x) @ u)


_SIGN_LOST = "A minus got lost on the way: multiply once more, sign by sign."

_Y: Mistakes = [
    (lambda weight, x, u: weight.sum(axis=1), "You add up the rows of W: multiply each weight by its x first."),
    (lambda weight, x, u: weight * x, "These are the products: add them up, row by row."),
    (_dx, "That is dx: y is made of W and x."),
    (lambda weight, x, u: (weight @ x) * u, "u is in it already: y is made of W and x alone."),
    (lambda weight, x, u: np.abs(weight) @ np.abs(x), _SIGN_LOST),
    (lambda weight, x, u: np.abs(weight @ x), _SIGN_LOST),
]

_LEFT: Mistakes = [
    (lambda weight, x, u: (weight @ x) * u, "These are the products: add them up to one number."),
    (lambda weight, x, u: (weight @ x).sum(), "That is the sum of y: multiply each y by its u first."),
    (lambda weight, x, u: (weight @ x).sum() * u.sum(), "You add up before you multiply: <y, u> is y_1 u_1 + y_2 u_2."),
    (lambda weight, x, u: (weight @ x) @ (weight @ x), "That is <y, y>: multiply each y by its u."),
    (lambda weight, x, u: np.abs((weight @ x) * u).sum(), _SIGN_LOST),
]

_BACK: Mistakes = [
    (_y, "That is y: dx is made of W and u."),
    (lambda weight, x, u: weight.sum(axis=0), "You add up the columns of W: multiply each row by its u first."),
    (lambda weight, x, u: weight * u[:, None], "These are the two stamps: add them up, column by column."),
    (lambda weight, x, u: u[::-1] @ weight, "The two u are exchanged: row i of W is the stamp of y_i, so it goes with "
     "u_i."),
    (lambda weight, x, u: (u @ weight) * x, "x is in it already: dx is made of W and u alone."),
    (lambda weight, x, u: np.outer(u, x), "That is dW, what each weight gets: dx is made of W and u."),
    (lambda weight, x, u: np.abs(u) @ np.abs(weight), _SIGN_LOST),
]  # fmt: skip

_RIGHT_SIDE: Mistakes = [
    (lambda weight, x, u: (u @ weight) * x, "These are the products: add them up to one number."),
    (lambda weight, x, u: (u @ weight).sum(), "That is the sum of dx: multiply each dx by its x first."),
    (
        lambda weight, x, u: (u @ weight).sum() * x.sum(),
        "You add up before you multiply: <x, dx> is x_1 dx_1 + x_2 dx_2 + x_3 dx_3.",
    ),
    (lambda weight, x, u: (u @ weight) @ (u @ weight), "That is <dx, dx>: multiply each dx by its x."),
    (lambda weight, x, u: np.abs((u @ weight) * x).sum(), _SIGN_LOST),
]

BOTH_SIDES = Exercise(
    {
        "y": Stage("y = W x:", _y, _Y),
        "left": Stage("left, <y, u>:", _side, _LEFT),
        "dx": Stage("dx, the rows of W, each u times as strong, added up:", _dx, _BACK),
        "right": Stage("right, <x, dx>:", _side, _RIGHT_SIDE),
    },
    lambda variant: [linear_by_hand(variant)._asdict()],
)


def _tells(*inputs: Array) -> bool:
    """Whether no mistake of the tables gives what is right."""
    for stage in BOTH_SIDES.stages.values():
        right = np.asarray(stage.right(*inputs))
        if any(np.array_equal(np.asarray(wrong(*inputs)), right) for wrong, _ in stage.mistakes):
            return False
    return True


def _numbers(name: str, value: Any) -> Array:
    array = np.asarray(as_numbers(name, value))
    if not array.size:
        raise CheckFailed(f"{name} is empty: an equation without numbers always holds.")
    try:
        return np.atleast_1d(as_fractions(array))
    except (TypeError, ValueError, ArithmeticError) as error:
        raise CheckFailed(f"{name}: {error}") from None


def _why_it_holds(u: Array, x: Array) -> str:
    """Return why u and x show no bug. The suspect is wrong where x < 0, unless u is 0 there."""
    if not (x < 0).any():
        zero = " At x = 0 there is no slope, and no law sees the gate." if (x == 0).any() else ""
        return f"No x is negative, so each gate should be open, as it is.{zero} When should it be shut?"
    if not u[x < 0].any():
        return "Where x is negative, your u is 0: nothing comes back, through an open gate or through a shut one."
    return "dx is wrong, but in two places, and the two add up to 0. Take one number less."


# --- Held against the laws --------------------------------------------------------------------------------


def _verified(answer: Callable[..., Any], limits: Mapping[str, int], advise: Callable[[str], str] = str) -> Report:
    """Return the report on a backward pass, or raise CheckFailed with the lesson of the first law that is broken."""
    report = conv2d.verify(backward=answer, limits=limits, pairs=True, raises=False)
    if report.broken:
        raise CheckFailed(advise(str(LawViolation(report))))
    return report


def _held(report: Report) -> str:
    asked = [entry for entry in report.entries if entry.cases]
    return f"{len(asked)} laws hold, in {report.count} cases."


def _stamping_advice(lesson: str) -> str:
    if "To slide the kernel over u" in lesson:
        lesson += "\n(You do not slide, you stamp: press weight[o] as it is. Only a kernel that slides is turned.)"
    return lesson


def _sliding_advice(lesson: str) -> str:
    if "negative" in lesson:
        lesson += (
            "\n(k - 1 - p is negative where the border is wider than the kernel reaches, and np.pad cannot take rows "
            "away. Put k - 1 zeros around u, for every p, and begin each window p rows and p columns further on.)"
        )
    return lesson
