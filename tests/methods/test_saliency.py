"""The methods at the image's own resolution: the values, the laws, and that batches change nothing but the memory."""

import math
import tracemalloc
import warnings
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from helpers import refusal, same
from hypothesis import given, settings
from hypothesis import strategies as st
from own_layers import Square

from numpycam import Conv2d, Flatten, GlobalAvgPool2d, Linear, Network, ReLU, grad_cam, worked_example
from numpycam.exact import as_floats, as_fractions
from numpycam.interventions import erase
from numpycam.laws.strategies import network_cases, tensors
from numpycam.methods.saliency import (
    full_grad,
    gradient,
    gradient_times_input,
    guided_backprop,
    guided_grad_cam,
    integrated_gradients,
    smooth_grad,
)
from numpycam.resize import resize
from numpycam.targets import Difference, Probability
from numpycam.worked_example import GRADIENTS, IMAGE, LOCALIZATION_MAP

CAT, ELEPHANT = 0, 1
ALL = [
    gradient,
    gradient_times_input,
    smooth_grad,
    integrated_gradients,
    guided_backprop,
    guided_grad_cam,
    full_grad,
]
METHODS = pytest.mark.parametrize("method", ALL, ids=lambda method: method.name)
EXACT = pytest.mark.parametrize("method", [m for m in ALL if m is not smooth_grad], ids=lambda method: method.name)
STAGES = "weighted_maps", "weighted_sum", "localization_map"


def exact(values):
    return as_fractions(values)


def by_image(network, x, u):
    """The gradients of the scores by the image, weighted by u (N, classes)."""
    return network.backward(u, x)


def one_hot(x, c):
    u = as_fractions(np.zeros((len(x), 2))) if x.dtype == object else np.zeros((len(x), 2))
    u[:, c] += 1
    return u


# --- The values -------------------------------------------------------------------------------------


OF_THE_CAT = exact([
    ["3.3", "-1.4", "5.4", "-2.8"],
    ["6.3", "3.3", "10.7", "5.2"],
    ["6.6", "-2.8", "3.2", "-1.1"],
    ["12.6", "6.6", "6.1", "3.3"],
])  # fmt: skip
"""dy/dx of the worked example, with the linear head and, at this picture, with the convolutional one."""


@pytest.mark.parametrize("head", ["linear", "conv"])
def test_the_values_of_the_worked_example(head):
    network = worked_example.network(head)
    values = {
        gradient: np.abs(OF_THE_CAT),
        gradient_times_input: OF_THE_CAT * IMAGE[0],
        guided_backprop: OF_THE_CAT,  # one ReLU at most, and nothing negative comes to it
        guided_grad_cam: OF_THE_CAT * resize(LOCALIZATION_MAP, 4),
        full_grad: np.abs(OF_THE_CAT * IMAGE[0]),  # no biases
    }
    for method, expected in values.items():
        explanation = method(network, IMAGE, CAT)
        assert same(explanation.weighted_sum, expected)
        assert explanation.layer == "input"
        assert explanation.alphas is None
        assert all(type(value) is Fraction for value in explanation.weighted_maps.flat)


def test_the_values_of_integrated_gradients_on_the_worked_example():
    """On the linear head they are gradient × input; on the other one the three pieces of the line, weighted."""
    linear, conv = worked_example.network(), worked_example.network("conv")
    assert same(integrated_gradients(linear, IMAGE, CAT).weighted_sum, OF_THE_CAT * IMAGE[0])
    without_body = erase(IMAGE, (slice(2, 4), slice(0, 2)))
    explanation = integrated_gradients(conv, IMAGE, CAT, baseline=without_body)
    bounds = exact([0, "8/115", "51/115", 1])
    expected = 0 * IMAGE
    for begin, end in pairwise(bounds):
        middle = without_body + (begin + end) / 2 * (IMAGE - without_body)
        piece = by_image(conv, middle[None], exact([[1, 0]]))[0]
        expected = expected + (end - begin) * piece * (IMAGE - without_body)
    assert same(explanation.weighted_maps, expected)
    assert explanation.weighted_sum.sum() == Fraction("17.1")
    assert all(type(value) is Fraction for value in explanation.weighted_maps.flat)


def test_guided_backprop_lets_nothing_negative_through():
    """The elephant counts -1: its hidden units hear nothing of it, and what is left is the gradient of the cat."""
    network = worked_example.network("dead-unit")
    difference = Difference({CAT: 1, ELEPHANT: -1})
    guided = guided_backprop(network, IMAGE, difference).weighted_sum
    assert same(guided, guided_backprop(network, IMAGE, CAT).weighted_sum)
    assert not same(guided, gradient_times_input(network, IMAGE, difference).gradients[0])
    assert not guided_backprop(network, IMAGE, Difference({CAT: -1})).weighted_sum.any()


def test_the_values_of_full_grad_of_a_score_worked_out_by_hand():
    """y = 3 ReLU(2 a - 1) - ReLU(-2 b) + 5 of the pixels (a, b) = (1, -2): |6 a| and |2 b|, and the biases -3 and 0."""
    convolution = Conv2d(exact([[[[2]]], [[[-2]]]]), exact([-1, 0]))
    linear = Linear(exact([[3, 0, 0, -1]]), exact([5]))
    network = Network([("c", convolution), ("r", ReLU()), ("flatten", Flatten()), ("linear", linear)])
    explanation = full_grad(network, exact([[[1, -2]]]), 0)
    assert same(explanation.weighted_maps, exact([[[6, 4]], [[3, 0]]]))
    assert same(explanation.weighted_sum, exact([[9, 4]]))
    assert explanation.score == 3 - 4 + 5


def test_gradients_of_several_channels_are_added_by_size():
    network = Network([("flatten", Flatten()), ("linear", Linear(exact([[1, -2, -4, 0]])))])
    image = exact([[[3, 5]], [[7, 1]]])
    assert same(gradient(network, image, 0).weighted_sum, exact([[5, 2]]))
    assert same(gradient_times_input(network, image, 0).weighted_sum, exact([[3 - 28, -10]]))
    assert same(full_grad(network, image, 0).weighted_sum, exact([[3 + 28, 10]]))


# --- Laws -------------------------------------------------------------------------------------------


@pytest.mark.law("bp.full")
@settings(max_examples=10)
@given(network_cases(), st.integers(0, 1))
def test_pixels_and_biases_add_up_to_the_score_and_full_grad_shows_their_sizes(case, c):
    """Pixels and biases, before the absolute values: Σ x dy/dx + Σ b dy/db = y. FullGrad shows their sizes."""
    network, x = case
    inputs = [*network.activations(x).values()]
    at_outputs = network.gradients(network.activations(x), one_hot(x, c))
    of_pixels = at_outputs["input"] * x
    total = of_pixels.sum(axis=(1, 2, 3))
    expected = [np.abs(of_pixels).sum(axis=1)]
    for (name, layer), _ in zip(network.layers, inputs, strict=False):
        if "bias" in layer.parameters:
            of_bias = at_outputs[name] * layer.bias.reshape(-1, *[1] * (at_outputs[name].ndim - 2))
            total = total + of_bias.reshape(len(x), -1).sum(axis=1)
            if isinstance(layer, Conv2d):
                expected.append(sum(resize(np.abs(of_bias[:, o]), x.shape[2:]) for o in range(of_bias.shape[1])))
    assert same(total, network(x)[:, c])
    assert same(full_grad(network, x, c).weighted_maps, np.stack(expected, axis=1))


@settings(max_examples=10)
@given(network_cases(), st.integers(0, 1))
def test_the_gradient_is_shown_by_size_and_gradient_times_input_with_its_sign(case, c):
    network, x = case
    g = by_image(network, x, one_hot(x, c))
    assert same(gradient(network, x, c).weighted_maps, np.abs(g))
    assert same(gradient_times_input(network, x, c).weighted_maps, g * x)


@pytest.mark.law("guided.def")
@settings(max_examples=15)
@given(network_cases(), st.integers(0, 1))
def test_guided_backpropagation_cuts_off_what_is_negative_at_each_relu(case, c):
    """Layer by layer, with each ReLU's incoming gradient cut off at 0."""
    network, x = case
    activations, g = network.activations(x), one_hot(x, c)
    for (_, layer), before in reversed([*zip(network.layers, activations.values(), strict=False)]):
        if isinstance(layer, ReLU):
            g = np.where(g > 0, g, Fraction(0))
        g = layer.backward(g, before)
    assert same(guided_backprop(network, x, c).weighted_maps, g)


@pytest.mark.law("guided.eq")
@given(network_cases(kind="float64"), st.integers(0, 1))
def test_where_nothing_negative_comes_guided_backpropagation_is_the_gradient(case, c):
    """Nothing negative behind the first layer: guided backprop is the gradient."""
    network, x = case
    (first, convolution), *others = network.layers
    positive = [(n, r.with_parameters({p: np.abs(a) for p, a in r.parameters.items()})) for n, r in others]
    network = Network([(first, convolution), *positive], "target")
    g = by_image(network, x, one_hot(x, c))
    assert (abs(guided_backprop(network, x, c).weighted_maps - g) <= 0 * g).all()


@pytest.mark.law("guided.eq")
@settings(max_examples=10)
@given(network_cases(head="linear"), tensors((2,)))
def test_with_one_relu_guided_backpropagation_for_less_that_against_is_the_gradient(case, weights):
    """With one ReLU, GBP(u) - GBP(-u) = BP(u)."""
    network, x = case
    guided, turned, plain = (
        method(network, x, Difference({0: sign * weights[0], 1: sign * weights[1]}))
        for method, sign in ((guided_backprop, 1), (guided_backprop, -1), (gradient, 1))
    )
    assert same(guided.weighted_maps - turned.weighted_maps, plain.gradients)


@pytest.mark.law("guided.hom")
@settings(max_examples=10)
@given(network_cases(head="deep"), tensors((2,)), st.integers(0, 3))
def test_guided_backpropagation_of_s_times_a_target_is_s_times_that_of_the_target(case, weights, s):
    network, x = case
    one, more = (
        guided_backprop(network, x, Difference({0: k * weights[0], 1: k * weights[1]})).weighted_maps for k in (1, s)
    )
    assert same(more, s * one)


@pytest.mark.law("ggcam")
@settings(max_examples=10)
@given(network_cases(), st.integers(0, 1), st.sampled_from([None, "target", "conv", "pool"]))
def test_guided_grad_cam_is_guided_backpropagation_times_the_resized_map(case, c, cam_layer):
    network, x = case
    heat = resize(grad_cam(network, x, c, cam_layer).localization_map, x.shape[2:])
    guided = guided_backprop(network, x, c)
    explanation = guided_grad_cam(network, x, c, cam_layer=cam_layer)
    assert same(explanation.weighted_maps, guided.weighted_maps * heat[:, None])
    assert same(explanation.weighted_sum, guided.weighted_sum * heat)


@pytest.mark.law("smooth.lin")
@given(tensors((2, 20), "float64"), tensors((1, 4, 5), "float64"), st.integers(1, 9), st.integers(0, 3))
def test_of_an_affine_network_noise_changes_nothing(weight, image, samples, sigma):
    """y affine: any noise changes nothing."""
    network = Network([("flatten", Flatten()), ("linear", Linear(weight))])
    smooth = smooth_grad(network, image, 1, samples=samples, sigma=sigma)
    assert same(smooth.weighted_maps, np.abs(weight[1]).reshape(1, 4, 5))


@pytest.mark.law("bp.const")
def test_noise_that_stays_in_one_linear_piece_changes_nothing():
    """Noise that stays in the piece of the network changes nothing; more of it does."""
    network, image = as_floats(worked_example.network("conv")), as_floats(IMAGE)
    network = Network(
        [(n, r.with_parameters({p: 8 * a // 1 for p, a in r.parameters.items()})) for n, r in network.layers]
    )
    here = gradient(network, image, CAT).weighted_maps  # of whole numbers: nothing is rounded
    assert same(smooth_grad(network, image, CAT, sigma=0.001).weighted_maps, here)
    assert not same(smooth_grad(network, image, CAT, sigma=1).weighted_maps, here)


def test_a_constant_image_gets_no_noise():
    """It stands at a kink, and noise of any width would leave it: y = |x| of each pixel, the gate shut at 0."""
    both = Conv2d(np.array([[[[1.0]]], [[[-1.0]]]]))
    network = Network([("conv", both), ("relu", ReLU()), ("flatten", Flatten()), ("linear", Linear(np.ones((2, 12))))])
    image = np.zeros((1, 2, 3))
    assert same(smooth_grad(network, image, 0, sigma=10.0).weighted_sum, gradient(network, image, 0).weighted_sum)
    image[0, 1, 2] = 1
    assert smooth_grad(network, image, 0, samples=25).weighted_sum[0].all()


@pytest.mark.law("smooth.def")
def test_smooth_grad_is_the_size_of_the_mean_gradient_not_the_mean_of_the_sizes():
    """The noise is sigma times the picture's range; the sizes are taken after the mean, and channels are added then."""
    rng = np.random.default_rng(5)
    body = [("conv", Conv2d(rng.integers(-3, 4, (3, 2, 2, 2)) * 1.0, rng.integers(-2, 3, 3) * 1.0)), ("relu", ReLU())]
    network = Network([*body, ("flatten", Flatten()), ("linear", Linear(rng.integers(-3, 4, (2, 18)) * 1.0))])
    image = rng.integers(-4, 5, (2, 3, 4)) * 1.0
    noise = np.random.default_rng(7).standard_normal((11, 2, 3, 4))
    noisy = image + 0.25 * (image.max() - image.min()) * noise
    mean = by_image(network, noisy, one_hot(noisy, 1)).sum(axis=0) / 11
    explanation = smooth_grad(network, image, 1, samples=11, sigma=0.25, seed=7)
    assert same(explanation.weighted_sum, np.abs(mean).sum(axis=0))
    assert not same(explanation.weighted_sum, gradient(network, image, 1).weighted_sum)
    usual = smooth_grad(network, image, 1)
    assert same(usual.weighted_sum, smooth_grad(network, image, 1, samples=25, sigma=0.15, seed=0).weighted_sum)
    assert not same(usual.weighted_sum, smooth_grad(network, image, 1, samples=25, sigma=0.15, seed=1).weighted_sum)
    assert not same(usual.weighted_sum, smooth_grad(network, image, 1, samples=25, sigma=0.3).weighted_sum)


# --- Integrated gradients ---------------------------------------------------------------------------


@settings(max_examples=6)
@given(network_cases(), st.integers(0, 1), st.integers(-1, 1))
def test_integrated_gradients_are_complete(case, c, baseline):
    """Σ L = y(x) - y(x'), with ``==``: the exact path where there are few kinks, as here."""
    network, x = case
    with warnings.catch_warnings(action="error"):
        explanation = integrated_gradients(network, x[0], c, baseline=baseline)
    before = network(0 * x[:1] + baseline)[0, c]
    assert explanation.weighted_sum.sum() == explanation.score - before


@settings(max_examples=6)
@given(network_cases(), tensors((2,)))
def test_integrated_gradients_of_a_difference_are_complete_too(case, weights):
    network, x = case
    difference = Difference({0: weights[0], 1: weights[1]})
    explanation = integrated_gradients(network, x[0], difference)
    assert explanation.weighted_sum.sum() == (network(x[:1]) - network(0 * x[:1]))[0] @ weights


@settings(max_examples=10)
@given(network_cases(), st.integers(1, 5), st.integers(0, 1))
def test_in_steps_integrated_gradients_are_the_mean_gradient_at_the_midpoints(case, steps, c):
    network, x = case
    image, start = x[0], 0 * x[0] - 1
    middles = np.array([start + Fraction(2 * i + 1, 2 * steps) * (image - start) for i in range(steps)])
    mean = by_image(network, middles, one_hot(middles, c)).sum(axis=0) / Fraction(steps)
    explanation = integrated_gradients(network, image, c, baseline=-1, steps=steps)
    assert same(explanation.weighted_maps, (image - start) * mean)
    assert all(type(value) is Fraction for value in explanation.weighted_maps.flat)


def test_more_kinks_than_are_followed_are_told():
    """By the midpoint rule in 256 steps; the warning says by how much the sum is off."""
    network, image = as_floats(worked_example.network("conv")), as_floats(IMAGE)
    without_body = erase(image, (slice(2, 4), slice(0, 2)))
    images = np.stack([without_body, image])
    with pytest.warns(UserWarning, match="midpoint") as caught:
        explanation = integrated_gradients(network, images, [ELEPHANT, CAT], baseline=without_body, max_kinks=1)
    in_steps = integrated_gradients(network, image, CAT, baseline=without_body, steps=256)
    assert same(explanation[1].weighted_maps, in_steps.weighted_maps)
    assert not explanation[0].weighted_maps.any()  # that line goes nowhere: it is followed
    off = abs(in_steps.weighted_sum.sum() - 17.1)
    assert off > 0.001
    assert [str(warning.message) for warning in caught] == [
        "integrated gradients are by the midpoint rule, as the line has more than max_kinks = 1; "
        f"in 256 steps their sum is off by {float(off):.2g}. For a smaller error pass more steps."
    ]
    assert caught[0].filename == __file__
    with warnings.catch_warnings(action="error"):
        integrated_gradients(network, image, CAT, baseline=without_body, max_kinks=2)
        integrated_gradients(network, image, CAT, baseline=without_body, max_kinks=1, steps=3)


def test_up_to_50_kinks_are_followed():
    """y = Σ_i ReLU(t - i/(n + 1)) has the n kinks i/(n + 1)."""
    for kinks in (50, 51):
        convolution = Conv2d(np.ones((kinks, 1, 1, 1)), -np.arange(1, kinks + 1) / (kinks + 1))
        layers = [("conv", convolution), ("relu", ReLU()), ("gap", GlobalAvgPool2d())]
        network = Network([*layers, ("linear", Linear(np.ones((1, kinks))))])
        with warnings.catch_warnings(record=True, action="always") as caught:
            integrated_gradients(network, np.ones((1, 1, 1)), 0)
        assert len(caught) == (kinks > 50)


def test_what_is_not_piecewise_linear_takes_steps():
    """y = (x - 1)² from -1 to 3: the midpoint rule is exact for a gradient that is linear, and y(3) = y(-1)."""
    minus = Conv2d(np.ones((1, 1, 1, 1)), -np.ones(1))
    network = Network([("minus", minus), ("square", Square()), ("flatten", Flatten())])
    image = np.array([[[3.0]]])
    message = refusal(TypeError, lambda: integrated_gradients(network, image, 0, baseline=-1))
    assert message.startswith("a path needs piecewise linear layers that say so (see numpycam.Layer); 'square' is")
    assert integrated_gradients(network, image, 0, baseline=-1, steps=4).weighted_sum == 0
    network, image = as_floats(worked_example.network()), as_floats(IMAGE)
    message = refusal(TypeError, lambda: integrated_gradients(network, image, Probability(CAT)))
    assert message == "the exact path needs a class or a Difference, not Probability: pass steps."
    assert integrated_gradients(network, image, Probability(CAT), steps=4).weighted_sum.any()


# --- What is the same for all -----------------------------------------------------------------------


RUNS = {smooth_grad: {"samples": 6, "sigma": 0.5}, integrated_gradients: {"steps": 6}}


@pytest.mark.parametrize("method", RUNS, ids=lambda method: method.name)
@settings(max_examples=8)
@given(network_cases(kind="float64", head="deep"), st.integers(1, 7))
def test_the_size_of_the_batches_changes_nothing(method, case, batch_size):
    """In small integers the gradients are whole numbers, so with ``==``."""
    network, x = case
    explanation = method(network, x, 0, **RUNS[method])
    other = method(network, x, 0, **RUNS[method], batch_size=batch_size)
    assert same(explanation.weighted_maps, other.weighted_maps)


@METHODS
@settings(max_examples=8)
@given(network_cases(kind="float64", head="deep"), st.data())
def test_a_batch_is_its_images(method, case, data):
    network, x = case
    classes = data.draw(st.lists(st.integers(0, 1), min_size=len(x), max_size=len(x)))
    options = {integrated_gradients: {"steps": 4}}.get(method, {})  # in binary fractions floats are exact
    batch = method(network, x, classes, **options)
    for n, c in enumerate(classes):
        one = method(network, x[n], c, **options)
        assert all(same(getattr(batch[n], stage), getattr(one, stage)) for stage in STAGES)
        assert (batch[n].score, batch[n].class_index, batch.method) == (one.score, c, method.name)


@METHODS
@settings(max_examples=8)
@given(network_cases(kind="float64", head="linear"))
def test_the_order_of_the_channels_changes_nothing(method, case):
    """A second channel, the first one mirrored: exchanged, in the picture and in the kernels."""
    network, x = case
    (first, convolution), *others = network.layers
    image = np.concatenate([x[0], x[0, :, ::-1]])
    weight = np.concatenate([convolution.weight, -convolution.weight[..., ::-1]], axis=1)
    here, there = (
        Network([(first, replace(convolution, weight=w)), *others], "target") for w in (weight, weight[:, ::-1])
    )
    options = {integrated_gradients: {"steps": 4}, smooth_grad: {"sigma": 0}}.get(method, {})
    explanation, other = method(here, image, 0, **options), method(there, image[::-1], 0, **options)
    assert same(explanation.weighted_sum, other.weighted_sum)


@METHODS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_what_they_are(method, dtype):
    options = {"sigma": np.float64(0.1)} if method is smooth_grad else {}
    network = as_floats(worked_example.network("dead-unit"), dtype)
    explanation = method(network, as_floats(IMAGE, dtype), CAT, **options)
    assert {getattr(explanation, stage).dtype for stage in STAGES} == {np.dtype(dtype)}
    other = np.float32 if dtype == np.float64 else np.float64
    assert method(network, as_floats(IMAGE, other), CAT, **options).weighted_sum.dtype == np.float64
    if method in RUNS:
        in_steps = method(network, as_floats(IMAGE, dtype), CAT, **RUNS[method])
        assert in_steps.weighted_sum.dtype == dtype
        met = set()

        def target(scores):
            met.add(scores.dtype)
            return scores[:, CAT], np.eye(scores.shape[1], dtype=dtype)[[CAT] * len(scores)]

        method(network, as_floats(IMAGE, dtype), target, **RUNS[method])
        assert met == {np.dtype(dtype)}  # each run, not only what comes of them


@METHODS
def test_a_target_takes_the_place_of_a_class(method):
    rng = np.random.default_rng(1)
    weight = rng.integers(-3, 4, (2, 1, 2, 2)) * 1.0
    body = [("conv", Conv2d(weight, np.ones(2))), ("relu", ReLU()), ("flatten", Flatten())]
    network = Network([*body, ("linear", Linear(rng.integers(-3, 4, (2, 12)) * 1.0))])
    images = rng.integers(-3, 4, (2, 1, 3, 4)) * 1.0
    options = {integrated_gradients: {"steps": 4}}.get(method, {})
    of_class, of_target = (method(network, images, target, **options) for target in (1, Difference({1: 1})))
    assert same(of_class.weighted_maps, of_target.weighted_maps)
    both = method(network, images, Difference({0: 1, 1: -1}), **options)
    assert not same(both.weighted_maps, of_class.weighted_maps)
    for n, image in enumerate(images):
        assert same(both[n].weighted_sum, method(network, image, Difference({0: 1, 1: -1}), **options).weighted_sum)


@METHODS
def test_inner_networks_are_gone_through(method):
    """Guided backprop finds their ReLUs, FullGrad their biases."""
    rng = np.random.default_rng(2)
    layers = [
        ("conv", Conv2d(rng.integers(-3, 4, (2, 1, 2, 2)) * 1.0, np.array([1.0, -2.0]))),
        ("relu", ReLU()),
        ("target", Conv2d(rng.integers(-3, 4, (2, 2, 1, 2)) * 1.0, np.array([1.0, 2.0]))),
        ("relu2", ReLU()),
        ("flatten", Flatten()),
        ("linear", Linear(rng.integers(0, 4, (2, 8)) * 1.0)),
    ]
    image = rng.integers(-3, 4, (1, 3, 4)) * 1.0
    head = Network([("inner", Network(layers[3:5])), layers[5]])
    nested = Network([("body", Network(layers[:3])), ("head", head)], "body")
    flat = Network(layers, "target")
    assert same(method(nested, image, 0).weighted_maps, method(flat, image, 0).weighted_maps)
    assert method(flat, image, 0).weighted_sum.any()


@METHODS
def test_in_a_network_without_relu_and_bias(method):
    network = Network([("conv", Conv2d(np.array([[[[1.0, -2.0]]]]))), ("flatten", Flatten())])
    image = np.array([[[1.0, 2.0, 0.0]]])
    values = {
        gradient: [1, 2, 0],
        gradient_times_input: [1, -4, 0],
        smooth_grad: [1, 2, 0],
        integrated_gradients: [1, -4, 0],
        guided_backprop: [1, -2, 0],
        guided_grad_cam: [0, -1, 0],  # L = (-1.5, 1), so that it is (0, 0.5, 1) at the picture's size
        full_grad: [1, 4, 0],
    }
    assert same(method(network, image, 0).weighted_sum, np.array([values[method]]))


@pytest.mark.parametrize("method", RUNS, ids=lambda method: method.name)
def test_progress_wraps_the_batches(method):
    seen = []

    def progress(iterable):
        seen.append(len(iterable))
        return iter(iterable)

    network, images = as_floats(worked_example.network("conv")), as_floats(np.stack([IMAGE, IMAGE[:, ::-1]]))
    explanation = method(network, images, CAT, **RUNS[method], batch_size=4, progress=progress)
    assert seen == [2 * math.ceil(6 / 4)]
    assert same(explanation.weighted_sum, method(network, images, CAT, **RUNS[method], batch_size=4).weighted_sum)


@pytest.mark.parametrize(("method", "count"), [(smooth_grad, "samples"), (integrated_gradients, "steps")])
def test_the_batch_size_bounds_the_memory(method, count):
    """Ten times as many runs take no more of it; a tenth of the batch takes much less than half."""
    rng = np.random.default_rng(0)
    body = [("conv", Conv2d(rng.standard_normal((4, 1, 3, 3)), padding=1)), ("relu", ReLU())]
    network = Network([*body, ("gap", GlobalAvgPool2d()), ("linear", Linear(rng.standard_normal((2, 4))))])
    image = rng.standard_normal((1, 24, 20))

    def peak(runs, batch_size):
        tracemalloc.start()
        try:
            method(network, image, 0, **{count: runs}, batch_size=batch_size)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1, 1)  # what is imported or kept once
    assert peak(80, 8) < 1.2 * peak(8, 8)
    assert peak(80, 8) < peak(80, 80) / 2


@EXACT
def test_zeros_are_of_the_images_own_type(method):
    network = Network([("flatten", Flatten()), ("linear", Linear(exact([[0, 0], [1, 1]])))])
    network = Network([("conv", Conv2d(exact([[[[0]]]]))), *network.layers])
    explanation = method(network, exact([[[0, 0]]]), 0)
    assert all(type(value) is Fraction for value in explanation.weighted_maps.flat)
    assert not explanation.weighted_maps.any()


@METHODS
def test_an_empty_batch_has_an_empty_result(method):
    network = as_floats(worked_example.network())
    for target in (CAT, Difference({CAT: 1})):
        assert method(network, np.empty((0, 1, 4, 4)), target).weighted_sum.shape == (0, 4, 4)


@METHODS
def test_nan_is_refused_or_seen(method):
    network, image = as_floats(worked_example.network("conv")), as_floats(IMAGE).copy()
    image[0, 1, 1] = np.nan
    assert refusal(ValueError, lambda: method(network, image, CAT)) == "image contains NaN at index (0, 1, 1)."
    with np.errstate(invalid="ignore"), warnings.catch_warnings(action="ignore"):
        explanation = method(network, image, CAT, check_finite=False)
    assert np.isnan(explanation.score)
    assert np.isnan(explanation.weighted_sum[1, 1])
    assert np.isnan(explanation.localization_map[1, 1])


@pytest.mark.parametrize("method", [gradient, smooth_grad, guided_backprop], ids=lambda method: method.name)
def test_nan_in_one_image_of_a_batch_is_seen_in_its_map_alone(method):
    """A gradient of linear pieces holds no pixel, and SmoothGrad's noise of an image with NaN has no width."""
    network, image = as_floats(worked_example.network("conv")), as_floats(IMAGE)
    for unknown in (np.nan, np.inf):
        images = np.stack([image, image])
        images[1, 0, 1, 2] = unknown
        with np.errstate(invalid="ignore"):
            explanation = method(network, images, CAT, check_finite=False)
        assert same(explanation[0].weighted_maps, method(network, image, CAT).weighted_maps)
        is_nan = np.isnan(explanation[1].weighted_maps[0])
        assert is_nan.all() if method is smooth_grad else np.argwhere(is_nan).tolist() == [[1, 2]]


@METHODS
def test_another_layer(method):
    network = worked_example.network("conv")
    network, image = (as_floats(network), as_floats(IMAGE)) if method is smooth_grad else (network, IMAGE)
    if method in (gradient, gradient_times_input):
        expected = {gradient: abs(GRADIENTS), gradient_times_input: GRADIENTS * worked_example.FEATURE_MAPS}[method]
        assert same(method(network, image, CAT, "features").weighted_maps, expected)
    else:
        message = refusal(ValueError, lambda: method(network, image, CAT, "features"))
        assert message == f"{method.name} always looks at 'input': leave layer out, got 'features'."


@METHODS
def test_maps_alone_are_not_enough(method):
    message = refusal(TypeError, lambda: method.from_maps(IMAGE, IMAGE))
    assert message == f"{method.name} needs the network and the image, not the maps and gradients alone."


LINEAR = Network([("flatten", Flatten()), ("linear", Linear(as_fractions([[1] * 16])))])


def run(method, *args, **options):
    network = worked_example.network(exact=method is not smooth_grad)
    image = as_floats(IMAGE) if method is smooth_grad else IMAGE
    return lambda: method(network, image, *args, **options)


REFUSED = [
    (run(smooth_grad, CAT, samples=0), ValueError, "samples == 0, must be >= 1."),
    (run(smooth_grad, CAT, samples=2.0), TypeError, "samples must be an instance of int, not float."),
    (run(smooth_grad, CAT, sigma=-0.5), ValueError, "sigma must be >= 0, got -0.5."),
    (run(smooth_grad, CAT, sigma=np.nan), ValueError, "sigma contains NaN at index ()."),
    (run(smooth_grad, CAT, sigma=[1, 2]), ValueError, "sigma must have shape (), got (2,)."),
    (run(smooth_grad, CAT, seed=-1), ValueError, "seed == -1, must be >= 0."),
    (run(smooth_grad, CAT, seed=None), TypeError, "seed must be an instance of int, not NoneType."),
    (run(smooth_grad, CAT, batch_size=0), ValueError, "batch_size == 0, must be >= 1."),
    (run(integrated_gradients, CAT, steps=0), ValueError, "steps == 0, must be >= 1."),
    (run(integrated_gradients, CAT, steps=1.5), TypeError, "steps must be an instance of int, not float."),
    (run(integrated_gradients, CAT, steps=1, batch_size=0), ValueError, "batch_size == 0, must be >= 1."),
    (run(integrated_gradients, CAT, batch_size=0), ValueError, "batch_size == 0, must be >= 1."),
    (
        run(smooth_grad, CAT, progress=lambda runs: 2 * runs),
        ValueError,
        "progress must yield each of the 1 batches once, in order, got (0, 0) after 1 of them.",
    ),
    (
        run(integrated_gradients, CAT, steps=2, batch_size=1, progress=lambda runs: runs[:1]),
        ValueError,
        "progress must yield each of the 2 batches once, in order, got 1.",
    ),
    (
        lambda: guided_grad_cam(
            Network([("flatten", Flatten()), ("linear", Linear(as_fractions([[1] * 16])))]), IMAGE, CAT
        ),
        ValueError,
        "the network has no Conv2d: pass cam_layer, one of ['flatten', 'linear'].",
    ),
    (run(integrated_gradients, CAT, max_kinks=-1), ValueError, "max_kinks == -1, must be >= 0."),
    (
        run(integrated_gradients, CAT, baseline=0.5),
        TypeError,
        "baseline holds floats but image holds Fractions; convert one of them with numpycam.exact.as_fractions or "
        "numpycam.exact.as_floats.",
    ),
    (
        run(integrated_gradients, CAT, baseline=exact([1, 2])),
        ValueError,
        "baseline must fit an image of shape (1, 1, 4, 4), got shape (2,).",
    ),
    (
        run(guided_grad_cam, CAT, cam_layer="feature"),
        ValueError,
        "the network has no layer 'feature', only 'input', 'features', 'flatten', 'linear'. Did you mean 'features'?",
    ),
    (run(gradient, 2), ValueError, "class_index must be an int in 0..1, got 2."),
    (
        lambda: smooth_grad(worked_example.network(), IMAGE, CAT),
        TypeError,
        "SmoothGrad has no exact value: convert with numpycam.exact.as_floats.",
    ),
]


@pytest.mark.parametrize(("action", "error", "message"), REFUSED, ids=[message[:60] for *_, message in REFUSED])
def test_what_is_refused(action, error, message):
    assert refusal(error, action) == message
