"""numpycam's own functions, as the laws take them: for each book, by the names that it has for them."""

import numpy as np

from numpycam import AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU, Residual, resize
from numpycam.core import steps
from numpycam.exact import as_floats, as_fractions
from numpycam.experiments.training import softmax_cross_entropy
from numpycam.methods import METHODS


def with_parameters(layer_of):
    """The forward and the backward pass of a layer with weight and bias."""

    def backward(grad_output, x, weight, **options):
        layer = layer_of(weight, np.zeros_like(weight[:, 0].reshape(len(weight), -1)[:, 0]), **options)
        gradients = layer.parameter_gradients(grad_output, x)
        return layer.backward(grad_output, x), gradients["weight"], gradients["bias"]

    return {"forward": lambda x, weight, bias=None, **options: layer_of(weight, bias, **options).forward(x),
            "backward": backward}  # fmt: skip


def without(layer_of):
    """The forward and the backward pass of a layer without parameters."""
    return {
        "forward": lambda x, **options: layer_of(**options).forward(x),
        "backward": lambda grad_output, x, **options: layer_of(**options).backward(grad_output, x),
    }


def block(body, shortcut=None):
    return Residual(body, Network([]) if shortcut is None else shortcut)


def method(name, *outputs):
    """The stages of a method, given the feature maps and the gradients."""

    def weighted_sum(A, g):  # not by from_maps, which takes its ReLU, too: its sign need not be known in a proof
        _, weighted_maps = METHODS[name].weigh(steps.gather_maps(A[None], g[None], check_finite=False))
        return steps.compute_weighted_sum(weighted_maps)[0]

    stages = {
        "cam": lambda A, g: METHODS[name].from_maps(A, g, check_finite=False).localization_map,
        "weighted_sum": weighted_sum,
        "alphas": lambda A, g: METHODS[name].weigh(steps.gather_maps(A[None], g[None], check_finite=False))[0][0],
    }
    return {output: stages[output] for output in ("cam", "weighted_sum", *outputs)}


def five_steps():
    """Steps 3 to 5 of the method, as the core has them."""

    def weighted_sum(A, g):
        return steps.compute_weighted_sum(steps.compute_weighted_maps(steps.compute_alphas(g), A))

    return {
        "alphas": lambda A, g: steps.compute_alphas(g),
        "weighted_sum": weighted_sum,
        "cam": lambda A, g: steps.compute_localization_map(weighted_sum(A, g)),
    }


NETWORK = as_fractions(Network([
    ("conv", Conv2d(np.array([[[[1.0, -2.0], [0.5, 1.5]]], [[[-1.0, 1.0], [2.0, -0.5]]]]), np.array([0.25, -0.5]))),
    ("relu", ReLU()),
    ("block", block(Network([("conv", Conv2d(np.array([[[[0.5]], [[-1.0]]], [[[1.5]], [[0.25]]]])))]))),
    ("pool", MaxPool2d((2, 1), stride=1)),
    ("flatten", Flatten()),
    ("linear", Linear(np.arange(1.0, 13.0).reshape(2, 6) - 6.5)),
]))  # fmt: skip

IN_FLOATS = as_floats(NETWORK)


def network_for(x):
    """The network in the kind of numbers that x has."""
    return NETWORK if x.dtype == object else IN_FLOATS


OURS = {
    "conv2d": with_parameters(Conv2d),
    "linear": with_parameters(Linear),
    "relu": without(ReLU),
    "max_pool2d": without(MaxPool2d),
    "avg_pool2d": without(AvgPool2d),
    "global_avg_pool2d": without(GlobalAvgPool2d),
    "softmax_cross_entropy": {
        "forward": lambda scores, labels: softmax_cross_entropy(scores, labels)[0],
        "backward": lambda scores, labels: softmax_cross_entropy(scores, labels)[1],
    },
    "network": {
        "forward": lambda x: network_for(x).forward(x),
        "backward": lambda grad_output, x: network_for(x).backward(grad_output, x),
        "input_shape": (1, 3, 4),
    },
    "residual": {
        "forward": lambda x, body, shortcut=None: block(body, shortcut).forward(x),
        "backward": lambda grad_output, x, body, shortcut=None: block(body, shortcut).backward(grad_output, x),
    },
    "grad_cam": five_steps(),
    "grad_cam_plus_plus": method("grad_cam_plus_plus", "alphas"),
    "xgrad_cam": method("xgrad_cam", "alphas"),
    **{name: method(name) for name in ("hirescam", "element_wise_grad_cam", "layercam", "eigen_cam", "eigen_grad_cam")},
    "resize": {"resize": lambda heat, size: resize.resize(heat, size)},
    "normalise": {"normalise": lambda heat: resize.normalise(heat)},
}
"""For each book of laws, the functions of numpycam that it is of. They are looked up when they are called."""
