"""How far integrated gradients by the midpoint rule can be from the truth: a bound for each pixel, proved, not guessed.

In each step the midpoint rule takes one gradient for all that occur between its ends. Which can occur there is found as
intervals: forwards, between which numbers the input of each layer stays; from there, which gates of a ReLU can be open
and which cells can win a max pool; backwards, between which numbers the gradient stays. In a step without a switch that
is one number, the gradient itself, and the rule is exact.

>>> from numpycam import worked_example
>>> from numpycam.saliency import integrated_gradients
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
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numpycam.interventions import as_one_image, erase, flat_piecewise_linear
from numpycam.layers import Conv2d, Layer, Linear, MaxPool2d, ReLU
from numpycam.network import Network
from numpycam.targets import Difference
from numpycam.validation import Array, as_class_indices, as_int, zero_of, zeros

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
    """Return by how much each pixel of integrated gradients in so many steps may differ from the exact one at most.

    Σ over the steps of |x - x'| / steps · max |g - g_mid|, where g_mid is the gradient in the middle of the step and g
    any that is possible in it. It falls about as 1/steps, and is mostly far more than the difference is.

    Parameters
    ----------
    network : Network
        Of the layers of numpycam: all of them are piecewise linear.
    image : array, shape (C, H, W)
    class_index : int or Difference, optional
        The class with the highest score at the image if not given.
    baseline : number or array, default 0
        x', as for :func:`numpycam.interventions.erase`.
    steps : int
    batch_size : int, default 32
        How many steps are computed at once.

    Returns
    -------
    array, shape (C, H, W)
        Up to the rounding of floats.

    Raises
    ------
    TypeError, ValueError
        If an argument is not of that kind, or a layer is not piecewise linear.
    """
    end = as_one_image("image", image, network)
    start = erase(end, (slice(None), slice(None)), baseline)
    count, size = as_int("steps", steps, 1), as_int("batch_size", batch_size, 1)
    network, class_index = linear_score(network, class_index, end.shape)
    scores = network(end[None])
    one_hot = zeros(scores.shape, like=scores)
    one_hot[0, as_class_indices(class_index, scores, is_batch=False)] += 1
    layers = [layer for _, layer in flat_piecewise_linear(network).layers]
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
    """Return the points start + part/whole · (end - start), for whole numbers."""
    t = ((zero_of(end) + part) / whole).astype(end.dtype)
    return start + t[:, None, None, None] * (end - start)


def linear_score(network: Network, target: Any, image_shape: tuple[int, ...]) -> tuple[Network, Any]:
    """Return a network one of whose scores is the target, a Difference being one more layer; and which of them."""
    if not isinstance(target, Difference):
        return network, target
    shape = network.output_shape((1, *image_shape))
    if len(shape) != 2:
        raise ValueError(f"the network's output must be scores (N, classes), got {shape}.")
    scores = zeros(shape, like=np.empty(0, network.dtype))
    return Network([("scores", network), ("target", Linear(target(scores)[1]))]), 0


def _inputs(layers: list[Layer], start: Array, end: Array) -> Iterator[Interval]:
    """Yield between which numbers the input of each layer stays on the way from start to end."""
    low, high, still_linear = np.minimum(start, end), np.maximum(start, end), True
    for layer in layers:
        yield low, high
        still_linear &= not isinstance(layer, ReLU | MaxPool2d)
        if still_linear:
            start, end = layer.forward(start), layer.forward(end)
            low, high = np.minimum(start, end), np.maximum(start, end)
        elif isinstance(layer, Conv2d | Linear):
            middle, radius = layer.forward((low + high) / 2), _sizes(layer).forward((high - low) / 2)
            low, high = middle - radius, middle + radius
        else:  # more in is not less out
            low, high = layer.forward(low), layer.forward(high)


def _gradients(layers: list[Layer], inputs: list[Interval], grad_output: Array) -> Interval:
    """Return between which numbers the gradient by the image stays, given the inputs of all layers."""
    low = high = grad_output
    for layer, (least, most) in zip(reversed(layers), reversed(inputs), strict=True):
        if isinstance(layer, ReLU):
            low, high = _either(low, high, least > 0, most > 0)
        elif isinstance(layer, MaxPool2d):
            real = layer.window.taps(np.ones(least.shape[2:], dtype=bool))  # False in the border
            rival = np.max([*layer.taps(least)], axis=0)
            can_win = np.array([(tap >= rival) & cell for tap, cell in zip(layer.taps(most), real, strict=True)])
            pieces = [_either(low, high, wins & (can_win.sum(axis=0) == 1), wins) for wins in can_win]
            low, high = (layer.window.scatter(side, least.shape, like=least) for side in zip(*pieces, strict=True))
        elif isinstance(layer, Conv2d | Linear):
            middle = layer.backward((low + high) / 2, least)
            radius = _sizes(layer).backward((high - low) / 2, least)
            low, high = middle - radius, middle + radius
        else:  # means and reshapes have no negative weights
            low, high = layer.backward(low, least), layer.backward(high, least)
    return low, high


def _either(low: Array, high: Array, must: Array, may: Array) -> Interval:
    """Return the interval of a gradient that must pass a gate, may, or does not."""
    zero = zero_of(low)
    return (
        np.where(must, low, np.where(may, np.minimum(low, zero), zero)),
        np.where(must, high, np.where(may, np.maximum(high, zero), zero)),
    )


def _sizes(layer: Conv2d | Linear) -> Layer:
    """Return the layer with the sizes of its weights, and no bias."""
    return replace(layer, weight=np.abs(layer.weight), bias=None)
