"""The checks of notebook 03: backward passes of a ReLU and of a convolution."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from numpycam.checks.compare import (
    Exercise,
    Inputs,
    Mistakes,
    Stage,
    check,
)
from numpycam.checks.maps import generator, thirds
from numpycam.checks.results import Result
from numpycam.checks.sides import adjoint_law
from numpycam.core.arrays import Array, Pair, relu, zero_of, zeros
from numpycam.core.layers import Conv2d, ReLU
from numpycam.exact import as_fractions


def check_relu_backward(answer: Callable[[Array, Array], Any], *, variant: int = 0) -> Result:
    """Check a function that passes a gradient back through a ReLU.

    Parameters
    ----------
    answer : callable
        ``answer(u, x)`` takes two arrays of Fractions of the same shape: u = ds/dy, and the input x of y = ReLU(x). It
        returns ds/dx.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the result is not exactly right. At x = 0 it should be 0.
    """
    result = check(RELU, answer, variant)
    return result.told(
        f"dx is exactly right, on {result.cases} pairs of u and x: the gate looks at x, and is shut at 0."
    )


def check_conv_of_one_map(answer: Callable[[Array, Array, Array], tuple[Any, Any]], *, variant: int = 0) -> Result:
    """Check a function that passes a gradient back through a convolution of one map by one kernel.

    Parameters
    ----------
    answer : callable
        ``answer(u, x, weight)`` takes three arrays of Fractions, of shapes (H', W'), (H, W) and (KH, KW). The stride is
        1, and there is no padding. It returns ``(dx, dw)``.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If dx or dw is not exactly right.
    """
    result = check(CONV_OF_ONE_MAP, answer, variant)
    return result.told(f"dx and dw are exactly right, on {result.cases} maps and kernels. None of them is square.")


def check_conv_with_stride(
    answer: Callable[[Array, Array, Array, Pair, Pair], tuple[Any, Any]], *, variant: int = 0
) -> Result:
    """Check a function that passes a gradient back through a convolution of one map, with a stride and a padding.

    Parameters
    ----------
    answer : callable
        ``answer(u, x, weight, stride, padding)`` takes three arrays of Fractions, of shapes (H', W'), (H, W) and
        (KH, KW), and two pairs (down, right). It returns ``(dx, dw)``.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If dx or dw is not exactly right.
    """
    result = check(CONV_WITH_STRIDE, answer, variant)
    return result.told(f"dx and dw are exactly right, on {result.cases} maps, with several strides and borders.")


def check_conv_backward(
    answer: Callable[[Array, Array, Array, Pair, Pair], tuple[Any, Any]], *, variant: int = 0
) -> Result:
    """Check a function that passes a gradient back through a convolution, to its input and to its weight.

    Parameters
    ----------
    answer : callable
        ``answer(u, x, weight, stride, padding)`` takes three arrays of Fractions, of shapes (N, O, H', W'),
        (N, C, H, W) and (O, C, KH, KW), and two pairs (down, right). It returns ``(dx, dw)``.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If dx or dw is not exactly right.
    """
    result = check(CONV, answer, variant)
    return result.told(
        f"<f(x), u> = <x, dx> = <weight, dw>, exactly, on {result.cases} convolutions with several strides and borders."
    )


# --- Two backward passes --------------------------------------------------------------------------------


class _Case(NamedTuple):
    u: Array
    x: Array
    weight: Array
    stride: Pair
    padding: Pair


def _relu_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield u and x. In the first case every sign of u meets every sign of x; the others are drawn."""
    yield {"u": as_fractions([[1, 2, 3], [-4, -5, -6]]), "x": as_fractions([[2, -1, 0], [3, -2, 0]])}
    rng = generator(variant)
    for shape in ((5,), (3, 4), (2, 1, 3, 2)):
        yield {"u": thirds(rng, -2, 2, shape), "x": thirds(rng, -2, 2, shape)}


def _cases_of_one_map(variant: int = 0) -> Iterator[Inputs]:
    for inputs in _map_cases(variant, [((1, 1), (0, 0))] * 3):
        yield {name: inputs[name] for name in ("u", "x", "weight")}


def _cases_with_stride(variant: int = 0) -> Iterator[Inputs]:
    settings = [((1, 1), (0, 0)), ((1, 2), (0, 0)), ((1, 1), (1, 0)), ((2, 1), (0, 1)), ((3, 2), (1, 1))]
    return _map_cases(variant, settings)


def _map_cases(variant: int, settings: list[tuple[Pair, Pair]]) -> Iterator[Inputs]:
    """Yield convolutions of one map for each stride and padding: the first in whole numbers, the others drawn."""
    first = as_fractions([[2, 0, -1, 1], [1, 3, 0, -2]]), as_fractions([[1, 2]])
    rng = generator(variant)
    for number, (stride, padding) in enumerate(settings):
        x, weight = first if number == 0 else (thirds(rng, -4, 4, (4, 5)), thirds(rng, -4, 4, (2, 3)))
        shape = Conv2d(weight[None, None], stride=stride, padding=padding).output_shape((1, 1, *x.shape))[2:]
        u = as_fractions([[1, 10, 100], [2, 20, 200]]) if number == 0 else thirds(rng, 1, 5, shape)
        yield _Case(u, x, weight, stride, padding)._asdict()


def _conv_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield convolutions: a simple one in whole numbers, then drawn ones. No map is square, and no kernel."""
    x, weight = as_fractions([[[[2, 0, -1, 1], [1, 3, 0, -2]]]]), as_fractions([[[[1, 2]]]])
    yield _Case(as_fractions([[[[1, 10, 100], [2, 20, 200]]]]), x, weight, (1, 1), (0, 0))._asdict()
    rng = generator(variant)
    for x_shape, weight_shape, stride, padding in (
        ((1, 2, 2, 3), (2, 2, 1, 2), (1, 1), (0, 0)),
        ((1, 1, 3, 4), (1, 1, 2, 3), (1, 1), (1, 0)),
        ((1, 1, 3, 5), (1, 1, 2, 3), (1, 2), (0, 0)),
        ((2, 2, 4, 5), (3, 2, 2, 3), (2, 1), (1, 0)),
        ((2, 3, 5, 4), (2, 3, 3, 2), (1, 3), (0, 1)),
    ):
        x, weight = thirds(rng, -4, 4, x_shape), thirds(rng, -4, 4, weight_shape)
        y_shape = Conv2d(weight, stride=stride, padding=padding).output_shape(x_shape)
        yield _Case(thirds(rng, 1, 5, y_shape), x, weight, stride, padding)._asdict()


def _conv(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Conv2d:
    return Conv2d(weight, stride=stride, padding=padding)


def _y(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    return _conv(u, x, weight, stride, padding)(x)


def _dx(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    return _conv(u, x, weight, stride, padding).backward(u, x)


def _dw(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    return _conv(u, x, weight, stride, padding).parameter_gradients(u, x)["weight"]


def _with_border(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    """Return the gradient of the padded x."""
    around = [(0, 0), (0, 0), *((width, width) for width in padding)]
    return _dx(u, np.pad(x, around, constant_values=zero_of(x)), weight, stride, (0, 0))


def _without_stride(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> _Case:
    """Return the case in which window (i, j) begins at (i, j). Stride 1 allows for more windows: their u is 0."""
    wide = zeros(Conv2d(weight, padding=padding).output_shape(x.shape), like=u)
    wide[:, :, : u.shape[2], : u.shape[3]] = u
    return _Case(wide, x, weight, (1, 1), padding)


def _last_write(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    """Return the dx in which every window overwrites the windows before it."""
    (height, width), (top, left) = weight.shape[2:], padding
    padded = zeros((*x.shape[:2], x.shape[2] + 2 * top, x.shape[3] + 2 * left), like=u)
    for i, j in np.ndindex(u.shape[2:]):
        row, column = i * stride[0], j * stride[1]
        stamp = (u[:, :, i, j, None, None, None] * weight).sum(axis=1)  # (N, O) -> (N, C, KH, KW)
        padded[:, :, row : row + height, column : column + width] = stamp
    return padded[:, :, top : top + x.shape[2], left : left + x.shape[3]]


def _exchanged(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    """Return dx with the stride for the padding, and the padding for the stride: no layer takes a stride of 0."""
    (height, width), (top, left) = weight.shape[2:], stride
    padded = zeros((*x.shape[:2], x.shape[2] + 2 * top, x.shape[3] + 2 * left), like=u)
    for i, j in np.ndindex(u.shape[2:]):
        row, column = i * padding[0], j * padding[1]
        stamp = (u[:, :, i, j, None, None, None] * weight).sum(axis=1)  # (N, O) -> (N, C, KH, KW)
        padded[:, :, row : row + height, column : column + width] += stamp
    return padded[:, :, top : top + x.shape[2], left : left + x.shape[3]]


def _last_window(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    """Return the dw to which only the last window contributes."""
    only = zeros(u.shape, like=u)
    only[:, :, -1, -1] = u[:, :, -1, -1]
    return _dw(only, x, weight, stride, padding)


def _of_each_picture(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    """Return one dw for each picture of the batch, (N, O, C, KH, KW)."""
    return np.stack([_dw(u[n : n + 1], x[n : n + 1], weight, stride, padding) for n in range(len(u))])


_RELU: Mistakes = [
    (lambda u, x: u, "There is no gate: nothing should pass where x < 0. (ReLU(x) >= 0 is always true.)"),
    (lambda u, x: np.where(x < 0, 0, u),
     "At x = 0 your gate is open. No law sees that, because there is no slope at 0. The convention is a shut gate, in "
     "PyTorch, too."),
    (lambda u, x: relu(u), "That is ReLU(u): the gate asks for x > 0, whatever the sign of u."),
    (lambda u, x: np.where((x > 0) & (u > 0), u, 0),
     "Your gate looks at u as well as at x. That is guided backpropagation, and not a gradient: look at x alone."),
    (lambda u, x: np.where(x > 0, 0, u), "The gate is the wrong way round: u passes where x > 0."),
    (lambda u, x: np.where(x > 0, 1, 0), "That is the gate itself: let u pass through it."),
    (lambda u, x: relu(x), "That is y, the forward pass: return u where x > 0."),
    (lambda u, x: np.where(u > 0, x, 0), "u and x are exchanged: the gate looks at x, and u passes."),
    (lambda u, x: np.where(x > 0, u, u / 100), "Your gate leaks: where x < 0, nothing passes."),
    (lambda u, x: np.where(x > 0, u, u / 10), "Your gate leaks: where x < 0, nothing passes."),
    (lambda u, x: np.where(x > 0, u, np.where(x < 0, 0 * u, u / 2)),
     "At x = 0 half of u passes. The convention is a shut gate, in PyTorch, too."),
    (lambda u, x: u * x, "That is u · x: where the gate is open the slope is 1, not x."),
    (lambda u, x: u * relu(x), "That is u · y: where the gate is open the slope is 1, not x."),
]  # fmt: skip

RELU = Exercise(
    {
        "dx": Stage(
            "dx = ds/dx of a ReLU:",
            lambda u, x: ReLU().backward(u, x),
            _RELU,
            adjoint_law("x", "dx", lambda u, x: relu(x)),
        )
    },
    _relu_cases,
)

_STRIDE = "The stride is missing: window (i, j) begins at (down · i, right · j)."


def _last_output(u: Array, x: Array, weight: Array, *how: Pair) -> Array:
    return _dx(u[:, -1:], x, weight[-1:], *how)


def _sliced_to_minus(u: Array, x: Array, weight: Array, stride: Pair, padding: Pair) -> Array:
    top, left = padding
    return _with_border(u, x, weight, stride, padding)[:, :, top:-top, left:-left]


_TURNED_DX: Mistakes = [
    (_dw, "That is dw: return dx first, then dw."),
    (lambda u, x, weight, *how: _dx(u, x, weight[:, :, ::-1, ::-1], *how),
     "The kernel is turned by 180°. If you add u · kernel to each window, do not turn it. If you slide it over u, do."),
    (lambda u, x, weight, *how: _dx(u, x, weight[:, :, ::-1], *how),
     "The kernel is upside down: keep the order of its rows."),
    (lambda u, x, weight, *how: _dx(u, x, weight[:, :, :, ::-1], *how),
     "The kernel is mirrored: keep the order of its columns."),
    (_last_write, "The last window wins: where windows overlap, add up their shares with += instead of =."),
]  # fmt: skip

_BORDER_DX: Mistakes = [
    (_with_border, "That is the gradient of the padded x: cut its border off again."),
    (lambda u, x, *how: _with_border(u, x, *how)[:, :, : x.shape[2], : x.shape[3]],
     "You cut the border off at the bottom and on the right only: x begins at (top, left) in the padded array."),
    (_sliced_to_minus, "You cut with [top:-top]. Without padding that is [0:-0], and -0 is 0: nothing is left. Count "
     "from the other side, [top : top + H]."),
    (lambda *case: _dx(*_without_stride(*case)), _STRIDE),
    (_exchanged, "Stride and padding are exchanged: the window moves by the stride, and the padding is the border."),
]  # fmt: skip

_DX: Mistakes = [
    *_TURNED_DX,
    (lambda u, x, weight, *how: _dx(u, x, weight.swapaxes(0, 1), *how),
     "The channels are exchanged: weight has the shape (O, C, KH, KW). u has O channels, dx has C."),
    (_last_output, "Only the last output channel counts: each presses its stamp, so add them up with += instead of =."),
    *_BORDER_DX,
]  # fmt: skip

_TURNED_DW: Mistakes = [
    (lambda *case: _dw(*case)[:, :, ::-1, ::-1], "dw is turned by 180°: keep the order of its rows and columns."),
    (_last_window, "Only the last window counts: add up the shares of all windows, with += instead of =."),
]

_STRIDE_DW: Mistakes = [(lambda *case: _dw(*_without_stride(*case)), _STRIDE)]

_DW: Mistakes = [
    *_TURNED_DW,
    (lambda *case: _dw(*case).swapaxes(0, 1), "The channels are exchanged: dw has the shape (O, C, KH, KW)."),
    (_of_each_picture, "You return one dw for each picture. All pictures share the weight: add up over the batch."),
    (lambda u, *rest: _dw(u, *rest) / len(u), "That is the mean over the batch: add up the shares of all pictures."),
    (lambda u, x, *rest: _dw(u[-1:], x[-1:], *rest), "Only the last picture counts: add up over the batch."),
    (lambda u, x, *rest: _dw(u[:1], x[:1], *rest), "Only the first picture counts: add up over the batch."),
    *_STRIDE_DW,
]


def _of_one_map(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return a function of single maps that puts them into batches of one picture with one channel."""

    def of_maps(u: Array, x: Array, weight: Array, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> Array:
        return function(u[None, None], x[None, None], weight[None, None], stride, padding)[0, 0]

    return of_maps


def _stages_of_one_map(dx: Mistakes, dw: Mistakes) -> dict[str, Stage]:
    y = _of_one_map(_y)
    for_maps = [[(_of_one_map(wrong), hint) for wrong, hint in mistakes] for mistakes in (dx, dw)]
    return {
        "dx": Stage("dx, so that <f(x), u> = <x, dx>:", _of_one_map(_dx), for_maps[0], adjoint_law("x", "dx", y)),
        "dw": Stage(
            "dw, so that <f(x), u> = <weight, dw>:", _of_one_map(_dw), for_maps[1], adjoint_law("weight", "dw", y)
        ),
    }


def _advice_of_one_map(error: Exception) -> str:
    if isinstance(error, ValueError | IndexError):
        return "(Output (i, j) saw x[i : i + height, j : j + width], where height, width = weight.shape.)"
    return _conv_advice(error)


def _conv_advice(error: Exception) -> str:
    if isinstance(error, ValueError | IndexError):
        return "(The windows slide over the *padded* x: window (i, j) begins at (down · i, right · j) there.)"
    if isinstance(error, TypeError):
        return "(np.zeros_like(x) keeps x's kind of numbers, np.zeros(x.shape) makes floats.)"
    return ""


CONV_OF_ONE_MAP = Exercise(_stages_of_one_map(_TURNED_DX, _TURNED_DW), _cases_of_one_map, _advice_of_one_map)

CONV_WITH_STRIDE = Exercise(
    _stages_of_one_map([*_TURNED_DX, *_BORDER_DX], [*_TURNED_DW, *_STRIDE_DW]), _cases_with_stride, _conv_advice
)

CONV = Exercise(
    {
        "dx": Stage("dx, so that <f(x), u> = <x, dx>:", _dx, _DX, adjoint_law("x", "dx", _y)),
        "dw": Stage("dw, so that <f(x), u> = <weight, dw>:", _dw, _DW, adjoint_law("weight", "dw", _y)),
    },
    _conv_cases,
    _conv_advice,
)
