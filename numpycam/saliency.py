"""The methods at the image's own resolution: what each pixel does to the score.

They are called as those of ``numpycam.methods``, and their layer is "input": the feature maps are the image's channels,
the gradient maps those of the image. (Guided Grad-CAM and FullGrad look at other layers, too.)

>>> from numpycam import worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> explanation = gradient_times_input(network, image, 0)
>>> print(explanation.weighted_sum.sum(), "=", explanation.score)  # complete: no layer has a bias
143/5 = 143/5
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numpycam.gradcam import Look, evaluate, grad_cam, look
from numpycam.interventions import flat, path
from numpycam.layers import Conv2d, Layer, ReLU
from numpycam.method import method, weights_cells
from numpycam.network import Network
from numpycam.resize import resize
from numpycam.validation import Array, as_int, sum_of, zeros

_relu = ReLU().forward


@method(
    "gradient",
    r"\sum_c \Big|\frac{\partial y}{\partial x_c}\Big|",
    "Simonyan, Vedaldi and Zisserman, Deep Inside Convolutional Networks, ICLR Workshop 2014, section 3.1",
    layer="input",
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
    "Shrikumar et al., Not Just a Black Box, 2016 (arXiv 1605.01713), section 2.2",
    layer="input",
)
@weights_cells
def gradient_times_input(image: Array, gradients: Array) -> Array:
    """HiResCAM at the image: where no layer has a bias it sums to the score, pixel by pixel."""
    return gradients * image


@method(
    "SmoothGrad",
    r"\sum_c \Big|\frac{1}{n} \sum_{m=1}^n \frac{\partial y}{\partial x_c}(x + \varepsilon_m)\Big|",
    "Smilkov et al., SmoothGrad, 2017 (arXiv 1706.03825), section 3",
    needs="forward passes",
    is_exact=False,
    layer="input",
)
def smooth_grad(
    seen: Look,
    *,
    samples: int = 25,
    sigma: float = 0.15,
    seed: int = 0,
    batch_size: int = 32,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> tuple[None, Array]:
    """L is the gradient's, of the mean of the gradients at noisy copies of the image.

    The noise ε is normal, ``sigma`` times as wide as the image's range. Within one linear piece of the network it
    changes nothing.
    """
    count, step, means = as_int("samples", samples, 1), as_int("batch_size", batch_size, 1), []
    for image, target in zip(seen.image, seen.class_index, strict=True):
        noise = np.random.default_rng(seed).standard_normal((count, *image.shape)).astype(image.dtype)
        noisy, total = image + sigma * np.ptp(image) * noise, np.zeros_like(image)
        for first in progress(range(0, count, step)):
            total += _gradients(seen.network, noisy[first : first + step], target).sum(axis=0)
        means.append(total / count)
    return None, np.abs(means)


def _gradients(network: Network, images: Array, target: Any) -> Array:
    classes = target if callable(target) else [int(target)] * len(images)
    return look(network, images, classes, "input").gradients


@method(
    "integrated gradients",
    r"\sum_c (x_c - x'_c) \odot \int_0^1 \frac{\partial y}{\partial x_c}\big(x' + t\,(x - x')\big)\, dt",
    "Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML 2017, equation 1",
    needs="forward passes",
    layer="input",
)
def integrated_gradients(
    seen: Look, *, baseline: ArrayLike = 0, steps: int | None = None, batch_size: int = 32
) -> tuple[None, Array]:
    """L is made of the gradient's average along the straight line from the baseline x', and sums to y(x) - y(x').

    Exactly, with every kink on the way (see :func:`numpycam.interventions.path`); or, if ``steps`` are given, by the
    midpoint rule in so many steps. Then |Σ L - (y(x) - y(x'))| tells how far off it is.
    """
    found = []
    for image, target in zip(seen.image, seen.class_index, strict=True):
        start = np.broadcast_to(np.asarray(baseline, image.dtype), image.shape)
        if steps is None:
            if callable(target):
                raise TypeError("the exact path follows the score of a class: for another target pass steps.")
            found.append(path(seen.network, start, image, int(target)).integrated_gradients)
            continue
        count, step = as_int("steps", steps, 1), as_int("batch_size", batch_size, 1)
        total = zeros(image.shape, like=image)
        for first in range(0, count, step):
            t = ((np.arange(first, min(first + step, count)) + 0.5) / count).astype(image.dtype)[:, None, None, None]
            total = total + _gradients(seen.network, start + t * (image - start), target).sum(axis=0)
        found.append((image - start) * total / count)
    return None, np.array(found)


@method(
    "guided backprop",
    r"\sum_c \text{gradient of } y \text{ by } x_c \text{ with each ReLU's incoming gradient cut off at } 0",
    "Springenberg et al., Striving for Simplicity, ICLR Workshop 2015, section 3.4",
    needs="gradients at every layer",
    layer="input",
)
def guided_backprop(seen: Look) -> tuple[None, Array]:
    """Backpropagation that lets no negative gradient through a ReLU. It is no gradient of anything."""
    return None, _guided(seen)


@method(
    "Guided Grad-CAM",
    r"\sum_c \text{guided backprop}_c \odot L_{\text{Grad-CAM}} \text{ resized}",
    "Selvaraju et al., Grad-CAM, ICCV 2017, section 3.2",
    needs="gradients at every layer",
    layer="input",
)
def guided_grad_cam(seen: Look, *, cam_layer: str | None = None) -> tuple[None, Array]:
    """Guided backprop where Grad-CAM's map, of ``cam_layer`` or the layer of :func:`numpycam.grad_cam`, is not zero."""
    explanation = grad_cam(seen.network, seen.image, _targets(seen), cam_layer)
    heat = resize(explanation.localization_map, seen.image.shape[2:])
    return None, _guided(seen) * heat[:, None]


@method(
    "FullGrad",
    r"\sum_c |\partial y / \partial x_c \odot x_c| + \sum_{l,o} |\partial y / \partial z^l_o\; b^l_o| \text{ resized}",
    "Srinivas and Fleuret, Full-Gradient Representation for Neural Network Visualization, NeurIPS 2019, equation 8",
    needs="gradients at every layer",
    layer="input",
)
def full_grad(seen: Look) -> tuple[None, Array]:
    """L has the sizes of what the image and the biases of each convolution l contribute, a map for each.

    The contributions themselves, with those of the biases of Linear layers, sum to the score: that is complete. Here,
    as in the paper, absolute values are taken and maps are resized, and Linear layers have no place in the picture: so
    this sums to no score. (The paper also scales each map to 0 … 1 first; here nothing is scaled.)
    """
    maps = [sum_of(np.abs(seen.gradients * seen.image), axis=1)]
    for layer, grad_output in _backward(seen):
        if isinstance(layer, Conv2d) and layer.bias is not None:
            of_bias = np.abs(grad_output * layer.bias[:, None, None])  # (N, O, H', W')
            maps.append(resize(sum_of(of_bias, axis=1), seen.image.shape[2:]))
    return None, np.stack(maps, axis=1)


def _targets(seen: Look) -> Any:
    """Return the class of each image, or the one target of all."""
    return seen.class_index[0] if seen.class_index.dtype == object else seen.class_index


def _guided(seen: Look) -> Array:
    *_, (_, gradient_of_image) = _backward(seen, guided=True)
    return gradient_of_image


def _backward(seen: Look, guided: bool = False) -> Iterator[tuple[Layer | None, Array]]:
    """Yield each layer with the gradient at its output, from the last to the first, and None with that of the image."""
    layers = [layer for _, layer in flat(seen.network)]
    *inputs, scores = accumulate(layers, lambda x, layer: layer.forward(x), initial=seen.image)
    gradient = evaluate(_targets(seen), scores)[2]
    for layer, x in zip(reversed(layers), reversed(inputs), strict=True):
        if guided and isinstance(layer, ReLU):
            gradient = _relu(gradient)
        yield layer, gradient
        gradient = layer.backward(gradient, x)
    yield None, gradient
