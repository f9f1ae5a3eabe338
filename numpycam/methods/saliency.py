"""The methods at the image's own resolution: what each pixel does to the score.

They are called like the CAMs. Their layer is "input": the feature maps are the image's channels, and the gradient maps
are dy/dx. (Guided Grad-CAM and FullGrad look at other layers, too.)

>>> from numpycam import worked_example
>>> network, image = worked_example.network(), worked_example.IMAGE
>>> explanation = gradient_times_input(network, image, 0)
>>> print(explanation.weighted_sum.sum(), "=", explanation.score)  # complete: no layer has a bias
143/5 = 143/5
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike

from numpycam.core.arguments import as_int, as_kind_of, as_rounded, as_seed, check_shape
from numpycam.core.arrays import Array, Shape, relu, sum_of, zeros
from numpycam.core.base import Layer
from numpycam.core.network import Network
from numpycam.core.steps import Evidence, score_of, target_layer_of
from numpycam.gradcam import grad_cam
from numpycam.interventions import blanked
from numpycam.methods.perturbation import batches
from numpycam.methods.quadrature import line, linear_score
from numpycam.methods.recipe import method
from numpycam.path import TooManyKinksError, check_piecewise_linear, path
from numpycam.progress import Progress
from numpycam.resize import resize


@method(
    "gradient",
    r"\sum_c \Big\lvert \frac{\partial y}{\partial x_c} \Big\rvert",
    "Simonyan, Vedaldi and Zisserman, Deep Inside Convolutional Networks, ICLR Workshop 2014, section 3.1",
    layer="input",
    properties=("class-sensitive", "mixing", "scaling"),
    weighs="cells",
)
def gradient(image: Array, gradients: Array) -> Array:
    """L = Σ_c |dy/dx_c|: how much the score changes with each pixel, whether up or down.

    The paper takes the largest channel instead of the sum. For a grey picture this is the same. Where a pixel is NaN or
    infinite, L is NaN, although the backward pass may bring a number there.
    """
    return np.abs(gradients) + _unknown(image)


def _unknown(image: Array) -> Array:
    """Return 0 where the image is a number, and NaN where it is NaN or infinite: no gradient is known there."""
    with np.errstate(invalid="ignore"):
        return image - image


@method(
    "gradient × input",
    r"\sum_c \frac{\partial y}{\partial x_c} \odot x_c",
    "Shrikumar et al., Not Just a Black Box, 2016 (arXiv 1605.01713)",
    layer="input",
    properties=("complete", "class-sensitive", "signed", "mixing", "scaling"),
    weighs="cells",
)
def gradient_times_input(image: Array, gradients: Array) -> Array:
    """L = Σ_c dy/dx_c ⊙ x_c: HiResCAM at the image. If no layer has a bias, the pixels of L sum to the score."""
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
    evidence: Evidence,
    *,
    samples: int = 25,
    sigma: float = 0.15,
    seed: int = 0,
    batch_size: int = 32,
    progress: Progress = iter,
) -> tuple[None, Array]:
    """L = Σ_c |mean over m of dy/dx_c at x + ε_m|: the map of ``gradient``, averaged over noisy copies of the image.

    The noise ε_m has standard deviation sigma · (max − min) of the image. Every image of a batch gets the same noise,
    scaled to its own range. A constant image gets none. If all copies lie in the same linear piece of the network as
    the image, noise changes nothing. An image with NaN or infinity has no range: L is NaN.

    Parameters
    ----------
    samples : int, default 25
        How many noisy copies.
    sigma : float, default 0.15
        The standard deviation of the noise, as a share of the image's range.
    seed : int, default 0
        Seeds the normal noise.
    batch_size : int, default 32
        How many copies run at once.
    progress : callable, optional
        Wraps the iterable of batches, as ``tqdm`` does.
    """
    images = evidence.image
    count, seed = as_int("samples", samples, 1), as_seed(seed)
    width = as_rounded("sigma", sigma)
    check_shape("sigma", width, ())
    if width < 0:
        raise ValueError(f"sigma must be >= 0, got {sigma}.")
    width = as_kind_of("sigma", float(width), "image", images)
    draws = [np.random.default_rng(seed) for _ in images]

    def noisy(n: int, first: int, last: int) -> Array:
        noise = draws[n].standard_normal((last - first, *images.shape[1:])).astype(images.dtype)
        return images[n] + float(width) * np.ptp(images[n]) * noise

    gradients = _mean_gradients(evidence, noisy, count, batch_size, progress)
    return None, np.abs(gradients) + _unknown(images).sum(axis=(1, 2, 3), keepdims=True)


def _mean_gradients(
    evidence: Evidence, inputs: Callable[[int, int, int], Array], count: int, batch_size: int, progress: Progress
) -> Array:  # (N, C, H, W)
    """Return the mean gradient over ``count`` changed copies of each image n.

    ``inputs(n, first, last)`` returns the copies from ``first`` up to, but not including, ``last``.
    """
    total = zeros(evidence.image.shape, like=evidence.gradients)
    for n, first, last in batches(len(evidence.image), count, batch_size, progress):
        activations = evidence.network.activations(inputs(n, first, last))
        *_, scores = activations.values()
        grad_scores = score_of(evidence.class_index[n], scores).gradient
        total[n] += evidence.network.gradients(activations, grad_scores)["input"].sum(axis=0)
    return total / count


@method(
    "integrated gradients",
    r"\sum_c (x_c - x'_c) \odot \int_0^1 \frac{\partial y}{\partial x_c}\big(x' + t (x - x')\big) \thinspace dt",
    "Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML 2017",
    needs="further runs",
    layer="input",
    properties=("complete", "class-sensitive", "signed", "mixing", "scaling"),
    image_options=("baseline",),
)
def integrated_gradients(
    evidence: Evidence,
    *,
    baseline: ArrayLike = 0,
    steps: int | None = None,
    max_kinks: int = 50,
    batch_size: int = 32,
    progress: Progress = iter,
) -> tuple[None, Array]:
    """L = Σ_c (x_c - x'_c) · the mean of dy/dx_c along the straight line from the baseline x' to x.

    L sums to y(x) - y(x'). Unless ``steps`` is given, the integral is exact if the line has at most ``max_kinks`` kinks
    (see :func:`numpycam.path.path`). If it has more, the midpoint rule takes the gradient in the middle of each of 256
    equal steps, and a warning says how far the sum is from y(x) - y(x').

    Parameters
    ----------
    baseline : number or array, default 0
        x', as for :func:`numpycam.interventions.erase`.
    steps : int, optional
        If given, the midpoint rule is used with this many steps. Then
        :func:`numpycam.methods.quadrature.midpoint_error` bounds the error of each pixel.
    max_kinks : int, default 50
        How many kinks the exact integral may take. Fifty take about a second for a picture of 32 × 32 pixels.
    batch_size : int, default 32
        How many steps of the midpoint rule run at once.
    progress : callable, optional
        Wraps the iterable of batches of the midpoint rule, as ``tqdm`` does.

    Raises
    ------
    TypeError
        If no steps are given and the score is not known to be piecewise linear: the target is neither a class nor a
        :class:`numpycam.targets.Difference`, or a layer does not say that it is affine or takes a maximum.
    """
    images = evidence.image
    count = 256 if steps is None else as_int("steps", steps, 1)
    batch_size = as_int("batch_size", batch_size, 1)  # even if the exact path needs no batches
    starts = blanked(images, baseline)
    maps = zeros(images.shape, like=evidence.gradients)
    left = []  # the images whose line has too many kinks
    for n in range(len(images)):
        exact = _along_the_path(evidence, n, starts[n], max_kinks) if steps is None else None
        if exact is None:
            left.append(n)
        else:
            maps[n] = exact
    if not left:
        return None, maps

    def middles(n: int, first: int, last: int) -> Array:
        return line(starts[left[n]], images[left[n]], 2 * np.arange(first, last) + 1, 2 * count)

    some = evidence._replace(image=images[left], class_index=evidence.class_index[left])
    maps[left] = (images - starts)[left] * _mean_gradients(some, middles, count, batch_size, progress)
    if steps is None:
        before = [score_of(evidence.class_index[n], evidence.network(starts[n][None])).value[0] for n in left]
        gap = np.abs(sum_of(maps[left], axis=(1, 2, 3)) - (evidence.score[left] - before)).max()
        warn(
            f"integrated gradients are by the midpoint rule, as the line has more than max_kinks = {max_kinks}; "
            f"in {count} steps their sum is off by {float(gap):.2g}. For a smaller error pass more steps.",
            stacklevel=4,
        )
    return None, maps


def _along_the_path(evidence: Evidence, n: int, start: Array, max_kinks: int) -> Array | None:
    """Return the exact integrated gradients of image n; None if the line has too many kinks, or NaN or infinity."""
    image = evidence.image[n]
    network, c = linear_score(evidence.network, evidence.class_index[n], image.shape)
    if callable(c):
        raise TypeError(f"the exact path needs a class or a Difference, not {type(c).__name__}: pass steps.")
    if image.dtype != object and not np.isfinite(image).all():
        return None
    try:
        return path(network, start, image, c, max_kinks=max_kinks).integrated_gradients
    except TooManyKinksError:
        return None


@dataclass(frozen=True, eq=False, repr=False)
class _Guided(Layer):
    """A rectifier whose backward pass first sets negative incoming gradients to 0. All else is as in the rectifier."""

    rectifier: Layer

    def output_shape(self, input_shape: Shape) -> Shape:
        return self.rectifier.output_shape(input_shape)

    def forward(self, x: Array) -> Array:
        return self.rectifier.forward(x)

    def backward(self, grad_output: Array, x: Array) -> Array:
        return self.rectifier.backward(relu(grad_output), x)


def _guided(network: Network, prefix: str = "") -> Network:
    """Return the network with all rectifiers guided, also inside of networks and blocks among its layers."""
    layers: list[tuple[str, Layer]] = []
    for name, layer in network.layers:
        if layer.runs is not None:
            layers.append((name, _guided(Network(layer.runs), f"{prefix}{name}.")))
        elif layer.ways is not None:
            ways = {key: _guided(way, f"{prefix}{name}.{key}.") for key, way in layer.ways.items()}
            layers.append((name, replace(layer, **ways)))
        elif layer.is_rectifier is None:
            raise TypeError(
                f"layer {prefix + name!r}, {layer!r}, does not say whether it is a rectifier, which guided "
                "backpropagation must know: give its class is_rectifier = True or False."
            )
        else:
            layers.append((name, _Guided(layer) if layer.is_rectifier else layer))
    return replace(network, layers=layers)


@method(
    "guided backprop",
    r"\sum_c \text{gradient of } y \text{ by } x_c \text{ with each ReLU's incoming gradient cut off at } 0",
    "Springenberg et al., Striving for Simplicity, ICLR Workshop 2015",
    needs="gradients at every layer",
    layer="input",
    properties=("class-sensitive", "signed", "mixing", "scaling"),
    with_backward_of=_guided,
    weighs="cells",
)
def guided_backprop(image: Array, gradients: Array) -> Array:
    """L = Σ_c g_c, where g is dy/dx by a backward pass in which no negative gradient passes a ReLU.

    g is not the gradient of any function. The explanation's ``gradients`` are g. Where a pixel is NaN or infinite, L is
    NaN.
    """
    return gradients + _unknown(image)


@method(
    "Guided Grad-CAM",
    r"\sum_c \text{guided backprop}_c \odot L_{\text{Grad-CAM}} \text{ resized}",
    "Selvaraju et al., Grad-CAM, ICCV 2017, section 3.2",
    needs="gradients at every layer",
    layer="input",
    properties=("class-sensitive", "signed", "mixing", "scaling"),
    with_backward_of=_guided,
)
def guided_grad_cam(evidence: Evidence, *, cam_layer: str | None = None) -> tuple[None, Array]:
    """L = Σ_c g_c ⊙ resize(L_Grad-CAM): guided backprop g times Grad-CAM's localization map.

    Parameters
    ----------
    cam_layer : str, optional
        The layer of the Grad-CAM map. If not given, the layer that :func:`numpycam.grad_cam` takes.
    """
    cam_layer = target_layer_of(evidence.network, "cam_layer") if cam_layer is None else cam_layer
    explanation = grad_cam(evidence.network, evidence.image, evidence.class_index, cam_layer, check_finite=False)
    heat = resize(explanation.localization_map, evidence.image.shape[2:])
    return None, evidence.gradients * heat[:, None]


@method(
    "FullGrad",
    r"\sum_c \lvert \partial y / \partial x_c \odot x_c \rvert "
    r"+ \sum_{l,o} \lvert \partial y / \partial z^l_o \thinspace b^l_o \rvert \text{ resized}",
    "Srinivas and Fleuret, Full-Gradient Representation for Neural Network Visualization, NeurIPS 2019",
    needs="gradients at every layer",
    layer="input",
    properties=("class-sensitive", "mixing", "scaling"),
)
def full_grad(evidence: Evidence) -> tuple[None, Array]:
    """L = Σ_c |dy/dx_c ⊙ x_c| + Σ_l resize(Σ_o |dy/dz_o ⊙ b_o|), where z is the output of convolution l and b its bias.

    L shows how much the image and the biases contribute, by size. There is one weighted map for the image, and then one
    for each convolution with a bias. The contributions of the image and of all biases, also in Linear layers, sum to
    the score. L does not: as in the paper, absolute values are taken, maps are resized, and Linear layers have no place
    in the picture. The paper also scales each map to 0 … 1; here nothing is scaled.

    Raises
    ------
    TypeError
        If a layer does not say that it is affine or takes a maximum. It may hide a bias that L would miss.
    """
    maps = [sum_of(np.abs(evidence.gradients * evidence.image), axis=1)]
    for offset, grad_output in _biases(evidence):
        if grad_output.ndim == 4:
            of_bias = np.abs(grad_output * offset)  # (N, O, H', W')
            maps.append(resize(sum_of(of_bias, axis=1), evidence.image.shape[2:]))
    return None, np.stack(maps, axis=1)


def _biases(evidence: Evidence) -> list[tuple[Array, Array]]:
    """Return each bias, in the order of the layers, with the gradient by the outputs to which the bias is added."""
    check_piecewise_linear("FullGrad", evidence.network, evidence.image[:1])
    scores = evidence.network(evidence.image)
    return [*_biases_of(evidence.network, evidence.image, score_of(evidence.class_index, scores).gradient)]


def _biases_of(network: Network, x: Array, grad_output: Array) -> Iterator[tuple[Array, Array]]:
    network = Network(network.row)
    activations = network.activations(x)
    gradients = network.gradients(activations, grad_output)
    for (name, layer), of_it in zip(network.layers, activations.values(), strict=False):
        affine = layer.affine(of_it.shape)
        if layer.ways is not None:  # to each of them, the gradient of the block comes whole
            for way in layer.ways.values():
                yield from _biases_of(way, of_it, gradients[name])
        elif affine is not None and affine.offset is not None:
            yield affine.offset, gradients[name]
