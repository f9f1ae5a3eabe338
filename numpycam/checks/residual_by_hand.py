"""The checks of notebook 03, section 8: the residual block, and a twin of it that has no shortcut."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from numpycam.checks.compare import Exercise, Inputs, Mistakes, Stage, array_as_text, check, check_shape
from numpycam.checks.maps import generator, thirds
from numpycam.checks.results import CheckFailed, Result
from numpycam.checks.sides import adjoint_law
from numpycam.core.arrays import Array, Pair, Shape, relu, zero_of, zeros
from numpycam.core.base import Layer
from numpycam.core.layers import Conv2d, Flatten, Linear, ReLU
from numpycam.core.residual import Residual
from numpycam.exact import as_fractions
from numpycam.gradcam import grad_cam
from numpycam.network import Network


def check_residual_backward(answer: Callable[[Array, Array, Network], Any], *, variant: int = 0) -> Result:
    """Check a function that passes a gradient back through a residual block, y = body(x) + x.

    Parameters
    ----------
    answer : callable
        ``answer(u, x, body)`` takes u = ds/dy and the input x, two arrays of Fractions of shape (N, C, H, W), and the
        body, a Network. It returns ds/dx.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the result is not exactly right.
    """
    result = check(RESIDUAL, answer, variant)
    return result.told(
        f"dx is exactly right, on {result.cases} blocks: what comes by the body and what comes by the shortcut add up."
    )


def check_twin(answer: Callable[[Array, Array], tuple[Any, Any]], *, variant: int = 0) -> Result:
    """Check a function that makes two plain convolutions of a residual block behind a ReLU.

    Parameters
    ----------
    answer : callable
        ``answer(w1, w2)`` takes the weights of the block y = conv2(ReLU(conv1(x))) + x, two arrays of Fractions of
        shapes (M, C, KH, KW) and (C, M, KH', KW'). Every kernel has an odd height and width, and a padding with which
        the maps keep their size. It returns ``(first, second)`` of shapes (M + C, C, KH, KW) and (C, M + C, KH', KW').
        For every x without negative numbers, second(ReLU(first(x))) should be y.
    variant : int, default 0
        Which numbers are drawn: 0 are those of the notebook.

    Returns
    -------
    Result
        The points, for a grader.

    Raises
    ------
    CheckFailed
        If the twin has another y than the block.
    """
    result = check(TWIN, answer, variant)
    at_the_sum, before = (
        sum(_explains_alike(case, *answer(*case.values()), *layers) for case in TWIN.cases(variant))
        for layers in (("block", "second"), ("before", "before"))
    )
    return result.told(
        f"The twin has the block's scores, exactly, on {result.cases} blocks. At the sum Grad-CAM is the same on "
        f"{at_the_sum} of them, at the ReLU before on {before}. Why?"
    )


# --- The gradient of a block ----------------------------------------------------------------------------


class _Body(Network):
    """conv2(ReLU(conv1(x))), written in one line: with its weights, if they are few."""

    def __repr__(self) -> str:
        weights = self["conv1"].parameters["weight"], self["conv2"].parameters["weight"]
        if all(weight.size == 1 for weight in weights):
            return f"{weights[1].item()} · ReLU({weights[0].item()} · x)"
        return " and ".join(f"conv{n} with a weight of shape {weight.shape}" for n, weight in enumerate(weights, 1))


def _conv(weight: Array) -> Conv2d:
    """Return a convolution with which maps keep their size."""
    height, width = weight.shape[2:]
    return Conv2d(weight, padding=(height // 2, width // 2))


def _body(w1: Array, w2: Array) -> Network:
    return _Body([("conv1", _conv(w1)), ("relu", ReLU()), ("conv2", _conv(w2))])


def _residual_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield u, x and a body. The first block computes |x|; the others are drawn. No map is square."""
    u, x = as_fractions([[[[1, 10, 100], [2, 20, 200]]]]), as_fractions([[[[2, -1, 0], [-3, 1, -2]]]])
    yield {"u": u, "x": x, "body": _body(as_fractions([[[[-1]]]]), as_fractions([[[[2]]]]))}
    rng = generator(variant)
    for x_shape, middle, size in (
        ((1, 1, 2, 3), 1, (1, 1)),
        ((1, 1, 2, 4), 2, (1, 3)),
        ((2, 2, 4, 3), 3, (3, 1)),
    ):
        channels = x_shape[1]
        w1, w2 = thirds(rng, -4, 4, (middle, channels, *size)), thirds(rng, -4, 4, (channels, middle, *size))
        yield {"u": thirds(rng, 1, 5, x_shape), "x": thirds(rng, -4, 4, x_shape), "body": _body(w1, w2)}


def _y(u: Array, x: Array, body: Network) -> Array:
    return Residual(body).forward(x)


def _dx(u: Array, x: Array, body: Network) -> Array:
    return Residual(body).backward(u, x)


def _by_body(u: Array, x: Array, body: Network) -> Array:
    return body.backward(u, x)


_RESIDUAL: Mistakes = [
    (_by_body, "The shortcut is missing: x goes past the body, too, and by this way u comes back as it is. Add it."),
    (lambda u, x, body: u, "The body is missing: add what comes back through it, body.backward(u, x)."),
    (lambda u, x, body: body.backward(u, _y(u, x, body)) + u,
     "You ask the body at y. Its gates depend on what went into it, and that is x: body.backward(u, x)."),
    (lambda u, x, body: body.backward(u, body(x)) + u,
     "You ask the body at its own output. Its gates depend on what went into it, and that is x: body.backward(u, x)."),
    (lambda u, x, body: body.backward(x, u) + u, "u and x are exchanged: body.backward(u, x)."),
    (lambda u, x, body: 2 * _dx(u, x, body),
     "Twice too much: behind the sum are two ways, but each of them gets u, and not 2 u."),
    (lambda u, x, body: _dx(u, x, body) / 2,
     "That is the mean of the two ways, or u was shared between them. Each way gets all of u, and then they add up."),
    (lambda u, x, body: _by_body(u, x, body) + 2 * u, "The shortcut is there twice: add u once."),
    (lambda u, x, body: 2 * _by_body(u, x, body) + u, "The body is there twice: add body.backward(u, x) once."),
    (lambda u, x, body: _by_body(u, x, body) + x, "You add x, as on the way forward. On the way back, add u."),
    (lambda u, x, body: _by_body(u, x, body) + 1,
     "1 is the slope of the shortcut. What comes back by it is 1 · u: add u."),
    (lambda u, x, body: _by_body(u, x, body) + np.where(x > 0, u, zero_of(u)),
     "Your shortcut has a gate: no ReLU is on it, so u comes back everywhere."),
    (lambda u, x, body: _by_body(u, x, body) - u, "There is a minus: the two ways add up."),
    (lambda u, x, body: u - _by_body(u, x, body), "There is a minus: the two ways add up."),
    (lambda u, x, body: _by_body(u, x, body) * u,
     "You multiply. Slopes multiply along one way, from layer to layer; two ways beside each other add up."),
    (lambda u, x, body: np.stack([_by_body(u, x, body), u]), "These are the two ways, one beside the other: add them."),
    (_y, "That is y, the forward pass: body.backward is the way back."),
    (lambda u, x, body: _y(x, u, body), "You send u forward through the body: body.backward(u, x) is the way back."),
]  # fmt: skip


def _residual_advice(error: Exception) -> str:
    return "(The body wants u and what went into it: body.backward(u, x).)" if isinstance(error, TypeError) else ""


RESIDUAL = Exercise(
    {"dx": Stage("dx = ds/dx of y = body(x) + x:", _dx, _RESIDUAL, adjoint_law("x", "dx", _y))},
    _residual_cases,
    _residual_advice,
    may_call=("network", "core.network", "core.base"),
)


# --- The twin -------------------------------------------------------------------------------------------


def _twin_cases(variant: int = 0) -> Iterator[Inputs]:
    """Yield w1 and w2: a small block in whole numbers, then drawn ones. Their kernels differ in size."""
    yield {"w1": as_fractions([[[[1, 2, -1]]]]), "w2": as_fractions([[[[3]]]])}
    rng = generator(variant)
    for channels, middle, size, other in (
        (2, 3, (3, 1), (1, 3)),
        (2, 2, (1, 1), (3, 5)),
        (1, 2, (3, 5), (3, 1)),
        (3, 1, (1, 3), (3, 3)),
    ):
        w1, w2 = thirds(rng, -4, 4, (middle, channels, *size)), thirds(rng, -4, 4, (channels, middle, *other))
        yield {"w1": w1, "w2": w2}


def _image(channels: int) -> Array:  # -> (C, 2, 3)
    """Return what goes into the ReLU before the block. If it has one channel, no cell is 0 after it; else some are."""
    if channels == 1:
        return as_fractions([[[1, 3, 2], [4, 1, 2]]])
    return thirds(np.random.default_rng(2016), -4, 4, (channels, 2, 3))


def _maps_of_twin(inputs: Inputs, first: Array, second: Array) -> Sequence[Array]:
    """Return the twin's maps after its ReLU, and its sum.

    The maps may stand in another order, or have another scale. If the sum is the block's, the maps are taken for right.
    """
    w1, w2 = inputs["w1"], inputs["w2"]
    middle, channels = w1.shape[:2]
    check_shape("first", first, (middle + channels, *w1.shape[1:]), "(M + C, C, KH, KW)")
    check_shape("second", second, (channels, middle + channels, *w2.shape[2:]), "(C, M + C, KH', KW')")
    x = relu(_image(channels))[None]
    try:
        maps = relu(_conv(as_fractions(first))(x))
        total = _conv(as_fractions(second))(maps)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise CheckFailed(f"There is no twin with these weights: {error}") from None
    if (total == Residual(_body(w1, w2))(x)).all():
        maps = relu(_conv(_first(w1, w2))(x))
    return maps[0], total[0]


def _x_in_words(given: Array, inputs: Inputs) -> str:
    """Return what went into the twin: it is no argument of the answer."""
    return f"The x was\n{array_as_text(relu(_image(len(inputs['w2']))))}"


def _explains_alike(case: Inputs, first: Array, second: Array, layer: str, layer_of_twin: str) -> bool:
    """Whether the block and its twin have the same scores, and the same Grad-CAM there, before the last ReLU."""
    image = _image(len(case["w2"]))
    block = _between([("block", Residual(_body(*case.values())))], image.shape)
    plain = [("first", _conv(as_fractions(first))), ("relu", ReLU()), ("second", _conv(as_fractions(second)))]
    one = grad_cam(block, image, 0, layer)
    other = grad_cam(_between(plain, image.shape), image, 0, layer_of_twin)
    return bool(one.score == other.score and (one.weighted_sum == other.weighted_sum).all())


def _between(layers: Sequence[tuple[str, Layer]], shape: Shape) -> Network:
    """Return a network of a ReLU, these layers, another ReLU and a head with one score."""
    head = Linear(thirds(np.random.default_rng(2016), 1, 5, (1, int(np.prod(shape)))))
    return Network([("before", ReLU()), *layers, ("after", ReLU()), ("flatten", Flatten()), ("linear", head)])


Deltas = Callable[[int, Pair], Array]
"""deltas(C, (KH, KW)) are C kernels for C channels, (C, C, KH, KW)."""


def _deltas(channels: int, size: Pair) -> Array:
    """Return the kernels that pass each channel on as it is."""
    height, width = size
    return _ones_at(channels, size, (height // 2, width // 2))


def _ones_at(channels: int, size: Pair, place: tuple[Any, Any]) -> Array:
    """Return kernels with ones at this place of their own channel."""
    kernels = zeros((channels, channels, *size), like=as_fractions([0]))
    for channel in range(channels):
        kernels[channel, channel, *place] += 1
    return kernels


def _in_every_channel(channels: int, size: Pair) -> Array:
    return _deltas(channels, size).sum(axis=1, keepdims=True).repeat(channels, axis=1)


def _first_with(deltas: Deltas) -> Callable[[Array, Array], Array]:
    return lambda w1, w2: np.concatenate([w1, deltas(len(w2), w1.shape[2:])])


def _second_with(deltas: Deltas) -> Callable[[Array, Array], Array]:
    return lambda w1, w2: np.concatenate([w2, deltas(len(w2), w2.shape[2:])], axis=1)


_first, _second = _first_with(_deltas), _second_with(_deltas)

_KERNELS: list[tuple[Deltas, str]] = [
    (lambda c, size: _ones_at(c, size, (0, 0)),
     "The 1 of your {} is in the upper left corner, so it shifts the map: put it in the middle, {}."),
    (lambda c, size: _ones_at(c, size, (slice(None), slice(None))),
     "Your {} is full of ones, and adds up a whole window: a 1 in the middle, 0 elsewhere."),
    (_in_every_channel, "Your {} adds up all channels: kernel c has its 1 in channel c alone."),
    (lambda c, size: 0 * _deltas(c, size) + 1, "Your {} is full of ones: kernel c has a single 1, in channel c."),
]  # fmt: skip

_FIRST: Mistakes = [
    *((_first_with(deltas), hint.format("δ", "KH // 2 and KW // 2")) for deltas, hint in _KERNELS),
    (_first_with(lambda c, size: 0 * _deltas(c, size)),
     "The C new kernels are 0, so nothing of x comes through: each should pass one channel on."),
    (_first_with(lambda c, size: -_deltas(c, size)), "Your δ has a minus: −x does not pass the ReLU."),
    (lambda w1, w2: np.concatenate([_deltas(len(w2), w1.shape[2:]), w1]),
     "Your δ stands before W1, but second has the weights for it behind W2: take the same order in both."),
]  # fmt: skip

_SECOND: Mistakes = [
    *((_second_with(deltas), hint.format("S", "KH' // 2 and KW' // 2")) for deltas, hint in _KERNELS),
    (_second_with(lambda c, size: 0 * _deltas(c, size)),
     "The shortcut is missing: x has come through the ReLU, and now each of its channels is to be added."),
    (_second_with(lambda c, size: -_deltas(c, size)), "Your S has a minus: x is added."),
    (_second_with(lambda c, size: 2 * _deltas(c, size)), "x is added twice: the weights of S are 1."),
    (lambda w1, w2: _second(w1, w2) / 2, "That is the mean of the two ways: add them up."),
    (lambda w1, w2: np.concatenate([_deltas(len(w2), w2.shape[2:]), w2], axis=1),
     "Your S stands before W2, but first has its δ behind W1: take the same order in both."),
]  # fmt: skip


def _twin_advice(error: Exception) -> str:
    if isinstance(error, ValueError | IndexError):
        return (
            "(First: W1 and δ are joined along axis 0, the kernels. Second: W2 and S are joined along axis 1, the "
            "channels. δ has kernels as large as those of W1, S has kernels as large as those of W2.)"
        )
    return ""


TWIN = Exercise(
    {
        "first": Stage("first: after the ReLU its maps should be ReLU(W1 x), then x.", _first, _FIRST, _x_in_words),
        "second": Stage("second: the sum should be the block's, W2 ReLU(W1 x) + x.", _second, _SECOND, _x_in_words),
    },
    _twin_cases,
    _twin_advice,
    _maps_of_twin,
)
