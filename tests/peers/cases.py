"""What the peers were asked: networks of small whole numbers, and a small example for each disagreement.

Sides are powers of two, and no map has a sum that vanishes: whatever adds, multiplies and takes means is then exact in
float64, for the peers as for us, and can be compared with ``==``.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from numpycam import Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Network, ReLU, Residual, worked_example
from numpycam.exact import as_floats, as_fractions
from numpycam.interventions import erase
from numpycam.worked_example import FEATURE_MAPS, GRADIENTS

HERE = Path(__file__).parent
AGREEMENT, DISAGREEMENTS = HERE / "agreement.npz", HERE / "disagreements.json"


class Case(NamedTuple):
    network: Network
    images: np.ndarray  # (N, C, H, W)
    classes: list  # one for each image
    layers: list  # at which the CAMs are taken


def _case(seed, head, layers, scale=1):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.integers(-2, 3, shape).astype(np.float64)

    body = [
        ("conv1", Conv2d(draw(3, 2, 3, 3), draw(3), padding=1)),
        ("relu1", ReLU()),
        ("pool", MaxPool2d(2)),
        ("conv2", Conv2d(draw(4, 3, 3, 3), draw(4), padding=1)),
        ("relu2", ReLU()),
    ]
    heads = {
        "deep": [
            ("conv3", Conv2d(draw(3, 4, 2, 2), draw(3), stride=2)),
            ("relu3", ReLU()),
            ("flatten", Flatten()),
            ("linear", Linear(draw(3, 6) * scale, draw(3) * scale)),
        ],
        "pooled": [("gap", GlobalAvgPool2d()), ("linear", Linear(draw(3, 4), draw(3)))],
    }
    images = rng.integers(0, 4, (3, 2, 8, 4)).astype(np.float64)
    return Case(Network(body + heads[head]), images, [0, 1, 2], layers)


CASES = {
    "deep": _case(44, "deep", ["conv1", "relu1", "conv2", "relu2"]),
    "soft": _case(44, "deep", ["conv1", "relu1"], scale=2**-6),  # its scores are near enough for a softmax
    "pooled": _case(3, "pooled", ["conv2", "relu2"]),
}
STEPS = 16  # of integrated gradients: the places in between are whole multiples of 1/32
WINDOW, STRIDE = 2, 1  # of the occlusion: 1, 2 or 4 patches cover a pixel


def from_maps(feature_maps, gradients):
    """A network whose feature maps are its image's channels, and whose one score has those gradients; an image."""
    maps, weight = as_fractions(feature_maps), as_fractions(gradients)
    features = Conv2d(as_fractions(np.eye(len(maps), dtype=int)[:, :, None, None]))
    layers = [("features", features), ("flatten", Flatten()), ("linear", Linear(weight.reshape(1, -1)))]
    return Network(layers, target_layer="features"), maps


def with_relu():
    """The worked example with a ReLU between its maps and its linear head."""
    features, *rest = worked_example.network().layers
    return Network([features, ("relu", ReLU()), *rest], target_layer="features"), worked_example.IMAGE


def backwards():
    """The worked example with its three maps in the opposite order."""
    (_, features), flatten, (_, linear) = worked_example.network().layers
    weight = linear.weight.reshape(2, 3, 4)[:, ::-1].reshape(2, 12)
    layers = [("features", Conv2d(features.weight[::-1], stride=2)), flatten, ("linear", Linear(weight))]
    return Network(layers, target_layer="features"), worked_example.IMAGE


def peak():
    """A map with its peak inside, and another, on an image of twice the size."""
    image, kernels, weight = (np.zeros(shape, dtype=int) for shape in ((1, 6, 6), (2, 1, 2, 2), (2, 3, 3)))
    image[0, 2, 2], image[0, 4, 0], image[0, 1, 5] = 4, 2, 1
    kernels[0, 0, 0, 0] = kernels[1, 0, 1, 1] = 1
    weight[0, 1, 1], weight[0, 2, 0], weight[1, 0, 2] = 2, 1, 4
    layers = [("features", Conv2d(as_fractions(kernels), stride=2)), ("flatten", Flatten())]
    head = Linear(as_fractions(weight.reshape(1, -1)) / 4)
    return Network([*layers, ("linear", head)], target_layer="features"), as_fractions(image)


def classes():
    """Three scores, each of a map of its own: 3, 2, 1."""
    identity = as_fractions(np.eye(3, dtype=int))
    layers = [("features", Conv2d(identity[:, :, None, None])), ("flatten", Flatten()), ("linear", Linear(identity))]
    return Network(layers, target_layer="features"), as_fractions([[[3]], [[2]], [[1]]])


def kink():
    """y = |x| of the first pixel, at its kink; the second pixel does nothing."""
    both, head = as_fractions([[[[1]]], [[[-1]]]]), as_fractions([[1, 0, 1, 0]])
    layers = [("features", Conv2d(both)), ("relu", ReLU()), ("flatten", Flatten()), ("linear", Linear(head))]
    return Network(layers, target_layer="features"), as_fractions([[[0, 1]]])


def absolute():
    """y = |x| of a map that is one pixel x, at its kink."""
    both, ones = as_fractions([[[[1]]], [[[-1]]]]), as_fractions([[[[1]]]])
    layers = [("features", Conv2d(ones)), ("both", Conv2d(both)), ("relu", ReLU()), ("flatten", Flatten())]
    return Network([*layers, ("linear", Linear(as_fractions([[1, 1]])))], target_layer="features"), ones[0] * 0


def block():
    """A block of a ResNet, 5 - 3x and a shortcut, and a score with the gradients 1 and 3 at their sum; x is (1, 2)."""
    body = Network([("conv", Conv2d(as_fractions([[[[-3]]]]), as_fractions([5])))])
    layers = [("block", Residual(body)), ("flatten", Flatten()), ("linear", Linear(as_fractions([[1, 3]])))]
    return Network(layers), as_fractions([[[1, 2]]])


def nan():
    """NaN in one of four cells, in one of two maps."""
    network, image = from_maps([[[0, 1], [2, 4]], [[1, 3], [1, 1]]], [[[1, 1], [1, 1]], [[2, 2], [2, 2]]])
    image = as_floats(image).copy()
    image[0, 0, 0] = np.nan
    return as_floats(network), image


QUESTIONS = {  # exact where there is no NaN; the peers get the same in float64
    "document": (worked_example.network(), worked_example.IMAGE),
    "document, channels backwards": backwards(),
    "document, turned": from_maps(*(np.rot90(one, axes=(1, 2)) for one in (FEATURE_MAPS, GRADIENTS))),
    "document with a ReLU": with_relu(),
    "document, conv head": (worked_example.network("conv"), worked_example.IMAGE),
    "pole of Grad-CAM++": from_maps([[[-2]]], [[[1]]]),
    "small gradient": from_maps([[[1]]], [[["0.001"]]]),
    "sum of 0": from_maps([[[1, -1]]], [[[2, -1]]]),
    "negative score": from_maps([[[0, 1]]], [[[-1, -2]]]),
    "1 to 4": from_maps([[[1, 2], [3, 4]]], [[[1, 1], [1, 1]]]),
    "constant": from_maps([[[3, 3], [3, 3]]], [[[1, 1], [1, 1]]]),
    "small": from_maps([[[0, "1e-14"]]], [[[1, 1]]]),
    "NaN": nan(),
    "channels of 1 and 100": from_maps([[[0, 1]], [[0, 100]]], [[[1, 1]], [[1, 1]]]),
    "a tenth": from_maps([[[1]]], [[["0.1"]]]),
    "peak": peak(),
    "classes": classes(),
    "kink": kink(),
    "absolute": absolute(),
    "a cell, and another one": from_maps([[[1, 0]]], [[[0, 1]]]),
    "two cells, one against": from_maps([[[2, 0]]], [[[-1, 1]]]),
    "second cell": from_maps([[[0, 0]], [[0, 1]]], np.ones((2, 1, 2))),
    "first cell": from_maps([[[0, 0]], [[1, 0]]], np.ones((2, 1, 2))),
    "a tenth, second": from_maps([[[0, "0.1"]]], [[[1, 1]]]),
    "block": block(),
}
WITHOUT_BODY = erase(worked_example.IMAGE, (slice(2, 4), slice(0, 2)))


def in_floats(question):
    """The network and the image of a question in float64."""
    network, image = QUESTIONS[question]
    return (as_floats(network), as_floats(image)) if image.dtype == object else (network, image)
