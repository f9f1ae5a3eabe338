"""The checks of notebook 10: a law by hand, backward passes held against the laws, three CAMs, a law of one's own."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from numpycam.checks import hints, suspects
from numpycam.checks.compare import Exercise, Mistakes, Stage, as_numbers, check, check_keys, refuse_dots
from numpycam.checks.maps import generator, means, spread
from numpycam.checks.results import CheckFailed, Result
from numpycam.core.arrays import Array, Pair, first_index, relu
from numpycam.core.layers import Conv2d
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
    return _RIGHT.told(f"A counterexample: {sides}, but <x, dx> = {right}. {told}")


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
    _refuse_dots(answer, (u, x, weight), ("dx", "dw"))
    report = _verified(answer, {"stride": 1, "padding": 0, "dilation": 1}, _stamping_advice)
    for law in ("adjoint-x", "adjoint-w"):
        if not report[law].cases:
            raise CheckFailed(f"{report[law].reason}, so {law} was not asked: return (dx, dw).")
    return _RIGHT._replace(cases=report.count).told(
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
    _refuse_dots(answer, (u, x, weight, (0, 1)), ("dx",))
    report = _verified(answer, {"stride": 1, "dilation": 1}, _sliding_advice)
    return _RIGHT._replace(cases=report.count).told(
        f"{_held(report)} Every kernel meets every border: dx is right for all of them."
    )


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
    check_keys(answer, _CAMS)
    failures = []
    for name, evidence in answer.items():
        try:
            print(f"✓ {name}: {_proved(name, evidence)}")
        except CheckFailed as failed:
            failures.append(failed)
    number = len(_CAMS)
    if failures:
        raise CheckFailed(str(failures[0]), number - len(failures), number)
    return Result(number, number, number, "").told(
        "All three bugs are named, each with maps that no other bug explains."
    )


def check_shift_law(answer: Callable[[Any, Array, Array, Pair, Pair, int], Any], *, variant: int = 0) -> Result:
    """Check a law about convolutions of pictures that are shifted down: that it is true, and says enough.

    Parameters
    ----------
    answer : callable
        ``answer(conv, x, weight, stride, padding, rows)`` returns the two sides of the law, or None where it does not
        claim anything. ``conv(x, weight, stride, padding)`` is a convolution, right or wrong; ``rows`` is by how many
        rows the picture is shifted.
    variant : int, default 0
        Not used: there are no drawn numbers.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the sides differ for a right convolution, if nothing is claimed where the sides are always equal, or if no
        wrong convolution breaks the law.
    """
    _refuse_dots(answer, (_conv, _X, _WEIGHT, (1, 1), (0, 0), 1), ("the law",), may_be_none=True)
    settings = list(_shift_settings())
    claimed = sum(_is_true(answer, setting) for setting in settings)
    for kind, wrong in _WRONG_CONVOLUTIONS.items():
        if all(_agree(_sides(answer, wrong, setting)) for setting in settings):
            raise CheckFailed(
                f"Your law is true, but too weak: it also holds for a convolution that {kind}. "
                "Compare all rows that you can, and compute both sides with conv."
            )
    return _RIGHT._replace(cases=len(settings)).told(
        f"Your law is true wherever it claims something, in {claimed} of {len(settings)} cases, and claims enough."
    )


_RIGHT = Result(1, 1, 1, "")

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


def _refuse_dots(answer: Any, inputs: Sequence[Any], names: Sequence[str], may_be_none: bool = False) -> None:
    """Raise CheckFailed if the answer is no function, returns nothing, or if the exercise's dots are still there."""
    if not callable(answer):
        raise CheckFailed(f"Pass your function itself, without calling it; this is {type(answer).__name__}.")
    try:
        given = answer(*(part.copy() if isinstance(part, np.ndarray) else part for part in inputs))
    except Exception as error:  # of other errors the laws tell more
        if "ellipsis" in str(error):
            refuse_dots(names[0], ...)
        return
    except SystemExit:
        raise CheckFailed(hints.ENDS_PYTHON) from None
    if given is None and may_be_none:
        return
    if given is None:
        raise CheckFailed("Your function returned None. Is there a return at its end?")
    for name, value in zip(names, given if isinstance(given, tuple) else (given,), strict=False):
        refuse_dots(name, value)


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


# --- Three CAMs -------------------------------------------------------------------------------------------


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


# --- A law of one's own -----------------------------------------------------------------------------------


class _Setting(NamedTuple):
    stride: Pair
    padding: Pair
    rows: int

    def __str__(self) -> str:
        return f"stride {self.stride}, padding {self.padding}, shifted by {self.rows}"


def _shift_settings() -> Iterator[_Setting]:
    """Yield the cases in which the law is asked, the simplest first."""
    paddings, strides, shifts = [(0, 0), (0, 1), (1, 0), (2, 1)], [(1, 1), (1, 2), (2, 1), (3, 2)], [1, 2, 3, 4]
    for padding, stride, rows in product(paddings, strides, shifts):
        yield _Setting(stride, padding, rows)


def _arrays() -> tuple[Array, Array]:
    """Return pictures and kernels of whole numbers from 1 on, none of them square: in floats, to be exact and fast."""
    rng = np.random.default_rng(2017)
    return rng.integers(1, 10, (2, 2, 9, 7)).astype(float), rng.integers(1, 10, (3, 2, 3, 2)).astype(float)


_X, _WEIGHT = _arrays()


def _conv(x: Array, weight: Array, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> Array:
    return Conv2d(weight, stride=stride, padding=padding)(x)


def _adds_the_row(x: Array, weight: Array, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> Array:
    y = _conv(x, weight, stride, padding)
    return y + np.arange(y.shape[2])[:, None]


def _loses_the_last_row(x: Array, weight: Array, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> Array:
    y = _conv(x, weight, stride, padding)
    y[:, :, -1] *= 0
    return y


def _upside_down(x: Array, weight: Array, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> Array:
    return _conv(x, weight, stride, padding)[:, :, ::-1]


_WRONG_CONVOLUTIONS = {
    "returns its rows in reverse order": _upside_down,
    "adds its number to each row": _adds_the_row,
    "leaves its last row at 0": _loses_the_last_row,
}


def _sides(answer: Callable[..., Any], conv: Callable[..., Array], setting: _Setting) -> tuple[Array, Array] | None:
    """Return both sides of the law as arrays, or None if it does not claim anything."""
    try:
        given = answer(conv, _X.copy(), _WEIGHT.copy(), *setting)
    except Exception as error:
        raise CheckFailed(f"Your law raised {type(error).__name__} with {setting}: {error}") from error
    except SystemExit:
        raise CheckFailed(hints.ENDS_PYTHON) from None
    if given is None:
        return None
    if not (isinstance(given, tuple | list) and len(given) == 2):
        raise CheckFailed(f"A law returns two sides, or None; with {setting} it returned {type(given).__name__}.")
    left, right = (as_numbers(name, side) for name, side in zip(("left", "right"), given, strict=True))
    if left.shape != right.shape:
        raise CheckFailed(
            f"With {setting}, the left side has the shape {left.shape}, the right one {right.shape}. "
            "How many rows of y has the picture moved by, and which rows can then be compared?"
        )
    return left, right


def _agree(sides: tuple[Array, Array] | None) -> bool:
    return sides is None or bool((sides[0] == sides[1]).all())


def _is_true(answer: Callable[..., Any], setting: _Setting) -> bool:
    """Whether the law claims something in this case; raise CheckFailed if it is false, or too careful."""
    sides = _sides(answer, _conv, setting)
    if not _agree(sides):
        raise CheckFailed(_why_false(setting, *(sides or ())))
    claims = sides is not None and sides[0].size > 0
    if not claims and setting.rows % setting.stride[0] == 0 and setting.padding[0] == 0:
        raise CheckFailed(
            f"Too careful: with {setting} you claim nothing, but all rows that can be compared are equal there, for "
            f"every picture. {_too_careful(setting)}"
        )
    return claims


def _why_false(setting: _Setting, left: Array, right: Array) -> str:
    where = first_index(left != right)
    sides = f"the left side is {float(left[where]):g}, the right one {float(right[where]):g}"
    (step, _), (border, _), rows = setting
    if rows % step:
        why = f"The kernel moves by {step} rows. After a shift by {rows}, it meets other rows: claim nothing."
    elif border:
        why = (
            "At the bottom, the kernel sees the border. Before the shift, the last row of the picture was there: "
            "claim nothing, or leave these rows out."
        )
    else:
        why = f"The picture moves by {rows}, the kernel by {step} at a time. By how many rows does y move?"
    return f"Not true with {setting}: at {where} {sides}.\n{why}"


def _too_careful(setting: _Setting) -> str:
    if setting.padding[1]:
        return "A border on the left and on the right does not matter to a shift down."
    if setting.stride[0] > 1:
        return "The picture moves by a multiple of the kernel's stride."
    if setting.stride[1] > 1:
        return "A stride from left to right does not matter to a shift down."
    return "There is no border, and the kernel moves by one row."
