"""The checks of notebook 03: backward passes, and the bugs in them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from numpycam.checks import suspects
from numpycam.checks.compare import CheckFailed, Mistakes, Result, compare, run, text
from numpycam.core.arguments import as_pair
from numpycam.core.arrays import Array, Pair, zero_of, zeros
from numpycam.core.base import Layer
from numpycam.core.layers import AvgPool2d, Conv2d, MaxPool2d, ReLU
from numpycam.exact import as_fractions


def check_relu_backward(answer: Callable[[Array, Array], Any]) -> None:
    """Check a function that passes a gradient back through a ReLU.

    Parameters
    ----------
    answer : callable
        ``answer(u, x)`` gets two arrays of Fractions of the same shape, u = ds/dy and the input x of y = ReLU(x),
        and returns ds/dx.

    Raises
    ------
    CheckFailed
        If it is not exactly right, or the gate is not shut at 0.
    """
    results = []
    for u, x in _relu_cases():
        (dx,) = run(answer, {"u": u, "x": x}, ["dx"])
        law = _law(ReLU()(x), u, "x", x, "dx", dx)
        results.append(Result({"u": u, "x": x}, dx, dx, ReLU().backward(u, x), law))
    compare("dx = ds/dx of a ReLU:", _RELU_MISTAKES, results)
    print(f"✓ dx is exactly right, on {len(results)} pairs of u and x: the gate is that of x, and shut at 0.")


def check_conv_backward(answer: Callable[[Array, Array, Array, Pair, Pair], tuple[Any, Any]]) -> None:
    """Check a function that passes a gradient back through a convolution, to its input and to its weight.

    Parameters
    ----------
    answer : callable
        ``answer(u, x, weight, stride, padding)`` gets three arrays of Fractions, of shapes (N, O, H', W'),
        (N, C, H, W) and (O, C, KH, KW), and two pairs (down, right), and returns ``(dx, dw)``.

    Raises
    ------
    CheckFailed
        If one of the two is not exactly right.
    """
    cases, results, failure = list(_conv_cases()), [], None
    for case in cases:
        try:
            results.append((case, run(answer, case._asdict(), ("dx", "dw"), _CONV_ADVICE)))
        except CheckFailed as failed:  # what came before may say more
            failure = failed
            break
    for stage, (name, slot, right) in enumerate([("dx", "x", _conv_dx), ("dw", "weight", _conv_dw)]):
        held = []
        for case, given in results:
            law = _law(_conv(*case)(case.x), case.u, slot, getattr(case, slot), name, given[stage])
            held.append(Result(case._asdict(), given[stage], given[stage], right(*case), law))
        compare(f"{name}, so that <f(x), u> = <{slot}, {name}>:", _CONV_MISTAKES[name], held)
    if failure:
        raise failure
    print(
        f"✓ <f(x), u> = <x, dx> = <weight, dw>, exactly, on {len(cases)} convolutions of several strides and borders."
    )


def check_find_the_bug(answer: Mapping[str, Any]) -> None:
    """Check counterexamples to the four functions of ``numpycam.checks.suspects``.

    Parameters
    ----------
    answer : mapping
        For the name of each function ``(law, inputs)``: the law that it breaks, "adjoint", "mass" or "purity", and a
        mapping of its arguments, ``{"u": ..., "x": ..., ...}``, with which it does. The x must have as few cells as it
        can.

    Raises
    ------
    CheckFailed
        If one of them is no counterexample: the law holds there, or it is broken by the right backward pass, too; or if
        there is one with a smaller x.
    """
    if not isinstance(answer, Mapping) or set(answer) != set(_SUSPECTS):
        raise CheckFailed(f"Your findings should be a dictionary with the keys {', '.join(map(repr, _SUSPECTS))}.")
    failures = []
    for name, finding in answer.items():
        try:
            print(f"✓ {name} {_hear(name, finding)}")
        except CheckFailed as failed:
            failures.append(failed)
    if failures:
        raise failures[0]
    print("✓ All four are found, each by a law and by a smallest input.")


# --- One layer ------------------------------------------------------------------------------------------


class _Case(NamedTuple):
    u: Array
    x: Array
    weight: Array
    stride: Pair
    padding: Pair


def _inner(a: Array, b: Array) -> Any:
    return (a * b).sum()


def _law(y: Array, u: Array, slot: str, values: Array, name: str, given: Array) -> str:
    """Return the two sides of the adjoint identity <f(x), u> = <slot, what is given> if they differ."""
    if given.shape != values.shape:
        return ""
    left, right = _inner(y, u), _inner(values, given)
    return "" if left == right else f"The adjoint identity fails: <f(x), u> = {left}, but <{slot}, {name}> = {right}."


def _relu_cases() -> Iterator[tuple[Array, Array]]:
    """Yield u and x: each sign of the one with each sign of the other, and drawn ones."""
    yield as_fractions([[1, 2, 3], [-4, -5, -6]]), as_fractions([[2, -1, 0], [3, -2, 0]])
    rng = np.random.default_rng(2017)
    for shape in ((5,), (3, 4), (2, 1, 3, 2)):
        u, x = (as_fractions(rng.integers(-2, 3, shape)) / 3 for _ in range(2))
        yield u, x


def _conv_cases() -> Iterator[_Case]:
    """Yield convolutions, the simplest first, in whole numbers, and then drawn ones; no map and no kernel is square."""
    x, weight = as_fractions([[[[2, 0, -1, 1], [1, 3, 0, -2]]]]), as_fractions([[[[1, 2]]]])
    yield _Case(as_fractions([[[[1, 10, 100], [2, 20, 200]]]]), x, weight, (1, 1), (0, 0))
    rng = np.random.default_rng(2017)
    for x_shape, w_shape, stride, padding in (
        ((1, 2, 2, 3), (2, 2, 1, 2), (1, 1), (0, 0)),
        ((1, 1, 3, 4), (1, 1, 2, 3), (1, 1), (1, 0)),
        ((1, 1, 3, 5), (1, 1, 2, 3), (1, 2), (0, 0)),
        ((2, 2, 4, 5), (3, 2, 2, 3), (2, 1), (1, 0)),
        ((2, 3, 5, 4), (2, 3, 3, 2), (1, 3), (0, 1)),
    ):
        x, weight = (as_fractions(rng.integers(-4, 5, shape)) / 3 for shape in (x_shape, w_shape))
        y_shape = Conv2d(weight, stride=stride, padding=padding).output_shape(x_shape)
        yield _Case(as_fractions(rng.integers(1, 6, y_shape)) / 3, x, weight, stride, padding)


def _conv(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Conv2d:
    return Conv2d(weight, stride=stride, padding=padding)


def _conv_dx(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    return _conv(u, x, weight, stride, padding).backward(u, x)


def _conv_dw(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    return _conv(u, x, weight, stride, padding).parameter_gradients(u, x)["weight"]


def _bordered(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    """Return the gradient of the padded x, its border not cut off."""
    around = [(0, 0), (0, 0), *((width, width) for width in padding)]
    return _conv_dx(u, np.pad(x, around, constant_values=zero_of(x)), weight, stride, (0, 0))


def _without_stride(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> _Case:
    """Return the case in which window (i, j) stands at (i, j): those that are reached with stride 1, and no more."""
    wide = zeros(Conv2d(weight, padding=padding).output_shape(x.shape), like=u)
    wide[:, :, : u.shape[2], : u.shape[3]] = u
    return _Case(wide, x, weight, (1, 1), padding)


def _last_write(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    """Return the dx in which every window overwrites those before it."""
    (height, width), (top, left) = weight.shape[2:], padding
    padded = zeros((*x.shape[:2], x.shape[2] + 2 * top, x.shape[3] + 2 * left), like=u)
    for i, j in np.ndindex(u.shape[2:]):
        row, column = i * stride[0], j * stride[1]
        stamp = (u[:, :, i, j, None, None, None] * weight).sum(axis=1)  # (N, O) -> (N, C, KH, KW)
        padded[:, :, row : row + height, column : column + width] = stamp
    return padded[:, :, top : top + x.shape[2], left : left + x.shape[3]]


def _last_window(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    """Return the dw in which the last window overwrites those before it."""
    only = zeros(u.shape, like=u)
    only[:, :, -1, -1] = u[:, :, -1, -1]
    return _conv_dw(only, x, weight, stride, padding)


_RELU_MISTAKES: Mistakes = [
    (lambda u, x: u, "There is no gate: where x < 0 nothing passes. (ReLU(x) >= 0 is no gate, it is always true.)"),
    (lambda u, x: np.where(x < 0, 0, u),
     "At x = 0 your gate is open. No law sees that, for there the slope does not exist; the convention, PyTorch's "
     "too, is a shut gate."),
    (lambda u, x: np.maximum(u, zero_of(u)), "That is ReLU(u): the gate is where x > 0, whatever the sign of u."),
    (lambda u, x: np.where((x > 0) & (u > 0), u, 0),
     "Your gate looks at u as well as at x. That is guided backpropagation, and not a gradient."),
    (lambda u, x: np.where(x > 0, 0, u), "The gate is the wrong way round: u passes where x > 0."),
    (lambda u, x: np.where(x > 0, 1, 0), "That is the gate itself: u comes through it."),
    (lambda u, x: ReLU()(x), "That is y, the forward pass: what comes back is u, where x > 0."),
    (lambda u, x: u * x, "That is u · x: where the gate is open the slope is 1, not x."),
    (lambda u, x: u * ReLU()(x), "That is u · y: where the gate is open the slope is 1, not x."),
]  # fmt: skip

_CONV_ADVICE = (
    "(np.zeros_like(x) takes over x's kind of numbers, np.zeros(x.shape) makes floats. The windows slide over the "
    "*padded* x: window (i, j) begins at (down · i, right · j) there.)"
)

_CONV_MISTAKES: dict[str, Mistakes] = {
    "dx": [
        (lambda *case: _conv_dw(*case), "That is dw: return dx first, then dw."),
        (lambda u, x, w, *how: _conv_dx(u, x, w[:, :, ::-1, ::-1], *how),
         "The kernel lies the wrong way round, turned by 180°. Add u · kernel as it is to the window that was seen; or "
         "slide it over u, and turn it."),
        (lambda u, x, w, *how: _conv_dx(u, x, w[:, :, ::-1], *how), "The kernel stands upside down."),
        (lambda u, x, w, *how: _conv_dx(u, x, w[:, :, :, ::-1], *how), "The kernel is mirrored."),
        (lambda u, x, w, *how: _conv_dx(u, x, w.swapaxes(0, 1), *how) if w.shape[0] == w.shape[1] else None,
         "The channels are exchanged: weight has the shape (O, C, KH, KW), and u has O channels, dx has C."),
        (_last_write, "The last window wins: where windows overlap their shares add up, with += instead of =."),
        (_bordered, "That is the gradient of the padded x: cut its border off again."),
        (lambda u, x, *how: _bordered(u, x, *how)[:, :, : x.shape[2], : x.shape[3]],
         "The border is cut off at the bottom and on the right only: x begins at (top, left) in the padded one."),
        (lambda *case: _conv_dx(*_without_stride(*case)),
         "The stride is missing: window (i, j) begins at (down · i, right · j)."),
    ],
    "dw": [
        (lambda *case: _conv_dw(*case)[:, :, ::-1, ::-1], "It lies the wrong way round, turned by 180°."),
        (lambda *case: _conv_dw(*case).swapaxes(0, 1), "The channels are exchanged: dw has the shape (O, C, KH, KW)."),
        (lambda u, x, *rest: np.stack([_conv_dw(u[n : n + 1], x[n : n + 1], *rest) for n in range(len(u))]),
         "There is one for each picture: the weight is the same for all of them, so add up over the batch."),
        (lambda u, *rest: _conv_dw(u, *rest) / len(u), "That is the mean over the batch: the pictures' shares add up."),
        (lambda u, x, *rest: _conv_dw(u[-1:], x[-1:], *rest), "Only the last picture counts: add up over the batch."),
        (lambda u, x, *rest: _conv_dw(u[:1], x[:1], *rest), "Only the first picture counts: add up over the batch."),
        (_last_window, "Only the last window counts: the shares of all windows add up, with += instead of =."),
        (lambda *case: _conv_dw(*_without_stride(*case)),
         "The stride is missing: window (i, j) begins at (down · i, right · j)."),
    ],
}  # fmt: skip


# --- The suspects ---------------------------------------------------------------------------------------


class _Suspect(NamedTuple):
    backward: Callable[..., Array]
    layer: Callable[..., Layer]
    argument: str | None  # what the layer is made of
    fewest: int  # cells of x, for a counterexample
    question: str  # when a law holds that could have been broken


_SUSPECTS = {
    "relu_backward": _Suspect(suspects.relu_backward, ReLU, None, 1, "When is its gate shut?"),
    "conv_backward": _Suspect(
        suspects.conv_backward, lambda weight: Conv2d(weight[None, None]), "weight", 2,
        "Which weight does the first cell of x meet, on the way forward and on the way back?"),
    "max_pool_backward": _Suspect(
        suspects.max_pool_backward, lambda size: MaxPool2d(size, stride=1), "size", 3,
        "What if one cell is the winner of two windows?"),
    "avg_pool_backward": _Suspect(
        suspects.avg_pool_backward, lambda size: AvgPool2d(size, stride=1), "size", 2,
        "Look at what the function does, not only at what it returns."),
}  # fmt: skip


def _adjoint(u: Array, x: Array, y: Array, backward: Callable[..., Array]) -> dict[str, Any]:
    return {"<f(x), u>": _inner(y, u), "<x, dx>": _inner(x, backward(u.copy(), x))}


def _mass(u: Array, x: Array, y: Array, backward: Callable[..., Array]) -> dict[str, Any]:
    return {"Σ u": u.sum(), "Σ dx": backward(u.copy(), x).sum()}


def _purity(u: Array, x: Array, y: Array, backward: Callable[..., Array]) -> dict[str, Any]:
    own = u.copy()
    backward(own, x)
    return {"u before": text(u), "u after": text(own)}


_LAWS = {"adjoint": _adjoint, "mass": _mass, "purity": _purity}  # each returns the two sides of an equation


def _hear(name: str, finding: Any) -> str:
    """Return how the suspect breaks the law, or say why the finding is no counterexample."""
    suspect = _SUSPECTS[name]
    if finding is ... or finding is None:
        raise CheckFailed(f"{name} is not there yet: replace the dots.")
    if not isinstance(finding, tuple | list) or len(finding) != 2 or not isinstance(finding[1], Mapping):
        raise CheckFailed(f'{name}: a finding is written ("the law", {{"u": ..., "x": ...}}), got {finding!r}.')
    law, inputs = finding
    if not isinstance(law, str) or law not in _LAWS:
        raise CheckFailed(f"{name}: the law is one of {', '.join(map(repr, _LAWS))}, got {law!r}.")
    try:
        u, x, *rest = _arguments(inputs, ["u", "x", *filter(None, [suspect.argument])])
        layer = suspect.layer(*rest)
        y = layer(x[None, None])[0, 0]
        if u.shape != y.shape:
            raise ValueError(f"u should have the shape of f(x), {y.shape} here, got {u.shape}.")
    except (TypeError, ValueError) as error:
        raise CheckFailed(f"{name}: {error}") from None
    right = _LAWS[law](u, x, y, lambda u, x: layer.backward(u[None, None], x[None, None])[0, 0])
    sides = _LAWS[law](u, x, y, lambda u, x: suspect.backward(u, x, *rest))
    if not _is_kept(right):
        raise CheckFailed(
            f"{name}: {law!r} is no law of this layer, the right backward pass breaks it too: {_say(right)}."
        )
    if _is_kept(sides):
        both = f"{' = '.join(sides)} = {next(iter(sides.values()))}"
        raise CheckFailed(f"{name}: {law!r} holds there, {both}. {suspect.question}")
    if x.size > suspect.fewest:
        small = f"an x of {suspect.fewest} cell{'s' * (suspect.fewest > 1)} can show it, yours has {x.size}"
        raise CheckFailed(f"{name}: yes, {law!r} fails there: {_say(sides)}. Now make it small: {small}.")
    return f"breaks {law!r}: {_say(sides)}."


def _arguments(inputs: Mapping[str, Any], names: list[str]) -> Iterator[Any]:
    """Yield the arguments of a suspect: maps of Fractions, and a pair for the size."""
    if set(inputs) != set(names):
        raise ValueError(f"the inputs are {', '.join(map(repr, names))}, got {', '.join(map(repr, inputs))}.")
    for name in names:
        yield as_pair("size", inputs["size"], 1) if name == "size" else _map(name, inputs[name])


def _map(name: str, value: Any) -> Array:
    try:
        array = np.asarray(as_fractions(value))
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(f"{name}: {error}") from None
    if array.ndim != 2:
        raise ValueError(f"{name} should be one map (H, W), a list of rows, got shape {array.shape}.")
    return array


def _is_kept(sides: dict[str, Any]) -> bool:
    left, right = sides.values()
    return bool(left == right)


def _say(sides: dict[str, Any]) -> str:
    return ", but ".join(f"{what} = {value}" for what, value in sides.items())
