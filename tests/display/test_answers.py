"""What the page is told of a network: steps that compute what the network computes, or nothing."""

from dataclasses import dataclass

import numpy as np
import pytest

from numpycam import AvgPool2d, Conv2d, Flatten, Layer, Linear, MaxPool2d, Network, ReLU, Residual, grad_cam
from numpycam.display.answers import answers_of, parts_of
from numpycam.exact import as_fractions

rng = np.random.default_rng(17)


def drawn(*shape):
    """Small integers, so that a ReLU is often at 0 and a maximum is often shared."""
    return as_fractions(rng.integers(-1, 2, shape))


NETWORK = Network([
    ("conv", Conv2d(drawn(2, 1, 2, 2), drawn(2), padding=1)),
    ("relu", ReLU()),
    ("max_pool", MaxPool2d((2, 3), stride=(1, 2), padding=1)),
    ("avg_pool", AvgPool2d(2, padding=1)),
    ("flatten", Flatten()),
    ("linear", Linear(drawn(4, 16), drawn(4))),
    ("again", ReLU()),
])  # fmt: skip


def forward(part, x):
    if "rivals" in part:
        return np.array([max(np.array([0, *x])[group]) for group in part["rivals"]])
    return part["weight"] @ x + part["bias"]


def backward(part, slopes, x):
    if "weight" in part:
        return part["weight"].T @ slopes
    found, of = np.zeros(len(x) + 1, dtype=object), np.array([0, *x])
    for group, slope in zip(part["rivals"], slopes, strict=True):
        found[group[of[group].argmax()]] += slope
    return found[1:]


def test_the_steps_compute_the_outputs_and_the_gradients_of_the_network():
    parts = parts_of(NETWORK, (1, 1, 4, 5))
    assert [*map(list, parts)] == [["weight", "bias"], ["rivals"], ["rivals"], ["weight", "bias"], ["rivals"]]
    for _ in range(20):
        image, slopes = drawn(1, 1, 4, 5), drawn(1, 4)
        inputs = [image.ravel()]
        for part in parts:
            inputs.append(forward(part, inputs[-1]))
        assert (inputs.pop() == NETWORK(image).ravel()).all()
        back = slopes[0]
        for part, x in zip(reversed(parts), reversed(inputs), strict=True):
            back = backward(part, back, x)
        assert (back == NETWORK.backward(slopes, image).ravel()).all()


@dataclass(frozen=True, eq=False, repr=False)
class Gate(Layer):
    """A layer whose output is the largest of ``rivals``, and whose gradient goes to ``open_to``."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x):
        return self.rivals(x).max(axis=0)

    def backward(self, grad_output, x):
        return grad_output * (x > 0)


class Size(Gate):
    def rivals(self, x):
        return np.stack([x, -x])


class Mean(Gate):
    def rivals(self, x):
        return np.stack([x, (x + x[..., ::-1]) / 2])


class OpenAtZero(Gate):
    def rivals(self, x):
        return np.stack([x, 0 * x])

    def backward(self, grad_output, x):
        return grad_output * (x >= 0)


class OpenAtZeroInOneCell(OpenAtZero):
    def backward(self, grad_output, x):
        gradient = grad_output * (x > 0)
        gradient[..., 0] = grad_output[..., 0] * (x[..., 0] >= 0)
        return gradient


class Unknown(Gate):
    def rivals(self, x):
        return None

    def forward(self, x):
        return x * x


OTHERS = [Size(), Mean(), OpenAtZero(), OpenAtZeroInOneCell(), Unknown(), Residual(Network([("relu", ReLU())]))]


@pytest.mark.parametrize("layer", OTHERS, ids=lambda layer: type(layer).__name__)
def test_a_layer_with_another_rule_is_not_taken_for_one_that_the_page_knows(layer):
    assert parts_of(Network([("relu", ReLU()), ("other", layer)]), (1, 1, 2, 2)) is None


def test_a_layer_of_ones_own_that_computes_a_relu_is_known():
    class Own(Gate):
        def rivals(self, x):
            return np.stack([x, 0 * x])

    ours, own = parts_of(Network([("relu", ReLU())]), (1, 3)), parts_of(Network([("own", Own())]), (1, 3))
    assert ours[0]["rivals"].tolist() == own[0]["rivals"].tolist() == [[0, 1], [0, 2], [0, 3]]


def test_a_network_that_is_too_large_to_be_followed_is_not_made_into_matrices():
    large = Network([("conv", Conv2d(drawn(32, 32, 1, 1)))])
    assert parts_of(large, (1, 32, 6, 6)) is None


def answers(side=4, kernels=1, factor=1, layer="conv"):
    """What the page is told of a network with a convolution and a linear layer, for a picture of this side."""
    network = Network([
        ("conv", Conv2d(as_fractions(np.ones((kernels, 1, 1, 1), int)) * factor)),
        ("flatten", Flatten()),
        ("linear", Linear(as_fractions(np.ones((2, kernels * side * side), int)))),
    ])  # fmt: skip
    return answers_of(grad_cam(network, as_fractions(np.ones((1, side, side), int)), 0, layer=layer), "bilinear")


def test_a_page_is_told_what_it_needs_or_nothing():
    assert answers()["x"] == [["1"] * 4] * 4
    assert answers(layer="input") is None  # the picture would stand there twice
    assert answers(side=6, kernels=2) is not None  # the matrix of the convolution has 36 · 72 numbers
    assert answers(side=6, kernels=4) is None  # and here 36 · 144: the page would be slow


@pytest.mark.parametrize("long", [2**300, as_fractions(1) / 2**300], ids=["numerator", "denominator"])
def test_a_page_does_not_compute_with_long_numbers(long):
    assert answers(factor=long) is None
    assert answers(factor=2**299 if long > 1 else as_fractions(1) / 2**299) is not None
