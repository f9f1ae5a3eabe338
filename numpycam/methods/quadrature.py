"""A proven bound for the error that the midpoint rule makes in integrated gradients, for each pixel.

The rule uses the gradient at the middle of a step. Interval arithmetic bounds every gradient that can occur in it.

1. Forwards: find the interval in which the input of each layer stays. It tells which gates of a ReLU can be open, and
   which cells can win a max pool.
2. Backwards: find the interval in which the gradient stays. If nothing switches within the step, the interval is a
   single number, and the rule is exact.

>>> from numpycam import worked_example
>>> from numpycam.methods import integrated_gradients
>>> network, image = worked_example.network("conv"), worked_example.IMAGE
>>> cat_not_elephant = Difference({0: 1, 1: -1})
>>> exact = integrated_gradients(network, image, cat_not_elephant, baseline=1).weighted_sum
>>> for steps in (10, 100):
...     error = integrated_gradients(network, image, cat_not_elephant, baseline=1, steps=steps).weighted_sum - exact
...     bound = midpoint_error(network, image, cat_not_elephant, baseline=1, steps=steps)
...     print(f"{steps:3} steps: {float(abs(error).max()):.2f} off, at most {float(bound.max()):.2f}")
 10 steps: 0.57 off, at most 3.20
100 steps: 0.02 off, at most 0.32
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numpycam.core.arguments import as_class_indices, as_int, check_scores
from numpycam.core.arrays import Array, zero_of, zeros
from numpycam.core.base import Layer
from numpycam.core.layers import Linear
from numpycam.core.network import Network
from numpycam.interventions import blanked
from numpycam.path import as_one_image, check_piecewise_linear
from numpycam.targets import Difference

Interval = tuple[Array, Array]


def midpoint_error(
    network: Network,
    image: ArrayLike,
    class_index: int | Difference | None = None,
    *,
    baseline: ArrayLike = 0,
    steps: int,
    batch_size: int = 32,
) -> Array:
    """Return a bound for the error of integrated gradients by the midpoint rule, pixel by pixel.

    bound = (|x - x'| / steps) · Σ over the steps of max |g - g_mid|

    g_mid is the gradient in the middle of a step. g is any gradient that interval arithmetic does not exclude in the
    step. The bound falls about as 1/steps. It is usually far larger than the error.

    Parameters
    ----------
    network : Network
        Each layer is affine or takes a maximum, as all of numpycam's own layers do.
    image : array, shape (C, H, W)
        x.
    class_index : int or Difference, optional
        If not given, the class with the highest score at the image.
    baseline : number or array, default 0
        x', as for :func:`numpycam.interventions.erase`.
    steps : int
        How many steps of equal length the midpoint rule takes from x' to x.
    batch_size : int, default 32
        How many steps are computed at once.

    Returns
    -------
    array, shape (C, H, W)
        Exact for Fractions; for floats the bound itself is rounded.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, or a layer does not say that it is affine or takes a maximum.
    """
    end = as_one_image("image", image, network)
    start = blanked(end, baseline)
    count, size = as_int("steps", steps, 1), as_int("batch_size", batch_size, 1)
    network, class_index = linear_score(network, class_index, end.shape)
    scores = network(end[None])
    one_hot = zeros(scores.shape, like=scores)
    one_hot[0, as_class_indices(class_index, scores, is_batch=False)] += 1
    check_piecewise_linear("the bound", network, end[None])
    block = next((name for name, layer in network.row if layer.ways is not None), None)
    if block is not None:
        raise TypeError(f"the bound needs layers in one row, but {block!r} has two ways: leave steps out, or use path.")
    layers = [layer for _, layer in network.row]
    total = zeros(end.shape, like=end)
    for first in range(0, count, size):
        points = line(start, end, 2 * np.arange(first, min(first + size, count) + 1), 2 * count)
        middles = line(start, end, 2 * np.arange(first, min(first + size, count)) + 1, 2 * count)
        outputs = one_hot.repeat(len(middles), axis=0)
        gradient = network.backward(outputs, middles)
        low, high = _gradients(layers, [*_inputs(layers, points[:-1], points[1:])], outputs)
        total = total + np.maximum(high - gradient, gradient - low).sum(axis=0)
    return np.abs(end - start) * total / count


def line(start: Array, end: Array, part: Any, whole: int) -> Array:  # (C, H, W), (n,) -> (n, C, H, W)
    """Return the points start + (part / whole) · (end - start), for integers part and whole."""
    t = ((zero_of(end) + part) / whole).astype(end.dtype)
    return start + t[:, None, None, None] * (end - start)


def linear_score(network: Network, target: Any, image_shape: tuple[int, ...]) -> tuple[Network, Any]:
    """Return a network, and which of its scores is the target. A Difference becomes a further layer with one score."""
    if not isinstance(target, Difference) or type(target).__call__ is not Difference.__call__:
        return network, target  # also a subclass of Difference that computes something else
    shape = network.output_shape((1, *image_shape))
    check_scores(shape)
    scores = zeros(shape, like=np.empty(0, network.dtype))
    return Network([("scores", network), ("target", Linear(target(scores)[1]))]), 0


def _inputs(layers: list[Layer], start: Array, end: Array) -> Iterator[Interval]:
    """Yield, for each layer, the interval in which its input stays on the way from start to end."""
    low, high, still_linear = np.minimum(start, end), np.maximum(start, end), True
    for layer in layers:
        yield low, high
        affine = layer.affine(low.shape)
        still_linear &= affine is not None
        if still_linear:
            start, end = layer.forward(start), layer.forward(end)
            low, high = np.minimum(start, end), np.maximum(start, end)
        elif affine is not None:
            middle, radius = layer.forward((low + high) / 2), affine.absolute.forward((high - low) / 2)
            low, high = middle - radius, middle + radius
        else:  # if the values rise, their maximum does not fall
            low, high = layer.forward(low), layer.forward(high)


def _gradients(layers: list[Layer], inputs: list[Interval], grad_output: Array) -> Interval:
    """Return the interval in which the gradient by the image stays, given the intervals of all layers' inputs."""
    low = high = grad_output
    for layer, (least, most) in zip(reversed(layers), reversed(inputs), strict=True):
        affine, window = layer.affine(least.shape), layer.sees()
        lowest_rivals, highest_rivals = layer.rivals(least), layer.rivals(most)
        if affine is not None:
            middle = layer.backward((low + high) / 2, least)
            radius = affine.absolute.backward((high - low) / 2, least)
            low, high = middle - radius, middle + radius
        elif lowest_rivals is None or highest_rivals is None:
            raise TypeError(f"the bound needs to know of what {layer!r} takes the maximum.")
        elif np.array_equal(highest_rivals, np.stack([most, zeros(most.shape, like=most)])):  # the gate of a ReLU
            low, high = _through_gate(low, high, least > 0, most > 0)
        elif window is None or not np.array_equal(highest_rivals, np.stack([*window.taps(most, mode="edge")])):
            raise TypeError(
                f"the bound needs a maximum of x and 0, or of the cells of a window, and {layer!r} has another."
            )
        else:
            real = window.taps(np.ones(least.shape[2:], dtype=bool))  # False in the border
            may_win = highest_rivals >= lowest_rivals.max(axis=0)  # (rivals, N, C, H', W')
            can_win = may_win & np.array([*real])[:, None, None]
            pieces = [_through_gate(low, high, wins & (can_win.sum(axis=0) == 1), wins) for wins in can_win]
            low, high = (window.scatter(side, least.shape, like=least) for side in zip(*pieces, strict=True))
    return low, high


def _through_gate(low: Array, high: Array, is_open: Array, may_open: Array) -> Interval:
    """Return the interval of a gradient after a gate that is open, may be open, or is shut."""
    zero = zero_of(low)
    return (
        np.where(is_open, low, np.where(may_open, np.minimum(low, zero), zero)),
        np.where(is_open, high, np.where(may_open, np.maximum(high, zero), zero)),
    )
