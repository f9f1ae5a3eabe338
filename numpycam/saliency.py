"""The methods at the image's own resolution: what each pixel does to the score.

They are called as those of ``numpycam.methods``, and their layer is "input": the feature maps are the image's channels,
the gradient maps those of the image. (Guided Grad-CAM and FullGrad look at other layers, too.)

>>> from numpycam import worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> explanation = gradient_times_input(network, image, 0)
>>> print(explanation.weighted_sum.sum(), "=", explanation.score)  # complete: no layer has a bias
143/5 = 143/5
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate
from typing import Any
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike

from numpycam.gradcam import Look, evaluate, grad_cam, target_layer_of
from numpycam.interventions import TooManyKinksError, erase, flat, path
from numpycam.layers import Conv2d, Layer, ReLU
from numpycam.method import method, weights_cells
from numpycam.network import Network
from numpycam.perturbation import Progress, batches
from numpycam.quadrature import line, linear_score
from numpycam.resize import resize
from numpycam.validation import Array, as_array, as_int, check_shape, sum_of, zeros


@method(
    "gradient",
    r"\sum_c \Big\lvert \frac{\partial y}{\partial x_c} \Big\rvert",
    "Simonyan, Vedaldi and Zisserman, Deep Inside Convolutional Networks, ICLR Workshop 2014, section 3.1",
    layer="input",
    properties=("class-sensitive", "mixing", "scaling"),
)
@weights_cells
def gradient(image: Array, gradients: Array) -> Array:
    """How much the score changes with each pixel, in either direction: the sum over the channels.

    The paper takes the largest channel. For a grey picture that is the same.
    """
    return np.abs(gradients)


@method(
    "gradient × input",
    r"\sum_c \frac{\partial y}{\partial x_c} \odot x_c",
    "Shrikumar et al., Not Just a Black Box, 2016 (arXiv 1605.01713)",
    layer="input",
    properties=("complete", "class-sensitive", "signed", "mixing", "scaling"),
)
@weights_cells
def gradient_times_input(image: Array, gradients: Array) -> Array:
    """HiResCAM at the image: where no layer has a bias it sums to the score, pixel by pixel."""
    return gradients * image


@method(
    "SmoothGrad",
    r"\sum_c \Big\lvert \frac{1}{n} \sum_{m=1}^n \frac{\partial y}{\partial x_c}(x + \varepsilon_m) \Big\rvert",
    "Smilkov et al., SmoothGrad, 2017 (arXiv 1706.03825), section 2.2",
    needs="further runs",
    is_exact=False,
    layer="input",
    properties=("class-sensitive", "mixing", "scaling"),
)
def smooth_grad(
    seen: Look,
    *,
    samples: int = 25,
    sigma: float = 0.15,
    seed: int = 0,
    batch_size: int = 32,
    progress: Progress = iter,
) -> tuple[None, Array]:
    """L is that of ``gradient``, with the mean of the gradients at noisy copies of the image.

    The noise ε is normal, ``sigma`` times as wide as the image's range, from the same draws for each image of a batch.
    Within one linear piece of the network it changes nothing. A constant image has no range and so gets no noise: its
    map is that of the gradient.
    """
    images, count, seed = seen.image, as_int("samples", samples, 1), as_int("seed", seed, 0)
    width = as_array("sigma", sigma, dtype=images.dtype)
    check_shape("sigma", width, ())
    if width < 0:
        raise ValueError(f"sigma must be >= 0, got {sigma}.")
    draws = [np.random.default_rng(seed) for _ in images]

    def noisy(n: int, first: int, last: int) -> Array:
        noise = draws[n].standard_normal((last - first, *images.shape[1:])).astype(images.dtype)
        return images[n] + float(width) * np.ptp(images[n]) * noise

    return None, np.abs(_mean_gradients(seen, noisy, count, batch_size, progress))


def _mean_gradients(
    seen: Look, inputs: Callable[[int, int, int], Array], count: int, batch_size: int, progress: Progress
) -> Array:  # (N, C, H, W)
    """Return the mean gradient of ``count`` changed copies of each image n: ``inputs(n, first, last)`` are some."""
    total = zeros(seen.image.shape, like=seen.gradients)
    for n, first, last in batches(len(seen.image), count, batch_size, progress):
        activations = seen.network.activations(inputs(n, first, last))
        *_, scores = activations.values()
        grad_scores = evaluate(seen.class_index[n], scores)[2]
        total[n] += seen.network.gradients(activations, grad_scores)["input"].sum(axis=0)
    return total / count


@method(
    "integrated gradients",
    r"\sum_c (x_c - x'_c) \odot \int_0^1 \frac{\partial y}{\partial x_c}\big(x' + t (x - x')\big) \thinspace dt",
    "Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML 2017",
    needs="further runs",
    layer="input",
    properties=("complete", "class-sensitive", "signed", "mixing", "scaling"),
)
def integrated_gradients(
    seen: Look,
    *,
    baseline: ArrayLike = 0,
    steps: int | None = None,
    max_kinks: int = 50,
    batch_size: int = 32,
    progress: Progress = iter,
) -> tuple[None, Array]:
    """L is made of the gradient's average along the straight line from the baseline x', and sums to y(x) - y(x').

    Exactly, if the line has no more than ``max_kinks`` (see :func:`numpycam.interventions.path`); 50 take about a
    second for a picture of 32 × 32. If it has more, or if ``steps`` are given, by the midpoint rule: the gradient in
    the middle of each of so many equal steps, or of 256. In the former case a warning says by how much the sum misses
    y(x) - y(x'). How far off a single pixel can be, :func:`numpycam.quadrature.midpoint_error` tells.

    Raises
    ------
    TypeError
        If no steps are given and the score is not piecewise linear: if the target is neither a class nor a
        :class:`numpycam.targets.Difference`, or a layer is not numpycam's.
    """
    images, count = seen.image, 256 if steps is None else as_int("steps", steps, 1)
    batch_size = as_int("batch_size", batch_size, 1)  # even if the exact path needs no batches
    starts, maps = erase(images, (slice(None), slice(None)), baseline), zeros(images.shape, like=seen.gradients)
    left = []  # the images that the exact path is not for
    for n in range(len(images)):
        exact = _along_the_path(seen, n, starts[n], max_kinks) if steps is None else None
        if exact is None:
            left.append(n)
        else:
            maps[n] = exact
    if not left:
        return None, maps

    def middles(n: int, first: int, last: int) -> Array:
        return line(starts[left[n]], images[left[n]], 2 * np.arange(first, last) + 1, 2 * count)

    some = seen._replace(image=images[left], class_index=seen.class_index[left])
    maps[left] = (images - starts)[left] * _mean_gradients(some, middles, count, batch_size, progress)
    if steps is None:
        before = [evaluate(seen.class_index[n], seen.network(starts[n][None]))[1][0] for n in left]
        gap = np.abs(sum_of(maps[left], axis=(1, 2, 3)) - (seen.score[left] - before)).max()
        warn(
            f"integrated gradients are by the midpoint rule, as the line has more than max_kinks = {max_kinks}; "
            f"in {count} steps their sum is off by {float(gap):.2g}. For more steps pass steps.",
            stacklevel=4,
        )
    return None, maps


def _along_the_path(seen: Look, n: int, start: Array, max_kinks: int) -> Array | None:
    """Return the exact integrated gradients of image n; None if the line has too many kinks, or NaN or infinity."""
    image, (network, c) = seen.image[n], linear_score(seen.network, seen.class_index[n], seen.image.shape[1:])
    if callable(c):
        raise TypeError(f"the exact path needs a class or a Difference, not {type(c).__name__}: pass steps.")
    if image.dtype != object and not np.isfinite(image).all():
        return None
    try:
        return path(network, start, image, c, max_kinks=max_kinks).integrated_gradients
    except TooManyKinksError:
        return None


class _GuidedReLU(ReLU):
    """A ReLU whose backward pass cuts off the incoming gradient at 0, too."""

    def backward(self, grad_output: Array, x: Array) -> Array:  # (..., H, W), (..., H, W) -> (..., H, W)
        return super().backward(self.forward(grad_output), x)


def _guided(network: Network) -> Network:
    """Return the network with such a ReLU in the place of each."""

    def guided(layer: Layer) -> Layer:
        return _GuidedReLU() if isinstance(layer, ReLU) else _guided(layer) if isinstance(layer, Network) else layer

    return replace(network, layers=[(name, guided(layer)) for name, layer in network.layers])


@method(
    "guided backprop",
    r"\sum_c \text{gradient of } y \text{ by } x_c \text{ with each ReLU's incoming gradient cut off at } 0",
    "Springenberg et al., Striving for Simplicity, ICLR Workshop 2015",
    needs="gradients at every layer",
    layer="input",
    properties=("class-sensitive", "signed", "mixing", "scaling"),
    through=_guided,
)
@weights_cells
def guided_backprop(image: Array, gradients: Array) -> Array:
    """Backpropagation that lets no negative gradient through a ReLU. It is no gradient of anything.

    What comes of it also stands in the explanation's ``gradients``.
    """
    return gradients


@method(
    "Guided Grad-CAM",
    r"\sum_c \text{guided backprop}_c \odot L_{\text{Grad-CAM}} \text{ resized}",
    "Selvaraju et al., Grad-CAM, ICCV 2017, section 3.2",
    needs="gradients at every layer",
    layer="input",
    properties=("class-sensitive", "signed", "mixing", "scaling"),
    through=_guided,
)
def guided_grad_cam(seen: Look, *, cam_layer: str | None = None) -> tuple[None, Array]:
    """Guided backprop times Grad-CAM's map, which is of ``cam_layer``, by default that of :func:`numpycam.grad_cam`."""
    cam_layer = target_layer_of(seen.network, "cam_layer") if cam_layer is None else cam_layer
    explanation = grad_cam(seen.network, seen.image, _targets(seen), cam_layer, check_finite=False)
    heat = resize(explanation.localization_map, seen.image.shape[2:])
    return None, seen.gradients * heat[:, None]


@method(
    "FullGrad",
    r"\sum_c \lvert \partial y / \partial x_c \odot x_c \rvert "
    r"+ \sum_{l,o} \lvert \partial y / \partial z^l_o \thinspace b^l_o \rvert \text{ resized}",
    "Srinivas and Fleuret, Full-Gradient Representation for Neural Network Visualization, NeurIPS 2019",
    needs="gradients at every layer",
    layer="input",
    properties=("class-sensitive", "mixing", "scaling"),
)
def full_grad(seen: Look) -> tuple[None, Array]:
    """L is how much the image and the biases of each convolution l contribute, by size: a map for each, in this order.

    The contributions themselves, with those of the biases of Linear layers, sum to the score: that is complete. Here,
    as in the paper, absolute values are taken and maps are resized, and Linear layers have no place in the picture: so
    this sums to no score. (The paper also scales to 0 … 1 before it adds; here nothing is scaled.)
    """
    maps = [sum_of(np.abs(seen.gradients * seen.image), axis=1)]
    for layer, grad_output in reversed([*_backward(seen)]):
        if isinstance(layer, Conv2d) and layer.bias is not None:
            of_bias = np.abs(grad_output * layer.bias[:, None, None])  # (N, O, H', W')
            maps.append(resize(sum_of(of_bias, axis=1), seen.image.shape[2:]))
    return None, np.stack(maps, axis=1)


def _targets(seen: Look) -> Any:
    """Return the class of each image, or the one target of all."""
    return seen.class_index[0] if seen.class_index.dtype == object and len(seen.class_index) else seen.class_index


def _backward(seen: Look) -> Iterator[tuple[Layer, Array]]:
    """Yield each layer with the gradient at its output, from the last to the first."""
    layers = [layer for _, layer in flat(seen.network)]
    *inputs, scores = accumulate(layers, lambda x, layer: layer.forward(x), initial=seen.image)
    gradient = evaluate(_targets(seen), scores)[2]
    for layer, x in zip(reversed(layers), reversed(inputs), strict=True):
        yield layer, gradient
        gradient = layer.backward(gradient, x)
